"""The query string of a search: the same for pages and programs, understood or left out, never refused."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.directory.query import read, written
from jisr_hub.ports.search import FACETS, Query

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
_NAMES = ["q", "type", "theme", "for", "what", "lang_spoken", "cost", "area", "near", "within", "open", "remote"]
_PARTS = st.sampled_from([*_NAMES, "order", "page", "lang", "other"])
_VALUES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["now", "yes", "near", "35.77,-5.8", "91,0", "1e9", "nan", "9999-12-31T23:59:59+00:00", "0001-01-01"]
    ),
)


def test_every_part_is_understood() -> None:
    pairs = [
        ("q", "  cours de   français "),
        *[("type", "service"), ("type", "event"), ("theme", "two-shores:women"), ("for", "x:youth")],
        *[
            ("what", "x:meeting"),
            ("lang_spoken", "ar"),
            ("lang_spoken", "fr"),
            ("cost", "free"),
            ("area", "cbs:GM0153"),
        ],
        *[("near", "35.7767,-5.8039"), ("within", "12.5"), ("open", "now"), ("remote", "no"), ("order", "near")],
        ("page", "3"),
    ]
    asked = read(pairs, NOW)
    assert asked.left_out == ()
    facets = {"theme": ("two-shores:women",), "audience": ("x:youth",), "what": ("x:meeting",), "cost": ("free",)}
    facets |= {"language": ("ar", "fr"), "area": ("cbs:GM0153",)}
    query = Query(
        "cours de français", ("service", "event"), facets, (35.7767, -5.8039), 12.5, "", NOW, False, "near", 40
    )
    assert asked.query == query and set(facets) == set(FACETS)
    assert dict(written(query, NOW, 3))["open"] == "now"


def test_a_place_may_be_named() -> None:
    assert read([("near", "طنجة")], NOW).query.place == "طنجة"


def test_what_is_not_understood_is_named_and_left_out() -> None:
    pairs = [("within", "-3"), ("open", "later"), ("page", "0"), ("order", "dearest"), ("colour", "red"), ("q", "x")]
    asked = read(pairs, NOW)
    assert asked.left_out == ("within", "open", "page", "order", "colour")
    assert asked.query == Query(words="x")


@given(st.lists(st.tuples(_PARTS, _VALUES), max_size=30))
def test_any_query_string_is_read_and_reads_the_same_when_it_is_written(pairs: list[tuple[str, str]]) -> None:
    asked = read(pairs, NOW)
    assert asked.query.limit == 20 and 0 <= asked.query.offset <= 10_000
    again = read(written(asked.query, NOW, asked.page), NOW)
    at = asked.query.open_at
    if at in (None, NOW) or (at.second, at.microsecond) == (0, 0):
        assert again.query == asked.query and again.left_out == ()
