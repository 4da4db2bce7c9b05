"""Sample questions made from the open collection itself, each checked to be answered by the sentence it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from rag.index import Index
from rag.sentences import sentences
from rag.text import language
from rag.types import Document
from rag.web.wording import Wording, wordings

LANGUAGES = ("ru", "en")
WANTED = 3  # questions on the page
DOCUMENTS = 30  # looked at, spread evenly over the collection
SENTENCES = 60  # of each: their beginnings say what they are about
ASKED = 16  # questions tried in all: a third of a second

Samples = Mapping[str, Sequence["Sample"]]


@dataclass(frozen=True, slots=True)
class Sample:
    """A question and the language that it is in."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    wording: Wording
    document: str
    sentence: str


def samples(index: Index, is_over: Callable[[], bool] = lambda: False) -> Samples:
    """Up to ``WANTED`` questions for the page in each language, surely answered: those in the page's language first,
    then those in the documents'. The same collection gives the same ones; ``is_over`` ends the search early."""
    good: dict[str, list[_Candidate]] = {code: [] for code in LANGUAGES}
    tried = 0
    for candidate in _varied(_candidates(index)):
        found = good[candidate.wording.language]
        if len(found) == WANTED or _is_like(candidate, found):
            continue
        if tried == ASKED or is_over():
            break
        tried += 1
        if _is_answered(index, candidate):
            found.append(candidate)
    return {code: _told(good[code], good[other]) for code, other in zip(LANGUAGES, LANGUAGES[::-1], strict=True)}


def _told(own: Sequence[_Candidate], others: Sequence[_Candidate]) -> Sequence[Sample]:
    more = [each for each in others if not _is_like(each, own)]
    return [Sample(each.wording.text, each.wording.language) for each in [*own, *more][:WANTED]]


def _candidates(index: Index) -> list[list[_Candidate]]:
    """What each of some documents could be asked, in its order."""
    paths = list(index.store.entries)
    chosen = paths[:: max(1, -(-len(paths) // DOCUMENTS))]
    return [list(_of(index.document(path))) for path in chosen]


def _of(document: Document) -> Iterator[_Candidate]:
    spans = chain.from_iterable(
        sentences(document.text[block.start : block.end], block.start) for block in document.blocks
    )
    for start, end in islice(spans, SENTENCES):
        sentence = document.text[start:end]
        for wording in wordings(sentence, language(sentence), document.text):
            yield _Candidate(wording, document.path, sentence)


def _varied(documents: Iterable[list[_Candidate]]) -> Iterator[_Candidate]:
    """The documents in turn, and within each its rules in turn."""
    yield from _in_turn(_in_turn(_by_rule(each)) for each in documents)


def _by_rule(candidates: list[_Candidate]) -> list[list[_Candidate]]:
    rules = dict.fromkeys((each.wording.language, each.wording.rule) for each in candidates)
    return [[each for each in candidates if (each.wording.language, each.wording.rule) == rule] for rule in rules]


def _in_turn(lists: Iterable[Iterable[_Candidate]]) -> Iterator[_Candidate]:
    return (each for turn in zip_longest(*lists) for each in turn if each is not None)


def _is_like(candidate: _Candidate, found: Sequence[_Candidate]) -> bool:
    """Whether it asks what another does already, in its words or of its sentence."""
    return any(candidate.wording.text == each.wording.text or candidate.sentence == each.sentence for each in found)


def _is_answered(index: Index, candidate: _Candidate) -> bool:
    """Whether the index answers it, out of the sentence that it was made from, and as it was written."""
    answer = index.ask(candidate.wording.text, 1)
    if answer.verdict != "found" or answer.notes:
        return False
    first = answer.citations[0]
    return first.document == candidate.document and candidate.sentence in first.quote
