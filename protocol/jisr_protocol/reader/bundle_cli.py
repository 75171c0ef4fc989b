"""`jisr bundle`: a feed on a stick or by mail, and back into a verified copy."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..refusal import Refusal
from .shell import TEMPORARY, fail, print_json, usage_errors, verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .carrying import Made
    from .follow import Result
    from .gathering import Standing
    from .places import Place

bundle_app = typer.Typer(help="Carry a feed by hand or by mail.", no_args_is_help=True, rich_markup_mode=None)
_SIZE = re.compile(r"([0-9]{1,6})\s*([kKmMgG]?)[bB]?")
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
INCOMPLETE = 30


def split_bytes(text: str) -> int:
    """Read a size such as 10MB; raises ValueError with a sentence."""
    from .carrying import LEAST_SPLIT_BYTES

    found = _SIZE.fullmatch(text.strip())
    count = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if count < LEAST_SPLIT_BYTES:
        raise ValueError(f"--split takes a size such as 10MB, at least {LEAST_SPLIT_BYTES // 1024} kB; came {text}.")
    return count


def since(code: str) -> tuple[str, int]:
    """Read a request code; raises ValueError with a sentence."""
    from .. import bundle

    found = bundle.parse_code(code)
    if found is None:
        raise ValueError(f"--since takes the code that an import printed, such as 1-k7n5qwxa:2000; came {code}.")
    return found


@bundle_app.command("export")
def export(
    feed: Annotated[str, typer.Argument(metavar="FEED", help="A feed's address or folder, or a copy of it.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The bundle to write.")],
    from_code: Annotated[
        str | None, typer.Option("--since", metavar="EPOCH:SIZE", help="Only what came after this.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="10MB", help="Write parts of at most this size.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow addresses in private networks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a feed into a zip file, or what is new in it."""
    from .carrying import CannotExport

    with usage_errors():
        try:
            wanted = since(from_code) if from_code else None
            made = asyncio.run(
                _export(feed, out, wanted, split_bytes(split) if split else None, allow_private=allow_private)
            )
        except ValueError as error:
            fail(str(error))
        except CannotExport as error:
            fail(str(error), TEMPORARY)
        except OSError as error:
            fail(f"{out} cannot be written: {error.strerror or error}.")
    if as_json:
        print_json(made_facts(made))
    verdict(True, made_words(made))


async def _export(feed: str, out: Path, wanted: Any, split: int | None, *, allow_private: bool) -> Made:
    from . import carrying

    async with _place(feed, allow_private=allow_private) as place:
        return await carrying.export(place, out, now=_now(), since=wanted, split_bytes=split)


@asynccontextmanager
async def _place(feed: str, *, allow_private: bool) -> AsyncIterator[Place]:
    """A folder, an address, or where a copy was followed from: a copy holds no pages."""
    from .follow import is_address
    from .places import FolderPlace, HttpPlace
    from .store import open_copy

    if not is_address(feed) and Path(feed).is_file():
        with open_copy(feed) as copy:
            feed = copy.address
    if not is_address(feed):
        if not Path(feed).is_dir():
            raise ValueError(f"{feed} is neither an http or https address nor a folder. Nothing was written.")
        yield FolderPlace(Path(feed))
        return
    from .http import GuardedClient

    async with GuardedClient(allow_private=allow_private) as client:
        yield HttpPlace(feed, client)


def made_facts(made: Made) -> dict[str, Any]:
    """What was written, as JSON members."""
    sizes = [file.stat().st_size for file in made.files]
    return {
        "files": [str(file) for file in made.files],
        "bytes": sizes,
        "by": made.head.by,
        "epoch": made.head.epoch,
        "from": made.start,
        "size": made.head.size,
    }


def made_words(made: Made) -> str:
    """The same for a person."""
    which = str(made.files[0]) if len(made.files) == 1 else f"{made.files[0]} to {made.files[-1].name}"
    total = sum(file.stat().st_size for file in made.files)
    return (
        f"{which}: entries {made.start} to {made.head.size} of {made.head.by}, {total} bytes in {len(made.files)} files"
    )


@dataclass(frozen=True)
class Imported:
    """How an import ended: what each file was, where it stands, and what the follow came to, if one was made."""

    refused: list[tuple[Path, str]]
    standing: Standing
    result: Result | None

    @property
    def status(self) -> int:
        """The exit status: that of the follow; 21 where a file was refused; 30 while parts lack."""
        if self.refused:
            return 21
        if self.result is not None and self.result.outcome != 0:
            return int(self.result.outcome)
        return 0 if self.standing.whole else INCOMPLETE


@bundle_app.command("import")
def bring(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.zip…", help="Parts of a bundle, in any order.")],
    into: Annotated[Path, typer.Option("--into", metavar="FILE", help="The verified copy; made if it is not there.")],
    expect: Annotated[str | None, typer.Option("--expect", metavar="ID", help="The publisher it must be.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check what came by hand like what comes by wire, and take it into a copy."""

    with usage_errors():
        done = import_parts(files, into, expect)
    if as_json:
        print_json(imported_facts(done, into))
    for file, sentence in done.refused:
        verdict(False, f"{file} was refused: {sentence}. Nothing of it was kept; ask for it again.")
    if done.standing.head is not None or done.result is not None:
        verdict(done.status == 0, imported_words(done))
    raise typer.Exit(done.status)


def _now() -> datetime:
    return datetime.now(UTC)


def import_parts(
    files: list[Path], into: Path, expected_id: str | None = None, *, now: Callable[[], datetime] = _now
) -> Imported:
    """Gather parts beside the copy; as soon as they lead to a head, follow it into the copy. Safe to repeat.

    Raises CopyProblem, OSError.
    """
    from . import gathering
    from .follow import follow_once
    from .store import Copy

    folder = into.with_name(into.name + ".bundles")
    held = None
    if into.exists():
        with Copy(into) as copy:
            held = copy.known().head
            expected_id = expected_id or copy.known().by
    refused = []
    for file in files:
        try:
            gathering.take(file, folder, now=now(), expected_id=expected_id)
        except Refusal as refusal:
            refused.append((file, str(refusal)))
        except (FileNotFoundError, IsADirectoryError):
            refused.append((file, "there is no such file"))
    standing = gathering.look(folder, held)
    if standing.ready is None:
        return Imported(refused, standing, None)
    result = follow_once(gathering.prepare(folder, standing.ready), into, expected_id=expected_id, now=now)
    if standing.whole or result.outcome != 0:
        gathering.clear(folder)  # taken in, or not what was signed: then it is to come again
    return Imported(refused, standing, result)


def imported_facts(done: Imported, into: Path) -> dict[str, Any]:
    """How an import ended, as JSON members."""
    standing, result = done.standing, done.result
    return {
        "status": done.status,
        "refused": [{"file": str(file), "sentence": sentence} for file, sentence in done.refused],
        "whole": standing.whole,
        "missing_files": list(standing.missing),
        "missing_parts": list(standing.parts),
        "parts": standing.of_parts,
        "code": standing.code,
        "outcome": result.outcome.name.lower() if result is not None else None,
        "sentence": result.sentence if result is not None else "",
        "live": result.live if result is not None else None,
        "file": str(into),
    }


def imported_words(done: Imported) -> str:
    """The same for a person."""
    if done.result is not None and (done.result.outcome != 0 or done.standing.whole):
        return done.result.sentence
    return lacking_words(done.standing)


def lacking_words(standing: Standing) -> str:
    """What lacks, and how to ask for it."""
    numbers = ", ".join(str(number) for number in standing.parts[:20]) + (" …" if len(standing.parts) > 20 else "")
    which = f"part {numbers} of {standing.of_parts} has not come yet" if standing.parts else "not all files came"
    return (
        f"What came is kept; {which}. Import it when it is here, in any order. If it is lost, send this code to "
        f"whoever makes the bundles, for --since: {standing.code}"
    )
