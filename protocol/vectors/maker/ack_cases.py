"""Cases of docs/spec/notices.md: acks, until when a hold lasts, and the body that brings notices and acks."""

from __future__ import annotations

from typing import Any

from .cases import Case, CaseFile, bytes_of
from .feed import NOW
from .key_cases import chain_of
from .notice_cases import erasure
from .primitives import Writer, canonical, digest, uuid

REASON = 200


def acknowledged(hub: Writer, **changed: Any) -> dict[str, Any]:
    """What a hub did about a node's erasure."""
    notice = digest("notice", canonical(erasure(Writer("node"))))
    return {"at": "2026-05-01T08:00:00Z", "by": hub.id, "notice": notice, "outcome": "done"} | changed


def make() -> CaseFile:
    file = CaseFile(
        "acks",
        "Operation ack: a signed ack, its signer's key statements, the time → what it says. Operation hold_end: a "
        "notice → until when its hold lasts, null for no end. Operation notice_call: a body of POST notices → how many "
        "things and chains it holds.",
    )
    _forms(file)
    _signers(file)
    _ends(file)
    _calls(file)
    return file


def _given(value: dict[str, Any], writer: Writer, by: Writer | None = None) -> Case:
    signed = (by or writer).key.sign("ack", value)
    return {"now": NOW, "statements": chain_of((by or writer).statements), "thing": bytes_of(canonical(signed))}


def _said(value: dict[str, Any]) -> Case:
    told = {name: value[name] for name in ("by", "notice", "outcome")}
    return told | {"awaits": value.get("awaits", []), "reason": value.get("reason", "")}


def _forms(file: CaseFile) -> None:
    hub = Writer("hub", role="hub")
    others = [Writer(f"hub {n}", role="hub").id for n in range(2)]
    for comment, value in (
        ("done", acknowledged(hub)),
        ("a guard", acknowledged(hub, outcome="guarded")),
        ("advice, with hubs that have to answer too", acknowledged(hub, outcome="advice", awaits=others)),
        ("declined, for a reason", acknowledged(hub, outcome="refused", reason="ا" * REASON)),
        ("a member nobody knows", acknowledged(hub, x=1)),
    ):
        file.valid("ACK-1", "ack", comment, _given(value, hub), _said(value))
    for comment, pointer, changed in (
        ("an outcome nobody knows", "outcome", {"outcome": "maybe"}),
        ("a notice that is no digest", "notice", {"notice": uuid("a")}),
        ("a date that is none", "at", {"at": "today"}),
        ("awaited hubs that are names", "awaits", {"awaits": ["NL"]}),
        ("257 awaited hubs", "awaits", {"awaits": others[:1] * 257}),
        ("an empty reason", "reason", {"reason": ""}),
        ("a reason of 201 characters", "reason", {"reason": "ا" * (REASON + 1)}),
    ):
        file.invalid("ACK-1", "ack", comment, _given(acknowledged(hub, **changed), hub), "malformed", f"/ack/{pointer}")
    for name in ("at", "by", "notice", "outcome"):
        value = {member: v for member, v in acknowledged(hub).items() if member != name}
        file.invalid("ACK-1", "ack", f"without {name}", _given(value, hub), "malformed", "/ack")


def _signers(file: CaseFile) -> None:
    hub, other, node = Writer("hub", role="hub"), Writer("other hub", role="hub"), Writer("node")
    given = _given(acknowledged(hub), hub, other)
    file.invalid("ACK-2", "ack", "in a hub's name, by another", given, "not_authoritative", "/ack/by")
    given = _given(acknowledged(node), node)
    file.invalid("ACK-2", "ack", "by a node", given, "not_authoritative", "/ack/by")
    value = acknowledged(hub)
    given = _given(value, hub) | {"now": "2026-05-01T07:50:00Z"}
    file.valid("ACK-3", "ack", "signed ten minutes ahead", given, _said(value))
    given = _given(value, hub) | {"now": "2026-05-01T07:49:59Z"}
    file.invalid("ACK-3", "ack", "signed more than ten minutes ahead", given, "clock_skew", "/ack/at")


def _ends(file: CaseFile) -> None:
    node, hub = Writer("node"), Writer("hub", role="hub")

    def given(by: Writer, **changed: Any) -> Case:
        value = erasure(node, action="hold", by=by.id, **changed)
        value = {name: member for name, member in value.items() if member is not None or name == "max_rev"}
        return {"thing": bytes_of(canonical(by.key.sign("notice", value)))}

    for comment, case, end in (
        ("a hub's, for a year", given(hub), "2026-05-15T08:00:00Z"),
        ("a hub's, without an end", given(hub, expires=None), "2026-05-15T08:00:00Z"),
        ("a hub's, for a day", given(hub, expires="2026-05-02T08:00:00Z"), "2026-05-02T08:00:00Z"),
        ("the node's own, for a year", given(node), "2027-05-01T00:00:00Z"),
        ("the node's own, without an end", given(node, expires=None), None),
    ):
        file.valid("NTC-8", "hold_end", comment, case, {"end": end})


def _calls(file: CaseFile) -> None:
    hub = Writer("hub", role="hub")
    signed = hub.key.sign("ack", acknowledged(hub))
    chain = list(hub.statements)

    def given(value: object) -> Case:
        return {"bytes": bytes_of(canonical(value) + b"\n")}

    for comment, value, counts in (
        ("an ack and its signer's keys", {"keys": [chain], "said": [signed]}, (1, 1)),
        ("nothing", {"keys": [], "said": []}, (0, 0)),
        ("a member nobody knows", {"keys": [], "said": [signed], "x": 1}, (1, 0)),
    ):
        said, chains = counts
        file.valid("NTC-10", "notice_call", comment, given(value), {"chains": chains, "said": said})
    for comment, value in (
        ("without said", {"keys": []}),
        ("without keys", {"said": []}),
        ("said that is one thing", {"keys": [], "said": signed}),
        ("keys that are one chain", {"keys": chain, "said": []}),
        ("a list", []),
    ):
        file.invalid("NTC-10", "notice_call", comment, given(value), "malformed")
