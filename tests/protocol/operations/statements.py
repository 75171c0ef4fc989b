"""Operations of vectors on what hubs say: notices, policies, authority, tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from jisr_protocol import (
    ack,
    anchor,
    authority,
    entry,
    identifiers,
    keys,
    matching,
    notice,
    notice_call,
    policy,
    sealed,
    signing,
    statement,
    token,
    usage,
)
from jisr_protocol.reader import sealing
from tests.protocol.operations.given import Case, bytes_of, ring_of

# Notices


def _notice(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    return _said(notice.verified(found, ring_of(given["statements"]), now=datetime.fromisoformat(given["now"])))


def _said(found: notice.Notice) -> Case:
    return {
        "action": found.action, "digest": found.envelope.digest, "max_rev": found.max_rev, "n": found.n,
        "targets": list(found.targets),
    }  # fmt: skip


def _target(given: Case) -> Case:
    return _said(notice.target(entry.parse(bytes_of(given["line"]))))


def _ack(given: Case) -> Case:
    found = ack.parse(bytes_of(given["thing"]))
    ack.verified(found, ring_of(given["statements"]), now=datetime.fromisoformat(given["now"]))
    told = {"by": found.by, "notice": found.notice, "outcome": found.outcome}
    return told | {"awaits": list(found.awaits), "reason": found.reason}


def _hold_end(given: Case) -> Case:
    end = notice.ends(notice.parse(bytes_of(given["thing"])))
    return {"end": end and identifiers.to_instant(end)}


def _notice_call(given: Case) -> Case:
    call = notice_call.parse(bytes_of(given["bytes"]))
    return {"chains": len(call.chains), "said": len(call.said)}


def _notice_order(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    held = tuple(given["held"]) if given["held"] else None
    return {"order": notice.judge(found, held, given["newest_rev"]).value}


def _force(given: Case) -> Case:
    found = notice.parse(bytes_of(given["thing"]))
    notice.check_binds(found, own_feed=given["own_feed"], home=given["home"])
    return {"force": notice.force(found, own_feed=given["own_feed"], home=given["home"]).value}


# Policies


def _policy(given: Case) -> Case:
    found = policy.parse(bytes_of(given["bytes"]))
    return {"named": found.named}


def _policy_named(given: Case) -> Case:
    return {"version": policy.named_by(given["named"], bytes_of(given["bytes"])).version}


def _policy_judge(given: Case) -> Case:
    facts = policy.Facts(given["home"], tuple(given["home_countries"]), tuple(given["marks"]))
    policy.check(policy.parse(bytes_of(given["bytes"])), given["record"], facts)
    return {"stands": True}


# Authority


def _statement(given: Case) -> Case:
    found = statement.parse(bytes_of(given["thing"]))
    statement.verified(found, ring_of(given["statements"]), now=datetime.fromisoformat(given["now"]))
    return {"by": found.by, "digest": found.digest, "n": found.n, "subject": found.subject, "type": found.type}


def _statement_order(given: Case) -> Case:
    held = tuple(given["held"]) if given["held"] else None
    return {"order": statement.judge(statement.parse(bytes_of(given["thing"])), held).value}


def _anchor(given: Case) -> Case:
    found = anchor.parse_file(bytes_of(given["bytes"]))
    return {"id": found.id, "kids": sorted(found.keys), "threshold": found.threshold}


def _attest(given: Case) -> Case:
    anchors = [anchor.parse_file(bytes_of(raw)) for raw in given["anchors"]]
    by_id = {one.id: one for one in anchors}
    at = datetime.fromisoformat(given["at"])
    held = []
    for one in given["statements"]:
        said = statement.parse(bytes_of(one["thing"]))
        ring = ring_of(one["keys"]) if one["keys"] else None
        held.append(statement.verified(said, ring, now=at) if ring else by_id[said.by].verified(said, now=at))
    standing = authority.Authority(held, anchors=anchors, assumed=given["assumed"]).node(given["node"], at)
    standing.check(given["record"])
    until = identifiers.to_instant(standing.until) if standing.until else None
    return {"by": standing.by, "constraints": standing.constraints.to_value(), "until": until}


# Tokens


def _token_signer(given: Case) -> Case:
    return {"kid": token.signer(given["header"], ring_of(given["statements"]) if given["statements"] else None)}


def _token_claims(given: Case) -> Case:
    now = identifiers.from_instant(given["now"])
    found = token.checked(given["claims"], hub=given["hub"], now=now)
    return {"by": found.by, "expires": found.expires, "jti": found.jti}


# Sealed messages


def _encryption_key(given: Case) -> Case:
    key = keys.encryption_key(ring_of(given["statements"]))
    return {"kid": signing.sealing_kid(key) if key is not None else None}


def _sealed(given: Case) -> Case:
    found = sealed.parse(bytes_of(given["bytes"]))
    sealed.check_key(found, ring_of(given["statements"]))
    return {"digest": found.digest, "kid": found.kid}


def _unsealed(given: Case) -> Case:
    kept = [signing.OpeningKey(bytes.fromhex(key)) for key in given["keys"]]
    plain = sealing.unseal(sealed.parse(bytes_of(given["bytes"])), kept)
    seen = sealed.id_in(plain) in given["seen"]
    found = sealed.read(plain, to=given["to"], now=identifiers.from_instant(given["now"]), seen=seen)
    return {"id": found.id, "inside": found.value, "purpose": found.purpose}


# Matching


def _match_asked(given: Case) -> Case:
    found = matching.parse(bytes_of(given["bytes"]))
    return {name: sorted(getattr(found, name)) for name in ("areas", "languages", "skills", "when")}


def _match_groups(given: Case) -> Case:
    """MAT-2, MAT-3"""
    asked = matching.parse(bytes_of(given["asked"]))
    held = [(one["node"], matching.facts_of(one["profile"])) for one in given["held"] for _ in range(one["times"])]
    told = matching.groups(asked, held)
    return {"groups": [{"at_least": least, "node": node} for node, least in told.items()]}


# What comes back to a node


def _usage_told(given: Case) -> Case:
    """USE-2, USE-3"""
    days = [usage.Day(i, date.fromisoformat(day), tuple(counts)) for i, day, counts in given["days"]]
    today = date.fromisoformat(given["today"])
    return usage.told(given["hub"], given["node"], today, days, days, given["corrected"])


def _usage_read(given: Case) -> Case:
    found = usage.parse(bytes_of(given["bytes"]), hub=given["hub"], node=given["node"])
    return {"after": found.after, "records": [*found.records], "sum": found.sum, "until": found.until}


OPERATIONS: dict[str, Callable[[Case], Case]] = {
    "ack": _ack,
    "anchor": _anchor,
    "attest": _attest,
    "encryption_key": _encryption_key,
    "force": _force,
    "hold_end": _hold_end,
    "match_asked": _match_asked,
    "match_groups": _match_groups,
    "notice": _notice,
    "notice_call": _notice_call,
    "notice_order": _notice_order,
    "policy": _policy,
    "policy_judge": _policy_judge,
    "policy_named": _policy_named,
    "sealed": _sealed,
    "statement": _statement,
    "statement_order": _statement_order,
    "target": _target,
    "token_claims": _token_claims,
    "token_signer": _token_signer,
    "unsealed": _unsealed,
    "usage_read": _usage_read,
    "usage_told": _usage_told,
}
