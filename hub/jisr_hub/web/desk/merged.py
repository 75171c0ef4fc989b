"""One entry of the merged directory at the desk: each field with its source and date, conflicts, and splitting."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import Text
from jisr_protocol.pages.vocabulary import MEMBERS, kind_word

from ...curation.merging import Entry, Value, address
from ...desk.bench import CannotAct
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import Right
from ..page import reader_language
from .duplicates import CANNOT, Curating, actor_of, cannot_page, done_of, name_of, written
from .rim import Endpoint, Rim, Way, form_of, may

PAGE = "/desk/merged"


class Merged:
    """The room of one entry."""

    def __init__(self, rim: Rim, parts: Curating) -> None:
        self.rim, self._parts = rim, parts

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody who is in may look; splitting is for who curates."""
        return {
            Way("GET", PAGE, Right.LOOK): self.entry,
            Way("POST", f"{PAGE}/split", Right.CURATE): self.split,
        }

    async def entry(self, request: Request, visitor: Visitor | None) -> Response:
        """One entry, by the address of any of its records: the address that lost leads to the one that stands."""
        parts, language = self._parts, reader_language(request)
        asked = request.query_params.get("entry", "")
        key = await parts.curation.find(asked)
        found = await parts.curation.entry(key, parts.at[:10]) if key is not None else None
        if found is None:
            gone = CannotAct(N_("There is no entry at this address."))
            return cannot_page(self.rim, request, visitor, gone, 404)
        if found.address != asked:
            kept = {name: value for name in ("done", "n") if (value := request.query_params.get(name))}
            return self.rim.go(f"{PAGE}?{urlencode({'entry': found.address, **kept})}")
        records = await parts.curation.records([(one.node, one.id) for one in found.records])
        names = {key: name_of(record.value, language) for key, record in records.items()}
        return self.rim.show(
            request,
            "merged.html",
            visitor,
            entry=found,
            back=f"{PAGE}?{urlencode({'entry': found.address})}",
            kind=kind_word(found.type, language),
            name=next(iter(names.values()), Text(found.address)),
            sources=[
                (f"{one.node}/{one.id}", names.get((one.node, one.id)), one.node, _day(one.confirmed, language))
                for one in found.records
            ],
            rows=_rows(found, names, language),
            may_split=len(found.records) > 1 and may(visitor, Right.CURATE),
            apart=[" – ".join(address(key) for key in one.pair) for one in found.apart],
            **done_of(request, visitor),
        )

    async def split(self, request: Request, visitor: Visitor | None) -> Response:
        """Take one record out of its entry."""
        record, back = await form_of(request, "record", "back")
        if visitor is None:
            raise Denied(Why.FORM)
        try:
            done = await self._parts.acts.do(actor_of(visitor), "split", record)
        except CANNOT as cannot:
            return cannot_page(self.rim, request, visitor, cannot)
        lead = back if back.startswith(f"{PAGE}?") else "/desk/duplicates?"
        return self.rim.go(f"{lead}&{urlencode({'done': 'split', 'n': done.n})}")


@dataclass(frozen=True)
class _Said:
    """A value, who says it and when, and who corrected it."""

    value: str
    sources: tuple[tuple[Text | None, str], ...]
    corrected: tuple[str, ...]


def _rows(entry: Entry, names: dict[tuple[str, str], Text], language: Language) -> list[tuple[str, str, list[_Said]]]:
    rows = []
    for name, field in entry.fields.items():
        member, _, lang = name.partition("/")
        label = language.gettext(MEMBERS[member]) if member in MEMBERS else member
        rows.append((label, lang, [_said(one, names, language) for one in (field.shown, *field.others)]))
    return sorted(rows, key=lambda row: len(row[2]) == 1)


def _said(one: Value, names: dict[tuple[str, str], Text], language: Language) -> _Said:
    sources = tuple((names.get((node, record_id)), _day(at, language)) for node, record_id, at in one.sources)
    return _Said(written(one.value), sources, tuple(each.by for each in one.corrections))


def _day(at: str, language: Language) -> str:
    try:
        return language.date(identifiers.from_instant(at))
    except ValueError:
        return at
