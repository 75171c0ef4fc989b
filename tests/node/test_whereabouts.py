"""Where our records are shown, and what others say of them there, as a public feed tells it."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from jisr_node import cli, whereabouts
from jisr_node.app import Node
from jisr_node.whereabouts import ABSENT, CURRENT, HELD, OLDER
from jisr_protocol import entry, envelope, keys, notice
from jisr_protocol.keys import SigningKey

from .conftest import NOW, SETTINGS, organization, seeded, service
from .fake_hub import FakeHub

CURATOR = SigningKey(b"c" * 32)
SALT = "AAAAAAAAAAAAAAAAAAAAAA"
STATEMENT = keys.first_statement(CURATOR, [], role="hub", created="2026-01-01T00:00:00Z", salt=SALT)
HUB = keys.fold([envelope.sealed("key", STATEMENT, CURATOR)]).id
WORD = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world():
    hub = FakeHub()
    node = Node.in_memory(now=NOW, random_bytes=seeded("where"), hub=hub.address, **SETTINGS)
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    asyncio.run(node.push(hub, now=NOW))
    yield node, hub
    node.close()


def add(hub, op, kind, value, target=None):
    raw = entry.write(
        op, envelope.sealed(kind, value, CURATOR), seq=len(hub.shown), at="2026-09-10T00:00:00Z", target=target
    )
    hub.shown.append(raw)


def assertion(node, record_id, predicate="corrects", **more):
    return {
        "type": "org.jisr.assertion/1", "id": WORD, "node": HUB, "rev": 1, "status": "active", "lang": "en",
        "created": "2026-09-10T00:00:00Z", "modified": "2026-09-10T00:00:00Z", "audience": "public",
        "licence": "CC-BY-4.0", "salt": SALT, "predicate": predicate, "subjects": [f"{node.id}/{record_id}"],
        "reason": {"en": {"value": "moved", "origin": "author"}}, "pointer": "/addresses", **more,
    }  # fmt: skip


def look(node, hub):
    asyncio.run(node.look(hub, now=NOW))
    return {record.id: whereabouts.rows(node.store, record.id)[0] for record in node.store.records()}


def test_what_is_shown_as_it_is_and_what_is_older(world):
    node, hub = world
    dar, lessons = [record.id for record in node.store.records()]
    assert {row["state"] for row in look(node, hub).values()} == {CURRENT}
    node.end(dar)
    node.publish(now=NOW)
    rows = look(node, hub)
    assert (rows[dar]["state"], rows[dar]["rev"], rows[dar]["ours"]) == (OLDER, 1, 2)
    assert rows[lessons]["state"] == CURRENT


def test_what_is_not_there_and_what_is_held(world):
    node, hub = world
    dar, lessons = [record.id for record in node.store.records()]
    lines = [entry.parse(line) for line in hub.shown]
    hub.shown = [entry.write_stub(e, "held") if e.id == dar else e.raw for e in lines if e.id != lessons]
    rows = look(node, hub)
    assert (rows[dar]["state"], rows[lessons]["state"]) == (HELD, ABSENT)


def test_what_a_hub_says_of_a_record_comes_back_until_it_is_taken_back(world):
    node, hub = world
    dar, lessons = [record.id for record in node.store.records()]
    add(hub, "put", "record", assertion(node, dar))
    rows = look(node, hub)
    (said,) = rows[dar]["said"]
    assert (said["what"], said["by"], said["reason"], said["pointer"]) == ("corrects", HUB, "moved", "/addresses")
    assert rows[lessons]["said"] == []
    gone = {
        "audience": "public",
        "id": WORD,
        "modified": "2026-09-11T00:00:00Z",
        "node": HUB,
        "of": "org.jisr.assertion/1",
        "rev": 2,
        "salt": SALT,
    }
    add(hub, "del", "tombstone", gone)
    assert look(node, hub)[dar]["said"] == []


def test_a_hold_has_its_author_until_it_is_lifted(world):
    node, hub = world
    dar = node.store.records()[0].id
    for number, action in enumerate(("hold", "unhold"), 1):
        said = notice.write(
            CURATOR, id=WORD[:-1] + str(number), action=action, by=HUB, node=node.id, ids=(dar,), max_rev=9, n=number,
            issued="2026-09-10T00:00:00Z", basis="complaint", expires="2026-09-20T00:00:00Z" if number == 1 else None,
        )  # fmt: skip
        hub.shown.append(entry.write(action, said.envelope, seq=len(hub.shown), at="2026-09-10T00:00:00Z", target=dar))
        words = [(each["what"], each["by"]) for each in look(node, hub)[dar]["said"]]
        assert words == ([("hold", HUB)] if action == "hold" else [])


def test_lines_that_nobody_can_read_are_passed_over(world):
    node, hub = world
    hub.shown[:0] = [b"", b"{}", b"\xff", b"[" * 9000, orjson.dumps({"op": "put", "node": node.id})]
    assert {row["state"] for row in look(node, hub).values()} == {CURRENT}


def test_the_words_of_others_are_one_line(world):
    node, hub = world
    dar = node.store.records()[0].id
    add(
        hub,
        "put",
        "record",
        assertion(node, dar, reason={"en": {"value": "a\n\nb " + "x" * 999, "origin": "author"}}),
    )
    reason = look(node, hub)[dar]["said"][0]["reason"]
    assert len(reason) <= 300 and reason.startswith("a b x")


def test_the_command_tells_where_each_record_is(tmp_path, capsys):
    folder = tmp_path / "ours"
    hub = FakeHub()
    with Node.init(folder, now=NOW, random_bytes=seeded("cli"), **SETTINGS) as node:
        node.import_drafts([organization()])
        node.publish(now=NOW)
        asyncio.run(node.push(hub, now=NOW))
        asyncio.run(node.look(hub, now=NOW))
    assert cli.run(["where", "--dir", str(folder)]) == 0
    said = capsys.readouterr().out
    assert (
        f"{hub.address}: accepted, rev 1" in said
        and f"{hub.address}, looked at 1 September 2026: shows it as it is" in said
    )
    assert cli.run(["where", "--forget", hub.address, "--json", "--dir", str(folder)]) == 0
    assert orjson.loads(capsys.readouterr().out)[0]["places"] == []
    assert cli.run(["where", "--look", "--dir", str(folder)]) == 64
