"""The open directory: what a hub holds is found, shown, counted and handed on, whatever database keeps it.

Each test prints its figure. Short by default, whole with `--long`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.e2e.test_directory_browser import launched
from tests.hub.kept_hub import some_author
from tests.javascript import client
from tests.javascript.served_hub import served_hub


def test_a_portal_in_javascript_proves_a_hubs_feed_and_every_bent_one(
    tool: Callable[[str], str], tmp_path: Path, figure: Any, long: bool
) -> None:
    """One file follows a hub's feed in Chromium and in Node, comes to the root that the Python reader comes to, and
    ends as the vectors say on every feed among them."""
    node = tool("node")
    with served_hub(tmp_path / "hub", some_author(records=3000 if long else 30)) as hub:
        feed = f"{hub}/feeds/public/"
        assert follow_once(feed, tmp_path / "copy.jisr", allow_private=True).outcome == 0
        with open_copy(tmp_path / "copy.jisr") as copy:
            root = copy.state_root.hex()
        in_node = client.in_node(node, "followed", feed, folder=tmp_path)
        ends = client.in_node(node, "feeds", client.named(), client.files(), folder=tmp_path)
        with launched() as browser, client.portal(browser) as page:
            in_chromium = client.in_browser(page, "followed", feed)
            same = client.in_browser(page, "feeds", client.named(), client.files())
    figure("state root", root[:16], "records", in_node["live"], "bent feeds", len(ends), "in Node and Chromium")
    assert in_node["stateRoot"] == in_chromium["stateRoot"] == root
    assert client.wrong_ends(ends) == client.wrong_ends(same) == []
