"""What a running hub does by itself: publish, say anew, show, scrub, answer. A round that fails is told, and the next
one comes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from jisr_protocol import identifiers

from .. import log
from ..desk.works import holding
from ..following.rounds import Rounds
from ..hub import Fenced
from ..ports import Conflict, Pull
from ..publish.feed import Publisher
from ..publish.fence import Behind
from ..publish.keeping import keep_for_ever
from ..storage.curation import SqlCuration
from ..storage.doubles import SqlDoubles
from ..storage.folder import FolderPages
from ..takedown.acknowledging import Acknowledgements
from .acting import bench_of
from .beside import Process
from .calm import Calm, length
from .curating import Following, Searching
from .folder import PUBLIC, SEEN
from .letters import letters_of
from .opening import Running, copying_of, witnessing_of
from .searching import documents_for_ever
from .telling import SECONDS as TELL_SECONDS
from .telling import tell

SCRUB_SECONDS, SCRUB_SHARE = 60.0, 20
"""How long between two rounds that rewrite files so that nothing of what was erased is left: at least, and as a
multiple of what a round takes."""
ANSWER_SECONDS = 5.0
"""How often holds are looked at whose time is over, and acks signed."""
PUBLISH_SECONDS_AT_MOST = 10.0
SEEN_SECONDS = 60.0
FENCED_SECONDS = 30.0
"""How often a hub that may not sign looks whether it may again."""
RENEW_SECONDS = 3600.0
"""How often a hub looks whether what it says of its nodes ends soon: days before it does."""
HEADS_AT_ONCE = 32
"""Of how many nodes a publish says how far they are held: however many push, it shows their records soon."""
BULK_SECONDS = 0.3
"""How soon the next push comes where a node brings much at once."""
CURATE_SECONDS = 1.0
"""How long at least between two looks at what the log says of records."""
STILL_SECONDS, BUSY_SECONDS = 5.0, 60.0
"""How long nothing has come to a log that rests, and how long one that does not puts the search for duplicates off."""
LETTERS_SECONDS = 20.0
"""How often it is looked whether a letter is to be written or sent."""
NOTE_SECONDS = 5.0
FOLD_SECONDS = 3600.0
"""How often rounds with sources are written down, and older ones summed up."""
LEAD_SECONDS = 2.0
"""How often a process asks whether it is its turn."""
_log = structlog.get_logger()


def begin(running: Running, folder: Path, pulls: Rounds[Pull]) -> list[asyncio.Task[None]]:
    """Start all duties; what only one process of a ledger may do waits for its turn."""
    led: dict[str, Callable[[], Awaitable[None]]] = {
        "publisher": lambda: _side_by_side(publish_for_ever(running), files_for_ever(folder, running)),
        "followers": running.followers.run,
        "judging": lambda: judge_for_ever(running),
        "pulls": pulls.run,
        "views": lambda: _side_by_side(views_for_ever(running), curate_for_ever(running), documents_for_ever(running)),
        "witnessing": witnessing_of(folder, running).run,
        "attesting": lambda: _again_and_again(
            RENEW_SECONDS, lambda: renew(running), lambda: _log.exception("attestation.failed")
        ),
        "blocks": lambda: _again_and_again(
            RENEW_SECONDS, lambda: renew_blocks(running), lambda: _log.exception("block.not_renewed")
        ),
    }
    led["webhooks"] = lambda: _again_and_again(
        TELL_SECONDS, lambda: tell(running), lambda: _log.exception("webhook.failed")
    )
    if (letters := letters_of(running)) is not None:
        led["letters"] = lambda: _again_and_again(LETTERS_SECONDS, letters, lambda: _log.exception("mail.failed"))
    often = max(running.settings.publish_seconds, 0.2)
    return [
        *(asyncio.create_task(lead(running, role, work)) for role, work in led.items()),
        asyncio.create_task(_again_and_again(often, lambda: refresh(running), lambda: _log.exception("head.unread"))),
        asyncio.create_task(scrub_for_ever(running)),
        asyncio.create_task(
            _again_and_again(ANSWER_SECONDS, lambda: answer(running), lambda: _log.exception("notices.unanswered"))
        ),
        asyncio.create_task(note_seen_for_ever(folder, running.publisher)),
        asyncio.create_task(note_rounds_for_ever(running)),
    ]


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a library may turn a cancellation into another error, and a loop then goes on."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=1.0)


async def _again_and_again(seconds: float, work: Callable[[], Awaitable[object]], tell: Callable[[], object]) -> None:
    """A round of work every so often, for ever. One that fails is told and the next tries again: what it does not
    do is only late, and the hub goes on serving."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Fenced:
            pass  # the operator is told by `duty.fenced`
        # This task is the round's only one: an error that passed here, of whatever kind, would end it for good.
        except Exception:
            tell()


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
        # The database may be away, or a duty fall over a fault of ours: both are logged, and another turn is taken.
        except Exception:
            _log.exception("lead.ended", role=role)
        finally:
            running.duty.leads.discard(role)
        await asyncio.sleep(LEAD_SECONDS)


async def _side_by_side(*work: Coroutine[Any, Any, None]) -> None:
    """What one process does under one lock: each lock holds a connection to the database."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)


async def _until(what: Callable[[], Awaitable[None]]) -> None:
    await what()


async def publish_for_ever(running: Running) -> None:
    """Publish soon after every change, and renew the head before it grows old. A failure is logged and tried again.

    While much comes, publishing takes a tenth of the time at most: a head covers more entries, and each costs less.
    """
    often, failed = running.settings.publish_seconds, 0.5
    calm = Calm(lambda: length(running.ledger))
    while True:
        began, before = time.monotonic(), running.publisher.head
        try:
            running.hub.changed.clear()
            await running.heads.state(HEADS_AT_ONCE)
            running.publisher.policy = running.policies.published()
            await running.publisher.publish()
            running.duty.fenced, failed = "", max(often / 2, 0.5)
            took = time.monotonic() - began
            if running.publisher.head is not before:
                running.hub.tally.published.add(took)
            await calm.wait(max(often, took), at_most=max(often, min(9 * took, PUBLISH_SECONDS_AT_MOST)))
        except Behind as behind:
            if running.duty.fenced != running.publisher.fenced:
                _log.error("fence.behind", reason=str(behind))
            running.duty.fenced = running.publisher.fenced
            await asyncio.sleep(FENCED_SECONDS)
        # Disk, database or a fault of ours: a hub that stopped publishing would go stale, so the next round must come.
        except Exception:
            _log.exception("publish.failed")
            running.hub.changed.set()  # what was to be shown still is, also when nobody sends anything more
            failed = min(60.0, failed * 2)
            await asyncio.sleep(failed)
        if running.settings.database:
            continue  # another process may have stored what is to be published
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(600.0, _seconds(running.heads.waits))):
                await running.hub.changed.wait()


async def judge_for_ever(running: Running) -> None:
    """Judge what was taken in bulk. While more of it comes, this takes a tenth of the time."""
    bulk = running.hub.bulk
    while True:
        began, found = time.monotonic(), False
        bulk.came.clear()
        try:
            found = await bulk.judge_next()
        except Fenced:
            await asyncio.sleep(FENCED_SECONDS)
        except Conflict:  # another push was first
            found = True
        # The database may be away, or a judgement fall over a fault of ours: what waits is still there next time.
        except Exception:
            _log.exception("judging.failed")
            await asyncio.sleep(LEAD_SECONDS)
        if found:
            now = time.monotonic()
            await asyncio.sleep(9 * (now - began) if now - bulk.taken_at < BULK_SECONDS else 0)
            continue
        with contextlib.suppress(TimeoutError):  # another process may have taken something
            async with asyncio.timeout(LEAD_SECONDS):
                await bulk.came.wait()


def _seconds(wait: timedelta | None) -> float:
    return 600.0 if wait is None else wait.total_seconds()


async def files_for_ever(folder: Path, running: Running) -> None:
    """Compress what is published, and keep the bucket's copy of it where the settings name one."""
    while True:
        pages = FolderPages(folder / PUBLIC)
        try:
            await keep_for_ever(running.publisher, pages, copying_of(folder, running.settings, pages))
        # It runs beside publishing in one task group, where an error that passed here would stop that too.
        except Exception:
            _log.exception("packing.failed")
        await asyncio.sleep(FENCED_SECONDS)


async def views_for_ever(running: Running) -> None:
    """Bring the views up to the hub's ledger, soon after every change."""
    while True:
        if not running.publisher.fenced:
            await running.views.round()
        await asyncio.sleep(max(running.settings.publish_seconds, 0.2))


async def curate_for_ever(running: Running) -> None:
    """Bring the merged directory and what may be double up to the log, soon after every change."""
    doubles = SqlDoubles(running.ledger, running.hub.identity.id)
    curation = SqlCuration(running.ledger, running.hub.identity.id)
    following = Following(curation, lambda: identifiers.to_instant(running.hub.clock())[:10])
    searching = Searching(doubles, Process(), running.settings.duplicates_mb)
    pause = max(running.settings.publish_seconds, CURATE_SECONDS)
    calm = Calm(lambda: length(running.ledger))

    async def often(work: Following | Searching) -> None:
        while True:
            await asyncio.sleep(pause)
            if work is searching:
                await calm.wait(STILL_SECONDS, BUSY_SECONDS)
            if not running.publisher.fenced:
                await asyncio.sleep(await work.round())

    try:
        both = (often(following), often(searching)) if running.settings.duplicates_mb else (often(following),)
        await _side_by_side(*both)
    finally:
        searching.close()


async def refresh(running: Running) -> None:
    """Show what another process of this ledger has published; publish what a command has stored."""
    if running.settings.database:
        await running.publisher.refresh()
    else:
        await _publish_what_came(running)
    if await running.policies.refresh():
        running.followers.wake()
    await running.views.refresh()
    await running.views.show()


async def _publish_what_came(running: Running) -> None:
    if running.publisher.head is None or await length(running.ledger) != running.publisher.head.size:
        running.hub.changed.set()


async def renew(running: Running) -> None:
    """Sign anew in time what this hub says of its nodes."""
    if renewed := await running.hub.renew():
        _log.info("attestation.renewed", nodes=len(renewed))


async def renew_blocks(running: Running) -> None:
    """Say anew in time what is blocked until a later day."""
    bench = bench_of(running.settings, running.hub, running.ledger, running.erasures)
    if said := await holding.renew_blocks(bench):
        _log.info("block.renewed", blocks=said)


async def scrub_for_ever(running: Running) -> None:
    """Leave nothing of what was erased on the disk, soon after; not for each erasure, for it rewrites whole files."""
    while True:
        await asyncio.sleep(1.0)
        if not running.erasures.to_scrub:
            continue
        began = time.monotonic()
        try:
            _log.info("erasure.done", remains=await running.erasures.scrub())
        # A copy may be read just now, the database be away: what is to be scrubbed stays noted for the next round.
        except Exception:
            _log.exception("erasure.left")
        await asyncio.sleep(max(SCRUB_SECONDS, SCRUB_SHARE * (time.monotonic() - began)))


async def answer(running: Running) -> int:
    """Bring back what is held no longer, and say what was done about notices, once nothing of it is left here; returns
    how many acks were signed."""
    if running.hub.fenced():
        return 0
    if await running.ledger.lift(identifiers.to_instant(running.hub.clock()), log.number):
        running.hub.changed.set()
    async with running.ledger.reading() as view:
        published = running.publisher.head is not None and running.publisher.head.size >= view.size
    return await Acknowledgements(running.hub).sign() if published and not running.erasures.to_scrub else 0


async def note_rounds_for_ever(running: Running) -> None:
    """Write down how rounds with sources ended. What fails here is only late: nothing waits for it."""
    notes, store = running.hub.notes, running.history
    loaded, folded = False, float("-inf")
    while True:
        try:
            if not loaded:
                await notes.load(store)
                loaded = True
            await notes.flush(store, time.monotonic())
            if time.monotonic() - folded >= FOLD_SECONDS:
                await store.fold(identifiers.to_instant(running.hub.clock())[:10])
                folded = time.monotonic()
        # whatever it is, records come and go without it, and the next round tries again
        except Exception:
            _log.exception("history.failed")
        await asyncio.sleep(NOTE_SECONDS)


async def note_last_rounds(running: Running) -> None:
    """The same at the end of the process."""
    try:
        await running.hub.notes.flush(running.history, time.monotonic(), all=True)
    # a process that ends must end, whatever the database says
    except Exception:
        _log.exception("history.failed")


async def note_seen_for_ever(folder: Path, publisher: Publisher) -> None:
    """Keep what readers claim, for `jisr-hub status`: at most once a minute, however many they are."""
    noted = publisher.seen.count
    while True:
        await asyncio.sleep(SEEN_SECONDS)
        if publisher.seen.count != noted:
            noted = publisher.seen.count
            with contextlib.suppress(OSError):
                await asyncio.to_thread((folder / SEEN).write_bytes, msgspec.json.encode(publisher.seen))
