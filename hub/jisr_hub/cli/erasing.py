"""`jisr-hub erase`: the operator takes content out of everything the hub keeps and publishes.

It works beside a serving hub: this command changes the database, the serving process publishes what follows. It ends
when nothing of it is in the hub's folder any more, and says what it cannot reach.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import zstandard

from jisr_protocol import live
from jisr_protocol.notice import ALL

from .. import config
from ..app.folder import PUBLIC
from ..app.opening import erasures_of, followers_of, hub_of, views_of
from ..ports import Erased, Member
from ..storage.lock import AlreadyRunning
from ..storage.sql import SqlLedger
from ..takedown.erasure import Erasures
from ..views.opened import opened as opened_views
from .changing import WAIT_SECONDS, by_itself, check_open, until_published
from .setting_up import SettingUpError, opened

OLDER_PAGES = (
    f"It is done in the database, and the serving hub has not published that within {WAIT_SECONDS:.0f} s: its older "
    "pages still hold it. Look at what the hub logs, start it again, then give this command again."
)


@dataclass(frozen=True)
class Wanted:
    """What is to be erased, and the sentence that says it."""

    node: str
    target: str
    max_rev: int
    basis: str
    jurisdiction: str | None
    reach: str
    sentence: str


async def wanted(
    folder: Path,
    node: str,
    record: str | None,
    max_rev: int | None,
    basis: str,
    jurisdiction: str,
    *,
    unknown: bool = False,
) -> Wanted:
    """Work out what would be erased; nothing is changed. `unknown`: also of what is not here, so that it stays out."""
    target = record or ALL
    async with opened(folder) as ledger:
        newest = await ledger.newest_rev(node, target)
        member = await ledger.member(node)
    if max_rev is None and not newest and not unknown:
        raise SettingUpError(
            f"Nothing was erased: of {record or 'the records'} of {node} nothing is here. To keep it out should it "
            "come, say up to which rev: --max-rev N"
        )
    upto = max_rev or max(newest, 1)
    what = f"the record {record}" if record else "every record"
    reach = _reach(member)
    sentence = f"The content of {what} of {node} up to rev {upto} goes for ever, and cannot come back here. {reach}"
    return Wanted(node, target, upto, basis, jurisdiction or None, reach, sentence)


def _reach(member: Member | None) -> str:
    if member is not None and not member.upstream:
        return "This hub is its home: hubs that follow it erase it too."
    where = f"came from {member.upstream}" if member is not None else "is not known here"
    return f"The node {where}, so this binds here, and hubs that take the node from here. Ask its home hub too."


async def erase(folder: Path, what: Wanted) -> dict[str, Any]:
    """Erase it. Returns when neither database nor published files hold it, with what remains elsewhere."""
    try:
        async with by_itself(folder) as running:
            done = await _sign(running.erasures, what)
            await running.publisher.publish()
            await running.views.round()
            await _until_gone(folder, what)
            return _facts(what, done, [*await running.erasures.scrub(), *_in_bucket(folder)])
    except AlreadyRunning:
        return await _beside_a_server(folder, what)


async def _beside_a_server(folder: Path, what: Wanted) -> dict[str, Any]:
    async with parts(folder) as (ledger, erasures):
        await check_open(folder, ledger)
        await erasures.replay()
        done = await _sign(erasures, what)
        await until_published(ledger, OLDER_PAGES)
        await _until_gone(folder, what)
        return _facts(what, done, [*await erasures.scrub(), *_in_bucket(folder)])


@contextlib.asynccontextmanager
async def parts(folder: Path) -> AsyncIterator[tuple[SqlLedger, Erasures]]:
    """What erases, without what publishes: another process does."""
    settings = config.read(folder)
    async with opened(folder) as ledger:
        hub = await hub_of(folder, settings, ledger)
        followers = followers_of(hub, folder, settings)
        erasures = erasures_of(hub, folder, followers)
        _, views = views_of(hub, ledger, folder, settings)
        async with opened_views(views):
            erasures.beside = views
            yield ledger, erasures


async def _sign(erasures: Erasures, what: Wanted) -> Erased:
    return await erasures.erase(
        what.node, what.target, what.max_rev, id=str(uuid.uuid4()), basis=what.basis, jurisdiction=what.jurisdiction
    )


async def _until_gone(folder: Path, what: Wanted) -> None:
    """The files that held it are removed right after the head that names others."""
    end = time.monotonic() + WAIT_SECONDS
    while found := next(_in_any_feed(folder, what), None):
        if time.monotonic() > end:
            raise SettingUpError(
                f"It is erased from the database; the published file {found} still holds it. Give this command again; "
                "if it stays, stop the hub and run: jisr-hub rebuild"
            )
        await asyncio.sleep(0.5)


def _in_any_feed(folder: Path, what: Wanted) -> Iterator[str]:
    for feed in [folder / PUBLIC, *(path for path in (folder / config.VIEWS).glob("*") if path.is_dir())]:
        yield from (f"{feed.name}/{file}" for file in still_there(feed, what.node, what.target, what.max_rev))


def still_there(public: Path, node: str, target: str, max_rev: int | None) -> Iterator[str]:
    """The published files with content of a record; the same search whatever they are called."""
    sought = (node if target == ALL else target).encode()
    for file in sorted(public.rglob("*")):
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # a serving hub removes files
            content = _plain(file.read_bytes(), file.suffix)
            if sought in content and any(_holds(line, node, target, max_rev) for line in content.splitlines()):
                yield str(file.relative_to(public))


def _plain(content: bytes, suffix: str) -> bytes:
    if suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(content)
    return gzip.decompress(content) if suffix == ".gz" else content


def _holds(line: bytes, node: str, target: str, max_rev: int | None) -> bool:
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    content = entry.get("record", entry.get("tombstone")) if isinstance(entry, dict) else None
    if not isinstance(content, dict) or content.get("node") != node or target not in (ALL, content.get("id")):
        return False
    return live.reaches(max_rev, int(content["rev"]))


def _in_bucket(folder: Path) -> list[str]:
    """What to say of the copy in a bucket, which a serving hub brings up to date after its own pages."""
    to = config.read(folder).publish_to
    return [f"{to}, until the serving hub's next round with it; at once: jisr-hub mirror"] if to else []


def _facts(what: Wanted, done: Erased, remains: list[str]) -> dict[str, Any]:
    return {"node": what.node, "id": what.target, "max_rev": what.max_rev, **asdict(done),
            "reach": what.reach, "remains": remains}  # fmt: skip


def erased_words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    what = "All records" if value["id"] == ALL else f"The record {value['id']}"
    done = (
        f"{what} of {value['node']} up to rev {value['max_rev']}: erased from {value['entries']} entries of this hub's "
        f"log and {value['lines']} lines of nodes' logs. No page, no snapshot and no file of this hub holds it."
    )
    beyond = (
        "Outside caches may keep pages for 7 days. Copies that others made are not reached; an older backup loses it "
        "again when it is put back here."
    )
    return "\n".join([done, value["reach"], *(f"Not reached: {each}." for each in value["remains"]), beyond])
