"""Who may sign in, and ending their sessions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_

from ...desk.acts import Acts
from ...desk.door import Visitor
from ...desk.roles import Right, Role
from .acts import noted
from .rim import Endpoint, Rim, Way, form_of, may

ROLES = {Role.AUDITOR: N_("auditor"), Role.CURATOR: N_("curator"), Role.OPERATOR: N_("operator")}


class People:
    """The accounts of this hub."""

    def __init__(self, rim: Rim, acts: Acts | None = None) -> None:
        self.rim, self._acts = rim, acts

    def ways(self) -> dict[Way, Endpoint]:
        """Looking is for who audits; ending sessions for who looks after accounts."""
        return {
            Way("GET", "/desk/people", Right.AUDIT): self.people,
            Way("POST", "/desk/people/sign-out", Right.ACCOUNTS): self.end_sessions,
        }

    async def people(self, request: Request, visitor: Visitor | None) -> Response:
        """Who may sign in."""
        people = [(one, ROLES[one.role]) for one in await self.rim.door.accounts.all()]
        return self.rim.show(request, "people.html", visitor, people=people, may_end=may(visitor, Right.ACCOUNTS))

    async def end_sessions(self, request: Request, visitor: Visitor | None) -> Response:
        """Sign somebody out wherever they are signed in."""
        (name,) = await form_of(request, "name")

        async def ended() -> str:
            return str(await self.rim.door.accounts.end_all(name))

        await noted(self._acts, visitor, "account", ended, account=name[:40], sign_out=True)
        return self.rim.go("/desk/people")
