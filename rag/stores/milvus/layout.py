"""What Milvus holds of an index: the collections, their names and fields.

A passage's number is its document's number and its place in it; a sentence's is its passage's and its own place. So
numbers are unique however many machines build, and rows are found by their primary keys.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rag.errors import IndexMismatch, IndexUnusable
from rag.lexical import K1, B
from rag.stores.milvus.server import Server

SCHEMA = 1  # of the fields below; kept in every collection's properties, any other is refused
PROPERTY = "snoska.schema"
PASSAGE_BITS, SENTENCE_BITS = 20, 12  # passages in a document, sentences in a passage; 31 bits count documents
TEXT = 65_535  # bytes: the longest text that a field may hold
STEM = 200  # characters of a stem that are kept; a longer one is no word that anybody misspells
LOTS = 2**31  # a passage's lot, by its text's hash, says whether it is in a language's sample
PIECE = 60_000  # characters of a packed value in one row

PASSAGES, SENTENCES, DOCUMENTS, TERMS = "passages", "sentences", "documents", "terms"
DATA = (PASSAGES, SENTENCES, DOCUMENTS, TERMS)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of an index's collections; the alias is the index's own name."""

    name: str

    def data(self, made: int, kind: str) -> str:
        """A collection of the set that generation ``made`` has begun."""
        return f"{self.name}_g{made}_{kind}"

    def manifest(self, generation: int) -> str:
        return f"{self.name}_m{generation}"

    @property
    def state(self) -> str:
        """What builders tell each other."""
        return f"{self.name}_state"


@lru_cache(maxsize=200_000)
def token(stem: str) -> str:
    """The stem as Milvus's analyser reads it: letters and digits, always as many, that it does not split."""
    return hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def grams(stem: str) -> dict[int, float]:
    """The stem's pairs of letters, its edges among them, as a sparse vector: misspelt words share most of them."""
    whole = f"^{stem}$"
    pairs = {whole[at : at + 2] for at in range(len(whole) - 1)}
    return {int(token(pair)[:7], 16): 1.0 for pair in pairs}


def listed(numbers: Iterable[int]) -> str:
    """Numbers as an expression names them."""
    return "[" + ",".join(map(str, numbers)) + "]"


def quoted(text: str) -> str:
    """A text as an expression names it.

    The few signs that may not stand in one are escaped as in C, without ``\\u``, which not every Milvus reads. A lone
    surrogate, which no row has, becomes U+FFFD.
    """
    whole = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return f'"{whole.translate(_ESCAPED)}"'


_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


def create(server: Server, names: Names, made: int, dimension: int, second: int) -> None:
    """Creates what is missing of the set of collections that generation ``made`` begins; the caller holds
    :meth:`rag.stores.milvus.state.State.alone`."""
    from pymilvus import DataType, Function, FunctionType

    whole, text, floats = DataType.INT64, DataType.VARCHAR, DataType.FLOAT_VECTOR
    shared = [("document", whole), ("version", whole)]
    about = [("document_language", text, 16), ("type", text, 64), ("date", text, 10), ("path", text, 16_384)]
    owned = [*shared, ("key", text, 32), ("language", text, 16), *about, ("vector", floats, dimension)]
    counts = [(field, whole) for field in ("start", "end", "paragraph", "page", "lot", "length")]
    fields: dict[str, list[tuple[Any, ...]]] = {
        PASSAGES: [("number", whole), *owned, *counts, ("spans", text, TEXT), ("text", text, TEXT)],
        SENTENCES: [("number", whole), *owned, ("passage", whole), *([("second", floats, second)] if second else [])],
        DOCUMENTS: [
            *[("key", text, 64), *shared, *about, ("part", text, 8), ("piece", whole), ("whole", whole)],
            *[("passages", whole), ("data", text, TEXT), ("place", floats, 2)],
        ],
        TERMS: [("key", text, 64), ("run", whole), ("token", text, 16), ("stem", text, 4 * STEM), ("count", whole)],
    }
    scalars = {
        PASSAGES: ("document", "language", "lot", "key"),
        SENTENCES: ("document", "language", "key"),
        DOCUMENTS: ("document",),
        TERMS: ("token", "run"),
    }
    for kind, described in fields.items():
        schema, indexes = _schema(described)
        vectors = [field[0] for field in described if field[1] == floats]
        for field in vectors:
            how = server.vector_index if field == "vector" else "FLAT"  # the others are only ever fetched
            indexes.add_index(field, index_type=how, metric_type="IP")
        if kind == PASSAGES:
            schema.add_field("stems", text, max_length=TEXT, enable_analyzer=True, analyzer_params={"type": "standard"})
            schema.add_field("bm25", DataType.SPARSE_FLOAT_VECTOR)
            schema.add_function(Function("bm25", FunctionType.BM25, ["stems"], ["bm25"]))
            weights = {"bm25_k1": K1, "bm25_b": B}
            indexes.add_index("bm25", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25", params=weights)
        if kind == TERMS:
            schema.add_field("grams", DataType.SPARSE_FLOAT_VECTOR)
            indexes.add_index("grams", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        for field in scalars[kind]:
            indexes.add_index(field, index_type="INVERTED")
        _make(server, names.data(made, kind), schema, indexes, server.shards)


def create_notes(server: Server, collection: str) -> None:
    """Creates a collection of named JSON values, where it is missing. Raises IndexMismatch, as :func:`require`."""
    from pymilvus import DataType

    text = DataType.VARCHAR
    schema, indexes = _schema(
        [("key", text, 512), ("name", text, 400), ("data", text, TEXT), ("place", DataType.FLOAT_VECTOR, 2)]
    )
    indexes.add_index("place", index_type="FLAT", metric_type="IP")
    _make(server, collection, schema, indexes, shards=1)


def require(server: Server, collection: str) -> None:
    """Raises IndexMismatch where another version of Snoska made the collection, or something else did."""
    version = server.describe_collection(collection).get("properties", {}).get(PROPERTY)
    if version == str(SCHEMA):
        return
    if version is None or not version.isdecimal():
        raise IndexMismatch(f"{server.address}: the collection {collection} is not Snoska's: name another --index")
    remedy = "use a newer Snoska" if int(version) > SCHEMA else "build it anew under another name"
    raise IndexMismatch(f"{server.address} has schema {version}, this Snoska reads {SCHEMA}: {remedy}")


def _schema(fields: list[tuple[Any, ...]]) -> tuple[Any, Any]:
    """A schema of these (name, type, size) fields, the first the primary key, and room for its indexes."""
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(enable_dynamic_field=False)
    for at, (name, kind, *size) in enumerate(fields):
        limits = {"max_length": size[0]} if kind == DataType.VARCHAR else {"dim": size[0]} if size else {}
        schema.add_field(name, kind, is_primary=at == 0, **limits)
    return schema, MilvusClient.prepare_index_params()


def _make(server: Server, collection: str, schema: Any, indexes: Any, shards: int) -> None:
    if server.exists(collection):
        require(server, collection)
    else:
        properties = {PROPERTY: str(SCHEMA)}
        with _unless_made(lambda: server.exists(collection)):
            server.create_collection(
                collection, schema=schema, consistency_level="Strong", properties=properties, num_shards=shards
            )
    there = set(server.list_indexes(collection))  # a builder that was killed here has left some of them
    for index in indexes:
        if index.field_name not in there:
            one = type(indexes)()
            one.append(index)
            with _unless_made(lambda: index.field_name in server.list_indexes(collection)):  # noqa: B023  # called within
                server.create_index(collection, one, sync=False)  # nothing is there yet to be waited for
    server.load(collection)


@contextlib.contextmanager
def _unless_made(is_made: Callable[[], bool]) -> Iterator[None]:
    """Lets pass that something cannot be made since another builder has made it in the same moment."""
    try:
        yield
    except IndexUnusable:
        if not is_made():
            raise
