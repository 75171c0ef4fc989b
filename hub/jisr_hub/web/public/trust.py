"""The trust strip: who wrote it, who confirmed it and when, who let its author in, which way it came, and the proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from jisr_hub.ports.directory import Listed
from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_
from jisr_protocol.pages.text import Text, choose

from .lines import Reader

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "visit": N_("by a visit"),
        "call": N_("by phone"),
        "phone": N_("by phone"),
        "mail": N_("by mail"),
        "document": N_("by a document"),
        "register": N_("in a register"),
        "self": N_("by the organization itself"),
    }
)


@dataclass(frozen=True)
class Checked:
    """The last check: its day, how in words ("" unknown), and by whom: its author, or the identifier of another."""

    at: datetime
    how: str
    by_author: bool
    by: str


@dataclass(frozen=True)
class Trust:
    """The strip. `admitted_by` is a hub's name, or its identifier where only that is known; `proof` the path of the
    line that set this version in the log."""

    author: Text | None
    node: str
    checked: Checked | None
    modified: datetime | None
    received: datetime
    admitted_by: str
    admitted_here: bool
    via: tuple[str, ...]
    digest: str
    proof: str
    licence: str
    source: tuple[str, str] | None
    sources: tuple[tuple[str, str, datetime | None], ...]


def trust(listed: Listed, reader: Reader, hub_name: str) -> Trust:
    """Write the strip of an entry. The hub nearest to the author let it in: this one, where no other passed it on."""
    record = listed.record
    rev = record.get("rev")
    return Trust(
        author=choose(listed.author_name, reader.language.code),
        node=listed.node,
        checked=_checked(listed, reader),
        modified=instant(record.get("modified")),
        received=listed.received_at,
        admitted_by=listed.via[0] if listed.via else hub_name,
        admitted_here=not listed.via,
        via=listed.via,
        digest=listed.digest,
        proof=f"/feeds/public/rec/{listed.node}/{listed.id}/{rev}.json" if isinstance(rev, int) else "",
        licence=str(record.get("licence") or ""),
        source=_source(record.get("source")),
        sources=tuple(
            (f"/directory/{node}/{id_}{reader.kept}", f"{node[:13]}…", instant(at)) for node, id_, at in listed.sources
        ),
    )


def _checked(listed: Listed, reader: Reader) -> Checked | None:
    match listed.record.get("assured"):
        case {"at": at, "by": str(by), **rest} if (day := instant(at)) is not None:
            how = METHODS.get(str(rest.get("method")))
            own = by == listed.node or by.startswith(f"{listed.node}/") or ":" not in by
            return Checked(day, reader.language.gettext(how) if how else "", own, by[:18] + "…")
    return None


def _source(source: object) -> tuple[str, str] | None:
    """(words, address) of the system it was written in first; the address is "" where it is no page."""
    match source:
        case {"url": str(url)} if url.startswith(("https://", "http://")):
            return url, url
        case {"local_id": str(name)}:
            return name, ""
    return None
