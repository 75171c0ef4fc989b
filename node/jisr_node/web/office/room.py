"""What a room of pages is made of: its ways in, what it asks of people, what it shows at home.

    class Sheets(Room):
        nav = Nav("/sheets", N_("From a spreadsheet"))

        def ways(self) -> dict[Way, Endpoint]:
            return {Way("GET", "/sheets"): self.begin, Way("POST", "/sheets", most_bytes=4_000_000): self.take}

        async def begin(self, request: Request, visit: Visit) -> Response:
            held = await visit.office.ask(lambda node: node.overview())     # in the node's own thread
            return self.rim.show(request, "sheets.html", visit, held=held)  # templates/office/sheets.html

A room is a module with one such class, and a line in `ROOMS` of this folder. What is heavy to import is imported in the
method that needs it: a node starts in less than a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import Language

from ...app.office import Office, Stage

if TYPE_CHECKING:
    from ...app import Node
    from .rim import Rim

FORM_BYTES = 64 * 1024


@dataclass(frozen=True)
class Way:
    """One address with one method.

    `stage` is how far the node must be; `open_` needs no session; with `script` the page may run ours. A body has at
    most `most_bytes`.
    """

    method: str
    path: str
    stage: Stage = Stage.WHOLE
    open_: bool = False
    script: bool = False
    most_bytes: int = FORM_BYTES


@dataclass(frozen=True)
class Visit:
    """Somebody at the pages of a node."""

    office: Office
    language: Language
    session: str = ""


@dataclass(frozen=True)
class Nav:
    """A line of the navigation. `label` is an English message, `order` its place."""

    path: str
    label: str
    order: int = 50


@dataclass(frozen=True)
class Call:
    """Something that asks for a person: a sentence in their language, and a link that leads on or a button that acts.

    `weight` orders them, the heaviest first: 90 data may be lost, 70 others see something wrong, 50 something of ours
    has not arrived, 30 something could be better.
    """

    weight: int
    sentence: str
    path: str
    act: str
    post: bool = False
    """Whether the act is a form that is sent to `path`."""


@dataclass(frozen=True)
class Section:
    """A part of the home page: a template of ours, with what it shows. Lower `order` comes first."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    order: int = 50


Endpoint = Callable[[Request, Visit], Awaitable[Response]]


class Room:
    """Pages that belong together."""

    nav: ClassVar[Nav | None] = None

    def __init__(self, rim: Rim) -> None:
        self.rim = rim

    def ways(self) -> dict[Way, Endpoint]:
        """Every way in, and what it needs."""
        raise NotImplementedError

    def calls(self, node: Node, language: Language, now: datetime) -> list[Call]:
        """What this room asks of the person, in the node's own thread; none when all is well."""
        return []

    def at_home(self, node: Node, language: Language, now: datetime) -> list[Section]:
        """What this room shows at home, in the node's own thread."""
        return []
