"""What people come for, each as steps of a few fields: "a new service", "closed in August", "we need a van".

A step's fields are those of one page. A new record begins with what its task knows; an existing one of the same type
opens in the same steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from jisr_protocol import schema

from .fields import Field, Many, Plain, Values, Words, Writing, Yes, apply, values_of
from .groups import Group, Rows
from .opening import closings, hours
from .terms import TERMS

SPOKEN = ("ar", "zgh", "fr", "nl", "es", "da", "tr", "en")
ROLES = ("general", "intake", "referral", "volunteers", "press", "funding", "complaints", "emergency")
KINDS_OF_NEED = ("funding", "material", "professional", "knowledge", "venue", "people", "transport")
REVIEW_DAYS = 90
"""How long something that ages stands before it has to be confirmed, unless its author says otherwise."""

CONTACTS = Rows(
    "contact_points",
    (
        Plain("role", "role", ROLES, default="general"),
        Plain("phone", "phone"),
        Plain("email", "email"),
        Plain("url", "url"),
    ),
)
ADDRESSES = Rows(
    "addresses",
    (
        Words("street"),
        Plain("postal_code"),
        Words("locality"),
        Words("region"),
        Plain("country", "country", default="@country"),
    ),
)
POINT = Group(
    "coordinates",
    (
        Plain("latitude", "decimal"),
        Plain("longitude", "decimal"),
        Plain("precision", "choice", ("exact", "street", "locality", "region"), default="street"),
    ),
)
COST = Group(
    "cost",
    (
        Yes("free"),
        Group("price", (Plain("amount", "decimal"), Plain("currency", "currency", default="@currency"))),
        Words("note"),
    ),
)
QUANTITY = Group("quantity", (Plain("amount", "decimal"), Plain("unit", "unit", default="pieces")))
MONEY = Group(
    "amount",
    (Plain("minimum", "decimal"), Plain("maximum", "decimal"), Plain("currency", "currency", default="@currency")),
)
PLACES = Rows("at", (Plain("location", "location"), hours("schedule"), Words("note")))
AREAS = Rows("area", (Words("name"),))
ORGANIZATION = Plain("organization", "organization", required=True)
REVIEW = Plain("review_by", "date")
AUDIENCE = Plain("audience", "audience", ("public", "partners", "hub", "local"), required=True)


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
    """`begins` is what a new record of it holds besides its names; `organization` the member that says whose it is."""

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
            record[self.organization] = organization
        if self.ages:
            record["review_by"] = (date.fromisoformat(today) + timedelta(days=REVIEW_DAYS)).isoformat()
        if self.code == "news":
            record["published"] = f"{today}T00:00:00Z"
        if self.code == "event":
            record["timezone"] = writing.default("@timezone")
        return record


def _who(*more: Field) -> Step:
    return Step("who", (AUDIENCE, *more))


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.code: task
        for task in (
            Task(
                "service",
                "org.jisr.service/1",
                (
                    Step("words", (Words("name", required=True), Words("description", long=True), Words("for_whom"),
                                   Words("how_to_apply"), Many("languages", SPOKEN, more=True), COST, ORGANIZATION)),
                    Step("when", (hours("schedule"), Words("alert"))),
                    Step("where", (PLACES, Many("delivery", ("on_site", "remote", "outreach")), AREAS)),
                    Step("contact", (CONTACTS, Plain("url", "url"), Plain("apply_url", "url"))),
                    Step("subjects", (TERMS,)),
                    _who(REVIEW),
                ),
                organization="organization",
            ),
            Task(
                "organization",
                "org.jisr.organization/1",
                (
                    Step("words", (Words("name", required=True), Words("short_name"), Words("purpose", long=True),
                                   Plain("legal_form", "word", ("association", "foundation", "cooperative",
                                                                "social_enterprise", "public_body", "informal")),
                                   Plain("founded"), Many("languages", SPOKEN, more=True))),
                    Step("contact", (CONTACTS, Rows("websites", (Plain("address", "url"),), wrap=True))),
                    Step("when", (hours("opening_hours"),)),
                    Step("subjects", (TERMS, AREAS)),
                    _who(REVIEW),
                ),
            ),
            Task(
                "place",
                "org.jisr.location/1",
                (
                    Step("words", (Words("name", required=True),
                                   Plain("kind", "word", ("office", "centre", "school", "clinic", "shelter", "camp",
                                                          "public_space")),
                                   ADDRESSES, Words("transport", long=True))),
                    Step("map", (Plain("privacy", "privacy", ("exact", "area", "hidden"), required=True), POINT)),
                    Step("when", (hours("opening_hours"),)),
                    Step("contact", (CONTACTS,)),
                    _who(REVIEW),
                ),
                begins={"privacy": "exact"},
            ),
            Task(
                "volunteers",
                "org.jisr.opportunity/1",
                (
                    Step("words", (Words("name", required=True), Words("description", long=True),
                                   Rows("tasks", (Words("task"),), wrap=True), Words("how_to_apply"), ORGANIZATION)),
                    Step("time", (Group("commitment", (Plain("kind", "choice", ("one_off", "regular", "flexible")),
                                                       Plain("minimum_hours", "whole"),
                                                       Plain("maximum_hours", "whole"),
                                                       Plain("per", "choice", ("day", "week", "month", "total")))),
                                  Plain("mode", "choice", ("on_site", "remote", "hybrid")),
                                  Plain("location", "location"), Plain("minimum_age", "whole"),
                                  Group("places", (Plain("total", "whole"), Plain("open", "whole"))),
                                  Plain("deadline", "date"), REVIEW)),
                    Step("contact", (CONTACTS, Plain("apply_url", "url"))),
                    Step("subjects", (TERMS, AREAS)),
                    _who(),
                ),
                organization="organization",
                ages=True,
            ),
            Task(
                "need",
                "org.jisr.need/1",
                (
                    Step("words", (Words("name", required=True), Plain("kind", "choice", KINDS_OF_NEED, required=True),
                                   Words("description", long=True), QUANTITY, MONEY,
                                   Plain("urgency", "choice", ("low", "normal", "high", "critical")), ORGANIZATION)),
                    Step("time", (Plain("deadline", "date"), REVIEW, Words("for_whom"),
                                  Plain("met", "choice", ("no", "partly", "fully")))),
                    Step("contact", (CONTACTS, AREAS)),
                    _who(),
                ),
                organization="organization",
                ages=True,
            ),
            Task(
                "offer",
                "org.jisr.offer/1",
                (
                    Step("words", (Words("name", required=True), Plain("kind", "choice", KINDS_OF_NEED, required=True),
                                   Words("description", long=True), QUANTITY, MONEY, Words("conditions"),
                                   ORGANIZATION)),
                    Step("time", (Plain("recurrence", "choice", ("once", "daily", "weekly", "monthly", "yearly",
                                                                 "continuous")),
                                  Group("period", (Plain("from", "date"), Plain("until", "date"))), REVIEW)),
                    Step("contact", (CONTACTS, AREAS)),
                    _who(),
                ),
                organization="organization",
                ages=True,
            ),
            Task(
                "event",
                "org.jisr.event/1",
                (
                    Step("words", (Words("name", required=True), Words("description", long=True),
                                   Plain("start", "moment"), Plain("end", "moment"), Plain("timezone", "zone"),
                                   Plain("event_status", "choice", ("scheduled", "moved", "cancelled"), required=True),
                                   Plain("organizer", "organization", required=True))),
                    Step("where", (Plain("location", "location"), Plain("online_url", "url"), Words("for_whom"),
                                   Many("languages", SPOKEN, more=True), COST)),
                    Step("contact", (CONTACTS, Plain("url", "url"))),
                    Step("subjects", (TERMS, AREAS)),
                    _who(),
                ),
                begins={"event_status": "scheduled"},
                organization="organizer",
            ),
            Task(
                "news",
                "org.jisr.news/1",
                (
                    Step("words", (Words("title", required=True), Words("summary"), Words("body", long=True),
                                   Plain("published", "instant", required=True), Plain("url", "url"),
                                   Plain("organization", "organization"))),
                    Step("subjects", (TERMS, AREAS)),
                    _who(),
                ),
                organization="organization",
            ),
        )
    }
)  # fmt: skip
"""Tasks that make a record, by their code."""
CLOSED: Mapping[str, Step] = MappingProxyType(
    {
        "org.jisr.organization/1": Step("closed", (closings("opening_hours"),)),
        "org.jisr.service/1": Step("closed", (closings("schedule"), Words("alert"))),
        "org.jisr.location/1": Step("closed", (closings("opening_hours"),)),
    }
)
""""Closed in August" is a step of a record that there is already, by its type."""


def task_of(type_name: str) -> Task | None:
    """The task whose steps show records of a type; None for types that are written by file."""
    return next((task for task in TASKS.values() if task.type == type_name), None)


def step_of(type_name: str, code: str) -> Step | None:
    """A step of records of a type, "closed" too; the first one for ""."""
    if code == "closed":
        return CLOSED.get(type_name)
    task = task_of(type_name)
    return task.step(code) if task else None
