"""Turn checked rows into drafts: an organization per partner, its locations, its services.

Every text keeps its language and says whose words it is: `author` for the source's own, `machine` where the Arabic
is English with some words replaced by a program. What finds no member is put into the `Tally`, never dropped.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import words
from hours import intervals_of
from rows import Answer, Row
from texts import Tally, Text, joined, label, slug, together

LICENCE = "MIT"
URL = "https://github.com/unhcr-jordan/services-advisor"
SCHEME = "services-advisor"
TIMEZONE = "Asia/Amman"

Draft = dict[str, Any]


def decimal_string(value: Decimal) -> str:
    """Write a coordinate in plain digits, with at most 8 decimals (about a millimetre)."""
    return format(round(value, 8) if too_long(value) else value, "f")


def too_long(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent < -8


def frame(kind: str, partner: str, local_id: str) -> Draft:
    return {
        "node": partner,
        "type": f"org.jisr.{kind}/1",
        "source": {"local_id": local_id, "url": URL},
        "lang": "en",
        "audience": "public",
        "licence": LICENCE,
    }


def organization(partner: str, name: str) -> Draft:
    """Return the draft of a partner; `partner` is the label of its node and its local id."""
    draft = frame("organization", partner, partner)
    draft["name"] = {"en": {"value": name, "origin": "author"}}
    draft["area"] = [{"scheme": "iso3166-1", "code": "JO"}]
    return draft


def location_id(row: Row) -> str:
    return f"{slug(row.place.en)}-{decimal_string(row.latitude)}-{decimal_string(row.longitude)}"


def location(partner: str, row: Row, tally: Tally) -> Draft:
    """Return the draft of a place. The source knows a place by the middle of its area, never by a street."""
    draft = frame("location", partner, location_id(row))
    draft["name"] = label("ar.locationName", row.place, tally)
    tally.shortened_coordinates += too_long(row.latitude) or too_long(row.longitude)
    wide = row.place.en.endswith("Governorate") or row.place.en == "Country Wide"
    draft["coordinates"] = {
        "latitude": decimal_string(row.latitude),
        "longitude": decimal_string(row.longitude),
        "precision": "region" if wide else "locality",
    }
    draft["addresses"] = [{"country": "JO"}]
    if re.search(r"\bCamp\b", row.place.en):
        draft["kind"] = "camp"
    if code := governorate(row):
        draft["admin_codes"] = [{"scheme": "iso3166-2", "code": code}]
    draft["privacy"] = "area"
    return draft


def governorate(row: Row) -> str | None:
    name, _, kind = row.place.en.rpartition(" ")
    return words.GOVERNORATES.get(name) if kind == "Governorate" else None


class ServiceDraft:
    """One row on its way to one service draft; `build()` does it once."""

    def __init__(self, partner: str, row: Row, tally: Tally, as_of: str) -> None:
        self.row, self.tally, self.as_of = row, tally, as_of
        self.draft = frame("service", partner, row.local_id)
        self.draft["organization"] = f"local:organization/{partner}"
        self.terms: list[Draft] = []

    def build(self) -> Draft:
        for field, value in self.row.unknown:
            self.tally.leave(field, "unknown field", value)
        self.name()
        self.indicators()
        self.eligibility()
        self.reach()
        self.place()
        self.referral()
        self.period()
        self.draft["terms"] = self.terms
        return self.draft

    def labels(self, number: int) -> list[tuple[Answer, Text]]:
        """Return the answers of a question with their texts; an Arabic label known to be wrong is left out."""
        found = []
        for answer in self.row.answers.get(number, []):
            if answer.ar is not None and (number, answer.en) in words.ARABIC_CONTRADICTS:
                self.tally.leave(self.field(number, "ar"), f'contradicts the English "{answer.en}"', answer.ar)
                answer = Answer(answer.en, None)
            found.append((answer, label(self.field(number, "ar"), answer, self.tally)))
        return found

    def field(self, number: int, lang: str) -> str:
        """Return the name of a question's field as the source writes it."""
        question = self.row.questions[number]
        return f"en.{question.en}" if lang == "en" else f"ar.{question.ar or number}"

    def leave(self, number: int, reason: str, value: str) -> None:
        self.tally.leave(self.field(number, "en"), reason, value)

    def headed(self, number: int, texts: list[Text]) -> Text:
        """Return the answers as one text that begins with the question."""
        question = self.row.questions[number]
        headings = {"en": question.en, "ar": question.ar}
        found: Text = {}
        for lang, text in joined(texts).items():
            heading = re.sub(r"^[0-9]+\.", "", headings[lang] or "").strip()
            found[lang] = {"value": f"{heading}: {text['value']}", "origin": text["origin"]}
        return found

    def term(self, code: str, role: str, text: Text) -> None:
        self.terms.append({"scheme": SCHEME, "code": code, "role": role, "label": text})

    def name(self) -> None:
        name, category = self.row.name, self.row.category
        if not self.row.same_activity:
            for field, answer in (("activityName", name), ("activityCategory", category)):
                if answer.ar is not None:
                    self.tally.leave(f"ar.{field}", "of another activity", answer.ar)
            name, category = Answer(name.en, None), Answer(category.en, None)
        text = label("ar.activityName", name, self.tally)
        if "ar" not in text and self.row.activity in words.OWN_ARABIC_NAMES:
            text["ar"] = {"value": words.OWN_ARABIC_NAMES[self.row.activity], "origin": "machine"}
        self.draft["name"] = text
        self.term(f"category:{slug(category.en)}", "focus", label("ar.activityCategory", category, self.tally))
        self.term(f"activity:{self.row.activity}", "activity", text)

    def indicators(self) -> None:
        """A figure of 1 says that it is done; more is a capacity; 0 says nothing that can be relied on."""
        texts, capacity = [], []
        for answer, figure in self.row.indicators:
            if figure == 0:
                self.tally.leave("en.indicators", "figure 0", answer.en)
                continue
            text = label("ar.indicators", answer, self.tally)
            texts.append(text)
            self.term(f"indicator:{slug(answer.en)}", "activity", text)
            if figure > 1 and self.row.period[0]:
                day = self.row.period[0]
                capacity.append({"what": text, "unit": "unstated", "maximum": figure, "as_of": day})
            elif figure > 1:
                self.tally.leave("en.indicators", "figure without a day", f"{answer.en} = {figure}")
        for answer in self.row.stray_indicators:
            self.tally.leave("ar.indicators", "of another activity", answer)
        if texts:
            self.draft["description"] = joined(texts)
        if capacity:
            self.draft["capacity"] = capacity

    def eligibility(self) -> None:
        """Questions 1 to 3: documents, and what else somebody must meet, in words and as terms."""
        parts: list[Text] = []
        for number, kind in ((1, "document"), (2, "nationality"), (3, "criterion")):
            answers = self.labels(number)
            texts = []
            for answer, text in answers:
                if kind == "document" and answer.en != words.NO_DOCUMENTS:
                    self.draft.setdefault("documents", []).append({"name": text})
                    continue
                texts.append(text)
                if kind != "document" and answer.en not in words.EXCLUDES_NOBODY:
                    self.term(f"{kind}:{slug(answer.en)}", "situation", text)
            if texts:
                parts.append(self.headed(number, texts))
        if note := together(parts):
            self.draft["eligibility"] = {"note": note}

    def reach(self) -> None:
        """Question 4 (how people get there) and 5 (how far it reaches)."""
        delivery: list[str] = []
        texts = []
        for answer, text in self.labels(4):
            if answer.en not in words.DELIVERY:
                reason = "points at a list not in the source" if answer.en == words.POINTS_ELSEWHERE else "unknown"
                self.leave(4, reason, answer.en)
                continue
            texts.append(text)
            delivery += [way for way in words.DELIVERY[answer.en] if way not in delivery]
        if texts:
            self.draft["how_to_apply"] = joined(texts)
        if delivery:
            self.draft["delivery"] = delivery
        if area := [self.covered(answer, text) for answer, text in self.labels(5)]:
            self.draft["area"] = area

    def covered(self, answer: Answer, text: Text) -> Draft:
        if answer.en == words.COUNTRYWIDE:
            return {"scheme": "iso3166-1", "code": "JO", "name": text}
        if answer.en in words.PART_OF_COUNTRY:
            return {"name": text}
        code = governorate(self.row)
        if answer.en == words.GOVERNORATE_OF_PLACE and code:
            return {"scheme": "iso3166-2", "code": code, "name": self.place_name()}
        # a place that the Arabic half leaves in Latin letters is named by them in Arabic too
        place = self.place_name()
        return {"name": joined([text, {"ar": place["en"], **place}], ": ")}

    def place_name(self) -> Text:
        return label("ar.locationName", self.row.place, Tally())

    def place(self) -> None:
        at: Draft = {"location": f"local:location/{location_id(self.row)}"}
        hours: Draft = {"label": "normal"}
        for answer in self.row.answers.get(7, []):
            if answer.en in words.DAYS:
                days = hours.setdefault("days", [])
                days += [day for day in words.DAYS[answer.en] if day not in days]
            else:
                self.leave(7, "unknown", answer.en)
        self.times(hours)
        schedule: Draft = {"timezone": TIMEZONE}
        if len(hours) > 1:
            schedule["operating_hours"] = [hours]
        if rhythm := joined([text for _, text in self.labels(6)]):
            schedule["note"] = rhythm
        if len(schedule) > 1:
            at["schedule"] = schedule
        self.draft["at"] = [at]

    def times(self, hours: Draft) -> None:
        """Questions 8 and 9. A closing time that is missing stays missing; what can be read two ways stays words."""
        opening = [answer.en for answer in self.row.answers.get(8, [])]
        closing = [answer.en for answer in self.row.answers.get(9, [])]
        intervals, how = intervals_of(opening, closing)
        if opening:
            self.tally.opening[how] += 1
        if closing:
            self.tally.closing[how] += 1
        if intervals:
            hours["intervals"] = intervals
        elif opening or closing:
            hours["note"] = joined([text for number in (8, 9) for _, text in self.labels(number)])

    def referral(self) -> None:
        referral: Draft = {}
        ticked = {answer.en for number in (4, 10) for answer in self.row.answers.get(number, [])}
        against = sorted(ticked & (words.WALK_IN | {words.NOT_ACCEPTED, words.NOT_REQUIRED}))
        if self.row.referral_required == "Yes" and not against:
            referral["required"] = True
        elif self.row.referral_required is not None:
            reason = "contradicted by " + ", ".join(f'"{it}"' for it in against) if against else "unknown"
            self.tally.leave("en.Referral required", reason, self.row.referral_required)
        self.methods(referral)
        notes = []
        for number in (11, 12, 13, 14):
            texts = []
            for answer, text in self.labels(number):
                if number == 12 and answer.en in words.RESPONSE_DAYS:
                    referral["response_days"] = words.RESPONSE_DAYS[answer.en]
                else:
                    texts.append(text)
            if texts:
                notes.append(self.headed(number, texts))
        if note := together(notes):
            referral["note"] = note
        if referral:
            self.draft["referral"] = referral

    def methods(self, referral: Draft) -> None:
        for answer in self.row.answers.get(10, []):
            if answer.en in words.CHANNELS:
                referral.setdefault("channel", []).append(words.CHANNELS[answer.en])
            elif answer.en == words.NOT_ACCEPTED:
                referral["accepted"] = False
            elif answer.en == words.NOT_REQUIRED:
                referral["required"] = False
            else:
                self.leave(10, "unknown", answer.en)

    def period(self) -> None:
        """Keep the days of the source; the status follows from them and the day the drafts are made for."""
        first, last = self.row.period
        period = {name: day for name, day in (("from", first), ("until", last)) if day}
        if period:
            self.draft["period"] = period
        if last and last < self.as_of:
            self.draft["status"] = "ended"
        elif first and first > self.as_of:
            self.draft["status"] = "planned"
        else:
            self.draft["status"] = "active"
