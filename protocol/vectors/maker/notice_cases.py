"""Cases of docs/spec/notices.md: the form of a notice, its entries, its signer, its number, and whether it binds."""

from __future__ import annotations

from typing import Any

from . import entries
from .cases import Case, CaseFile, bytes_of
from .feed import NOW
from .key_cases import chain_of
from .primitives import Writer, canonical, digest, uuid

A, B = uuid("a"), uuid("b")
LEAP = 1_000_000


def erasure(writer: Writer, **changed: Any) -> dict[str, Any]:
    """A node's own notice: record a is erased up to rev 3."""
    return entries.notice(writer, writer.id, "erase", [A], 3) | changed


def make() -> CaseFile:
    file = CaseFile(
        "notices",
        "Operation notice: a signed notice, its signer's key statements, the time → what it names. Operation target: "
        "an entry with a notice → what it names. Operation notice_order: a notice, (n, digest) of the last one held "
        "of the same signer and node, the newest rev held of what it names → how it stands to it. Operation force: a "
        "notice, whether it stands in the node's own feed, the node's home hub → whether it binds.",
    )
    _forms(file)
    _signers(file)
    _targets(file)
    _orders(file)
    _forces(file)
    return file


def _given(value: dict[str, Any], writer: Writer, by: Writer | None = None) -> Case:
    signed = (by or writer).key.sign("notice", value)
    return {"now": NOW, "statements": chain_of((by or writer).statements), "thing": bytes_of(canonical(signed))}


def _said(value: dict[str, Any]) -> Case:
    targets = ["*"] if value["ids"] == "*" else value["ids"]
    return {
        "action": value["action"],
        "digest": digest("notice", canonical(value)),
        "max_rev": value["max_rev"],
        "n": value["n"],
        "targets": targets,
    }


def _forms(file: CaseFile) -> None:
    writer = Writer("node")
    plain = {name: member for name, member in erasure(writer).items() if name not in ("expires", "jurisdiction")}
    for comment, value in (
        ("one record", plain),
        ("two records", plain | {"ids": [A, B]}),
        ("64 records", plain | {"ids": [uuid(f"record {n}") for n in range(64)]}),
        ("all records of the node", plain | {"ids": "*"}),
        ("any rev", plain | {"max_rev": None}),
        ("a hold with an end, from a court", erasure(writer, action="hold")),
        ("the end of a hold", erasure(writer, action="unhold", n=2)),
        ("a member nobody knows", plain | {"x": 1}),
    ):
        file.valid("NTC-1", "notice", comment, _given(value, writer), _said(value))
    for comment, pointer, changed in (
        ("an action nobody knows", "action", {"action": "forget"}),
        ("no basis", "basis", {"basis": ""}),
        ("a basis of 201 characters", "basis", {"basis": "ا" * 201}),
        ("an id that is none", "id", {"id": "1"}),
        ("no ids", "ids", {"ids": []}),
        ("an id twice", "ids", {"ids": [A, A]}),
        ("65 ids", "ids", {"ids": [uuid(f"record {n}") for n in range(65)]}),
        ("ids that are a word", "ids", {"ids": "all"}),
        ("a max_rev of 0", "max_rev", {"max_rev": 0}),
        ("a max_rev that is a text", "max_rev", {"max_rev": "3"}),
        ("an n of 0", "n", {"n": 0}),
        ("a date that is none", "issued", {"issued": "today"}),
        ("an end before it was issued", "expires", {"expires": "2026-01-01T00:00:00Z"}),
    ):
        given = _given(erasure(writer, **changed), writer)
        file.invalid("NTC-1", "notice", comment, given, "malformed", f"/notice/{pointer}")
    for name in ("action", "basis", "by", "ids", "max_rev", "n", "node"):
        value = {member: v for member, v in erasure(writer).items() if member != name}
        file.invalid("NTC-1", "notice", f"without {name}", _given(value, writer), "malformed", "/notice")


def _signers(file: CaseFile) -> None:
    writer, hub = Writer("node"), Writer("hub", role="hub")
    by_hub = erasure(writer, by=hub.id)
    file.valid("NTC-3", "notice", "by a hub about a node's record", _given(by_hub, writer, hub), _said(by_hub))
    given = _given(erasure(writer), writer, hub)
    file.invalid("NTC-3", "notice", "in a node's name, by a hub", given, "not_authoritative", "/notice/by")
    given = _given(erasure(writer), writer) | {"now": "2026-05-01T07:50:00Z"}
    file.valid("NTC-4", "notice", "issued ten minutes ahead", given, _said(erasure(writer)))
    given = _given(erasure(writer), writer) | {"now": "2026-05-01T07:49:59Z"}
    file.invalid("NTC-4", "notice", "issued more than ten minutes ahead", given, "clock_skew", "/notice/issued")


def _targets(file: CaseFile) -> None:
    writer = Writer("node")
    two = writer.key.sign("notice", erasure(writer, ids=[A, B]))
    every = writer.key.sign("notice", erasure(writer, ids="*"))
    for comment, op, signed, target in (
        ("its second id", "erase", two, B),
        ("all", "erase", every, "*"),
    ):
        given = {"line": bytes_of(entries.acted(9, op, signed, target).raw)}
        file.valid("NTC-2", "target", comment, given, _said(signed["notice"]))
    for comment, pointer, op, signed, target in (
        ("an op that is not its action", "/op", "hold", two, A),
        ("an id it does not name", "/id", "erase", two, uuid("c")),
        ("all, where it names two", "/id", "erase", two, "*"),
        ("one, where it names all", "/id", "erase", every, A),
    ):
        given = {"line": bytes_of(entries.acted(9, op, signed, target).raw)}
        file.invalid("NTC-2", "target", comment, given, "malformed", pointer)


def _orders(file: CaseFile) -> None:
    writer = Writer("node")

    def given(value: dict[str, Any], held: list[Any] | None, newest_rev: int = 3) -> Case:
        return {"held": held, "newest_rev": newest_rev, "thing": bytes_of(canonical(writer.key.sign("notice", value)))}

    fifth = erasure(writer, n=5)
    same = digest("notice", canonical(fifth))
    for comment, held, order in (
        ("the first", None, "rises"),
        ("after the fourth", [4, "0" * 64], "rises"),
        ("the very same, for another target", [5, same], "same"),
    ):
        file.valid("NTC-5", "notice_order", comment, given(fifth, held), {"order": order})
    for comment, held in (("before the sixth", [6, "0" * 64]), ("another with its number", [5, "0" * 64])):
        file.invalid("NTC-5", "notice_order", comment, given(fifth, held), "notice_old", "/notice/n")
    for comment, changed, pointer in (
        ("a first number too high", {"n": LEAP + 1}, "n"),
        ("a rev far above what is held", {"max_rev": LEAP + 4}, "max_rev"),
    ):
        file.invalid(
            "NTC-6", "notice_order", comment, given(erasure(writer, **changed), None), "rev_jump", f"/notice/{pointer}"
        )
    highest = erasure(writer, n=LEAP, max_rev=LEAP + 3)
    file.valid("NTC-6", "notice_order", "as high as may be", given(highest, None), {"order": "rises"})


def _forces(file: CaseFile) -> None:
    writer, hub, other = Writer("node"), Writer("hub", role="hub"), Writer("other hub", role="hub")

    def given(by: Writer, *, own_feed: bool, home: Writer | None) -> Case:
        signed = by.key.sign("notice", erasure(writer, by=by.id))
        return {"home": home and home.id, "own_feed": own_feed, "thing": bytes_of(canonical(signed))}

    for comment, case in (
        ("the node, in its own feed", given(writer, own_feed=True, home=None)),
        ("its home hub", given(hub, own_feed=False, home=hub)),
    ):
        file.valid("NTC-7", "force", comment, case, {"force": "binds"})
    for comment, case in (
        ("the node, elsewhere", given(writer, own_feed=False, home=hub)),
        ("another hub", given(other, own_feed=False, home=hub)),
        ("a hub, where no home is known", given(hub, own_feed=False, home=None)),
        ("a hub, in the node's own feed", given(hub, own_feed=True, home=None)),
    ):
        file.invalid("NTC-7", "force", comment, case, "not_authoritative", "/notice/by")
