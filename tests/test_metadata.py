"""What is known about a document: from a sidecar, from its own head, from its file's name."""

from __future__ import annotations

import json

import pytest

from rag import readers
from rag.errors import DocumentError
from rag.readers.metadata import Overrides, overridden, sidecar

# -- sidecars


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            '{"title": " Отчёт ", "date": "2025-11-25", "language": "RU"}',
            Overrides("Отчёт", "2025-11-25", "ru"),
            id="ru",
        ),
        pytest.param('{"language": "en-GB", "author": [1]}', Overrides(language="en"), id="en-other_keys"),
        pytest.param('{"date": "2024-02-29T10:00:00Z"}', Overrides(date="2024-02-29"), id="en-time_of_day"),
        pytest.param('\ufeff{"title": null, "date": ""}', Overrides(), id="empty"),
        pytest.param('{"type": "pdf"}', Overrides(), id="type_is_never_overridden"),
    ],
)
def test_sidecar_says_title_date_and_language(data: str, expected: Overrides) -> None:
    assert sidecar(data.encode()) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "it is not JSON", id="empty"),
        pytest.param(b"{", "it is not JSON", id="torn"),
        pytest.param(b"\xff\xfe\x00", "it is not JSON", id="bytes"),
        pytest.param(b"[" * 200_000, "it is not JSON", id="deep"),
        pytest.param(b"[]", "it is not a JSON object", id="list"),
        pytest.param(b'{"title": 5}', "its title is not text in quotes", id="number"),
        pytest.param(b'{"language": ["ru"]}', "its language is not text in quotes", id="in_a_list"),
        pytest.param(
            '{"date": "25 ноября"}'.encode(), "its date '25 ноября' is not written as 2025-11-25", id="ru-words"
        ),
        pytest.param(b'{"date": "2025-02-30"}', "its date '2025-02-30' is not written as 2025-11-25", id="no_such_day"),
        pytest.param(
            b'{"language": "Russian"}', "its language 'Russian' is not a code such as ru or en", id="en-language_name"
        ),
    ],
)
def test_bad_sidecar_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as raised:
        sidecar(data)
    assert str(raised.value) == f"its sidecar .meta.json is not valid: {reason}; correct or remove it"


def test_overrides_replace_only_what_they_say() -> None:
    document = readers.read("# Доклад\n\nТекст доклада.".encode(), "a.md").document
    assert overridden(document, Overrides()) == document
    changed = overridden(document, sidecar(json.dumps({"title": "Т" * 200, "date": "2025-11-25"}).encode()))
    assert (changed.title, changed.date, changed.language) == ("Т" * 89 + "…", "2025-11-25", "ru")
    assert (changed.text, changed.blocks, changed.type) == (document.text, document.blocks, "md")
    assert overridden(document, Overrides(language="kk")).language == "kk"
