"""An answer for the clipboard: as HTML, which word processors and mail take with its form, and as plain text."""

from __future__ import annotations

import html
from collections.abc import Iterator

from rag.export.sound import FORMULA, closed, sound
from rag.export.words import remarks, source, spoken, sureness, words
from rag.types import Answer, Citation


def rich(answer: Answer, page: str = "en") -> tuple[str, str]:
    """(HTML, plain text): the question, the verdict, what was found with its footnote.

    Where nothing was found, the nearest passages' best sentences stand under that heading. ``page`` is the page's
    language.
    """
    language = spoken(answer.language, page)
    said = words(language)
    verdict = f"{said[answer.verdict]} · {sureness(answer, said)}"
    notes = remarks(answer, said)
    shown = _shown(answer)
    heading = [said["nearest"]] if shown and not answer.found else []
    sources = {each.rank: _prose(source(each, language).line) for each in shown}

    question, said_by = _prose(answer.question), {each.rank: _prose(closed(_sentence(each))) for each in shown}
    plain = [question, verdict, *notes, *heading, ""]
    plain += [f"{said_by[each.rank]} [{each.rank}]" for each in shown]
    plain += ["", *(f"[{rank}] {line}" for rank, line in sources.items())]

    marked = [f"<p><b>{_html(question)}</b></p>", f"<p><i>{_html(verdict)}</i></p>"]
    marked += [f"<p>{_html(line)}</p>" for line in [*notes, *heading]]
    marked += [
        f'<blockquote lang="{_html(each.language)}" dir="auto">{_html(said_by[each.rank])}<sup>{each.rank}</sup>'
        "</blockquote>"
        for each in shown
    ]
    marked += [f"<p><sup>{rank}</sup> {_html(line)}</p>" for rank, line in sources.items()]
    return "".join(marked), sound("\n".join(plain)).strip() + "\n"


def _shown(answer: Answer) -> list[Citation]:
    """What is copied: the citation that answers, or all where none does."""
    return list(_answering(answer)) if answer.found else list(answer.citations)


def _answering(answer: Answer) -> Iterator[Citation]:
    if answer.citation is not None:
        yield answer.citations[answer.citation - 1]


def _sentence(citation: Citation) -> str:
    return citation.quote[slice(*citation.highlight)]


def _prose(text: str) -> str:
    """The text with every line in quotation marks that a spreadsheet would take for a formula."""
    lines = sound(text).replace("\r", "\n").split("\n")
    return "\n".join(f"«{line}»" if FORMULA.match(line) else line for line in lines)


def _html(text: str) -> str:
    return html.escape(sound(text), quote=True).replace("\n", "<br>")
