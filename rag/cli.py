"""The command line: it parses, calls the facade and prints; results to stdout, all else to stderr."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rag import export
from rag.address import place
from rag.errors import ConfigurationError, ModelError, RagError
from rag.progress import Bar
from rag.stores.milvus.state import Share
from rag.terminal import json_line, line, shown
from rag.types import Answer, BuildReport, Citation, Filters, Json, Mode, Note

if TYPE_CHECKING:
    from rag.generation.endpoint import Endpoint
    from rag.generation.support import Sentence

MODES = ("hybrid", "dense", "lexical", "rrf")

index_option = click.option(
    "--index", "-i", default="index", show_default=True, help="A folder, or milvus://HOST:PORT/COLLECTION."
)
literal_option = click.option("--literal", is_flag=True, help="As typed: correct no keyboard layout, no spelling.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The filters about documents, which ``ask`` and ``search`` share."""
    for option in reversed(
        [
            click.option("--language", metavar="CODE", help="Documents in this language only: ru, en, kk …"),
            click.option("--document", metavar="GLOB", help="Documents whose path matches: 'press/*.txt'."),
            click.option("--type", metavar="EXT", help="Documents of this type only: txt, md …"),
            click.option("--since", metavar="DATE", help="Documents dated on or after: 2025-11-25."),
            click.option("--until", metavar="DATE", help="Documents dated on or before."),
        ]
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog="Settings: see the README.")
@click.version_option(package_name="snoska")
def commands() -> None:
    """Answers over a folder of documents, in Russian and English, quoted verbatim with their source."""


@commands.command()
@click.argument("documents", default="seeds")
@index_option
@click.option("--rebuild", is_flag=True, help="Start over; nothing of the old index is used.")
@click.option("--shard", metavar="I/N", help="Build part I of N only, into Milvus; the last one done shows them all.")
@click.option("--watch", is_flag=True, help="Go on: build again whenever a document changes, until Ctrl+C.")
@json_option
def build(documents: str, index: str, rebuild: bool, shard: str | None, watch: bool, as_json: bool) -> None:
    """Bring the index up to date with the folder DOCUMENTS.

    What is new or changed is read and embedded, what is gone is removed, what is the same is kept.
    """
    import rag

    def tell(report: BuildReport) -> None:
        for skipped in report.skipped:
            click.echo(shown(line(f"skipped {skipped.file}: {skipped.reason}")), err=True)
        _print(export.report_json(report)) if as_json else _out(export.report_text(report))

    def show(built: rag.Index) -> None:
        if built.report is not None:  # a build always gives one
            tell(built.report)

    if shard is not None and watch:
        raise click.UsageError("--shard and --watch do not go together")
    if shard is not None:
        from rag.index import build_share

        try:
            share = Share.parse(shard)
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from error
        with Bar() as bar:
            report = build_share(documents, index, share, rebuild=rebuild, progress=bar)
        tell(report)
    elif watch:
        _watch(documents, index, rebuild, show)
    else:
        with Bar() as bar:
            built = rag.build(documents, index, rebuild=rebuild, progress=bar)
        show(built)


def _watch(documents: str, index: str, rebuild: bool, show: Callable[[Any], None]) -> None:
    """Builds, and builds again after each change, until the process is told to stop."""
    import rag
    from rag import folder, watch

    newest: list[rag.Index] = []  # the last one built, whose model the next build takes over

    was_told = False  # an error: that it is over is news too

    def renew(changed: bool) -> None:
        nonlocal was_told
        if changed:
            with Bar() as bar:
                built = (
                    newest[-1].updated(documents, progress=bar)
                    if newest
                    else rag.build(documents, index, rebuild=rebuild, progress=bar)
                )
            is_news = was_told or not newest or _did_something(built.report, newest[-1].report)
            newest[:] = [built]
            was_told = False
            if is_news:
                show(built)

    def told(error: RagError) -> None:
        if not newest and isinstance(error, ConfigurationError | ModelError):
            raise error  # no change of a document will mend it
        nonlocal was_told
        was_told = True
        click.echo(shown(_line(error)), err=True)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    folder.checked(Path(documents))  # a folder that is not there yet is rather a slip of the hand
    signal.signal(signal.SIGTERM, interrupt)
    with contextlib.suppress(KeyboardInterrupt):  # this is how it is meant to be stopped
        watch.follow(watch.changes(Path(documents), threading.Event(), place(index)), renew, told)


def _did_something(report: BuildReport | None, before: BuildReport | None) -> bool:
    """Whether a build has changed the index, or what is skipped."""
    if report is None or before is None:
        return True
    changes = (report.added, report.changed, report.removed, report.renamed)
    return any(changes) or set(report.skipped) != set(before.skipped)


@commands.command()
@click.argument("question", callback=lambda *given: _typed(given[2]))
@index_option
@click.option("-k", "count", default=5, show_default=True, help="How many passages to cite.")
@json_option
@click.option("--generate", is_flag=True, help="Add a short answer by the model that SNOSKA_GENERATE_URL names.")
@literal_option
@filter_options
def ask(
    question: str, index: str, count: int, as_json: bool, generate: bool, literal: bool, **filters: str | None
) -> None:
    """Answer QUESTION with the sentence that says it and the passages it stands in."""
    import rag

    endpoint = _endpoint() if generate else None
    opened = rag.open(index)
    answer = opened.ask(question, count, filters=Filters(**filters), literal=literal)
    if endpoint is None:
        _print(export.answer_json(answer)) if as_json else _out(_answer(answer))
        return
    if not as_json:
        _out(f"{_answer(answer)}\n\nIn the words of {endpoint.model}, checked against the passages above:\n")
    from rag.generation.writer import written

    added = written(answer, opened.encoder, endpoint, lambda each: None if as_json else _out(_sentence(each)))
    if as_json:
        _print({**export.answer_json(answer), "generated": added.json()})
    if added.error is not None:  # the cited passages stand as they are
        click.echo(shown(_line(added.error)), err=True)


def _endpoint() -> Endpoint:
    """Before anything else is done: a setting that is missing is no reason to wait for an answer first."""
    from rag.generation.endpoint import Endpoint
    from rag.settings import Settings

    endpoint = Endpoint.configured(Settings.from_environment())
    if endpoint is None:
        raise ConfigurationError(
            "--generate needs SNOSKA_GENERATE_URL and SNOSKA_GENERATE_MODEL: see docs/generation.md"
        )
    return endpoint


def _sentence(sentence: Sentence) -> str:
    from rag.generation.writer import marked, why

    if sentence.supported:
        return marked(sentence)
    return f"[struck: {why(sentence)}] {click.style(marked(sentence), strikethrough=True)}"


@commands.command()
@click.argument("query", callback=lambda *given: _typed(given[2]))
@index_option
@click.option("-k", "count", default=10, show_default=True, help="How many passages to list.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True, help="How to rank them.")
@json_option
@literal_option
@filter_options
def search(query: str, index: str, count: int, mode: Mode, as_json: bool, literal: bool, **filters: str | None) -> None:
    """List the passages that fit QUERY best."""
    import rag

    hits = rag.open(index).search(query, count, mode=mode, filters=Filters(**filters), literal=literal)
    if as_json:
        _print(export.search_json(query, hits))
    else:
        _out("\n\n".join(_citation(hit) for hit in hits) or "no passage fits")


@commands.command(name="eval")
@click.argument("questions", type=click.Path(path_type=Path))
@index_option
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True, help="How to rank passages.")
@click.option("--baselines", is_flag=True, help="Run dense, lexical and rank fusion beside it.")
@click.option("--report", type=click.Path(path_type=Path), metavar="DIR", help="Write report.html, .json, runs.trec.")
@click.option("--compare", type=click.Path(path_type=Path), metavar="REPORT.json", help="Test against an old report.")
@json_option
def evaluate(
    questions: Path, index: str, mode: Mode, baselines: bool, report: Path | None, compare: Path | None, as_json: bool
) -> None:
    """Ask all QUESTIONS (JSON Lines, CSV or XLSX) and measure the answers by language pair."""
    import rag
    from rag.report import run

    with Bar() as bar:
        result = run(
            rag.open(index), questions, mode=mode, baselines=baselines, report=report, compare=compare, progress=bar
        )
    for problem in result.problems:
        click.echo(shown(str(problem)), err=True)
    _print(result.json) if as_json else _out(result.text)


@commands.command()
@index_option
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="The port.")
@click.option("--documents", "-d", metavar="FOLDER", help="Keep the index up to date with this folder.")
@click.option("--no-auth", is_flag=True, help="Let other machines in without a password.")
def serve(index: str, host: str, port: int, documents: str | None, no_auth: bool) -> None:
    """Serve the web box.

    Without --documents the index is only read; with it, files can be uploaded on the page too.
    """
    from rag.web import serve as serve_page

    serve_page(index, host, port, documents, no_auth)


@commands.command()
def password() -> None:
    """Print what SNOSKA_PASSWORD_HASH is to be, for a password that is typed twice or comes from stdin."""
    from rag.web.password import Password

    if sys.stdin.isatty():
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        typed = sys.stdin.readline().rstrip("\r\n")
    _out(str(Password.of(typed)))


@commands.command()
@index_option
def check(index: str) -> None:
    """Verify every part of the index; exit with 0 where all are intact."""
    from rag.index import check as check_index

    about = check_index(index)
    _out(f"intact: generation {about['generation']}, {about['documents']} documents, {about['passages']} passages")


@commands.command()
@index_option
@json_option
def info(index: str, as_json: bool) -> None:
    """Say what the index holds."""
    from rag.index import info as index_info

    about = index_info(index)
    _print(about) if as_json else _out(_info(about))


def main() -> None:
    """The entry point: errors in one line, no traceback; SNOSKA_DEBUG=1 shows it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        commands(prog_name="snoska")
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        _drop_output()
    except RagError as error:
        _fail(error, _line(error))
    except Exception as error:  # noqa: BLE001  # the edge: a user sees one line, never a traceback
        message = f"unexpected {type(error).__name__}: {error}: please report it; SNOSKA_DEBUG=1 shows where"
        _fail(error, _one_line(message))


def _fail(error: Exception, message: str) -> None:
    if os.environ.get("SNOSKA_DEBUG"):
        raise error
    click.echo(shown(message), err=True)
    sys.exit(1)


def _line(error: RagError) -> str:
    return _one_line(str(error))


def _one_line(message: str) -> str:
    return "snoska: " + " ".join(message.split())


def _drop_output() -> None:
    """Keeps Python from trying once more, as it ends, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _out(text: str) -> None:
    """Writes a result to stdout; raises RagError where the disk behind it is full, say."""
    try:
        click.echo(shown(text))
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise RagError(f"the result cannot be written ({error.strerror}): send it elsewhere") from error


def _typed(text: str) -> str:
    """What was typed, where the locale is not UTF-8 and Python took the bytes for something else."""
    return (
        text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if any("\udc80" <= sign <= "\udcff" for sign in text)
        else text
    )


def _print(value: Json) -> None:
    _out(json_line(value))


def _answer(answer: Answer) -> str:
    sure = f"confidence {answer.confidence:.2f}"
    heading = {
        "found": f"{answer.text} [{answer.citation}]\n({sure})",
        "unsure": f"{answer.text} [{answer.citation}]\n(unsure, {sure}: read the passage before you rely on it)",
        "not_found": f"These documents don't say. ({sure})",
    }[answer.verdict]
    if not answer.citations:
        return f"{heading}\nNothing passes the filters."
    heading = "\n".join([*map(_note, answer.notes), heading])
    nearest = "\nThe nearest passages:\n" if answer.verdict == "not_found" else ""
    return "\n\n".join([heading + nearest, *(_citation(citation) for citation in answer.citations)])


def _note(note: Note) -> str:
    if note.kind == "layout":
        return f"Typed on another keyboard layout; asked as: {note.meant}"
    if note.kind == "spelling":
        return f"No document holds {note.typed!r}; taken for: {note.meant}"
    return f"No passage holds the phrase {note.typed!r}; asked without it."


def _citation(citation: Citation) -> str:
    place = [
        citation.document,
        citation.date,
        citation.page and f"page {citation.page}{' (read by OCR)' if citation.ocr else ''}",
    ]
    where = line(", ".join(str(each) for each in [*place, f"paragraph {citation.paragraph}"] if each))
    start, end = citation.highlight
    quote = citation.quote
    marked = quote[:start] + click.style(quote[start:end], bold=True) + quote[end:]
    also = "".join(f"\n    also in {line(copy.document)}" for copy in citation.also_in)
    return f"[{citation.rank}] {where}  ({citation.score:.3f})\n    {marked}{also}"


def _info(about: Json) -> str:
    languages = ", ".join(f"{code} {count}" for code, count in about["languages"].items())
    model = about["model"]
    lines = [
        f"documents   {about['documents']}",
        f"passages    {about['passages']} ({languages})",
        f"model       {model['name']}, {model['dimension']} dimensions",
        f"size        {about['bytes'] / 2**20:.1f} MB",
        f"generation  {about['generation']}, built {about['built']}",
    ]
    return "\n".join([*lines, *(line(f"skipped     {each['file']}: {each['reason']}") for each in about["skipped"])])
