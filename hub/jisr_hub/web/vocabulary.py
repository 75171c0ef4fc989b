"""The words of the records in the reader's language: types, members and the closed lists of values.

Names follow the schemas in `protocol/schemas`; the English messages are everyday words for them. What has no
word here is not shown as a fact; the record as it was sent stands below the facts, whole.
"""

from collections.abc import Mapping

from jisr_hub.web.language import N_, Language

# One and many of each type.
TYPES: Mapping[str, tuple[str, str]] = {
    "org.jisr.organization/1": (N_("Organization"), N_("Organizations")),
    "org.jisr.service/1": (N_("Service"), N_("Services")),
    "org.jisr.location/1": (N_("Place"), N_("Places")),
    "org.jisr.opportunity/1": (N_("Volunteer vacancy"), N_("Volunteer vacancies")),
    "org.jisr.volunteer/1": (N_("Volunteer"), N_("Volunteers")),
    "org.jisr.need/1": (N_("Need"), N_("Needs")),
    "org.jisr.offer/1": (N_("Offer"), N_("Offers")),
    "org.jisr.fund/1": (N_("Fund"), N_("Funds")),
    "org.jisr.grant/1": (N_("Grant"), N_("Grants")),
    "org.jisr.project/1": (N_("Project"), N_("Projects")),
    "org.jisr.event/1": (N_("Activity"), N_("Activities")),
    "org.jisr.alliance/1": (N_("Alliance"), N_("Alliances")),
    "org.jisr.membership/1": (N_("Membership"), N_("Memberships")),
    "org.jisr.news/1": (N_("News item"), N_("News")),
    "org.jisr.standard/1": (N_("Standard"), N_("Standards")),
    "org.jisr.taxonomy/1": (N_("List of terms"), N_("Lists of terms")),
    "org.jisr.indicator/1": (N_("Figure"), N_("Figures")),
    "org.jisr.assertion/1": (N_("Statement about records"), N_("Statements about records")),
}

# Members in the order in which a person looks for them.
MEMBERS: Mapping[str, str] = {
    "alert": N_("Please note"),
    "event_status": N_("State"),
    "start": N_("Begins"),
    "end": N_("Ends"),
    "summary": N_("In short"),
    "purpose": N_("Purpose"),
    "body": N_("Text"),
    "for_whom": N_("For whom"),
    "eligibility": N_("Conditions"),
    "schedule": N_("Hours"),
    "opening_hours": N_("Hours"),
    "hours": N_("Hours"),
    "at": N_("Where"),
    "addresses": N_("Address"),
    "location": N_("Place"),
    "online_url": N_("Online"),
    "contact": N_("Contact"),
    "contact_points": N_("Contact"),
    "role": N_("Role"),
    "phone": N_("Phone"),
    "email": N_("Mail"),
    "how_to_apply": N_("How to apply"),
    "apply_url": N_("Apply here"),
    "sign_up": N_("Sign up"),
    "referral": N_("Referral"),
    "required": N_("Required"),
    "accepted": N_("Accepted"),
    "bring": N_("What to bring"),
    "response_days": N_("Days until an answer"),
    "cost": N_("Cost"),
    "places": N_("Places free"),
    "capacity": N_("Capacity"),
    "waiting": N_("Waiting time"),
    "days": N_("Days"),
    "languages": N_("Languages"),
    "interpreting": N_("Interpreters for"),
    "delivery": N_("How it is given"),
    "mode": N_("How it is given"),
    "tasks": N_("Tasks"),
    "goal": N_("Goal"),
    "skills": N_("Skills"),
    "commitment": N_("Time asked"),
    "minimum_hours": N_("Hours at least"),
    "maximum_hours": N_("Hours at most"),
    "minimum_age": N_("Age at least"),
    "maximum_age": N_("Age at most"),
    "training": N_("Training"),
    "insurance": N_("Insurance"),
    "expenses": N_("Expenses"),
    "kind": N_("Kind"),
    "urgency": N_("Urgency"),
    "amount": N_("Amount"),
    "quantity": N_("Amount"),
    "budget": N_("Budget"),
    "conditions": N_("Conditions"),
    "deadline": N_("Deadline"),
    "window": N_("Applications"),
    "opens": N_("From"),
    "closes": N_("Until"),
    "from": N_("From"),
    "until": N_("Until"),
    "period": N_("Period"),
    "published": N_("Published"),
    "organization": N_("Organization"),
    "organizer": N_("Organizer"),
    "funder": N_("Funder"),
    "recipient": N_("Recipient"),
    "lead": N_("Lead"),
    "partners": N_("Partners"),
    "coordinator": N_("Coordinator"),
    "steward": N_("Kept by"),
    "project": N_("Project"),
    "parent": N_("Part of"),
    "subject": N_("Member"),
    "alliance": N_("Alliance"),
    "area": N_("Works in"),
    "municipality": N_("Municipality"),
    "countries": N_("Countries"),
    "eligible_countries": N_("Countries"),
    "terms": N_("Subjects"),
    "outcomes": N_("Results"),
    "governance": N_("How it is governed"),
    "working_groups": N_("Working groups"),
    "action_plan": N_("Action plan"),
    "meeting_rhythm": N_("Meetings"),
    "accessibility": N_("Accessibility"),
    "transport": N_("How to get there"),
    "coordinates": N_("Coordinates"),
    "accreditation": N_("Quality marks"),
    "short_name": N_("Short name"),
    "alternate_names": N_("Also called"),
    "acronym": N_("Acronym"),
    "founded": N_("Founded"),
    "size": N_("People working there"),
    "websites": N_("Website"),
    "url": N_("Website"),
    "identifiers": N_("Registered as"),
    "version": N_("Version"),
    "value": N_("Value"),
    "reason": N_("Reason"),
    "documents": N_("Documents"),
    "reports": N_("Documents"),
    "note": N_("Note"),
}

# An active record needs no word.
STATUSES: Mapping[str, str] = {
    "planned": N_("Planned"),
    "paused": N_("Paused"),
    "ended": N_("Ended"),
}

# Values of closed lists, by the member that holds them.
VALUES: Mapping[str, Mapping[str, str]] = {
    "delivery": {"on_site": N_("On site"), "remote": N_("From a distance"), "outreach": N_("At people's homes")},
    "mode": {"on_site": N_("On site"), "remote": N_("From a distance"), "hybrid": N_("Both")},
    "event_status": {"scheduled": N_("Planned"), "moved": N_("Moved"), "cancelled": N_("Cancelled")},
    "kind": {
        "funding": N_("Money"),
        "material": N_("Goods"),
        "professional": N_("Professional help"),
        "knowledge": N_("Knowledge"),
        "venue": N_("Room"),
        "people": N_("People"),
        "transport": N_("Transport"),
        "network": N_("Network"),
        "platform": N_("Platform"),
        "thematic_group": N_("Thematic group"),
        "coordination_point": N_("Coordination point"),
    },
    "urgency": {
        "low": N_("Low"),
        "normal": N_("Normal"),
        "high": N_("High"),
        "critical": N_("Very high"),
    },
    "label": {"ramadan": N_("Ramadan"), "summer": N_("Summer"), "holiday": N_("Holidays")},
}

RELATIONS: Mapping[str, str] = {
    "part_of": N_("Part of"),
    "member_of": N_("Member of"),
    "runs": N_("Runs"),
    "offers_at": N_("Offers at"),
    "located_at": N_("Located at"),
    "funds": N_("Funds this"),
    "supports": N_("Supports"),
    "partner_in": N_("Partner in"),
    "answers": N_("Answers"),
    "uses_standard": N_("Uses the standard"),
    "maintains_standard": N_("Maintains the standard"),
    "about": N_("About"),
    "successor_of": N_("Successor of"),
}


def kind_word(type_: str, language: Language) -> str:
    """Name one record of a type: "Service"; a type without a word here is named as on the wire."""
    return language.gettext(TYPES[type_][0]) if type_ in TYPES else type_


def kinds_word(type_: str, language: Language) -> str:
    """Name many records of a type: "Services"; a type without a word here is named as on the wire."""
    return language.gettext(TYPES[type_][1]) if type_ in TYPES else type_


def status_word(status: object, language: Language) -> str:
    """Name a status that a reader must know; "" for an active record and for what is no status."""
    return language.gettext(STATUSES[status]) if isinstance(status, str) and status in STATUSES else ""


def value_word(member: str, value: str, language: Language) -> str | None:
    """Name a value of a closed list; None when the member has no such list or the list no such value."""
    message = VALUES.get(member, {}).get(value)
    return language.gettext(message) if message else None
