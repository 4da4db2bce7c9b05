"""The holes of Gradio that have been published, as far as a request can try them: none is open here.

Left out are those of its own build machines and of its sharing service, which this app does not use: CVE-2023-25823,
CVE-2023-6572, CVE-2024-1540, CVE-2024-4253, CVE-2024-4254, CVE-2024-47867, CVE-2024-47871; the timing of its login,
which is not served (CVE-2024-1729, CVE-2024-47869); and components that the app does not have (CVE-2022-24770,
CVE-2024-10569, CVE-2024-10624, CVE-2024-39236).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.attacks.attack import SECRET, Attacker, Canary, Opened, Reply, requests, strangers
from tests.small_page import ChangingPage

# Gradio's queue sums up its own timings with an argument that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")

HOLES = requests("gradio")
MANY = "-" * 100_000
LEAKS = ("/etc/", "/tmp/", "/root/", "/home/", "site-packages", "Traceback")  # what no answer is to name


@pytest.mark.parametrize("hole", HOLES, ids=[f"{each['number']} {each['hole']}" for each in HOLES])
def test_a_published_hole_is_closed(
    hole: dict[str, Any], site: ChangingPage, attacker: Attacker, secret: Path, canary: Canary, opened: Opened
) -> None:
    words = {"secret": secret, "documents": site.documents, "canary": canary.url, "many": MANY, "up": "/.." * 12}
    target, body = filled(hole["path"], words), filled(hole.get("body"), words)
    if isinstance(body, dict) and body.get("component_id") == "{box}":
        body["component_id"] = attacker.box()["id"]
    temporary = set(Path(tempfile.gettempdir()).glob("gradio/**/*"))
    with opened.watched() as files:
        reply = attacker.send(hole["method"], target, body, hole.get("headers"))
        replies = [reply, *([result(attacker, target, reply)] if hole.get("result") else [])]
    assert canary.asked == 0
    assert strangers(files, site) == []
    assert set(Path(tempfile.gettempdir()).glob("gradio/**/*")) - temporary == set()
    told = "".join(each.text for each in replies)
    assert SECRET not in told
    assert [each for each in LEAKS if each in told] == []
    if hole.get("page"):
        assert reply.status == 200
        assert "evil.invalid" not in told
    elif not hole.get("result"):
        assert 400 <= reply.status < 500
        assert "location" not in dict(reply.headers)
    else:
        assert "error" in told or 400 <= reply.status < 500


def result(attacker: Attacker, target: str, reply: Reply) -> Reply:
    """What becomes of something that was put into Gradio's queue."""
    told = json.loads(reply.body) if reply.status == 200 else {}
    if "event_id" not in told:
        return reply
    if target.endswith("queue/join"):
        return attacker.read_stream("/gradio_api/queue/data?session_hash=hole")
    return attacker.read_stream(f"{urlsplit(target).path}/{told['event_id']}")


def filled(value: Any, words: dict[str, object]) -> Any:
    """A value of JSON with its words put in."""
    if isinstance(value, dict):
        return {key: filled(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [filled(each, words) for each in value]
    if not isinstance(value, str):
        return value
    for word, meant in words.items():
        value = value.replace("{" + word + "}", str(meant))
    return value
