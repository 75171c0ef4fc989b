"""A served hub whose directory holds the valid examples of every public type, for the tests of what is handed on.

with exported(folder) as client: client.get("/export/all.csv")
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from starlette.testclient import TestClient

from jisr_hub.app.serving import application
from jisr_hub.cli import setting_up
from jisr_protocol.refusal import Refusal
from tests.desk.naughty import STRINGS
from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub

ADDRESS = "http://127.0.0.1:8470"
EXAMPLES = Path(__file__).resolve().parents[2] / "protocol" / "schemas"
NOT_PUBLIC = {"volunteer", "assertion"}
HIDDEN, EXACT, AREA = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "＝1+1", "  =HYPERLINK(1)", "%0A=1")
NOT_YET = "Not before its day"
CHECKER = FormatChecker()


@CHECKER.checks("uri", raises=ValueError)
def _uri(value: object) -> bool:
    return not isinstance(value, str) or value.startswith(("http://", "https://"))


def text(words: str, lang: str = "en") -> dict[str, Any]:
    return {lang: {"value": words, "origin": "author"}}


def rich_author() -> Author:
    """A node that writes every example, places of each privacy, and names from hell."""
    author = Author("rich", now=setting_up.now())
    for path in sorted(EXAMPLES.glob("*/examples/valid/*.json")):
        if path.parts[-4] not in NOT_PUBLIC:
            value = json.loads(path.read_text())
            if value.get("audience") == "public":
                kept = {name: each for name, each in value.items() if name not in ("node", "rev", "salt", "audience")}
                author.put(path.stem, **kept)
    place = {"type": "org.jisr.location/1", "name": text("Place")}
    point = {"latitude": "35.77", "longitude": "-5.80"}
    author.put("hidden", id=HIDDEN, privacy="hidden", **place)
    author.put("exact", id=EXACT, privacy="exact", coordinates={**point, "precision": "exact"},
               addresses=[{"country": "MA", "street": text("Rue 1"), "locality": text("Tanger")}], **place)  # fmt: skip
    author.put("area", id=AREA, privacy="area", coordinates={**point, "precision": "locality"}, **place)
    author.put("host", type="org.jisr.organization/1", name=text("Host"))
    host = author.feed().entries()[-1].id
    hours = {"timezone": "Africa/Casablanca", "operating_hours": [
        {"label": "normal", "days": ["MO", "FR"], "intervals": [["09:00", "12:30"], ["15:00", "18:00"]]}]}  # fmt: skip
    author.put("project", type="org.jisr.project/1", name=text("Reading"), lead=host)
    project = author.feed().entries()[-1].id
    author.put("grant", type="org.jisr.grant/1", name=text("First year"), funder={"name": text("A fund")},
               recipient={"organization": host}, amount={"amount": "3500.10", "currency": "EUR"})  # fmt: skip
    author.put(
        "service", type="org.jisr.service/1", name=text("Lessons"), organization=host, schedule=hours,
        links=[{"rel": "part_of", "target": project}],
        at=[{"location": one, "schedule": hours} for one in (HIDDEN, EXACT, AREA)],
        terms=[{"scheme": "jisr-focus", "code": "language", "role": "focus"}],
        contact_points=[{"role": "intake", "phone": "+212539000000", "email": "a@example.org"}],
    )  # fmt: skip
    author.put("later", type="org.jisr.news/1", name=None, title=text(NOT_YET), published="2026-03-01T00:00:00Z",
               embargo="2999-01-01T00:00:00Z")  # fmt: skip
    names = [*FORMULAS, *(one for each in STRINGS.values() for one in each)]
    for number, name in enumerate(one[:200] for one in names):
        with contextlib.suppress(Refusal, UnicodeEncodeError):
            author.put(f"naughty {number}", type="org.jisr.event/1", name=text(name), organizer=host,
                       event_status="scheduled", start="2026-10-01T10:00", timezone="Europe/Amsterdam")  # fmt: skip
    return author


@contextlib.contextmanager
def exported(folder: Path) -> Iterator[TestClient]:
    hub = KeptHub(folder / "hub").fill(rich_author())
    with TestClient(application(hub.folder), base_url=ADDRESS) as client:
        until = time.monotonic() + 60
        while "last-modified" not in client.head("/export/all.csv").headers:  # what is one is being followed
            assert time.monotonic() < until, "the merged directory does not come up to the log"
            time.sleep(0.1)
        yield client


class Standard:
    """The compiled schemas of HSDS 3.0 and its API description, as validators that check formats too."""

    def __init__(self, shared: Path) -> None:
        folder = shared / "interop" / "hsds-3.0"
        self.api = json.loads((folder / "openapi.json").read_text())
        self.schemas = {path.stem: json.loads(path.read_text()) for path in (folder / "compiled").glob("*.json")}
        found = [
            (f"https://hsds.example/compiled/{name}.json", _plain(schema)) for name, schema in self.schemas.items()
        ]
        found.append(("https://hsds.example/openapi.json", self.api))
        self._registry: Any = Registry().with_resources(
            (name, Resource.from_contents(schema, default_specification=_SPEC)) for name, schema in found
        )

    def faults(self, name: str, value: object) -> list[str]:
        """Where a value breaks a compiled schema."""
        return self._faults({"$ref": f"https://hsds.example/compiled/{name}.json"}, value)

    def answer_faults(self, path: str, value: object) -> list[str]:
        """Where an answer breaks the API description."""
        content = self.api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        pointer = path.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
        assert content["schema"]
        place = f"#/paths/{pointer}/get/responses/200/content/application~1json/schema"
        return self._faults({"$ref": f"https://hsds.example/openapi.json{place}"}, value)

    def _faults(self, schema: dict[str, Any], value: object) -> list[str]:
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=CHECKER)
        return [f"{fault.json_path}: {fault.message[:200]}" for fault in validator.iter_errors(value)]


OF_LIST = {
    "services": "service_list",
    "organizations": "organization_list",
    "service_at_locations": "service_at_location_list",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy_term",
}
"""Address → the schema of an item of its list."""
OF_ONE = {
    "services": "service",
    "organizations": "organization",
    "service_at_locations": "service_at_location",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy_term",
}
"""Address → the schema of an object of it."""


def pages(client: TestClient, endpoint: str, **query: Any) -> Iterator[dict[str, Any]]:
    """The pages of a list, one after the other."""
    number = 1
    while True:
        page = client.get(f"/hsds/{endpoint}", params={**query, "page": number}).json()
        yield page
        if page["last_page"]:
            return
        number += 1


def judged(client: TestClient, standard: Standard, endpoint: str, most: int) -> tuple[int, int, list[str]]:
    """Walk an endpoint: (pages, objects, what does not fit), of whole objects at most so many."""
    faults: list[str] = []
    walked = list(pages(client, endpoint, per_page=20))
    for query in ({"full": "true"}, {"minimal": "true"}):
        walked += pages(client, endpoint, per_page=100, **query)
    for page in walked:
        faults += standard.answer_faults(f"/{endpoint}", page)
        faults += [fault for one in page["contents"] for fault in standard.faults(OF_LIST[endpoint], one)]
    names = dict.fromkeys(one["id"] for page in walked for one in page["contents"])
    for name in list(names)[:most]:
        whole = client.get(f"/hsds/{endpoint}/{name}").json()
        faults += [] if whole["id"] == name else [f"{name} leads to {whole['id']}"]
        faults += standard.faults(OF_ONE[endpoint], whole)
        faults += standard.answer_faults(f"/{endpoint}/{{id}}", whole)
    return len(walked), len(names), faults


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in schema.items() if name not in ("$id", "$schema")}


def _spec() -> Any:
    from referencing.jsonschema import DRAFT202012

    return DRAFT202012


_SPEC = _spec()
