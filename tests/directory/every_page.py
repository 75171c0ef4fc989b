"""A directory with one record of every type, and the addresses of every kind of public page; for walks in a browser."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

from jisr_hub.curation.merging import address
from jisr_hub.web.public import not_found, routes
from jisr_hub.web.public.structured import TYPES
from tests.hub.memory_directory import NODE, NOW, MemoryDirectory, identifier, record
from tests.hub.memory_search import MemorySearch

LONG = "https://example.org/a-long-address-that-has-to-break-somewhere-on-a-small-screen-and-does"
HOURS = {
    "timezone": "Africa/Casablanca",
    "operating_hours": [{"label": "normal", "days": ["MO", "FR"], "intervals": [["09:00", "12:30"], ["15:00"]]}],
    "note": {"fr": {"value": "Sonnez deux fois.", "origin": "author"}},
}


def _said(**texts: str) -> dict[str, dict[str, str]]:
    return {code: {"value": value, "origin": "author"} for code, value in texts.items()}


def records() -> list[dict[str, Any]]:
    """One record of every type that has a page, with much in each."""
    common: dict[str, Any] = {
        "description": _said(ar="نرافق الأسر ونساعدها على ملء الاستمارات. الخدمة مفتوحة للجميع.\nتعالوا في أي وقت."),
        "for_whom": _said(ar="للجميع", nl="Voor iedereen die verandersnelheidsmeettechniekbegeleiding nodig heeft"),
        "contact_points": [
            {"role": "intake", "label": _said(fr="Accueil"), "phone": "+212539000000", "url": LONG, "hours": HOURS},
            {"role": "press", "email": "a.very.long.name.of.a.mailbox.that.goes.on@organization.example.org"},
        ],
        "languages": ["ar", "zgh", "fr", "nl"],
        "websites": [LONG],
        "area": [{"scheme": "cbs", "code": "GM0153", "name": _said(nl="Enschede")}],
        "terms": [{"scheme": "jisr-focus", "code": "education", "role": "focus"}],
        "alert": _said(en="Closed in August"),
        "assured": {"by": "jisr:" + "c" * 52, "at": "2026-03-05", "method": "visit"},
        "source": {"url": LONG, "local_id": "1"},
        "links": [{"rel": "part_of", "target": identifier(1)}],
    }
    own: dict[str, dict[str, Any]] = {
        "service": {"at": [{"location": identifier(3), "schedule": HOURS}], "cost": {"free": True}},
        "organization": {"opening_hours": HOURS},
        "location": {
            "coordinates": {"latitude": "35.77", "longitude": "-5.80", "precision": "locality"},
            "addresses": [{"street": _said(fr="12, rue de la Plage"), "locality": _said(ar="طنجة"), "country": "MA"}],
            "privacy": "exact",
        },
        "opportunity": {"deadline": "2026-02-01", "location": identifier(3), "organization": identifier(2)},
        "need": {"amount": {"minimum": "10", "maximum": "20", "currency": "MAD"}, "urgency": "high"},
        "fund": {"window": {"opens": "2026-01-01", "closes": "2026-12-31"}},
        "event": {"event_status": "moved", "start": "2026-03-09T19:30", "previous_start": "2026-03-02T19:30"},
        "membership": {"subject": identifier(2), "from": "2025-01-01"},
        "news": {"title": _said(en="We are open"), "published": "2026-03-01T08:00:00Z"},
    }
    name = _said(ar="دروس اللغة والمرافقة", en="Language lessons and company")
    return [record(n, kind, name=name, **common, **own.get(kind, {})) for n, kind in enumerate(_order(), 1)]


def _order() -> list[str]:
    first = ["service", "organization", "location"]
    return [*first, *(kind for kind in TYPES if kind not in first)]


def paths() -> list[str]:
    """Every kind of public page: the front page, results, nothing found, the map, each type, a mistake."""
    lists = ["/", "/directory?type=service&q=&open=now", "/directory?q=nothing+at+all&cost=free", "/directory?view=map"]
    entries = [f"/directory/{address((NODE, identifier(n)))}" for n in range(1, len(_order()) + 1)]
    return [*lists, *entries, "/directory?page=0"]


@contextmanager
def served() -> Iterator[str]:
    """Serve the directory; gives its address."""
    held = records()
    directory = MemoryDirectory(held, hub_name="محور طنجة", via=("jisr:" + "h" * 52,))
    made = routes(directory, lambda: NOW, search=MemorySearch(held))
    app = Starlette(routes=made, exception_handlers={404: not_found})
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive(), "the server did not stop"
