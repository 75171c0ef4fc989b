"""Cases of docs/spec/usage.md: what of days that were counted is told, and which reports a node believes."""

from __future__ import annotations

from typing import Any

from .cases import CaseFile, bytes_of
from .primitives import Writer, canonical, uuid

TODAY = "2026-06-03"
"""A Wednesday."""
MONDAYS = [
    "2026-03-09", "2026-03-16", "2026-03-23", "2026-03-30", "2026-04-06", "2026-04-13", "2026-04-20", "2026-04-27",
    "2026-05-04", "2026-05-11", "2026-05-18", "2026-05-25", "2026-06-01",
]  # fmt: skip
ONE, TWO = uuid("a"), uuid("b")
Counted = tuple[str, str, tuple[int, int, int]]


def numbers(**at: int) -> list[int]:
    """Thirteen numbers; `w12=5` is the last of them."""
    return [at.get(f"w{week}", 0) for week in range(13)]


def record(record_id: str, **changed: Any) -> dict[str, Any]:
    none = {"applications": numbers(), "corrected_by": [], "id": record_id, "referrals": numbers(), "views": numbers()}
    return none | changed


def report(**changed: Any) -> dict[str, Any]:
    value = {
        "after": "",
        "hub": Writer("hub", role="hub").id,
        "node": Writer("node").id,
        "records": [],
        "sum": {"applications": numbers(), "referrals": numbers(), "views": numbers()},
        "until": "2026-06-02",
        "weeks": MONDAYS,
    }
    return value | changed


def example() -> dict[str, Any]:
    """Of a node with two records, one of which was looked at less than five times a week."""
    views = {"w11": 40, "w12": 15}
    shown = record(ONE, views=numbers(**views), referrals=numbers(w11=5))
    everything = {"applications": numbers(), "referrals": numbers(w11=5), "views": numbers(w11=45, w12=15)}
    return report(records=[shown], sum=everything)


def make() -> CaseFile:
    file = CaseFile(
        "usage",
        "Operation usage_told: days of which each is [record, day, [views, referrals, applications]], who corrects "
        "what, and the day of today → the report. Operation usage_read: the bytes of a report, the hub that was asked "
        "and the node that asked → the records it tells of and its sum.",
    )
    _told(file)
    _read(file)
    return file


def _told(file: CaseFile) -> None:
    hub, node = Writer("hub", role="hub").id, Writer("node").id

    def case(rule: str, comment: str, days: list[Counted], corrected: dict[str, list[str]], **expected: Any) -> None:
        given = {
            "corrected": corrected, "days": [[i, day, list(counts)] for i, day, counts in days], "hub": hub,
            "node": node, "today": TODAY,
        }  # fmt: skip
        file.valid(rule, "usage_told", comment, given, report(**expected))

    def sums(**views: int) -> dict[str, Any]:
        return report()["sum"] | {"views": numbers(**views)}

    case("USE-2", "nothing was counted", [], {})
    case("USE-2", "four views are not told", [(ONE, "2026-05-26", (4, 0, 0))], {})
    case("USE-2", "five are", [(ONE, "2026-05-26", (5, 0, 0))], {},
         records=[record(ONE, views=numbers(w11=5))], sum=sums(w11=5))  # fmt: skip
    case("USE-2", "nine in two days of a week are told as five",
         [(ONE, "2026-05-25", (4, 0, 0)), (ONE, "2026-05-31", (5, 0, 0))], {},
         records=[record(ONE, views=numbers(w11=5))], sum=sums(w11=5))  # fmt: skip
    case("USE-2", "four of each of two records are no eight of one, and five of both",
         [(ONE, "2026-05-26", (4, 0, 0)), (TWO, "2026-05-27", (4, 0, 0))], {}, sum=sums(w11=5))  # fmt: skip
    case("USE-2", "each kind for itself", [(ONE, "2026-05-26", (4, 5, 11))], {},
         records=[record(ONE, referrals=numbers(w11=5), applications=numbers(w11=10))],
         sum=report()["sum"] | {"referrals": numbers(w11=5), "applications": numbers(w11=10)})  # fmt: skip
    case("USE-2", "who corrects a record is told by name", [], {TWO: [hub]}, records=[record(TWO, corrected_by=[hub])])
    case("USE-3", "the day that runs is not told", [(ONE, TODAY, (50, 0, 0))], {})
    case("USE-3", "days of this week that ended are", [(ONE, "2026-06-01", (7, 0, 0)), (ONE, TODAY, (50, 0, 0))], {},
         records=[record(ONE, views=numbers(w12=5))], sum=sums(w12=5))  # fmt: skip
    case("USE-3", "the first day of thirteen weeks", [(ONE, "2026-03-09", (5, 0, 0))], {},
         records=[record(ONE, views=numbers(w0=5))], sum=sums(w0=5))  # fmt: skip
    case("USE-3", "the day before them", [(ONE, "2026-03-08", (5, 0, 0))], {})


def _read(file: CaseFile) -> None:
    hub, node = Writer("hub", role="hub").id, Writer("node").id

    def given(value: Any) -> dict[str, Any]:
        return {"bytes": bytes_of(canonical(value)), "hub": hub, "node": node}

    for comment, value in (
        ("nothing to tell", report()),
        ("one record", example()),
        ("not the last page", example() | {"after": ONE}),
        ("members that nobody knows yet", example() | {"note": "later"}),
    ):
        result = {"after": value["after"], "records": value["records"], "sum": value["sum"], "until": value["until"]}
        file.valid("USE-6", "usage_read", comment, given(value), result)
    whole = example()["records"][0]
    for comment, pointer, value in (
        ("no object", "", ["usage"]),
        ("a member is missing", "", {name: one for name, one in report().items() if name != "until"}),
        ("a day that is none", "/until", report(until="2026-02-30")),
        ("a day with its hour", "/until", report(until="2026-06-02T10:00:00Z")),
        ("twelve weeks", "/weeks", report(weeks=MONDAYS[1:])),
        ("weeks that begin on a Tuesday", "/weeks", report(weeks=[day[:-1] + "9" for day in MONDAYS])),
        ("a week twice", "/weeks", report(weeks=[*MONDAYS[:12], MONDAYS[11]])),
        ("a number that points at one person", "/records/0/views", report(records=[whole | {"views": numbers(w3=1)}])),
        ("a negative number", "/records/0/views", report(records=[whole | {"views": numbers(w3=-5)}])),
        ("true is no number", "/records/0/views", report(records=[whole | {"views": [True] * 13}])),
        ("twelve numbers", "/records/0/referrals", report(records=[whole | {"referrals": [0] * 12}])),
        ("a record without a kind", "/records/0", report(records=[{"id": ONE, "corrected_by": []}])),
        ("a record by a name", "/records/0/id", report(records=[whole | {"id": "the library"}])),
        ("who corrects it without an identifier", "/records/0/corrected_by",
         report(records=[whole | {"corrected_by": ["somebody"]}])),
        ("records that are no list", "/records", report(records={})),
        ("a sum that is no object", "/sum", report(sum=[])),
        ("a sum in ones", "/sum/views", report(sum=report()["sum"] | {"views": numbers(w1=3)})),
        ("a next page by a number", "/after", report(after="2")),
    ):  # fmt: skip
        file.invalid("USE-6", "usage_read", comment, given(value), "malformed", pointer)
    row = canonical(record(ONE))
    before, _, behind = canonical(report(records=[{}])).partition(b"{}")
    many = {"bytes": bytes_of(before, (row + b",", 500), row, behind), "hub": hub, "node": node}
    file.invalid("USE-6", "usage_read", "501 records", many, "malformed", "/records")
    other = Writer("b").id
    file.invalid("USE-7", "usage_read", "about another node", given(report(node=other)), "malformed", "/node")
    file.invalid("USE-7", "usage_read", "of another hub", given(report(hub=other)), "malformed", "/hub")
