"""What was changed in a record and when; undo, and back to a version that is kept."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ...app import Node
from . import writing_words
from .rim import Denied, Why, once_of
from .room import Endpoint, Room, Visit, Way
from .shown import common, in_words, said_at


class History(Room):
    """The versions of a record."""

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/records/{id}/history"): self.history,
            Way("POST", "/records/{id}/back"): self.back,
        }

    async def history(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> dict[str, Any]:
            opened, language = node.drafting.open(request.path_params["id"]), visit.language
            past = [
                {
                    "n": one.version.n,
                    "at": said_at(node, one.version.at, language, day=True),
                    "kind": language.gettext(writing_words.KINDS[one.version.kind.partition(" ")[0]]),
                    "stands": one.stands,
                    "changes": [in_words(change, language) for change in one.changes],
                }
                for one in node.drafting.history(opened.id)
            ]
            return {**common(node, visit, opened), "past": past}

        return self.rim.show(request, "write_history.html", visit, **await visit.office.ask(look))

    async def back(self, request: Request, visit: Visit) -> Response:
        """Undo one step, or go back to a version that is kept."""
        record_id, number = request.path_params["id"], (await once_of(request)).get("n", "")
        if number and not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Denied(Why.FORM)

        def work(node: Node) -> int | None:
            now = visit.office.now()
            return node.drafting.go_back(record_id, int(number), now) if number else node.drafting.undo(record_id, now)

        said = "back" if await visit.office.ask(work) is not None else "nothing"
        return self.rim.go(f"/records/{record_id}?said={said}")
