"""Read the lines of services.jsonl and hand on only those that are what the converter expects.

Bytes go in, checked `Row`s come out, or one sentence per line that cannot be used. A refused line never
stops the rest. Nothing is mapped here: what a field means is said in `drafts.py`.
"""

from __future__ import annotations

import datetime
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

LINE_MAX_BYTES = 65_536
LABEL_MAX_CHARACTERS = 300

# The one Arabic question that lost its number in the source; it is question 11.
UNNUMBERED_QUESTION = "الخطوة المباشرة التالية بعد الإحالة"

# bidirectional embeddings, overrides and isolates, and the byte order mark: no record may hold them
TURNS_DIRECTION = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")

KNOWN = {
    "locationName",
    "partnerName",
    "activity",
    "activityCategory",
    "activityName",
    "startDate",
    "endDate",
    "indicators",
    "Referral required",
}


class BadLine(Exception):
    """A line that cannot be used: where in it, what was expected and what came."""

    def __init__(self, place: str, expected: str, came: object) -> None:
        shown = came if isinstance(came, str) else repr(came)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        super().__init__(f"{place}: expected {expected}, came {shown!r}")


@dataclass(frozen=True)
class Answer:
    """One ticked answer of the source's form: the English label and the Arabic one on the same place."""

    en: str
    ar: str | None


@dataclass(frozen=True)
class Row:
    """One help service as the source has it; every text is NFC and trimmed, never empty.

    `answers` maps a question's number (1 to 14) to what was ticked, `questions` to its two field names;
    `indicators` is a list of (label, figure); coordinates keep the digits of the source. `same_activity` is false
    where the Arabic half speaks of another activity than the English one; then no Arabic label is paired, and
    those of the indicators are in `stray_indicators`.
    """

    line: int
    id: int
    partner: str
    place: Answer
    longitude: Decimal
    latitude: Decimal
    activity: int
    name: Answer
    category: Answer
    period: tuple[str | None, str | None]
    answers: dict[int, list[Answer]]
    questions: dict[int, Answer]
    indicators: list[tuple[Answer, int]]
    stray_indicators: list[str]
    same_activity: bool
    referral_required: str | None
    unknown: list[tuple[str, str]]

    @property
    def local_id(self) -> str:
        return f"{self.id}-{self.activity}"


def read_rows(file: IO[bytes]) -> Iterator[Row | tuple[int, str]]:
    """Yield a `Row` for each usable line and `(line number, sentence)` for each other; empty lines are skipped."""
    number = 0
    while raw := file.readline(LINE_MAX_BYTES + 1):
        number += 1
        try:
            if len(raw) > LINE_MAX_BYTES:
                skip_line(file, raw)
                raise BadLine("the line", f"at most {LINE_MAX_BYTES} bytes", "a longer one")
            if raw.strip():
                yield check_row(number, parse_line(raw))
        except BadLine as bad:
            yield number, str(bad)


def skip_line(file: IO[bytes], raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LINE_MAX_BYTES)


def parse_line(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object; names that occur twice, NaN and broken text are refused."""
    try:
        value = json.loads(
            raw.decode("utf-8-sig"),
            object_pairs_hook=without_twins,
            parse_float=Decimal,
            parse_constant=refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise BadLine("the line", "UTF-8 text", f"other bytes at offset {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise BadLine("the line", "one JSON object", str(error) or "something else") from None
    if not isinstance(value, dict):
        raise BadLine("the line", "one JSON object", value)
    return value


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadLine("the line", "each name once in an object", [name for name, _ in pairs])
    return found


def refuse_constant(word: str) -> None:
    raise BadLine("the line", "numbers of JSON", word)


def check_row(number: int, value: dict[str, Any]) -> Row:
    """Return the checked row; raise `BadLine` for the first thing that is missing or of another type."""
    en = member(value, "en", dict, "an object with the English text")
    ar = member(value, "ar", dict, "an object with the Arabic text")
    longitude, latitude = point(member(value, "geometry", dict, "an object with the coordinates"))
    activity = whole(en, "en", "activity")
    same = whole(ar, "ar", "activity") == activity
    answers, questions = all_answers(en, ar, same)
    indicators, stray = figures(en, ar, same)
    return Row(
        line=number,
        id=whole(value, "", "id"),
        partner=text(en, "en", "partnerName"),
        place=both(en, ar, "locationName"),
        longitude=longitude,
        latitude=latitude,
        activity=activity,
        name=both(en, ar, "activityName"),
        category=both(en, ar, "activityCategory"),
        period=(day(en, "startDate"), day(en, "endDate")),
        answers=answers,
        questions=questions,
        indicators=indicators,
        stray_indicators=stray,
        same_activity=same,
        referral_required=text(en, "en", "Referral required") if "Referral required" in en else None,
        unknown=unknown_fields(value, en, ar, set(answers) if same else set()),
    )


def unknown_fields(
    value: dict[str, Any], en: dict[str, Any], ar: dict[str, Any], asked: set[int]
) -> list[tuple[str, str]]:
    """Return the fields nothing is known about; an Arabic answer without its English question is one."""
    found = [(name, value[name]) for name in value if name not in ("id", "geometry", "en", "ar")]
    found += [(f"en.{name}", en[name]) for name in en if name not in KNOWN and not question(name)]
    found += [(f"ar.{name}", ar[name]) for name in ar if name not in KNOWN and question(name) not in asked]
    return [(name, it if isinstance(it, str) else json.dumps(it, default=str)) for name, it in found]


def member(value: dict[str, Any], name: str, kind: type, expected: str) -> Any:
    found = value.get(name)
    if not isinstance(found, kind):
        raise BadLine(name, expected, "nothing" if name not in value else found)
    return found


def whole(value: dict[str, Any], inside: str, name: str) -> int:
    found = value.get(name)
    # bool is an int in Python; an id is below 2^53 so that every JSON reader keeps it
    if not isinstance(found, int) or isinstance(found, bool) or not 0 < found < 2**53:
        raise BadLine(dotted(inside, name), "a whole number above 0", "nothing" if name not in value else found)
    return found


def text(value: dict[str, Any], inside: str, name: str) -> str:
    if name not in value:
        raise BadLine(dotted(inside, name), "text", "nothing")
    return clean(value[name], dotted(inside, name))


def clean(value: object, place: str) -> str:
    """Return the text in NFC without spaces around it."""
    if not isinstance(value, str):
        raise BadLine(place, "text", value)
    found = unicodedata.normalize("NFC", value).strip()
    if not found:
        raise BadLine(place, "text that is not empty", value)
    # a longer Arabic label is left out later and counted; without its English one there would be no draft
    if place.startswith("en") and len(found) > LABEL_MAX_CHARACTERS:
        raise BadLine(place, f"at most {LABEL_MAX_CHARACTERS} characters", f"{len(found)} characters")
    for letter in found:
        if letter in TURNS_DIRECTION or unicodedata.category(letter) in ("Cc", "Cs", "Cn"):
            raise BadLine(place, "text of printable characters", f"U+{ord(letter):04X} in it")
    return found


def both(en: dict[str, Any], ar: dict[str, Any], name: str) -> Answer:
    return Answer(text(en, "en", name), text(ar, "ar", name) if name in ar else None)


def dotted(inside: str, name: str) -> str:
    return f"{inside}.{name}" if inside else name


def point(geometry: dict[str, Any]) -> tuple[Decimal, Decimal]:
    pair = geometry.get("coordinates")
    if geometry.get("type") != "Point" or not isinstance(pair, list) or len(pair) != 2:
        raise BadLine("geometry", "a Point with longitude and latitude", geometry)
    for value, limit, name in ((pair[0], 180, "longitude"), (pair[1], 90, "latitude")):
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if not number or not -limit <= value <= limit:
            raise BadLine("geometry.coordinates", f"a {name} between -{limit} and {limit}", value)
    return Decimal(pair[0]), Decimal(pair[1])


def day(en: dict[str, Any], name: str) -> str | None:
    if name not in en:
        return None
    found = text(en, "en", name)
    try:
        if len(found) != 10:
            raise ValueError
        datetime.date.fromisoformat(found)
    except ValueError:
        raise BadLine(f"en.{name}", "a day as YYYY-MM-DD", found) from None
    return found


def question(name: str) -> int | None:
    """Return the number of a question of the form, from 1 to 14, or None for any other field."""
    if name == UNNUMBERED_QUESTION:
        return 11
    digits = name.split(".")[0]
    if "." in name and digits.isascii() and digits.isdigit() and len(digits) <= 2 and 1 <= int(digits) <= 14:
        return int(digits)
    return None


def all_answers(
    en: dict[str, Any], ar: dict[str, Any], same: bool
) -> tuple[dict[int, list[Answer]], dict[int, Answer]]:
    """Return the ticked answers and the field names of each English question.

    The two halves list their answers in the same order. Where their number differs, or a question has no Arabic, or
    the halves speak of different activities, the Arabic label is None.
    """
    answers: dict[int, list[Answer]] = {}
    questions: dict[int, Answer] = {}
    arabic = {number: name for name in ar if (number := question(name))}
    for name in en:
        if number := question(name):
            if number in answers:
                raise BadLine(f"en.{name}", f"question {number} once", "it twice")
            labels = ticked(en, "en", name)
            other = ticked(ar, "ar", arabic[number]) if same and number in arabic else []
            paired: list[str | None] = [*other] if len(labels) == len(other) else [None] * len(labels)
            answers[number] = [Answer(*pair) for pair in zip(labels, paired, strict=True)]
            questions[number] = Answer(name, arabic.get(number))
    return answers, questions


def ticked(half: dict[str, Any], inside: str, name: str) -> list[str]:
    found = half[name]
    place = dotted(inside, name)
    if not isinstance(found, dict) or not all(value is True for value in found.values()):
        raise BadLine(place, "an object of answers that are true", found)
    return [clean(label, place) for label in found]


def figures(en: dict[str, Any], ar: dict[str, Any], same: bool) -> tuple[list[tuple[Answer, int]], list[str]]:
    """Return the indicators in order, and the Arabic labels that belong to none of them.

    The Arabic labels are paired only where both halves speak of one activity and have the same figures in order.
    """
    english, arabic = counted(en, "en"), counted(ar, "ar")
    if not same or [figure for _, figure in english] != [figure for _, figure in arabic]:
        return [(Answer(label, None), figure) for label, figure in english], [label for label, _ in arabic]
    pairs = zip(english, arabic, strict=True)
    return [(Answer(label, label_ar), figure) for (label, figure), (label_ar, _) in pairs], []


def counted(half: dict[str, Any], inside: str) -> list[tuple[str, int]]:
    found = half.get("indicators", {})
    place = f"{inside}.indicators"
    if not isinstance(found, dict):
        raise BadLine(place, "an object of figures", found)
    for figure in found.values():
        if not isinstance(figure, int) or isinstance(figure, bool) or not 0 <= figure < 2**53:
            raise BadLine(place, "whole numbers from 0", figure)
    return [(clean(label, place), figure) for label, figure in found.items()]
