"""`jisr-hub upgrade`: a newer version takes a hub over, or it is said how to go back.

    look      nobody serves the hub, and its database is not of a later version
    backup    of the tables as the older version left them, so that either version can put it back
    migrate   one transaction: all of it or nothing
    start     the hub serves, for a moment on a port of its own, or by the command that was given
    check     that it is ready, and that it is this version that answers

Up to `migrate` whatever fails leaves the hub as it was. After it the way back is the backup.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import identifiers
from jisr_protocol.limits import HEAD_BYTES
from jisr_protocol.reader.answers import Unreachable
from jisr_protocol.reader.http import ExchangeError, GuardedClient
from jisr_protocol.refusal import Refusal

from .. import __version__, config
from ..app.folder import now
from ..storage import migrations, restoring, sessions
from ..storage.condition import condition
from ..storage.folder import FolderPages
from ..storage.lock import AlreadyRunning, only_one
from ..storage.sql import SqlLedger
from . import keeping
from .setting_up import SettingUpError, check_there

SERVED = "served.json"
"""In the hub's folder: the version that served it last."""
LISTENS_SECONDS, READY_SECONDS = 300.0, 60.0
"""How long a hub may take from its start to taking connections, and from then to being ready."""
ENDS_SECONDS = 30.0
_LISTENS = b" listens on "


class UpgradeFailed(Exception):
    """The hub could not be taken over; `back` is how to go back, a line each, and `value` what was done so far."""

    def __init__(self, why: str, back: list[str], value: dict[str, Any]) -> None:
        super().__init__(why)
        self.back, self.value = back, value


def note_served(folder: Path) -> None:
    """Remember which version serves the hub, for whoever has to go back to it."""
    note = {"version": __version__, "at": identifiers.to_instant(now())}
    with contextlib.suppress(OSError):
        FolderPages(folder).write(SERVED, orjson.dumps(note) + b"\n")


def served(folder: Path) -> str:
    """The version that served the hub last; "" when nobody noted it."""
    try:
        return str(orjson.loads(FolderPages(folder).read(SERVED) or b"")["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""


async def look(folder: Path) -> dict[str, Any]:
    """What an upgrade would do: {"version", "before", "step", "newest", "engine"}. Raises migrations.NewerDatabase."""
    check_there(folder)
    told = await condition(config.place(folder, config.read(folder)))
    if told["step"] is None:
        raise SettingUpError("The database is empty, though this hub was made; nothing was changed. Put a backup back.")
    if told["step"] > told["newest"]:
        raise migrations.NewerDatabase(
            f"The database is of a later version of Jisr (step {told['step']}, known here up to {told['newest']}). "
            "Nothing was changed. Install that version again, or a newer one."
        )
    names = ("step", "newest", "engine")
    return {"version": __version__, "before": served(folder), **{name: told[name] for name in names}}


async def upgrade(folder: Path, out: Path | None, start: str, address: str) -> dict[str, Any]:
    """Take the hub over. `start` is the command that starts it, and `address` where it then answers; with "" it is
    started here for a moment. Raises AlreadyRunning, UpgradeFailed, and what `look` raises."""
    value = await look(folder)
    _check_owner(folder)
    settings = config.read(folder)
    place = config.place(folder, settings)
    out = out or folder / f"before-upgrade-{now():%Y%m%dT%H%M%SZ}.tar"
    async with _nobody_serves(folder, place):
        value["backup"] = str(out.absolute())
        await keeping.backup(folder, out, with_key=False, as_it_is=True)
        try:
            await (await SqlLedger.open(place)).close()
        # A step may meet anything that a database or a disk says; its transaction was rolled back, and the operator
        # needs the way back whatever it was.
        except Exception as error:
            why = f"The tables could not be brought from step {value['step']} to {value['newest']}: {_reason(error)}"
            out.unlink()  # nothing was changed, so it is of no use
            raise UpgradeFailed(f"{why}. The database is as it was.", _back(folder, value, None), value) from error
    try:
        value |= await (_started_by(start, address) if start else _for_a_moment(folder))
    except (OSError, ExchangeError, Unreachable, Refusal, SettingUpError) as error:
        why = f"The tables are at step {value['newest']}, but version {__version__} does not serve this hub: {error}"
        raise UpgradeFailed(why, _back(folder, value, out), value) from error
    return value


def _check_owner(folder: Path) -> None:
    """What another user writes here, the user that serves the hub could not write any more."""
    owner = (folder / config.FILE).stat().st_uid
    if hasattr(os, "geteuid") and os.geteuid() != owner:
        raise SettingUpError(
            f"{folder} belongs to the user with the number {owner}, who serves the hub; nothing was changed. Give the"
            f" command as that user: sudo -u '#{owner}' jisr-hub upgrade --dir {shlex.quote(str(folder))}"
        )


def _reason(error: Exception) -> str:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    return (said[0] if said else type(error).__name__).rstrip(".")


@contextlib.asynccontextmanager
async def _nobody_serves(folder: Path, place: Path | str) -> AsyncIterator[None]:
    """Keep everybody from serving the hub. Raises AlreadyRunning."""
    stop = "Nothing was changed. Stop it (systemctl stop jisr-hub, or Ctrl-C), then give this command again."
    if isinstance(place, Path):
        try:
            with only_one(folder):
                yield
        except AlreadyRunning:
            raise AlreadyRunning(f"A process serves the hub in {folder}. {stop}") from None
        return
    async with restoring.leading(place, "publisher") as leads:
        others = await sessions.working(place) if leads else ["the one that publishes"]
        if others:
            raise AlreadyRunning(f"A process serves the database of this hub: {', '.join(others)}. {stop}")
        yield


# Starting


async def _for_a_moment(folder: Path) -> dict[str, Any]:
    """Serve on a port of this machine that is free, until the hub has said that it is ready."""
    command = [sys.executable, "-m", "jisr_hub", "serve", "--port", "0", "--dir", str(folder)]
    process = await asyncio.create_subprocess_exec(
        *command,
        stderr=asyncio.subprocess.PIPE,  # on a terminal it may ask for the passphrase of its key
    )
    assert process.stderr is not None
    try:
        said: list[bytes] = []
        while line := await asyncio.wait_for(process.stderr.readline(), LISTENS_SECONDS):
            said.append(line.strip())
            if _LISTENS in line:
                drain = asyncio.create_task(process.stderr.read())  # a full pipe would stop it
                address = line.partition(_LISTENS)[2].split()[0].decode()
                try:
                    return await _answers(address)
                finally:
                    drain.cancel()
        raise SettingUpError(b" ".join(said[-3:]).decode(errors="replace") or "it ended without a word")
    except TimeoutError:
        raise SettingUpError(f"it did not listen within {LISTENS_SECONDS:.0f} seconds") from None
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), ENDS_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _started_by(command: str, address: str) -> dict[str, Any]:
    """Give the operator's command; then ask where the hub answers."""
    process = await asyncio.create_subprocess_exec(*shlex.split(command), stdin=asyncio.subprocess.DEVNULL)
    if status := await process.wait():
        raise SettingUpError(f"the command `{command}` ended with {status}")
    return await _answers(address)


async def _answers(address: str) -> dict[str, Any]:
    """Wait until a hub is ready and this version. Raises SettingUpError with what it says instead."""
    wrong = "it does not answer"
    async with GuardedClient(allow_private=True) as client:
        for _ in range(int(READY_SECONDS)):
            try:
                answer = await client.get(f"{address}/readyz", limit_bytes=HEAD_BYTES, attempts=1)
                told = orjson.loads(answer.body)
                if told.get("version") != __version__:
                    wrong = f"at {address} answers version {told.get('version', 'of before there were such answers')}"
                elif not told["ready"]:
                    wrong = " ".join(told["reasons"])
                else:
                    return {"address": address, "answers": told["version"]}
            except (ExchangeError, Unreachable, orjson.JSONDecodeError, KeyError) as error:
                wrong = str(error)
            await asyncio.sleep(1.0)
    raise SettingUpError(wrong)


# Words


def _back(folder: Path, value: dict[str, Any], backup: Path | None) -> list[str]:
    """How to go back, a line each; with a backup the tables are already those of the newer version."""
    before = f"version {value['before']}" if value["before"] else "the version that served before"
    lines = [f"Install {before} again, the way you installed this one ({__version__})."]
    if backup is not None:
        lines += [f"jisr-hub restore {shlex.quote(str(backup))} {shlex.quote(str(folder))} --yes", *_views(folder)]
        lines += [f"jisr-hub rebase --yes --dir {shlex.quote(str(folder))}"]
    return [*lines, f"jisr-hub serve --dir {shlex.quote(str(folder))}"]


def _views(folder: Path) -> list[str]:
    """Feeds beside the public one are made of it anew; an older version cannot open what a newer one made of them."""
    settings, views = config.read(folder), folder / config.VIEWS
    if settings.database:
        names = sorted(path.name for path in views.iterdir() if path.is_dir()) if views.is_dir() else []
        schemas = [config.view_place(folder, settings, name)[1] for name in names]
        return [f'psql "$DATABASE" -c "DROP SCHEMA {schema} CASCADE"' for schema in schemas]
    return [f"rm {shlex.quote(str(views))}/*.sqlite*"] if list(views.glob("*.sqlite")) else []


def look_words(value: dict[str, Any]) -> str:
    """What would be done, in sentences."""
    before = f"Version {value['before']} served it last" if value["before"] else "No version is noted that served it"
    tables = (
        f"its tables stay at step {value['step']}"
        if value["step"] == value["newest"]
        else f"its tables would go from step {value['step']} to {value['newest']}"
    )
    return f"{before}; this is version {value['version']}; {tables}. Stop the hub, then: jisr-hub upgrade"


def words(value: dict[str, Any]) -> str:
    """What was done, in sentences."""
    tables = f"from step {value['step']} to {value['newest']}" if value["step"] != value["newest"] else "as they were"
    return (
        f"Version {value['answers']} answers for this hub; its tables are {tables}.\n"
        f"What was there before is in {value['backup']}; delete it when all is well, for it holds what is not public."
    )


def failed_words(failed: UpgradeFailed) -> str:
    """Why not, and the way back."""
    return "\n".join([str(failed), "To go back:", *(f"  {line}" for line in failed.back)])
