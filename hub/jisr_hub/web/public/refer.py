"""Refer somebody: a sheet to print, a message that the browser itself seals, and how to reach an organization.

    …/refer          the two ways
    …/refer/sheet    the sheet alone, with room to write by hand; nothing of the person is asked
    …/refer/sent     where the script leads when the hub has kept the sealed message: counted, and a way back
    …/contact        how to reach the organization and how to apply

The form has no names: whatever happens to the script, a browser sends nothing of what was written in it (SEAL-20).
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from jisr_hub.ports.directory import Listed
from jisr_hub.web.page import SECURITY_HEADERS, query
from jisr_protocol import identifiers, sealed
from jisr_protocol.limits import MESSAGE_CHARACTERS, MESSAGE_DAYS
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.signing import sealing_kid

from .beside import Beside, place_of
from .counted import APPLICATIONS, REFERRALS, keys_of, note

SHEET = (
    *("alert", "for_whom", "eligibility", "referral", "how_to_apply", "apply_url", "documents", "cost", "waiting"),
    *("languages", "interpreting", "delivery", "schedule", "opening_hours", "at", "addresses", "contact_points"),
)
"""What somebody needs who is sent there."""
CONTACT = (
    *("alert", "how_to_apply", "apply_url", "sign_up", "referral", "documents", "deadline", "window"),
    *("schedule", "opening_hours", "at", "addresses", "online_url", "contact", "contact_points", "url", "websites"),
)
URGENCY = {"": N_("No matter"), "today": N_("Today"), "this_week": N_("This week"), "later": N_("Later")}
WRITTEN = (
    N_("Name or initials, if the person agrees"),
    N_("What the person needs"),
    N_("Who refers, and how to reach them"),
    N_("Agreed with the person on"),
)
"""What is written on the sheet by hand."""
SCRIPTED = {
    "Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"].replace(
        "script-src 'none'", "script-src 'self'; connect-src 'self'"
    )
}
KeyOf = Callable[[str], Awaitable[bytes | None]]
"""The key to which messages for a node are sealed; None when this hub keeps none for it."""


def routes(beside: Beside, key_of: KeyOf) -> list[BaseRoute]:
    """The four pages."""
    pages = _Pages(beside, key_of)
    return [
        *beside.routes("refer", pages.refer),
        *beside.routes("refer/sheet", pages.sheet),
        *beside.routes("refer/sent", pages.sent, ("POST",)),
        *beside.routes("contact", pages.contact),
    ]


@dataclass(frozen=True)
class _Pages:
    beside: Beside
    key_of: KeyOf

    async def refer(self, request: Request) -> Response:
        """The two ways, and the form where the organization's node takes messages."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        language = self.beside.language(request)
        key = await self.key_of(listed.node)
        answer = await self.beside.show(
            request,
            "refer.html",
            listed,
            sealing=self._sealing(listed, language, key) if key is not None else None,
            urgencies=[(code, language.gettext(words)) for code, words in URGENCY.items()],
            most=MESSAGE_CHARACTERS,
            said=request.query_params.get("said") == "sent",
            sheet=f"{place_of(listed)}/refer/sheet{query(request)}",
        )
        answer.headers.update(SCRIPTED | {"Cache-Control": "no-store"})
        return answer

    def _sealing(self, listed: Listed, language: Language, key: bytes) -> dict[str, str]:
        """What the script seals to, and where it leaves the message."""
        return {
            "to": listed.node,
            "id": listed.id,
            "lang": language.code,
            "key": base64.urlsafe_b64encode(key).decode().rstrip("="),
            "kid": sealing_kid(key),
            "typ": sealed.TYPE,
            "sizes": " ".join(map(str, sealed.SIZES)),
            "now": identifiers.to_instant(self.beside.clock()),
            "days": str(MESSAGE_DAYS),
            "place": f"/v1/nodes/{listed.node}/messages",
        }

    async def sheet(self, request: Request) -> Response:
        """The sheet alone."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        note(request, REFERRALS, keys_of(listed))
        language = self.beside.language(request)
        return await self.beside.show(
            request,
            "refer_sheet.html",
            listed,
            facts=await self.beside.facts(listed, language, SHEET),
            places=await self.beside.places(listed, language),
            written=[language.gettext(words) for words in WRITTEN],
            printed=language.date(self.beside.clock()),
        )

    async def sent(self, request: Request) -> Response:
        """The script has left a sealed message: this says nothing of it but that there was one."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        note(request, REFERRALS, keys_of(listed))
        said = query(request, said="sent")
        return RedirectResponse(f"{place_of(listed)}/refer{said}", 303, dict(SECURITY_HEADERS))

    async def contact(self, request: Request) -> Response:
        """How to reach the organization, and how to apply."""
        listed = await self.beside.listed(request)
        if listed is None:
            return self.beside.gone(request)
        note(request, APPLICATIONS, keys_of(listed))
        language = self.beside.language(request)
        facts = await self.beside.facts(listed, language, CONTACT)
        places = await self.beside.places(listed, language)
        return await self.beside.show(request, "contact.html", listed, facts=facts, places=places)
