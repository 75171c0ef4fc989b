"""`jisr-hub doctor`: how this hub is, one sentence a finding, with what to do. It changes nothing.

`check` proves what is stored; this looks at what surrounds it: settings, keys, disk, clock, fence, peers, backups.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jisr_protocol import head as heads
from jisr_protocol import identifiers
from jisr_protocol.head import Head

from .. import config, identity
from ..app.folder import ERASURES, KEYS, PEERS, PUBLIC, now, read_identity
from ..config import Settings
from ..failures import Unwritable
from ..publish import forms
from ..publish.pages import Layout
from ..storage.condition import condition
from ..storage.erasure_file import ErasureFile
from ..storage.folder import FolderPages
from ..storage.sql import SqlLedger
from . import mirroring
from .act_proof import loss_of
from .keeping import last_backup
from .setting_up import check_there, opened, why_fenced
from .shell import is_sentence

WELL, LOOK, BAD = "well", "look", "bad"
FREE_LOOK, FREE_BAD = 0.10, 0.01
BACKUP_DAYS = 7
CLOCK_AHEAD = timedelta(minutes=10)
"""What readers forgive a head that is dated ahead of their clock."""
_PAGES_SAMPLED = 40


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state` is well, look (something needs doing) or bad (now)."""

    about: str
    state: str
    says: str


async def doctor(folder: Path) -> list[Finding]:
    """Look at everything; the later looks need the earlier ones, so a bad beginning ends the list."""
    found: list[Finding] = []
    try:
        settings = config.read(folder)
        check_there(folder)
        found.append(Finding("settings", WELL, f"The settings fit; the hub is {settings.name}."))
        found += _keys(folder, settings)
        found += _endings(settings)
        found += _disk(folder)
        found.append(_backup(folder))
        told = await condition(config.place(folder, settings))
        found += _database(told)
        if told["step"] == told["newest"]:
            async with opened(folder) as ledger:
                found += [each async for each in _ledger(folder, settings, ledger)]
    except Unwritable as away:
        found.append(_away(away.reason))
    # whatever keeps it from opening is the finding; what is not known here goes on
    except Exception as error:
        if is_sentence(error):
            return [*found, Finding("hub", BAD, str(error))]
        reason = getattr(error, "orig", None)
        if reason is None:
            raise
        found.append(_away(str(reason).strip().splitlines()[0]))
    return found


def _away(reason: str) -> Finding:
    return Finding("database", BAD, f"The database cannot be used: {reason}. Is it up, and its address right?")


def _keys(folder: Path, settings: Settings) -> Iterator[Finding]:
    who = read_identity(folder, settings)
    kid = who.key.public.kid
    state = who.ring.keys[kid].state if kid in who.ring.keys else "unknown"
    if state == "active":
        yield Finding("keys", WELL, "The signing key is the one that keys.json names.")
    else:
        says = f"signing.key is {state} to {KEYS}, so nobody believes what it signs. Put the newest key back."
        yield Finding("keys", BAD, says)
    mode = (folder / identity.KEY_FILE).stat().st_mode & 0o777
    if mode & 0o077:
        says = (
            f"Others on this machine can read signing.key (mode {mode:o}). Say: chmod 600 {folder / identity.KEY_FILE}"
        )
        yield Finding("keys", BAD, says)
    if (folder / "recovery-key.txt").exists():
        says = "The recovery key still lies in the hub's folder. Print recovery-key.txt, put it away, delete the file."
        yield Finding("keys", LOOK, says)


def _endings(settings: Settings) -> Iterator[Finding]:
    """Majors of the protocol of which the operator has said that they end (VER-3)."""
    for major, ending in sorted(settings.sunset.items()):
        days = (ending.sunset - now().date()).days
        if days >= 0:
            yield Finding("versions", WELL, f"Major {major} of the protocol ends on {ending.sunset}, in {days} days.")
        else:
            says = f"Major {major} of the protocol ended on {ending.sunset}, and is still served: set a later sunset."
            yield Finding("versions", LOOK, says)


def _disk(folder: Path) -> Iterator[Finding]:
    seen: set[int] = set()
    for place in (folder, folder / PUBLIC, folder / PEERS):
        if not place.exists() or place.stat().st_dev in seen:
            continue
        seen.add(place.stat().st_dev)
        room = shutil.disk_usage(place)
        share = room.free / room.total if room.total else 1.0
        words = f"{room.free / 1e9:.1f} GB ({share:.0%}) of the disk of {place} are free"
        if share < FREE_BAD:
            yield Finding("disk", BAD, f"{words}: soon nothing can be stored. Make room now.")
        elif share < FREE_LOOK:
            yield Finding("disk", LOOK, f"{words}. Make room, or move the hub to a larger disk.")
        else:
            yield Finding("disk", WELL, f"{words}.")


def _backup(folder: Path) -> Finding:
    last = last_backup(folder)
    if last is None:
        return Finding("backup", LOOK, "No backup was ever taken here. Take one: jisr-hub backup FILE")
    days = (now() - last[0]).days
    words = f"The last backup is {_age(last[0])} old ({last[1]})"
    if days >= BACKUP_DAYS:
        return Finding("backup", LOOK, f"{words}. Take another: jisr-hub backup FILE")
    return Finding("backup", WELL, f"{words}.")


def _database(told: dict[str, Any]) -> list[Finding]:
    name = "PostgreSQL" if told["engine"] == "postgresql" else "SQLite"
    found = [Finding("database", WELL, f"{name} {told['version']} answers; its tables are at step {told['step']}.")]
    if told["step"] is None:
        says = (
            "The database is empty, though this hub was made. Look whether its address is right, or put a backup back."
        )
        found = [Finding("database", BAD, says)]
    elif told["step"] > told["newest"]:
        says = f"The database is of a later version of Jisr (step {told['step']}). Install that version again."
        found = [Finding("database", BAD, says)]
    elif told["step"] < told["newest"]:
        says = f"The tables are at step {told['step']}; the next start brings them to {told['newest']} by itself."
        found = [Finding("database", LOOK, f"{says} Take a backup with the older version first.")]
    for setting in ("synchronous_commit", "fsync", "full_page_writes"):
        if told.get(setting) == "off":
            says = f"PostgreSQL has {setting} off: what was acknowledged can be lost with the power. Turn it on."
            found.append(Finding("database", BAD if setting == "fsync" else LOOK, says))
    for standby in told.get("standbys", []):
        late = standby["behind_seconds"] > 60 or standby["state"] != "streaming"
        says = f"The standby {standby['name']} is {standby['state']}, {standby['behind_seconds']:.0f} s behind."
        found.append(Finding("standby", LOOK if late else WELL, says + (" Look at its log." if late else "")))
    return found


async def _ledger(folder: Path, settings: Settings, ledger: SqlLedger) -> AsyncIterator[Finding]:
    published = await ledger.published()
    files = FolderPages(folder / PUBLIC)
    if fenced := await why_fenced(folder, ledger):
        yield Finding("fence", BAD, fenced)
    else:
        yield Finding("fence", WELL, "The database is as new as what this hub has published.")
    try:
        if (lost := await loss_of(folder, ledger)) is not None:
            yield Finding("audit log", BAD, lost.sentence)
    except (OSError, ValueError) as error:
        yield Finding("audit log", LOOK, f"Nobody can tell whether it lost its end: {error}")
    if published is None:
        yield Finding("head", LOOK, "Nothing is published yet. Serve the hub: jisr-hub serve")
    else:
        yield _clock(published.head)
        yield _head(published.head)
        yield await _pages(ledger, files, published.head)
        if told := mirroring.facts(folder, settings, published.head):
            well = not told["failed"] and not told["behind"]
            yield Finding("bucket", WELL if well else LOOK, mirroring.words(told))
    for peer in await ledger.peers():
        since = f" since {peer.last_at}" if peer.last_at else ""
        if peer.last_outcome in ("verified", "stale", ""):
            yield Finding("peer", WELL, f"The peer {peer.name}: {peer.last_outcome or 'not asked yet'}{since}.")
        else:
            says = f"Following {peer.name} ends as {peer.last_outcome}{since}: {peer.last_detail}"
            yield Finding("peer", LOOK, f"{says} Ask its operator if it stays so.")
    async for each in _quarantine(ledger):
        yield each
    yield _erasures(folder)


def _clock(head: Head) -> Finding:
    if head.time > now() + CLOCK_AHEAD:
        says = (
            f"This machine's clock is behind its own last head ({identifiers.to_instant(head.time)}). Set the clock."
            " If it is right now and was ahead then, readers refuse heads until that time; a new epoch ends it: "
            f"jisr-hub rebase --at-least {head.epoch}:{head.size + 1} --base {head.size}"
        )
        return Finding("clock", BAD, says)
    return Finding("clock", WELL, f"The clock goes on from the last head; it is {identifiers.to_instant(now())}.")


def _head(head: Head) -> Finding:
    words = f"The last head is {_age(head.time)} old, of {head.size} entries, {head.live} live records"
    if heads.expired(head, now()):
        return Finding(
            "head", BAD, f"{words}; it has expired, and readers call the feed stale. Is the hub being served?"
        )
    return Finding("head", WELL, f"{words}; it is good until {identifiers.to_instant(head.expires)}.")


async def _pages(ledger: SqlLedger, files: FolderPages, head: Head) -> Finding:
    """Whether files that the head promises are there: a sample, the newest among them."""
    async with ledger.reading() as view:
        layout = Layout.of(head, await view.generations()).of_size(head.size)
    pages = [path for _, _, path in layout.pages(head.size)]
    some = {*pages[-2:], *random.sample(pages, min(len(pages), _PAGES_SAMPLED))}
    missing = sorted(path for path in some if forms.source(files, path) is None)
    if missing:
        says = f"{len(missing)} of {len(some)} pages looked for are missing, first {missing[0]}. Say: jisr-hub rebuild"
        return Finding("pages", BAD, says)
    return Finding("pages", WELL, f"{len(some)} of {len(pages)} pages were looked for, and are there.")


async def _quarantine(ledger: SqlLedger) -> AsyncIterator[Finding]:
    for member in await ledger.members():
        for name in identifiers.FEED_AUDIENCES:
            waiting = await ledger.judged(member.node, name)
            if waiting:
                first = f"entry {waiting[0].seq}: {waiting[0].code}"
                says = (
                    f"{len(waiting)} entries of {member.name or member.node} ({name}) are put aside, first {first}. "
                    "Tell its people what jisr-hub status --json says; after a change here: jisr-hub rejudge"
                )
                yield Finding("quarantine", LOOK, says)


def _erasures(folder: Path) -> Finding:
    waiting = 0
    for line in ErasureFile(folder / ERASURES).read():
        waiting = 0 if line.startswith(b'{"scrubbed"') else waiting + 1
    if waiting:
        says = (
            f"{waiting} erasures are not yet out of every file of this machine. A serving hub does it soon; serve it."
        )
        return Finding("erasures", LOOK, says)
    return Finding("erasures", WELL, "Nothing that was erased is left in the hub's files.")


def _age(then: datetime) -> str:
    seconds = max(0, int((now() - then).total_seconds()))
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return f"{seconds} seconds"


def words(found: list[Finding]) -> str:
    """The findings for a person: what needs doing first."""
    signs = {BAD: "!!", LOOK: "! ", WELL: "ok"}
    order = sorted(found, key=lambda each: (BAD, LOOK, WELL).index(each.state))
    return "\n".join(f"{signs[each.state]}  {each.says}" for each in order)


def facts(found: list[Finding]) -> dict[str, Any]:
    """The findings for a program."""
    return {"well": all(each.state == WELL for each in found), "findings": [asdict(each) for each in found]}
