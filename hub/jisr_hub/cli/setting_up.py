"""What an operator does before and around serving: make a hub, admit a node, follow a peer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from jisr_protocol import capabilities, identifiers, keys, limits, paths
from jisr_protocol.envelope import Envelope
from jisr_protocol.refusal import Refusal

from .. import config, identity
from ..app.folder import KEYS, check_owner, gate_of, now, read_identity, sole
from ..config import Settings
from ..ports import Member, Peer
from ..publish.fence import Behind
from ..storage.lock import AlreadyRunning
from ..storage.sql import SqlLedger

if TYPE_CHECKING:
    from jisr_protocol.reader.http import GuardedClient


class SettingUpError(Exception):
    """What was asked cannot be done; the sentence says why and what to do. Nothing was changed."""


@dataclass(frozen=True)
class Made:
    """A new hub."""

    id: str
    recovery_sheet: Path


async def create(
    folder: Path,
    *,
    name: str,
    country: str,
    lang: str,
    address: str,
    allow_private: bool,
    random_bytes: Callable[[int], bytes],
    database: str = "",
) -> Made:
    """Make a hub in `folder`, which must not hold one. The settings file comes last: without it there is no hub."""
    if (folder / config.FILE).exists():
        raise SettingUpError(f"There is a hub in {folder} already; nothing was changed. Choose another folder.")
    settings = Settings(
        name=name,
        country=country.upper(),
        lang=lang,
        address=address.rstrip("/"),
        allow_private=allow_private,
        database=database,
    )
    folder.mkdir(parents=True, exist_ok=True)
    for left_over in (identity.KEY_FILE, config.DATABASE):
        if (folder / left_over).exists():
            raise SettingUpError(f"{folder} holds a {left_over} but no {config.FILE}; nothing was changed.")
    await _make_ledger(folder, settings, identifiers.new_epoch(1, random_bytes(5)))
    seed, recovery_seed = random_bytes(32), random_bytes(32)
    who = identity.create(name, seed=seed, recovery_seed=recovery_seed, salt=random_bytes(16), now=now())
    identity.write_key(folder, seed)
    (folder / KEYS).write_bytes(keys.write_file(who.ring))
    sheet = folder / "recovery-key.txt"
    sheet.write_text(identity.recovery_sheet(who, recovery_seed), encoding="utf-8")
    config.write(folder, settings)
    return Made(who.id, sheet)


async def _make_ledger(folder: Path, settings: Settings, epoch: str) -> None:
    """The tables and the empty feed, in a database that no other hub stands in."""
    ledger = await SqlLedger.open(config.place(folder, settings), new_epoch=epoch)
    try:
        if await ledger.epoch() != epoch:
            raise SettingUpError(
                f"The database for {folder} holds another hub's ledger; nothing in it was changed. "
                "Expected an empty database: make one for this hub, and name it with --database."
            )
    finally:
        await ledger.close()


@dataclass(frozen=True)
class Candidate:
    """A node that could be admitted, as its own key statements prove it."""

    id: str
    name: str
    statements: Sequence[Envelope]

    @property
    def fingerprint(self) -> str:
        """The identifier in groups of four, to be read out aloud."""
        code = self.id.removeprefix("jisr:")
        return "jisr: " + " ".join(code[i : i + 4] for i in range(0, len(code), 4))


async def candidate(folder: Path, source: str, role: str = "node") -> Candidate:
    """Read a node's key statements from its address, its exported folder or its keys.json."""
    settings = config.read(folder)
    name = ""
    if source.startswith(("http://", "https://")):
        from jisr_protocol.reader.http import GuardedClient

        async with GuardedClient(allow_private=settings.allow_private) as client:
            offered = await capabilities_of(client, source)
            name = offered.name
            raw = await _fetch(client, urljoin(source, offered.keys), limits.KEYS_BYTES)
    else:
        path = Path(source)
        file = path / paths.KEYS if path.is_dir() else path
        if not file.is_file():
            raise SettingUpError(f"There is no {file}. Expected an address, a node's exported folder or its keys.json.")
        raw = file.read_bytes()
        told = path / paths.CAPABILITIES
        if path.is_dir() and told.is_file():
            name = capabilities.parse(told.read_bytes()).name
    statements = keys.parse_file(raw)
    ring = keys.fold(statements)
    if role and ring.role != role:
        raise SettingUpError(f"{source} is a {ring.role}, not a node. To follow a hub use: jisr-hub peer add {source}")
    return Candidate(ring.id, name, statements)


async def admit(folder: Path, found: Candidate, name: str) -> Member:
    """Admit a node. Admitting it again changes its name only."""
    settings = config.read(folder)
    async with opened(folder) as ledger:
        before = await ledger.member(found.id)
        ours = before is not None and not before.upstream
        per_hour = before.per_hour if before is not None and ours else settings.per_hour
        per_day = before.per_day if before is not None and ours else settings.per_day
        member = Member(found.id, name, "", per_hour, per_day, identifiers.to_instant(now()))
        await ledger.admit(member, found.statements)
        return member


async def set_quota(folder: Path, node: str, per_hour: int, per_day: int) -> Member:
    """Change the quota of an admitted node."""
    async with opened(folder) as ledger:
        member = await ledger.member(node)
        if member is None or member.upstream:
            raise SettingUpError(f"{node} is not admitted here; nothing was changed. See: jisr-hub status")
        changed = replace(member, per_hour=per_hour, per_day=per_day)
        ring = (await ledger.rings([node]))[node]
        await ledger.admit(changed, ring.statements)
        return changed


async def find_peer(folder: Path, address: str) -> Peer:
    """Ask a hub who it is and where its public feed stands."""
    from jisr_protocol.reader import hosts
    from jisr_protocol.reader.http import GuardedClient

    settings = config.read(folder)
    async with GuardedClient(allow_private=settings.allow_private) as client:
        offered = await capabilities_of(client, address)
        ring = keys.fold(keys.parse_file(await _fetch(client, urljoin(address, offered.keys), limits.KEYS_BYTES)))
    if ring.id != offered.id:
        raise SettingUpError(
            f"{address} says it is {offered.id}, but its keys are those of {ring.id}. Do not follow it."
        )
    if offered.role != "hub" or not any(feed.name == "public" for feed in offered.feeds):
        raise SettingUpError(f"{address} is a {offered.role} without a public feed to follow.")
    return Peer(offered.id, offered.name, urljoin(address, hosts.chosen(offered)), 0, "")


async def add_peer(folder: Path, peer: Peer) -> None:
    """Follow a hub from the next round on."""
    async with opened(folder) as ledger:
        await ledger.keep_peer(peer)


def check_there(folder: Path) -> None:
    """Raise unless all that makes a hub is in `folder`: an empty database must not take the place of a lost one."""
    settings = config.read(folder)
    for name in (KEYS, identity.KEY_FILE, *(() if settings.database else (config.DATABASE,))):
        if not (folder / name).is_file():
            raise SettingUpError(f"The hub in {folder} lacks {name}; nothing was changed. Put it back from a backup.")


async def check_opens(folder: Path) -> str:
    """Raise unless settings, keys and database can be read, before a server is made of them.

    Returns why the hub may not sign, "" when it may.
    """
    check_there(folder)
    read_identity(folder, config.read(folder))
    async with opened(folder) as ledger:
        return await why_fenced(folder, ledger)


async def why_fenced(folder: Path, ledger: SqlLedger) -> str:
    """Why the hub may sign nothing: its database is older than what it published; "" when it may."""
    settings = config.read(folder)
    try:
        await gate_of(folder, settings, read_identity(folder, settings), ledger).check()
    except Behind as behind:
        return str(behind)
    except (Refusal, ValueError, TypeError):
        return ""  # its keys cannot be read: another fault, which is told by itself
    return ""


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SqlLedger]:
    """The ledger of an existing hub, beside a server that may be running."""
    check_there(folder)
    settings = config.read(folder)
    ledger = await SqlLedger.open(config.place(folder, settings))
    try:
        with contextlib.suppress(Refusal, ValueError, TypeError):
            await check_owner(ledger, read_identity(folder, settings), folder)
        yield ledger
    finally:
        await ledger.close()


@contextlib.asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[SqlLedger]:
    """The ledger of an existing hub that no process serves. Raises AlreadyRunning."""
    with sole(folder):
        async with opened(folder) as ledger, ledger.leading("publisher") as lead:
            if lead is None:
                raise AlreadyRunning(
                    f"another process serves the database of the hub in {folder}; nothing was changed. Stop it first"
                )
            yield ledger


async def capabilities_of(client: GuardedClient, address: str) -> capabilities.Capabilities:
    """What is offered at an address."""
    return capabilities.parse(await _fetch(client, urljoin(address, "/" + paths.CAPABILITIES), limits.HEAD_BYTES))


async def _fetch(client: GuardedClient, address: str, limit_bytes: int) -> bytes:
    answer = await client.get(address, limit_bytes=limit_bytes, attempts=3)
    if answer.status != 200:
        raise SettingUpError(
            f"{address} answered {answer.status}; expected a file. Is it the address of a Jisr node or hub?"
        )
    return answer.body
