"""A node without any server: its feed in a folder or a bucket, head last, and a reader that verifies it there."""

from __future__ import annotations

import os
import subprocess
import sys

import orjson
import pytest

from jisr_node import cli
from jisr_node.adapters import bucket as buckets
from jisr_node.adapters.bucket import Bucket
from jisr_node.app import Node
from jisr_node.errors import Declined, HubUnreachable
from jisr_protocol import head, paths
from tests.hub.bucket import CREDENTIALS, store

from .conftest import NOW, SETTINGS, organization, seeded, service


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with store() as made:
            yield made


@pytest.fixture
def place(server, request):
    return Bucket(f"s3://jisr/{request.node.name}", endpoint=server.endpoint)


@pytest.fixture
def node():
    with Node.in_memory(now=NOW, random_bytes=seeded("bucket"), **SETTINGS) as node:
        node.import_drafts([organization(), service()])
        node.publish(now=NOW)
        yield node


def change(node, *names):
    for name in names:
        node.import_drafts([organization(name, name=f"جمعية {name}")])
        node.publish(now=NOW)


def test_a_reader_follows_what_the_command_put_into_a_bucket(server, tmp_path, capsys):
    ours = tmp_path / "ours"
    with Node.init(ours, random_bytes=seeded("command"), **SETTINGS) as node:
        node.import_drafts([organization(), service()])
    command = ["publish", "--to", "s3://jisr/followed", "--endpoint", server.endpoint, "--json", "--dir", str(ours)]
    assert cli.run(command) == 0
    assert orjson.loads(capsys.readouterr().out)["written"] > 4
    address = f"{server.endpoint}/jisr/followed/"
    line = [sys.executable, "-m", "jisr_protocol.reader.cli", "follow", address, "--into", str(tmp_path / "copy")]
    followed = subprocess.run([*line, "--allow-private"], capture_output=True, text=True, check=False, env=os.environ)
    assert followed.returncode == 0, followed.stderr
    assert cli.run(command) == 0
    assert orjson.loads(capsys.readouterr().out)["written"] == 3  # what may change: keys, capabilities, head


def test_the_head_is_put_last(node, place, monkeypatch):
    order = []
    put = Bucket.put
    monkeypatch.setattr(Bucket, "put", lambda self, path, content: (order.append(path), put(self, path, content)))
    node.export_to_bucket(place)
    assert order[-1] == paths.HEAD and set(order[:-3]).isdisjoint({paths.KEYS, paths.CAPABILITIES, paths.HEAD})


def test_what_dies_before_the_head_leaves_the_old_feed_whole(node, place, monkeypatch):
    node.export_to_bucket(place)
    old = place.get(paths.HEAD)
    change(node, "two")
    put = Bucket.put

    def dying(self, path, content):
        if path == paths.HEAD:
            raise HubUnreachable("the line broke")
        put(self, path, content)

    monkeypatch.setattr(Bucket, "put", dying)
    with pytest.raises(HubUnreachable):
        node.export_to_bucket(place)
    assert place.get(paths.HEAD) == old
    assert promised(old) <= place.names()
    monkeypatch.undo()
    node.export_to_bucket(place)
    assert place.head().size == node.store.feed("public").size


def promised(raw):
    signed = head.parse(raw)
    return {paths.page(signed.epoch, number, width) for number, width, _ in paths.pages(signed.epoch, 0, signed.size)}


def test_what_was_erased_goes_at_once_and_other_files_are_left(node, place):
    node.export_to_bucket(place)
    place.put("log/hello.txt", b"somebody else's")
    before = {name for name in place.names() if name.startswith("log/") and name.endswith(".ndjson")}
    node.erase(None, now=NOW)
    node.export_to_bucket(place)
    names = place.names()
    assert not before & names and "log/hello.txt" in names


def test_old_files_of_the_state_tree_go_two_rounds_later(node, place):
    node.export_to_bucket(place)
    tree = {name for name in place.names() if name.startswith("inv/")}
    change(node, "two")
    node.export_to_bucket(place)
    assert tree <= place.names()
    change(node, "three")
    node.export_to_bucket(place)
    assert not {name for name in tree if name not in dict(node.files())} & place.names()


def test_a_bucket_with_a_newer_feed_or_anothers_is_left_as_it_is(node, place):
    change(node, "two")
    node.export_to_bucket(place)
    shown = place.get(paths.HEAD)
    with Node.in_memory(now=NOW, random_bytes=seeded("other"), **SETTINGS) as other:
        other.import_drafts([organization()])
        other.publish(now=NOW)
        with pytest.raises(Declined, match="another node"):
            other.export_to_bucket(place)
    assert place.get(paths.HEAD) == shown


def test_a_store_that_does_not_answer_is_told_in_a_sentence(node, server, monkeypatch):
    monkeypatch.setattr(buckets, "RETRY_SECONDS", 1)
    for nowhere in (
        Bucket("s3://nobody", endpoint=server.endpoint),
        Bucket("s3://jisr", endpoint="http://127.0.0.1:9"),
    ):
        with pytest.raises(HubUnreachable, match="nothing is lost"):
            node.export_to_bucket(nowhere)


def test_a_folder_works_as_well_and_what_is_neither_is_refused(tmp_path, capsys):
    ours, web = tmp_path / "ours", tmp_path / "web"
    with Node.init(ours, random_bytes=seeded("folder"), **SETTINGS) as node:
        node.import_drafts([organization()])
    assert cli.run(["publish", "--to", str(web), "--dir", str(ours)]) == 0
    assert "Only public records are in it" in capsys.readouterr().out and (web / paths.HEAD).is_file()
    assert cli.run(["publish", "--to", "ftp://x", "--dir", str(ours)]) == 64
