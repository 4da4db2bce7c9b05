"""Documents that give orders to the model, and a model that obeys them all: what is shown is what the passages say.

The worst case is played: the model's server writes what the document wants. ``payloads/prompts.json`` holds the
documents and what the model makes of each. A sentence that no cited passage supports is struck; one that repeats what
the passage says is a quotation of that passage, and shown as one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import rag
from rag.encoders import BundledEncoder
from rag.generation.endpoint import Endpoint
from rag.generation.prompt import messages
from rag.generation.writer import written
from rag.index import Index
from rag.types import Answer
from rag.web.collection import Collection
from rag.web.generation import passages
from tests.attacks.functions import cited
from tests.scripted_model import ScriptedModel, scripted_model

CASES: dict[str, dict[str, str]] = json.loads((Path(__file__).parent / "payloads" / "prompts.json").read_text("utf-8"))
QUESTIONS = {
    "ru": "Где пройдёт следующее заседание комиссии?",
    "en": "Where will the next meeting of the commission be held?",
}
TRUE = {
    "ru": "Следующее заседание комиссии пройдёт в Абу-Даби [1].",
    "en": "The next meeting will be held in Abu Dhabi [1].",
}
TEXT = {
    "ru": "Следующее заседание межправительственной комиссии пройдёт в Абу-Даби в 2026 году.",
    "en": "The next meeting of the intergovernmental commission will be held in Abu Dhabi in 2026.",
}
TURNS = re.compile(
    r"<\|?(?:im_start|im_end|system|user|assistant|endoftext)\|?>|\[/?INST\]|<</?SYS>>|</?s>", re.IGNORECASE
)
each_case = pytest.mark.parametrize("name", CASES)
pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        yield served


@pytest.fixture(scope="module")
def index(encoder: BundledEncoder, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """A document a case: what the question asks for, and the order in the same paragraph."""
    folder = tmp_path_factory.mktemp("injected")
    (folder / "documents").mkdir()
    for name, case in CASES.items():
        text = f"{TEXT[case['language']]} {case['document']}"
        (folder / "documents" / f"{name}.txt").write_text(text, "utf-8")
    return rag.build(folder / "documents", folder / "index", encoder=encoder)


def asked(index: Index, name: str) -> Answer:
    answer = index.ask(QUESTIONS[CASES[name]["language"]], filters=rag.Filters(document=f"{name}.txt"))
    assert answer.found
    assert CASES[name]["document"].split()[-1] in answer.citations[0].quote
    return answer


@each_case
def test_what_an_obeying_model_writes_is_struck(
    index: Index, encoder: BundledEncoder, model: ScriptedModel, name: str
) -> None:
    case = CASES[name]
    model.writes(f"{TRUE[case['language']]} {case['obeyed']}")
    given = written(asked(index, name), encoder, Endpoint(model.url, "a-model", seconds=20), lambda _: None)
    assert given.error is None
    first, *others = given.sentences
    assert first.supported
    assert others
    assert [each.text for each in others if each.supported] == []
    assert {number for each in given.sentences for number in each.citations} <= {1}
    shown = given.json()["text"]
    assert shown == f"{first.text} [1]"


@each_case
def test_no_passage_leaves_its_place_in_the_prompt(index: Index, name: str) -> None:
    answer = asked(index, name)
    system, user = messages(answer)
    assert (system["role"], user["role"]) == ("system", "user")
    assert CASES[name]["document"].split()[-1] not in system["content"]
    (mark,) = set(re.findall(r"^[0-9a-f]{16}$", user["content"], re.MULTILINE))
    before, within, after = user["content"].split(f"{mark}\n")
    lines = within.rstrip("\n").split("\n")
    assert [json.loads(line) for line in lines] == [
        {"passage": each.rank, "text": each.quote[:3_000]} for each in answer.citations
    ]
    assert not TURNS.search(user["content"])
    assert CASES[name]["document"].split()[-1] not in before + after


def test_what_the_page_is_sent_is_struck_too(
    index: Index, serve_app: Callable[[Collection], str], model: ScriptedModel
) -> None:
    collection = Collection(lambda _: index)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNOSKA_GENERATE_URL", model.url)
        patch.setenv("SNOSKA_GENERATE_MODEL", "a-model")
        url = serve_app(collection)
    collection.index()
    for name, case in CASES.items():
        model.writes(case["obeyed"])
        answer = index.ask(QUESTIONS[case["language"]], filters=rag.Filters(document=f"{name}.txt"))
        body = {"question": answer.question, "filters": {"document": f"{name}.txt"}, "passages": passages(answer)}
        reply = httpx.post(f"{url}/snoska/write", json=body, timeout=60)
        assert reply.headers["content-type"].partition(";")[0] == "application/x-ndjson"
        lines: list[dict[str, Any]] = [json.loads(line) for line in reply.text.splitlines()]
        sentences = [line["sentence"] for line in lines if "sentence" in line]
        assert sentences
        assert [each["text"] for each in sentences if each["supported"]] == []
        assert lines[-1] == {"done": True}


@pytest.mark.parametrize(
    "token", ["<|im_start|>", "<|im_end|>", "</s>", "[INST]", "[/inst]", "<<SYS>>", "<start_of_turn>"]
)
def test_a_mark_of_a_turn_is_no_mark_in_the_prompt_and_the_passage_keeps_it(token: str) -> None:
    _, user = messages(cited(f"Before {token} after."), "0123456789abcdef")
    line = user["content"].split("0123456789abcdef")[1].strip()
    assert token not in user["content"]
    assert json.loads(line)["text"] == f"Before {token} after."
