"""An answer in the model's words, each sentence checked as soon as it is whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import NamedTuple

from rag.errors import GenerationError
from rag.generation.draft import Draft, Drafted
from rag.generation.endpoint import Endpoint
from rag.generation.prompt import NOTHING, messages
from rag.generation.support import Sentence, Support
from rag.protocols import Encoder
from rag.types import Answer, Json

MAX_LENGTH = 6_000  # characters; a short answer has a few hundred


class Tail(NamedTuple):
    """The sentence that the model is writing, not checked yet."""

    text: str


async def write(answer: Answer, encoder: Encoder, endpoint: Endpoint) -> AsyncGenerator[Sentence | Tail]:
    """The sentences, checked, in order; between them what is being written. Closing it ends the request.

    Raises GenerationError: before the first sentence where there is nothing to write from, or after any of them.
    """
    if not answer.found:
        raise GenerationError("not_found", "nothing was written: the passages do not answer the question")
    support, draft, silent = Support(answer.citations, encoder), Draft(), True
    async with aclosing(endpoint.pieces(messages(answer))) as pieces:
        async for piece in pieces:
            for drafted in draft.feed(piece[: MAX_LENGTH + 1 - draft.length]):
                silent = False
                yield await _checked(support, drafted)
            if draft.tail:
                yield Tail(draft.tail)
            if draft.length > MAX_LENGTH:
                break
    last = draft.finish()
    if silent and [drafted.text.rstrip(".") for drafted in last] == [NOTHING]:
        raise GenerationError("nothing", "nothing was written: the model finds no answer in the passages")
    if silent and not last:
        raise GenerationError("empty", f"{endpoint.model} wrote nothing: ask again, or take another model")
    for drafted in last:
        yield await _checked(support, drafted)


async def _checked(support: Support, drafted: Drafted) -> Sentence:
    """In a thread: the encoder takes milliseconds for each text, and others wait for the loop."""
    return await asyncio.to_thread(support.check, drafted)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written; ``error`` says why there is no more."""

    sentences: tuple[Sentence, ...]
    model: str
    error: GenerationError | None = None

    def json(self) -> Json:
        """What ``ask --json --generate`` adds as ``generated``."""
        return {
            "text": " ".join(marked(sentence) for sentence in self.sentences if sentence.supported),
            "sentences": [sentence.json() for sentence in self.sentences],
            "model": self.model,
            "error": str(self.error) if self.error is not None else None,
        }


def written(answer: Answer, encoder: Encoder, endpoint: Endpoint, told: Callable[[Sentence], None]) -> Written:
    """All of it, where no other loop runs; ``told`` hears each sentence as soon as it is checked. Raises nothing that
    the endpoint is to blame for."""
    sentences: list[Sentence] = []

    async def collect() -> None:
        async with aclosing(write(answer, encoder, endpoint)) as parts:
            async for part in parts:
                if isinstance(part, Sentence):
                    sentences.append(part)
                    told(part)

    try:
        asyncio.run(collect())
    except GenerationError as error:
        return Written(tuple(sentences), endpoint.model, error)
    return Written(tuple(sentences), endpoint.model)


def marked(sentence: Sentence) -> str:
    """The sentence with its footnotes."""
    return sentence.text + "".join(
        f" [{number}]" if i == 0 else f"[{number}]" for i, number in enumerate(sentence.citations)
    )


def why(sentence: Sentence) -> str:
    """In English, why a sentence is struck; empty where it is not."""
    if sentence.reason is None:
        return ""
    return {
        "link": "it holds a link or markup, which the text of an answer has none of",
        "footnote": "it has no footnote, or one that leads to no passage",
        "number": f"the cited passages do not have the number or date {sentence.detail!r}",
        "name": f"the cited passages do not have the name {sentence.detail!r}",
        "meaning": "the cited passages do not say anything near to it",
    }[sentence.reason]
