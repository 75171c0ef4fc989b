"""Messages sealed to a node: sent by another, fetched, kept sealed, opened, deleted; by the commands too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node import key_work
from jisr_node.app import Node, messages
from jisr_node.app.node import clock
from jisr_node.errors import Declined, HubRefused, Mistaken
from jisr_node.messages.box import OPENING_DAYS
from jisr_protocol import sealed
from jisr_protocol.limits import MESSAGE_DAYS
from jisr_protocol.reader import sealing
from tests.hub.mailbox_world import CANARY, forms
from tests.node.conftest import NOW, Command
from tests.node.sealed_world import made, served


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Node]:
    with made(tmp_path / "ours") as node:
        yield node


def letter(to: Node, number: int = 1, **changed: Any) -> bytes:
    given: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}", "to": to.id, "sent": NOW, "text": CANARY, "reply": "a phone",
        "sender": {"kind": "person"},
    }  # fmt: skip
    return sealing.seal(sealed.write(**given | changed), to.identity.ring)


def taken(node: Node, raw: bytes, now: Any = NOW) -> str:
    """The rule under which a message is not kept, "" when it is."""
    with node.store.transaction():
        refusal = messages.box_of(node).take(raw, now)
    return refusal.rule if refusal is not None else ""


def in_files(node: Node, *wanted: bytes) -> bool:
    assert node.folder is not None
    files = [file.read_bytes() for file in node.folder.rglob("*") if file.is_file()]
    return any(one in content for one in wanted for content in files)


def test_a_message_goes_from_node_to_node_through_a_hub_that_reads_nothing(tmp_path: Path, ours: Node) -> None:
    with made(tmp_path / "theirs", "Buurthuis") as theirs, served(tmp_path / "hub", ours, theirs) as hub:
        sheet = {"consent": True, "need": "a buddy", "languages": ["ar"], "urgency": "this_week"}
        sent = asyncio.run(
            messages.send(theirs, ours.id, text=CANARY, reply="+31 20 000 0000", referral=sheet, hub=hub)
        )
        done = asyncio.run(messages.fetch(ours, hub))
        assert (done.new, done.refused, done.unopened) == (1, [], 0)
        [found] = messages.box_of(ours).listed(clock())
        assert (found.id, found.value["text"], found.value["referral"]) == (sent, CANARY, sheet)
        assert found.value["sender"] == {"kind": "organization", "name": "Buurthuis", "node": theirs.id}
        again = asyncio.run(messages.fetch(ours, hub))
        assert (again.new, len(messages.box_of(ours).listed(clock()))) == (0, 1), "the hub has let go of it"
        with pytest.raises(HubRefused, match="no keys"):
            asyncio.run(messages.send(theirs, "jisr:" + "q" * 52, text="x", reply="y", hub=hub))
    hub_files = b"".join(file.read_bytes() for file in (tmp_path / "hub").rglob("*") if file.is_file())
    assert not any(form in hub_files for form in forms(CANARY))


def test_what_is_kept_lies_sealed_and_goes_for_good(ours: Node) -> None:
    assert taken(ours, letter(ours)) == ""
    assert taken(ours, letter(ours, 2)) == ""
    assert not in_files(ours, *forms(CANARY))
    [first, second] = messages.box_of(ours).listed(NOW)
    [kept] = [one.sealed for one in ours.store.messages() if one.id == first.id]
    assert in_files(ours, kept[300:360])
    messages.delete(ours, first.id)
    assert not in_files(ours, kept[300:360])
    assert [one.id for one in messages.box_of(ours).listed(NOW)] == [second.id]
    with pytest.raises(Mistaken, match="There is no message"):
        messages.delete(ours, first.id)
    assert taken(ours, letter(ours)) == "SEAL-11", "a deleted message does not come back"


def test_a_message_goes_by_itself_at_its_end(ours: Node) -> None:
    end = NOW + timedelta(days=MESSAGE_DAYS)
    raw = letter(ours)
    assert taken(ours, raw) == ""
    assert len(messages.box_of(ours).listed(end - timedelta(seconds=1))) == 1
    assert messages.box_of(ours).listed(end) == []
    assert messages.expire(ours, end) == 1
    assert not in_files(ours, raw[300:360])
    assert taken(ours, letter(ours), end) == "SEAL-10"


def test_wrong_key_wrong_node_and_one_changed_bit_fail_closed(tmp_path: Path, ours: Node) -> None:
    with made(tmp_path / "theirs") as theirs:
        assert taken(theirs, letter(ours)) == "SEAL-5"
        forwarded = sealing.seal(
            sealed.write(
                id="00000000-0000-4000-8000-000000000001", to=ours.id, sent=NOW, text=CANARY, reply="x",
                sender={"kind": "person"},
            ),
            theirs.identity.ring,
        )  # fmt: skip
        assert taken(theirs, forwarded) == "SEAL-9"
        assert messages.box_of(theirs).listed(NOW) == []
    raw = letter(ours)
    place = raw.rindex(b".") - 40
    bent = raw[:place] + (b"A" if raw[place : place + 1] != b"A" else b"B") + raw[place + 1 :]
    assert taken(ours, bent) == "SEAL-5"
    assert messages.box_of(ours).listed(NOW) == []


def test_after_a_change_of_keys_older_messages_still_open_and_newer_are_sealed_to_the_new_key(ours: Node) -> None:
    before, on_its_way = letter(ours), letter(ours, 2)
    assert taken(ours, before) == ""
    key_work.rotate(ours, now=NOW)
    key_work.rotate(ours, now=NOW)
    assert sealed.parse(letter(ours, 3)).kid == ours.identity.key.opening.kid != sealed.parse(before).kid
    for raw in (on_its_way, letter(ours, 3)):
        assert taken(ours, raw) == ""
    assert {one.value["text"] for one in messages.box_of(ours).listed(NOW)} == {CANARY}
    key_work.rotate(ours, now=NOW + timedelta(days=OPENING_DAYS + 1))
    assert len(ours.store.openings()) == 1, "keys of before go when nothing can be on its way to them"


def test_a_message_that_no_key_opens_is_said_to_be_so(ours: Node) -> None:
    assert taken(ours, letter(ours)) == ""
    key_work.rotate(ours, now=NOW)
    with ours.store.transaction():
        ours.store.replace_openings([])
    [found] = messages.box_of(ours).listed(NOW)
    assert found.value == {}
    with pytest.raises(Declined, match="No key that is kept here"):
        messages.box_of(ours).show(found.id, NOW)


def test_the_commands_fetch_list_show_and_delete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask = Command(tmp_path / "ours", capsys)
    with made(tmp_path / "ours") as ours, served(tmp_path / "hub", ours) as hub:
        to = ("messages", "send", ours.id, "--reply", "a phone", "--hub", hub)
        assert ask(*to, "--text", CANARY)[0] == 0
        assert "consent" in ask(*to, "--text", "x", "--need", "a bed")[2]
        assert ask.json("messages", "fetch", "--hub", hub)["new"] == 1
    [row] = ask.json("messages", "list")
    assert CANARY not in json.dumps(row)
    status, said, _ = ask("messages", "show", row["id"])
    assert status == 0 and CANARY in said and "Answer to: a phone" in said and "nobody has checked" in said
    assert ask("messages", "delete", row["id"])[0] == 0
    status, _, error = ask("messages", "show", row["id"])
    assert status == 64 and "There is no message" in error
