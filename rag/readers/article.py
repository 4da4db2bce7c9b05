"""Which part of a page is its article, and what in it is there only to find one's way or to be clicked.

The article is what the page marks as such, else the innermost element that holds most of the prose. What stands
outside it is kept only where it is the page's own heading or prose itself. What is hidden as the page opens is left
out, save paragraphs within the article: tabs, and answers that open under their questions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

from rag.readers.markup import BLOCKS, HEADINGS, NO_TEXT, Element, Skips, is_data, is_hidden, word_set

AROUND = frozenset(("nav", "aside", "menu"))
ROLES = word_set("navigation banner contentinfo complementary search menu menubar dialog alertdialog toolbar tablist")
# Words in the class or id of what is no part of an article; Russian ones as their makers transliterate them.
CLUTTER = word_set(
    "nav navbar navigation menu submenu topmenu mainmenu sidemenu breadcrumb breadcrumbs crumbs sidebar sidenav cookie"
    " cookies consent gdpr share sharing shares social socials related similar recommended recommendations popular"
    " trending advert advertisement ads promo popup modal subscribe subscription newsletter comments pagination pager"
    " paging toolbar login signup search searchform copyright footer toc tags hashtags rating likes topbar skip kroshki"
    " podval shapka podelitsya"
)
CLUTTER_NAMES = frozenset(
    (
        "header",
        "site-header",
        "top-header",
        "main-header",
        "sr-only",
        "screen-reader-text",
        "visually-hidden",
        "read-also",
        "readmore",
        "read-more",
        "noprint",
        "no-print",
        "banner",
    )
)
NAME_WORDS = re.compile(r"[a-z]+")
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Elements that are a word, a line or a value rather than a part of the page: only these names make them clutter.
LINES = HEADINGS | word_set("p a span b i em strong code td th tr tbody dt dd label time")
LINE_CLUTTER = word_set("share sharing shares social socials likes rating skip hashtags")
PARTS = word_set("div section center form table tbody tr td article main")  # of a page, as against of a text
MOST = 0.5  # of the page's prose: what holds as much is no clutter, whatever its class says
MARKED = 0.4  # of the page's prose, that an element marked as the article must hold
INNERMOST = 0.75  # of the prose: the article is sought in a child as long as one holds so much of its parent's
LEAST_PROSE = 80  # characters of a paragraph outside the article, to be kept
SENTENCE = re.compile(r"[.!?…»\")]\s*$|[.!?…]\s")


@dataclass(slots=True)
class Size:
    """How many characters an element's text holds, how many of them in links, and whether it holds the heading."""

    text: int = 0
    links: int = 0
    holds_heading: bool = False

    def add(self, text: int, is_link: bool, holds_heading: bool) -> None:
        self.text += text
        self.links += text if is_link else 0
        self.holds_heading |= holds_heading

    @property
    def prose(self) -> int:
        return self.text - self.links


def clutter(body: Element) -> Skips:
    """Tells of each of the page's elements whether to leave it out."""
    sizes = _sizes(body)
    whole = max(sizes[body].prose, 1)
    dropped = {element for element in sizes if _is_clutter(element, sizes[element], whole)}
    article, is_marked = _article(body, sizes, dropped)
    around = set(article.iterancestors()) & sizes.keys()
    for element in around:
        for child in element:
            if child not in sizes or child is article or child in around or child.tag not in BLOCKS:
                continue
            if is_hidden(child) or not (
                sizes[child].holds_heading or (not is_marked and _is_text(child, sizes[child]))
            ):
                dropped.add(child)
    return lambda element: element in dropped or element.tag in NO_TEXT


def surroundings(body: Element) -> Skips:
    """As :func:`clutter`, by what the elements are and not by where they stand and how they are called."""
    return lambda element: element.tag in NO_TEXT or is_hidden(element) or _is_around(element)


def _sizes(body: Element) -> dict[Element, Size]:
    """The sizes of the elements that may be a part of the page, hidden ones too."""
    sizes: dict[Element, Size] = {}
    links = 0
    above = [Size()]  # of the open elements, the outermost first
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            above.append(Size())
            if element.tag in NO_TEXT:
                walk.skip_subtree()
                continue
            links += element.tag == "a"
            above[-1].add(_length(element.text), links > 0, element.tag in ("h1", "main", "article"))
            continue
        size = above.pop()
        if element.tag not in NO_TEXT:
            links -= element.tag == "a"
            if element is body or element.tag in BLOCKS or element.attrib:
                sizes[element] = size
            above[-1].add(size.text, False, size.holds_heading)
            above[-1].links += size.links
        above[-1].add(_length(element.tail), links > 0, False)
    return sizes


def _length(text: str | None) -> int:
    return len(text.strip()) if text else 0


def _is_clutter(element: Element, size: Size, whole: int) -> bool:
    if element.tag in ("html", "body", "main", "article", "h1"):
        return False
    if is_hidden(element) and not _is_revealed(element, size):
        return True
    if element.tag == "header" and size.holds_heading:
        return False
    if _is_around(element):
        return True
    name = f"{element.get('class') or ''} {element.get('id') or ''}"
    if name == " " or size.holds_heading or size.prose > MOST * whole:
        return False
    parts = {*NAME_WORDS.findall(name.lower()), *NAME_WORDS.findall(CAMEL.sub(" ", name).lower())}
    if element.tag in LINES and 2 * size.links < size.text:
        return not LINE_CLUTTER.isdisjoint(parts)
    return not CLUTTER.isdisjoint(parts) or not CLUTTER_NAMES.isdisjoint(name.lower().split())


def _is_revealed(element: Element, size: Size) -> bool:
    """Whether what is hidden is content that a script shows: paragraphs, or the last of alternatives in a line.

    Alternatives are the children of an element that holds nothing else, all of them hidden; the last is the default:
    ``press <span><span hidden>Command</span><span hidden>Ctrl</span></span>``.
    """
    if element.get("aria-hidden") == "true":
        return False
    parent = element.getparent()
    is_last = parent is not None and parent.tag not in BLOCKS and parent[-1] is element and not _length(parent.text)
    if is_last and all(is_hidden(each) and not _length(each.tail) for each in parent):
        return True
    return _is_prose(element, size)


def _is_around(element: Element) -> bool:
    """Whether the element is one that stands around articles: a menu, the page's header or footer, an aside."""
    if element.tag == "footer":
        return next(element.iterancestors("blockquote"), None) is None  # there it names the source
    if element.tag == "header":
        return next(element.iterancestors("article", "main", "section"), None) is None
    return element.tag in AROUND or element.get("role") in ROLES


def _article(body: Element, sizes: dict[Element, Size], dropped: set[Element]) -> tuple[Element, bool]:
    """The element that holds the article, and whether the page marks it so."""
    prose = _prose_left(body, sizes, dropped)
    whole = max(prose.get(body, 0), 1)
    marked = [each for each in prose if _is_marked(each)]
    for tag in ("article", "body", "main"):
        held = [each for each in marked if (each.tag if each.tag in ("article", "main") else "body") == tag]
        best = max(held, key=lambda each: prose[each], default=None)
        if best is None or prose[best] < MARKED * whole:
            continue
        if prose[best] >= INNERMOST * sum(prose[each] for each in held if not _inside(each, held)):
            return best, True
    return _innermost(body, sizes, prose), False


def _is_marked(element: Element) -> bool:
    return (
        element.tag in ("article", "main")
        or element.get("role") in ("main", "article")
        or element.get("itemprop") == "articleBody"
    )


def _inside(element: Element, others: list[Element]) -> bool:
    return any(ancestor in others for ancestor in element.iterancestors())


def _prose_left(body: Element, sizes: dict[Element, Size], dropped: set[Element]) -> dict[Element, int]:
    """How much prose each element holds beside what is dropped, for those that are not."""
    prose: dict[Element, int] = {}
    gone = [0]  # of the open elements, the outermost first
    walk = etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            gone.append(0)
            if element in dropped:
                walk.skip_subtree()
                gone[-1] = sizes[element].prose
            continue
        lost = gone.pop()
        gone[-1] += lost
        if element in sizes and element not in dropped:
            prose[element] = sizes[element].prose - lost
    return prose


def _innermost(body: Element, sizes: dict[Element, Size], prose: dict[Element, int]) -> Element:
    """The innermost part of the page that holds most of the prose, and the main heading where there is one."""
    here = body
    while True:
        fullest = max((child for child in here if child in prose), key=lambda child: prose[child], default=None)
        if (
            fullest is None
            or fullest.tag not in PARTS
            or (fullest.tag == "table" and is_data(fullest))
            or prose[fullest] < INNERMOST * prose[here]
            or (sizes[here].holds_heading and not sizes[fullest].holds_heading)
        ):
            return here
        here = fullest


def _is_text(element: Element, size: Size) -> bool:
    """Whether what stands outside the article is worth keeping: a paragraph or heading of no links, or prose."""
    return _is_prose(element, size) or (element.tag in LINES and size.links < size.text / 3)


def _is_prose(element: Element, size: Size) -> bool:
    """Whether an element holds sentences, few of them links."""
    return (
        size.prose >= LEAST_PROSE
        and size.links < size.text / 3
        and (element.find(".//pre") is not None or SENTENCE.search("".join(element.itertext())) is not None)
    )
