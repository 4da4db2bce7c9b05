"""An answer as HTML: pure functions, and the only place where text of documents and questions becomes markup.

Every piece of text goes through :func:`escaped`; none is read as Markdown, LaTeX or markup. Text of documents stands
in elements that isolate its direction, so that bidirectional overrides in it end with it.
"""

from __future__ import annotations

import html

from rag.types import Answer, Citation
from rag.web.texts import Texts


def escaped(text: object) -> str:
    """Text as HTML, safe between tags and in quoted attributes; lone surrogates become «�», NUL too."""
    sound = str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    return html.escape(sound, quote=True)


def answer_html(answer: Answer, question: str, said: Texts) -> str:
    """The verdict and the answering sentence. ``question`` is the one asked, as it was typed."""
    parts = [f'<section id="answer" class="{answer.verdict}" tabindex="-1" data-question="{escaped(question)}"']
    parts.append(f' data-verdict="{answer.verdict}" data-confidence="{answer.confidence}"')
    parts.append(f' aria-label="{escaped(said["answer"])}">')
    for each in answer.notes:
        told = said[f"note.{each.kind}"].format(typed=each.typed, meant=each.meant)
        parts.append(f'<p class="correction" dir="auto">{escaped(told)}</p>')
    parts.append(_verdict(answer, said))
    if answer.found and answer.text is not None and answer.citation is not None:
        source = answer.citations[answer.citation - 1]
        parts.append(
            f'<blockquote class="sentence" lang="{escaped(source.language)}" dir="auto"><span>{escaped(answer.text)}'
            f"</span>{_footnote(answer.citation, said)}</blockquote>"
        )
    if answer.verdict == "unsure":
        parts.append(f'<p class="note">{escaped(said["unsure.note"])}</p>')
    elif answer.verdict == "not_found":
        note = "not_found.note" if answer.citations else "not_found.nothing"
        parts.append(f'<p id="not-found" class="note">{escaped(said[note])}</p>')
    return "".join([*parts, "</section>"])


def citations_html(answer: Answer, said: Texts) -> str:
    """The passages, one card each, under their heading; empty where there is none."""
    if not answer.citations:
        return ""
    heading = said["sources" if answer.found else "nearest"]
    cards = "".join(citation_html(citation, said) for citation in answer.citations)
    return (
        f'<section class="{answer.verdict}" aria-labelledby="citations-heading">'
        f'<h2 id="citations-heading">{escaped(heading)}</h2><ol id="citations">{cards}</ol></section>'
    )


def citation_html(citation: Citation, said: Texts) -> str:
    """One card: the passage verbatim with its answering sentence in ``<mark>``, whence it comes, why it ranks here."""
    return (
        f'<li class="citation" id="citation-{citation.rank}" tabindex="-1" data-document="{escaped(citation.document)}"'
        f' data-start="{citation.start}" data-end="{citation.end}">'
        f'<a class="rank" href="#answer" title="{escaped(said["back"])}">{citation.rank}</a>'
        f'<div class="passage">{_quote(citation)}{_also_in(citation, said)}</div>'
        f'<div class="margin">{_source(citation, said)}{_scores(citation, said)}</div></li>'
    )


def error_html(message: str, question: str) -> str:
    """An error in one sentence, in the answer's place."""
    asked = escaped(question)
    return f'<section id="error" class="error" role="alert" data-question="{asked}"><p>{escaped(message)}</p></section>'


def _verdict(answer: Answer, said: Texts) -> str:
    told = said["confidence" if answer.found else "confidence.not_found"]
    percent = told.format(percent=min(round(100 * answer.confidence), 99))  # an estimate is never certain
    return (
        f'<p class="verdict"><strong>{escaped(said[answer.verdict])}</strong>'
        f' <span class="confidence" title="{escaped(said["confidence.note"])}">{escaped(percent)}</span></p>'
    )


def _footnote(rank: int, said: Texts) -> str:
    label = escaped(said["footnote"].format(rank=rank))
    return f'<sup><a class="footnote" href="#citation-{rank}" aria-label="{label}" title="{label}">{rank}</a></sup>'


def _quote(citation: Citation) -> str:
    """No character is added within the quotation: its text content is the passage."""
    start, end = citation.highlight
    before, marked, after = (escaped(each) for each in _cut(citation.quote, start, end))
    return (
        f'<blockquote class="quote" lang="{escaped(citation.language)}" dir="auto">'
        f"{before}<mark>{marked}</mark>{after}</blockquote>"
    )


def _cut(text: str, start: int, end: int) -> tuple[str, str, str]:
    return text[:start], text[start:end], text[end:]


def _source(citation: Citation, said: Texts) -> str:
    facts = [
        f'<time datetime="{escaped(citation.date)}">{escaped(citation.date)}</time>' if citation.date else "",
        escaped(said["page"].format(page=citation.page)) if citation.page is not None else "",
        escaped(said["paragraph"].format(paragraph=citation.paragraph)),
        escaped(said.get(f"language.{citation.language}", citation.language)),
        escaped(said["ocr"]) if citation.ocr else "",
    ]
    return (
        f'<h3 lang="{escaped(citation.language)}" dir="auto"><bdi>{escaped(citation.title)}</bdi></h3>'
        f'<p class="file"><bdi>{escaped(citation.document)}</bdi></p>'
        f'<p class="facts">{" · ".join(f"<span>{fact}</span>" for fact in facts if fact)}</p>'
    )


def _also_in(citation: Citation, said: Texts) -> str:
    if not citation.also_in:
        return ""
    copies = "".join(
        f"<li><bdi>{escaped(copy.document)}</bdi>"
        f" <span>{escaped(said['characters'].format(start=copy.start, end=copy.end))}</span></li>"
        for copy in citation.also_in
    )
    return f'<div class="also-in"><p>{escaped(said["also_in"])}</p><ul>{copies}</ul></div>'


def _scores(citation: Citation, said: Texts) -> str:
    parts = {name: getattr(citation.scores, name) for name in ("paragraph", "sentence", "lexical")}
    rows = "".join(
        f'<div title="{escaped(said[f"score.{name}.note"])}"><dt>{escaped(said[f"score.{name}"])}</dt>'
        f'<dd><span class="bar" aria-hidden="true"><span style="width:{_percent(value)}%"></span></span>'
        f'<span class="number">{value:.2f}</span></dd></div>'
        for name, value in parts.items()
    )
    total = (
        f'<div class="total"><dt>{escaped(said["score"])}</dt>'
        f'<dd><span class="number">{citation.score:.2f}</span></dd></div>'
    )
    return f'<dl class="scores" aria-label="{escaped(said["why"])}">{rows}{total}</dl>'


def _percent(value: float) -> int:
    """A bar's length; a cosine below 0 has none."""
    return round(100 * min(max(value, 0.0), 1.0))
