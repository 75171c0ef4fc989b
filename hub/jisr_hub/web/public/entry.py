"""The page of an entry, whatever its type: the four facts first, what it is about, and where all of it comes from.

`/directory/{entry}` shows an entry, out of one record or of several that are one: its address stays through merges and
splits, and one that lost leads to the one that stands. `/directory/{node}/{id}` shows one record as its author wrote
it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from jisr_hub.ports.directory import Listed
from jisr_hub.web.facts import Fact, facts_of, references
from jisr_hub.web.page import SECURITY_HEADERS, query, serves
from jisr_protocol.pages.language import N_, Language, primary
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import MEMBERS

from . import structured
from .counted import VIEWS, keys_of, note
from .glance import LEFT_OUT, glance
from .lines import Line, Reader, named, place_keys
from .matches import Fits
from .rim import Key, Rim, Shown, path_of, path_to
from .trust import trust

_NODE = re.compile(r"jisr:[a-z2-7]{52}")
_ENTRY = re.compile(r"[a-z2-7]{16}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TURNING = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_ONE = "/directory/{entry}"
_WAYS = (
    (_ONE + "/contact", N_("Contact and application"), ()),
    (_ONE + "/refer", N_("Refer somebody"), ()),
    (_ONE + "/report", N_("Report a mistake"), ()),
)
"""Pages beside an entry, where this hub serves them: address, words, for which types (none means all)."""
_OWNERS = ("organization", "organizer", "lead", "coordinator")
BESIDE = 12
"""How many others of the same author a page names."""


@dataclass(frozen=True)
class EntryPages:
    """The pages of single entries."""

    rim: Rim
    fitting: Fits | None = None

    async def record(self, request: Request) -> Response:
        """Show one record as its author wrote it."""
        node, id_ = request.path_params["node"], request.path_params["id"]
        sound = _NODE.fullmatch(node) and _UUID.fullmatch(id_)
        return await self._shown(request, await self.rim.directory.record(node, id_) if sound else None, alone=True)

    async def entry(self, request: Request) -> Response:
        """Show one entry; an address that lost leads to the one that stands, for as long as it does."""
        asked = request.path_params["entry"]
        listed = await self.rim.directory.entry(asked) if _ENTRY.fullmatch(asked) else None
        if listed is not None and listed.entry != asked:
            return RedirectResponse(f"/directory/{listed.entry}{query(request)}", 307, dict(SECURITY_HEADERS))
        return await self._shown(request, listed)

    async def _shown(self, request: Request, listed: Listed | None, *, alone: bool = False) -> Response:
        language = self.rim.language(request)
        _ = language.gettext
        if listed is None:
            happened, then = (
                _("This record is not here."),
                _("Its author may have withdrawn it, or the address is mistyped."),
            )
            return self.rim.answer(
                request,
                "mistake.html",
                Shown("/directory", happened, indexed=False),
                404,
                happened=happened,
                next_step=then,
            )
        note(request, VIEWS, keys_of(listed))
        record, lang = listed.record, listed.record.get("lang")
        summary = await self.rim.directory.summary()
        related = await self.rim.related([*place_keys(record), *references(record)])
        reader = Reader(language, self.rim.clock(), self.rim.calendars, query(request))
        line = reader.line(listed, related)
        text = _text(record, language)
        head = Shown(
            path=path_of(listed),
            title=line.name.value,
            description=line.purpose.value if line.purpose else "",
            kind="article",
            linked=structured.linked(listed, related, language.code, self.rim.written),
        )
        return self.rim.answer(
            request,
            "public/entry.html",
            head,
            summary=summary,
            line=line,
            short=structured.short_name(listed.type),
            own_name=choose(named(record), str(lang), lang),
            text=text if text and (line.purpose is None or text.value.strip() != line.purpose.value) else None,
            elsewhere=_foreign(text, language),
            alert=choose(record.get("alert"), language.code, lang),
            glance=glance(listed, related, reader),
            block=await self.fitting(listed, language, reader.kept) if self.fitting is not None else None,
            facts=_facts(record, language, related, reader),
            owner=_owner(record, related, reader),
            beside=await self._beside(listed, reader),
            trust=trust(listed, reader, summary.hub_name),
            raw=_raw(record),
            others=[(_member(name, language), lang, _plain(value)) for name, lang, value in listed.others],
            entry=path_to(listed.node, listed.id) + reader.kept if alone and listed.entry else "",
            ways=[
                (path_of(listed) + path.removeprefix(_ONE) + reader.kept, language.gettext(says))
                for path, says, types in _WAYS
                if (not types or structured.short_name(listed.type) in types) and serves(request, path)
            ],
            share=self.rim.written(path_of(listed), {"lang": language.code}),
        )

    async def _beside(self, listed: Listed, reader: Reader) -> list[Line]:
        """What else its author publishes: the services, vacancies and needs of an organization."""
        found = await self.rim.directory.beside(listed.node, BESIDE + 1)
        others = [one for one in found if (one.node, one.id) != (listed.node, listed.id)][:BESIDE]
        return [reader.line(one, {}) for one in others]


def _text(record: Mapping[str, Any], language: Language) -> Text | None:
    """What it is, in its author's words."""
    for member in ("description", "purpose", "body", "summary"):
        found = choose(record.get(member), language.code, record.get("lang"))
        if found is not None:
            return found
    return None


def _facts(record: Mapping[str, Any], language: Language, related: Mapping[Key, Listed], reader: Reader) -> list[Fact]:
    """All that stands neither in the block of four nor above it."""
    rest = {name: value for name, value in record.items() if name not in LEFT_OUT}
    names = {key: reader.name(one) for key, one in related.items()}
    return facts_of(rest, language, names, reader.kept)


def _owner(record: Mapping[str, Any], related: Mapping[Key, Listed], reader: Reader) -> tuple[Text, str] | None:
    """Who it is of: the name of the organization and its page."""
    for member in _OWNERS:
        for key in references({"node": record.get("node"), "of": record.get(member)}):
            if key in related:
                return reader.name(related[key]), path_of(related[key]) + reader.kept
    return None


def _member(name: str, language: Language) -> str:
    return language.gettext(MEMBERS[name]) if name in MEMBERS else name


def _plain(value: object) -> str:
    """A value that is not shown among the facts, as it may be read."""
    if isinstance(value, Mapping) and isinstance(value.get("value"), str):
        return str(value["value"])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)[:1000]


def _foreign(text: Text | None, language: Language) -> str | None:
    """Name the language of a text that is not in the reader's; None when it is, or is not known."""
    if text is None or primary(text.lang) in ("", language.code):
        return None
    return language.language_name(text.lang)


def _raw(record: Mapping[str, Any]) -> str:
    """Write the whole record for reading; characters that turn direction are written as escapes, to be seen."""
    text = json.dumps(record, ensure_ascii=False, indent=2, sort_keys=True)
    return _TURNING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
