"""Hostile text, Markdown, HTML, CSV and sidecars: deep, long, badly encoded, hard on regular expressions."""

from __future__ import annotations

import random
from collections.abc import Iterator

File = tuple[str, bytes]
LINE = 20 << 20  # bytes of a file of one line
LONG = 1 << 18  # characters; twice that takes four times as long where something is quadratic
DEEP = 100_000
SENTENCE = "Водохранилище вмещает 240 кубических километров воды."


def texts(canary: str) -> Iterator[File]:
    """Files that are text, or say so."""
    yield "any/line.txt", (SENTENCE + " ").encode() * (LINE // 96)
    for name, data in (*_encodings(), *_shapes()):
        yield f"any/{name}.txt", data
    yield "refused/noise.txt", random.Random(1).randbytes(50_000)
    for name, text in _markdown():
        yield f"any/{name}.md", text.encode()
    for name, text in _pages(canary):
        yield f"any/{name}.html", text.encode("utf-8", "surrogatepass")
    for name, text in _tables():
        yield f"any/{name}.csv", text.encode()
    for name, data in _sidecars():
        yield f"any/sidecar-{name}.txt", SENTENCE.encode()
        yield f"any/sidecar-{name}.txt.meta.json", data


def _encodings() -> Iterator[File]:
    text = SENTENCE * 20
    yield "overlong", b"\xc0\xaf\xe0\x80\xaf" * 100 + text.encode()
    yield "half-pairs", (text + "\ud800\udfff\udc00").encode("utf-8", "surrogatepass")
    yield "odd-utf-16", b"\xff\xfe" + text.encode("utf-16-le")[:-1]
    yield "half-pair-utf-16", b"\xff\xfe" + (text + "\ud800").encode("utf-16-le", "surrogatepass")
    yield "utf-32", b"\xff\xfe\0\0" + text.encode("utf-32-le")[:-3]
    yield "one-bad-byte", text.encode()[:301] + b"\xff" + text.encode()[301:]
    yield "two-encodings", text.encode() + text.encode("windows-1251")
    yield "only-mark", b"\xef\xbb\xbf"
    yield "only-mark-utf-16", b"\xff\xfe"
    yield "one-byte", b"\xe9"
    yield "controls", bytes(range(1, 32)) * 100
    yield "escapes", b"\x1b[2J\x1b]0;title\x07" * 500 + text.encode()


def _shapes() -> Iterator[File]:
    for name, text in (
        ("unbroken", "а" * LONG),
        ("spaces", "а" + " " * LONG + "б"),
        ("lines", "\n" * LONG + SENTENCE),
        ("carriage-returns", SENTENCE + "\r" * LONG),
        ("form-feeds", "\f" * LONG + SENTENCE),
        ("points", "." * LONG),
        ("questions", "?! " * (LONG // 3)),
        ("brackets", "(" * LONG),
        ("quotes", "«" * DEEP + SENTENCE + "»" * DEEP),
        ("initials", "А. Б. " * (LONG // 12)),
        ("abbreviations", "т.е. и т.д. " * (LONG // 24)),
        ("numbers", "1.1." * (LONG // 8)),
        ("dashes", "а-" * (LONG // 4)),
        ("accents", "е" + "\u0301" * (LONG // 4)),
        ("joined", "\U0001f469\u200d" * (LONG // 14)),
        ("turned", "\u202e" * 1000 + SENTENCE),
        ("widthless", "\u200b" * (LONG // 6)),
        ("ligature", "\ufdfa" * (LONG // 6)),
        ("dots-over-i", "İ" * (LONG // 4)),
        ("date", "date " + "2025-" * (LONG // 10)),
    ):
        yield name, text.encode()


def _markdown() -> Iterator[tuple[str, str]]:
    yield "quotes", ">" * DEEP + " a"
    yield "quoted-lines", "> " * 5000 + "a\n" * 500
    yield "lists", "".join("  " * depth + "- a\n" for depth in range(1000))
    yield "numbered", "1. " * DEEP + "a"
    yield "brackets", "[" * DEEP
    yield "links", "[a](" * (DEEP // 4)
    yield "pictures", "![" * DEEP
    yield "stars", "*a **a " * (DEEP // 4)
    yield "underscores", "_a __a " * (DEEP // 4)
    yield "ticks", "".join("`" * number + " " for number in range(1, 1500))
    yield "fences", "```\n" * (DEEP // 2)
    yield "headings", "#" * DEEP + " a\n" + "# a\n" * 10_000
    yield "underlined", "a\n" * 50_000 + "===\n"
    yield "table", "|a" * 2000 + "|\n" + "|-" * 2000 + "|\n" + ("|a" * 2000 + "|\n") * 50
    yield "references", "".join(f"[{number}]: /a\n" for number in range(20_000))
    yield "html", "<div>" * DEEP
    yield "entities", "&" * DEEP + "&#xD800;" * 1000
    yield "front-matter", "---\n" + "a: *a\n" * 50_000 + "---\nтекст"
    yield "front-matter-open", "---\n" + "title: a\n" * 50_000
    yield "backslashes", "\\" * LONG


def _pages(canary: str) -> Iterator[tuple[str, str]]:
    page = '<!DOCTYPE html><html lang="ru"><head><meta charset="utf-8"><title>a</title></head><body>'
    for tag in ("div", "b", "table", "ul><li", "a", "span", "blockquote", "select", "svg", "font"):
        yield f"deep-{tag.replace('><', '-')}", page + f"<{tag}>" * DEEP + SENTENCE
    yield "open-brackets", "<" * LONG
    yield "open-comment", page + SENTENCE + "<!--" + "-" * LONG
    yield "open-script", page + "<script>" + "a<b;" * (LONG // 4)
    yield "open-attribute", page + '<p title="' + "a" * LONG
    yield "attributes", page + "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">" + SENTENCE
    yield "entities", page + "&lt;" * (LONG // 4) + "&" * DEEP
    yield "wrong-characters", page + "&#0;&#xD800;&#x110000;&#99999999999;&#x1;" * 1000 + SENTENCE
    yield "half-pairs", page + "\ud800" * 1000 + SENTENCE
    yield "spans", page + f'<table><tr><td rowspan="1000000000" colspan="1000000000">{SENTENCE}</td></tr></table>' * 100
    yield "cells", page + "<table>" + "<tr><td>a" * DEEP
    yield "nested-tables", page + "<table><tr><td>" * 3000 + SENTENCE
    yield "end-tags", page + "</p></div></b>" * DEEP + SENTENCE
    yield "misnested", page + "<a><b><i><p></a></b></i>" * 5000 + SENTENCE
    yield "charset-unknown", page.replace("utf-8", "x-unknown") + SENTENCE
    yield "charset-utf-7", page.replace("utf-8", "utf-7") + "+ADw-script+AD4-" + SENTENCE
    yield "charset-undefined", page.replace("utf-8", "undefined") + SENTENCE
    yield "charset-idna", page.replace("utf-8", "unicode_escape") + SENTENCE
    fetching = (
        f'<link rel="stylesheet" href="{canary}"><script src="{canary}"></script><img src="{canary}"><iframe '
        f'src="{canary}"></iframe><object data="{canary}"></object><meta http-equiv="refresh" content="0; '
        f'url={canary}"><base href="{canary}">'
    )
    yield "fetching", page + fetching + SENTENCE
    yield "external-types", f'<!DOCTYPE html SYSTEM "{canary}" [<!ENTITY a SYSTEM "{canary}">]><p>&a;{SENTENCE}'
    yield "frames", page + "<iframe>" * 10_000 + SENTENCE
    yield "data", page + '<img src="data:image/png;base64,' + "A" * LONG + '">' + SENTENCE
    yield "title", page.replace("<title>a", "<title>" + "a" * LONG) + SENTENCE
    yield "structured", page + '<script type="application/ld+json">' + "[" * DEEP + "</script>" + SENTENCE


def _tables() -> Iterator[tuple[str, str]]:
    yield "open-quote", '"' + SENTENCE * 10_000
    yield "quotes", '"' * LONG
    yield "columns", "a," * 200_000 + "\n" + "1," * 200_000
    yield "empty-rows", "a,b,c\n" + ",,\n" * 200_000
    yield "long-field", "a,b\n" + "x" * LONG + ",1\n"
    yield "delimiters", ",;\t|" * DEEP
    yield "wider", "a\n" + "".join("1," * number + "\n" for number in range(1000))
    yield "formulas", "a,b\n=cmd|' /C calc'!A0,@SUM(1)\n" * 100
    yield "carriage-returns", "a,b\r" * 5000
    yield "nul", "a,b\n1,\0\n"
    yield "one-cell", "a"


def _sidecars() -> Iterator[File]:
    yield "deep", b"[" * DEEP
    yield "deep-closed", b'{"title": ' + b"[" * DEEP + b"]" * DEEP + b"}"
    yield "not-json", b"title: a"
    yield "empty", b""
    yield "nul", bytes(100)
    yield "list", b'["title"]'
    yield "types", b'{"title": 7, "date": ["2025"], "language": {}, "type": null}'
    yield "date", b'{"date": "9999-99-99", "language": "klingon", "title": ""}'
    yield "long-number", b'{"title": ' + b"9" * 100_000 + b"}"
    yield "twice", b'{"title": "a", "title": "b"}'
    yield "half-pair", b'{"title": "\\ud800"}'
    yield "long", b'{"title": "' + b"a" * (LONG) + b'"}'
    yield "not-a-number", b'{"date": NaN, "title": Infinity}'
