"""The bridge stands: a bent feed, or a bent entry, is refused, and what is held stays.

Each test prints its figure.
"""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from jisr_protocol import evidence
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.reader.store import open_copy
from tests.acceptance.running import ROOT

FEEDS = ROOT / "protocol" / "vectors" / "feeds"
WHOLE_FEED_REFUSED = {
    "form-member-order": (21, "not_canonical"),
    "form-spaces": (21, "not_canonical"),
    "form-escaped-letter": (21, "not_canonical"),
    "form-name-twice-first": (21, "not_canonical"),
    "form-name-twice-last": (21, "not_canonical"),
    "form-decimal-point": (21, "not_canonical"),
    "form-exponent": (21, "not_canonical"),
    "form-byte-order-mark": (21, "not_json"),
    "form-nfd-text": (21, "not_canonical"),
    "form-lone-surrogate": (21, "not_json"),
    "flipped-byte": (21, "root_mismatch"),
    "missing-page": (21, "page_missing"),
    "stub-without-cause": (21, "stub_without_cause"),
    "shortened-log": (21, "seq_mismatch"),
    "older-head": (10, "head_older"),
    "rollback": (20, "rollback"),
    "two-heads-one-size": (20, "fork"),
}
ENTRY_REFUSED = {
    "header-with-more": "header_invalid",
    "header-of-another-kind": "header_invalid",
    "key-of-another": "key_unknown",
    "rev-falls": "rev_not_increasing",
}


@pytest.mark.parametrize("name", WHOLE_FEED_REFUSED)
def test_a_bent_feed_is_refused_and_nothing_held_is_lost(
    name: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    expected = json.loads((FEEDS / name / "expect.json").read_text("utf-8"))
    moment = datetime.fromisoformat(expected["now"])
    into = tmp_path / "copy.jisr"
    held = b""
    if expected["before"]:
        assert follow_once(FEEDS / name / expected["before"], into, now=lambda: moment).outcome == 0
        held = dumped(into)
        assert held
    result = follow_once(FEEDS / name / "feed", into, now=lambda: moment)
    assert result.refusal is not None
    assert (int(result.outcome), result.refusal.code) == WHOLE_FEED_REFUSED[name]
    assert dumped(into) == held, "what was held before is not what is held after"
    if result.outcome == 20:
        assert result.evidence is not None
        assert evidence.parse(result.evidence.read_bytes()).said
    figure(f"exit {result.outcome:d}, {result.refusal.code}, {result.refusal.rule}")


def dumped(file: Path) -> bytes:
    if not file.exists():
        return b""
    with open_copy(file) as copy:
        return b"".join(copy.dump())


@pytest.mark.parametrize("name", ENTRY_REFUSED)
def test_a_bent_entry_is_refused_and_the_others_are_verified_and_shown(
    name: str, tmp_path: Path, figure: Callable[..., None]
) -> None:
    expected = json.loads((FEEDS / name / "expect.json").read_text("utf-8"))
    copy_file = tmp_path / "copy.jisr"
    result = follow_once(FEEDS / name / "feed", copy_file, now=lambda: datetime.fromisoformat(expected["now"]))
    assert result.outcome == 0
    assert [refused.code for refused in result.refused] == [ENTRY_REFUSED[name]]
    with open_copy(copy_file) as copy:
        shown = [[r.node, r.id, r.rev, r.digest] for r in copy.records()]
        refused = [r.seq for r in copy.refusals()]
    assert refused == [r["seq"] for r in expected["refused"]]
    assert len(shown) >= 2
    kept_above_the_log = [row for row in shown if row not in expected["live"]]
    assert len(kept_above_the_log) == (name == "rev-falls"), "only a higher rev held before differs from the log"
    figure(f"{ENTRY_REFUSED[name]}: 1 entry refused and counted, {len(shown)} records verified and shown")
