"""What statements come to together: whatever the order in which they arrive, and whoever speaks beside."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from jisr_protocol import anchor, authority, envelope, identifiers, keys, statement, validity
from jisr_protocol.authority import Authority, Why
from jisr_protocol.constraints import Constraints
from jisr_protocol.keys import KeyRing, Last, SigningKey
from jisr_protocol.limits import STATEMENTS_PER_SUBJECT
from jisr_protocol.refusal import Refusal
from jisr_protocol.statement import Verified
from tests.protocol.proofs import proves, refused
from tests.reader.publisher import NOW, Writer, seeded

NODE, HOME, OTHER = Writer("node"), Writer("home hub", role="hub"), Writer("other hub", role="hub")
KEYS = [SigningKey(seeded("anchor", n)) for n in range(3)]
FILE = anchor.write_file(
    [key.public for key in KEYS],
    name="Bridge",
    threshold=2,
    created="2026-01-01T00:00:00Z",
    salt=identifiers.new_salt(seeded("anchor salt")),
)
ANCHOR = anchor.parse_file(FILE)
ID = "5d2c1f3e-0000-4000-8000-000000000001"


def said(
    type_: str, by: Writer, subject: str = NODE.id, *, n: int = 1, days: float = 30, **members: object
) -> Verified:
    """A statement of a hub or node, signed and verified."""
    if type_ in (statement.NODE, statement.HUB):
        members = {"expires": identifiers.to_instant(NOW + timedelta(days=days)), **members}
    if type_ == statement.NODE:
        members = {"name": "Dar", **members}
    made = statement.write(
        by.key, type_, id=ID, by=by.id, subject=subject, n=n, issued=identifiers.to_instant(NOW), **members
    )
    return statement.verified(made, by.ring, now=NOW)


def anchored(*signers: int, n: int = 1, days: float = 300, **members: object) -> list[Verified]:
    """The anchor's word about the home hub, by so many of its keys."""
    ends = {"expires": identifiers.to_instant(NOW + timedelta(days=days))}
    made = [
        statement.write(
            KEYS[number], statement.HUB, id=ID, by=ANCHOR.id, subject=HOME.id, n=n,
            issued=identifiers.to_instant(NOW), **ends, **members,
        )
        for number in signers
    ]  # fmt: skip
    return [ANCHOR.verified(one, now=NOW) for one in made]


def everything() -> list[Verified]:
    """A chain with all that can be said about it, some of it contradicting."""
    return [
        *anchored(0, 1, constraints={"countries": ["MA", "NL"]}),
        *anchored(2, n=7),
        said(statement.NODE, HOME, n=2, constraints={"countries": ["MA"]}),
        said(statement.NODE, HOME, n=2, days=12, constraints={"types": ["org.jisr.event"]}),
        said(statement.NODE, HOME, n=1, days=1),
        said(statement.NODE, OTHER, n=9),
        said(statement.HOME, NODE, n=1, home=OTHER.id),
        said(statement.HOME, NODE, n=2, home=HOME.id),
        said(statement.WITHDRAWAL, HOME, n=1, of=statement.NODE, reason="closed"),
        said(statement.WITHDRAWAL, OTHER, n=9, of=statement.NODE, reason="no"),
        said(statement.DOMAIN, HOME, checked=identifiers.to_instant(NOW), domain="dar.ma"),
    ]


@pytest.mark.parametrize("anchors", [[], [ANCHOR]], ids=["no anchor", "an anchor"])
def test_any_order_of_arrival_comes_to_the_same(anchors: list[anchor.Anchor]) -> None:
    held, dice = everything(), random.Random(4)
    first = Authority(held, anchors=anchors)
    instants = [NOW + timedelta(days=days) for days in (0, 5, 11.9, 12, 29.9, 30, 299, 301)]
    for _ in range(60):
        dice.shuffle(held)
        twice = held + dice.sample(held, dice.randrange(len(held)))
        other = Authority(twice, anchors=anchors)
        for at in instants:
            assert other.node(NODE.id, at) == first.node(NODE.id, at)
            assert other.hub(HOME.id, at) == first.hub(HOME.id, at)
            assert other.domains(NODE.id, at) == first.domains(NODE.id, at)
    assert first.node(NODE.id, NOW).holds
    assert first.home(NODE.id) == HOME.id


def test_a_chain_ends_with_its_first_part_and_gets_only_narrower() -> None:
    held = [*anchored(0, 2, days=10, constraints={"countries": ["MA", "ES"]}), said(statement.NODE, HOME)]
    found = Authority(held, anchors=[ANCHOR], assumed={NODE.id: HOME.id})
    standing = found.node(NODE.id, NOW)
    assert standing.until == NOW + timedelta(days=10)
    assert standing.constraints == Constraints(countries=frozenset({"MA", "ES"}))
    assert found.node(NODE.id, NOW + timedelta(days=10)).why is Why.HUB_EXPIRED
    assert found.node(NODE.id, NOW + timedelta(days=9, hours=23)).holds


@pytest.mark.parametrize("signers", [(0,), (0, 0), (1, 1, 1)])
def test_fewer_different_keys_than_the_threshold_say_nothing(signers: tuple[int, ...]) -> None:
    found = Authority([*anchored(*signers), said(statement.NODE, HOME)], anchors=[ANCHOR], assumed={NODE.id: HOME.id})
    assert found.node(NODE.id, NOW).why is Why.HUB_UNSIGNED


def test_a_broken_signature_beside_valid_ones_takes_nothing_away() -> None:
    broken = anchored(1)[0].statement
    bent = statement.parse(
        broken.envelope.raw.replace(b"..", b"..AAAA", 1).replace(broken.envelope.jws[-4:].encode(), b"")
    )
    with pytest.raises(Refusal):
        ANCHOR.verified(bent, now=NOW)
    found = Authority([*anchored(0, 2), said(statement.NODE, HOME)], anchors=[ANCHOR], assumed={NODE.id: HOME.id})
    assert found.node(NODE.id, NOW).holds


def test_a_key_that_is_not_the_anchors_does_not_sign_for_it() -> None:
    stranger = SigningKey(seeded("stranger"))
    ends = identifiers.to_instant(NOW + timedelta(days=9))
    made = statement.write(
        stranger, statement.HUB, id=ID, by=ANCHOR.id, subject=HOME.id, n=1, issued=identifiers.to_instant(NOW),
        expires=ends,
    )  # fmt: skip
    with pytest.raises(Refusal) as caught:
        ANCHOR.verified(made, now=NOW)
    assert caught.value.code == "key_unknown"


def test_one_key_of_an_anchor_cannot_take_a_hub_away_with_a_high_number() -> None:
    gone = statement.write(
        KEYS[1], statement.WITHDRAWAL, id=ID, by=ANCHOR.id, subject=HOME.id, n=99, of=statement.HUB, reason="no",
        issued=identifiers.to_instant(NOW),
    )  # fmt: skip
    held = [*anchored(0, 2), said(statement.NODE, HOME), ANCHOR.verified(gone, now=NOW)]
    assert Authority(held, anchors=[ANCHOR], assumed={NODE.id: HOME.id}).node(NODE.id, NOW).holds


def test_two_anchors_and_the_longer_word_holds() -> None:
    other_file = anchor.write_file(
        [KEYS[0].public], name="Other", threshold=1, created="2026-01-01T00:00:00Z",
        salt=identifiers.new_salt(seeded("other")),
    )  # fmt: skip
    other = anchor.parse_file(other_file)
    made = statement.write(
        KEYS[0], statement.HUB, id=ID, by=other.id, subject=HOME.id, n=1, issued=identifiers.to_instant(NOW),
        expires=identifiers.to_instant(NOW + timedelta(days=3)),
    )  # fmt: skip
    held = [other.verified(made, now=NOW), *anchored(0, 1, days=20)]
    found = Authority(held, anchors=[ANCHOR, other])
    assert found.hub(HOME.id, NOW).by == ANCHOR.id
    assert found.hub(HOME.id, NOW + timedelta(days=19)).holds


def test_an_anchor_file_reads_back_and_names_itself() -> None:
    assert anchor.parse_file(FILE) == ANCHOR or ANCHOR.id == anchor.parse_file(FILE).id
    assert anchor.parse_file(FILE.replace(b"Bridge", b"Bridgf")).id != ANCHOR.id


def _strangers() -> list[Verified]:
    return [said(statement.NODE, Writer(f"hub {n}", role="hub")) for n in range(STATEMENTS_PER_SUBJECT)]


@proves("AUTH-5")
def strangers_have_only_so_much_room() -> None:
    held = _strangers()
    found = Authority(held, assumed={NODE.id: HOME.id})
    found.check_room(said(statement.NODE, HOME).statement)
    found.check_room(held[0].statement)
    refused("AUTH-5", lambda: found.check_room(said(statement.NODE, OTHER).statement))


def test_whoever_has_a_say_finds_room_beside_any_number_of_strangers() -> None:
    strangers_have_only_so_much_room()
    found = authority.Authority([*_strangers(), said(statement.NODE, HOME)], assumed={NODE.id: HOME.id})
    assert found.node(NODE.id, NOW).by == HOME.id


FRESH = SigningKey(seeded("authority", "fresh"))


def _lost(last: Last | None) -> KeyRing:
    """The home hub's keys after the one it signed with was stolen; good as far as `last` says."""
    ring = HOME.ring
    value = {
        "action": "recover", "created": "2026-09-01T00:00:00Z", "jwk": keys.jwk_of(FRESH.public.public),
        "n": ring.next_n, "node": ring.id, "revoked": [HOME.key.kid],
    }  # fmt: skip
    value |= {} if last is None else {"last": validity.written(last)}
    return ring.admit(envelope.sealed("recovery", value, HOME.recovery))


@proves("AUTH-8")
def a_lost_key_has_said_nothing_beyond_its_last_good_place() -> None:
    word, ring = said(statement.NODE, HOME), _lost({"public": ("1-aaaaaaaa", 7)})
    authority.check_good(word, HOME.ring, ("public", "1-aaaaaaaa", 7))
    authority.check_good(word, ring, ("public", "1-aaaaaaaa", 6))
    refused("AUTH-8", lambda: authority.check_good(word, ring, ("public", "1-aaaaaaaa", 7)))


@proves("AUTH-8")
def where_a_lost_key_was_good_has_to_be_known() -> None:
    word, ring = said(statement.NODE, HOME), _lost({"public": ("1-aaaaaaaa", 7)})
    refused("AUTH-8", lambda: authority.check_good(word, ring, None))
    refused("AUTH-8", lambda: authority.check_good(word, ring, ("partners", "1-aaaaaaaa", 1)))


def test_what_was_said_counts_on_where_no_place_was_named_or_no_key_is_known() -> None:
    word, nowhere = said(statement.NODE, HOME), ("public", "1-aaaaaaaa", 7)
    authority.check_good(word, _lost(None), nowhere)
    authority.check_good(word, None, None)
    by_fresh = Verified(word.statement, FRESH.kid)
    authority.check_good(by_fresh, _lost({"public": ("1-aaaaaaaa", 0)}), nowhere)
