"""Publishing a record: a last look, words that may tell of a person, the button, and plainly what came of it. Ending,
taking away, and the trash."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kind_word

from ...app import Node
from ...app.first import Invited
from ...errors import HubUnreachable, NodeError
from ...homes import read_link
from ...settings import Settings
from ...standing import REFUSED
from .rim import Denied, Why, once_of
from .room import Endpoint, Nav, Room, Visit, Way
from .shown import ORGANIZATION, common, name_of

SEND_SECONDS = 12.0
"""How long a page waits for the hub before it says that the sending goes on."""
LOCAL = N_("It is kept here, as you chose. Nothing was sent, and nobody else can read it.")
NO_HUB = N_("It is signed and published in your own feed. No hub carries it yet.")
TAKEN = N_("It is published. The hub %(hub)s has it.")
ON_ITS_WAY = N_("It is signed and published here, and on its way to the hub %(hub)s.")
WAITS = N_(
    "It is signed and published here. The hub %(hub)s cannot be reached now, so it waits. Nothing is lost; it is "
    "sent by itself."
)
KEPT_BACK = N_("The hub %(hub)s keeps it back. Read why, correct it, and publish it again.")
NOT_TAKEN = N_("It is signed and published here. The hub %(hub)s did not take it. Nothing is lost.")


class Publishing(Room):
    """The pages that bring a record out, and take it away."""

    nav = Nav("/trash", N_("Trash"), 90)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/records/{id}/publish"): self.look,
            Way("POST", "/records/{id}/publish"): self.publish,
            Way("GET", "/records/{id}/end"): self.ending,
            Way("POST", "/records/{id}/end"): self.end,
            Way("GET", "/trash"): self.trash,
            Way("POST", "/trash"): self.take_out,
        }

    async def look(self, request: Request, visit: Visit) -> Response:
        """What must be fixed, what could be better, who will see it, and what may tell of a person."""
        record_id = request.path_params["id"]
        page = await visit.office.ask(lambda node: self._look(node, visit, record_id))
        return self.rim.show(request, "write_publish.html", visit, **page, asked=False)

    def _look(self, node: Node, visit: Visit, record_id: str) -> dict[str, Any]:
        from .widgets import said

        opened = node.drafting.open(record_id)
        verdict, language = node.drafting.judge(record_id, visit.office.now()), visit.language
        better = verdict.could_be_better
        return {
            **common(node, visit, opened),
            "must": [(said(one, language), _step(opened.type, one.pointer, one.expected)) for one in verdict.must_fix],
            "better": [(said(one, language), _step(opened.type, one.pointer, "")) for one in better if not one.harms],
            "harms": [(said(one, language), _step(opened.type, one.pointer, "")) for one in better if one.harms],
            "along": _along(node, opened.record),
            "waiting": opened.draft or node.store.change(record_id) is not None,
        }

    async def publish(self, request: Request, visit: Visit) -> Response:
        asked, record_id = (await once_of(request)), request.path_params["id"]
        page = await visit.office.ask(lambda node: self._look(node, visit, record_id))
        if page["must"] or (page["harms"] and asked.get("looked") != asked.get("seen")):
            return self.rim.show(request, "write_publish.html", visit, 409, **page, asked=True)

        def work(node: Node) -> str:
            now = visit.office.now()
            opened = node.drafting.accept(record_id, asked.get("seen", ""), now)
            node.publish(only=[record_id, *_along(node, opened.record)], now=now)
            # dying here leaves a draft that says what is published already, and is none any more
            node.drafting.published(opened, now)
            return name_of(opened, visit.language)

        return await self._sent(request, visit, record_id, await visit.office.ask(work))

    async def _sent(self, request: Request, visit: Visit, record_id: str, name: str) -> Response:
        """Bring it to the hub as far as that goes now, and say what happened."""
        local, hub, invited = await visit.office.ask(lambda node: _where(node, record_id))
        sentence, detail = LOCAL, ""
        if not local and invited:
            sentence, hub = ON_ITS_WAY, invited
            visit.office.send_soon()
        elif not local:
            sentence, detail = (await self._delivered(visit, record_id)) if hub else (NO_HUB, "")
        said = visit.language.gettext(sentence)
        return self.rim.show(
            request,
            "write_done.html",
            visit,
            id=record_id,
            name=name,
            sentence=said % {"hub": hub} if "%" in said else said,
            good=sentence in (LOCAL, TAKEN, ON_ITS_WAY),
            detail=detail,
            no_hub=sentence == NO_HUB,
        )

    async def _delivered(self, visit: Visit, record_id: str) -> tuple[str, str]:
        now = visit.office.now()
        sending = asyncio.ensure_future(visit.office.travel(lambda node: node.attempt(now=now)))
        try:
            sent = await asyncio.wait_for(asyncio.shield(sending), SEND_SECONDS)
        except TimeoutError:
            sending.add_done_callback(_heard)
            return ON_ITS_WAY, ""
        except NodeError as failed:
            return NOT_TAKEN, str(failed)
        if kept := await visit.office.ask(lambda node: _kept_back(node, record_id)):
            return KEPT_BACK, kept
        for _, error in sent.errors:
            if isinstance(error, HubUnreachable):
                visit.office.send_soon()
                return WAITS, str(error)
            return NOT_TAKEN, str(error)
        return TAKEN, ""

    # Ending, and the trash

    async def ending(self, request: Request, visit: Visit) -> Response:
        """What ending and taking away mean, before it is done."""

        def look(node: Node) -> dict[str, Any]:
            opened = node.drafting.open(request.path_params["id"])
            return common(node, visit, opened)

        return self.rim.show(request, "write_end.html", visit, **await visit.office.ask(look))

    async def end(self, request: Request, visit: Visit) -> Response:
        act, record_id = (await once_of(request)).get("act", ""), request.path_params["id"]
        if act not in ("end", "delete", "drop"):
            raise Denied(Why.FORM)

        def work(node: Node) -> str:
            now, name = visit.office.now(), name_of(node.drafting.open(record_id), visit.language)
            if act == "drop":
                node.drafting.drop(record_id, now)
                return name
            (node.trash.end if act == "end" else node.trash.delete)(record_id, now)
            node.publish(only=[record_id], now=now)
            return name

        name = await visit.office.ask(work)
        if act == "drop":
            return self.rim.go("/trash")
        return await self._sent(request, visit, record_id, name)

    async def trash(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> list[dict[str, Any]]:
            return [
                {
                    "id": gone.id,
                    "name": _called(gone.record, visit.language) or kind_word(gone.type, visit.language),
                    "deleted": gone.deleted,
                    "back": gone.back,
                    "ours": node.store.record(gone.id) is None and node.store.change(gone.id) is None,
                }
                for gone in reversed(node.trash.all())
            ]

        return self.rim.show(request, "trash.html", visit, gone=await visit.office.ask(look))

    async def take_out(self, request: Request, visit: Visit) -> Response:
        asked = await once_of(request)
        act, record_id = asked.get("act", ""), asked.get("id", "")
        if act == "forget":
            await visit.office.ask(lambda node: node.trash.forget(record_id))
            return self.rim.go("/trash")
        if act != "restore":
            raise Denied(Why.FORM)
        await visit.office.ask(lambda node: node.trash.restore(record_id, visit.office.now()))
        return self.rim.go(f"/records/{record_id}?said=restored")


def _step(type_name: str, pointer: str, expected: str) -> str:
    """The step whose page shows a place; "" for none."""
    from ...editing.tasks import task_of

    task = task_of(type_name)
    for member in [pointer.split("/")[1]] if pointer else expected.split(", "):
        for step in task.steps if task else ():
            if any(field.member == member for field in step.fields):
                return step.code
    return ""


def _where(node: Node, record_id: str) -> tuple[bool, str, str]:
    """Whether a record stays here, the hub that carries it, and the one that has not let us in yet; "" for none."""
    stored = node.store.record(record_id)
    went = stored is not None and (stored.feed is not None or stored.content is None)
    # read anew: a command may have named a hub since
    hub = Settings.load(node.store).hub
    return not went, hub, "" if hub else read_link(link).address if (link := Invited(node.store).link()) else ""


def _along(node: Node, record: Mapping[str, Any]) -> list[str]:
    """Our organizations that a record belongs to and that nobody has seen yet: they go out with it."""
    named = {str(record.get(member, "")) for member in ("organization", "organizer", "lead")}
    waiting = [change for change in node.store.changes() if change.id in named and change.type == ORGANIZATION]
    return [change.id for change in waiting if node.store.record(change.id) is None and change.content]


def _kept_back(node: Node, record_id: str) -> str:
    refused = [row["refusal"] for row in node.show(record_id)["hubs"] if row["state"] == REFUSED]
    return "; ".join(f"{one['why']} ({one['pointer']} {one['detail']})" for one in refused)


def _called(record: dict[str, Any], language: Language) -> str:
    from jisr_protocol.pages.text import choose

    text = choose(record.get("name") or record.get("title"), language.code, record.get("lang", ""))
    return text.value if text else ""


def _heard(sending: asyncio.Future[Any]) -> None:
    """What came of it stands in the node's own status."""
    if not sending.cancelled():
        sending.exception()
