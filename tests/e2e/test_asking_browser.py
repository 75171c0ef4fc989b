"""Quality, terms, campaigns and pages of letters in a real browser: axe silent, nothing wider than a phone, and a
record confirmed from a letter without a script and by the keyboard alone."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser
from starlette.applications import Starlette

from jisr_hub.desk.roles import Role
from jisr_hub.web import desk, letters
from jisr_hub.web.desk.asking import Work
from jisr_hub.web.page import static_routes
from tests.desk.acting import acting_world
from tests.e2e.test_desk_browser import sign_in
from tests.e2e.test_directory_browser import DESK, PHONE, browser, opened, violations
from tests.hub.desk_world import DeskWorld
from tests.hub.test_asking import AskingWorld, SqlOpen

pytestmark = pytest.mark.browser
__all__ = ["browser"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a desk where something was asked, and paths that only it knows: node, still, stop."""
    place, found = tmp_path_factory.mktemp("asking") / "hub.sqlite", dict[str, str]()
    app = Starlette(routes=static_routes())
    app.router.lifespan_context = lambda app: _served(app, place, found)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < until, "the server did not start within 60 seconds"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", found
    server.should_exit = True
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop within 20 seconds"


@contextlib.asynccontextmanager
async def _served(app: Starlette, place: Path, found: dict[str, str]) -> AsyncIterator[None]:
    async with acting_world(place) as acting:
        world, author = AskingWorld(acting), acting.author
        label = {"fr": {"value": "Santé", "origin": "author"}}
        author.put("clinic", terms=[{"scheme": "ours", "code": "sante", "role": "focus", "label": label}])
        author.put(
            "one", websites=["no address"], contact_points=[{"role": "general", "email": "f.alaoui@example.org"}]
        )
        await acting.hub.push(author)
        acting.hub.clock.now = acting.hub.clock.now.replace(year=2028)
        await world.agreed("ar@dar.example", lang="ar")
        await world.agreed()
        await world.ask()
        links = await world.links()
        found |= {"node": world.node, "still": links[0], "gone": links[1]}
        found["stop"] = str(world.post.taken[0]["List-Unsubscribe"]).strip("<>").removeprefix("https://hub.example")
        await world.campaigns.answer(
            (await world.campaigns.all())[0].id, await _key(world), "changed", "we moved", "2028-01-02T00:00:00Z"
        )
        door = DeskWorld(acting.hub.ledger)
        await door.add("desk-one", Role.OPERATOR)
        work = Work(acting.acts, world.asking, world.records, acting.hub.curation.mappings, acting.hub.clock)
        parts = desk.Parts(door.door, SqlOpen(acting.hub.ledger), "http://127.0.0.1", "en", asking=work)

        async def assure(key: tuple[str, str]) -> None:
            await acting.hub.saying.say("assured", [key], method="mail")

        answers = letters.Answers(world.box, world.campaigns, world.records.one, assure, acting.hub.clock)
        app.router.routes.extend([*desk.routes(parts), *letters.routes(answers, "en")])
        yield


async def _key(world: AskingWorld) -> tuple[str, str]:
    asked = await world.campaigns.asked((await world.campaigns.all())[0].id)
    return asked[-1].node, asked[-1].id


@pytest.mark.parametrize(("code", "viewport"), [("ar", PHONE), ("en", DESK)], ids=["ar-phone", "en-desk"])
def test_axe_finds_nothing_where_a_hub_asks(
    browser: Browser, served: tuple[str, dict[str, str]], code: str, viewport: dict[str, int]
) -> None:
    home, found = served
    with opened(browser, viewport=viewport) as page:
        sign_in(page, home, code)
        for path in (
            *(
                "/desk/quality",
                "/desk/quality?all=1",
                f"/desk/quality?node={found['node']}",
                "/desk/terms",
                "/desk/campaigns",
            ),
            *("/desk/campaigns/preview?name=A&node=&type=&months=1", "/desk/letters", found["gone"], found["stop"]),
            "/letters/still/none",
        ):
            page.goto(home + path)
            assert page.locator("html").get_attribute("dir") == ("rtl" if code == "ar" else "ltr")
            assert violations(page) == "", path
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], path


def test_a_record_is_confirmed_from_a_letter_by_the_keyboard_without_a_script(
    browser: Browser, served: tuple[str, dict[str, str]]
) -> None:
    home, found = served
    with opened(browser, java_script_enabled=False) as page:
        page.goto(f"{home}{found['still']}?lang=nl")
        assert "Klopt dit nog?" in page.locator("h1").inner_text()
        page.locator("#note").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=status]")
        assert "vandaag is bevestigd" in page.locator("[role=status]").inner_text()
