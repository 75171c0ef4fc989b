"""A task as steps of a few fields each: what a new record begins with, and what a page shows and takes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from jisr_protocol import schema

from .fields import Field, Values, Writing, apply, values_of

REVIEW_DAYS = 90
"""How long something that ages stands before it has to be confirmed, unless its author says otherwise."""


@dataclass(frozen=True)
class Step:
    """One page of a task."""

    code: str
    fields: tuple[Field, ...]

    def values(self, record: Mapping[str, Any], writing: Writing) -> dict[str, str]:
        """What the page shows of a record."""
        return values_of(self.fields, record, writing)

    def apply(
        self, record: Mapping[str, Any], values: Values, shown: Iterable[str], writing: Writing
    ) -> dict[str, Any]:
        """The record with what was typed, of the fields that the page showed; all else is as it was."""
        after: MutableMapping[str, Any] = dict(record)
        asked = set(shown)
        apply([one for one in self.fields if one.code in asked], after, values, writing)
        return dict(after)


@dataclass(frozen=True)
class Task:
    """`begins` is what a new record of it holds besides its names; `organization` the member that says whose it is, or
    with a stroke the member of a party."""

    code: str
    type: str
    steps: tuple[Step, ...]
    begins: Mapping[str, Any] = field(default_factory=dict)
    organization: str = ""
    ages: bool = False

    def step(self, code: str) -> Step | None:
        """The step of this code, the first when none is named; None when there is no such step."""
        return next((step for step in self.steps if step.code == code), None) if code else self.steps[0]

    def begin(self, writing: Writing, licence: str, today: str, organization: str | None) -> dict[str, Any]:
        """A new record as far as it is known before anything is typed. `today` is YYYY-MM-DD."""
        record: dict[str, Any] = {
            "type": self.type,
            "status": "active",
            "lang": writing.lang,
            "licence": licence,
            "audience": schema.default_audience(self.type),
            **self.begins,
        }
        if self.organization and organization:
            member, _, part = self.organization.partition("/")
            record[member] = {part: organization} if part else organization
        if self.ages:
            record["review_by"] = (date.fromisoformat(today) + timedelta(days=REVIEW_DAYS)).isoformat()
        if self.code == "news":
            record["published"] = f"{today}T00:00:00Z"
        if self.code == "event":
            record["timezone"] = writing.default("@timezone")
        return record
