"""What somebody who looks for volunteer work fills in, what of it does not fit, and the record that it becomes. Pure.

The record (`org.jisr.volunteer/1`) holds what they can do and when, under no name; its audience is `local` unless they
say that partners may see it, and never `public`. How to reach them is no part of it: it stays sealed at the
intermediary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from jisr_protocol import identifiers
from jisr_protocol.core_terms import FOCUS, FOCUS_AREAS, LANGUAGES

DAYS_AT_MOST = 90
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
PARTS = ("morning", "afternoon", "evening")
SHARED = ("local", "partners")
MODES = ("on_site", "remote", "hybrid")
WISHES_CHARACTERS, CONTACT_CHARACTERS = 500, 200
_AREA = re.compile(r"[A-Z]{2}[A-Z0-9]{0,3}")
_CONTACT_IN_WORDS = re.compile(r"@|(?:[0-9٠-٩۰-۹][ ./()-]{0,2}){9}")
TYPE = "org.jisr.volunteer/1"


@dataclass(frozen=True, slots=True)
class Offer:
    """As it was filled in. `when` are pairs such as MO-morning, `area` a code of NUTS, three levels at most."""

    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    wishes: str = ""
    area: str = ""
    mode: str = "on_site"
    days: int = DAYS_AT_MOST
    share: str = "local"
    contact: str = ""
    agreed: bool = False
    lang: str = "en"

    @classmethod
    def of(cls, fields: Iterable[tuple[str, str]], lang: str) -> Offer:
        """Of the fields of a form; what nobody asked for is left out."""
        said: dict[str, list[str]] = {}
        for name, value in fields:
            said.setdefault(name, []).append(value.strip())
        last = {name: values[-1] for name, values in said.items()}
        days = last.get("days", "")
        return cls(
            skills=tuple(code for code in FOCUS_AREAS if code in said.get("skills", ())),
            languages=tuple(code for code in LANGUAGES if code in said.get("languages", ())),
            when=tuple(f"{day}-{part}" for day in DAYS for part in PARTS if f"{day}-{part}" in said.get("when", ())),
            wishes=last.get("wishes", ""),
            area=last.get("area", "").upper(),
            mode=last.get("mode", "on_site"),
            days=int(days) if days.isascii() and days.isdigit() and len(days) < 5 else DAYS_AT_MOST,
            share=last.get("share", "local"),
            contact=last.get("contact", ""),
            agreed=last.get("agreed") == "yes",
            lang=lang,
        )

    def faults(self) -> dict[str, str]:
        """What does not fit: field → code (`missing`, `long`, `form`, `contact`)."""
        found: dict[str, str] = {}
        if not self.agreed:
            found["agreed"] = "missing"
        if not self.contact or len(self.contact) > CONTACT_CHARACTERS:
            found["contact"] = "long" if self.contact else "missing"
        if len(self.wishes) > WISHES_CHARACTERS:
            found["wishes"] = "long"
        elif _CONTACT_IN_WORDS.search(self.wishes):
            found["wishes"] = "contact"
        if self.area and not _AREA.fullmatch(self.area):
            found["area"] = "form"
        for name, allowed in (("mode", MODES), ("share", SHARED)):
            if getattr(self, name) not in allowed:
                found[name] = "form"
        if not 1 <= self.days <= DAYS_AT_MOST:
            found["days"] = "form"
        if not self.skills and not self.wishes:
            found["skills"] = "missing"
        return found

    def ends(self, now: datetime) -> datetime:
        return (now + timedelta(days=self.days)).replace(microsecond=0)

    def draft(self, intermediary: str, now: datetime) -> dict[str, Any]:
        """The record, without a word on who they are; call it when nothing is at fault."""
        grid: dict[str, list[str]] = {}
        for pair in self.when:
            day, _, part = pair.partition("-")
            grid.setdefault(day, []).append(part)
        value: dict[str, Any] = {
            "type": TYPE,
            "audience": self.share,
            "lang": self.lang,
            "intermediary": intermediary,
            "expires": identifiers.to_instant(self.ends(now)),
            "mode": self.mode,
            "skills": [_skill(code) for code in self.skills],
            "languages": [{"lang": code} for code in self.languages],
            "availability": grid,
            "area": [{"scheme": "nuts", "code": self.area}] if self.area else [],
        }
        if self.wishes:
            value["wishes"] = {self.lang: {"origin": "author", "value": self.wishes}}
        return {name: member for name, member in value.items() if member not in ([], {})}

    def private(self) -> dict[str, Any]:
        """What is kept beside the record, sealed: how to reach them, and the form as they filled it in."""
        return asdict(self)


def offer_of(private: Mapping[str, Any]) -> Offer:
    """The form again, as it was kept."""
    lists = {name: tuple(private[name]) for name in ("skills", "languages", "when")}
    return Offer(**{**private, **lists})


def _skill(code: str) -> dict[str, Any]:
    label = {"en": {"origin": "author", "value": FOCUS_AREAS[code][LANGUAGES.index("en")]}}
    return {"name": label, "scheme": FOCUS, "code": code}
