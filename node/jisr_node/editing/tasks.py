"""What people come for, each as steps of a few fields: "a new service", "closed in August", "we need a van".

A step's fields are those of one page. A new record begins with what its task knows; an existing one of the same type
opens in the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .fields import Many, Plain, Words
from .groups import Group, Rows
from .opening import closings, hours
from .parts import (
    ADDRESSES,
    AREAS,
    CONTACTS,
    COST,
    KINDS_OF_NEED,
    MONEY,
    ORGANIZATION,
    PERIOD,
    PLACES,
    POINT,
    QUANTITY,
    REVIEW,
    SPOKEN,
    WEBSITES,
    who,
)
from .steps import Step, Task
from .terms import TERMS
from .together import TOGETHER

__all__ = ["CLOSED", "TASKS", "Step", "Task", "step_of", "task_of"]


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
                    who(REVIEW),
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
                    Step("contact", (CONTACTS, WEBSITES)),
                    Step("when", (hours("opening_hours"),)),
                    Step("subjects", (TERMS, AREAS)),
                    who(REVIEW),
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
                    who(REVIEW),
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
                    who(),
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
                    who(),
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
                                  PERIOD, REVIEW)),
                    Step("contact", (CONTACTS, AREAS)),
                    who(),
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
                    who(),
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
                    who(),
                ),
                organization="organization",
            ),
            *TOGETHER,
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
