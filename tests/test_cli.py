"""The command line: its help, its exit codes, its one-line errors, its JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rag
from rag import cli
from rag.progress import told
from rag.types import Progress

ROOT = Path(__file__).parent.parent
COMMANDS = ("build", "ask", "search", "eval", "serve", "check", "info", "password")
SEED = "000_1c14ccf7fdd8eae7.txt"
SEED_QUESTIONS = ROOT.parent / "shared" / "eval" / "seeds" / "questions.jsonl"


class Run:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def json(self) -> dict[str, object]:
        value: dict[str, object] = json.loads(self.out)
        return value


@pytest.fixture
def snoska(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], encoder: object) -> object:
    """Runs a command in this process, with the model that the tests share."""
    monkeypatch.setattr("rag.index.load_encoder", lambda _settings: encoder)

    def run(*arguments: str | Path) -> Run:
        monkeypatch.setattr(sys, "argv", ["snoska", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return Run(int(exit_.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def seed_folder(seed_index: rag.Index, tmp_path_factory: pytest.TempPathFactory, encoder: object) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "index"
    rag.build(ROOT / "seeds", folder, encoder=encoder)  # type: ignore[arg-type]
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(snoska: object, command: str) -> None:
    done = snoska(command, "--help")  # type: ignore[operator]
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"Usage: snoska {command}")


def test_the_contract_names_every_command_and_no_other() -> None:
    assert sorted(cli.commands.commands) == sorted(COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["ask"],
        ["ask", "вопрос", "-k", "five"],
        ["search", "вопрос", "--mode", "psychic"],
        ["build", "--fast"],
        ["build", "--shard", "5/4"],
        ["build", "--shard", f"1/{'9' * 5000}"],
        ["build", "--shard", "１/４"],
    ],
    ids=[
        *("no such command", "no question", "no number", "no such mode", "no such option"),
        *("no such part", "no number of parts", "full-width digits"),
    ],
)
def test_wrong_usage_exits_with_2(snoska: object, arguments: list[str]) -> None:
    done = snoska(*arguments)  # type: ignore[operator]
    assert (done.code, done.out) == (2, "")
    assert "Error:" in done.err


def test_build_ask_search_info_check(snoska: object, tmp_path: Path) -> None:
    index = tmp_path / "index"
    built = snoska("build", ROOT / "seeds", "--index", index, "--json").json()  # type: ignore[operator]
    assert {key: built[key] for key in ("documents", "passages", "added", "embedded_texts", "skipped")} == {
        "documents": 1,
        "passages": 13,
        "added": 1,
        "embedded_texts": 33,
        "skipped": [],
    }
    asked = snoska("ask", "Где пройдет следующее заседание?", "-i", index, "--json", "-k", "2").json()  # type: ignore[operator]
    assert list(asked) == ["question", "language", "answer", "citations", "notes"]
    assert list(asked["answer"]) == ["verdict", "found", "confidence", "text", "citation"]
    assert list(asked["citations"][0]) == [
        *("rank", "document", "title", "date", "language", "page", "paragraph", "start", "end", "quote", "highlight"),
        *("score", "scores", "also_in", "ocr"),
    ]
    assert asked["citations"][0]["paragraph"] == 13
    found = snoska("search", "Сенегал", "-i", index, "--json", "-k", "1").json()  # type: ignore[operator]
    assert (found["query"], found["hits"][0]["paragraph"]) == ("Сенегал", 10)
    about = snoska("info", "-i", index, "--json").json()  # type: ignore[operator]
    assert (about["documents"], about["passages"], about["languages"], about["generation"]) == (1, 13, {"ru": 13}, 1)
    checked = snoska("check", "-i", index)  # type: ignore[operator]
    assert (checked.code, checked.out) == (0, "intact: generation 1, 1 documents, 13 passages\n")


def test_results_go_to_stdout_and_progress_to_stderr(snoska: object, tmp_path: Path) -> None:
    (tmp_path / "Отчёт за год.txt").write_text("Одно предложение.", encoding="utf-8")
    (tmp_path / "пусто.txt").write_text("", encoding="utf-8")
    done = snoska("build", tmp_path, "-i", tmp_path / "index")  # type: ignore[operator]
    assert done.code == 0
    assert done.out.startswith("1 documents, 1 passages (1 added, 1 skipped) in ")
    assert "reading 0/2 files\n" in done.err
    assert "embedding 0/1 passages, 0/1 files\n" in done.err
    assert "embedding 1/1 passages, 1/1 files, " in done.err
    assert "writing 1/1\n" in done.err
    assert "skipped пусто.txt: the file is empty\n" in done.err


def test_people_get_the_sentence_and_its_place(snoska: object, seed_folder: Path) -> None:
    done = snoska("ask", "Где пройдет следующее заседание?", "-i", seed_folder)  # type: ignore[operator]
    assert f"[1] {SEED}, 2025-11-25, paragraph 13" in done.out
    assert (
        "Следующее 11-е заседание Совместной межправительственной комиссии пройдет в 2026 году в Абу-Даби." in done.out
    )


@pytest.mark.parametrize(
    ("progress", "seconds", "line"),
    [
        (Progress("embedding", 0, 200, 0, 12), 0.0, "embedding 0/200 passages, 0/12 files"),
        (
            Progress("embedding", 40, 200, 3, 12),
            2.0,
            "embedding 40/200 passages, 3/12 files, 20.0 passages/s, 0:08 left",
        ),
        (Progress("reading", 1, 7300), 1.0, "reading 1/7300 files, 1.0 files/s, 2:01:39 left"),
        (Progress("writing", 0, 1), 5.0, "writing 0/1"),
    ],
    ids=["begun", "passages", "hours", "no unit"],
)
def test_progress_tells_passages_files_rate_and_time_left(progress: Progress, seconds: float, line: str) -> None:
    assert told(progress, seconds) == line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is always full")
def test_output_that_cannot_be_written_is_told_in_one_line(seed_folder: Path) -> None:
    command = [sys.executable, "-c", "from rag.cli import main; main()", "info", "-i", str(seed_folder)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, timeout=120, check=False)
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "snoska: the result cannot be written (No space left on device): send it elsewhere\n"
    )


def test_json_escapes_no_cyrillic(snoska: object, seed_folder: Path) -> None:
    assert "Абу-Даби" in snoska("ask", "Где заседание?", "-i", seed_folder, "--json").out  # type: ignore[operator]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "{tmp}/nowhere", "-i", "{tmp}/i"], "there is no folder"),
        (["build", "{seed}/CURRENT", "-i", "{tmp}/i"], "is a file: name the folder"),
        (["build", "{tmp}", "-i", "{tmp}/i"], "no document in"),
        (["build", "{tmp}", "-i", "{tmp}"], "name another --index"),
        (["build", "", "-i", "{tmp}/i"], "the folder of documents has no name"),
        (["build", "{tmp}", "-i", ""], "the folder of the index has no name"),
        (["build", "{tmp}/nowhere", "-i", "{tmp}/i", "--watch"], "there is no folder"),
        (["build", "{tmp}", "-i", "{tmp}", "--watch"], "name another --index"),
        (["ask", "вопрос", "-i", "{tmp}/nowhere"], "run 'snoska build' first"),
        (["ask", "вопрос", "-i", "{seed}/CURRENT"], "is not a folder"),
        (["ask", "вопрос", "-i", "milvus://127.0.0.1/c"], "milvus://HOST:PORT/COLLECTION"),
        (["build", "{seed}", "-i", "http://127.0.0.1:1/c"], "name a folder, or milvus://HOST:PORT/COLLECTION"),
        (["build", "{root}/seeds", "-i", "{seed}/CURRENT"], "CURRENT is not a folder: name the folder of an index"),
        (["serve", "-i", "{seed}", "--host", ""], "give 127.0.0.1, or 0.0.0.0 for all addresses"),
        (["build", "{tmp}", "-i", "{tmp}/i", "--shard", "1/2"], "--shard is for an index in Milvus"),
        (["ask", "  ", "-i", "{seed}"], "the question is empty"),
        (["ask", "я" * 100_000, "-i", "{seed}"], "100,000 characters"),
        (["ask", "вопрос", "-i", "{seed}", "-k", "0"], "from 1 to 1,000"),
        (["ask", "вопрос", "-i", "{seed}", "--since", "вчера"], "write it as 2025-11-25"),
        (["check", "-i", "{tmp}/nowhere"], "there is no index"),
        (["info", "-i", "{tmp}/nowhere"], "there is no index"),
        (["eval", "{tmp}/nowhere.jsonl", "-i", "{seed}"], "nowhere.jsonl"),
    ],
)
def test_bad_input_is_told_in_one_line(
    snoska: object, seed_folder: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = snoska(*(argument.format(tmp=tmp_path, seed=seed_folder, root=ROOT) for argument in arguments))  # type: ignore[operator]
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("snoska: ")
    assert done.err.count("\n") == 1
    assert words in done.err


@pytest.mark.parametrize(
    "command", [["build", "{tmp}/nowhere"], ["ask", "вопрос"], ["serve", "--port", "0"]], ids=" ".join
)
def test_an_embeddings_server_that_cannot_be_is_refused_before_anything_is_done(
    snoska: object, seed_folder: Path, tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNOSKA_EMBEDDINGS_URL", "http://[::1")
    done = snoska(*(each.format(tmp=tmp_path) for each in command), "-i", seed_folder)  # type: ignore[operator]
    assert (done.code, done.out, done.err) == (
        1,
        "",
        "snoska: SNOSKA_EMBEDDINGS_URL is no http address: write it as http://127.0.0.1:8080/v1\n",
    )


@pytest.mark.parametrize("command", ["build", "ask", "search", "eval", "serve", "check", "info"])
def test_help_names_both_places_of_an_index(snoska: object, command: str) -> None:
    done = snoska(command, "--help")  # type: ignore[operator]
    assert "A folder, or milvus://HOST:PORT/COLLECTION." in " ".join(done.out.split())


def test_an_unexpected_error_has_no_traceback(snoska: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_index: str) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(rag, "open", broken)
    done = snoska("search", "вопрос")  # type: ignore[operator]
    assert done.code == 1
    assert done.err == (
        "snoska: unexpected ZeroDivisionError: division by zero: please report it; SNOSKA_DEBUG=1 shows where\n"
    )


def test_the_installed_command_runs_with_cyrillic_in_any_locale(seed_folder: Path) -> None:
    command = [sys.executable, "-c", "from rag.cli import main; main()", "search", "Сенегал", "-i", str(seed_folder)]
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [*command, "--json"], capture_output=True, env=environment, cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "Сенегалом" in json.loads(done.stdout.decode("utf-8"))["hits"][0]["quote"]


def test_a_text_of_50_megabytes_in_one_line_is_skipped_and_the_rest_indexed(snoska: object, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "одна строка.txt").write_text("слово " * (50 * 2**20 // 11), encoding="utf-8")
    (documents / "короткий.txt").write_text("Одно предложение.", encoding="utf-8")
    built = snoska("build", documents, "-i", tmp_path / "index", "--json").json()  # type: ignore[operator]
    assert built["documents"] == 1
    assert [each["file"] for each in built["skipped"]] == ["одна строка.txt"]
    assert "50.0 MB is over the limit of 32 MB" in built["skipped"][0]["reason"]


@pytest.mark.skipif(not SEED_QUESTIONS.is_file(), reason="the judged questions (../shared/eval/seeds) are not here")
def test_the_judged_questions_of_the_seed_keep_their_promises(snoska: object, seed_folder: Path) -> None:
    measured = snoska("eval", SEED_QUESTIONS, "-i", seed_folder, "--json").json()["overall"]  # type: ignore[operator]
    assert measured["R@1"] >= 13 / 14 - 1e-3
    assert measured["missed_answer_rate"] <= 1 / 14 + 1e-3
    assert measured["false_answer_rate"] <= 1 / 6 + 1e-3
