"""The parts that several tasks ask for: contacts, addresses, costs, whose it is, who may see it."""

from __future__ import annotations

from .fields import Field, Plain, Words, Yes
from .groups import Group, Rows
from .opening import hours
from .steps import Step

SPOKEN = ("ar", "zgh", "fr", "nl", "es", "da", "tr", "en")
ROLES = ("general", "intake", "referral", "volunteers", "press", "funding", "complaints", "emergency")
KINDS_OF_NEED = ("funding", "material", "professional", "knowledge", "venue", "people", "transport")
NEAR = ("MA", "NL", "BE", "FR", "ES", "DK", "TR", "BI")

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
PERIOD = Group("period", (Plain("from", "date"), Plain("until", "date")))
WEBSITES = Rows("websites", (Plain("address", "url"),), wrap=True)
ORGANIZATION = Plain("organization", "organization", required=True)
REVIEW = Plain("review_by", "date")
AUDIENCE = Plain("audience", "audience", ("public", "partners", "hub", "local"), required=True)


def party(code: str) -> Group:
    """An organization of ours, or one by its name."""
    return Group(code, (Plain("organization", "organization"), Words("name")), required=True)


def who(*more: Field) -> Step:
    return Step("who", (AUDIENCE, *more))
