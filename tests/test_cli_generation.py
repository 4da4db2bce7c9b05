"""``snoska ask --generate``: beside the cited passages, never in their place."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rag import cli
from rag.encoders import BundledEncoder
from rag.index import build
from tests.scripted_model import Script, ScriptedModel, scripted_model

pytestmark = pytest.mark.model

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
QUESTION = "Сколько компаний с эмиратским участием работает в Казахстане?"
SENTENCE = "Сегодня в Казахстане работает около 500 компаний с эмиратским участием, в том числе 49 в юрисдикции МФЦА."
TRUE, FALSE = "В Казахстане около 500 компаний с эмиратским участием", "В Казахстане около 700 таких компаний"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


Ask = Callable[..., Ran]


@pytest.fixture(scope="module")
def folder(encoder: BundledEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generate") / "index"
    build(SEEDS, folder, encoder=encoder)
    return folder


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    with scripted_model() as served:
        monkeypatch.setenv("SNOSKA_GENERATE_URL", served.url)
        monkeypatch.setenv("SNOSKA_GENERATE_MODEL", "a-model")
        yield served


@pytest.fixture
def ask(
    folder: Path, encoder: BundledEncoder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Ask:
    monkeypatch.setattr("rag.index.load_encoder", lambda _settings: encoder)

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["snoska", "ask", *arguments, "--index", str(folder)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        captured = capsys.readouterr()
        return Ran(int(exit_.value.code or 0), captured.out, captured.err)

    return run


def test_the_written_answer_follows_the_cited_one_and_struck_sentences_say_why(ask: Ask, model: ScriptedModel) -> None:
    model.writes(f"{TRUE} [1]. {FALSE} [1].")
    plain, given = ask(QUESTION), ask(QUESTION, "--generate")
    assert (given.code, given.err) == (0, "")
    assert given.out == (
        f"{plain.out}\nIn the words of a-model, checked against the passages above:\n\n{TRUE}. [1]\n"
        f"[struck: the cited passages do not have the number or date '700'] {FALSE}. [1]\n"
    )


def test_json_has_it_beside_the_answer(ask: Ask, model: ScriptedModel) -> None:
    model.writes(f"{TRUE} [1].", f" {FALSE}.")
    plain, given = json.loads(ask(QUESTION, "--json").out), json.loads(ask(QUESTION, "--generate", "--json").out)
    generated = given.pop("generated")
    assert given == plain
    assert generated == {
        "text": f"{TRUE}. [1]",
        "sentences": [
            {"text": f"{TRUE}.", "citations": [1], "supported": True, "reason": None, "detail": ""},
            {"text": f"{FALSE}.", "citations": [], "supported": False, "reason": "footnote", "detail": ""},
        ],
        "model": "a-model",
        "error": None,
    }


def test_a_failure_leaves_the_cited_passages_and_is_told_in_one_line(ask: Ask, model: ScriptedModel) -> None:
    model.script = Script([b'{"error": {"message": "out of\\nmemory"}}'], status=500)
    given = ask(QUESTION, "--generate")
    assert (given.code, given.err) == (0, "snoska: the endpoint answered with status 500: out of memory\n")
    assert SENTENCE in given.out
    given = ask(QUESTION, "--generate", "--json")
    assert json.loads(given.out)["answer"]["text"] == SENTENCE
    assert json.loads(given.out)["generated"]["error"] == "the endpoint answered with status 500: out of memory"


def test_where_nothing_is_found_nothing_is_written(ask: Ask, model: ScriptedModel) -> None:
    given = ask("???", "--generate")
    assert (given.code, given.err) == (0, "snoska: nothing was written: the passages do not answer the question\n")
    assert "These documents don't say." in given.out
    assert model.asked == []


def test_without_an_endpoint_it_is_refused_with_what_to_set(ask: Ask) -> None:
    given = ask(QUESTION, "--generate")
    assert (given.code, given.out) == (1, "")
    assert given.err.startswith("snoska: --generate needs SNOSKA_GENERATE_URL and SNOSKA_GENERATE_MODEL: ")


def test_signs_that_command_a_terminal_are_taken_out(ask: Ask, model: ScriptedModel) -> None:
    model.writes("\x1b]0;owned\x07\x1b[2J\u202eТак [1].")
    given = ask(QUESTION, "--generate")
    assert not {"\x1b", "\x07", "\u202e"} & set(given.out)
