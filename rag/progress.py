"""Progress on stderr: a bar on a terminal, plain lines elsewhere, both with the same numbers."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from rag.types import Progress

LINE_EVERY = 2.0  # seconds between lines where stderr is no terminal
UNITS = {"reading": "files", "recognising": "pages", "embedding": "passages", "asking": "questions"}


class Bar:
    """Hears :class:`rag.types.Progress`; a context manager, so that no half-drawn bar stays."""

    def __init__(self) -> None:
        self._stage = ""
        self._began = self._last = 0.0
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        is_new = progress.stage != self._stage
        if is_new:
            self._stage, self._began = progress.stage, now
        if sys.stderr.isatty():
            self._draw(progress, now - self._began, is_new)
        elif is_new or _is_whole(progress) or now - self._last >= LINE_EVERY:
            click.echo(told(progress, now - self._began), err=True)
            self._last = now

    def _draw(self, progress: Progress, seconds: float, is_new: bool) -> None:
        from tqdm import tqdm

        if is_new:
            self._close()
            self._bar = tqdm(
                total=progress.total, file=sys.stderr, leave=False, bar_format="{percentage:3.0f}%|{bar:20}| {desc}"
            )
        self._bar.set_description_str(told(progress, seconds), refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _is_whole(progress: Progress) -> bool:
    return (progress.done, progress.files_done) == (progress.total, progress.files)


def told(progress: Progress, seconds: float) -> str:
    """``embedding 40/200 passages, 3/12 files, 31.0 passages/s, 0:05 left``; no rate before anything is done.

    ``seconds`` is how long the stage has taken.
    """
    unit = UNITS.get(progress.stage, "")
    parts = [f"{progress.stage} {progress.done}/{progress.total} {unit}".rstrip()]
    if progress.files:
        parts.append(f"{progress.files_done}/{progress.files} files")
    if unit and progress.done and seconds > 0:
        rate = progress.done / seconds
        parts += [f"{rate:.1f} {unit}/s", f"{_clock((progress.total - progress.done) / rate)} left"]
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
