"""Still correct: what ages, a new rev that differs in `assured` alone, and links that do this and nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_node import cli
from jisr_node.app import Node
from jisr_node.confirming.ageing import ageing, confirm_by
from jisr_node.confirming.assuring import as_they_stand
from jisr_node.editing.translating import digest, translations
from jisr_node.errors import Declined, Mistaken
from jisr_node.outbox import content_with
from jisr_node.ports import Change
from jisr_node.whereabouts import Said, Sighting, keep, sightings

from .conftest import NOW, SETTINGS, organization, read, seeded, service
from .fake_hub import FakeHub

LATER = NOW + timedelta(days=170)


@pytest.fixture
def node():
    node = Node.in_memory(now=NOW, random_bytes=seeded("assuring"), **SETTINGS)
    node.import_drafts([organization(), service()])
    node.publish(now=NOW)
    yield node
    node.close()


def content(node, record_id):
    return json.loads(node.store.record(record_id).content)


def ids_of(node):
    return [row["id"] for row in node.overview()]


def test_a_record_is_named_a_month_before_it_ages_and_no_earlier(node):
    assuring = node.assuring()
    assert assuring.ageing(NOW + timedelta(days=150)) == []
    soon = assuring.ageing(NOW + timedelta(days=155))
    assert [(one.id, one.over) for one in soon] == [(one, False) for one in sorted(ids_of(node))]
    assert all(one.over for one in assuring.ageing(NOW + timedelta(days=190)))


@pytest.mark.parametrize(
    ("record", "by"),
    [
        ({"modified": "2026-09-01T00:00:00Z"}, "2027-03-03"),
        ({"modified": "2026-09-01T00:00:00Z", "assured": {"at": "2026-10-01"}}, "2027-04-02"),
        ({"modified": "2026-09-01T00:00:00Z", "review_by": "2026-12-01"}, "2026-12-01"),
        ({"modified": "2026-11-15T00:00:00Z", "review_by": "2026-12-01"}, "2027-05-17"),
        ({"modified": "2026-09-01T00:00:00Z", "type": "org.jisr.news/1"}, None),
        ({"modified": "2026-09-01T00:00:00Z", "status": "ended"}, None),
    ],
)
def test_when_a_record_should_be_confirmed(record, by):
    assert confirm_by({"type": "org.jisr.service/1", "status": "active", **record}) == by


def test_confirming_takes_it_off_the_list_and_readers_get_it(node):
    node.assuring().say(as_they_stand(ids_of(node)), LATER)
    assert node.assuring().ageing(LATER + timedelta(days=1)) == []
    _, judged = read(dict(node.files()), now=LATER)
    assert len(judged) >= 4
    assert all(
        content(node, one)["assured"] == {"at": LATER.date().isoformat(), "by": node.id, "method": "self"}
        for one in ids_of(node)
    )


def test_twice_on_a_day_is_once(node):
    node.assuring().say(as_they_stand(ids_of(node)), LATER)
    revs = {record.id: record.rev for record in node.store.records()}
    node.assuring().say(as_they_stand(ids_of(node)), LATER)
    assert {record.id: record.rev for record in node.store.records()} == revs


words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=20).map(
    lambda text: text.strip() or "x"
)
texts = st.dictionaries(
    st.sampled_from(["fr", "nl", "tr"]),
    st.builds(lambda value, origin: {"value": value, "origin": origin}, words, st.sampled_from(["human", "machine"])),
)


@settings(max_examples=12, deadline=None)
@given(name=texts, description=texts, status=st.sampled_from(["active", "paused", "planned"]), days=st.integers(0, 900))
def test_only_assured_changes_and_no_translation_changes_its_state(name, description, status, days):
    with Node.in_memory(now=NOW, random_bytes=seeded("only"), **SETTINGS) as node:
        mine = {"ar": {"value": "دار", "origin": "author"}}
        draft = organization(name={**name, **mine}, description={**description, **mine}, status=status)
        node.import_drafts([draft])
        node.publish(now=NOW)
        (record_id,) = ids_of(node)
        before, now = content(node, record_id), NOW + timedelta(days=days)
        written = {"name": {"fr": digest("دار"), "nl": digest("قديم")}}
        states = [translations(before, "name", ["fr", "nl", "da"], written)]
        node.assuring().say({record_id: 1}, now)
        after = content(node, record_id)
        assert {**after, "assured": None} == {**before, "assured": None} and after["assured"]["method"] == "self"
        assert [translations(after, "name", ["fr", "nl", "da"], written)] == states
        stored = node.store.record(record_id)
        assert (stored.rev, stored.feed) == (2, "public")


def test_what_waits_to_be_published_keeps_waiting_and_is_confirmed_with_it(node):
    dar, lessons = ids_of(node)
    node.store.put_change(
        Change(dar, "org.jisr.organization/1", content_with(node.store.record(dar).content, acronym="DC"))
    )
    node.assuring().say(as_they_stand([dar, lessons]), LATER)
    assert "acronym" not in content(node, dar)
    waiting = json.loads(node.store.change(dar).content)
    assert waiting["acronym"] == "DC" and waiting["assured"] == content(node, dar)["assured"]


def test_what_changed_since_it_was_shown_is_not_confirmed_and_nothing_else_is(node):
    dar, lessons = ids_of(node)
    with pytest.raises(Declined, match="changed since it was shown"):
        node.assuring().say({lessons: 1, dar: 7}, LATER)
    assert "assured" not in content(node, lessons)


def test_what_is_not_there_or_going_is_not_confirmed(node):
    dar, lessons = ids_of(node)
    with pytest.raises(Mistaken, match="not published"):
        node.assuring().say({"00000000-0000-4000-8000-000000000000": None}, LATER)
    node.delete(dar)
    with pytest.raises(Declined, match="to be deleted"):
        node.assuring().say(as_they_stand([lessons, dar]), LATER)
    assert "assured" not in content(node, lessons)


def test_a_table_that_says_nothing_of_checks_takes_no_confirmation_away(node):
    node.assuring().say(as_they_stand(ids_of(node)), LATER)
    taken = node.import_drafts([organization(), service()])
    assert (taken.changed, taken.unchanged) == (0, 2) and not node.store.changes()


def test_a_link_holds_for_its_days_at_its_own_node_and_in_its_own_form(node):
    assuring = node.assuring()
    link = assuring.link(NOW)
    assert assuring.may(link, NOW) and assuring.may(link, NOW + timedelta(days=13, hours=23))
    assert not assuring.may(link, NOW + timedelta(days=14))
    second, _, rest = link.partition("-")
    forged = [f"{int(second) + 86400}-{rest}", f"{second}-{rest[:-1]}", "", "-", rest, f"{link} ", "9" * 400]
    assert not any(assuring.may(each, NOW) for each in forged)
    with Node.in_memory(now=NOW, random_bytes=seeded("another"), **SETTINGS) as other:
        assert not other.assuring().may(link, NOW)


def test_a_link_shows_what_is_public_and_nothing_else(node):
    node.import_drafts([organization("inner", name="داخلي", audience="local")])
    node.publish(now=NOW)
    shown = node.assuring().public(LATER)
    assert len(node.assuring().ageing(LATER)) == 3 and len(shown) == 2
    assert {record["audience"] for _, record in shown} == {"public"}


def test_the_command_lists_confirms_and_makes_a_link(tmp_path, capsys):
    folder = tmp_path / "ours"
    with Node.init(folder, now=NOW, random_bytes=seeded("command"), **SETTINGS) as node:
        node.import_drafts([organization()])
        node.publish(now=NOW - timedelta(days=400))
        (dar,) = ids_of(node)
    place = ["--dir", str(folder)]
    assert cli.run(["still", *place]) == 0
    assert f"{dar}  should have been confirmed by" in capsys.readouterr().out
    assert cli.run(["still", "--all", *place]) == 0
    assert "1 record confirmed and signed" in capsys.readouterr().out
    assert cli.run(["still", "--json", *place]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert cli.run(["still", "--link", "https://dar.example/", *place]) == 0
    assert capsys.readouterr().out.startswith("https://dar.example/still/")
    assert cli.run(["still", "--link", "dar.example", *place]) == 64


def test_what_our_hub_was_told_by_letter_is_not_asked_again_and_no_other_hub_counts(node):
    hub, other = FakeHub(), FakeHub(b"o" * 32, "https://other.example")
    asyncio.run(node.push(hub, now=NOW))
    first, second = sorted(ids_of(node))
    with node.store.transaction():
        node.store.set("hub", hub.address)
    home = node.store.hub(hub.address).id
    day = LATER.date().isoformat()
    for place, by, record_id in ((hub, home, first), (other, home, second), (hub, "jisr:" + "b" * 52, second)):
        seen = Sighting(place.address, day, {}, (Said("assured", by, (record_id,), "", "", f"{day}T00:00:00Z"),))
        before = [one for one in sightings(node.store) if one.address == place.address]
        keep(node.store, replace(seen, said=(*seen.said, *(word for one in before for word in one.said))))
    assert [one.id for one in node.assuring().ageing(LATER)] == [second]
    later = LATER + timedelta(days=160)
    assert {one.id: one.confirmed for one in node.assuring().ageing(later)}[first] == day


def test_a_confirmation_from_the_future_counts_as_of_today(node):
    record = {"id": "x", "rev": 1, "type": "org.jisr.service/1", "modified": "2026-09-01T00:00:00Z"}
    assert [one.confirmed for one in ageing([record], "2027-03-10", {"x": "2099-01-01"})] == []
    assert confirm_by(record, "2027-03-10") == "2027-09-09"
