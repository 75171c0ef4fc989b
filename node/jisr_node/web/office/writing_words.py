"""The words of the forms: tasks, steps, fields, what they help with, values that the vocabulary does not name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import MEMBERS, value_word

TASKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "service": (N_("A new service"), N_("Help that people can come to you for.")),
        "organization": (N_("Our organization"), N_("Who you are, how to reach you, when you are open.")),
        "place": (N_("We moved, or have a new place"), N_("An address, and how much of it others may see.")),
        "volunteers": (N_("We look for volunteers"), N_("What they will do, how much time it takes, how to begin.")),
        "need": (N_("We need something"), N_("Money, a van, a room, knowledge: what would help you.")),
        "offer": (N_("We can give something"), N_("What others may have or use.")),
        "event": (N_("Something takes place"), N_("A meeting, a course, a day out.")),
        "news": (N_("We have news"), N_("Something to tell, in a few sentences.")),
    }
)
TOGETHER: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "project": (N_("A project of ours"), N_("What you do in it, with whom, from when until when.")),
        "alliance": (N_("We work together with others"), N_("A network, a platform or a working group.")),
        "membership": (N_("We are a member of an alliance"), N_("Which one, in what role, since when.")),
        "grant": (N_("We got support"), N_("Who gave it, how much, for what.")),
        "fund": (N_("We support others"), N_("A fund or a call: for whom, how much, until when.")),
        "standard": (N_("A form or method to share"), N_("Something that others may use in their work too.")),
    }
)
CLOSED = (N_("We are closed for a time"), N_("Holidays, repairs: from which day until which."))
STEPS: Mapping[str, str] = MappingProxyType(
    {
        "words": N_("In words"),
        "when": N_("Hours"),
        "where": N_("Where"),
        "map": N_("How exact"),
        "contact": N_("Contact"),
        "subjects": N_("Subjects"),
        "time": N_("Time"),
        "closed": N_("Closed"),
        "together": N_("Working together"),
        "who": N_("Who may see it"),
    }
)
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "name": N_("What is it called?"),
        "title": N_("Heading"),
        "description": N_("What is it, in a few sentences?"),
        "languages": N_("Languages spoken"),
        "organization": N_("Whose is it?"),
        "organizer": N_("Who holds it?"),
        "event_status": N_("Does it take place?"),
        "addresses": N_("Addresses"),
        "street": N_("Street and number"),
        "postal_code": N_("Postal code"),
        "locality": N_("Town"),
        "region": N_("Region"),
        "country": N_("Country"),
        "latitude": N_("Latitude in degrees"),
        "longitude": N_("Longitude in degrees"),
        "precision": N_("How exact the point is"),
        "free": N_("Is it free of charge?"),
        "currency": N_("Currency"),
        "unit": N_("Unit"),
        "minimum": N_("At least"),
        "maximum": N_("At most"),
        "operating_hours": N_("Opening hours"),
        "label": N_("These hours are for"),
        "days": N_("On these days"),
        "valid_from": N_("First day"),
        "valid_to": N_("Last day"),
        "closed": N_("Closed in this time"),
        "timezone": N_("Time zone"),
        "role": N_("What it is for"),
        "words": N_("In your words"),
        "address": N_("Address on the web"),
        "task": N_("One thing that a volunteer does"),
        "audience": N_("Who may see it?"),
        "delivery": N_("How do people get it?"),
        "outcome": N_("One result"),
        "working_group": N_("One working group"),
        "state": N_("How far is it?"),
        "member_role": N_("Role"),
    }
)
HELP: Mapping[str, str] = MappingProxyType(
    {
        "name": N_("Short, as people would ask for it."),
        "description": N_("What happens there? Leave out names, mail addresses and telephone numbers of persons."),
        "for_whom": N_("For example: families with young children."),
        "how_to_apply": N_("The first thing to do: come, call, write."),
        "alert": N_("Only what people must know today. Empty it when it is over."),
        "contact_points": N_("Name a role, not a person: people leave, and copies of the address stay."),
        "phone": N_("A number of the organization. Write it as you dial it."),
        "terms": N_("Begin to type and choose, or use your own words."),
        "coordinates": N_("A map on your phone shows these two numbers. You may leave them out."),
        "review_by": N_("By this day you are asked whether it is still correct."),
        "area": N_("Where you work, which need not be where you sit."),
        "operating_hours": N_("A row for hours that are the same. Fridays in two parts: fill in both pairs of times."),
        "kind": N_("The word that fits best."),
        "alliance": N_("Copy the address of its page in a directory into this field."),
        "funder": N_("Choose one of yours, or write a name."),
        "recipient": N_("Choose one of yours, or write a name."),
        "steward": N_("Choose one of yours, or write a name."),
        "pilot": N_("A pilot tries something out in one municipality, which is then named below."),
        "opening_hours": N_("Hours at prayer, in Ramadan or in summer get a row of their own."),
    }
)
_VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "label": {"normal": N_("Usual weeks")},
        "role": {
            "general": N_("General questions"),
            "intake": N_("First contact"),
            "referral": N_("Referral"),
            "volunteers": N_("Volunteers"),
            "press": N_("Press"),
            "funding": N_("Money"),
            "complaints": N_("Complaints"),
            "emergency": N_("Emergency"),
            "member": N_("Member"),
            "lead": N_("Lead"),
            "facilitator": N_("Facilitator"),
            "board": N_("Board"),
            "observer": N_("Observer"),
            "focus": N_("What it is about"),
            "target_group": N_("Who it is for"),
            "situation": N_("In which situation"),
            "competence": N_("What you know well"),
            "skill": N_("Skills"),
            "activity": N_("Activity"),
            "goal": N_("Goal"),
        },
        "legal_form": {
            "cooperative": N_("Cooperative"),
            "social_enterprise": N_("Social enterprise"),
            "public_body": N_("Public body"),
        },
        "kind": {"school": N_("School"), "clinic": N_("Clinic")},
        "state": {
            "draft": N_("Being written"),
            "in_use": N_("In use"),
            "superseded": N_("Replaced by another"),
        },
        "precision": {
            "exact": N_("Exact"),
            "street": N_("The street"),
            "locality": N_("The town or quarter"),
            "region": N_("Region"),
        },
        "unit": {
            "pieces": N_("pieces"),
            "people": N_("People"),
            "hours": N_("hours"),
            "kilograms": N_("kilograms"),
        },
        "audience": {
            "public": N_("Everybody"),
            "partners": N_("Partners"),
            "hub": N_("Only the hub"),
            "local": N_("Only we"),
        },
    }
)
CONSEQUENCES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "audience": {
            "public": N_("It stands on the web. Search engines find it, and copies stay."),
            "partners": N_("Organizations that the hub has let in can read it. It is not on the web."),
            "hub": N_("The people of the hub can read it, nobody else."),
            "local": N_("It never leaves this node. Nobody else can read it."),
        },
        "privacy": {
            "exact": N_("Everybody sees the street, and the point on the map."),
            "area": N_("Others see the town or quarter, never the street. Write no street here."),
            "hidden": N_("Others see no address and no point at all. Right for a place where people hide."),
        },
    }
)
STATES: Mapping[str, str] = MappingProxyType(
    {
        "missing": N_("Not there yet"),
        "machine": N_("Translated by a machine, nobody has read it"),
        "outdated": N_("Older than the text beside it"),
        "good": N_("Good"),
    }
)
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "saved": N_("Saved"),
        "aside": N_("Written in another window, kept aside"),
        "back": N_("An earlier version again"),
        "published": N_("Published"),
        "deleted": N_("Taken away"),
    }
)


def label(code: str, language: Language) -> str:
    """What a field is called."""
    return language.gettext(LABELS.get(code) or MEMBERS.get(code) or code)


def help_(code: str, language: Language) -> str:
    """A sentence beside a field; "" for those that need none."""
    return language.gettext(HELP[code]) if code in HELP else ""


def value(member: str, one: str, language: Language) -> str:
    """A value of a closed list in words; what has no word is shown as it is."""
    own = _VALUES.get(member, {}).get(one)
    return language.gettext(own) if own else value_word(member, one, language) or one


def consequence(member: str, one: str, language: Language) -> str:
    """What it means to choose this; "" where nothing is to be said."""
    said = CONSEQUENCES.get(member, {}).get(one)
    return language.gettext(said) if said else ""
