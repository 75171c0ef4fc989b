"""What is done with others, and with money: projects, alliances, memberships, support got or given, forms to share.
Tasks as in tasks.py."""

from __future__ import annotations

from .fields import Many, Plain, Words, Yes
from .groups import Group, Rows
from .parts import AREAS, CONTACTS, MONEY, NEAR, PERIOD, REVIEW, SPOKEN, WEBSITES, party, who
from .steps import Step, Task
from .terms import TERMS

KINDS_OF_ALLIANCE = ("network", "platform", "thematic_group", "coordination_point")
KINDS_OF_STANDARD = ("form", "method", "taxonomy", "data_format", "quality_mark")
TOGETHER: tuple[Task, ...] = (
    Task(
        "project",
        "org.jisr.project/1",
        (
            Step("words", (Words("name", required=True), Words("description", long=True),
                           Rows("partners", (Words("name"),)), Plain("lead", "organization", required=True))),
            Step("time", (PERIOD, Group("budget", MONEY.parts), Group("reach", (Plain("people", "whole"),)),
                          Rows("outcomes", (Words("outcome", long=True),), wrap=True))),
            Step("where", (Many("countries", NEAR, more=True), Yes("pilot"),
                           Group("municipality", (Words("name"),)))),
            Step("contact", (CONTACTS, WEBSITES)),
            Step("subjects", (TERMS, AREAS)),
            who(REVIEW),
        ),
        organization="lead",
    ),
    Task(
        "alliance",
        "org.jisr.alliance/1",
        (
            Step("words", (Words("name", required=True), Words("short_name"),
                           Plain("kind", "choice", KINDS_OF_ALLIANCE, required=True),
                           Words("purpose", long=True), Words("governance", long=True),
                           Plain("coordinator", "organization"))),
            Step("together", (Rows("working_groups", (Words("working_group"),), wrap=True),
                              Words("action_plan", long=True), Words("meeting_rhythm"))),
            Step("contact", (CONTACTS, WEBSITES)),
            Step("subjects", (TERMS, AREAS)),
            who(REVIEW),
        ),
        begins={"kind": "network"},
        organization="coordinator",
    ),
    Task(
        "membership",
        "org.jisr.membership/1",
        (
            Step("words", (Plain("subject", "organization", required=True),
                           Plain("alliance", "reference", required=True),
                           Plain("role", "choice", ("member", "lead", "facilitator", "board", "observer"),
                                 default="member", required=True, label="member_role"))),
            Step("time", (Plain("from", "date"), Plain("until", "date"), Words("note"))),
            who(),
        ),
        begins={"side": "subject", "role": "member"},
        organization="subject",
    ),
    Task(
        "grant",
        "org.jisr.grant/1",
        (
            Step("words", (Words("name", required=True), Words("description", long=True), party("funder"),
                           Group("amount", (Plain("amount", "decimal"),
                                            Plain("currency", "currency", default="@currency")), required=True),
                           party("recipient"))),
            Step("time", (Plain("awarded", "date"), PERIOD, Plain("project", "project"),
                          Plain("fund", "fund"))),
            Step("subjects", (TERMS, AREAS)),
            who(),
        ),
        organization="recipient/organization",
    ),
    Task(
        "fund",
        "org.jisr.fund/1",
        (
            Step("words", (Words("name", required=True), Plain("kind", "choice", ("programme", "call")),
                           Words("description", long=True), Words("how_to_apply"), Plain("apply_url", "url"),
                           party("funder"))),
            Step("time", (Group("window", (Plain("opens", "date"), Plain("closes", "date"))), MONEY, REVIEW)),
            Step("where", (Many("eligible_countries", NEAR, more=True), Words("eligibility", long=True),
                           Many("languages", SPOKEN, more=True))),
            Step("contact", (CONTACTS,)),
            Step("subjects", (TERMS, AREAS)),
            who(),
        ),
        organization="funder/organization",
    ),
    Task(
        "standard",
        "org.jisr.standard/1",
        (
            Step("words", (Words("name", required=True),
                           Plain("kind", "choice", KINDS_OF_STANDARD, required=True),
                           Words("description", long=True), Plain("version"), Plain("url", "url"),
                           Plain("state", "choice", ("draft", "in_use", "superseded")),
                           Group("steward", (Plain("organization", "organization"), Words("name"))))),
            Step("contact", (CONTACTS,)),
            Step("subjects", (TERMS,)),
            who(REVIEW),
        ),
        begins={"kind": "form"},
        organization="steward/organization",
    ),
)  # fmt: skip
