"""Wiring: a hub's folder becomes a running hub. Only here and in cli do adapters, core and web meet."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import entry as entries
from jisr_protocol import identifiers, keys
from jisr_protocol.keys import KeyRing
from jisr_protocol.reader import evidence
from jisr_protocol.reader.http import ExchangeError, GuardedClient
from jisr_protocol.refusal import Refusal

from . import config, identity, log
from .authority.admissions import Admissions
from .config import Settings
from .following.peers import Followers
from .following.pulls import AT_ONCE, Pulls, forget
from .following.rounds import Rounds, bounds_of
from .hub import Fenced, Hub
from .identity import Identity
from .node_heads import NodeHeads
from .ports import Erasure, Pull
from .publish.feed import Publisher
from .publish.fence import Behind, Gate, own_head
from .publish.seen import Seen
from .publish.snapshots import Cadence
from .storage import witnessed
from .storage.admissions import SqlAdmissions
from .storage.directory import SqlDirectory
from .storage.erasure_file import ErasureFile
from .storage.fence import FileFence
from .storage.folder import FolderPages
from .storage.lock import only_one
from .storage.node_logs import SqlNodeLogs
from .storage.policies import SqlPolicies
from .storage.readers import SqlReaders
from .storage.sql import SqlLedger
from .takedown.acknowledging import Acknowledgements
from .takedown.erasure import Erasures
from .views.applying import Applying
from .views.opened import Room, Views
from .views.policies import Derived, Policies
from .web import admission, api, directory, notices, problem_documents, versions
from .web import witness as witness_routes
from .web.readiness import Duty, Readiness, free_share
from .web.tokens import Tokens
from .witness.cosigning import Witness
from .witness.witnessing import Said, Witnessing

KEYS = "keys.json"
PUBLIC = "public"
PEERS = "peers"
PULLS = "pulls"
ERASURES = "erasures.jsonl"
"""What was erased, kept apart from the database and its backups; beside what fences the hub against older ones."""
SCRUB_SECONDS, SCRUB_SHARE = 60.0, 20
"""How long between two rounds that rewrite files so that nothing of what was erased is left: at least, and as a
multiple of what a round takes."""
ANSWER_SECONDS = 5.0
"""How often holds are looked at whose time is over, and acks signed."""
PUBLISH_SECONDS_AT_MOST = 10.0
EVIDENCE = "evidence"
"""What others signed against themselves, for ever: `jisr verify FILE` judges it."""
SEEN = "seen.json"
SEEN_SECONDS = 60.0
FENCED_SECONDS = 30.0
"""How often a hub that may not sign looks whether it may again."""
RENEW_SECONDS = 3600.0
"""How often a hub looks whether what it says of its nodes ends soon: days before it does."""
LEAD_SECONDS = 2.0
"""How often a process asks whether it is its turn."""
_log = structlog.get_logger()


def now() -> datetime:
    """The clock of the rim."""
    return datetime.now(UTC)


def read_identity(folder: Path, settings: Settings) -> Identity:
    """Who the hub in `folder` is."""
    ring: KeyRing = keys.fold(keys.parse_file((folder / KEYS).read_bytes()))
    identity.settle(folder, ring)
    return Identity(settings.name, ring, identity.read_key(folder))


class OtherHub(Exception):
    """The database is that of another hub than the folder; the sentence says what to do. Nothing was changed."""


async def check_owner(ledger: SqlLedger, who: Identity, folder: Path) -> None:
    """Raise OtherHub when the log in the database begins with the keys of somebody else."""
    async with ledger.reading() as view:
        async for rows in view.entries(0, 1):
            owner = _subject(rows[0][1])
            if owner not in (None, who.id):
                raise OtherHub(
                    f"The database that {folder / config.FILE} names is that of the hub {owner}; the hub in {folder} is"
                    f" {who.id}. Nothing was changed. Name this hub's own database, or use the other hub's folder."
                )


def _subject(line: bytes) -> str | None:
    try:
        return entries.parse(line).node
    except Refusal:
        return None  # damaged: for `jisr-hub check` to say


def read_seen(folder: Path) -> Seen:
    """What readers have claimed to see of this hub's feed, as its serving process noted it last."""
    try:
        return msgspec.json.decode((folder / SEEN).read_bytes(), type=Seen)
    except (FileNotFoundError, msgspec.DecodeError):
        return Seen()


async def note_seen_for_ever(folder: Path, publisher: Publisher) -> None:
    """Keep what readers claim, for `jisr-hub status`: at most once a minute, however many they are."""
    noted = publisher.seen.count
    while True:
        await asyncio.sleep(SEEN_SECONDS)
        if publisher.seen.count != noted:
            noted = publisher.seen.count
            with contextlib.suppress(OSError):
                await asyncio.to_thread((folder / SEEN).write_bytes, msgspec.json.encode(publisher.seen))


def gate_of(folder: Path, settings: Settings, who: Identity, ledger: SqlLedger) -> Gate:
    """What says whether the hub in `folder` may sign."""
    return Gate(who, ledger, FolderPages(folder / PUBLIC), FileFence(config.fence_file(folder, settings)))


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

    def feeds(self) -> dict[str, api.Feed]:
        """The feeds beside the public one, as they are served."""
        shown = self.views.shown.items()
        return {name: api.Feed(one.publisher, one.room.pages, one.feed.audience) for name, one in shown}

    async def close(self) -> None:
        await self.views.close()
        await self.ledger.close()


async def open_hub(folder: Path) -> Running:
    """Open the hub in `folder`; its database is there since `init`."""
    settings = config.read(folder)
    who = read_identity(folder, settings)
    ledger = await SqlLedger.open(config.place(folder, settings))
    try:
        await check_owner(ledger, who, folder)
        pages = FolderPages(folder / PUBLIC)
        hub = await hub_of(folder, settings, ledger)
        followers = followers_of(hub, folder, settings)
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
    except BaseException:
        await ledger.close()
        raise
    if publisher.fenced:
        _log.error("fence.behind", reason=publisher.fenced)
    duty = Duty(fenced=publisher.fenced, seen_ahead=lambda: publisher.seen.warning(publisher.head))
    heads = NodeHeads(hub)
    return Running(settings, hub, ledger, publisher, pages, followers, pulls, heads, erasures, duty, policies, views)


async def hub_of(folder: Path, settings: Settings, ledger: SqlLedger) -> Hub:
    """The hub in `folder` as its operator set it, for whatever takes entries: its anchors and what it takes."""
    who = read_identity(folder, settings)
    hub = Hub(who, ledger, now, anchors=config.anchors(folder, settings))
    hub.keep = lambda case: evidence.keep(folder / EVIDENCE, case)
    hub.policies = Policies(SqlPolicies(ledger), who.id, settings.country)
    await hub.policies.refresh()
    return hub


def followers_of(hub: Hub, folder: Path, settings: Settings) -> Followers:
    """What follows the peers of the hub in `folder`, as its operator set it."""
    return Followers(
        hub,
        folder / PEERS,
        settings.poll_seconds,
        longest_seconds=settings.poll_longest_seconds,
        allow_private=settings.allow_private,
    )


def rounds_of(running: Running) -> Rounds[Pull]:
    """What asks each registered feed in its own time."""
    settings, pulls = running.settings, running.pulls
    bounds = bounds_of(settings.poll_seconds, settings.poll_longest_seconds)
    return Rounds(bounds, pulls.sources, pulls.once, at_once=AT_ONCE)


def views_of(hub: Hub, ledger: SqlLedger, folder: Path, settings: Settings) -> tuple[Policies, Views]:
    """What the hub in `folder` takes, and its feeds beside the public one; not open yet."""
    policies = hub.policies or Policies(SqlPolicies(ledger), hub.identity.id, settings.country)
    open_it = lambda feed: open_room(folder, settings, hub.identity, feed)  # noqa: E731
    return policies, Views(hub, SqlNodeLogs(ledger), policies, open_it)


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


def erasures_of(hub: Hub, folder: Path, followers: Followers) -> Erasures:
    """What erases from the hub in `folder`; from now on the hub says by it what was erased."""
    erasures = Erasures(hub, now, ErasureFile(folder / ERASURES), Copies(followers, folder / PULLS))
    hub.erased, hub.lifted = erasures.settle, erasures.lift
    return erasures


def application(folder: Path) -> Starlette:
    """The hub in `folder` as an ASGI application; opened when the server starts it, closed when it stops."""
    app = Starlette(exception_handlers={**problem_documents.HANDLERS, HTTPException: _not_found})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with sole(folder):
            _collect_rarely()
            running = await open_hub(folder)
            rounds = rounds_of(running)

            def wake() -> None:
                running.followers.wake()
                rounds.wake()

            witness = witness_of(folder, running.hub)
            endings = running.settings.sunset
            offers = {
                "witness": {"href": witness_routes.PATH, "key": str(witness.key)},
                "sunset": versions.offered(endings),
            }
            feed, lapsed = f"{running.settings.address}/feeds/public", running.hub.attesting.lapsed
            shown = SqlDirectory(running.ledger, running.settings.name, feed, lapsed)
            app.router.routes.extend(
                [
                    *versions.versioned(
                        [
                            *api.routes(
                                running.hub,
                                running.publisher,
                                running.pages,
                                wake_peers=wake,
                                feeds=running.feeds,
                                tokens=Tokens(SqlReaders(running.ledger), running.hub.identity.id, now),
                                offers=offers,
                            ),
                            *admission.routes(admissions_of(running)),
                            *notices.routes(running.hub),
                            *witness_routes.routes(witness, running.pages),
                        ],
                        endings,
                    ),
                    *_readiness(running, folder).routes(),
                    *(
                        [Route("/{path:path}", _behind)]  # the database may hold what was erased since
                        if running.publisher.fenced
                        else directory.routes(shown, default_language=running.settings.lang)
                    ),
                ]
            )
            tasks = [
                asyncio.create_task(lead(running, "publisher", lambda: publish_for_ever(running))),
                asyncio.create_task(lead(running, "followers", running.followers.run)),
                asyncio.create_task(lead(running, "pulls", rounds.run)),
                asyncio.create_task(lead(running, "views", lambda: views_for_ever(running))),
                asyncio.create_task(lead(running, "witnessing", witnessing_of(folder, running).run)),
                asyncio.create_task(refresh_for_ever(running)),
                asyncio.create_task(lead(running, "attesting", lambda: renew_for_ever(running))),
                asyncio.create_task(scrub_for_ever(running)),
                asyncio.create_task(answer_for_ever(running)),
                asyncio.create_task(note_seen_for_ever(folder, running.publisher)),
            ]
            try:
                yield
            finally:
                await _ended(tasks)
                await running.close()

    app.router.lifespan_context = lifespan
    return app


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a library may turn a cancellation into another error, and a loop then goes on."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1.0)


def sole(folder: Path) -> contextlib.AbstractContextManager[None]:
    """One process a folder, unless the ledger stands in PostgreSQL, which any number may share."""
    return contextlib.nullcontext() if config.read(folder).database else only_one(folder)


async def lead(running: Running, role: str, work: Callable[[], Awaitable[None]]) -> None:
    """Do what only one process of a ledger does, as long as this is the one; else wait for its turn."""
    while True:
        try:
            async with running.ledger.leading(role) as lost:
                if lost is not None:
                    running.duty.leads.add(role)
                    async with asyncio.TaskGroup() as group:
                        group.create_task(_until(lost))
                        group.create_task(_until(work))
        except Exception:  # the database may be away for a while
            _log.exception("lead.ended", role=role)
        finally:
            running.duty.leads.discard(role)
        await asyncio.sleep(LEAD_SECONDS)


def _readiness(running: Running, folder: Path) -> Readiness:
    return Readiness(
        lambda: running.publisher.head,
        running.ledger.peers,
        now,
        running.duty,
        lambda: free_share(folder),
        pulls=running.ledger.pulls,
    )


async def _until(what: Callable[[], Awaitable[None]]) -> None:
    await what()


def admissions_of(running: Running) -> Admissions:
    """Who asks to be let into a hub."""
    settings, store = running.settings, SqlAdmissions(running.ledger.database)
    return Admissions(running.hub, store, now, per_hour=settings.per_hour, per_day=settings.per_day)


async def renew_for_ever(running: Running) -> None:
    """Sign anew in time what this hub says of its nodes; a failure is logged and tried again."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            if renewed := await running.hub.renew():
                _log.info("attestation.renewed", nodes=len(renewed))
        except Fenced:
            pass  # the operator is told elsewhere
        except Exception:  # the next round comes
            _log.exception("attestation.failed")


async def refresh_for_ever(running: Running) -> None:
    """Show what another process of this ledger has published; publish what a command has stored."""
    while True:
        await asyncio.sleep(max(running.settings.publish_seconds, 0.2))
        try:
            if running.settings.database:
                await running.publisher.refresh()
            else:
                await _publish_what_came(running)
            if await running.policies.refresh():
                running.followers.wake()
            await running.views.refresh()
            await running.views.show()
        except Exception:  # the next round comes
            _log.exception("head.unread")


async def views_for_ever(running: Running) -> None:
    """Bring the views up to the hub's ledger, soon after every change."""
    while True:
        if not running.publisher.fenced:
            await running.views.round()
        await asyncio.sleep(max(running.settings.publish_seconds, 0.2))


async def _publish_what_came(running: Running) -> None:
    async with running.ledger.reading() as view:
        if running.publisher.head is None or view.size != running.publisher.head.size:
            running.hub.changed.set()


async def scrub_for_ever(running: Running) -> None:
    """Leave nothing of what was erased on the disk, soon after; not for each erasure, for it rewrites whole files."""
    while True:
        await asyncio.sleep(1.0)
        if not running.erasures.to_scrub:
            continue
        began = time.monotonic()
        try:
            _log.info("erasure.done", remains=await running.erasures.scrub())
        except Exception:  # a copy may be read just now
            _log.exception("erasure.left")
        await asyncio.sleep(max(SCRUB_SECONDS, SCRUB_SHARE * (time.monotonic() - began)))


async def answer_for_ever(running: Running) -> None:
    """Bring back what is held no longer, and say what was done about notices, once nothing of it is left here."""
    while True:
        await asyncio.sleep(ANSWER_SECONDS)
        try:
            await answer(running)
        except Exception:  # the next round comes
            _log.exception("notices.unanswered")


async def answer(running: Running) -> int:
    """One such round; how many acks were signed."""
    if running.hub.fenced():
        return 0
    if await running.ledger.lift(identifiers.to_instant(running.hub.clock()), log.number):
        running.hub.changed.set()
    async with running.ledger.reading() as view:
        published = running.publisher.head is not None and running.publisher.head.size >= view.size
    return await Acknowledgements(running.hub).sign() if published and not running.erasures.to_scrub else 0


def _collect_rarely() -> None:
    """A batch makes tens of thousands of short-lived values and no cycles: looking for cycles that often costs 5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def _not_found(request: Request, error: Exception) -> Response:
    """People get a page, programs a problem document."""
    if "text/html" in request.headers.get("accept", "") and getattr(error, "status_code", 0) == 404:
        return await directory.not_found(request, error)
    return await problem_documents.http_error(request, error)


async def _behind(_: Request) -> Response:
    return problem_documents.document("fenced", "this hub's database is older than its feed; its feed is still served")


def _seconds(wait: timedelta | None) -> float:
    return 600.0 if wait is None else wait.total_seconds()


async def publish_for_ever(running: Running) -> None:
    """Publish soon after every change, and renew the head before it grows old. A failure is logged and tried again.

    Publishing takes a tenth of the time at most: under load a head covers more entries, and each costs less.
    """
    pause = running.settings.publish_seconds
    while True:
        began = time.monotonic()
        try:
            running.hub.changed.clear()
            await running.heads.state()
            running.publisher.policy = running.policies.published()
            await running.publisher.publish()
        except Behind as behind:
            if running.duty.fenced != running.publisher.fenced:
                _log.error("fence.behind", reason=str(behind))
            running.duty.fenced, pause = running.publisher.fenced, FENCED_SECONDS
        except Exception:  # the next round must come whatever this one met
            _log.exception("publish.failed")
            running.hub.changed.set()  # what was to be shown still is, also when nobody sends anything more
            pause = max(1.0, min(60.0, pause * 2))
        else:
            running.duty.fenced = ""
            took = time.monotonic() - began
            pause = min(max(running.settings.publish_seconds, 9 * took), PUBLISH_SECONDS_AT_MOST)
        await asyncio.sleep(pause)
        if running.settings.database:
            continue  # another process may have stored what is to be published
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(600.0, _seconds(running.heads.waits))):
                await running.hub.changed.wait()
