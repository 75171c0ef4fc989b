"""The page that lists what can be taken: every form, of which records, how many, and at which address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kinds_word

from ...directory.exports.forms import EVERYTHING, KINDS, Kind
from ...directory.exports.shown import full, short
from ..exports import Exports
from .rim import Rim, Shown

PURPOSES: Mapping[str, str] = {
    "csv": N_("Tables for spreadsheets and databases."),
    "xlsx": N_("Workbooks for spreadsheet programs."),
    "geojson": N_("Places for maps. What must not be shown has no point."),
    "jsonld": N_("Linked data in the words of schema.org."),
    "jsonl": N_("Signed records, whole, with the way they came. Who has the keys can check them."),
    "ics": N_("Activities for calendars."),
    "rss": N_("What is new, for readers of feeds."),
    "atom": N_("What is new, for readers of feeds."),
    "murmurations.json": N_("Profiles of organizations for the Murmurations network."),
}


@dataclass(frozen=True)
class Offer:
    """One file: what it holds, in words; how many entries; bytes when it was last taken, 0 where nobody did yet."""

    word: str
    address: str
    count: int
    size: int


@dataclass(frozen=True)
class Formats:
    """The page, over the exports it lists."""

    exports: Exports
    rim: Rim

    def routes(self) -> list[Route]:
        return [Route("/formats", self.show)]

    async def show(self, request: Request) -> Response:
        language = self.rim.language(request)
        summary = await self.rim.directory.summary()
        forms = [
            (kind, language.gettext(PURPOSES[kind.ending]), self._offers(kind, summary.types, language))
            for kind in KINDS.values()
        ]
        _ = language.gettext
        said = _("Everything that is public here can be taken, as files and feeds, by anybody and without asking.")
        head = Shown("/formats", _("Take the directory with you"), said, scripted=False)
        return self.rim.answer(
            request, "public/formats.html", head, summary=summary, hsds=f"{self.exports.address}/hsds/",
            forms=[(kind, purpose, offers) for kind, purpose, offers in forms if offers],
        )  # fmt: skip

    def _offers(self, kind: Kind, types: Mapping[str, int], language: Language) -> list[Offer]:
        held = {short(type_): count for type_, count in types.items() if count and kind.takes(short(type_))}
        names = sorted(held, key=lambda name: (-held[name], name))
        several = [(EVERYTHING, sum(held.values()))] if len(names) > 1 else []
        offers = []
        for name, count in [*several, *((name, held[name]) for name in names)]:
            word = language.gettext("All") if name == EVERYTHING else kinds_word(full(name), language)
            file = f"{name}.{kind.ending}"
            address = f"{self.exports.address}/export/{file}"
            offers.append(Offer(word, address, count, self.exports.sizes.get(file, 0)))
        return offers
