"""Nodes with pages, served in a thread: one that is new, one whose sheet waits, one that is whole.

with office_world(folder) as world:
    world.address · world.link("whole") → a path that opens its pages once · world.names → what {…} in a path stands for
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from jisr_node.app import Node, volunteers
from jisr_node.app.first import hold_answers, settle_answers, start
from jisr_node.app.lobby import Lobby
from jisr_node.editing.fields import Writing
from jisr_node.editing.tasks import TASKS
from jisr_node.first_answers import Answers
from jisr_node.volunteers.profiles import Offer
from jisr_node.web.http import Http
from jisr_node.web.office import ROOMS, pages
from jisr_node.web.office.rim import Rim
from jisr_node.web.office.room import Room
from jisr_node.web.office.serving import bound, kept_up

from .conftest import NOW, seeded

ANSWERS = Answers(
    name="جمعية دار الجسر", country="MA", purpose="نعلّم الكبار القراءة في طنجة.", contact="info@dar.example", lang="ar"
)

OFFER = Offer(skills=("language",), languages=("ar",), when=("MO-morning",), wishes="طبخ", contact="+212600000000",
              agreed=True, lang="ar")  # fmt: skip


@dataclass
class OfficeWorld:
    """`names` are what the braces of a path stand for: {service}, {organization}, {profile} …"""

    address: str
    lobby: Lobby
    names: dict[str, str] = field(default_factory=dict)

    def link(self, name: str) -> str:
        """An address that opens the pages of this node once."""
        return f"{self.address}/open/{self.lobby.link(name)}"

    def path(self, path: str) -> str:
        """A path with its names filled in."""
        return self.address + path.format(**self.names)


@contextmanager
def office_world(
    folder: Path, *, rooms: Sequence[Callable[[Rim], Room]] = ROOMS, now: Callable[[], Any] = lambda: NOW
) -> Iterator[OfficeWorld]:
    """Nodes of the three stages, hosted in one process: "new", "sheet", "whole"."""
    lobby = Lobby(folder, several=True, now=now, random_bytes=seeded("office"), allow_private=True)
    for name in ("new", "sheet", "whole"):
        lobby.add(name)
    for name in ("sheet", "whole"):
        begun(folder / name)
    names = filled(folder / "whole")
    with served(lobby, rooms=rooms) as address:
        yield OfficeWorld(address, lobby, names)


def begun(folder: Path) -> None:
    """Answer the five questions."""
    hold_answers(folder, ANSWERS)
    start(folder, {**ANSWERS.settings(), "allow_private": True}, NOW, seeded(folder.name))
    with Node.open(folder) as node:
        settle_answers(node, folder)


def filled(folder: Path) -> dict[str, str]:
    """Keep the sheet, publish the organisation and a service, and leave one change unpublished."""
    for sheet in folder.glob("recovery-*.txt"):
        sheet.unlink()
    service = {
        "type": "org.jisr.service/1",
        "source": {"local_id": "first"},
        "name": {
            "ar": {"value": "دروس مسائية", "origin": "author"},
            "fr": {"value": "Cours du soir", "origin": "human"},
        },
        "organization": "local:organization/us",
    }
    with Node.open(folder) as node:
        node.keep_recovery()
        [service_id] = node.import_drafts([service]).ids
        node.publish(now=NOW)
        node.import_drafts([{**service, "source": {"local_id": "second"}, "name": "مكتبة الأطفال"}])
        place = node.drafting.begin(TASKS["place"], Writing("ar", "MA"), "CC-BY-4.0", NOW)
        point = {"coordinates": {"latitude": "35.79", "longitude": "-5.82", "precision": "locality"}}
        node.drafting.change(place, lambda record: {**record, **point}, node.drafting.open(place).seen, NOW)
        profile = volunteers.enrol(node, OFFER, now=NOW)
        gone = volunteers.enrol(node, replace(OFFER, wishes="بستنة"), now=NOW)
        volunteers.leave(node, gone, now=NOW)
        ours = node.find("local:organization/us")
        begun = {
            code: node.drafting.begin(TASKS[code], Writing("ar", "MA"), "CC-BY-4.0", NOW, ours)
            for code in ("project", "membership")
        }
        mine = {"profile": f"whole.{profile}", "gone": f"whole.{gone}", "service": service_id, "organization": ours}
        return {"place": place, **begun, **mine}


@contextmanager
def served(lobby: Lobby, *, rooms: Sequence[Callable[[Rim], Room]] = ROOMS, upkeep: bool = False) -> Iterator[str]:
    """The pages of these nodes on a free port; gives their address. With `upkeep` they speak with their hubs."""
    place = bound("127.0.0.1", 0)
    address = place.address
    app = pages(lobby, hosts=[urlsplit(address).netloc], rooms=rooms)
    if upkeep:
        app.router.lifespan_context = lambda _: kept_up(lobby)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on", http=Http, ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[place.socket])), daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the pages did not start within 60 seconds"
        time.sleep(0.02)
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        lobby.close()
        assert not thread.is_alive(), "the pages did not stop within 20 seconds"
