"""A node in memory whose time and chance are given, and what it publishes read back as any receiver would."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jisr_node import cli
from jisr_node.adapters.sqlite import SqliteStore
from jisr_node.app import Node
from jisr_protocol import live, state_tree
from jisr_protocol.live import Judged
from jisr_protocol.session import Apply, Done, Event, Fetch, Fetched, Known, Missing, Session, Settle, Settled

NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
INIT = ["--name", "جمعية دار الشباب", "--country", "MA", "--lang", "ar"]
SETTINGS: dict[str, Any] = {"name": "دار الشباب", "country": "MA", "lang": "ar"}


def seeded(seed: str) -> Callable[[int], bytes]:
    """A source of bytes that follows from `seed`."""
    count = itertools.count()
    return lambda size: hashlib.sha256(f"{seed} {next(count)}".encode()).digest()[:size]


def organization(local_id: str = "dar", **members: Any) -> dict[str, Any]:
    return {
        "type": "org.jisr.organization/1", "source": {"local_id": local_id}, "name": "جمعية دار الشباب", **members
    }  # fmt: skip


def service(local_id: str = "lessons", of: str = "dar", **members: Any) -> dict[str, Any]:
    draft = {
        "type": "org.jisr.service/1", "source": {"local_id": local_id}, "name": "دروس مسائية",
        "organization": f"local:organization/{of}",
    }  # fmt: skip
    return {**draft, **members}


def need(local_id: str = "chairs", of: str = "dar", **members: Any) -> dict[str, Any]:
    """A type whose audience is partners unless its author says otherwise."""
    draft = {
        "type": "org.jisr.need/1", "source": {"local_id": local_id}, "name": "كراسي", "kind": "material",
        "review_by": "2026-12-01",
        "organization": f"local:organization/{of}",
    }  # fmt: skip
    return {**draft, **members}


def read(files: dict[str, bytes], *, now: datetime = NOW) -> tuple[Done, list[Judged]]:
    """Read a whole feed as the protocol's own reader does; the files are all there is."""
    session = Session(Known(), now=now)
    judged: list[Judged] = []
    done: list[Done] = []
    waiting: list[Event] = []
    requests = session.begin()
    while True:
        for request in requests:
            if isinstance(request, Fetch):
                content = files.get(request.path)
                waiting.append(Missing(request.path) if content is None else Fetched(request.path, content))
            elif isinstance(request, Apply):
                judged += request.judged
            elif isinstance(request, Settle):
                held = live.fold([each.entry for each in judged])
                tree, _ = state_tree.build((*key, *value) for key, value in held.items())
                waiting.append(Settled(tree.root(), len(held)))
            elif isinstance(request, Done):
                done.append(request)
        if done:
            return done[0], judged
        requests = session.receive(waiting.pop(0))


def backup(node: Node) -> SqliteStore:
    """What a backup of the node's database taken now would hold."""
    copy = SqliteStore()
    assert isinstance(node.store, SqliteStore)
    node.store._db.backup(copy._db)
    return copy


class Command:
    """Runs jisr-node in this process, in one node's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = cli.run([*map(str, arguments), "--dir", str(self.folder)])
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *arguments: str | Path, code: int = 0) -> Any:
        ended, out, _ = self(*arguments, "--json")
        assert ended == code, out
        assert out.count("\n") == 1, "one JSON value on one line"
        return json.loads(out)


def file_of(tmp_path: Path, *drafts: dict[str, Any], name: str = "drafts.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(draft, ensure_ascii=False) for draft in drafts), encoding="utf-8")
    return path


@pytest.fixture
def node() -> Iterator[Node]:
    with Node.in_memory(now=NOW, random_bytes=seeded("node"), **SETTINGS) as made:
        yield made


@pytest.fixture
def folder_node(tmp_path: Path) -> Iterator[Node]:
    with Node.init(tmp_path / "node", now=NOW, random_bytes=seeded("folder"), **SETTINGS) as made:
        yield made


@pytest.fixture
def jisr_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    folder = tmp_path / "node"
    assert cli.run(["init", str(folder), *INIT]) == 0
    return Command(folder, capsys)
