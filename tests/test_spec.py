"""Code, specification and tests say the same: every rule is written, enforced, proven, and named by all three.

* Every sentence of docs/spec with MUST belongs to a rule with an id, and no id stands twice.
* Every id is named by source code and by a test or vector; every id that source code names is in the specification.
* Every rule that is checked has a proof that passes, and fails when the rule is switched off.
* The worked examples are what the maker of the vectors makes; tables of limits and codes are those of the code.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import tests.hub.key_rule_proofs
import tests.hub.mailbox_proofs
import tests.hub.rule_proofs
import tests.hub.test_admissions
import tests.hub.usage_proofs
import tests.protocol.test_authority
import tests.reader.rule_proofs  # noqa: F401 - they register the proofs that are no vectors
from jisr_protocol import limits
from jisr_protocol.problems import PROBLEMS
from jisr_protocol.refusal import Refusal, switched_off
from tests.protocol.proofs import PROOFS, Proof

ROOT = Path(__file__).resolve().parent.parent
SPEC = sorted((ROOT / "docs" / "spec").glob("*.md"))
FAMILIES = (
    "ACK ADM AUTH BUN CAN CAP ENT EVD HEAD ID ING KEY LIM LIVE MAT MRK NHD NTC PAGE PATH PEER POL PROB PUSH READ REC"
    " SEAL SIG SNAP STA STMT TOK USE VER WIT"
)
ID = re.compile(rf"\b(?:{FAMILIES.replace(' ', '|')})-[0-9]+\b")
RULE = re.compile(r"- \*\*([A-Z]+-[0-9]+)\*\*( \(form\))? ")

WAITING: dict[str, str] = {}
"""Rules whose code or proof is still to come, with the reason. Printed loudly; must be empty in the end."""


def items(text: str) -> list[str]:
    """Paragraphs and list items, without fenced blocks."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return [" ".join(item.split()) for item in re.split(r"\n\s*\n|\n(?=- )|\n(?=\d+\. )", text)]


def rules() -> dict[str, bool]:
    """Every rule of the specification; True when it is checked, False for a form rule."""
    found = (RULE.match(item) for file in SPEC for item in items(file.read_text("utf-8")))
    return {match[1]: match[2] is None for match in found if match}


CHECKED = sorted(rule for rule, checked in rules().items() if checked)


def test_every_sentence_with_must_belongs_to_a_rule() -> None:
    loose = [
        (file.name, item)
        for file in SPEC
        for item in items(file.read_text("utf-8"))
        if "MUST" in item and not RULE.match(item) and not item.startswith("**MUST** marks")
    ]
    assert loose == []


def test_every_rule_says_must() -> None:
    lax = [item for file in SPEC for item in items(file.read_text("utf-8")) if RULE.match(item) and "MUST" not in item]
    assert lax == []


def test_no_rule_stands_twice() -> None:
    ids = Counter(
        match[1] for file in SPEC for item in items(file.read_text("utf-8")) if (match := RULE.match(item)) is not None
    )
    assert [rule for rule, times in ids.items() if times > 1] == []


def test_every_checked_rule_says_what_happens_to_what_breaks_it() -> None:
    """A code of the catalogue stands in the item, or the rule is a form of identifiers.md, which says it for all."""
    silent = []
    for file in SPEC:
        for item in items(file.read_text("utf-8")):
            match = RULE.match(item)
            told = any(f"`{code}`" in item for code in PROBLEMS)
            if match and match[2] is None and not told and not match[1].startswith("ID-"):
                silent.append(match[1])
    assert silent == []


def _named(files: list[Path]) -> set[str]:
    return {rule for file in files for rule in ID.findall(file.read_text("utf-8"))}


def _sources() -> list[Path]:
    """Source code that enforces: the table of codes alone enforces nothing."""
    folders = ("protocol/jisr_protocol", "node/jisr_node", "hub/jisr_hub")
    return [file for folder in folders for file in (ROOT / folder).rglob("*.py") if file.name != "problems.py"]


def test_every_rule_is_named_by_the_code_that_keeps_it() -> None:
    assert sorted(set(rules()) - _named(_sources()) - WAITING.keys() - {"PROB-1"}) == []
    assert "PROB-1" in _named([ROOT / "protocol" / "jisr_protocol" / "problems.py"])


def test_every_rule_that_code_names_is_in_the_specification() -> None:
    code = _named([*_sources(), ROOT / "protocol" / "jisr_protocol" / "problems.py"])
    assert sorted(code - set(rules())) == []


def test_every_rule_is_named_by_a_test_or_vector() -> None:
    tests_and_vectors = [file for file in (ROOT / "tests").rglob("*.py") if file.name != "test_spec.py"]
    tests_and_vectors += (ROOT / "protocol" / "vectors").glob("*.json")
    tests_and_vectors += (ROOT / "protocol" / "vectors").glob("feeds/*/expect.json")
    assert sorted(set(rules()) - _named(tests_and_vectors) - WAITING.keys()) == []


def test_nothing_waits(capsys: pytest.CaptureFixture[str]) -> None:
    if WAITING:
        with capsys.disabled():
            print(f"\nRULES THAT WAIT FOR THEIR CODE OR PROOF: {len(WAITING)}")
            for rule, reason in WAITING.items():
                print(f"  {rule}: {reason}")
    assert not (WAITING.keys() - rules().keys())


def _end(proof: Proof) -> str:
    """How a proof ends: it passes, fails as it should, or falls over what the missing check let through."""
    try:
        proof()
    except (AssertionError, Refusal):
        return "fails"
    # without the check anything may happen further on
    except Exception:
        return "falls over"
    return "passes"


@pytest.mark.parametrize("rule", CHECKED)
def test_a_rule_is_proven_and_its_proof_fails_without_it(rule: str) -> None:
    if rule in WAITING:
        return
    assert PROOFS[rule], f"{rule} has no proof"
    for proof in PROOFS[rule]:
        proof()
    with switched_off(rule):
        ends = [_end(proof) for proof in PROOFS[rule]]
    assert "fails" in ends, f"nothing changes when {rule} is switched off: {ends}"


def test_there_is_more_than_one_proof_for_most_rules(figure: Callable[..., None]) -> None:
    counts = {rule: len(PROOFS[rule]) for rule in CHECKED}
    figure(f"{len(CHECKED)} checked rules, {len(rules()) - len(CHECKED)} forms, {sum(counts.values())} proofs")
    assert sum(count > 1 for count in counts.values()) > len(CHECKED) / 2


def test_every_proof_belongs_to_a_rule_of_the_specification() -> None:
    assert sorted(PROOFS.keys() - rules().keys()) == []


def _maker(name: str) -> ModuleType:
    """A module of the maker of the vectors, which is no package of ours."""
    folder = str(ROOT / "protocol" / "vectors")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module(f"maker.{name}")
    finally:
        sys.path.remove(folder)


def test_the_worked_examples_are_what_the_maker_makes() -> None:
    examples = _maker("examples").EXAMPLES
    shown = {}
    for file in SPEC:
        text = file.read_text("utf-8")
        shown.update(re.findall(r"<!-- example: ([a-z-]+) -->\n```text\n(.*?)\n```", text, flags=re.DOTALL))
        assert file.name == "README.md" or text.index("<!-- example:") < text.index("\n##"), file.name
    assert {name: make() for name, make in examples.items()} == shown


def test_the_table_of_codes_is_that_of_the_code() -> None:
    text = (ROOT / "docs" / "spec" / "problems.md").read_text("utf-8")
    told = dict(re.findall(r"`([a-z_0-9]+)` \| `([a-z_]+(?::[0-9]+)?)`", text))
    assert told == {code: problem.retry for code, problem in PROBLEMS.items()}


def test_every_number_of_the_limits_is_the_codes() -> None:
    text = (ROOT / "docs" / "spec" / "limits.md").read_text("utf-8")
    table = text[text.index("| what | limit |") : text.index("## Rules")]
    told = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", re.sub(r"RFC \d+", "", table))]
    assert told == [
        limits.RECORD_BYTES, limits.ENTRY_BYTES, limits.HEAD_BYTES, limits.KEYS_BYTES, limits.DEPTH_LEVELS,
        limits.PAGE_ENTRIES, limits.INVENTORY_BYTES, limits.SNAPSHOT_PART_ENTRIES, limits.SNAPSHOT_PART_BYTES,
        limits.MANIFEST_BYTES, limits.GENERATIONS_BYTES, limits.BATCH_ENTRIES, limits.BATCH_BYTES, limits.PUSH_BYTES,
        limits.INFLATE_RATIO, 8 * 1024 * 1024, limits.PARALLEL_FETCHES, limits.PER_NODE_SECOND, limits.PER_NODE_HOUR,
        limits.PER_NODE_DAY, limits.HOPS, limits.REV_JUMP, limits.EPOCH_JUMP, limits.CLOCK_SKEW_SECONDS,
        limits.HUB_HEAD_HOURS, limits.NODE_HEAD_DAYS, limits.LONG_POLL_SECONDS, limits.TOMBSTONE_DAYS,
        limits.PAGE_CACHE_SECONDS, limits.NOTICE_TARGETS, limits.BASIS_CHARACTERS, limits.HOLD_DAYS,
        limits.ACK_HOURS, limits.ACK_AWAITS, limits.NOTICES_BYTES, limits.NOTICES_AT_ONCE, limits.ADVICE_KEPT,
        limits.POLICY_BYTES, limits.POLICY_ITEMS,
        limits.STATEMENT_DAYS, limits.STATEMENTS_PER_SUBJECT, limits.ANCHOR_KEYS,
        limits.ADMISSION_BYTES, limits.SIDE_BY_SIDE_DAYS,
        limits.BUNDLE_FILES, limits.BUNDLE_BYTES,
        limits.SEALED_BYTES, limits.MESSAGE_CHARACTERS, limits.MESSAGE_DAYS, limits.MAILBOX_MESSAGES,
        limits.MESSAGES_PER_SOURCE_HOUR, limits.MESSAGES_PER_NODE_HOUR,
        limits.MATCH_BYTES, limits.MATCH_GROUP, limits.MATCHES_PER_SOURCE_HOUR,
        limits.USAGE_STEP, limits.USAGE_WEEKS, limits.USAGE_RECORDS, limits.USAGE_BYTES, limits.USAGE_CORRECTED,
        limits.USAGE_DAYS,
    ]  # fmt: skip


def test_links_between_the_documents_lead_somewhere() -> None:
    for file in SPEC:
        for target in re.findall(r"\]\(([^)#]+)\)", file.read_text("utf-8")):
            assert (file.parent / target).exists(), (file.name, target)
