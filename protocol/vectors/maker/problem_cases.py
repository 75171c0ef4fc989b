"""The catalogue of problem codes, written down a second time: docs/spec/problems.md."""

from __future__ import annotations

from .cases import CaseFile

RETRY = {
    "never": "signature_invalid header_invalid key_revoked nullified key_invalid identifier_mismatch "
    "not_authoritative not_admitted rev_not_increasing rev_jump equivocation policy_refused "
    "constraint_violated statement_old invitation_invalid "
    "crit_unknown erased notice_old rollback fork hops_exceeded not_found "
    "unproven epoch_jump witness_conflict bundle_unsafe not_allowed unopenable message_expired message_seen",
    "same": "encoding_broken key_unknown stub_without_cause root_mismatch state_mismatch seq_mismatch head_older "
    "head_expired page_missing hash_mismatch unwitnessed bundle_unreadable",
    "fix_request": "not_json not_canonical malformed too_large inflate_limit encoding_unsupported schema_invalid "
    "audience_mismatch proof_invalid seq_gap clock_skew version_unsupported method_not_allowed restricted "
    "token_needed cannot_act not_here",
    "after_rebase": "feed_fork",
    "after_snapshot": "epoch_unknown cursor_below_floor",
    "after:5": "busy",
    "after:30": "unreachable internal",
    "after:60": "rate_limited",
    "after:300": "fenced",
    "after:3600": "quota_exhausted",
    "after:21600": "mailbox_full",
    "after:86400": "type_unknown not_attested attestation_lapsed",
}


def make() -> CaseFile:
    file = CaseFile("problems", "Operation retry: a code → what a client does about it.")
    for retry, codes in RETRY.items():
        for code in codes.split():
            file.valid("PROB-1", "retry", f"{code}: {retry}", {"code": code}, {"retry": retry})
    return file
