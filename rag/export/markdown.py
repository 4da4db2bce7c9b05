"""An answer as Markdown with footnotes, as GitHub, Obsidian, pandoc and others read them.

Text of documents and questions is escaped: no character of it is markup, a link, an entity or LaTeX.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from rag.export.sound import closed, sound
from rag.export.words import made, remarks, source, spoken, sureness, words
from rag.types import Answer, Citation

# What means something anywhere in a line, to CommonMark or to one of its dialects: emphasis, code, links, HTML, tables,
# LaTeX, tags, mentions, highlights, comments.
_MARKUP = re.compile(r"[\\`*_\[\]<>&|~$^#{}@]|==|%%|(?<=\bwww)\.|:(?=//)", re.IGNORECASE)
_BLOCK = re.compile(r"(?P<sign>[-+=:])|(?P<number>\d{1,9})(?P<stop>[.)])")  # at a line's start: a list, a heading
_INDENT = re.compile(r"[ \t]+")


def markdown(answer: Answer, collection: str, today: datetime.date, page: str = "en") -> str:
    """The answer with its footnote, then the passages with theirs; ``page`` is the page's language."""
    language = spoken(answer.language, page)
    said = words(language)
    blocks = [f"# {escaped(answer.question)}", f"**{said[answer.verdict]}** · {sureness(answer, said)}"]
    if answer.text is not None and answer.citation is not None:
        blocks.append(_quoted(escaped(closed(answer.text)) + f"[^{answer.citation}]"))
    blocks += [escaped(remark) for remark in remarks(answer, said)]
    if answer.citations:
        blocks.append(f"## {said['sources' if answer.found else 'nearest']}")
    for citation in answer.citations:
        blocks.append(f"**{citation.rank}.** {escaped(source(citation, language).title)}")
        blocks.append(_quoted(_passage(citation) + f"[^{citation.rank}]"))
    blocks.append(escaped(made(today, collection, language)))
    blocks += [f"[^{each.rank}]: {escaped(source(each, language).line)}" for each in answer.citations]
    return "\n\n".join(blocks) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, its lines kept apart."""
    return _lines(_inline(text))


def _passage(citation: Citation) -> str:
    """The passage with its answering sentence in bold, where Markdown can set it so: between spaces."""
    start, end = citation.highlight
    before, marked, after = citation.quote[:start], citation.quote[start:end], citation.quote[end:]
    stands_free = (not before or before[-1].isspace()) and (not after or after[0].isspace())
    middle = "\n".join(_bold(line) for line in _inline(marked).split("\n")) if stands_free else _inline(marked)
    return _lines(_inline(before) + middle + _inline(closed(after)))


def _bold(line: str) -> str:
    inner = line.strip()
    return line.replace(inner, f"**{inner}**", 1) if inner else line


def _inline(text: str) -> str:
    return _MARKUP.sub(lambda found: "".join(f"\\{sign}" for sign in found[0]), sound(text).replace("\r", "\n"))


def _lines(text: str) -> str:
    """Lines that begin nothing but a paragraph, each but a paragraph's last with the backslash of a hard line break."""
    lines = [_unblocked(line.rstrip()) for line in text.split("\n")]
    return "\n".join(_broken(lines))


def _broken(lines: list[str]) -> Iterator[str]:
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        yield f"{line}\\" if line and following else line


def _unblocked(line: str) -> str:
    if indent := _INDENT.match(line):  # an entity is a space that indents nothing
        return "&#32;" * len(indent[0].expandtabs(4)) + line[indent.end() :]
    return _BLOCK.sub(_written_out, line, count=1) if _BLOCK.match(line) else line


def _written_out(found: re.Match[str]) -> str:
    return f"\\{found['sign']}" if found["sign"] else f"{found['number']}\\{found['stop']}"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
