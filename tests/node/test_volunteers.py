"""Volunteers without a node: a profile without a name, a link of their own, everything gone when they say so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_node import key_work
from jisr_node.app import Node, volunteers
from jisr_node.errors import Mistaken
from jisr_node.volunteers import desk
from jisr_node.volunteers.profiles import DAYS_AT_MOST, Offer
from tests.hub.mailbox_world import forms
from tests.node.conftest import NOW, organization
from tests.node.sealed_world import made
from tests.node.test_messages import in_files

CONTACT, WISHES = "canary-contact-06123", "canary-wish-pottery"
OFFER = Offer(
    skills=("language", "children"), languages=("ar", "nl"), when=("MO-morning", "SA-evening"), wishes=WISHES,
    area="NL329", contact=CONTACT, agreed=True, lang="nl",
)  # fmt: skip


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Node]:
    with made(tmp_path / "house") as node:
        node.import_drafts([organization()])
        yield node


def record_of(node: Node) -> dict[str, Any]:
    [row] = [one for one in node.overview() if one["type"].startswith("org.jisr.volunteer/")]
    shown = node.show(row["id"])
    return dict(shown["waiting"] or shown["published"])


def test_a_profile_is_a_local_record_without_name_or_contact(house: Node) -> None:
    word = volunteers.enrol(house, OFFER, now=NOW)
    record = record_of(house)
    assert (record["audience"], record["expires"]) == ("local", "2026-11-30T12:00:00Z")
    assert record["availability"] == {"MO": ["morning"], "SA": ["evening"]}
    assert CONTACT not in str(record) and not in_files(house, *forms(CONTACT))
    assert not in_files(house, word.encode()), "whoever reads the file has no link"
    assert volunteers.look(house, word, now=NOW) == OFFER
    house.publish(now=NOW)
    public = b"".join(content for _, content in house.files())
    assert not any(form in public for form in [*forms(WISHES), *forms(CONTACT)])


def test_who_has_the_link_changes_it_and_nobody_else(house: Node) -> None:
    word = volunteers.enrol(house, OFFER, now=NOW)
    other = volunteers.enrol(house, replace(OFFER, wishes="something else"), now=NOW)
    volunteers.change(house, word, replace(OFFER, wishes="cooking", days=10), now=NOW)
    found = volunteers.look(house, word, now=NOW)
    assert found is not None and (found.wishes, found.contact) == ("cooking", CONTACT)
    assert not in_files(house, *forms(WISHES)), "what was replaced is in no file"
    kept = volunteers.look(house, other, now=NOW)
    assert kept is not None and kept.wishes == "something else"
    for wrong in ("", "guessed", word[:-1], word.upper(), desk.key_of(word)):
        assert volunteers.look(house, wrong, now=NOW) is None
        with pytest.raises(Mistaken, match="no profile"):
            volunteers.change(house, wrong, OFFER, now=NOW)
        with pytest.raises(Mistaken, match="no profile"):
            volunteers.leave(house, wrong, now=NOW)


@pytest.mark.parametrize("published", [False, True], ids=["not published", "published"])
def test_who_leaves_leaves_nothing(house: Node, published: bool) -> None:
    word = volunteers.enrol(house, OFFER, now=NOW)
    if published:
        house.publish(now=NOW)
    assert in_files(house, WISHES.encode())
    volunteers.leave(house, word, now=NOW)
    volunteers.leave(house, word, now=NOW)
    assert not in_files(house, *forms(WISHES), *forms(CONTACT))
    assert volunteers.look(house, word, now=NOW) is None
    said = asyncio.run(volunteers.receipts(house, word, now=NOW))
    assert said == volunteers.Receipts("2026-09-01T12:00:00Z", {}), "it was nowhere else"
    volunteers.expire(house, now=NOW + timedelta(days=desk.RECEIPT_DAYS))
    assert asyncio.run(volunteers.receipts(house, word, now=NOW)) is None


@pytest.mark.parametrize("by", ["delete", "erase"])
def test_who_leaves_after_the_record_went_leaves_nothing_either(house: Node, by: str) -> None:
    word = volunteers.enrol(house, OFFER, now=NOW)
    house.publish(now=NOW)
    getattr(house, by)(record_of(house)["id"])
    house.publish(now=NOW)
    volunteers.leave(house, word, now=NOW)
    assert not in_files(house, *forms(WISHES), *forms(CONTACT))
    assert volunteers.listed(house) == []


def test_a_profile_ends_by_itself(house: Node) -> None:
    word = volunteers.enrol(house, replace(OFFER, days=1), now=NOW)
    later = NOW + timedelta(days=1)
    assert volunteers.expire(house, now=later - timedelta(seconds=1)) == 0
    assert volunteers.look(house, word, now=later) is None
    assert volunteers.expire(house, now=later) == 1
    assert not in_files(house, *forms(WISHES), *forms(CONTACT))


def test_a_change_of_keys_keeps_what_they_wrote(house: Node) -> None:
    word = volunteers.enrol(house, OFFER, now=NOW)
    key_work.rotate(house, now=NOW)
    key_work.rotate(house, now=NOW + timedelta(days=60))
    assert volunteers.look(house, word, now=NOW + timedelta(days=61)) == OFFER


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"agreed": False}, "agreed"),
        ({"contact": ""}, "contact"),
        ({"contact": "x" * 201}, "contact"),
        ({"wishes": "x" * 501}, "wishes"),
        ({"wishes": "mail me: yusra@house.example"}, "wishes"),
        ({"wishes": "call ٠٦ ١٢٣ ٤٥٦ ٧٨"}, "wishes"),
        ({"area": "12 rue du Port"}, "area"),
        ({"area": "NL3291"}, "area"),
        ({"days": DAYS_AT_MOST + 1}, "days"),
        ({"days": 0}, "days"),
        ({"share": "public"}, "share"),
        ({"share": "hub"}, "share"),
        ({"mode": "anyhow"}, "mode"),
        ({"skills": (), "wishes": ""}, "skills"),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_kept(house: Node, changed: dict[str, Any], field: str) -> None:
    offer = replace(OFFER, **changed)
    assert list(offer.faults()) == [field]
    with pytest.raises(Mistaken, match=field):
        volunteers.enrol(house, offer, now=NOW)
    assert [one["type"] for one in house.overview()] == ["org.jisr.organization/1"]
    assert house.store.volunteers() == []


def test_a_form_is_read_as_it_was_filled_in() -> None:
    fields = [
        ("skills", "language"), ("skills", "nonsense"), ("languages", "nl"), ("when", "MO-morning"),
        ("when", "MO-noon"),
        ("area", " nl329 "), ("days", "30"), ("share", "partners"), ("contact", " a phone "), ("agreed", "yes"),
        ("name", "Yusra"),
    ]  # fmt: skip
    assert Offer.of(fields, "fr") == Offer(
        ("language",), ("nl",), ("MO-morning",), "", "NL329", "on_site", 30, "partners", "a phone", True, "fr"
    )
    assert Offer.of([("days", "9" * 99)], "fr").days == DAYS_AT_MOST
