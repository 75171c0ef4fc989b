"""A world of examples/ as it is shown: the demo runs, every hub is followed, and what came is held against the drafts.

`show` runs `examples/demo.py --world NAME`, follows each hub with the program `jisr` while they serve,
and returns what a reader then knows, beside what each node holds itself.
"""

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.federation.partners import Partner, Turn
from examples.federation.worlds import ALL, EXAMPLES, WORLDS, world
from jisr_node.app import Node
from jisr_protocol.reader import open_copy

ROOT = Path(__file__).resolve().parents[2]
Record = dict[str, Any]
TIMES = 60
"""How often a hub is followed, a second apart, until it has told of every node."""

SECONDS = 900
"""After which a demo that says nothing is ended."""


@dataclass
class Sentence:
    """A sentence of the description: what carries it, as {<label>/<type>/<local id>: pointers into it}, and checks."""

    says: str
    records: dict[str, list[str]]
    checks: list[str]


def sentences(name: str) -> list[Sentence]:
    """The table of a world; of ALL, those of the four."""
    names = WORLDS if name == ALL else (name,)
    return [
        Sentence(**row) for each in names for row in json.loads((EXAMPLES / each / "sentences.json").read_text("utf-8"))
    ]


def described(product: str) -> dict[str, list[str]]:
    """The sentences of each world in the design's description, in their order; a semicolon ends one too."""
    section = product.split("## Four worlds", 1)[1].split("\n## ", 1)[0]
    items = [" ".join(item.split()) for item in re.split(r"^\d+\. ", section, flags=re.MULTILINE)[1:]]
    split = [re.split(r"(?<=[.;]) (?=\S)", item.replace("**", "")) for item in items]
    return dict(zip(WORLDS, split, strict=True))


@dataclass
class Shown:
    """What was seen. `public` is the reader's copy, by <label>/<type>/<local id>; `own` what each node holds itself."""

    name: str
    summary: dict[str, Any]
    roots: dict[str, str]
    """The state root of each hub's copy, as the program followed it to exit 0."""
    standings: dict[tuple[str, str], str]
    """Whether a reader of a hub holds all of a node, as the node's own head says, by (hub, node)."""
    public: dict[str, Record]
    anywhere: set[tuple[str, str]]
    """(node, id) of everything that any hub ever published, deleted records too."""
    own: dict[str, Record]
    countries: dict[str, str]
    """The country of each node, by label."""
    hubs: dict[str, str]
    """The label of the hub each node is at home at."""
    first_drafts: dict[str, Record]
    page: str

    def of(self, kind: str) -> Iterator[Record]:
        """The public records of a kind."""
        return (record for name, record in self.public.items() if name.split("/")[1] == kind)

    def refer(self, record: Record, reference: str) -> Record | None:
        """The public record that a reference of this record leads to."""
        node, _, record_id = reference.rpartition("/")
        found = (each for each in self.public.values() if each["id"] == record_id)
        return next((each for each in found if each["node"] == (node or record["node"])), None)


def show(name: str, folder: Path, *, settled: bool) -> Shown:
    """Run a world to its end, with a reader at every hub; `settled`: until each hub has told of every node."""
    copies = folder / "copies"
    copies.mkdir(parents=True)
    summary = _run(name, folder / "world", copies, TIMES if settled else 1)
    shape = world(name)
    own: dict[str, Record] = {}
    for partner in shape.partners:
        own |= _held(folder / "world" / "nodes" / partner.label, partner, shape.later)
    names = {(record["node"], record["id"]): called for called, record in own.items()}
    anywhere: set[tuple[str, str]] = set()
    public: dict[str, Record] = {}
    roots = {}
    standings: dict[tuple[str, str], str] = {}
    for hub in summary["hubs"]:
        with open_copy(copies / f"{hub['label']}.jisr") as copy:
            roots[hub["label"]] = copy.state_root.hex()
            standings |= {(hub["label"], standing.node): standing.verdict for standing in copy.nodes()}
            found = {(record.node, record.id): record.value for record in copy.records()}
            anywhere |= {(change.node, change.id) for change in copy.changes()}
        if hub["label"] == shape.reader:
            public = {names[key]: value for key, value in found.items()}
    portal = folder / "world" / "portal.html"
    return Shown(
        name=name,
        summary=summary,
        roots=roots,
        standings=standings,
        public=public,
        anywhere=anywhere,
        own=own,
        countries={partner.label: partner.country for partner in shape.partners},
        hubs={partner.label: partner.hub for partner in shape.partners},
        first_drafts={name_of(one.label, draft): draft for one in shape.partners for draft in one.drafts},
        page=portal.read_text("utf-8") if portal.exists() else "",
    )


def _held(folder: Path, partner: Partner, turns: list[Turn]) -> dict[str, Record]:
    """What a node holds of what it wrote, by <label>/<type>/<local id>."""
    drafts = [*partner.drafts, *(draft for turn in turns if turn.label == partner.label for draft in turn.drafts)]
    with Node.open(folder) as node:
        held = {record["id"]: record for record in node.records()}
        ids = {
            name_of(partner.label, draft): draft.get("id") or node.store.local_id(*_local(draft))
            for draft in drafts
            if "delete" not in draft
        }
    return {called: held[record_id] for called, record_id in ids.items() if record_id in held}


def _local(draft: Record) -> tuple[str, str]:
    return draft["type"].partition("/")[0], draft["source"]["local_id"]


def name_of(label: str, draft: Record) -> str:
    """<label>/<type>/<local id>, or the record's id where it has no local one."""
    kind = draft["type"].rpartition("/")[0].rpartition(".")[2]
    return f"{label}/{kind}/{draft.get('source', {}).get('local_id') or draft.get('id')}"


def _run(name: str, folder: Path, copies: Path, times: int) -> dict[str, Any]:
    """The demo's summary; while it stays, `jisr follow` brings a copy of every hub, and must end with 0."""
    command = [sys.executable, str(ROOT / "examples" / "demo.py"), "--world", name, "--json", "--dir", str(folder)]
    said = folder.with_name("said.txt")
    with (
        said.open("wb") as out,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=out) as process,
    ):
        try:
            assert process.stdout is not None
            guard = threading.Timer(SECONDS, process.kill)
            guard.start()
            line = process.stdout.readline()
            guard.cancel()
            assert line, f"the demo ended: {said.read_text('utf-8')[-4000:]}"
            summary: dict[str, Any] = json.loads(line)
            for hub in summary["hubs"]:
                _follow(hub, copies / f"{hub['label']}.jisr", times)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            finally:
                process.kill()
    assert process.returncode == 0, said.read_text("utf-8")[-4000:]
    return summary


def _follow(hub: dict[str, Any], into: Path, times: int) -> None:
    """Follow to exit 0, so many times at most, until the hub has said of every node how far it holds it."""
    jisr = str(Path(sys.executable).with_name("jisr"))
    command = [jisr, "follow", hub["feed"], "--into", str(into), "--expect", hub["id"], "--allow-private"]
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{hub['label']}: {done.returncode} {done.stdout}{done.stderr}"
        with open_copy(into) as copy:
            if not {standing.verdict for standing in copy.nodes()} & {"open", "unsaid"}:
                return
        time.sleep(1)
