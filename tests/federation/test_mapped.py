"""What holds a world against its sentences notices what is not there."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.federation import mapped
from tests.federation.shown_world import Sentence, Shown, described

SAYS = "Somebody helps."
KEY = ("jisr:a", "1")


def shown(**members: Any) -> Shown:
    record = {"node": KEY[0], "id": KEY[1], "rev": 1, "audience": "public", "name": {"fr": {"value": "Aide"}}}
    whole: dict[str, Any] = {
        **{member: {} for member in ("summary", "roots", "standings", "countries", "hubs", "first_drafts")},
        "name": "tangier",
        "public": {"a/service/x": dict(record)},
        "anywhere": {KEY},
        "own": {"a/service/x": dict(record)},
        "page": "",
    }
    return Shown(**{**whole, **members})


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Sentence:
    """The one sentence of this world, to be bent."""
    sentence = Sentence(SAYS, {"a/service/x": ["/name/fr/value"]}, [])
    monkeypatch.setattr(mapped, "sentences", lambda name: [sentence])
    return sentence


def test_a_sentence_that_is_carried_lacks_nothing(table: Sentence) -> None:
    assert mapped.unmapped(shown()) == []


def older(one: Shown) -> None:
    one.own["a/service/x"]["rev"] = 2


def hidden(one: Shown) -> None:
    one.own["a/service/x"]["audience"] = "partners"


@pytest.mark.parametrize(
    ("bend", "why"),
    [
        (lambda one: one.own.clear(), "its node does not hold it"),
        (lambda one: one.public.clear(), "the reader does not have it"),
        (lambda one: one.public["a/service/x"]["name"].clear(), "nothing at /name/fr/value"),
        (older, "the reader has rev 1, its node 2"),
        (hidden, "it is not public, and a hub shows it"),
    ],
)
def test_what_is_not_as_the_table_says_is_told(table: Sentence, bend: Callable[[Shown], Any], why: str) -> None:
    one = shown()
    bend(one)
    assert mapped.unmapped(one) == [f"{SAYS} a/service/x: {why}"]


def test_a_record_that_is_not_public_carries_a_sentence_from_its_node(table: Sentence) -> None:
    one = shown(public={}, anywhere=set())
    hidden(one)
    assert mapped.unmapped(one) == []


def test_a_check_that_fails_is_told(table: Sentence) -> None:
    table.checks.append("fifty_people_came")
    (lacking,) = mapped.unmapped(shown())
    assert lacking.startswith(f"{SAYS} fifty_people_came: KeyError")


def test_a_description_is_split_at_stops_and_semicolons_whatever_its_lines() -> None:
    product = (
        "# P\n## Four worlds (each)\n1. **A (x, y).** One thing\n   here. Another: it;\n   more.\n2. **B.** b.\n"
        "3. **C.** c.\n4. **D.** d.\n\n## Next\n1. no.\n"
    )
    assert described(product) == {
        "tangier": ["A (x, y).", "One thing here.", "Another: it;", "more."],
        "enschede": ["B.", "b."],
        "burundi": ["C.", "c."],
        "alliance": ["D.", "d."],
    }
