"""What every public page shares: the directory, the clock, the reader's language, and a page's head for machines.

A page is written for one address, its canonical one. It names itself in the eight languages (hreflang), to search
engines and to those who pass a link on (Open Graph). Nothing of what a stranger typed into an address is written back
but what was understood of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from jisr_hub.curation.merging import address as entry_address
from jisr_hub.ports.directory import Directory, Listed
from jisr_hub.web.encoded import encoded
from jisr_hub.web.language import load_languages
from jisr_hub.web.page import page, query, reader_language
from jisr_protocol.pages.language import SOURCE, Language
from jisr_protocol.pages.opening_now import Calendars

LOOKED_UP = 48
"""How many records that others point to are read for one page."""
LOOKED_UP_ALONE = 8
"""How many of those that are no entry of their own."""
POLICY = (
    "default-src 'self'; script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
Key = tuple[str, str]


@dataclass(frozen=True)
class Shown:
    """One answer to one reader: what the head of the page says. `path` is the canonical address without a language,
    `asked` its query; `indexed` lets search engines list it."""

    path: str
    title: str
    description: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)
    indexed: bool = True
    kind: str = "website"
    linked: str = ""
    """JSON-LD of what the page shows, as JSON."""
    scripted: bool = True
    """Whether it runs our script; the policy of one that does not allows none."""


@dataclass(frozen=True)
class Rim:
    """What the rooms of the public pages stand on. `address` is where the hub is found, without a slash at its end,
    `zone` the time zone of its country."""

    directory: Directory
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    default: str = SOURCE
    calendars: Calendars = field(default_factory=Calendars)
    address: str = ""
    zone: tzinfo = UTC

    def language(self, request: Request) -> Language:
        return reader_language(request, self.default)

    def answer(self, request: Request, template: str, head: Shown, status: int = 200, **context: Any) -> Response:
        """A page with its head, in the smaller form when the reader takes it."""
        language = self.language(request)
        asked = dict(head.asked)
        context |= {
            "head": head,
            "home": "/" + query(request),
            "every": "/directory" + query(request),
            "kept": query(request),
            "switch": {code: "?" + urlencode({**asked, "lang": code}) for code in load_languages()},
            "canonical": self.written(head.path, asked),
            "alternates": {code: self.written(head.path, {**asked, "lang": code}) for code in load_languages()},
        }
        response = page(request, language, template, status, **context)
        if head.scripted:
            response.headers["Content-Security-Policy"] = POLICY
        if not head.indexed:
            response.headers["X-Robots-Tag"] = "noindex, follow"
        return encoded(request, response)

    def written(self, path: str, asked: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> str:
        """An address of this hub as others may keep it."""
        return f"{self.address}{path}" + ("?" + urlencode(asked) if asked else "")

    async def related(self, keys: Sequence[Key]) -> dict[Key, Listed]:
        """The records that others point to, as far as they are public here."""
        wanted = list(dict.fromkeys(keys))[:LOOKED_UP]
        found = {(one.node, one.id): one for one in await self.directory.listed(wanted)} if wanted else {}
        for node, id_ in [key for key in wanted if key not in found][:LOOKED_UP_ALONE]:
            # one that is in an entry with others is no entry of its own
            target = await self.directory.record(node, id_)
            if target is not None:
                found[node, id_] = target
        return found


def path_of(listed: Listed) -> str:
    """The address of the entry that a record is, or is in."""
    return f"/directory/{listed.entry or entry_address((listed.node, listed.id))}"


def path_to(node: str, id_: str) -> str:
    """The address of whatever entry a record is in."""
    return f"/directory/{entry_address((node, id_))}"
