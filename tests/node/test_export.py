"""The export: a complete feed that verifies, of what is public and nothing else, at every moment of its writing."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jisr_node.adapters import folder as folders
from jisr_node.app import Node
from jisr_node.errors import Declined
from jisr_protocol import capabilities, paths
from jisr_protocol.reader.follow import follow
from jisr_protocol.session import Outcome

from .conftest import NOW, SETTINGS, backup, need, organization, read, seeded, service


def files_in(folder: Path) -> dict[str, bytes]:
    plain = (p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".gz", ".zst"))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in plain}


def everything_in(folder: Path) -> Iterator[bytes]:
    """Every byte that leaves, inflated."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            inflate = {".gz": gzip.decompress, ".zst": zstandard.decompress}.get(path.suffix)
            yield inflate(content) if inflate else content
            yield path.as_posix().encode()


def published(node: Node, *drafts: dict[str, Any]) -> None:
    assert node.import_drafts(drafts).refused == []
    node.publish(now=NOW)


def test_an_export_verifies_with_the_protocols_reader(node: Node, tmp_path: Path) -> None:
    published(node, *(organization(str(i)) for i in range(300)))
    node.export(tmp_path)
    done, judged = read(files_in(tmp_path))
    assert done.outcome is Outcome.VERIFIED, done.reason
    assert len(judged) == 301
    result = asyncio.run(follow(str(tmp_path), tmp_path.with_suffix(".jisr"), now=lambda: NOW))
    assert (result.outcome, result.live) == (Outcome.VERIFIED, 300)


def test_a_later_export_is_followed_from_where_a_reader_stood(node: Node, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jisr"
    for round_ in range(4):
        published(node, *(organization(f"{round_} {i}") for i in range(100)))
        node.export(tmp_path / "feed")
        result = asyncio.run(follow(str(tmp_path / "feed"), copy, now=lambda: NOW))
        assert (result.outcome, result.live) == (Outcome.VERIFIED, 100 * (round_ + 1)), result.sentence


def test_each_file_has_its_two_compressed_forms(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    node.export(tmp_path)
    for path, content in files_in(tmp_path).items():
        assert gzip.decompress((tmp_path / f"{path}.gz").read_bytes()) == content
        assert zstandard.decompress((tmp_path / f"{path}.zst").read_bytes()) == content


def test_an_unchanged_file_is_not_written_again(node: Node, tmp_path: Path) -> None:
    published(node, *(organization(str(i)) for i in range(300)))
    first = node.export(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = node.export(tmp_path)
    assert (again.written, again.unchanged) == (0, first.written)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_lost_compressed_form_comes_back(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    node.export(tmp_path)
    (tmp_path / "head.json.zst").unlink()
    assert node.export(tmp_path).written == 1
    assert (tmp_path / "head.json.zst").is_file()


def test_at_every_moment_of_an_export_a_reader_finds_a_whole_feed(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(node, *(organization(str(i)) for i in range(252)))
    node.export(tmp_path)
    sizes = set()
    rename = os.replace

    def read_after(source: Any, target: Any) -> None:
        rename(source, target)
        done, judged = read(files_in(tmp_path))
        assert done.outcome is Outcome.VERIFIED, f"after {target}: {done.reason}"
        sizes.add(len(judged))

    monkeypatch.setattr(folders.os, "replace", read_after)
    published(node, *(organization(f"more {i}") for i in range(6)))
    node.export(tmp_path)
    assert sizes == {253, 259}


def test_pages_of_the_head_before_stay_one_round(node: Node, tmp_path: Path) -> None:
    heads = []
    for round_ in range(3):
        published(node, organization(str(round_)))
        node.export(tmp_path)
        heads.append((tmp_path / paths.HEAD).read_bytes())
    for head, outcome in zip(heads, [Outcome.BROKEN, Outcome.VERIFIED, Outcome.VERIFIED], strict=True):
        done, _ = read({**files_in(tmp_path), paths.HEAD: head})
        assert done.outcome is outcome
    pages = sorted(path.name for path in (tmp_path / "log").rglob("*.ndjson"))
    assert pages == ["3.ndjson", "4.ndjson"]


def test_nothing_but_feed_files_is_ever_deleted(node: Node, tmp_path: Path) -> None:
    foreign = [tmp_path / name for name in ("index.html", "log/notes.txt", "inv/readme.json", "log/1-x/000.ndjson")]
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    published(node, organization())
    node.export(tmp_path)
    published(node, service())
    node.export(tmp_path)
    assert [path.read_text() for path in foreign] == ["mine"] * len(foreign)


def test_the_feed_of_another_node_is_left_alone(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    node.export(tmp_path)
    before = files_in(tmp_path)
    with Node.in_memory(now=NOW, random_bytes=seeded("other"), **SETTINGS) as other:
        other.publish(now=NOW)
        with pytest.raises(Declined, match="holds the feed of another node"):
            other.export(tmp_path)
    assert files_in(tmp_path) == before


def test_a_newer_feed_is_not_replaced_by_an_older_one(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    kept = backup(node)
    published(node, service())
    node.export(tmp_path)
    before = files_in(tmp_path)
    restored = Node(kept, node.fence, node.identity, folder=None, random_bytes=seeded("restored"))
    with pytest.raises(Declined, match="holds a newer feed of this node"):
        restored.export(tmp_path)
    assert files_in(tmp_path) == before
    kept.close()


def test_before_the_first_publish_there_is_nothing_to_export(node: Node, tmp_path: Path) -> None:
    with pytest.raises(Declined, match="First: jisr-node publish"):
        node.export(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_capability_document_leads_to_feed_and_keys(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    node.export(tmp_path)
    document = capabilities.parse((tmp_path / paths.CAPABILITIES).read_bytes())
    assert (document.id, document.role, document.name) == (node.id, "node", "دار الشباب")
    assert [(offer.name, offer.audience) for offer in document.feeds] == [("public", "public")]
    where = tmp_path / ".well-known"
    assert (where / document.keys).resolve() == (tmp_path / paths.KEYS).resolve()
    assert (where / document.feeds[0].href).resolve() == tmp_path.resolve()


def test_a_renewed_head_is_all_that_changes(node: Node, tmp_path: Path) -> None:
    published(node, organization())
    node.export(tmp_path)
    node.renew(now=NOW + timedelta(days=20))
    assert node.export(tmp_path).written == 1


AUDIENCES = ("public", "partners", "hub", "local")
moves = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(AUDIENCES), st.booleans()), min_size=1, max_size=8)


@given(moves)
def test_no_word_of_partners_hub_or_local_is_in_any_byte_of_an_export(tmp_path_factory: Any, steps: Any) -> None:
    """Canaries: each text names its audience once, and only the public ones may ever be found outside."""
    folder = tmp_path_factory.mktemp("canaries")
    secret = secrets.token_hex(8)
    with Node.in_memory(now=NOW, random_bytes=seeded("canary"), **SETTINGS) as node:
        for number, (which, audience, end) in enumerate(steps):
            word = f"canary {secret} {audience}"
            more = {"purpose": {"ar": {"value": f"سرّ {word} {number}", "origin": "author"}}, "note": word}
            draft = organization(which, name=word, audience=audience, **more)
            assert node.import_drafts([draft]).refused == []
            if end:
                node.publish(now=NOW)
                node.export(folder)
        node.publish(now=NOW)
        node.export(folder)
    outside = b"".join(everything_in(folder))
    found = {audience for audience in AUDIENCES if f"{secret} {audience}".encode() in outside}
    assert found <= {"public"}
    if steps[-1][1] == "public":
        assert found == {"public"}, "the canary itself is alive"


def test_what_is_restricted_leaves_no_id_behind_either(node: Node, tmp_path: Path) -> None:
    published(node, organization(), need(), organization("far", audience="hub"), organization("here", audience="local"))
    node.export(tmp_path)
    hidden = [node.find(which) for which in ("local:need/chairs", "local:organization/far", "local:organization/here")]
    for raw in everything_in(tmp_path):
        assert not [record_id for record_id in hidden if record_id.encode() in raw]
    shown = json.loads((tmp_path / paths.HEAD).read_bytes())["head"]
    assert (shown["live"], shown["name"]) == (1, "public")
