"""Messages that others sealed to this node: fetched, read, deleted. The answer is a call or a letter, not a chat."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.freshness import instant
from jisr_protocol.pages.language import N_, Language

from ...app import Node, messages
from ...errors import Mistaken
from .rim import Denied, Why, once_of
from .room import Call, Endpoint, Nav, Room, Visit, Way

SAID = {
    "fetched": N_("New messages were fetched."),
    "nothing": N_("There is nothing new."),
    "deleted": N_("It is deleted. No file of this node holds it."),
}
_KINDS = {"person": N_("A person"), "organization": N_("An organization")}


class Letters(Room):
    """One page with every message."""

    nav = Nav("/messages", N_("Messages"), 40)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/messages"): self.look,
            Way("POST", "/messages"): self.fetch,
            Way("POST", "/messages/delete"): self.delete,
        }

    async def look(self, request: Request, visit: Visit) -> Response:
        now = visit.office.now()
        found = await visit.office.ask(lambda node: _shown(node, visit.language, now))
        said = SAID.get(request.query_params.get("said", ""), "")
        return self.rim.show(request, "messages.html", visit, found=found, said=said)

    async def fetch(self, request: Request, visit: Visit) -> Response:
        now = visit.office.now()
        done = await visit.office.travel(lambda node: messages.fetch(node, now=now))
        return self.rim.go(f"/messages?said={'fetched' if done.new else 'nothing'}")

    async def delete(self, request: Request, visit: Visit) -> Response:
        message_id = (await once_of(request)).get("id", "")

        def gone(node: Node) -> None:
            try:
                messages.delete(node, message_id)
            except Mistaken:
                raise Denied(Why.NOWHERE) from None

        await visit.office.ask(gone)
        return self.rim.go("/messages?said=deleted")

    def calls(self, node: Node, language: Language, now: datetime) -> list[Call]:
        if not messages.box_of(node).has_any(now):
            return []
        return [Call(50, language.gettext("There are messages for you."), "/messages", language.gettext("Read them"))]


def _shown(node: Node, language: Language, now: datetime) -> list[dict[str, Any]]:
    messages.expire(node, now)
    return [_words(one.id, one.value, language) for one in messages.box_of(node).listed(now)]


def _words(message_id: str, value: dict[str, Any], language: Language) -> dict[str, Any]:
    if not value:
        return {"id": message_id, "text": ""}
    sender, sheet = value["sender"], value.get("referral")
    kind = _KINDS[sender["kind"]]
    return {
        "id": message_id,
        "text": value["text"],
        "kind": language.gettext(kind),
        "name": sender.get("name", ""),
        "nodeless": "node" not in sender,  # SEAL-19
        "reply": value["reply"],
        "sent": _day(value["sent"], language),
        "ends": _day(value["expires"], language),
        "sheet": sheet,
        "languages": language.listing(
            [language.language_name(tag) or tag for tag in (sheet or {}).get("languages", [])]
        ),
    }


def _day(at: str, language: Language) -> str:
    read = instant(at)
    return language.date(read) if read else ""
