"""The page of a record says whether it is open now."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jisr_hub.config import Settings
from jisr_hub.web.public import routes
from jisr_protocol.opening import Declared
from tests.hub.memory_directory import NODE, MemoryDirectory, identifier, record

HOURS = {
    "timezone": "Africa/Casablanca",
    "operating_hours": [
        {"label": "normal", "days": ["MO"], "intervals": [["09:00", "12:00"]]},
        {"label": "ramadan", "days": ["MO"], "intervals": [["10:00", "11:00"]]},
    ],
}
FIRST_OF_RAMADAN = datetime(2027, 2, 8, 9, 30, tzinfo=UTC)  # as it is computed: 9:30 in Morocco, UTC+0 by then


def shown(*declared: str) -> str:
    directory = MemoryDirectory([record(1, "organization", opening_hours=HOURS)])
    days = tuple(Declared.read(line) for line in declared)
    app = Starlette(routes=routes(directory, clock=lambda: FIRST_OF_RAMADAN, declared=days))
    return TestClient(app).get(f"/directory/{NODE}/{identifier(1)}", params={"lang": "en"}).text


def test_it_follows_what_the_operator_declares() -> None:
    assert "Ramadan begins or ends about now: the hours may differ" in shown()
    assert "Open now, until 12:00" in shown("MA ramadan 2027-02-09")
    assert "Closed now (Ramadan)" in shown("MA ramadan 2027-02-08")
    assert "Next opening: 10:00" in shown("MA ramadan 2027-02-08")


def test_a_declaration_of_another_form_stops_the_hub_with_a_sentence() -> None:
    with pytest.raises(ValidationError, match="expected a line such as"):
        Settings(declared_days=("Morocco ramadan 2027",))
