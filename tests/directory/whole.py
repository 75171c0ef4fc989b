"""Every room of the public pages over records in memory, with the index that a hub searches with.

client = whole([record(1, name=...), ...])       /, /directory, what is beside an entry, coverage, matches, formats
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.testclient import TestClient

from jisr_hub.directory.document import document
from jisr_hub.directory.index import Index
from jisr_hub.directory.surveying import Surveys
from jisr_hub.ports.search import Found, Query
from jisr_hub.reports.taking import Mistake, Reports
from jisr_hub.web import problem_documents
from jisr_hub.web.exports import Exports
from jisr_hub.web.public import coverage, matches, matrix, missing, not_found, refer, report, routes
from jisr_hub.web.public.beside import Beside
from jisr_hub.web.public.formats import Formats
from jisr_hub.web.public.rim import Rim
from jisr_protocol.keys import KeyRing
from tests.directory.test_surveying import Clock, Kept
from tests.hub.memory_directory import NOW, MemoryDirectory

HUB = "https://hub.example"


class Indexed:
    """The port Search over the index of these records."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.index = Index()
        for number, one in enumerate(records):
            self.index.put(number, (one["node"], one["id"]), document(one))

    async def find(self, query: Query) -> Found:
        for _ in self.index.preparing(query):
            pass
        return self.index.find(query, NOW)


class Held:
    """Where reports are kept, and the mailboxes of a hub that has none."""

    def __init__(self) -> None:
        self.kept: list[Mistake] = []

    async def keep(self, mistake: Mistake, most: int) -> bool:
        self.kept.append(mistake)
        return len(self.kept) <= most

    async def open(self, now: int) -> list[Mistake]:
        return self.kept

    async def drop(self, number: str) -> bool:
        return False

    async def scrub(self, now: int) -> int:
        return 0

    async def ring_of(self, node: str) -> KeyRing | None:
        return None

    async def put(self, node: str, raw: bytes) -> str:
        return ""


async def _none(*_: object) -> Any:
    return None


async def _nobody() -> list[Any]:
    return []


def whole(records: list[dict[str, Any]]) -> TestClient:
    """A client of a hub with these records."""
    directory, held = MemoryDirectory(records), Held()
    rim, search = Rim(directory, lambda: NOW, address=HUB), Indexed(records)
    surveys = Surveys(directory, Kept(), Clock())
    fitting = matches.Fitting(surveys, rim, _nobody)
    beside, catalogue = Beside(directory, lambda: NOW, "en"), directory
    reports = Reports(held, held, lambda: NOW, bytes)
    exports = Exports(_any(catalogue), directory, search, "Hub", HUB, "en", lambda: NOW)
    served = [
        *(
            route
            for room in (coverage.Pages(surveys, rim), fitting, matrix.Pages(surveys, rim))
            for route in room.routes()
        ),
        *refer.routes(beside, _none),
        *report.routes(beside, reports),
        *missing.routes(beside, reports),
        *routes(directory, lambda: NOW, search=search, address=HUB, fitting=fitting.block),
        *Formats(exports, rim).routes(),
    ]
    return TestClient(Starlette(routes=served, exception_handlers={**problem_documents.HANDLERS, 404: not_found}))


def _any(value: Any) -> Any:
    """The directory where a catalogue is expected: the page of forms asks it for nothing."""
    return value
