"""What a part of the page gives: functions for its script to call, and addresses of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.routing import BaseRoute

OWN = "/snoska/"  # where everything of ours lies that is not Gradio's
STYLE = f"{OWN}style.css"  # linked by the page itself: Gradio rewrites the selectors of a style that is given to it
EARLY = "scheme.js"  # the one that runs before the others: colours must not change before the reader's eyes
SCRIPTS = tuple(
    sorted(file.name for file in resources.files("rag.web").joinpath("assets").iterdir() if file.name.endswith(".js"))
)  # modules, each at its own address


@dataclass(frozen=True, slots=True)
class Part:
    """``functions`` take one object, and Gradio's request where they name it, and give one; the script calls each by
    its name. ``routes`` lie under ``OWN``. ``stop`` ends what the part has going on, when the server does."""

    functions: Sequence[Callable[..., Any]] = ()
    routes: Sequence[BaseRoute] = ()
    stop: Callable[[], None] = lambda: None
