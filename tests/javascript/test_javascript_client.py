"""The client in JavaScript ends as the vectors say, in Node and in a browser, and holds what the other reader holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.e2e.test_directory_browser import launched
from tests.hub.kept_hub import some_author
from tests.javascript import client
from tests.javascript.served_hub import served_hub

LINES, COLUMNS = 1_700, 120


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The feed of a real hub."""
    with served_hub(tmp_path_factory.mktemp("hub"), some_author(records=300)) as address:
        yield f"{address}/feeds/public/"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with launched() as browser, client.portal(browser) as page:
        yield page


def test_every_feed_of_the_vectors_ends_in_node_as_it_should(
    tool: Callable[[str], str], tmp_path: Path, figure: Any
) -> None:
    ends = client.in_node(tool("node"), "feeds", client.named(), client.files(), folder=tmp_path)
    figure("feeds of the vectors in Node", len(ends))
    assert client.wrong_ends(ends) == []


def test_every_vector_that_concerns_a_reader_is_met_in_node(
    tool: Callable[[str], str], tmp_path: Path, figure: Any
) -> None:
    made = client.in_node(tool("node"), "cases", client.asked(), folder=tmp_path)
    figure("vectors in Node", len(made))
    assert client.wrong_cases(made) == []
    assert len(made) > 700


def test_the_same_in_a_real_browser(page: Page, figure: Any) -> None:
    assert client.wrong_ends(client.in_browser(page, "feeds", client.named(), client.files())) == []
    assert client.wrong_cases(client.in_browser(page, "cases", client.asked())) == []
    figure("in Chromium", f"{len(client.FEEDS)} feeds, {len(client.CASES)} vectors")


def test_a_hubs_feed_comes_to_what_the_python_reader_holds(
    tool: Callable[[str], str], hub: str, page: Page, tmp_path: Path, figure: Any
) -> None:
    """From another origin too: the public feed is open to scripts of any page."""
    copy = tmp_path / "copy.jisr"
    with ThreadPoolExecutor(1) as aside:
        assert aside.submit(lambda: follow_once(hub, copy, allow_private=True)).result().outcome == 0
    with open_copy(copy) as held:
        root, live = held.state_root.hex(), held.live()
        records = sorted([one.node, one.id, one.rev, one.digest] for one in held.records())
    in_node = client.in_node(tool("node"), "followed", hub, folder=tmp_path)
    in_browser = client.in_browser(page, "followed", hub)
    for came in (in_node, in_browser):
        assert (came["outcome"], came["stateRoot"], came["live"]) == (0, root, live), came["sentence"]
        assert came["records"] == records
        assert came["again"] == [0, False, 1], "nothing new costs one request"
    in_browser = client.in_browser(page, "kept", hub)
    assert in_browser == [0, True, 0, False, root, live], "the copy stands in the browser's own database"
    figure("state root, live", root[:16], live)


def test_a_rule_that_is_named_in_the_client_stands_in_the_specification() -> None:
    told = "".join(file.read_text("utf-8") for file in (client.ROOT / "docs/spec").glob("*.md"))
    named = set(re.findall(r"\b[A-Z]{2,4}-\d+\b", client.CLIENT.read_text("utf-8"))) - {"UTF-8", "SHA-256"}
    assert {rule for rule in named if f"**{rule}**" not in told} == set()
    assert len(named) > 70


def test_the_client_is_one_file_without_dependencies() -> None:
    text = client.CLIENT.read_text("utf-8")
    assert "require(" not in text
    assert [line for line in text.splitlines() if line.startswith("import ")] == []
    assert max(map(len, text.splitlines())) <= COLUMNS
    assert text.count("\n") < LINES
