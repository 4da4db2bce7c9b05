"""Every regular expression of the package, found by itself, and what a pattern's own structure says is hostile to it.

Found are all calls of ``re`` in the source of ``rag/`` and all patterns that its modules hold, so that a new one cannot
be forgotten. Hostile texts come from the parse tree: whatever may repeat is repeated, behind what has to stand before
it and before what fits nothing, and so is each sign that the pattern tells apart.
"""

from __future__ import annotations

import ast
import importlib
import random
import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
METHODS = frozenset({"compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
ANCHORED = frozenset({"match", "fullmatch"})  # tried at one place; all others at every character
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
SHORT = 64  # characters: a pattern that looks at no more does the same work at each place of a text
MANY = 4  # a repeat that is bounded below it multiplies nothing
VARIANTS = 3  # samples of each repeat: a class has many members
# One of each kind that our patterns tell apart.
SIGNS = (*" \n\t\u00a0aAzIбБёқ019.,;:!?…«»\"'’“”()[]{}<>-–—_/\\|*#=@№%$^&~`\0\u0301\u200b", "\ud800")
ENDS = ("", "x", "\0", "!")  # what fits nothing, most often


@dataclass(frozen=True)
class Pattern:
    """A pattern of the package; ``methods`` is how it is used, ``place`` where."""

    place: str
    regex: re.Pattern[Any]
    methods: frozenset[str]

    @property
    def anchored(self) -> bool:
        return bool(self.methods) and self.methods <= ANCHORED

    def run(self, text: str) -> None:
        """As the package does, in the dearest way."""
        subject = text.encode("utf-8", "replace") if isinstance(self.regex.pattern, bytes) else text
        if not self.anchored:
            for _ in self.regex.finditer(subject):
                pass
        if not self.methods or "match" in self.methods:
            self.regex.match(subject)
        if not self.methods or "fullmatch" in self.methods:
            self.regex.fullmatch(subject)


@dataclass(frozen=True)
class Call:
    """A call of ``re`` whose pattern is made while the program runs: a test has to give examples."""

    module: str
    source: str


# Patterns that are made of other parts than their module's constants, and examples of them.
MADE: dict[Call, tuple[str, ...]] = {
    Call("rag.generation.facts", r"f'\\b{names.pattern}'"): (
        r"\b(?:ма[йяею]|маем|мамыр\w*|may)\b",
        r"\b(?:наурыз\w*)\b",
    ),
    Call("rag.stores.milvus.publishing", "f\"{re.escape(names.name)}_(m\\\\d+|g\\\\d+_({'|'.join(DATA)}))\""): (
        r"name_(m\d+|g\d+_(rows|terms))",
    ),
    Call("rag.web.wording.parts", r"f'[\\w,»] {word}\\b'"): (r"[\w,»] Слово\b", r"[\w,»] A\b"),
    Call("rag.web.wording.parts", r"f'\\b{small}\\b'"): (r"\bслово\b", r"\ba\b"),
}
# How patterns are used that stand in a list or a table there.
HELD = {f"rag.web.wording.{language}.FORMS": frozenset({"match"}) for language in ("russian", "english")}
# Patterns that see no longer text than so many characters, by the module that calls them: there the work is bounded.
BOUNDED = {
    "rag.readers.dates.BESIDE": 100,  # LINE_LENGTH
    "rag.sentences._LEFT": 32,  # _WINDOW
    "rag.sentences._BEFORE": 32,  # _WINDOW
    "rag.generation.names._OPENING": 8,  # characters before the word
    **{f"rag.web.wording.english.FORMS[{i}]": 600 for i in range(5)},  # LONGEST sentence
    **{f"rag.web.wording.russian.FORMS[{i}]": 600 for i in range(6)},
    "rag.web.wording.russian.LATIN_NAME": 600,
}


@cache
def trees() -> dict[str, ast.Module]:
    """The source of each module of the package, by its full name."""
    found = {}
    for path in sorted((ROOT / "rag").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text("utf-8"))
    return found


def patterns() -> tuple[list[Pattern], list[Call]]:
    """All patterns, each text once a module, and the calls whose pattern could not be told from the source."""
    found: dict[tuple[str, Any], Pattern] = {}
    unknown = []
    for module, tree in trees().items():
        calls = [node for node in ast.walk(tree) if _is_of_re(node)]
        if not calls:
            continue
        space = vars(importlib.import_module(module))
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        held = {name: regex for name, regex in _held(space) if name.partition("[")[0] in own}
        for name, regex in held.items():
            short = name.partition("[")[0]
            methods = HELD.get(f"{module}.{short}") or _methods(module, short)
            found[module, regex.pattern] = Pattern(f"{module}.{name}", regex, methods)
        for call in calls:
            regex = _evaluated(call, space)
            if regex is None:
                if not _is_kept(tree, call, held):
                    unknown.append(Call(module, ast.unparse(call.args[0])))
            elif (module, regex.pattern) not in found:
                method = call.func.attr  # type: ignore[attr-defined]
                methods = frozenset[str]() if method == "compile" else frozenset({method})
                found[module, regex.pattern] = Pattern(f"{module}:{call.lineno}", regex, methods)
    return list(found.values()), unknown


def made() -> list[Pattern]:
    """The examples of patterns that are made while the program runs."""
    return [
        Pattern(f"{call.module} {text}", re.compile(text), frozenset())
        for call, texts in MADE.items()
        for text in texts
    ]


def _is_of_re(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("re", "regex")
        and node.func.attr in METHODS
    )


def _held(space: dict[str, Any]) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The patterns among a module's names, in lists, tuples and dictionaries too."""
    for name, value in space.items():
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
        )
        for key, item in [("", value), *items]:
            for part in item if isinstance(item, tuple) else (item,):
                if isinstance(part, re.Pattern):
                    yield (f"{name}[{key!r}]" if item is not value else name), part


def _evaluated(call: Any, space: dict[str, Any]) -> re.Pattern[Any] | None:
    """The call's pattern as its module's own names make it; None where it takes others."""
    flags = [argument for argument in call.args[1:] if "re." in ast.unparse(argument)]
    flags += [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    try:
        made = [eval(compile(ast.Expression(node), "", "eval"), space) for node in (call.args[0], *flags)]  # noqa: S307
    except NameError:
        return None
    return made[0] if isinstance(made[0], re.Pattern) else re.compile(made[0], *made[1:])


def _is_kept(tree: ast.Module, call: ast.AST, held: dict[str, Any]) -> bool:
    """Whether the call stands where a module's name is given its value: the patterns are then found there."""
    names = {name.partition("[")[0] for name in held}
    return any(
        call in ast.walk(node) and names.intersection(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    )


@cache
def _uses() -> dict[str, list[tuple[str, str, str]]]:
    """Of each name that is read anywhere: the module, what it is read from, and the method of it that is called."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for module, tree in trees().items():
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name | ast.Attribute) or isinstance(node.ctx, ast.Store):
                continue
            name, base = (node.id, "") if isinstance(node, ast.Name) else (node.attr, ast.unparse(node.value))
            parent = parents[node]
            method = parent.attr if isinstance(parent, ast.Attribute) and parent.attr in METHODS else ""
            found.setdefault(name, []).append((module, base, method))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    found.setdefault(alias.name, []).append((module, f"import {node.module}", "imported"))
    return found


def _methods(module: str, name: str) -> frozenset[str]:
    """How the package uses the pattern of this name; empty where that is not told by the name alone."""
    uses = _uses().get(name, [])
    importers = {other for other, base, _ in uses if base == f"import {module}"} | {module}
    short = module.rpartition(".")[2]
    methods = {
        method
        for other, base, method in uses
        if (other in importers and not base) or (other != module and base.rpartition(".")[2] == short)
    }
    return frozenset(methods) if "" not in methods else frozenset()


# --- texts that are hostile to a pattern ---


def is_short(pattern: Pattern) -> bool:
    """Whether the pattern looks at so few characters from any one place that no text can be dear to it."""
    tree = _parsed(pattern)
    return tree.getwidth()[1] <= SHORT and not any(
        kind in (sre.ASSERT, sre.ASSERT_NOT) and value[1].getwidth()[1] > SHORT for kind, value in _nodes(list(tree))
    )


def _parsed(pattern: Pattern) -> Any:
    source, flags = pattern.regex.pattern, pattern.regex.flags
    if isinstance(source, bytes):
        return parser.parse(source.decode("latin-1"), flags)
    return parser.parse(source, flags)


def _nodes(nodes: list[Any]) -> Iterator[tuple[Any, Any]]:
    for kind, value in nodes:
        yield kind, value
        for inner in [value[2]] if kind in REPEATS else _inside(kind, value):
            yield from _nodes(list(inner))


def hostile(pattern: Pattern) -> list[tuple[str, str, str]]:
    """``(before, unit, after)``: texts are ``before + n * unit + after``."""
    tree = _parsed(pattern)
    chance = random.Random(zlib.crc32(repr(pattern.regex.pattern).encode("utf-8")))
    units = dict.fromkeys((before, unit) for before, unit in _repeats(list(tree), "", chance) if unit)
    nodes = list(_nodes(list(tree)))
    known = [
        sign for sign in SIGNS if any(node[0] in (sre.LITERAL, sre.IN) and _has(node, ord(sign)) for node in nodes)
    ]
    units.update(dict.fromkeys(("", sign) for sign in (*known, " ", "0", "a", "я", ".", '"')))
    units.update(dict.fromkeys(("", first + second) for first, second in _pairs(known, chance)))
    whole = [_sample(list(tree), chance, {}) for _ in range(VARIANTS)]
    units.update(dict.fromkeys(("", each) for each in whole if each))
    units.update(dict.fromkeys(("", each[:-1]) for each in whole if len(each) > 1))
    return [(before, unit, after) for before, unit in units for after in ENDS[: 4 if before or len(unit) < 3 else 2]]


def _pairs(known: list[str], chance: random.Random) -> Iterator[tuple[str, str]]:
    pairs = [(one, other) for one in known for other in known if one != other]
    yield from chance.sample(pairs, min(12, len(pairs)))


def _repeats(nodes: list[Any], before: str, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Each repeat of the tree: what stands before it, and what is repeated; also both, over and over."""
    for i, (kind, value) in enumerate(nodes):
        lead = before + _sample(nodes[:i], chance, {})
        if kind in REPEATS:
            _, most, body = value
            if most is sre.MAXREPEAT or most >= MANY:
                for _ in range(VARIANTS):
                    unit = _sample(list(body), chance, {})
                    yield lead, unit
                    yield "", lead + unit
                    if i:
                        yield lead, unit + _sample(nodes[max(0, i - 2) : i], chance, {})
            yield from _repeats(list(body), lead, chance)
        for inner in _inside(kind, value):
            yield from _repeats(list(inner), lead, chance)


def _inside(kind: Any, value: Any) -> list[Any]:
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.BRANCH:
        return list(value[1])
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if kind is sre.ATOMIC_GROUP:
        return [value]
    if kind is sre.GROUPREF_EXISTS:
        return [part for part in value[1:] if part]
    return []


def _sample(nodes: list[Any], chance: random.Random, groups: dict[int, str]) -> str:
    """A text that the nodes match, looking around aside."""
    text = ""
    for kind, value in nodes:
        if kind is sre.LITERAL:
            text += chr(value)
        elif kind in (sre.NOT_LITERAL, sre.IN, sre.ANY):
            fitting = [sign for sign in SIGNS if _has((kind, value), ord(sign))] or _members(value)
            text += chance.choice(fitting or [""])
        elif kind in REPEATS:
            least, most, body = value
            text += "".join(_sample(list(body), chance, groups) for _ in range(max(least, min(1, int(most)))))
        elif kind is sre.BRANCH:
            text += _sample(list(chance.choice(value[1])), chance, groups)
        elif kind is sre.SUBPATTERN:
            inner = _sample(list(value[3]), chance, groups)
            groups[value[0] or 0] = inner
            text += inner
        elif kind is sre.ATOMIC_GROUP:
            text += _sample(list(value), chance, groups)
        elif kind is sre.GROUPREF:
            text += groups.get(value, "")
    return text


def _has(node: tuple[Any, Any], code: int) -> bool:
    kind, value = node
    if kind is sre.LITERAL:
        return bool(value == code)
    if kind is sre.NOT_LITERAL:
        return bool(value != code)
    if kind is sre.ANY:
        return code != 10
    negated = any(part[0] is sre.NEGATE for part in value)
    return negated != any(_is_in(part, code) for part in value)


def _is_in(part: tuple[Any, Any], code: int) -> bool:
    kind, value = part
    if kind is sre.LITERAL:
        return bool(value == code)
    if kind is sre.RANGE:
        return bool(value[0] <= code <= value[1])
    if kind is not sre.CATEGORY:
        return False
    sign, name = chr(code), str(value)
    of = sign.isspace() if "SPACE" in name else sign.isalnum() or sign == "_"
    if "DIGIT" in name:
        of = unicodedata.category(sign) == "Nd"
    return of != ("NOT" in name)


def _members(value: Any) -> list[str]:
    """The first members of a class that holds none of our signs."""
    parts = value if isinstance(value, list) else []
    return [
        chr(part[1] if part[0] is sre.LITERAL else part[1][0]) for part in parts if part[0] in (sre.LITERAL, sre.RANGE)
    ]
