"""What records call the codes of facets: asked of one record that has the code, and remembered for a while.

A page holds twenty records; its facets count all that were found. A code that none of the twenty explains is looked up
in a few that have it. What the core terms, countries and languages are called is known without (facets.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jisr_hub.directory.query import PARTS
from jisr_hub.ports.search import Query, Search
from jisr_protocol.pages.text import Text

from .facets import names_in
from .lines import place_keys
from .rim import Rim

AT_ONCE = 8
"""Codes that are looked up for one page; the others are, for the next ones."""
ASKED = 10
"""Records that are asked about a code."""
REMEMBERED, AGE = 4096, timedelta(minutes=15)
"""Codes that are remembered, and for how long: a name that was taken back is not shown for longer."""


@dataclass(frozen=True)
class Called:
    """The names that one process remembers, by language and code; None for a code that nobody calls anything."""

    rim: Rim
    search: Search
    _known: dict[tuple[str, str], tuple[datetime, Text | None]] = field(default_factory=dict)

    async def names(self, codes: Iterable[tuple[str, str]], lang: str) -> dict[str, Text]:
        """What these (part, code) are called in a language, as far as it is known or found now."""
        now, found, asked = self.rim.clock(), dict[str, Text](), 0
        for part, code in codes:
            at, name = self._known.get((lang, code), (now - 2 * AGE, None))
            if not now - AGE < at <= now and asked < AT_ONCE and part in PARTS:
                asked += 1
                name = await self._asked(part, code, lang)
                if len(self._known) >= REMEMBERED:
                    self._known.clear()
                self._known[lang, code] = (now, name)
            if name is not None:
                found[code] = name
        return found

    async def _asked(self, part: str, code: str, lang: str) -> Text | None:
        hits = (await self.search.find(Query(facets={PARTS[part]: (code,)}, limit=ASKED))).hits
        listed = await self.rim.directory.listed([hit.key for hit in hits])
        places = await self.rim.related([key for one in listed for key in place_keys(one.record)])
        return names_in((one.record for one in (*listed, *places.values())), lang).get(code)
