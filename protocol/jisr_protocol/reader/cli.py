"""The command `jisr`: follow a feed into a verified copy, look at the copy, check either.

Results go to stdout, the verdict to stderr. Exit status:

    0 verified · 10 stale · 20 rollback or fork · 21 broken · 22 diverged · 30 temporary · 64 usage
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import identifiers
from ..limits import LONG_POLL_SECONDS
from .bundle_cli import bundle_app
from .shell import CONTRADICTED, TEMPORARY, USAGE, fail, print_json, print_lines, usage_errors, verdict

if TYPE_CHECKING:
    from ..session import Outcome
    from ..witness import Policy
    from .follow import Progress, Result
    from .store import Copy

# plain help and errors: their decorated form takes half a second to import
app = typer.Typer(
    help="Follow Jisr feeds and keep verified copies of them.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(bundle_app, name="bundle")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A copy made by jisr follow.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def follow(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="The address of a feed or its host, or a folder.")],
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="The verified copy; made if it is not there.")],
    expect: Annotated[str | None, typer.Option("--expect", metavar="ID", help="The publisher it must be.")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow addresses in private networks.")
    ] = False,
    whole: Annotated[bool, typer.Option("--whole", help="Read the log from its first entry, not a snapshot.")] = False,
    bulk: Annotated[
        bool, typer.Option("--bulk", help="First time: check the signatures of records later, before they are shown.")
    ] = False,
    reads_as: Annotated[
        Path | None, typer.Option("--as", metavar="FOLDER", help="Read a restricted feed as this node or hub.")
    ] = None,
    witness_policy: Annotated[
        Path | None, typer.Option("--witness-policy", metavar="FILE", help="Whose cosignatures to count (tlog-policy).")
    ] = None,
    as_json: JsonOption = False,
    watch: Annotated[
        float | None, typer.Option("--watch", metavar="SECONDS", min=1, help="Do it again and again, until Ctrl-C.")
    ] = None,
) -> None:
    """Bring a verified copy of a feed up to date."""
    with usage_errors():
        if expect is not None and (expected := identifiers.node(expect)):
            fail(f"--expect takes {expected}; came {expect}.")
        options: dict[str, Any] = {"allow_private": allow_private, "expected_id": expect, "whole": whole, "bulk": bulk}
        options["witnesses"] = _policy(witness_policy)
        while True:
            began = time.monotonic()
            outcome, changed = _follow(feed, into, options, reads_as, as_json)
            if watch is None or outcome == CONTRADICTED:  # nobody should watch a feed that contradicts itself
                raise typer.Exit(outcome)
            # where the server lets us, we wait there for what comes next; where it does not, it has answered at once
            options["wait_seconds"] = min(watch, LONG_POLL_SECONDS)
            time.sleep(0 if changed else max(0.0, began + watch - time.monotonic()))


def _policy(file: Path | None) -> Policy | None:
    """The witnesses whose cosignatures are counted; a file that does not fit is a mistake of ours."""
    from ..refusal import Refusal
    from ..witness import POLICY_BYTES, parse_policy

    if file is None:
        return None
    try:
        return parse_policy(file.read_bytes()[:POLICY_BYTES].decode())
    except (Refusal, OSError, UnicodeDecodeError) as error:
        fail(f"The policy {file} cannot be used: {error}. Nothing was fetched.")


def _follow(feed: str, into: Path, options: dict[str, Any], reads_as: Path | None, as_json: bool) -> tuple[int, bool]:
    """How it ended, and whether anything changed."""
    from .follow import check_folder, follow_once

    check_folder(into)
    if not isinstance(place := _at_host(feed, bool(options["allow_private"])), str):
        return int(place), False
    feed = place
    who = _credentials(reads_as) if reads_as is not None else None

    with _progress(shown=not as_json) as progress:
        result = follow_once(_feed(feed), into, progress=progress, credentials=who, **options)
    _report(result, into, as_json)
    return int(result.outcome), result.changed


def _at_host(feed: str, allow_private: bool) -> str | Outcome:
    """Of a host the feed to follow there, else what was given; how it ends when there is none."""
    from ..refusal import Refusal
    from ..session import Outcome
    from .answers import ExchangeError, Forbidden
    from .follow import is_address

    if not is_address(feed):
        return feed
    from .hosts import feed_at_now, is_host

    try:
        return feed_at_now(feed, allow_private=allow_private) if is_host(feed) else feed
    except Forbidden:
        raise
    except ExchangeError as error:
        verdict(False, f"{feed}: the host could not be asked ({error}). Nothing was changed. Try again later.")
        return Outcome.TEMPORARY
    except Refusal as refusal:
        advice = "Nothing was changed. A newer version of this program may speak it."
        verdict(False, f"{feed} is served in no version that this program speaks ({refusal}). {advice}")
        return Outcome.BROKEN


def _credentials(folder: Path) -> Any:
    from .tokens import NoCredentials, credentials

    try:
        return credentials(folder)
    except NoCredentials as error:
        fail(str(error))


@app.command()
def dump(file: FileArgument) -> None:
    """Print what the feed holds, as sorted JSON lines, and where it stands."""
    from .store import open_copy

    with usage_errors(), open_copy(file) as copy:
        for line in copy.dump():
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


@app.command()
def nodes(file: FileArgument, as_json: JsonOption = False) -> None:
    """List the nodes of a copy: whether all of each is here, or what is missing."""
    from .report import nodes_dict, nodes_lines
    from .store import open_copy

    with usage_errors(), open_copy(file) as copy:
        if as_json:
            print_json(nodes_dict(copy))
        else:
            print_lines(nodes_lines(copy))


@app.command()
def show(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a record, or NODE/ID.")],
    file: Annotated[Path, typer.Option("--in", metavar="FILE", help="A copy made by jisr follow.")],
    as_json: JsonOption = False,
) -> None:
    """Print a record, who wrote it and how it came here."""
    from .store import open_copy

    node, _, id_ = record_id.rpartition("/")
    with usage_errors(), open_copy(file) as copy:
        record = copy.record(node or None, id_)
        if record is None:
            fail(f"There is no live, verified record {record_id} in {file}. See what is there with: jisr dump {file}")
        _print_record(copy, record, as_json)


@app.command()
def why(
    record_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a record, or NODE/ID.")],
    place: Annotated[
        Path, typer.Option("--in", metavar="PLACE", help="A copy made by jisr follow, or a feed's folder.")
    ],
    feed: Annotated[
        str | None, typer.Option("--feed", metavar="FEED", help="Where to fetch its page; where the copy came from.")
    ] = None,
    proof: Annotated[Path | None, typer.Option("--proof", metavar="FILE", help="Write the proof to this file.")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow addresses in private networks.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print each step by which a record came here, and the proof that it stands in the feed."""
    from . import why as steps

    with usage_errors(), _copy_of(place) as copy:
        node, _, id_ = record_id.rpartition("/")
        record = copy.record(node or None, id_)
        if record is None:
            fail(f"There is no live, verified record {record_id} in {place}.")
        found = steps.chain_now(copy, record, _feed(feed or copy.address), allow_private=allow_private)
    if as_json:
        print_json(steps.as_dict(found))
    else:
        print_lines(steps.as_lines(found))
    if proof is not None:
        content = steps.write_proof(found)
        if content is None:
            fail(f"There is no proof to write: {found.unproven}.", TEMPORARY)
        proof.write_bytes(content)
        verdict(True, f"the proof is in {proof}; anybody can judge it with: jisr verify {proof}")


@app.command()
def verify(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="A copy, a feed in a folder, or a file of evidence.")],
    as_json: JsonOption = False,
) -> None:
    """Compute everything anew: signatures, digests, both trees. Of evidence: say what it proves, and by whom (0), or
    that it proves nothing (21)."""
    from . import verification

    path = Path(place)
    with usage_errors(), _progress(shown=not as_json) as progress:
        if not path.exists():
            fail(f"There is no file or folder {path}.")
        if path.is_dir():
            found = verification.folder(path, progress)
        elif verification.is_evidence(path):
            found = verification.case(path)
        else:
            found = verification.copy(path, progress)
    if as_json:
        print_json(found.as_json())
    else:
        print_lines(f"{name:<12} {value}" for name, value in found.counts.items())
    verdict(found.outcome == 0, found.sentence)
    raise typer.Exit(int(found.outcome))


def main() -> None:
    """The entry point. Usage errors of the command line end with 64, not with the 2 of its library."""
    gc.freeze()  # what is loaded by now stays: nobody need look at it again
    try:
        app()
    except SystemExit as end:
        sys.exit(USAGE if end.code == 2 else end.code)


def _feed(feed: str) -> str | Path:
    from .follow import is_address

    if is_address(feed):
        if "?" in feed or "#" in feed:
            fail(f"The address {feed} has a query. Give the feed's address, without '?' and '#'.")
        return feed
    if not Path(feed).is_dir():
        fail(f"{feed} is neither an http or https address nor a folder.")
    return Path(feed)


@contextmanager
def _copy_of(place: Path) -> Iterator[Copy]:
    """A copy as it is, or one made of a feed in a folder and thrown away afterwards."""
    import tempfile

    from .follow import follow_once
    from .store import open_copy

    if not place.is_dir():
        with open_copy(place) as copy:
            yield copy
        return
    with tempfile.TemporaryDirectory(prefix="jisr-") as aside:
        result = follow_once(place, Path(aside) / "copy", whole=True)
        if result.outcome != 0:
            fail(result.sentence, int(result.outcome))
        with open_copy(Path(aside) / "copy") as copy:
            yield copy


def _report(result: Result, into: Path, as_json: bool) -> None:
    from .report import as_dict, as_lines

    if as_json:
        print_json(as_dict(result, into))
    else:
        print_lines(as_lines(result, into))
    verdict(result.outcome == 0, result.sentence)


def _print_record(copy: Any, record: Any, as_json: bool) -> None:
    from .report import record_dict, record_lines

    if as_json:
        print_json(record_dict(copy, record))
    else:
        print_lines(record_lines(copy, record))


@contextmanager
def _progress(*, shown: bool) -> Iterator[Progress | None]:
    """A bar on a terminal, nothing elsewhere."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("entries", total=None)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update


if __name__ == "__main__":
    main()
