"""An answer as HTML: pure functions, and the only place where text of documents and questions becomes markup.

Every piece of text goes through :func:`escaped`; none is read as Markdown, LaTeX or markup. Text of documents stands
in elements that isolate its direction, so that bidirectional overrides in it end with it.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

from rag.text import FUNCTION_WORDS, stems, tokens
from rag.types import Answer, Citation
from rag.web.texts import Texts


def escaped(text: object) -> str:
    """Text as HTML, safe between tags and in quoted attributes; lone surrogates become «�», NUL too."""
    sound = str(text).encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    return html.escape(sound, quote=True)


_SPACED = re.compile(r"\t| {2}|\n ")
_WORD = re.compile(r"[^\W_][\w\u00ad\u0300-\u036f'’]*")


def answer_html(answer: Answer, question: str, said: Texts, filtered: bool = False) -> str:
    """The verdict and the answering sentence. ``question`` is the one asked, as it was typed; ``filtered``: of some
    documents only."""
    parts = [f'<section id="answer" class="{answer.verdict}" tabindex="-1" data-question="{escaped(question)}"']
    parts.append(f' data-verdict="{answer.verdict}" data-confidence="{answer.confidence}"')
    parts.append(f' aria-label="{escaped(said["answer"])}">')
    parts.append(_notes(answer, said))
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
        nothing = "not_found.filtered" if filtered else "not_found.nothing"
        note = "not_found.note" if answer.citations else nothing
        parts.append(f'<p id="not-found" class="note">{escaped(said[note])}</p>')
    return "".join([*parts, "</section>"])


def citations_html(answer: Answer, said: Texts) -> str:
    """The passages, one card each, under their heading; empty where there is none."""
    if not answer.citations:
        return ""
    heading = said["sources" if answer.found else "nearest"]
    words = asked_words(answer)
    cards = "".join(citation_html(citation, said, words) for citation in answer.citations)
    return (
        f'<section class="{answer.verdict}" aria-labelledby="citations-heading">'
        f'<h2 id="citations-heading">{escaped(heading)}</h2><ol id="citations">{cards}</ol></section>'
    )


def citation_html(citation: Citation, said: Texts, words: frozenset[str] = frozenset()) -> str:
    """One card: the passage verbatim with its answering sentence in ``<mark>`` and the words with these stems set off,
    whence it comes, what can be done with it, why it ranks here."""
    return (
        f'<li class="citation" id="citation-{citation.rank}" tabindex="-1" data-document="{escaped(citation.document)}"'
        f' data-start="{citation.start}" data-end="{citation.end}"'
        f' data-reference="{escaped(reference(citation, said))}">'
        f'<a class="rank" href="#answer" aria-label="{escaped(said["back"])}" title="{escaped(said["back"])}">'
        f"{citation.rank}</a>"
        f'<div class="about">{_source(citation, said)}</div>'
        f'<div class="passage">{_quote(citation, words)}{_unfold(said)}{_actions(said)}{_also_in(citation, said)}</div>'
        f'<div class="why">{_scores(citation, said)}</div></li>'
    )


def asked_words(answer: Answer) -> frozenset[str]:
    """The stems of the question as it was meant, those of words that any sentence has left out."""
    meant = [note.meant for note in answer.notes if note.meant] or [answer.question]
    asked = meant if any(note.kind == "layout" for note in answer.notes) else [answer.question, *meant]
    words = [word for text in asked for word in tokens(text) if word not in FUNCTION_WORDS]
    return frozenset(stem for word in words for stem in stems(word))


def reference(citation: Citation, said: Texts) -> str:
    """Where the passage stands, as a footnote says it in the page's language."""
    parts = [citation.title, citation.document, said_date(citation.date, said)]
    if citation.page is not None:
        parts.append(said["reference.page"].format(page=citation.page))
    parts.append(said["reference.paragraph"].format(paragraph=citation.paragraph))
    return ", ".join(part for part in dict.fromkeys(parts) if part)


def said_date(date: str | None, said: Texts) -> str:
    """An ISO 8601 date as the page's language writes it; empty where there is none."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", date or "")
    return said["date"].format(year=found[1], month=found[2], day=found[3]) if found else date or ""


def error_html(message: str, question: str) -> str:
    """An error in one sentence, in the answer's place."""
    asked = escaped(question)
    return f'<section id="error" class="error" role="alert" data-question="{asked}"><p>{escaped(message)}</p></section>'


def _notes(answer: Answer, said: Texts) -> str:
    """What was made of the question, and the way back to it as it was typed."""
    told = (said[f"note.{note.kind}"].format(typed=note.typed, meant=note.meant) for note in answer.notes)
    lines = "".join(f'<p dir="auto">{escaped(line)}</p>' for line in told)
    if any(note.kind != "phrase" for note in answer.notes):
        lines += f'<button type="button" class="plain literal">{escaped(said["literal"])}</button>'
    return f'<div class="correction">{lines}</div>' if lines else ""


def _verdict(answer: Answer, said: Texts) -> str:
    told = said["confidence" if answer.found else "confidence.not_found"]
    percent = min(max(round(100 * answer.confidence), 1), 99)  # an estimate is never certain
    note = said["confidence.note"].format(percent=percent)
    return (
        f'<div class="verdict"><strong>{escaped(said[answer.verdict])}</strong>'
        f'<details class="confidence"><summary>{escaped(told.format(percent=percent))}</summary>'
        f"<p>{escaped(note)}</p></details></div>"
    )


def _footnote(rank: int, said: Texts) -> str:
    label = escaped(said["footnote"].format(rank=rank))
    return f'<sup><a class="footnote" href="#citation-{rank}" aria-label="{label}" title="{label}">{rank}</a></sup>'


def _quote(citation: Citation, words: frozenset[str]) -> str:
    """No character is added within the quotation: its text content is the passage."""
    start, end = citation.highlight
    quote = citation.quote
    before, marked, after = (_worded(each, words) for each in (quote[:start], quote[start:end], quote[end:]))
    spaced = " spaced" if _SPACED.search(quote) else ""
    return (
        f'<blockquote class="quote{spaced}" lang="{escaped(citation.language)}" dir="auto">'
        f"{before}<mark>{marked}</mark>{after}</blockquote>"
    )


def _worded(text: str, words: frozenset[str]) -> str:
    """The text with those of its words set off whose stem is among these."""
    parts, at = [], 0
    for found in _WORD.finditer(text) if words else ():
        if not words.isdisjoint(stems(found[0])):
            parts.append(f'{escaped(text[at : found.start()])}<span class="word">{escaped(found[0])}</span>')
            at = found.end()
    return "".join([*parts, escaped(text[at:])])


def _unfold(said: Texts) -> str:
    """For a long passage, which the script folds."""
    return (
        f'<button type="button" class="plain unfold" aria-expanded="false" hidden'
        f' data-more="{escaped(said["unfold"])}" data-less="{escaped(said["fold"])}">{escaped(said["unfold"])}</button>'
    )


def _actions(said: Texts) -> str:
    names = ("open", "quote", "link")
    buttons = "".join(
        f'<button type="button" class="plain" data-do="{name}">{escaped(said[f"do.{name}"])}</button>' for name in names
    )
    return f'<p class="actions">{buttons}<span class="done" role="status"></span></p>'


def _place(document: str, start: int, end: int) -> str:
    """The address of exactly this passage, relative to the page."""
    return escaped("?" + urlencode({"source": document, "start": start, "end": end}, errors="replace"))


def _source(citation: Citation, said: Texts) -> str:
    facts = [
        f'<time datetime="{escaped(citation.date)}">{escaped(said_date(citation.date, said))}</time>'
        if citation.date
        else "",
        escaped(said["page"].format(page=citation.page)) if citation.page is not None else "",
        escaped(said["paragraph"].format(paragraph=citation.paragraph)),
        escaped(said.get(f"language.{citation.language}", citation.language)),
        escaped(said["ocr"]) if citation.ocr else "",
    ]
    place = _place(citation.document, citation.start, citation.end)
    return (
        f'<h3 lang="{escaped(citation.language)}" dir="auto"><a class="place" href="{place}">'
        f"<bdi>{escaped(citation.title)}</bdi></a></h3>"
        f'<p class="file"><bdi>{escaped(citation.document)}</bdi></p>'
        f'<p class="facts">{" · ".join(f"<span>{fact}</span>" for fact in facts if fact)}</p>'
    )


def _also_in(citation: Citation, said: Texts) -> str:
    if not citation.also_in:
        return ""
    copies = "".join(
        f'<li><a class="place" href="{_place(copy.document, copy.start, copy.end)}"'
        f' data-document="{escaped(copy.document)}" data-start="{copy.start}" data-end="{copy.end}">'
        f"<bdi>{escaped(copy.document)}</bdi></a>"
        f" <span>{escaped(said['characters'].format(start=copy.start, end=copy.end))}</span></li>"
        for copy in citation.also_in
    )
    return f'<div class="also-in"><p>{escaped(said["also_in"])}</p><ul>{copies}</ul></div>'


def _scores(citation: Citation, said: Texts) -> str:
    parts = {name: getattr(citation.scores, name) for name in ("paragraph", "sentence", "lexical")}
    rows = "".join(
        f'<div title="{escaped(said[f"score.{name}.note"])}"><dt>{escaped(said[f"score.{name}"])}</dt>'
        f'<dd><span class="bar" aria-hidden="true"><span style="width:{_percent(value)}%"></span></span>'
        f'<span class="number">{_two_places(value, said)}</span></dd></div>'
        for name, value in parts.items()
    )
    total = (
        f'<div class="total"><dt>{escaped(said["score"])}</dt>'
        f'<dd><span class="number">{_two_places(citation.score, said)}</span></dd></div>'
    )
    return f'<dl class="scores" aria-label="{escaped(said["why"])}">{rows}{total}</dl>'


def _two_places(value: float, said: Texts) -> str:
    return f"{value:.2f}".replace(".", said["decimal"])


def _percent(value: float) -> int:
    """A bar's length; a cosine below 0 has none."""
    return round(100 * min(max(value, 0.0), 1.0))
