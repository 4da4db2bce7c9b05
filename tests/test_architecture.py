"""The house rules that code can check: who imports whom, where torch may be, what is never used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rag"

# From the ground up: a module imports only from those above it in this list, or from its own folder.
HOUSE = (
    "rag.types",
    "rag.errors",
    "rag.certificates",
    "rag.address",
    "rag.protocols",
    "rag.settings",
    "rag.durable",
    "rag.sentences",
    "rag.text",
    "rag.layout",
    "rag.records",
    "rag.readers",
    "rag.passages",
    "rag.ignore",
    "rag.folder",
    "rag.reading",
    "rag.query",
    "rag.weights",
    "rag.universal",
    "rag.light",
    "rag.encoders",
    "rag.dense",
    "rag.lexical",
    "rag.lexical_mapped",
    "rag.inverted",
    "rag.fusion",
    "rag.retriever",
    "rag.answer",
    "rag.calibration",
    "rag.copies",
    "rag.stores",
    "rag.embedding",
    "rag.intake",
    "rag.growth",
    "rag.remote",
    "rag.builder",
    "rag.index",
    "rag.watch",
    "rag.rows",
    "rag.questions",
    "rag.measures",
    "rag.evaluate",
    "rag.compare",
    "rag.report",
    "rag.batch",
    "rag.batch_worker",
    "rag.feedback",
    "rag.export",
    "rag.generation",
    "rag.progress",
    "rag.terminal",
    "rag",  # the facade, for Python and for the edges below
    "rag.web",
    "rag.cli",  # starts the page for `snoska serve`
)
HEAVY = {"torch", "transformers", "sentence_transformers"}
HEAVY_ALLOWED = {"rag.encoders", "rag.universal"}
UNSAFE_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec"}
MAX_LINES = 400
PUBLIC = ["Answer", "BuildReport", "Citation", "Filters", "Index", "RagError", "Settings", "build", "encoders", "open"]


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def floor(module: str) -> str:
    """The place in the house that a module belongs to: itself, or its folder."""
    return ".".join(module.split(".")[:2])


def imported(tree: ast.AST, module: str) -> Iterator[str]:
    """Every module that is imported anywhere in the tree, by its full name."""
    package = module if module in PACKAGES else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                # `from rag import text` is the module rag.text; `from rag import open` is a name of rag.
                yield full if full in MODULES or full in HOUSE else base


def downward_imports(source: str, module: str) -> list[str]:
    """The imports that go down the house, or to a place that is not in it."""
    here = floor(module)
    wrong = []
    for target in imported(ast.parse(source), module):
        there = floor(target)
        if there.partition(".")[0] != "rag" or (there == here and there != "rag"):
            continue
        if there not in HOUSE or HOUSE.index(there) >= HOUSE.index(here):
            wrong.append(f"{module} imports {target}")
    return wrong


def heavy_imports(source: str, module: str) -> list[str]:
    """The imports of torch and its kin that are outside the encoders, or that run when the module is imported."""
    tree = ast.parse(source)
    everywhere = [name for name in imported(tree, module) if name.partition(".")[0] in HEAVY]
    if floor(module) not in HEAVY_ALLOWED:
        return everywhere
    return [name for node in at_import(tree) for name in imported(node, module) if name.partition(".")[0] in HEAVY]


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """The import statements that run when the module is imported: those in no function and for no type checker."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def unsafe_uses(source: str, module: str) -> list[str]:
    """What would run code that comes from a file: unpickling in any form, eval, exec."""
    tree = ast.parse(source)
    uses = [name for name in imported(tree, module) if name.partition(".")[0] in UNSAFE_MODULES]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in UNSAFE_CALLS or called in {f"builtins.{name}" for name in UNSAFE_CALLS} or called == "torch.load":
            uses.append(called)
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if given.get("allow_pickle", "False") != "False":
            uses.append(f"{called}(allow_pickle={given['allow_pickle']})")
    return uses


each_module = pytest.mark.parametrize("module", MODULES)


def test_every_module_has_its_place_in_the_house() -> None:
    assert sorted({floor(module) for module in MODULES} - set(HOUSE)) == []


@each_module
def test_imports_go_only_upward(module: str) -> None:
    assert downward_imports(MODULES[module].read_text("utf-8"), module) == []


@each_module
def test_torch_is_imported_only_by_the_encoders_and_lazily(module: str) -> None:
    assert heavy_imports(MODULES[module].read_text("utf-8"), module) == []


@each_module
def test_nothing_that_runs_code_from_a_file_is_used(module: str) -> None:
    assert unsafe_uses(MODULES[module].read_text("utf-8"), module) == []


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("rag.dense", "import rag.index", ["rag.dense imports rag.index"]),
        ("rag.text", "def f():\n    from rag.cli import main", ["rag.text imports rag.cli"]),
        ("rag.types", "from rag import errors", ["rag.types imports rag.errors"]),
        ("rag.types", "from . import errors", ["rag.types imports rag.errors"]),
        ("rag.index", "from rag import open", ["rag.index imports rag"]),
        ("rag.index", "import rag.elsewhere", ["rag.index imports rag.elsewhere"]),
        ("rag.readers.plain", "from rag.readers.source import Source\nfrom rag.text import stems", []),
        ("rag.cli", "import faiss\nfrom rag import index, web", []),
    ],
)
def test_a_downward_import_is_noticed(module: str, source: str, expected: list[str]) -> None:
    assert downward_imports(source, module) == expected


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("rag.dense", "def f():\n    import torch.nn", ["torch.nn"]),
        ("rag.encoders", "import torch", ["torch"]),
        (
            "rag.encoders",
            "try:\n    import transformers\nexcept ImportError:\n    pass",
            ["transformers"],
        ),
        ("rag.encoders", "class A:\n    import torch", ["torch"]),
        ("rag.encoders", "def f():\n    import torch", []),
        ("rag.encoders", "if TYPE_CHECKING:\n    import torch", []),
    ],
)
def test_an_early_or_misplaced_import_of_torch_is_noticed(module: str, source: str, expected: list[str]) -> None:
    assert heavy_imports(source, module) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from pickle import loads", ["pickle"]),
        ("eval('1')", ["eval"]),
        ("np.load(path, allow_pickle=True)", ["np.load(allow_pickle=True)"]),
        ("np.load(path, allow_pickle=False)\nmodel.eval()", []),
    ],
)
def test_an_unsafe_use_is_noticed(source: str, expected: list[str]) -> None:
    assert unsafe_uses(source, "rag.index") == expected


def test_no_file_does_two_jobs() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*")
        if path.suffix in {".py", ".css", ".js"}
    }
    assert {path: count for path, count in lines.items() if count > MAX_LINES} == {}


def test_importing_rag_loads_neither_torch_nor_gradio() -> None:
    heavy = sorted(HEAVY | {"gradio"})
    code = f"import sys, rag; print(*(name for name in {heavy!r} if name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert loaded.split() == []


def test_the_public_names_are_these() -> None:
    import rag

    assert rag.__all__ == PUBLIC
    assert [name for name in PUBLIC if not hasattr(rag, name)] == []
