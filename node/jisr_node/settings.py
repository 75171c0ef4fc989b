"""What was decided when the node was made: a handful of values in the store."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from .errors import Mistaken
from .ports import Store

DEFAULT_LICENCE = "CC-BY-4.0"


@dataclass(frozen=True, slots=True)
class Settings:
    """`lang` and `licence` are what a draft gets that names none; `hub` is where `push` goes, "" for nowhere yet.

    `allow_private` lets this node speak to hubs on private addresses, which demonstrations and tests need.
    """

    name: str
    country: str
    lang: str
    licence: str = DEFAULT_LICENCE
    hub: str = ""
    hub_id: str = ""
    allow_private: bool = False

    def check(self) -> Settings:
        """Return itself, the address without a slash at its end. Raises Mistaken for the first that does not fit."""
        from jisr_protocol import schema

        def form(name: str) -> str:
            return str(schema.common()["$defs"][name]["pattern"])

        _fits("name", bool(self.name.strip()) and len(self.name) <= 300, self.name, "the organisation's name")
        _fits("country", re.fullmatch(form("country"), self.country), self.country, "two capital letters such as MA")
        _fits("lang", re.fullmatch(form("language"), self.lang), self.lang, "a language tag such as ar, fr or nl-BE")
        _fits("licence", re.fullmatch(form("licence"), self.licence), self.licence, "a licence such as CC-BY-4.0")
        return replace(self, hub=check_address(self.hub) if self.hub else "")

    def save(self, store: Store) -> None:
        for name, value in asdict(self).items():
            store.set(name, ("yes" if value else "no") if isinstance(value, bool) else value)

    @classmethod
    def load(cls, store: Store) -> Settings:
        held = store.settings()
        known = {name: held[name] for name in cls.__dataclass_fields__ if name in held}
        allow_private = known.pop("allow_private", "no") == "yes"
        return cls(**known, allow_private=allow_private)


def check_address(address: str) -> str:
    """A hub's address without a slash at its end. Raises Mistaken if it is none."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        good = False
    _fits("hub", good, address, "an address such as https://hub.example")
    return address.rstrip("/")


def _fits(name: str, good: object, came: str, expected: str) -> None:
    if not good:
        raise Mistaken(f"--{name}: expected {expected}; came {came!r}. Nothing was changed.")
