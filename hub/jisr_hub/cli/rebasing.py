"""`jisr-hub rebase`: say what an older database lacks, then bring the hub to where it can publish again."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.identifiers import FEED_AUDIENCES
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.tables import CopyProblem

from .. import config
from ..app.folder import PEERS, PUBLIC, gate_of, now, read_identity
from ..app.opening import erasures_of, followers_of, hub_of, quorums_of
from ..following.peers import take_back
from ..hub import Hub
from ..ports import Ledger, Mark, Member
from ..publish.feed import Publisher
from ..publish.snapshots import Cadence
from ..rebase import Found, look, rebase
from ..storage.fence import FileFence
from ..storage.folder import FolderPages
from ..storage.sql import SqlLedger
from .setting_up import SettingUpError, alone


@dataclass(frozen=True)
class Seen:
    """What the operator says that others have seen of this feed, and how much of it the backup has in common."""

    epoch: str
    size: int
    base: int = 0


def seen(text: str, base: int) -> Seen | None:
    """Read EPOCH:SIZE; None for "". Raises SettingUpError."""
    if not text:
        return None
    epoch, _, size = text.partition(":")
    if identifiers.epoch(epoch) or not size.isdigit() or len(size) > 16:
        raise SettingUpError(
            f"--at-least takes an epoch and a number of entries, such as 1-abcdefgh:1200; came {text!r}. Nothing was "
            "changed."
        )
    return Seen(epoch, int(size), base)


async def explain(folder: Path, at_least: Seen | None) -> dict[str, Any]:
    """What `jisr-hub rebase` would do, as facts; changes nothing."""
    async with alone(folder) as ledger:
        found = await _look(folder, ledger, at_least)
        return _facts(found, await _members(ledger), await ledger.peers())


async def carry_out(folder: Path, at_least: Seen | None) -> dict[str, Any]:
    """Do it: the log, then what was erased, then what peers hold, then the next head. Safe to repeat."""
    settings = config.read(folder)
    async with alone(folder) as ledger:
        found = await _look(folder, ledger, at_least)
        who, pages = read_identity(folder, settings), FolderPages(folder / PUBLIC)
        hub = await hub_of(folder, settings, ledger)
        followers = followers_of(hub, folder, settings)
        erasures = erasures_of(hub, folder, followers)
        before = max(identifiers.epoch_number(found.promised.epoch), identifiers.epoch_number(found.epoch))
        epoch = identifiers.new_epoch(before + 1, secrets.token_bytes(5))
        done = await rebase(hub, pages, found, epoch=epoch, per_hour=settings.per_hour, per_day=settings.per_day)
        await erasures.replay()
        from_peers, unreached = await _from_peers(folder, hub, settings)
        fence, cadence = FileFence(config.fence_file(folder, settings)), Cadence(entries=settings.snapshot_entries)
        publisher = Publisher(who, ledger, pages, now, fence=fence, cadence=cadence)
        await publisher.begin()
        head = await publisher.publish()
        return _facts(found, await _members(ledger), await ledger.peers()) | {
            "epoch": head.epoch,
            "published": head.size,
            "live": head.live,
            "from_pages": done.from_pages,
            "from_peers": from_peers,
            "unreached": unreached,
            "admitted_again": done.admitted_again,
        }


async def _look(folder: Path, ledger: SqlLedger, at_least: Seen | None) -> Found:
    settings = config.read(folder)
    who = read_identity(folder, settings)
    gate, hub = gate_of(folder, settings, who, ledger), Hub(who, ledger, now)
    if at_least is None:
        return await look(hub, FolderPages(folder / PUBLIC), gate)
    mark = Mark(who.id, at_least.epoch, at_least.size, "", identifiers.to_instant(now()))
    return await look(hub, FolderPages(folder / PUBLIC), gate, at_least=mark, base=at_least.base)


async def _from_peers(folder: Path, hub: Hub, settings: config.Settings) -> tuple[int, list[str]]:
    """Ask every peer once more, and take back what its copy holds, also when it could not be asked."""
    taken, unreached = 0, []
    quorums = quorums_of(settings)
    for peer in await hub.ledger.peers():
        file = folder / PEERS / f"{peer.hub.removeprefix('jisr:')}.sqlite"
        file.parent.mkdir(exist_ok=True)
        try:
            result = await follow(
                peer.feed,
                file,
                allow_private=settings.allow_private,
                expected_id=peer.hub,
                now=now,
                witnesses=quorums.get(peer.hub),
            )
            if result.outcome != 0:
                unreached.append(f"{peer.name or peer.hub}: {result.sentence}")
            if file.exists():
                taken += await take_back(hub, replace(peer), file)
        except (CopyProblem, OSError, ValueError) as error:
            unreached.append(f"{peer.name or peer.hub}: {error}")
    return taken, unreached


async def _members(ledger: Ledger) -> list[tuple[Member, dict[str, int]]]:
    """The nodes admitted here, and how far each of their feeds is held."""
    ours = [member for member in await ledger.members() if not member.upstream]
    return [
        (member, {name: size for name, (_, size) in (await ledger.node_places(member.node)).items()}) for member in ours
    ]


def _facts(found: Found, members: Sequence[tuple[Member, dict[str, int]]], peers: Sequence[Any]) -> dict[str, Any]:
    return {
        "published_before": {"epoch": found.promised.epoch, "size": found.promised.size},
        "database": {"epoch": found.epoch, "size": found.size, "published": found.proven},
        "in_pages": found.reaches - found.size if found.reaches > found.size else 0,
        "base": found.reaches,
        "by_pages_only": found.shared > found.proven,
        "new_epoch": not found.whole,
        "lost": found.lost,
        "nodes": [{"node": m.node, "name": m.name, "held": held} for m, held in members],
        "peers": [peer.name or peer.hub for peer in peers],
    }


def words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    before, database = value["published_before"], value["database"]
    lines = [
        f"This hub has published {before['size']} entries of {before['epoch']}.",
        f"The database holds {database['size']} of {database['epoch']}; its last head covers {database['published']}.",
        f"The pages in this folder give back {value['in_pages']} entries after that.",
    ]
    if value["by_pages_only"]:
        lines.append("That the database and the feed agree beyond its own last head is shown by the pages alone.")
    if not value["new_epoch"]:
        lines.append("That is all of it: the log is whole again, readers go on and notice nothing.")
    else:
        lines.append(
            f"{value['lost']} published entries are in neither. A new epoch goes on from the first {value['base']} "
            "entries. Readers that have read further go back to there by themselves; nobody begins anew unless the "
            "base is 0."
        )
    asked = ", ".join(value["peers"]) or "none is followed; `jisr-hub peer add` before this adds one"
    lines.append(f"Public records of nodes admitted here also come back from peers: {asked}.")
    lines.append(
        "What partners' and hub feeds held since the backup, and how far each log was held, only the nodes themselves "
        "can give back. They do so with their next push; these may be ahead of what is held here:"
    )
    lines += [f"  {node['name'] or node['node']}  {_held(node['held'])}" for node in value["nodes"]]
    lines.append("A node that was admitted after the backup and stands in no page has to be admitted again.")
    return "\n".join(lines)


def done_words(value: dict[str, Any]) -> str:
    """What was done, for a person."""
    lines = [
        f"{value['from_pages']} entries came back from the pages, {value['from_peers']} from peers.",
        f"Published: {value['published']} entries, {value['live']} records live, epoch {value['epoch']}.",
    ]
    lines += [f"Not asked: {sentence}" for sentence in value["unreached"]]
    lines += [f"Admitted again, without its name: {node}" for node in value["admitted_again"]]
    lines.append("Next: start the hub, and ask the nodes' people to push: jisr-node sync")
    return "\n".join(lines)


def _held(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name}: {sizes[name]}" for name in FEED_AUDIENCES if name in sizes) or "nothing held"
