"""Evidence that a reader keeps convinces somebody else: another process, another folder, nothing but the file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_protocol import evidence
from jisr_protocol.merkle import Frontier, Tree, consistency_from
from jisr_protocol.refusal import Refusal
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.node_heads import live_of, say
from tests.reader.publisher import FeedFolder, Writer, seeded

ROOT = Path(__file__).resolve().parents[2]


def verified_elsewhere(file: Path, place: Path) -> tuple[int, str]:
    """Exit status and verdict of `jisr verify` in a folder of its own that holds nothing but a copy of the file."""
    place.mkdir()
    shutil.copy(file, place / "case.json")
    command = [sys.executable, "-I", "-c", _VERIFY, str(ROOT / "protocol"), "verify", "case.json"]
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr


_VERIFY = "import sys; sys.path.insert(0, sys.argv.pop(1)); from jisr_protocol.reader.cli import main; main()"


def test_a_rollback_convinces_another_machine(feed: FeedFolder, reader: Reader, tmp_path: Path) -> None:
    feed.puts(300)
    feed.publish()
    reader.verified()
    feed.bend.shortened_log(200)
    result = reader.follow()
    assert result.evidence is not None
    status, said = verified_elsewhere(result.evidence, tmp_path / "elsewhere")
    assert status == 0
    assert f"{feed.writer.id} took back of its feed public what it had signed: 301 entries" in said


@pytest.mark.parametrize("held", [1, 2, 7, 256, 300])
def test_a_longer_log_with_another_past_convinces_another_machine(
    held: int, feed: FeedFolder, reader: Reader, tmp_path: Path
) -> None:
    feed.puts(held)
    feed.publish()
    reader.verified()
    feed.puts(20)
    feed.bend.rewritten(held, lambda f: f.put())
    result = reader.follow()
    assert (result.outcome, result.evidence is not None) == (Outcome.CONTRADICTED, True)
    assert result.evidence is not None
    case = evidence.parse(result.evidence.read_bytes())
    assert case.prefix is not None and len(case.prefix.proofs[1]) < 12
    status, said = verified_elsewhere(result.evidence, tmp_path / "elsewhere")
    assert (status, f"two logs that differ within their first {held + 1} entries" in said) == (0, True)


def test_two_contents_of_one_rev_convince_another_machine(feed: FeedFolder, reader: Reader, tmp_path: Path) -> None:
    first = feed.put()
    feed.put(feed.writer.record(id=first.value["id"], note="the other"))
    feed.publish()
    reader.verified()
    [file] = reader.file.with_name(reader.file.name + ".evidence").iterdir()
    status, said = verified_elsewhere(file, tmp_path / "elsewhere")
    assert (status, f"signed two contents of its record {first.value['id']} as rev 1" in said) == (0, True)


def test_what_was_tampered_with_proves_nothing(feed: FeedFolder, reader: Reader, tmp_path: Path) -> None:
    feed.puts(30)
    feed.publish()
    reader.verified()
    feed.bend.shortened_log(20)
    result = reader.follow()
    assert result.evidence is not None
    whole = result.evidence.read_bytes()
    for number, bent in enumerate((whole.replace(b'"size":20', b'"size":19', 1), whole[:-2], b'{"evidence":{}}\n')):
        file = tmp_path / f"{number}.json"
        file.write_bytes(bent)
        status, said = verified_elsewhere(file, tmp_path / f"elsewhere {number}")
        assert (status, "proves nothing" in said) == (21, True), said


def test_a_node_that_does_not_add_up_convinces_another_machine_of_what_is_shown(
    hub: FeedFolder, hub_reader: Reader, tmp_path: Path
) -> None:
    node = hub.welcome(Writer("node"))
    for _ in range(3):
        hub.put(by=node)
    left_out = node.record()
    say(hub, node, {}, size=4, held=live_of(hub, node) | {left_out.value["id"]: (1, left_out.digest)})
    hub.publish()
    hub_reader.verified()
    [file] = hub_reader.file.with_name(hub_reader.file.name + ".evidence").iterdir()
    status, said = verified_elsewhere(file, tmp_path / "elsewhere")
    assert (status, f"{node.id} signed at" in said, "NOT proven: that the list is all" in said) == (0, True, True), said
    bent = tmp_path / "bent.json"
    bent.write_bytes(file.read_bytes().replace(b'"live":4', b'"live":3', 1))
    status, said = verified_elsewhere(bent, tmp_path / "elsewhere 2")
    assert (status, "proves nothing" in said) == (21, True), said


@settings(max_examples=300)
@given(data=st.data())
def test_no_file_makes_judging_do_anything_but_answer(data: st.DataObject) -> None:
    whole = _case()
    at = data.draw(st.integers(0, len(whole)))
    piece = data.draw(
        st.one_of(st.binary(max_size=8), st.sampled_from([b"[" * 5000, b'"', b"\\u0000", b"{}", b"null"]))
    )
    cut = data.draw(st.integers(0, 12))
    raw = whole[:at] + piece + whole[at + cut :]
    try:
        evidence.judge(evidence.parse(raw))
    except Refusal:
        return
    assert raw == whole


def _case() -> bytes:
    import json

    file = ROOT / "protocol" / "vectors" / "evidence.json"
    [case] = [c for c in json.loads(file.read_text("utf-8"))["cases"] if c["id"] == "evidence-001"]
    return bytes.fromhex(case["input"]["bytes"]["hex"])


@given(new=st.integers(0, 90), share=st.floats(0, 1))
def test_a_proof_from_a_frontier_is_the_one_from_the_whole_tree(new: int, share: float) -> None:
    old = int(new * share)
    leaves = [seeded(n) for n in range(new)]
    began = Frontier()
    for leaf in leaves[:old]:
        began.append(leaf)
    assert consistency_from(began, leaves[old:]) == Tree(leaves).consistency(old, new)
