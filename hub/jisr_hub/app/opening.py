"""A hub's folder becomes an open hub: who it is, its ledger, its feed, its followers."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from jisr_protocol import identifiers, witness
from jisr_protocol.reader import evidence
from jisr_protocol.reader.http import ExchangeError, GuardedClient
from jisr_protocol.witness import Policy

from .. import config
from ..config import Settings
from ..following.history import Notes, heeding
from ..following.peers import Followers
from ..following.pulls import AT_ONCE, Pulls, forget
from ..following.rounds import Rounds, bounds_of
from ..hub import Hub
from ..identity import Identity
from ..node_heads import NodeHeads
from ..ports import Erasure, Pull
from ..ports.history import Way
from ..proving import Workers
from ..publish.feed import Publisher
from ..publish.fence import own_head
from ..publish.keeping import Copying
from ..publish.snapshots import Cadence
from ..storage import mirrored, witnessed
from ..storage.erasure_file import ErasureFile
from ..storage.fence import FileFence
from ..storage.folder import FolderPages
from ..storage.node_logs import SqlNodeLogs
from ..storage.policies import SqlPolicies
from ..storage.rounds import SqlHistory
from ..storage.sql import SqlLedger
from ..takedown.erasure import Erasures
from ..views.applying import Applying
from ..views.opened import Room, Views
from ..views.policies import Derived, Policies
from ..web import api
from ..web.readiness import Duty
from ..witness.cosigning import Witness
from ..witness.witnessing import Said, Witnessing
from .folder import ERASURES, EVIDENCE, PEERS, PUBLIC, PULLS, check_owner, now, read_identity

_log = structlog.get_logger()


async def open_room(folder: Path, settings: Settings, who: Identity, feed: Derived) -> Room:
    """The place of a view. One whose ledger is new begins in a later epoch than anything that was ever shown of it."""
    place, schema = config.view_place(folder, settings, feed.name)
    pages = FolderPages(folder / config.VIEWS / feed.name)
    fence = FileFence(config.view_fence(folder, settings, feed.name))
    shown, mark = own_head(pages, who), fence.read()
    last = max((identifiers.epoch_number(one.epoch) for one in (shown, mark) if one is not None), default=0)
    epoch = identifiers.new_epoch(last + 1, secrets.token_bytes(5))
    ledger = await SqlLedger.open(place, new_epoch=epoch, schema=schema)
    return Room(ledger, pages, fence, ledger.close)


@dataclass
class Copies:
    """What is kept of other feeds: peers' copies, and what is half fetched."""

    followers: Followers
    pulls: Path

    async def erase(self, erasures: Iterable[Erasure]) -> None:
        """Take the content out of all of it. Raises CopyProblem."""
        gone = list(erasures)
        if gone:
            forget(self.pulls)
        await self.followers.erase(gone)


@dataclass
class Running:
    """The parts of an open hub."""

    folder: Path
    settings: Settings
    hub: Hub
    ledger: SqlLedger
    publisher: Publisher
    pages: FolderPages
    followers: Followers
    pulls: Pulls
    heads: NodeHeads
    erasures: Erasures
    duty: Duty
    policies: Policies
    views: Views
    reads: SqlLedger
    """For what may be a moment old: a standby that keeps up, else the ledger itself."""
    workers: Workers | None
    history: SqlHistory

    def feeds(self) -> dict[str, api.Feed]:
        """The feeds beside the public one, as they are served."""
        shown = self.views.shown.items()
        return {name: api.Feed(one.publisher, one.room.pages, one.feed.audience) for name, one in shown}

    async def close(self) -> None:
        if self.workers is not None:
            self.workers.close()
        await self.views.close()
        if self.reads is not self.ledger:
            await self.reads.close()
        await self.ledger.close()


async def open_hub(folder: Path) -> Running:
    """Open the hub in `folder`; its database is there since `init`."""
    settings = config.read(folder)
    who = read_identity(folder, settings)
    ledger = await SqlLedger.open(settings.database or config.place(folder, settings), direct=settings.direct_database)
    try:
        await check_owner(ledger, who, folder)
        pages = FolderPages(folder / PUBLIC)
        hub = await hub_of(folder, settings, ledger)
        workers = Workers(settings.verifiers) if settings.verifiers else None
        hub.beside = workers.proven if workers is not None else None
        followers, history = followers_of(hub, folder, settings), SqlHistory(ledger)
        heeding(followers.rounds, Way.PEER, hub.notes, history)
        pulls = Pulls(hub, folder / PULLS, allow_private=settings.allow_private)
        erasures = erasures_of(hub, folder, followers)
        policies, views = views_of(hub, ledger, folder, settings)
        erasures.beside = views
        followers.prepare = Applying(hub, policies).run
        fence, cadence = FileFence(config.fence_file(folder, settings)), Cadence(entries=settings.snapshot_entries)
        publisher = Publisher(who, ledger, pages, now, fence=fence, cadence=cadence, aside=asyncio.to_thread)
        hub.fenced = lambda: publisher.fenced
        publisher.policy = policies.published()
        await publisher.begin()
        if not publisher.fenced:  # else nothing may enter the log: what it lacks is put back first (rebase.py)
            await hub.begin()
            again = await erasures.replay()
            await views.refresh()
            await views.erase()
        else:
            again = await erasures.empty()
        if again:
            _log.warning("erasure.again", targets=again)
    # a Ctrl-C too leaves no connection open
    except BaseException:
        await ledger.close()
        raise
    if publisher.fenced:
        _log.error("fence.behind", reason=publisher.fenced)
    duty = Duty(fenced=publisher.fenced, seen_ahead=lambda: publisher.seen.warning(publisher.head))
    heads = NodeHeads(hub)
    reads = _reads(ledger, settings)
    parts = (hub, ledger, publisher, pages, followers, pulls, heads, erasures, duty, policies, views, reads)
    return Running(folder, settings, *parts, workers, history)


def _reads(ledger: SqlLedger, settings: Settings) -> SqlLedger:
    """What answers that may be a moment old are asked of."""
    if not (settings.read_database and settings.database):
        return ledger
    from ..storage.standby import SqlStandby  # with PostgreSQL's driver, which a hub in a file does without

    return SqlStandby(ledger, settings.read_database)


async def hub_of(folder: Path, settings: Settings, ledger: SqlLedger) -> Hub:
    """The hub in `folder` as its operator set it, for whatever takes entries: its anchors and what it takes."""
    who = read_identity(folder, settings)
    hub = Hub(who, ledger, now, anchors=config.anchors(folder, settings))
    hub.notes = Notes(now, secrets.token_hex(4))
    hub.keep = lambda case: evidence.keep(folder / EVIDENCE, case)
    hub.policies = Policies(SqlPolicies(ledger), who.id, settings.country)
    await hub.policies.refresh()
    return hub


def followers_of(hub: Hub, folder: Path, settings: Settings) -> Followers:
    """What follows the peers of the hub in `folder`, as its operator set it."""
    followers = Followers(
        hub,
        folder / PEERS,
        settings.poll_seconds,
        longest_seconds=settings.poll_longest_seconds,
        allow_private=settings.allow_private,
    )
    followers.quorums = quorums_of(settings)
    return followers


def quorums_of(settings: Settings) -> dict[str, Policy]:
    """Peer → the witnesses whose quorum its heads need."""
    return {peer: witness.parse_policy(text) for peer, text in settings.quorums.items()}


def rounds_of(running: Running) -> Rounds[Pull]:
    """What asks each registered feed in its own time."""
    settings, pulls = running.settings, running.pulls
    bounds = bounds_of(settings.poll_seconds, settings.poll_longest_seconds)
    rounds = Rounds(bounds, pulls.sources, pulls.once, at_once=AT_ONCE)
    heeding(rounds, Way.PULL, running.hub.notes, running.history)
    return rounds


def views_of(hub: Hub, ledger: SqlLedger, folder: Path, settings: Settings) -> tuple[Policies, Views]:
    """What the hub in `folder` takes, and its feeds beside the public one; not open yet."""
    policies = hub.policies or Policies(SqlPolicies(ledger), hub.identity.id, settings.country)

    def opened(feed: Derived) -> Awaitable[Room]:
        return open_room(folder, settings, hub.identity, feed)

    return policies, Views(hub, SqlNodeLogs(ledger), policies, opened)


def witness_of(folder: Path, hub: Hub) -> Witness:
    """The hub in `folder` as a witness of those it follows."""
    key, memory = witnessed.open_witness(folder, os.urandom)
    return Witness(
        hub.identity.id, key, hub.ledger, memory, now, keep=lambda case: evidence.keep(folder / EVIDENCE, case)
    )


def witnessing_of(folder: Path, running: Running) -> Witnessing:
    """What has the heads of the hub in `folder` cosigned by the witnesses that its operator chose."""

    async def post(address: str, body: bytes) -> Said:
        async with GuardedClient(allow_private=running.settings.allow_private) as client:
            try:
                answer = await client.post(address, body, {"Content-Type": "text/plain; charset=utf-8"})
            except ExchangeError as error:
                raise ConnectionError(str(error)) from error
        return Said(answer.status, answer.body)

    return Witnessing(running.publisher, lambda: config.witnesses(folder), post)


def copying_of(folder: Path, settings: Settings, pages: FolderPages, *, noting: bool = True) -> Copying | None:
    """What keeps the bucket that the settings name; with `noting`, how far it is can be read in the hub's folder."""
    if not settings.publish_to:
        return None
    noted = mirrored.read_note(folder) if noting else None
    note = partial(mirrored.write_note, folder) if noting else lambda _: None
    return Copying(pages, settings.publish_to, lambda: mirrored.open_objects(settings), now, noted, note)


def erasures_of(hub: Hub, folder: Path, followers: Followers) -> Erasures:
    """What erases from the hub in `folder`; from now on the hub says by it what was erased."""
    erasures = Erasures(hub, now, ErasureFile(folder / ERASURES), Copies(followers, folder / PULLS))
    hub.erased, hub.lifted = erasures.settle, erasures.lift
    return erasures
