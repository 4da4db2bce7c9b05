"""Whatever stands in a question, a list, a setting, an address or a file of judgements: an outcome or one line."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import rag
from rag import batch, questions
from rag.address import Address, place
from rag.errors import ConfigurationError, EvaluationError, QuestionError, RagError
from rag.export import answer_from_json, answer_json
from rag.export.markdown import markdown
from rag.export.rich import rich
from rag.export.sheet import sheet
from rag.export.word import word
from rag.feedback import KNOWN, OPEN, Feedback
from rag.generation.endpoint import Endpoint
from rag.index import Index
from rag.query import MAX_QUESTION
from rag.readers import metadata
from rag.sentences import sentences
from rag.settings import Settings
from rag.text import clean
from rag.types import Filters
from tests.attacks.functions import DAY, cited
from tests.attacks.test_loader_fuzz import forged_json
from tests.attacks.test_reader_fuzz import mutated, tampered
from tests.small_encoder import SmallEncoder

ANY = st.text(st.characters(codec=None, exclude_categories=()))
PIECES = st.lists(
    st.sampled_from([
        '"', "“", "”", "«", "»", "?", "\0", "\n", "\ud800", "\udfff", "\u202e", "\u0301", "ﷺ", "😀", "ё", "rjvbccbz",
        "КОМИССИЯ", "комиссия ", "1 000,5 ", "123-ФЗ", "т. е. ", "А. Б. ", "a" * 200, "*", "[", "]", "\\", "%",
        "\u2028",
    ])
).map("".join)  # fmt: skip
TEXTS = st.one_of(ANY, PIECES)
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # openpyxl's, of what it passes over
BUDGET = settings(
    max_examples=150, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SOAK = settings(BUDGET, max_examples=5_000)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("asked")
    (folder / "documents").mkdir()
    (folder / "documents" / "a.txt").write_text("Комиссия подписала протокол.\n\nThe commission signed it.", "utf-8")
    return rag.build(folder / "documents", folder / "index", encoder=SmallEncoder())


def ask(index: Index, question: str, filters: Filters, literal: bool) -> None:
    try:
        answer = index.ask(question, filters=filters, literal=literal)
    except QuestionError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert len(str(error)) < 500  # noqa: PT017
        return
    assert answer.question == clean(question)
    for citation in answer.citations:
        assert index.document(citation.document).text[citation.start : citation.end] == citation.quote
    json.dumps(answer_json(answer), allow_nan=False, ensure_ascii=False).encode("utf-8")


FILTERS = st.builds(Filters, *([st.one_of(st.none(), TEXTS)] * 3), *([st.one_of(st.none(), ANY)] * 2))


def test_any_question_is_answered_or_refused(index: Index) -> None:
    @BUDGET
    @given(TEXTS, FILTERS, st.booleans())
    @example("\0", Filters(), False)
    @example("\ud800?", Filters(document="\udfff*"), False)
    @example('"\ud800"', Filters(), True)
    @example("?" * MAX_QUESTION, Filters(), False)
    @example("ё" * (MAX_QUESTION + 1), Filters(), False)
    @example("комиссия", Filters(document="[" * 500 + "*a" * 500), False)
    @example("комиссия", Filters(since="٢٠٢٥-١١-٢٥"), False)
    def tried(question: str, filters: Filters, literal: bool) -> None:
        ask(index, question, filters, literal)

    tried()


@pytest.mark.soak
def test_many_questions_are_answered_or_refused(index: Index) -> None:
    @SOAK
    @given(TEXTS, FILTERS, st.booleans())
    def tried(question: str, filters: Filters, literal: bool) -> None:
        ask(index, question, filters, literal)

    tried()


def covered(text: str, offset: int) -> None:
    at = 0
    for start, end in sentences(text, offset):
        start, end = start - offset, end - offset
        assert at <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end]
        assert not text[at:start].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.soak
def test_many_texts_are_covered_by_their_sentences() -> None:
    @settings(SOAK, max_examples=20_000)
    @given(TEXTS, st.integers(0, 10**6))
    def tried(text: str, offset: int) -> None:
        covered(text, offset)

    tried()


# --- files that people write ---

ROW = {
    "id": "1",
    "question": "Кто?",
    "language": "ru",
    "relevant": [{"document": "a.txt", "quote": "Да"}],
    "answer": "Да",
}
LINES = json.dumps(ROW).encode() + b"\n" + json.dumps({**ROW, "id": 2, "relevant": []}, ensure_ascii=False).encode()
TABLE = 'question;relevant;document;quote\n"Кто; ""он""?";"[]";;\nГде?;;a.txt;Да\n'.encode()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in (["question", "document", "quote"], ["Кто?", "a.txt", "Да"], [7, None, 1.5]):
        book.active.append(row)  # type: ignore[union-attr]
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


LISTS = {"jsonl": LINES, "json": LINES, "csv": TABLE, "tsv": TABLE, "xlsx": workbook()}


def broken_list(seed: int) -> tuple[bytes, str]:
    """A list of questions with faults, and its ending."""
    chance = random.Random(seed)
    ending, data = chance.choice([*LISTS.items()])
    if ending == "xlsx" and chance.random() < 0.7:
        return tampered(data, chance), ending
    if ending.startswith("json") and chance.random() < 0.5:
        return b"\n".join(json.dumps(forged_json(ROW, chance)).encode() for _ in range(3)), ending
    return mutated(data, chance), ending


def read_lists(seed: int, folder: Path) -> None:
    data, ending = broken_list(seed)
    file = folder / f"list.{ending}"
    file.write_bytes(data)
    for run in (lambda: questions.load(file), lambda: batch.read(data, file.name)):
        try:
            run()
        except EvaluationError as error:
            assert "\n" not in str(error).replace(str(folder), "")  # noqa: PT017


def test_a_broken_list_of_questions_is_read_or_refused(tmp_path: Path) -> None:
    @BUDGET
    @given(st.integers(0, 2**32))
    def tried(seed: int) -> None:
        read_lists(seed, tmp_path)

    tried()


@pytest.mark.soak
def test_many_broken_lists_of_questions_are_read_or_refused(tmp_path: Path) -> None:
    for seed in range(10**6, 10**6 + 3_000):
        try:
            read_lists(seed, tmp_path)
        except Exception as error:
            raise AssertionError(f"seed {seed}") from error


def stored_answer() -> dict[str, object]:
    return answer_json(cited("Комиссия подписала протокол."))


@settings(BUDGET, max_examples=60)
@given(st.integers(0, 2**32))
def test_an_answer_that_a_page_sends_back_is_one_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    forged = stored_answer()
    for _ in range(chance.choice((1, 1, 3))):
        forged = forged_json(forged, chance)
    try:
        answer = answer_from_json(forged)
    except QuestionError:
        return
    json.dumps(answer_json(answer), allow_nan=False, ensure_ascii=False).encode("utf-8")
    assert markdown(answer, "Папка", DAY)
    assert rich(answer)
    assert sheet([("Кто?", answer)], "Папка", DAY, "ru")
    assert word(answer, "Папка", DAY)


@pytest.mark.parametrize(("last", "lines"), [(50_000, [50_000]), (10**10, None)], ids=["wide", "endless"])
def test_a_workbook_takes_no_more_than_its_filled_cells(last: int, lines: list[int] | None) -> None:
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet()
    page.append(["question"])
    buffer = io.BytesIO()
    book.save(buffer)
    rows = "".join(f'<row r="{n}"><c r="XFD{n}"><v>1</v></c></row>' for n in range(2, 2_000))
    with zipfile.ZipFile(buffer) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    entries["xl/worksheets/sheet1.xml"] = entries["xl/worksheets/sheet1.xml"].replace(
        b"</sheetData>", f'{rows}<row r="{last}"><c r="A{last}"><v>1</v></c></row></sheetData>'.encode()
    )
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    tracemalloc.start()
    try:
        if lines is None:
            with pytest.raises(EvaluationError, match="too many rows"):
                batch.read(buffer.getvalue(), "a.xlsx")
        else:
            assert [each.line for each in batch.read(buffer.getvalue(), "a.xlsx")[0]] == lines
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * 2**20  # 260 MB where a row is as long as its last cell says


def test_judgements_that_others_wrote_are_kept_and_hold_nothing_up(tmp_path: Path) -> None:
    kept, answer = Feedback(tmp_path), cited("Комиссия подписала протокол.")

    @settings(BUDGET, max_examples=40)
    @given(st.integers(0, 2**32))
    def tried(seed: int) -> None:
        chance = random.Random(seed)
        lines = [json.dumps(forged_json(ROW, chance)).encode() for _ in range(3)]
        lines += [mutated(LINES, chance).replace(b"\n", b" "), b"[" * 5_000, b"\xff", b"1" * 5_000]
        for name in (KNOWN, OPEN):
            (tmp_path / name).write_bytes(b"\n".join(lines))
        assert kept.judge(answer, "right") == "known"
        assert kept.said_of(answer.question) == ("right", None)
        kept.withdraw(answer.question)
        assert (tmp_path / KNOWN).read_bytes().split(b"\n") == [*(line for line in lines if line.strip()), b""]

    tried()


# --- settings, addresses, sidecars ---

NAMES = (
    "MAX_FILE_MB", "MAX_UPLOADS_MB", "READ_SECONDS", "READ_MB", "MAPPED_FROM", "OCR", "CHANGES", "HOSTS", "PROXIES",
    "ROOT_PATH", "DEVICE", "MILVUS_SECONDS", "GENERATE_URL", "GENERATE_KEY", "GENERATE_SECONDS", "GENERATE_MODEL",
    "LOG_QUESTIONS",
)  # fmt: skip
ODD = ("nan", "inf", "-1", "1e400", "0x10", "٣", "http://", "http://[", "http://a:99999", "/..")
SET = st.one_of(TEXTS, st.sampled_from(ODD))


@BUDGET
@given(st.dictionaries(st.sampled_from(NAMES), SET, max_size=3))
@example({"ROOT_PATH": "/" + "a" * 9 + "/" * 3})
@example({"PROXIES": "10.0.0.0/8,\ud800"})
@example({"GENERATE_URL": "http://\ud800", "GENERATE_MODEL": "m"})
def test_any_setting_is_taken_or_refused_in_one_line(values: dict[str, str]) -> None:
    try:
        given_ = Settings.from_environment({f"SNOSKA_{name}": value for name, value in values.items()})
        Endpoint.configured(given_)
    except ConfigurationError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017


@BUDGET
@given(st.one_of(TEXTS, TEXTS.map(lambda text: f"milvus://{text}"), st.from_regex(r"milvus://.{0,9}:\d{0,9}/\w{0,9}")))
@example("milvus://a:99999/b")
@example("milvus://[::1]:19530/b\n")
def test_any_address_is_taken_or_refused_in_one_line(text: str) -> None:
    try:
        found = place(text)
    except ConfigurationError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
        return
    assert not isinstance(found, Address) or Address.parse(str(found)) == found


@BUDGET
@given(st.integers(0, 2**32))
def test_any_sidecar_is_taken_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    good = {"title": "Отчёт", "date": "2025-11-25", "language": "ru"}
    data = json.dumps(forged_json(good, chance)).encode()
    try:
        metadata.sidecar(mutated(data, chance) if chance.random() < 0.5 else data)
    except RagError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017
