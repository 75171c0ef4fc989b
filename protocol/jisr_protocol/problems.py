"""The catalogue of problem codes (RFC 9457): what happened, and what a client does about it.

Clients switch on `code`. A code once published is never given another meaning (PROB-1). HTTP statuses belong to the web
layer.
"""

from __future__ import annotations

from typing import NamedTuple


class Problem(NamedTuple):
    """One kind of problem: a sentence for people, `retry` for programs (never, same, after:<s>, after_snapshot,
    after_rebase, fix_request)."""

    title: str
    retry: str


PROBLEMS: dict[str, Problem] = {
    "not_json": Problem("This is not JSON text", "fix_request"),
    "not_canonical": Problem("The bytes are not the canonical form (RFC 8785 and Jisr's profile)", "fix_request"),
    "malformed": Problem("A member is missing or has the wrong form", "fix_request"),
    "too_large": Problem("This is larger than the limit", "fix_request"),
    "inflate_limit": Problem("The compressed body grows beyond the limit", "fix_request"),
    "encoding_unsupported": Problem("This content encoding is not supported", "fix_request"),
    "encoding_broken": Problem("The compressed body is truncated or damaged", "same"),
    "signature_invalid": Problem("The signature does not fit", "never"),
    "header_invalid": Problem("The protected header is not the one that follows from key and kind", "never"),
    "key_unknown": Problem("The signing key is not known for this identifier", "same"),
    "key_revoked": Problem("The signing key was revoked or retired", "never"),
    "key_invalid": Problem("A key statement breaks the chain of its identifier", "never"),
    "identifier_mismatch": Problem("The identifier does not follow from its first key statement", "never"),
    "not_authoritative": Problem("This writer may not write this", "never"),
    "not_admitted": Problem("This node is not admitted at this hub", "never"),
    "rev_not_increasing": Problem("The rev of a record must rise", "never"),
    "rev_jump": Problem("The rev jumps further than the limit", "never"),
    "equivocation": Problem("Two different contents carry the same rev", "never"),
    "schema_invalid": Problem("The record does not fit the schema of its type", "fix_request"),
    "type_unknown": Problem("This major version of the type is not known here", "after:86400"),
    "policy_refused": Problem("The policy of this feed does not take this record", "never"),
    "audience_mismatch": Problem("The record's audience is not the feed's", "fix_request"),
    "crit_unknown": Problem("The entry says it must be understood, and it is not", "never"),
    "erased": Problem("This was erased and must not come back", "never"),
    "stub_without_cause": Problem("Content is missing and no later entry says why", "same"),
    "proof_invalid": Problem("The Merkle proof does not lead to the signed root", "fix_request"),
    "root_mismatch": Problem("The entries do not add up to the signed root", "same"),
    "state_mismatch": Problem("The live set is not the one the head signs", "same"),
    "seq_mismatch": Problem("The entries are not numbered as the place says", "same"),
    "seq_gap": Problem("The push starts behind what the hub holds", "fix_request"),
    "feed_fork": Problem("An entry differs from the one already held at its position", "after_rebase"),
    "head_older": Problem("The head is older than one already held", "same"),
    "head_expired": Problem("The head has expired", "same"),
    "rollback": Problem("A newer head covers less than an older one", "never"),
    "fork": Problem("Two heads contradict each other", "never"),
    "clock_skew": Problem("A time lies more than ten minutes ahead", "fix_request"),
    "epoch_unknown": Problem("The epoch is not one this feed goes on from", "after_snapshot"),
    "cursor_below_floor": Problem("The position is older than this feed keeps", "after_snapshot"),
    "page_missing": Problem("A page that the head promises is not there", "same"),
    "hops_exceeded": Problem("The entry came by way of too many hubs", "never"),
    "rate_limited": Problem("Too much at once; nothing is lost, come back later", "after:60"),
    "quota_exhausted": Problem("The daily quota is used up; nothing is lost, come back later", "after:3600"),
    "version_unsupported": Problem("This protocol version is not spoken here", "fix_request"),
    "not_found": Problem("There is nothing at this address", "never"),
    "method_not_allowed": Problem("This address does not take this method", "fix_request"),
    "restricted": Problem("This feed is read with a token only", "fix_request"),
    "busy": Problem("The hub is busy; nothing is lost, come back later", "after:5"),
    "unreachable": Problem("The other side could not be reached", "after:30"),
    "internal": Problem("The hub failed; nothing was stored, it is safe to send again", "after:30"),
}

_CODE_OF_RULE = {
    "CAN-1": "not_json",
    "LIM-4": "inflate_limit",
    "LIM-5": "encoding_unsupported",
    "LIM-6": "encoding_broken",
    "SIG-2": "header_invalid",
    "SIG-3": "key_unknown",
    "KEY-2": "identifier_mismatch",
    "KEY-6": "key_revoked",
    "KEY-8": "fork",
    "ENT-3": "seq_mismatch",
    "ENT-6": "crit_unknown",
    "ENT-7": "stub_without_cause",
    "PAGE-1": "page_missing",
    "PAGE-3": "seq_mismatch",
    "HEAD-2": "version_unsupported",
    "HEAD-4": "key_revoked",
    "HEAD-5": "clock_skew",
    "HEAD-6": "head_expired",
    "READ-1": "identifier_mismatch",
    "READ-2": "head_older",
    "READ-3": "rollback",
    "READ-4": "fork",
    "READ-5": "root_mismatch",
    "READ-6": "state_mismatch",
    "READ-7": "rev_not_increasing",
    "READ-8": "equivocation",
    "READ-9": "not_authoritative",
    "READ-11": "cursor_below_floor",
    "PUSH-2": "seq_gap",
    "PUSH-3": "feed_fork",
    "PUSH-4": "proof_invalid",
    "PUSH-5": "proof_invalid",
    "PUSH-6": "head_older",
    "PUSH-7": "epoch_unknown",
    "PUSH-8": "too_large",
    "ING-1": "not_admitted",
    "ING-2": "not_authoritative",
    "ING-3": "rev_not_increasing",
    "ING-4": "equivocation",
    "ING-5": "rev_jump",
    "ING-6": "schema_invalid",
    "ING-7": "audience_mismatch",
    "ING-8": "policy_refused",
    "ING-9": "type_unknown",
    "ING-10": "rate_limited",
    "PEER-1": "signature_invalid",
    "PEER-2": "hops_exceeded",
}
_CODE_OF_FAMILY = {
    "CAN": "not_canonical",
    "LIM": "too_large",
    "ID": "malformed",
    "SIG": "signature_invalid",
    "KEY": "key_invalid",
    "ENT": "malformed",
    "PAGE": "not_canonical",
    "MRK": "proof_invalid",
    "STA": "state_mismatch",
    "HEAD": "malformed",
    "CAP": "malformed",
    "PUSH": "malformed",
    "LIVE": "rev_not_increasing",
    "VER": "version_unsupported",
}


def code_of_rule(rule: str) -> str:
    """The problem code for a broken rule; a family has one code unless a rule of it has its own."""
    return _CODE_OF_RULE.get(rule) or _CODE_OF_FAMILY[rule.rpartition("-")[0]]
