"""The path of a reader, to be struck at any write: follow a feed that has grown, into a copy that was there.

The feed is a node's export in a folder that is not struck. See hub_path for the way such a path is used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jisr_node.app import Node
from jisr_protocol.reader import verification
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.faults.hub_path import draft
from tests.faults.tracing import Ended, Say

ROOT = "reader"
SHOWN = "reader/none"


def prepare(folder: Path) -> None:
    """A feed, a copy of its beginning, and the feed grown since."""
    (folder / ROOT).mkdir(parents=True)
    with Node.init(folder / "node", name="Node", country="MA", lang="ar") as node:
        node.import_drafts([draft(number) for number in range(40)])
        node.publish()
        node.export(folder / "feed")
        assert follow_once(folder / "feed", folder / ROOT / "copy.jisr").outcome is Outcome.VERIFIED
        node.import_drafts([draft(number, description="بيت") for number in range(30, 60)])
        node.delete("local:organization/5")
        node.publish()
        node.export(folder / "feed")


def work(folder: Path, say: Say, _: object = None) -> None:
    """Follow into the copy that stands, then into a new one; each once more after a failure."""
    for name in ("copy.jisr", "new.jisr"):
        say(step=f"follow {name}")
        try:
            result = follow_once(folder / "feed", folder / ROOT / name)
        # the injected fault comes up as any error; which one it was is judged later
        except Exception as error:
            say(failed=name, why=f"{type(error).__name__}: {error}"[:400])
            result = follow_once(folder / "feed", folder / ROOT / name)
            say(mended=name)
        say(verified=name, outcome=result.outcome, sentence=result.sentence)
        assert result.outcome is Outcome.VERIFIED


def after(folder: Path, ended: Ended, _: list[bytes], expected: dict[str, Any]) -> list[str]:
    """What was told as verified is there whole; the copy verifies, goes on, and holds what the feed holds."""
    found: list[str] = []
    for name in ("copy.jisr", "new.jisr"):
        copy = folder / ROOT / name
        told = any(said.get("verified") == name for said in ended.said)
        if told:
            with open_copy(copy) as held:
                if [record.rev for record in held.records()] != expected.get("revs", []) and expected:
                    found.append(f"{name} was told as verified and does not hold it")
        result = follow_once(folder / "feed", copy)
        if result.outcome is not Outcome.VERIFIED:
            found.append(f"{name} does not go on: {result.sentence}")
            continue
        if told and result.changed:
            found.append(f"{name} was told as verified, and following again brought more")
        verdict = verification.copy(copy)
        if verdict.outcome is not Outcome.VERIFIED:
            found.append(verdict.sentence)
        with open_copy(copy) as held:
            if expected and [record.rev for record in held.records()] != expected["revs"]:
                found.append(f"{name} holds another set than the feed")
    return found


def outcome(folder: Path) -> dict[str, Any]:
    """What a run without any fault comes to."""
    with open_copy(folder / ROOT / "copy.jisr") as held:
        return {"revs": [record.rev for record in held.records()]}
