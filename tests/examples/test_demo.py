"""The demo's own promises: bad lines are named, nothing is left running, wrong arguments end in a sentence."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from examples.federation import hubs, narration, nodes, partners
from examples.federation.comparison import differences
from examples.federation.story import Story
from jisr_hub.cli import curating
from jisr_node.app import Node
from tests.hub.kept_hub import KeptHub

ROOT = Path(__file__).resolve().parents[2]
HUBS = [("MA", "MA"), ("NL", "NL")]


def draft(label: str, type_name: str = "organization", **members: Any) -> str:
    return json.dumps({"node": label, "type": f"org.jisr.{type_name}/1", **members})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drafts.jsonl"


# Drafts


def test_each_label_is_a_partner_and_the_hubs_take_turns(file: Path) -> None:
    file.write_text("\n".join(draft(label) for label in "abacb"), encoding="utf-8")
    found, bad = partners.of_a_file(file, HUBS)
    assert [(one.label, one.hub, one.country, one.lines) for one in found] == [
        ("a", "MA", "MA", [1, 3]),
        ("b", "NL", "NL", [2, 5]),
        ("c", "MA", "MA", [4]),
    ]
    assert bad == []


def test_name_country_and_language_are_those_of_the_first_record(file: Path) -> None:
    name = {"ar": {"value": "دار الشباب", "origin": "author"}, "fr": {"value": "Dar", "origin": "human"}}
    area = [{"scheme": "iso3166-2", "code": "JO-AM"}]
    file.write_text(draft("x", lang="ar", name=name, area=area) + "\n" + draft("y", name="Ypsilon"), encoding="utf-8")
    first, second = partners.of_a_file(file, HUBS)[0]
    assert (first.name, first.country, first.lang) == ("دار الشباب", "JO", "ar")
    assert (second.name, second.country, second.lang) == ("Ypsilon", "NL", "en")


def test_a_line_that_cannot_be_used_is_named_and_the_rest_goes_on(file: Path) -> None:
    lines = [draft("a"), "no json", "", "[1]", json.dumps({"type": "x"}), '{"node":"a","node":"b"}', draft("a")]
    file.write_text("\n".join(lines), encoding="utf-8")
    found, bad = partners.of_a_file(file, HUBS)
    assert [one.lines for one in found] == [[1, 7]]
    assert [each.line for each in bad] == [2, 4, 5, 6]
    assert all("expected" in each.sentence for each in bad)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not json\n", b"\xff\xfe\x00"])
def test_a_file_without_a_draft_is_unusable(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(partners.Unusable, match=r"holds no draft"):
        partners.of_a_file(file, HUBS)


def test_what_another_draft_refers_to_is_not_chosen_for_deleting(file: Path) -> None:
    needed = draft("a", "location", source={"local_id": "here"})
    needing = draft("a", "service", source={"local_id": "s"}, at=[{"location": "local:location/here"}])
    file.write_text(f"{needed}\n{needing}", encoding="utf-8")
    (found,), _ = partners.of_a_file(file, HUBS)
    assert [partners.kind(one) for one in partners.unmentioned(found)] == ["service"]


@pytest.mark.parametrize("label", ["../up", "a/b", "", "CON", "nul", "é", "a" * 64, "-x", "com1"])
def test_a_label_from_outside_never_names_a_folder_it_should_not(label: str) -> None:
    assert nodes.folder_name(7, label) == "node-7"


# Words


@pytest.mark.parametrize("bad", ["\x1b[31mred", "a\nb", "a\u202eb", "a\u2066b", "a\x9bb", "bell\x07"])
def test_text_of_others_cannot_steer_the_terminal(bad: str) -> None:
    assert not {sign for sign in narration.plain(bad) if not sign.isprintable()}


def test_text_in_any_script_is_told_as_it_is() -> None:
    for words in ("دار الشباب", "ⵟⴰⵏⵊⴰ", "Çocuklar", "می‌خواهم"):
        assert narration.plain(words) == words


# What differs


def test_the_difference_of_two_feeds_is_told_record_by_record(tmp_path: Path) -> None:
    first = {"id": str(uuid.uuid4()), "type": "org.jisr.organization/1", "name": "Un"}
    with Node.init(tmp_path / "node", name="Un", country="MA", lang="fr") as node:
        node.import_drafts([first])
        node.publish()
        node.export(tmp_path / "before")
        node.import_drafts([{**first, "name": "Autre"}])
        node.publish()
        node.export(tmp_path / "after")
        sides: list[Any] = [
            SimpleNamespace(name=name, label=name, feed=tmp_path / name, id=node.id) for name in ("before", "after")
        ]
        aside = tmp_path / "aside"
        aside.mkdir()
        told = asyncio.run(differences(sides, aside))
        assert told == [f"before lacks {node.id}/{first['id']} rev 2", f"after lacks {node.id}/{first['id']} rev 1"]
        assert asyncio.run(differences(sides[:1], aside)) == []


def test_each_operator_says_what_own_terms_stand_for(tmp_path: Path) -> None:
    kept = KeptHub(tmp_path / "hub")
    hub: Any = SimpleNamespace(label="NL", folder=kept.folder)
    story = Story(tmp_path, [hub], [], "NL", narration.Narrator(stderr=True))
    told = [("two-shores/law", "jisr-focus/legal-help", "close"), ("own/debt", "jisr-focus/debt", "exact")]
    asyncio.run(story.explain(told))
    terms = asyncio.run(curating.listed(kept.folder))["terms"]
    assert {(own, one["to"], one["match"]) for own, one in terms.items()} == set(told)


# The program


def demo(*arguments: str, **more: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, str(ROOT / "examples" / "demo.py"), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, **pipes, **more)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "no-such.jsonl"], "no-such.jsonl cannot be read"),
        (["--dir", "."], "is not empty"),
        (["--port", "70000"], "The port 70000 cannot be used"),
        (["--world", "atlantis"], "argument --world: invalid choice: 'atlantis'"),
        (["--world", "all", "--data", "x.jsonl"], "not allowed with argument --world"),
        (["--whatever"], "unrecognized arguments: --whatever. Nothing was started"),
    ],
)
def test_what_cannot_be_done_ends_with_64_and_a_sentence(arguments: list[str], sentence: str) -> None:
    with demo(*arguments) as process:
        out, said = process.communicate(timeout=120)
    assert (process.returncode, out) == (64, "")
    assert sentence in said
    assert "Traceback" not in said


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"The port {port} cannot be used"):
            hubs.ports(2, port)


def children(process: "subprocess.Popen[str]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def started(process: "subprocess.Popen[str]") -> list[int]:
    """Read on until both hubs serve; the ids of their processes."""
    assert process.stdout is not None
    for line in process.stdout:
        if "follow each other" in line:
            return children(process)
    raise AssertionError(process.stderr.read() if process.stderr else "")


def gone(pids: list[int], seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose temporary folder can be looked into; it must be empty at the end."""
    place = tmp_path / "temporary"
    place.mkdir()
    yield {**os.environ, "TMPDIR": str(place)}
    assert list(place.iterdir()) == [], "the demo left something behind"


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are counted in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_however_it_is_stopped_nothing_is_left(temporary: dict[str, str], how: signal.Signals) -> None:
    with demo("--once", env=temporary) as process:
        hub_processes = started(process)
        assert len(hub_processes) == 2
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("Stopped; nothing is left running.\n")
    assert "Traceback" not in said
    assert gone(hub_processes)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are counted in /proc")
def test_a_hub_that_dies_ends_the_demo_with_a_sentence(temporary: dict[str, str]) -> None:
    with demo(env=temporary) as process:
        hub_processes = started(process)
        os.kill(hub_processes[0], signal.SIGKILL)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "failed      Jisr Maroc ended with status -9" in told
    assert gone(hub_processes)
