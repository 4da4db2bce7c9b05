"""HTML pages: the article without what stands around it, with the title, date and language that the page states."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag import text as words
from rag.errors import DocumentError
from rag.readers import encodings
from rag.readers.article import clutter, surroundings
from rag.readers.markup import Element, parse, write
from rag.readers.source import Draft, Source

DECLARED = re.compile(
    rb"<meta[^>]{0,200}?charset\s*+=\s*+[\"']?\s*+([\w.:-]+)|^\s*<\?xml[^>]{0,100}?encoding=[\"']([\w.-]+)",
    re.IGNORECASE,
)
HEAD = 8192  # bytes in which a page declares its encoding; browsers look at 1,024
SITE_MARKS = re.compile(r"(?<!\s)\s++(?:[|–—·•»:/-]|::|//)\s+")  # between a page's title and the name of its site
SURE_MARKS = ("|", "::", "//", "•", "·")  # seldom within a title, as dashes are
# The names under which pages state when they were published, the surest first.
DATE_NAMES = (
    "article:published_time",
    "datepublished",
    "og:published_time",
    "dc.date.issued",
    "dcterms.issued",
    "dc.date",
    "dcterms.date",
    "dc.date.created",
    "dcterms.created",
    "publish-date",
    "publishdate",
    "publish_date",
    "pubdate",
    "parsely-pub-date",
    "citation_publication_date",
    "sailthru.date",
    "mediator_published_time",
    "date",
    "created",
)
CYRILLIC = frozenset(("ru", "kk", "uk", "be", "bg", "sr", "mk", "ky", "tg", "tt", "mn", "ba"))
MAX_LINKED_DATA = 1 << 20  # characters of JSON-LD that are parsed
TOO_DEEP = "what nests deeper than 2048 elements"


def read(data: bytes) -> Source:
    """The page's article; raises DocumentError where the file is not text."""
    decoded = encodings.decode(data, _declared(data))
    root, is_cut = parse(decoded.text)
    body = root.find(".//body")
    body = root if body is None else body
    source = _article(body)
    named = dict(_named(root))
    return Source(
        text=source.text,
        blocks=source.blocks,
        title=_title(root, named),
        date=_date(root, named),
        language=_language(root, named, source.text),
        missing=(*decoded.missing, TOO_DEEP) if is_cut else decoded.missing,
    )


def _declared(data: bytes) -> str | None:
    match = DECLARED.search(data[:HEAD])
    return (match[1] or match[2]).decode("ascii", "ignore") if match else None


def _article(body: Element) -> Source:
    """The page's article; where none is found, all but what stands around articles."""
    for find in (clutter, surroundings):
        draft = Draft()
        write(body, draft, find(body))
        if (source := draft.source()).blocks:
            return source
    raise DocumentError("the page holds no text beside its menus")


def _named(root: Element) -> Iterator[tuple[str, str]]:
    """What the page's ``meta`` elements say, by name in lower case; the first of a name counts."""
    found: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv") or ""
        content = (meta.get("content") or "").strip()
        if name and content:
            found.setdefault(name.lower().strip(), content)
    yield from found.items()


def _title(root: Element, named: dict[str, str]) -> str | None:
    heading = _first_text(root, "h1")
    title = named.get("og:title") or named.get("twitter:title") or named.get("dc.title") or ""
    if heading and (not title or title.startswith(heading)):
        return heading
    site = named.get("og:site_name", "")
    return _without_site(title, site) or _without_site(_first_text(root, "title"), site) or None


def _without_site(title: str, site: str) -> str:
    """«Заседание прошло | Вестник» -> «Заседание прошло»."""
    marks = list(SITE_MARKS.finditer(title))
    if not marks:
        return title
    before, after = title[: marks[-1].start()], title[marks[-1].end() :]
    is_site = words.normalize(after) == words.normalize(site) if site else marks[-1][0].strip() in SURE_MARKS
    return before if is_site else title


def _first_text(root: Element, tag: str) -> str:
    for element in root.iter(tag):
        if text := " ".join("".join(element.itertext()).split()):
            return text
    return ""


def _date(root: Element, named: dict[str, str]) -> str | None:
    for name in DATE_NAMES:
        if name in named:
            return named[name]
    if date := _linked_data(root, "datePublished"):
        return date
    times = [time for time in root.iter("time") if time.get("datetime")]
    stated = [time for time in times if time.get("itemprop") == "datePublished" or time.get("pubdate") is not None]
    return next((time.get("datetime") for time in stated + times), None)


def _linked_data(root: Element, name: str) -> str | None:
    """The first string of that name in the page's JSON-LD."""
    for script in root.iter("script"):
        if script.get("type") != "application/ld+json" or not script.text or len(script.text) > MAX_LINKED_DATA:
            continue
        try:
            waiting: list[Any] = [json.loads(script.text, strict=False)]
        except (ValueError, RecursionError):
            continue
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if isinstance(found := value.get(name), str):
                    return found
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
    return None


def _language(root: Element, named: dict[str, str], text: str) -> str | None:
    """The stated language, unless the text is in the other script: templates often keep their makers' ``lang``."""
    html = root if root.tag == "html" else root.find(".//html")
    own = "" if html is None else html.get("lang") or html.get("xml:lang") or ""
    stated = (own or named.get("content-language") or named.get("og:locale") or "").strip()
    seen = words.language(text) if text else stated
    return None if (stated[:2].lower() in CYRILLIC) != (seen in CYRILLIC) and text else stated or None
