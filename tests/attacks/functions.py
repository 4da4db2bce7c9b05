"""The functions that read a user's or a stranger's text, and texts that are hostile to functions like them."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable, Iterator

from rag import batch, readers, text
from rag.copies import _Print
from rag.errors import RagError
from rag.export.markdown import markdown
from rag.export.rich import rich
from rag.export.sound import file_name
from rag.generation.draft import Draft
from rag.generation.facts import values
from rag.generation.names import Words, candidates, names
from rag.generation.writer import MAX_LENGTH
from rag.ignore import is_hidden, is_temporary
from rag.passages import passages
from rag.query import checked, holds, respelt, swapped, understand
from rag.readers import dates
from rag.sentences import sentences
from rag.stores.filtering import passes
from rag.types import Answer, Citation, Document, Filters, Passage, Scores
from rag.web import cards, reading
from rag.web.listing import natural
from rag.web.texts import LANGUAGES
from rag.web.uploads import Refused, kept_name
from rag.web.wording import wordings
from tests.small_encoder import SmallEncoder

DAY = datetime.date(2026, 11, 23)
COUNT = SmallEncoder().count_tokens
SAID = LANGUAGES["ru"]


def cited(quote: str) -> Answer:
    half = (len(quote) // 3, 2 * len(quote) // 3)
    citation = Citation(
        rank=1, document="a.txt", title=quote[:200], date=None, language="ru", page=None, paragraph=1, start=0,
        end=len(quote), quote=quote, highlight=half, score=1.0, scores=Scores(0.9, 0.9, 0.1),
    )  # fmt: skip
    return Answer("Кто победил?", "ru", "found", 0.9, quote[slice(*half)], 1, (citation,))


def _read(kind: str) -> Callable[[str], Document | None]:
    def run(given: str) -> Document | None:
        with contextlib.suppress(RagError):
            return readers.read(given.encode("utf-8", "replace"), f"a.{kind}").document
        return None

    return run


def _passages(given: str) -> object:
    document = _read("txt")(given)
    return passages(document, COUNT, 40) if document else None


def _reading(given: str) -> object:
    document = _read("txt")(given)
    if document is None:
        return None
    return [reading.html(document, window, reading.Marked(), SAID) for window in _windows(document)]


def _windows(document: Document) -> Iterator[reading.Span]:
    at = 0
    while at < len(document.text):
        window = reading.after(document, at)
        yield window
        at = max(window.end, at + 1)


def _draft(given: str) -> None:
    draft = Draft()
    given = given[:MAX_LENGTH]  # the writer stops there
    for start in range(0, len(given), 1_000):
        draft.feed(given[start : start + 1_000])
    draft.finish()


def _kept_name(given: str) -> None:
    with contextlib.suppress(Refused):
        kept_name(given + ".pdf")


def _print(given: str) -> _Print:
    return _Print.of(Passage("a.txt", 0, len(given), given, 1, None, "ru", ()))


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "question": lambda given: understand(given, COUNT, lambda stem: len(stem) % 2 == 0),
    "question, every word known": lambda given: understand(given, COUNT, lambda stem: True),
    "other layout": swapped,
    "phrase": lambda given: holds(given, given[-20:]),
    "misspelt": lambda given: respelt({"слоово": "слов"}, [given]),
    "normal form": text.normalize,
    "tokens": text.tokens,
    "stems": text.stems,
    "language": text.language,
    "clean": text.clean,
    "shortened": lambda given: text.shorten(given, 90),
    "sentences": sentences,
    "passages": _passages,
    "near-copies": lambda given: _print(given).resembles(_print(given + " ещё")),
    "dates": lambda given: list(dates.written(given)),
    "date in a name": dates.in_name,
    "plain text": _read("txt"),
    "Markdown": _read("md"),
    "HTML": _read("html"),
    "HTML, in its body": lambda given: _read("html")(f"<html><title>{given}</title><body><p>{given}</p></body></html>"),
    "HTML, its language": lambda given: _read("html")(f'<html lang="ru-{given[:5_000]}"><p>Слово.</p></html>'),
    "RTF": lambda given: _read("rtf")("{\\rtf1 " + given + "}"),
    "CSV": _read("csv"),
    "FB2": lambda given: _read("fb2")(f"<FictionBook><body><p>{given}</p></body></FictionBook>"),
    "cards": lambda given: cards.citations_html(cited(given), SAID),
    "source": _reading,
    "Markdown export": lambda given: markdown(cited(given), "Папка", DAY),
    "clipboard": lambda given: rich(cited(given)),
    "file name of an export": lambda given: file_name(given, "docx"),
    "name of an upload": _kept_name,
    "name in a folder": lambda given: (is_hidden(given), is_temporary(given)),
    "sorted name": natural,
    "glob": lambda given: passes(Filters(document=f"*{given[:2_000]}*x"), given, "ru", "txt", None),
    "filters": lambda given: checked(Filters(language=given, type=given)),
    "list of questions": lambda given: batch.read(given.encode("utf-8", "replace"), "a.txt"),
    "sample questions, ru": lambda given: wordings(given, "ru", given),
    "sample questions, en": lambda given: wordings(given, "en", given),
    "facts": values,
    "names": lambda given: (names(given), candidates(given, cyrillic=True), Words(given)),
    "written answer": _draft,
}


# What is repeated.
UNITS = {
    "quotes": '"', "pairs of quotes": '""', "guillemets": "«", "closed guillemets": "«»", "curly quotes": "“”",
    "abbreviations": "т. е. ", "initials": "А. Б. ", "brackets": "(", "square brackets": "[", "braces": "{",
    "tags": "<",
    "tags closed": "<b>", "links": "[a](", "footnotes": ".[1]", "images": "![", "one word": "а", "one Latin word": "a",
    "words": "слово ", "sentences": "Слово стало делом. ", "lines": "а\n", "empty lines": "\n", "returns": "\r",
    "marks": "\u0301", "letters with marks": "а\u0301\u0300", "digits": "7", "zeros": "0", "thousands": "111 ",
    "decimals": "1,1", "dots": ".", "spaced dots": ". ", "commas": ",", "spaces": " ", "tabs": "\t", "NUL": "\0",
    "to the left": "\u202eа", "no width": "\u200b", "surrogates": "\ud800", "emoji": "😀", "hyphens": "-",
    "dashes": "—",
    "underscores": "_", "stars": "*", "hashes": "#", "ticks": "`", "pipes": "|", "tildes": "~", "quotation": "> ",
    "items": "- ", "items on lines": "\n- ", "rules": "\n---\n", "rows": "|a|b|\n", "colons": ":", "slashes": "/",
    "backslashes": "\\", "escapes": "\\'ff", "groups": "{\\b ", "ampersands": "&", "entities": "&amp;", "addresses":
    "https://", "dates": "25.11.2025 ", "dates in words": "25 ноября 2025 года, ", "capitals": "А", "names": "Анна ",
    "J. Smith": "J. ", "Roman": "XVIII ", "references": "123-ФЗ ", "question marks": "?", "stars of a glob": "*a",
    "separators": ";", "Arabic": "ﷺ", "Han": "漢",
}  # fmt: skip
