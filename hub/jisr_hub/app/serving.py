"""The hub in a folder as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jisr_protocol.opening import Declared
from jisr_protocol.reader.http import ExchangeError, GuardedClient

from .. import __version__
from ..authority.admissions import Admissions
from ..authority.attesting import Attesting
from ..config import Settings
from ..desk.acts import Acts
from ..desk.door import Door
from ..desk.passkeys import Ceremonies
from ..desk.passwords import Passwords
from ..desk.tokens import Tokens as DeskTokens
from ..directory.searching import Searching
from ..directory.surveying import Surveys
from ..following.rounds import Rounds
from ..mailbox.carrying import Mailboxes
from ..ports import Pull
from ..storage.admissions import SqlAdmissions
from ..storage.curation import SqlCuration
from ..storage.desk import SqlAccounts
from ..storage.desk_open import SqlOpen
from ..storage.desk_tokens import SqlTokens
from ..storage.directory import SqlDirectory
from ..storage.doubles import SqlDoubles
from ..storage.histories import SqlHistories
from ..storage.passkeys import SqlPasskeys
from ..storage.readers import SqlReaders
from ..storage.sources import SqlSources
from ..storage.usage import SqlUses
from ..storage.webhooks import SqlSubscriptions
from ..usage.counting import Counting, zone_of
from ..web import (
    admission,
    api,
    desk,
    matches,
    messages,
    notices,
    openapi,
    problem_documents,
    public,
    reference,
    search,
    usage,
    versions,
    webhooks,
)
from ..web import witness as witness_routes
from ..web.desk_api import DeskApi
from ..web.oidc import Provider
from ..web.origins import OpenToPortals
from ..web.public.counted import counted
from ..web.public.rim import Rim
from ..web.readiness import Readiness, free_share
from ..web.tokens import Tokens
from . import duties
from .acting import acts_of, bench_of
from .asking import letter_routes, work_of
from .beside_entries import beside_routes, reports_of
from .exporting import export_routes
from .folder import now, sole
from .matching import profiles_of
from .messages import mailboxes_of, tidy_for_ever
from .opening import Running, open_hub, rounds_of, witness_of
from .searching import search_for_ever, searching_of
from .surveying import fitting_of, measure_for_ever, survey_routes, surveys_of
from .told import metrics_of
from .usage import counting_of, write_down_for_ever

PROVIDER_BYTES = 256 * 1024


def application(folder: Path) -> Starlette:
    """The hub in `folder` as an ASGI application; opened when the server starts it, closed when it stops."""
    handlers = {**problem_documents.HANDLERS, HTTPException: _not_found}
    app = Starlette(exception_handlers=handlers, middleware=[Middleware(OpenToPortals)])

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        with sole(folder):
            collect_rarely()
            running = await open_hub(folder)
            rounds = rounds_of(running)
            mailboxes, counting, searching = mailboxes_of(running), counting_of(running), searching_of(running)
            surveys = surveys_of(running, directory_of(running))
            app.router.routes.extend(_routes(running, folder, rounds, mailboxes, counting, searching, surveys))
            tasks = [
                *duties.begin(running, folder, rounds),
                asyncio.create_task(tidy_for_ever(mailboxes, reports_of(running, mailboxes))),
                asyncio.create_task(write_down_for_ever(counting)),
                asyncio.create_task(search_for_ever(running, searching)),
                asyncio.create_task(measure_for_ever(running, surveys)),
            ]
            try:
                yield
            finally:
                await duties.end(tasks)
                await duties.note_last_rounds(running)
                await running.close()

    app.router.lifespan_context = lifespan
    return app


def _routes(
    running: Running,
    folder: Path,
    rounds: Rounds[Pull],
    mailboxes: Mailboxes,
    counting: Counting,
    searching: Searching,
    surveys: Surveys,
) -> list[BaseRoute]:
    """What is served: the protocol in every version, how the hub is, and the pages for people."""

    def wake() -> None:
        running.followers.wake()
        rounds.wake()

    witness = witness_of(folder, running.hub)
    endings = running.settings.sunset
    tokens = Tokens(SqlReaders(running.ledger), running.hub.identity.id, now)
    offers = {
        "messages": messages.PATH,
        "matches": matches.PATH,
        "usage": usage.PATH,
        "witness": {"href": witness_routes.PATH, "key": str(witness.key)},
        "sunset": versions.offered(endings),
    }
    protocol = [
        *api.routes(
            running.hub,
            running.publisher,
            running.pages,
            wake_peers=wake,
            feeds=running.feeds,
            tokens=tokens,
            offers=offers,
        ),
        *admission.routes(admissions_of(running)),
        *notices.routes(running.hub),
        *webhooks.routes(
            SqlSubscriptions(running.ledger), running.hub.clock, allow_private=running.settings.allow_private
        ),
        *messages.routes(mailboxes, tokens),
        *matches.routes(profiles_of(running), now),
        *usage.routes(running.hub.identity.id, SqlUses(running.ledger), counting, tokens),
        *witness_routes.routes(witness, running.pages),
    ]
    acts = acts_of(running.folder, running.settings, running.hub, running.ledger, running.erasures)
    served: list[BaseRoute] = [
        *versions.versioned([*protocol, *_desk_api(running, acts)], endings),
        *_readiness(running, folder).routes(),
        *metrics_of(running, folder),
        *_desk(running, acts, desk.Back(reports_of(running, mailboxes), SqlUses(running.ledger), counting)),
        *letter_routes(running, acts),
        *reference.routes(),
    ]
    pages = counted(_directory(running, searching, surveys, mailboxes), counting.note)
    return [*served, openapi.route([*served, *pages], running.settings.address, __version__), *pages]


def directory_of(running: Running) -> SqlDirectory:
    """What the public feed holds now, for people."""
    feed = f"{running.settings.address}/feeds/public"
    lapsed = Attesting(running.hub.identity, running.reads, now, running.hub.attesting.anchors).lapsed
    curation = SqlCuration(running.reads, running.hub.identity.id)
    return SqlDirectory(running.reads, running.settings.name, feed, lapsed, curation, running.hub.clock)


def _directory(running: Running, searching: Searching, surveys: Surveys, mailboxes: Mailboxes) -> list[BaseRoute]:
    """The pages for people, and their search for programs; none while the database may hold what was erased since."""
    if running.publisher.fenced:
        return [Route("/{path:path}", _behind)]
    shown = directory_of(running)
    declared = tuple(Declared.read(line) for line in running.settings.declared_days)
    found = versions.versioned(search.routes(searching, shown, running.hub.clock), running.settings.sunset)
    settings = running.settings
    rim = Rim(shown, running.hub.clock, settings.lang, address=settings.address.rstrip("/"))
    fitting = fitting_of(running, rim, surveys)
    return [
        *found,
        *survey_routes(running, rim, surveys, fitting),
        *beside_routes(running, shown, mailboxes),
        *public.routes(
            shown,
            running.hub.clock,
            settings.lang,
            declared,
            search=searching,
            address=settings.address,
            fitting=fitting.block,
            zone=zone_of(settings.time_zone, settings.country),
        ),
        *export_routes(running, shown, rim, searching),
    ]


def _desk_api(running: Running, acts: Acts) -> list[Route]:
    """The desk for programs."""
    door, open_ = _door(running), SqlOpen(running.ledger)
    bench = bench_of(running.settings, running.hub, running.ledger, running.erasures)
    return DeskApi(DeskTokens(SqlTokens(running.ledger.database), door), acts, open_, door.accounts, bench).routes()


def _door(running: Running) -> Door:
    accounts = SqlAccounts(running.ledger.database)
    return Door(accounts, Passwords(os.urandom), now, os.urandom, aside=asyncio.to_thread)


def _desk(running: Running, acts: Acts, back: desk.Back) -> list[Route]:
    """Where the hub's own people sign in; also while nothing may be signed, since they have to see why."""
    door, settings = _door(running), running.settings
    provider = _provider(settings) if settings.oidc_issuer else None
    ceremonies = Ceremonies(SqlPasskeys(running.ledger.database), door, settings.address, settings.name)
    open_ = SqlOpen(running.ledger)
    tokens = DeskTokens(SqlTokens(running.ledger.database), door)
    bench, histories = bench_of(settings, running.hub, running.ledger, running.erasures), SqlHistories(running.ledger)
    work = work_of(running, acts)
    watching = desk.Watching(SqlSources(running.ledger), acts, now)
    rooms = (provider, ceremonies, tokens, curating_of(running, acts), bench, acts, histories, work, watching, back)
    return desk.routes(desk.Parts(door, open_, settings.address, settings.lang, *rooms))


def curating_of(running: Running, acts: Acts) -> desk.Curating:
    """What the curator's pages work with."""
    hub = running.hub
    doubles, curation = SqlDoubles(running.ledger, hub.identity.id), SqlCuration(running.ledger, hub.identity.id)
    return desk.Curating(acts, doubles, curation, hub.clock)


def _provider(settings: Settings) -> Provider:
    """The provider that the settings name; its secret stands in the environment alone."""

    async def exchange(address: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        async with GuardedClient(allow_private=settings.allow_private) as client:
            try:
                if body is None:
                    answer = await client.get(address, limit_bytes=PROVIDER_BYTES, headers=headers)
                else:
                    answer = await client.post(address, body, headers, limit_bytes=PROVIDER_BYTES)
            except ExchangeError as error:
                raise ConnectionError(str(error)) from error
        if answer.status != 200:
            raise ConnectionError(f"{address} answered {answer.status}")
        return answer.body

    secret = os.environ.get("JISR_HUB_OIDC_SECRET", "")
    back = settings.address + desk.BACK
    return Provider(settings.oidc_issuer, settings.oidc_client, secret, back, exchange, os.urandom)


def _readiness(running: Running, folder: Path) -> Readiness:
    return Readiness(
        lambda: running.publisher.head,
        running.ledger.peers,
        now,
        running.duty,
        lambda: free_share(folder),
        pulls=running.ledger.pulls,
    )


def admissions_of(running: Running) -> Admissions:
    """Who asks to be let into a hub."""
    settings, store = running.settings, SqlAdmissions(running.ledger.database)
    return Admissions(running.hub, store, now, per_hour=settings.per_hour, per_day=settings.per_day)


def collect_rarely() -> None:
    """A batch makes tens of thousands of short-lived values and no cycles: looking for cycles that often costs 5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


async def _not_found(request: Request, error: Exception) -> Response:
    """People get a page, programs a problem document."""
    if "text/html" in request.headers.get("accept", "") and getattr(error, "status_code", 0) == 404:
        return await public.not_found(request, error)
    return await problem_documents.http_error(request, error)


async def _behind(_: Request) -> Response:
    return problem_documents.document("fenced", "this hub's database is older than its feed; its feed is still served")
