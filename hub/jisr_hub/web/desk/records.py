"""One record at the desk: as the public sees it, its versions as differences, by which way it came, what is said about
it, who shows it, and what may be done."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.notice import ALL
from jisr_protocol.pages.language import N_

from ...curation.merging import Entry
from ...desk import histories
from ...desk.acts import Acts
from ...desk.bench import Bench, CannotAct
from ...desk.chain import Wanted
from ...desk.door import Visitor
from ...desk.histories import Histories, Version
from ...desk.roles import Right
from ...desk.works import holding, saying
from ...ports import Key
from .acts import done_of, shown
from .rim import Endpoint, Rim, Way, may
from .wording import PREDICATES

METHODS = {"call": N_("Phone"), "visit": N_("Visit"), "mail": N_("Mail")}
ARCH, HEIGHT = 96, 56
"""Units of the drawing: how wide one arch is, and how high the whole."""


class Records:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, acts: Acts, bench: Bench, past: Histories) -> None:
        self.rim, self.acts, self.bench, self._past = rim, acts, bench, past

    def ways(self) -> dict[Way, Endpoint]:
        """For everybody who is signed in."""
        return {Way("GET", "/desk/record", Right.LOOK): self.record}

    async def record(self, request: Request, visitor: Visitor | None) -> Response:
        """The record named by `of`: its address in the directory, or <node>/<id>."""
        key = await self._key(request.query_params.get("of", "").strip()[:200])
        versions = await self._past.versions(key) if key is not None else ()
        aside = await self._past.aside(key) if key is not None else ()
        if key is None or not (versions or aside):
            missing = CannotAct(N_("This hub knows no such record."))
            return self.rim.cannot(request, visitor, missing, "/desk", 404)
        today = saying.today(self.bench)
        await self.bench.curation.follow(today)
        entry = await self.bench.curation.entry(key, today)
        subject = "/".join(key)
        members = {one.node: one.name for one in await self.bench.hub.ledger.members()}
        held = await holding.holds(self.bench, key[0])
        newest = next((one for one in versions if one.value is not None), None)
        return self.rim.show(
            request,
            "record_desk.html",
            visitor,
            subject=subject,
            name=_name(newest.value) if newest is not None and newest.value is not None else key[1],
            entry=entry,
            fields=_fields(entry),
            newest=newest,
            gone=versions[0] if versions and versions[0].value is None else None,
            versions=_differences(versions),
            aside=[(one, identifiers.from_instant(one.at)) for one in aside],
            path=await self._path(key, newest, members),
            words=[
                (
                    word,
                    PREDICATES.get(word.predicate, word.predicate),
                    members.get(word.by, ""),
                    word.by == self.bench.curation.own,
                    _text(word.reason),
                    identifiers.from_instant(word.modified),
                )
                for word in await self.bench.curation.words([key])
            ],
            hold=held.get(key[1]) or held.get(ALL),
            blocked=await self.bench.blocks.of(*key) or await self.bench.blocks.of(key[0], ALL),
            showing=[(one.name or one.hub) for one in await self.bench.hub.ledger.followers()],
            may_hold=may(visitor, Right.HOLD),
            may_curate=may(visitor, Right.CURATE),
            methods=METHODS.items(),
            acts=[shown(line) for line in await self.acts.journal.lines(Wanted(subject=subject, most=20))],
            node_link=f"/desk/node?of={key[0]}",
            author=members.get(key[0], ""),
            back=f"/desk/record?of={subject}",
            **await done_of(request, self.acts),
        )

    async def _key(self, name: str) -> Key | None:
        key = await self.bench.curation.find(name) if name else None
        return key if key and identifiers.node(key[0]) is None and identifiers.uuid(key[1]) is None else None

    async def _path(self, key: Key, newest: Version | None, members: dict[str, str]) -> dict[str, Any]:
        """The way of a record as stations, and the arches between them."""
        own = self.bench.hub.identity
        peers = {one.hub: one.name for one in await self.bench.hub.ledger.peers()}
        via = [(peers.get(hub, ""), hub) for hub in (newest.via if newest is not None else ())]
        stations = [(members.get(key[0], ""), key[0]), *via, (own.name, own.id)]
        arches = [
            f"M{n * ARCH + 8} {HEIGHT - 8}C{n * ARCH + 8} 4 {(n + 1) * ARCH + 8} 4 {(n + 1) * ARCH + 8} {HEIGHT - 8}"
            for n in range(len(stations) - 1)
        ]
        posts = [n * ARCH + 8 for n in range(len(stations))]
        return {"stations": stations, "arches": arches, "posts": posts, "wide": (len(stations) - 1) * ARCH + 16}


def _differences(versions: Any) -> list[tuple[Version, Any, list[histories.Change]]]:
    older = [*versions[1:], None]
    return [
        (one, identifiers.from_instant(one.at), histories.changes(before.value if before else None, one.value))
        for one, before in zip(versions, older, strict=True)
    ]


def _fields(entry: Entry | None) -> list[tuple[str, str, int, bool]]:
    """(member, what is shown, how many other values there are, whether it was corrected)."""
    if entry is None:
        return []
    return [
        (name, _written(one.shown.value), len(one.others), bool(one.shown.corrections))
        for name, one in entry.fields.items()
    ]


def _written(value: Any) -> str:
    text = value["value"] if isinstance(value, dict) and "value" in value else value
    return text if isinstance(text, str) else orjson.dumps(text, option=orjson.OPT_SORT_KEYS).decode()


def _name(value: Any) -> str:
    named = value.get("name") or value.get("title") or {}
    return _text(named) or str(value.get("id", ""))


def _text(localised: Any) -> str:
    if not isinstance(localised, dict):
        return ""
    return " / ".join(str(one.get("value", "")) for one in localised.values() if isinstance(one, dict))
