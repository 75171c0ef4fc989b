"""What is wrong with a draft and what could be better, by the one validator, each finding at its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.quality.findings import MUST_FIX, Finding, Verdict
from jisr_protocol.quality.validating import validate

from .fields import Field

_INSTANT = "T00:00:00Z"
_SALT = identifiers.new_salt(bytes(16))


@dataclass(frozen=True)
class Told:
    """A finding at the key of a field's value, or at a field; "" where no field of the page shows it."""

    key: str
    finding: Finding

    @property
    def must(self) -> bool:
        return self.finding.level == MUST_FIX


def judged(record: Mapping[str, Any], node: str, record_id: str, today: str, created: str = "") -> Verdict:
    """The verdict on a draft as it would be signed today (YYYY-MM-DD)."""
    at = f"{today}{_INSTANT}"
    given = {"id": record_id, "node": node, "rev": 1, "salt": _SALT, "created": created or at, "modified": at}
    return validate({**record, **given}, today)


def beside(findings: Iterable[Finding], fields: Iterable[Field], shown: Iterable[str]) -> list[Told]:
    """The findings with where a page shows them. `shown` are the keys of its values."""
    codes, keys = {one.member: one.code for one in fields}, set(shown)
    return [Told(_key(finding, codes, keys), finding) for finding in findings]


def _key(finding: Finding, codes: Mapping[str, str], keys: set[str]) -> str:
    steps = finding.pointer.split("/")[1:]
    lacking = finding.expected.split(", ") if finding.code in ("missing", "missing_one") else [""]
    for name in lacking:
        path = [*steps, name] if name else steps
        if not path or path[0] not in codes:
            continue
        path = [codes[path[0]], *path[1:]]
        for length in range(len(path), 0, -1):
            key = ".".join(path[:length])
            if key in keys or any(one.startswith(f"{key}.") for one in keys):
                return key
        return path[0]
    return ""
