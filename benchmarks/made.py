"""Makes files of every format from articles whose text is known, with that text beside each in ``NAME.source.json``.

    python benchmarks/made.py --data ../shared/eval/xquad FOLDER

Needs LibreOffice (writer, calc, impress) and, for pages printed from a browser, Chromium; what is absent is named. So
is a PDF that lacks letters of its article, which is left out: LibreOffice drops a line here and there.
``NAME.source.json`` holds ``language``, ``parts`` (``kind`` and ``text`` in order), ``pages`` (each page's own text,
null where the format has none), ``scan`` (whether the file is pictures only) and ``unwanted`` (what stands in the file
and is none of the article: running heads, menus).
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import pypdfium2
from articles import Article, Part, articles

SCAN_DPI = 300
SOFT_HYPHEN = "\N{SOFT HYPHEN}"
VOWELS = "аеёиоуыэюяәөүұіaeiouy"
SYLLABLE = re.compile(rf"(?<=\w[{VOWELS}])(?=[^\W\d_{VOWELS}][{VOWELS}]\w)", re.IGNORECASE)
COUNTRIES = {"ru": "RU", "en": "US", "kk": "KZ"}
FONT = "Liberation Serif"
FONTS = {"kk": "DejaVu Serif"}  # the other one lacks some letters; the layout "fonts" has words in both
DATE = "2025-11-25"
SOFFICE = ("soffice", "libreoffice")
CHROMIUM = ("chromium", "google-chrome", "chromium-browser")
WRITER = ("docx", "odt", "rtf", "epub")
NO_LETTERS = re.compile(r"[\W_\ufffe]+")  # U+FFFE is PDFium's mark for a hyphen at a line's end
NAMESPACES = (
    " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for name, long in {
            "office": "office",
            "style": "style",
            "text": "text",
            "table": "table",
            "draw": "drawing",
            "fo": "xsl-fo-compatible",
            "svg": "svg-compatible",
            "meta": "meta",
            "presentation": "presentation",
        }.items()
    )
    + ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


@dataclass(frozen=True)
class Flat:
    """A flat OpenDocument file, the kinds to convert it to, and what is to be read of them."""

    source: Path
    kinds: tuple[str, ...]
    article: Article
    parts: tuple[Part, ...]
    pages: Sequence[str] | None = None
    unwanted: tuple[str, ...] = ()


def make(folder: Path, data: Path | None) -> list[str]:
    """Makes the files in ``folder`` and returns what could not be made, each with the reason."""
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / ".work"
    work.mkdir(exist_ok=True)
    found = articles(data)
    absent = [] if data else ["articles of XQuAD: --data names no folder"]
    for article in found:
        _web_page(folder, article)
        _table(folder, article)
    office = _program(SOFFICE)
    if office is None:
        return [*absent, "DOCX, ODT, RTF, EPUB, PPTX, XLSX, PDF and scans: LibreOffice is not installed"]
    made = [
        each for article in found for each in (*_texts(work, article), *_slides(work, article), *_sheets(work, article))
    ]
    _convert(made, folder, work, office)
    browser = _program(CHROMIUM)
    if browser is None:
        absent.append("PDF printed from a browser: Chromium is not installed")
    for article in found:
        if browser:
            _printed(folder, work, article, browser)
        _scan(folder, article)
    return [*absent, *_leave_out_lossy(folder)]


def letters(text: str) -> str:
    return NO_LETTERS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def pages_of(path: Path) -> list[str]:
    """The text of each page as PDFium gives it."""
    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


def source_of(path: Path) -> Path:
    """What is to be read of the file stands there."""
    return path.with_name(path.name + ".source.json")


def soft(text: str) -> str:
    """The text with soft hyphens between its syllables, as typesetters put them."""
    return SYLLABLE.sub(SOFT_HYPHEN, text)


def flat_text(
    article: Article, columns: int = 1, furnished: bool = False, hyphenate: bool = False, font: str | None = None
) -> str:
    """The article as a flat OpenDocument text, in pages of some ``columns``, with a running head and page numbers
    where ``furnished``, and words hyphenated at line ends by LibreOffice's dictionary where ``hyphenate``."""
    font = font or FONTS.get(article.language, FONT)
    size, height = (12, 29.7) if columns == 1 else (9, 17)  # cells in which no word is cut; several pages
    country = COUNTRIES[article.language]
    hyphens = (
        'fo:hyphenate="true" fo:hyphenation-remain-char-count="2" fo:hyphenation-push-char-count="2"'
        if hyphenate
        else 'fo:hyphenate="false"'
    )
    align = 'fo:text-align="justify"' if hyphenate else ""
    split = f'<style:columns fo:column-count="{columns}" fo:column-gap="0.6cm"/>' if columns > 1 else ""
    head = f"<style:header><text:p>{escape(article.running)}</text:p></style:header>" if furnished else ""
    foot = (
        "<style:footer><text:p><text:page-number>1</text:page-number> / <text:page-count>1</text:page-count>"
        "</text:p></style:footer>"
        if furnished
        else ""
    )
    around = (
        "<style:header-style><style:header-footer-properties fo:min-height='1cm' fo:margin-bottom='0.5cm'/>"
        "</style:header-style><style:footer-style><style:header-footer-properties fo:min-height='1cm' "
        "fo:margin-top='0.5cm'/></style:footer-style>"
        if furnished
        else ""
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.text">
{_meta(article)}
<office:font-face-decls><style:font-face style:name="{font}" svg:font-family="'{font}'"/>
</office:font-face-decls>
<office:styles>
<style:default-style style:family="paragraph"><style:paragraph-properties fo:margin-bottom="0.2cm" {align}/>
<style:text-properties style:font-name="{font}" fo:font-size="{size}pt"
 fo:language="{article.language}" fo:country="{country}" {hyphens}/></style:default-style>
<style:style style:name="H1" style:family="paragraph" style:default-outline-level="1">
<style:text-properties fo:font-size="18pt" fo:font-weight="bold"/></style:style>
<style:style style:name="H2" style:family="paragraph" style:default-outline-level="2">
<style:paragraph-properties fo:keep-with-next="always"/>
<style:text-properties fo:font-size="14pt" fo:font-weight="bold"/></style:style>
</office:styles>
<office:automatic-styles>
<style:page-layout style:name="page"><style:page-layout-properties fo:page-width="21cm" fo:page-height="{height}cm"
 fo:margin-top="2cm" fo:margin-bottom="2cm" fo:margin-left="2.5cm" fo:margin-right="2cm">{split}
</style:page-layout-properties>{around}</style:page-layout>
<text:list-style style:name="L"><text:list-level-style-bullet text:level="1" text:bullet-char="•">
<style:list-level-properties text:space-before="0.5cm" text:min-label-width="0.5cm"/>
</text:list-level-style-bullet></text:list-style>
</office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="page">{head}{foot}
</style:master-page></office:master-styles>
<office:body><office:text>{"".join(_flow(article))}</office:text></office:body></office:document>"""


def _meta(article: Article) -> str:
    return (
        f"<office:meta><dc:title>{escape(article.title)}</dc:title><dc:language>{article.language}</dc:language>"
        f"<meta:creation-date>{DATE}T10:00:00</meta:creation-date><dc:date>{DATE}T10:00:00</dc:date></office:meta>"
    )


def _flow(article: Article) -> Iterator[str]:
    """The parts as OpenDocument text; neighbouring items are one list, neighbouring rows one table."""
    previous = ""
    note = article.parts[-1]
    for number, part in enumerate(article.parts[:-1]):
        if previous != part.kind:
            yield {"item": "</text:list>", "row": "</table:table>"}.get(previous, "")
            width = part.text.count("\t") + 1
            yield {
                "item": '<text:list text:style-name="L">',
                "row": f'<table:table><table:table-column table:number-columns-repeated="{width}"/>',
            }.get(part.kind, "")
        yield _element(part, note if number == len(article.parts) - 2 else None)
        previous = part.kind


def _element(part: Part, note: Part | None) -> str:
    text = escape(part.text)
    if part.kind in ("title", "heading"):
        level = 1 if part.kind == "title" else 2
        return f'<text:h text:style-name="H{level}" text:outline-level="{level}">{text}</text:h>'
    if part.kind == "item":
        return f"<text:list-item><text:p>{text}</text:p></text:list-item>"
    if part.kind == "row":
        return f"<table:table-row>{''.join(map(_cell, part.text.split(chr(9))))}</table:table-row>"
    mark = (
        '<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body>'
        f"<text:p>{escape(note.text)}</text:p></text:note-body></text:note>"
        if note
        else ""
    )
    return f"<text:p>{text}{mark}</text:p>"


def _cell(text: str) -> str:
    kind = f'float" office:value="{text}' if text.isdigit() else "string"
    return f'<table:table-cell office:value-type="{kind}"><text:p>{escape(text)}</text:p></table:table-cell>'


def _texts(work: Path, article: Article) -> Iterator[Flat]:
    """Word-processor files, and PDF in one column, in two, with running heads, with words hyphenated."""
    softened = Article(
        article.name, article.language, tuple(Part(p.kind, soft(p.text)) for p in article.parts), article.running, ()
    )
    layouts = {
        "plain": flat_text(article),
        "columns": flat_text(article, columns=2),
        "heads": flat_text(article, furnished=True),
        "hyphens": flat_text(article, columns=2, furnished=True, hyphenate=True),
        "soft": flat_text(softened, columns=2),
    }
    if article.language in FONTS:
        layouts["fonts"] = flat_text(article, font=FONT)
    for layout, xml in layouts.items():
        source = work / f"{layout}-{article.name}.fodt"
        source.write_text(xml, "utf-8")
        kinds = {"plain": (*WRITER, "pdf"), "heads": ("docx", "odt", "pdf"), "soft": ("docx", "odt", "pdf")}
        unwanted = (article.running,) if layout in ("heads", "hyphens") else ()
        pages = () if layout == "fonts" else None  # PDFium mixes the order of letters in two fonts
        yield Flat(source, kinds.get(layout, ("pdf",)), article, article.parts, pages, unwanted)


def _slides(work: Path, article: Article) -> Iterator[Flat]:
    """A slide for each heading and what follows it; a table has a slide of its own, before what follows it."""
    slides: list[list[Part]] = []
    for part in article.parts[:-1]:
        if part.kind in ("title", "heading"):
            slides.append([])
        slides[-1].append(part)
    pages = "".join(_slide(number, slide) for number, slide in enumerate(slides))
    xml = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.presentation">
{_meta(article)}<office:styles><style:style style:name="M-title" style:family="presentation"/>
<style:style style:name="M-outline1" style:family="presentation"/></office:styles><office:automatic-styles>
<style:page-layout style:name="page"><style:page-layout-properties fo:page-width="28cm" fo:page-height="21cm"/>
</style:page-layout></office:automatic-styles><office:master-styles>
<style:master-page style:name="M" style:page-layout-name="page"/></office:master-styles>
<office:body><office:presentation>{pages}</office:presentation></office:body></office:document>"""
    source = work / f"slides-{article.name}.fodp"
    source.write_text(xml, "utf-8")
    ordered = tuple(part for slide in slides for part in _slide_order(slide))
    texts = [" ".join(part.text for part in slide) for slide in slides]
    yield Flat(source, ("pptx", "odp"), article, ordered, texts)


def _slide_order(slide: list[Part]) -> list[Part]:
    return [part for part in slide if part.kind != "row"] + [part for part in slide if part.kind == "row"]


def _slide(number: int, slide: list[Part]) -> str:
    ordered = _slide_order(slide)
    body = "".join(f"<text:p>{escape(part.text)}</text:p>" for part in ordered[1:] if part.kind != "row")
    rows = [part for part in slide if part.kind == "row"]
    width = rows[0].text.count("\t") + 1 if rows else 0
    table = (
        '<draw:frame svg:x="2cm" svg:y="14cm" svg:width="22cm" svg:height="5cm"><table:table>'
        f'<table:table-column table:number-columns-repeated="{width}"/>'
        f"{''.join(_element(row, None) for row in rows)}</table:table></draw:frame>"
        if rows
        else ""
    )
    return (
        f'<draw:page draw:name="page{number}" draw:master-page-name="M">'
        '<draw:frame presentation:style-name="M-title" presentation:class="title" svg:x="2cm" svg:y="1cm" '
        'svg:width="22cm" svg:height="3cm"><draw:text-box>'
        f"<text:p>{escape(ordered[0].text)}</text:p></draw:text-box></draw:frame>"
        '<draw:frame presentation:style-name="M-outline1" presentation:class="outline" svg:x="2cm" svg:y="5cm" '
        'svg:width="22cm" svg:height="8cm">'
        f"<draw:text-box>{body}</draw:text-box></draw:frame>{table}</draw:page>"
    )


def _records(article: Article) -> tuple[list[list[str]], list[Part]]:
    """A table with the article's rows and a date to each, and what is to be read of it."""
    rows = [part.text.split("\t") for part in article.parts if part.kind == "row"]
    dated = [[*rows[0], "ISO"], *([*row, f"2025-11-{20 + number}"] for number, row in enumerate(rows[1:]))]
    parts = [Part("row", "; ".join(f"{a}: {b}" for a, b in zip(dated[0], row, strict=True))) for row in dated[1:]]
    return dated, parts


def _table(folder: Path, article: Article) -> None:
    """CSV as databases write it, and as Excel does in Russia: windows-1251 with semicolons."""
    rows, parts = _records(article)
    for name, encoding, delimiter in (("comma", "utf-8", ","), ("semicolon", "windows-1251", ";")):
        if name == "semicolon" and article.language != "ru":
            continue
        path = folder / f"{name}-{article.name}.csv"
        with path.open("w", encoding=encoding, newline="") as stream:
            csv.writer(stream, delimiter=delimiter).writerows(rows)
        _save(path, article, parts)


def _sheets(work: Path, article: Article) -> Iterator[Flat]:
    """A workbook of two sheets that hold the same rows; a sheet's name is its heading."""
    rows, parts = _records(article)
    lines = "".join(f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in rows)
    names = [part.text for part in article.parts if part.kind == "heading"][:2]
    tables = "".join(f'<table:table table:name="{escape(name)}">{lines}</table:table>' for name in names)
    xml = f"""<?xml version="1.0" encoding="UTF-8"?>
<office:document {NAMESPACES} office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.spreadsheet">
{_meta(article)}<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document>"""
    source = work / f"sheets-{article.name}.fods"
    source.write_text(xml, "utf-8")
    wanted = tuple(each for name in names for each in (Part("heading", name), *parts))
    yield Flat(source, ("xlsx", "ods"), article, wanted)


def _page_body(article: Article) -> str:
    lines, previous = [], ""
    for part in article.parts:
        if previous != part.kind:
            lines.append({"item": "</ul>", "row": "</table>"}.get(previous, ""))
            lines.append({"item": "<ul>", "row": "<table>"}.get(part.kind, ""))
        text = escape(part.text)
        cells = "".join(f"<td>{cell}</td>" for cell in text.split("\t"))
        lines.append(
            {
                "title": f"<h1>{text}</h1>",
                "heading": f"<h2>{text}</h2>",
                "item": f"<li>{text}</li>",
                "row": f"<tr>{cells}</tr>",
            }.get(part.kind, f"<p>{text}</p>")
        )
        previous = part.kind
    return "\n".join(lines)


def _web_page(folder: Path, article: Article) -> None:
    """The article among a portal's menu, header, side column and footer; in windows-1251 too."""
    links = "".join(f'<li><a href="#{n}">{escape(line)}</a></li>' for n, line in enumerate(article.menu))
    for name, encoding in (("portal", "utf-8"), ("portal1251", "windows-1251")):
        if encoding != "utf-8" and article.language != "ru":
            continue  # windows-1251 has neither Kazakh letters nor the £ of the English article
        html = f"""<!DOCTYPE html><html lang="{article.language}"><head><meta charset="{encoding}">
<title>{escape(article.title)}</title><meta property="article:published_time" content="{DATE}T10:00:00+05:00">
<style>nav {{ color: red }}</style><script>var menu = "{escape(article.menu[0])}";</script></head><body>
<header><a href="/">{escape(article.running)}</a></header><nav><ul>{links}</ul></nav>
<main><article>{_page_body(article)}</article></main>
<aside><h3>{escape(article.menu[3])}</h3><ul>{links}</ul></aside>
<footer><p>© {escape(article.running)}</p><ul>{links}</ul></footer></body></html>"""
        path = folder / f"{name}-{article.name}.html"
        path.write_text(html, encoding, errors="xmlcharrefreplace")
        _save(path, article, unwanted=(article.running, *article.menu))


def _printed(folder: Path, work: Path, article: Article, browser: str) -> None:
    """The article printed from a browser, which puts a date, the title and page numbers around it."""
    page = work / f"printed-{article.name}.html"
    page.write_text(
        f'<!DOCTYPE html><html lang="{article.language}"><meta charset="utf-8"><title>{escape(article.title)}</title>'
        f"<body>{_page_body(article)}</body></html>",
        "utf-8",
    )
    made = folder / f"printed-{article.name}.pdf"
    _run(browser, "--headless", "--no-sandbox", "--disable-gpu", f"--print-to-pdf={made}", page.resolve().as_uri())
    _save(made, article, unwanted=("file:///",))


def _scan(folder: Path, article: Article) -> None:
    """The one-column PDF as grey pictures of its pages, with no text."""
    source = folder / f"plain-{article.name}.pdf"
    with pypdfium2.PdfDocument(source) as pdf:
        pictures = [page.render(scale=SCAN_DPI / 72, grayscale=True).to_pil() for page in pdf]
    made = folder / f"scan-{article.name}.pdf"
    pictures[0].save(made, save_all=True, append_images=pictures[1:], resolution=SCAN_DPI)
    _save(made, article, pages=pages_of(source), scan=True)


def _leave_out_lossy(folder: Path) -> Iterator[str]:
    """Removes each PDF whose text, its running heads aside and in any order, lacks letters of its parts."""
    for path in sorted(each for each in folder.glob("*.pdf") if source_of(each).is_file()):
        about = json.loads(source_of(path).read_text("utf-8"))
        text = letters(" ".join(about["pages"] or pages_of(path)))
        for each in about["unwanted"]:
            text = text.replace(letters(each), "")
        lost = Counter(letters(" ".join(part["text"] for part in about["parts"]))) - Counter(text)
        if lost:
            path.unlink()
            source_of(path).unlink()
            yield f"{path.name}: the program that wrote it dropped {lost.total()} letters"


def _save(
    path: Path,
    article: Article,
    parts: Sequence[Part] = (),
    pages: Sequence[str] | None = None,
    unwanted: Sequence[str] = (),
    scan: bool = False,
) -> None:
    """Writes what is to be read of ``path`` beside it."""
    if pages is None and path.suffix == ".pdf":
        pages = pages_of(path)
    about = {
        "language": article.language,
        "title": article.title,
        "date": DATE,
        "parts": [{"kind": part.kind, "text": part.text} for part in parts or article.parts],
        "pages": pages,
        "unwanted": unwanted,
        "scan": scan,
    }
    source_of(path).write_text(json.dumps(about, ensure_ascii=False, indent=1), "utf-8")


def _convert(flats: list[Flat], folder: Path, work: Path, office: str) -> None:
    """Converts the files, those of one kind at once, which spares starting LibreOffice for each."""
    profile = f"-env:UserInstallation={(work / 'profile').resolve().as_uri()}"
    for kind in sorted({kind for flat in flats for kind in flat.kinds}):
        wanted = [flat for flat in flats if kind in flat.kinds]
        _run(
            office,
            profile,
            "--headless",
            "--convert-to",
            kind,
            "--outdir",
            str(folder),
            *(str(f.source) for f in wanted),
        )
        for flat in wanted:
            _save(folder / f"{flat.source.stem}.{kind}", flat.article, flat.parts, flat.pages, flat.unwanted)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-300:]}")


def _program(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    for reason in make(options.folder, options.data):
        print(f"not made: {reason}")


if __name__ == "__main__":
    main()
