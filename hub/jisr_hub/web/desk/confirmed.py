"""After a confirmation: what was typed before it, and one button that does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_

from ...desk import carrying
from ...desk.carrying import Form
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import Right
from .rim import Endpoint, Rim, Way, form_of
from .wording import KINDS

PAGE = "/desk/confirmed"
TITLES: Mapping[str, str] = {
    "/desk/undo": N_("Undo"),
    "/desk/approve": N_("Approve"),
    "/desk/decline": N_("Do not do it"),
    "/desk/holds/import": N_("Take in a list"),
    "/desk/tokens": N_("Make a token"),
    "/desk/people/sign-out": N_("Change an account"),
}
LABELS: Mapping[str, str] = {
    "subject": N_("On which node or record"),
    "reason": N_("Reason, for everybody to read"),
    "until": N_("Until"),
}
HIDDEN = frozenset({"kind", "back"})
SHOWN_CHARACTERS = 2000


class Confirmed:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim) -> None:
        self.rim = rim

    def ways(self) -> dict[Way, Endpoint]:
        """For whoever typed it; the act asks for its own right."""
        return {
            Way("GET", PAGE, Right.LOOK): self.page,
            Way("POST", PAGE, Right.LOOK, fresh=True): self.do,
        }

    async def page(self, request: Request, visitor: Visitor | None) -> Response:
        """What was typed; where nothing waits, the desk."""
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        form = await carrying.shown(self.rim.door.accounts, visitor.session, self.rim.door.now)
        if form is None:
            return self.rim.go("/desk")
        return self.rim.show(
            request, "confirmed.html", visitor, word=form.word, title=_title(form), lines=_lines(form),
            minutes=carrying.KEPT_SECONDS // 60,
        )  # fmt: skip

    async def do(self, request: Request, visitor: Visitor | None) -> Response:
        """Do it as if it were sent now: the same address, with its own checks."""
        if visitor is None:
            raise Denied(Why.SIGNED_OUT)
        (word,) = await form_of(request, "word")
        form = await carrying.take(self.rim.door.accounts, visitor.session, word, self.rim.door.now)
        if form is None or form.path not in self.rim.forms:
            raise Denied(Why.FORM)
        way, endpoint = self.rim.forms[form.path]
        if way.right is not None:
            visitor.check(way.right)
        request.state.carried = form.fields
        return await endpoint(request, visitor)


def _title(form: Form) -> str:
    kind = dict(form.fields).get("kind", "")
    return TITLES.get(form.path) or KINDS.get(kind, kind or form.path)


def _lines(form: Form) -> Sequence[tuple[str, str, str]]:
    """(label or "", name, value) of what was typed."""
    return [
        (LABELS.get(name, ""), name, value[:SHOWN_CHARACTERS])
        for name, value in form.fields
        if name not in HIDDEN and value.strip()
    ]
