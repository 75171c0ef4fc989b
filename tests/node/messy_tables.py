"""Tables as offices send them, made of the real services: a title above, two rows of headings, merged cells, dates in
several orders, digits of two alphabets, Windows-1256 with semicolons, and faults that are planted and written down.

Seeded, and independent: nothing of the importing code is used here.
"""

import csv
import io
import json
import random
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from openpyxl import Workbook

GROUPS = ("", "Service", "", "", "", "Period", "", "Contact", "", "", "")
HEADS = (
    "No",
    "Name",
    "Name (ar)",
    "Partner",
    "Town",
    "Start date",
    "End date",
    "Telephone",
    "E-mail",
    "Web",
    "Referral",
)
NO, NAME, ARABIC, PARTNER, TOWN, START, END, PHONE, MAIL, WEB, REFERRAL = range(11)
FIRST_ROW = 4
"""A title, two rows of headings, then the table."""
MONTHS = ("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "غشت", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر")
FAULTS = {
    "date": (START, "31/02/2014"),
    "ends_first": (END, "2010-01-01"),
    "phone": (PHONE, "12"),
    "digits_lost": (PHONE, "9.62655E+11"),
    "mail": (MAIL, "info at example.org"),
    "web": (WEB, "see our page"),
    "yes_no": (REFERRAL, "perhaps"),
    "missing": (NAME, ""),
}


@dataclass
class Messy:
    """A table: its rows as cells, where each fault was planted (cell or row, code), and what stood there before."""

    rows: list[list[str]]
    planted: set[tuple[str, str]] = field(default_factory=set)
    right: dict[tuple[int, int], str] = field(default_factory=dict)
    doubled: list[int] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    @property
    def good(self) -> int:
        return len(self.rows) - len(self.bad)


def cell(row: int, column: int) -> str:
    """B7 for row 7 and column 1, counted from 0."""
    return f"{chr(65 + column)}{row}"


def make(services: Path, seed: int, count: int, *, faults: int, digits: bool) -> Messy:
    """`count` rows of the services file, `faults` of each kind among them, and as many rows that stand twice."""
    chance = random.Random(seed)
    lines = services.read_text("utf-8").splitlines()
    made = Messy([])
    numbers = [json.loads(lines[number % len(lines)]) for number in range(count)]
    numbers.sort(key=lambda one: one["en"]["partnerName"].strip())
    for place, one in enumerate(numbers):
        made.rows.append(_row(one, place + 1, chance, digits=digits))
    places = chance.sample(range(1, count), faults * len(FAULTS))
    for place, code in zip(places, list(FAULTS) * faults, strict=True):
        _plant(made, place, code)
    good = [place for place in range(count) if FIRST_ROW + place not in made.bad]
    for _ in range(faults):
        twice = FIRST_ROW + len(made.rows)
        made.rows.append(list(made.rows[chance.choice(good)]))
        made.planted.add((str(twice), "twice"))
        made.doubled.append(twice)
        made.bad.add(twice)
    return made


def _plant(made: Messy, place: int, code: str) -> None:
    column, text = FAULTS[code]
    row = FIRST_ROW + place
    made.right[row, column] = made.rows[place][column]
    made.rows[place][column] = text
    if code == "missing":
        # a name in one language is a name
        made.right[row, ARABIC] = made.rows[place][ARABIC]
        made.rows[place][ARABIC] = ""
    made.planted.add((cell(row, column), code))
    made.bad.add(row)


def _row(one: dict, number: int, chance: random.Random, *, digits: bool) -> list[str]:
    english, arabic = one["en"], one["ar"]
    phone = f"{chance.choice(['+962 6 ', '00962-6-', '06 ', '(06) '])}{chance.randint(5000000, 5999999)}"
    return [
        str(number),
        english["activityName"],
        arabic["activityName"],
        english["partnerName"],
        english["locationName"],
        _day(date.fromisoformat(english["startDate"]), chance, digits=digits),
        _day(date.fromisoformat(english["endDate"]), chance, digits=digits),
        eastern(phone) if digits and chance.random() < 0.3 else phone,
        f" Office{number}@example.ORG " if chance.random() < 0.2 else f"office{number}@example.org",
        chance.choice(["www.example.org", "https://example.org/ar", "example.org", ""]),
        chance.choice(["Yes", "ja", "نعم", "no", "x", ""]),
    ]


def _day(day: date, chance: random.Random, *, digits: bool) -> str:
    forms = [
        day.isoformat(),
        f"{day.day}/{day.month}/{day.year}" if day.day > 12 else day.isoformat(),
        f"{day:%d.%m.%Y}" if day.day > 12 else f"{day.day} {MONTHS[day.month - 1]} {day.year}",
        f"{day:%d} {day:%B} {day.year}",
    ]
    text = chance.choice(forms)
    return eastern(text) if digits and chance.random() < 0.3 else text


def eastern(text: str) -> str:
    """Arabic-Indic digits, some of them, as two keyboards leave them."""
    return "".join(chr(0x660 + int(c)) if c.isdigit() and place % 3 else c for place, c in enumerate(text))


def whole(made: Messy) -> list[list[str]]:
    """With a title, a row of groups and one of headings."""
    return [["Services 2014 — all partners"], list(GROUPS), list(HEADS), *made.rows]


def as_csv(made: Messy, encoding: str, separator: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\r\n").writerows(whole(made))
    return text.getvalue().encode(encoding, "replace")


def as_xlsx(made: Messy) -> bytes:
    """A workbook: groups merged over their columns, a partner merged over its rows, days as days."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Services"
    for cells in whole(made):
        sheet.append([text or None for text in cells])
    for first, last in ((2, 5), (6, 7), (8, 10)):
        sheet.merge_cells(start_row=2, end_row=2, start_column=first, end_column=last)
    partners = [row[PARTNER] for row in made.rows[: len(made.rows) - len(made.doubled)]]
    begin = 0
    for place in range(1, len(partners) + 1):
        if place == len(partners) or partners[place] != partners[begin]:
            if place - begin > 1:
                rows = {"start_row": FIRST_ROW + begin, "end_row": FIRST_ROW + place - 1}
                sheet.merge_cells(**rows, start_column=PARTNER + 1, end_column=PARTNER + 1)
            begin = place
    for place, row in enumerate(made.rows):
        if row[START][4:5] == "-" and len(row[START]) == 10 and row[START].isascii():
            sheet.cell(FIRST_ROW + place, START + 1).value = date.fromisoformat(row[START])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
