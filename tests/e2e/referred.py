"""Somebody refers somebody from a hub's page, in a real browser, and what is left of it anywhere.

with home_in(folder) as home:                      a hub that serves the record of one node
    story = referred(home, page, folder, printed)  sealed in the browser, searched for, fetched by the node
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from playwright.sync_api import Browser, Page

from jisr_hub.app.opening import open_hub
from jisr_hub.app.serving import application
from jisr_hub.cli import keeping
from jisr_node.app import Node, messages
from jisr_node.app.node import clock
from tests.hub.kept_hub import KeptHub
from tests.hub.mailbox_world import forms
from tests.node.conftest import organization, service
from tests.node.sealed_world import made

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
NEED, WORDS, REPLY = "canary-need-saffron: دروس بالدارجة é", "canary-words-swallow", "canary-reply +31 20 000 0000"
CANARIES = ("canary-need-saffron", "canary-words-swallow", "canary-reply")
T = TypeVar("T")


@dataclass
class Home:
    kept: KeptHub
    node: Node
    address: str
    entry: str


@contextmanager
def home_in(folder: Path) -> Iterator[Home]:
    """A hub in this folder that serves one node's record."""
    kept = KeptHub(folder / "hub")
    with made(folder / "node") as node:

        async def admit() -> None:
            running = await open_hub(kept.folder)
            try:
                ring = node.identity.ring
                await running.hub.admit(node.settings.name, ring.statements, ring, per_hour=1000, per_day=1000)
            finally:
                await running.close()

        beside(admit())
        server = uvicorn.Server(uvicorn.Config(application(kept.folder), host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        record = node.import_drafts([organization(), service()]).ids[-1]
        node.publish()
        beside(node.push(address))
        try:
            yield Home(kept, node, address, f"{address}/directory/{node.id}/{record}")
        finally:
            server.should_exit = True
            thread.join(20)


def opened(browser: Browser, *, script: bool = True) -> Page:
    page = browser.new_context(java_script_enabled=script, user_agent=BROWSER, locale="en").new_page()
    page.set_default_timeout(20_000)
    return page


def beside(story: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: the browser's driver has an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, story).result()


def found_in(folder: Path) -> list[str]:
    """The canaries that stand in a file of this folder, in whatever spelling."""
    content = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return [canary for canary in CANARIES if any(form in content for form in forms(canary))]


@dataclass
class Story:
    """What a referral left behind: `sent` is everything that the browser sent, `found` the canaries and where."""

    sent: list[str]
    found: dict[str, list[str]]
    read: dict[str, Any]


def referred(home: Home, page: Page, place: Path, printed: Callable[[], str]) -> Story:
    """Somebody refers somebody at the page of an entry; then everything that the hub has is searched, and the node
    fetches what came. `place` is a new folder for a backup."""
    sent = list[str]()
    page.on("request", lambda request: sent.append(f"{request.url} {request.headers} {request.post_data or ''}"))
    page.goto(f"{home.entry}/refer")
    page.wait_for_selector("form[data-to]:not([hidden])")
    for name, value in (("need", NEED), ("words", WORDS), ("reply", REPLY), ("spoken", "ar, fr, x9")):
        page.fill(f"#{name}", value)
    page.select_option("#urgency", "this_week")
    page.check("#agreed")
    page.click("text=Seal and send")
    page.wait_for_url("**/refer?said=sent")
    place.mkdir()
    beside(keeping.backup(home.kept.folder, place / "backup.tar", with_key=True))
    log = printed()
    found = {
        "sent by the browser": [canary for canary in CANARIES if any(canary in one for one in sent)],
        "pages": [canary for canary in CANARIES if canary in page.content()],
        "database and files": found_in(home.kept.folder),
        "backup": found_in(place),
        "log": [canary for canary in CANARIES if canary in log],
    }
    fetched = beside(messages.fetch(home.node, home.address))
    assert (fetched.new, fetched.refused) == (1, [])
    [message] = messages.box_of(home.node).listed(clock())
    return Story(sent, found, message.value)
