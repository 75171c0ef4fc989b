"""What a person answers before there is a node: five things, as they wrote them, and what of it does not fit. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .errors import Mistaken
from .homes import read_link

NAMES = ("name", "country", "purpose", "contact", "hub")
LOCAL_ID = "us"
"""What the record of the organisation itself is called in this node."""
_NO_SCHEME = re.compile(r"[\w.-]+\.[a-z]{2,}(:[0-9]+)?(/.*)?", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s().\u2010-\u2015/-]")


@dataclass(frozen=True, slots=True)
class Answers:
    """As they were written, without spaces around them. `lang` is the language of the page."""

    name: str = ""
    country: str = ""
    purpose: str = ""
    contact: str = ""
    hub: str = ""
    lang: str = "en"

    @classmethod
    def of(cls, fields: Mapping[str, object], lang: str = "en") -> Answers:
        """Of what came; what is no text counts as left out."""
        said = {name: value.strip() for name in NAMES if isinstance(value := fields.get(name), str)}
        tongue = fields.get("lang")
        return cls(**said, lang=tongue if isinstance(tongue, str) else lang)

    def faults(self) -> dict[str, str]:
        """What does not fit: field → code. `missing`, `long`, `form`."""
        found: dict[str, str] = {}
        for name, most in (("name", 300), ("purpose", 5000)):
            value = getattr(self, name)
            if not value or len(value) > most:
                found[name] = "long" if value else "missing"
        if not re.fullmatch("[A-Z]{2}", self.country):
            found["country"] = "missing"
        if not self.contact:
            found["contact"] = "missing"
        elif not self.contact_point():
            found["contact"] = "form"
        try:
            self.link()
        except Mistaken:
            found["hub"] = "form"
        return found

    def contact_point(self) -> dict[str, str]:
        """The contact as a record has it; empty when it is neither a mail address nor a telephone number."""
        from jisr_protocol import schema

        forms = schema.common()["$defs"]
        number = re.sub(r"\d", lambda digit: str(int(digit[0])), _SEPARATORS.sub("", self.contact))
        if number.startswith("00"):
            number = "+" + number[2:]
        for kind, value in (("email", self.contact), ("phone", number)):
            if re.fullmatch(str(forms[kind]["pattern"]), value):
                return {"role": "general", kind: value}
        return {}

    def link(self) -> str:
        """The invitation, or the address of a hub, "" for none yet. Raises Mistaken."""
        if not self.hub:
            return ""
        said = f"https://{self.hub}" if _NO_SCHEME.fullmatch(self.hub) else self.hub
        read_link(said)
        return said

    def settings(self) -> dict[str, Any]:
        """What the node is made with."""
        return {"name": self.name, "country": self.country, "lang": self.lang}

    def organization(self) -> dict[str, Any]:
        """The draft of the first record: the organisation itself."""
        return {
            "type": "org.jisr.organization/1",
            "source": {"local_id": LOCAL_ID},
            "name": self.name,
            "purpose": self.purpose,
            "lang": self.lang,
            "contact_points": [self.contact_point()],
        }

    def as_fields(self) -> dict[str, str]:
        """As JSON keeps them."""
        return asdict(self)
