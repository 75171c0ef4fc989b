"""The first form: one service, published with the organisation it belongs to."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ...app import Node
from ...first_answers import LOCAL_ID
from .rim import once_of
from .room import Endpoint, Room, Visit, Way

SERVICE = "org.jisr.service/1"


class First(Room):
    """Writing the first service, and publishing it."""

    def ways(self) -> dict[Way, Endpoint]:
        return {Way("GET", "/first"): self.ask, Way("POST", "/first"): self.take}

    async def ask(self, request: Request, visit: Visit) -> Response:
        return self.rim.show(request, "first.html", visit, name="", description="", wrong=False)

    async def take(self, request: Request, visit: Visit) -> Response:
        fields = await once_of(request)
        name, description = fields.get("name", "").strip(), fields.get("description", "").strip()
        lang = visit.language.code

        def publish(node: Node) -> bool:
            draft = {
                "type": SERVICE,
                "source": {"local_id": "first"},
                "name": name,
                "description": description,
                "lang": lang,
                "organization": f"local:organization/{LOCAL_ID}",
            }
            if node.import_drafts([draft]).refused:
                return False
            node.publish()
            return True

        if not name or not description or not await visit.office.ask(publish):
            return self.rim.show(request, "first.html", visit, 422, name=name, description=description, wrong=True)
        visit.office.send_soon()
        return self.rim.go("/?said=published")
