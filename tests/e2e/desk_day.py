"""A country for a curator: a hub that serves, three partners' nodes, and a day's work on it by the keyboard alone.

with country(folder) as made:              a node waits to be let in, one sends what it may not, two know one house
    day = Day(page, made, "ar")
    day.whole()                            sign in, let in, read, join, hold, undo, sign out
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from jisr_hub.cli import accounts, authority, setting_up
from jisr_hub.desk.roles import Role
from jisr_node.app import Node
from jisr_protocol.constraints import Constraints
from tests.e2e.identity_provider import IdentityProvider
from tests.e2e.keyboard import Keyboard
from tests.faults.processes import HubProcess

SUBJECT = "248289761001"
PATIENCE_SECONDS = 90
REFUSED = "Friends of the sea"
"""What a node sends that its bounds do not let it speak for."""
PARTNERS = ("one", "other", "bound", "waits")
HOUSE = {"email": "house@dar.example", "phone": "+212539000111"}


@dataclass(frozen=True)
class Country:
    """Where the hub is, and whom and what its curator will meet: nodes by identifier, a record as node/id."""

    address: str
    waits: str
    bound: str
    refused_name: str
    held: str


@contextmanager
def country(folder: Path) -> Iterator[Country]:
    """A served hub with work for one day."""
    # a browser that is driven from here keeps an event loop in this thread
    with IdentityProvider() as provider, ThreadPoolExecutor(1) as aside:
        hub = aside.submit(_made, folder, provider).result()
        try:
            hub.start(JISR_HUB_OIDC_SECRET=provider.secret, JISR_HUB_PUBLISH_SECONDS="0.1")
            yield aside.submit(_filled, folder, hub.address).result()
        finally:
            hub.stop()


def _made(folder: Path, provider: IdentityProvider) -> HubProcess:
    hub = HubProcess(folder / "hub", name="Jisr MA")
    settings = folder / "hub" / "hub.json"
    told = json.loads(settings.read_text(encoding="utf-8"))
    told |= {"oidc_issuer": provider.issuer, "oidc_client": provider.client}
    settings.write_text(json.dumps(told), encoding="utf-8")
    asyncio.run(accounts.add(folder / "hub", "desk-one", Role.OPERATOR, SUBJECT, None))
    for name in PARTNERS:
        _node(folder, name).close()
    asyncio.run(_admit(folder))
    return hub


def _node(folder: Path, name: str) -> Node:
    return Node.init(folder / name, name=f"Partner {name}", country="MA", lang="ar", allow_private=True)


async def _admit(folder: Path) -> None:
    for name in PARTNERS[:3]:
        candidate = await setting_up.candidate(folder / "hub", str(folder / name / "keys.json"))
        await setting_up.admit(folder / "hub", candidate, f"Partner {name}")
    candidate = await setting_up.candidate(folder / "hub", str(folder / "bound" / "keys.json"))
    await authority.bound(folder / "hub", candidate.id, Constraints(types=frozenset({"org.jisr.organization"})))


def _filled(folder: Path, address: str) -> Country:
    with contextlib.ExitStack() as stack:
        return asyncio.run(_sent(address, {name: stack.enter_context(Node.open(folder / name)) for name in PARTNERS}))


async def _sent(address: str, nodes: dict[str, Node]) -> Country:
    for name, called in (("one", "Dar Al Jisr"), ("other", "Association Dar Al Jisr")):
        contact = [{"role": "reception", **HOUSE}]
        house = {"type": "org.jisr.organization/1", "name": called, "contact_points": contact}
        nodes[name].import_drafts([{**house, "source": {"local_id": "house"}}])
    drafts = [
        {"type": "org.jisr.organization/1", "name": "Bayt Al Bahr", "source": {"local_id": "house"}},
        {"type": "org.jisr.alliance/1", "kind": "network", "name": REFUSED, "source": {"local_id": "friends"}},
    ]
    assert not nodes["bound"].import_drafts(drafts).refused
    for name in ("one", "other", "bound"):
        nodes[name].publish()
        await nodes[name].push(address)
    assert not await nodes["waits"].join(address), "nobody has let it in yet"
    [held] = [stored.id for stored in nodes["bound"].store.records() if "organization" in stored.type]
    return Country(address, nodes["waits"].id, nodes["bound"].id, REFUSED, f"{nodes['bound'].id}/{held}")


class Day:
    """One curator at one browser. `look` is called on every page they come to."""

    def __init__(self, page: Page, made: Country, language: str, look: Callable[[str], None]) -> None:
        self.page, self.made, self._language, self._look = page, made, language, look
        self.keys = Keyboard(page)

    def whole(self) -> int:
        """A day's work; how many steps it took."""
        for step in (self.sign_in, self.let_in, self.read, self.join, self.hold, self.undo, self.sign_out):
            step()
        return self.keys.steps

    def sign_in(self) -> None:
        """By way of the provider."""
        self.page.goto(f"{self.made.address}/desk/sign-in?lang={self._language}")
        self._seen("/desk/sign-in")
        self.keys.use('main a[href^="/desk/provider"]')
        self.keys.fill("input[name=sub]", SUBJECT)
        self.keys.use("button", "**/desk")
        self._seen("/desk")
        direction = "rtl" if self._language == "ar" else "ltr"
        assert self.page.locator("html").get_attribute("dir") == direction

    def let_in(self) -> None:
        """A node that waits."""
        assert "Partner waits" in self.keys.says(), "the home names who waits"
        self._go("/desk/nodes")
        form = f"form:has(input[name=kind][value=admit]):has(input[name=subject][value='{self.made.waits}'])"
        self.keys.use(f"{form} button")
        self._seen("/desk/nodes")
        assert self.page.locator(f"a[href='/desk/node?of={self.made.waits}']").count() == 1

    def read(self) -> None:
        """What a source sent and why it was not taken."""
        self._go("/desk/sources")
        self.keys.use(f"main a[href='/desk/sources/{self.made.bound}']")
        self._seen("/desk/sources/*")
        problems = self.page.locator("section[aria-labelledby=problems]").inner_text()
        assert self.made.refused_name in problems, problems

    def join(self) -> None:
        """Two records of one house."""
        end = time.monotonic() + PATIENCE_SECONDS
        self._go("/desk/duplicates")
        while self.page.locator("main ol.open a").count() == 0:
            assert time.monotonic() < end, "no pair came into the queue"
            time.sleep(0.5)
            self.page.reload()
        self._look("/desk/duplicates")
        self.keys.use("main ol.open a")
        self._look("two records side by side")
        self.keys.use("button[name=answer][value=merge]")
        self._seen("/desk/duplicates*")
        assert self.page.locator("main ol.open a").count() == 0, "the pair waits no more"

    def hold(self) -> None:
        """A record, found by what a person gave as its address."""
        assert self._public() == 200
        self._go("/desk")
        self.keys.fill("input[name=of]", self.made.held)
        self.keys.use("form:has(input[name=of]) button")
        self._look("/desk/record")
        self.keys.use("form:has(input[name=kind][value=hold]) button")
        self._look("/desk/record, held")
        self._until(404)

    def undo(self) -> None:
        """The last act."""
        self._go("/desk")
        self.keys.use("section[aria-labelledby=lately] form[action='/desk/undo'] button")
        self._look("/desk, undone")
        self._until(200)

    def sign_out(self) -> None:
        """And nobody comes back by the browser's own way back."""
        self.keys.use("form[action='/desk/sign-out'] button", "**/desk/sign-in")
        self._seen("/desk/sign-in")
        self.page.goto(f"{self.made.address}/desk")
        assert self.page.url.endswith("/desk/sign-in")

    def _go(self, path: str) -> None:
        self.keys.use(f"main a[href='{path}']")
        self._seen(path)

    def _seen(self, path: str) -> None:
        self.page.wait_for_url(f"**{path}*")
        self._look(path)

    def _public(self) -> int:
        """What the directory answers for the record that is held back."""
        try:
            with urllib.request.urlopen(f"{self.made.address}/directory/{self.made.held}", timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def _until(self, status: int) -> None:
        end = time.monotonic() + 20
        while (said := self._public()) != status:
            assert time.monotonic() < end, f"the directory still answers {said}"
            time.sleep(0.2)
