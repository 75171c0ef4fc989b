"""The converter of the real input: a line is a draft or has a sentence, a value has a place or is counted."""

import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol import canonical, schema
from tests.examples.drafts import Draft, complete, kind, name, read, references

CONVERT = Path(__file__).resolve().parents[2] / "examples" / "services_ar_en" / "convert.py"


@dataclass(frozen=True)
class Done:
    """One run: exit status, the drafts, the counts of the last line, the report, and the bytes of the output."""

    status: int
    drafts: list[Draft]
    counts: dict[str, Any]
    report: str
    raw: bytes

    def of(self, kind_name: str) -> list[Draft]:
        return [draft for draft in self.drafts if kind(draft) == kind_name]


def convert(source: Path, folder: Path, *options: str) -> Done:
    """Run the converter as a person would, with a plain interpreter that sees no installed package (-S)."""
    out = folder / "drafts.jsonl"
    command = [sys.executable, "-S", str(CONVERT), str(source), str(out), *options]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False, cwd=folder)
    last = done.stdout.splitlines()[-1] if done.stdout else "{}"
    there = out.exists()
    return Done(
        done.returncode, read(out) if there else [], json.loads(last), done.stderr, out.read_bytes() if there else b""
    )


@pytest.fixture(scope="module")
def source(shared: Path) -> Path:
    return shared / "data" / "services-ar-en" / "services.jsonl"


@pytest.fixture(scope="module")
def rows(source: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def real(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    return convert(source, tmp_path_factory.mktemp("real"))


# --- the real input --------------------------------------------------------------------------------------


def test_every_partner_is_an_organization_and_every_line_a_service(
    real: Done, rows: list[dict[str, Any]], figure: Any
) -> None:
    assert real.status == 0, real.report
    assert (real.counts["partners"], real.counts["organizations"], real.counts["services"]) == (44, 44, 562)
    assert real.counts["lines"] == len(rows) == 562
    assert real.counts["refused"] == 0
    assert {kind_name: len(real.of(kind_name)) for kind_name in ("organization", "service", "location")} == {
        "organization": 44,
        "service": 562,
        "location": real.counts["locations"],
    }
    assert len({draft["node"] for draft in real.drafts}) == 44
    figure("locations", real.counts["locations"], "unmapped values", sum(real.counts["unmapped"].values()))


def test_an_id_that_occurs_twice_gives_two_services(real: Done, rows: list[dict[str, Any]]) -> None:
    services = {(draft["node"], draft["source"]["local_id"]) for draft in real.of("service")}
    assert len(services) == 562
    assert len({(node, local_id.split("-")[0]) for node, local_id in services}) == 549
    assert {local_id for _, local_id in services} == {f"{row['id']}-{row['en']['activity']}" for row in rows}


def test_names_are_trimmed_and_two_spellings_stay_two(real: Done, rows: list[dict[str, Any]]) -> None:
    names = {draft["name"]["en"]["value"] for draft in real.of("organization")}
    assert names == {row["en"]["partnerName"].strip() for row in rows}
    assert {"IFH/NHF", "NHF"} <= names


def test_every_draft_is_valid_once_a_node_completes_it(real: Done) -> None:
    for draft in real.drafts:
        record = complete(draft)
        assert schema.accepts(draft["type"], record), (name(draft), schema.errors(draft["type"], record))
        canonical.dumps(record)


def test_every_reference_points_at_an_earlier_draft_of_the_same_node(real: Done) -> None:
    seen: set[tuple[str, tuple[str, str]]] = set()
    for draft in real.drafts:
        for reference in references(draft):
            assert (draft["node"], reference) in seen, (name(draft), reference)
        assert (draft["node"], name(draft)) not in seen, f"{name(draft)} twice"
        seen.add((draft["node"], name(draft)))


def test_every_service_has_its_name_in_both_languages_with_an_origin(real: Done, rows: list[dict[str, Any]]) -> None:
    texts = {f"{row['id']}-{row['en']['activity']}": row for row in rows}
    machine = 0
    for draft in real.of("service"):
        row = texts[draft["source"]["local_id"]]
        assert draft["name"]["en"] == {"value": row["en"]["activityName"].strip(), "origin": "author"}
        if row["ar"]["activity"] == row["en"]["activity"]:
            assert draft["name"]["ar"]["value"] == row["ar"]["activityName"].strip()
        else:
            assert draft["name"]["ar"]["origin"] == "machine"
        machine += draft["name"]["ar"]["origin"] == "machine"
    # 13 lines whose Arabic half is of another activity, 34 whose Arabic name is half English
    assert machine == 13 + 34


def test_no_arabic_text_is_without_arabic_letters_and_half_english_is_the_machines(real: Done) -> None:
    def texts(value: Any) -> list[dict[str, str]]:
        if isinstance(value, dict):
            own = [value["ar"]] if "ar" in value else []
            return own + [found for part in value.values() for found in texts(part)]
        return [found for part in value for found in texts(part)] if isinstance(value, list) else []

    found = [text for draft in real.drafts for text in texts(draft)]
    assert len(found) > 4000
    for text in found:
        assert re.search("[\u0600-\u06ff]", text["value"]), text
        if text["value"].endswith(": Al Khaldyah"):
            continue  # the one place that the Arabic half names in Latin letters
        assert (text["origin"] == "machine") == bool(re.search("[a-z]{2}", text["value"])) or text[
            "value"
        ] == "فرص التعليم"


def test_opening_and_closing_times_are_all_accounted_for(real: Done, rows: list[dict[str, Any]]) -> None:
    assert sum("8. Office Open at" in row["en"] for row in rows) == sum(real.counts["opening"].values()) == 471
    assert sum("9. Office close at" in row["en"] for row in rows) == sum(real.counts["closing"].values()) == 360
    assert real.counts["opening"] == {"always": 5, "start and end": 357, "start only": 108, "words": 1}
    assert real.counts["closing"] == {"always": 1, "start and end": 357, "words": 2}
    hours = {draft["source"]["local_id"]: hours_of(draft) for draft in real.of("service")}
    shapes = Counter(tuple(len(interval) for interval in found.get("intervals", [])) for found in hours.values())
    # 43 lines tick two opening times and no closing time
    assert shapes == {(2,): 357 + 5, (1,): 108 - 43, (1, 1): 43, (): 562 - 357 - 5 - 108}
    for row in rows:
        found = hours[f"{row['id']}-{row['en']['activity']}"]
        if "9. Office close at" not in row["en"] and "Always open" not in row["en"].get("8. Office Open at", {}):
            assert all(len(interval) == 1 for interval in found.get("intervals", [])), "a closing time was made up"
        assert ("days" in found) == ("7. Availability Day" in row["en"])


def hours_of(draft: Draft) -> dict[str, Any]:
    (at,) = draft["at"]
    found = at.get("schedule", {}).get("operating_hours", [{}])
    assert len(found) == 1
    return dict(found[0])


def test_coordinates_are_the_digits_of_the_source(real: Done, rows: list[dict[str, Any]]) -> None:
    places = {(draft["node"], name(draft)[1]): draft["coordinates"] for draft in real.of("location")}
    for draft, row in zip_by_local_id(real.of("service"), rows):
        found = places[draft["node"], references(draft["at"])[0][1]]
        for axis, number in zip(("longitude", "latitude"), row["geometry"]["coordinates"], strict=True):
            assert isinstance(found[axis], str)
            assert float(found[axis]) == pytest.approx(number, abs=1e-8)
    assert len({(node, *point.values()) for (node, _), point in places.items()}) == len(places) == 249


def zip_by_local_id(services: list[Draft], rows: list[dict[str, Any]]) -> list[tuple[Draft, dict[str, Any]]]:
    of = {f"{row['id']}-{row['en']['activity']}": row for row in rows}
    return [(draft, of[draft["source"]["local_id"]]) for draft in services]


def test_periods_are_kept_and_the_status_follows_from_them(
    real: Done, rows: list[dict[str, Any]], source: Path, tmp_path: Path
) -> None:
    for draft, row in zip_by_local_id(real.of("service"), rows):
        assert draft["period"] == {"from": row["en"]["startDate"], "until": row["en"]["endDate"]}
        assert "expires" not in draft
    assert {draft["status"] for draft in real.of("service")} == {"ended"}
    then = convert(source, tmp_path, "--as-of", "2014-11-01")
    expected = Counter(status(row["en"]["startDate"], row["en"]["endDate"], "2014-11-01") for row in rows)
    assert Counter(draft["status"] for draft in then.of("service")) == expected
    assert set(expected) == {"planned", "active", "ended"}


def status(first: str, last: str, day: str) -> str:
    return "ended" if last < day else "planned" if first > day else "active"


def test_a_referral_is_required_only_where_no_other_answer_says_otherwise(
    real: Done, rows: list[dict[str, Any]]
) -> None:
    for draft, row in zip_by_local_id(real.of("service"), rows):
        method = set(row["en"].get("10. Referral Method", {}))
        access = set(row["en"].get("4. Accessibility", {}))
        referral = draft.get("referral", {})
        if "Referrals not accepted" in method:
            assert referral["accepted"] is False
            assert "required" not in referral
        elif "Referral is not required" in method:
            assert referral["required"] is False
        elif access & {"Walk-in", "Walk-in & Outreach", "All the above"}:
            assert "required" not in referral
        else:
            assert referral["required"] is True


def test_figures_above_one_are_capacities(real: Done, rows: list[dict[str, Any]]) -> None:
    for draft, row in zip_by_local_id(real.of("service"), rows):
        figures = {label.strip(): figure for label, figure in row["en"]["indicators"].items() if figure > 1}
        found = {it["what"]["en"]["value"]: it["maximum"] for it in draft.get("capacity", [])}
        assert found == figures


def test_the_same_input_gives_the_same_bytes(real: Done, source: Path, tmp_path: Path) -> None:
    again = convert(source, tmp_path)
    assert again.raw == real.raw
    assert (again.counts, again.report) == (real.counts, real.report)


def test_the_listing_adds_up_to_the_counts(real: Done) -> None:
    listed = listing(real.report)
    assert {field: sum(values.values()) for field, values in listed.items()} == real.counts["unmapped"]
    assert listed["en.4. Accessibility"] == {'"All the above" (points at a list not in the source)': 198}
    assert sum(real.counts["unmapped"].values()) == 1549


def listing(report: str) -> dict[str, Counter[str]]:
    """What the report lists as not mapped: field → value with its reason → times."""
    found: dict[str, Counter[str]] = {}
    field, total = "", 0
    for line in report.splitlines():
        if value := re.fullmatch(r"    ([0-9]+) x (.+)", line):
            found[field][value[2]] += int(value[1])
        elif heading := re.fullmatch(r"  (\S.*): ([0-9]+)", line):
            assert not field or sum(found[field].values()) == total, field
            field, total = heading[1], int(heading[2])
            found[field] = Counter()
    return found


def test_every_answer_of_the_source_is_in_its_draft_or_in_the_listing(real: Done, rows: list[dict[str, Any]]) -> None:
    """English answers: each is found again by its words, by the code it maps to, or among the unmapped values."""
    coded = {
        **{f"7. {day}": "days" for day in ("Sun-Thurs", "Mon-Thurs  and Sat")},
        "10. Email on a per case basis": "email",
        "10. Telephone on a per case basis": "phone",
        "10. IA Form": "form",
        "10. RAIS": "rais",
        "10. Referrals not accepted": '"accepted": false',
        "10. Referral is not required": '"required": false',
        "12. One day": '"response_days": 1',
        "12. One week": '"response_days": 7',
        "12. One month": '"response_days": 30',
    }
    lost: Counter[tuple[str, str]] = Counter()
    for draft, row in zip_by_local_id(real.of("service"), rows):
        text = json.dumps(draft, ensure_ascii=False)
        for field, answers in row["en"].items():
            number = field.split(".")[0]
            for answer in answers if number.isdigit() and number not in ("8", "9") else ():
                sign = coded.get(f"{number}. {answer}", "days" if number == "7" else json.dumps(answer.strip())[1:-1])
                lost[f"en.{field}", answer] += sign not in text
    assert +lost == {("en.4. Accessibility", "All the above"): 198, ("en.5. Coverage", COVERED): covered_by_code(rows)}


def test_every_arabic_text_is_in_its_draft_or_in_the_listing(real: Done, rows: list[dict[str, Any]]) -> None:
    """All but the answers that become codes: days, times, methods, and the three delays that become days."""
    lost: Counter[str] = Counter()
    for draft, row in zip_by_local_id(real.of("service"), rows):
        text = json.dumps(draft, ensure_ascii=False)
        for field, answers in row["ar"].items():
            words = answers if isinstance(answers, dict) else [answers] if field.startswith("activity") else []
            for word in words:
                coded = field.split(".")[0] in ("7", "8", "9", "10") or field == "activity"
                coded = coded or word in ("يوم واحد", "أسبوع واحد", "شهر واحد")
                coded = coded or (
                    word == "المحافظة حيث تقع الخدمة" and row["en"]["locationName"].endswith("Governorate")
                )
                empty = field == "indicators" and answers[word] == 0
                if not (coded or empty or json.dumps(word.strip(), ensure_ascii=False)[1:-1] in text):
                    lost[f"ar.{field}"] += 1
    assert lost == {field: times for field, times in real.counts["unmapped"].items() if field.startswith("ar.")}


COVERED = "Governorate where the service is located"


def covered_by_code(rows: list[dict[str, Any]]) -> int:
    """Lines whose coverage became the ISO code of the governorate that is their place."""
    return sum(
        COVERED in row["en"].get("5. Coverage", {}) and row["en"]["locationName"].endswith("Governorate")
        for row in rows
    )


# --- input that is not as it should be -------------------------------------------------------------------


def line(**changes: Any) -> dict[str, Any]:
    """One sound line of our own; `en` and `ar` in `changes` are merged into the halves, None takes a member away."""
    half = {"activity": 1, "partnerName": " Helpers ", "startDate": "2014-01-01", "endDate": "2014-12-31"}
    halves = {
        "en": {**half, "locationName": "Here", "activityName": "Tea", "activityCategory": "FOOD", "indicators": {}},
        "ar": {**half, "locationName": "هنا", "activityName": "شاي", "activityCategory": "طعام", "indicators": {}},
    }
    found: dict[str, Any] = {"id": 1, "geometry": {"type": "Point", "coordinates": [35.5, 31.25]}, **halves}
    for key, value in changes.items():
        if key in halves and isinstance(value, dict):
            merged = {**found[key], **value}
            found[key] = {inner: it for inner, it in merged.items() if it is not None}
        elif value is None:
            del found[key]
        else:
            found[key] = value
    return found


def written(folder: Path, *lines: dict[str, Any] | bytes) -> Path:
    path = folder / "in.jsonl"
    path.write_bytes(b"\n".join(it if isinstance(it, bytes) else json.dumps(it).encode() for it in lines))
    return path


def test_the_sound_line_alone_is_used(tmp_path: Path) -> None:
    done = convert(written(tmp_path, line()), tmp_path)
    assert (done.status, done.counts["services"], done.counts["unmapped"]) == (0, 1, {})
    assert [kind(draft) for draft in done.drafts] == ["organization", "location", "service"]
    assert done.drafts[0]["name"]["en"]["value"] == "Helpers"
    assert done.drafts[0]["node"] == "helpers"
    assert done.drafts[1]["coordinates"]["longitude"] == "35.5"


HOSTILE = {
    "not JSON": (b"{", "expected one JSON object"),
    "a list": (b"[]", "expected one JSON object"),
    "a text": (b'"x"', "expected one JSON object"),
    "not UTF-8": (b'{"id": "\xff"}', "expected UTF-8 text"),
    "a name twice": (b'{"id": 1, "id": 2}', "expected each name once"),
    "NaN": (b'{"id": NaN}', "expected numbers of JSON"),
    "100,000 levels": (b'{"id": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "expected one JSON object"),
    "too long": (b'{"id": "' + b"x" * 70_000 + b'"}', "expected at most 65536 bytes"),
    "5,000 digits": (b'{"id": ' + b"9" * 5_000 + b"}", "expected one JSON object"),
    "no id": (line(id=None), "id: expected a whole number above 0, came 'nothing'"),
    "id true": (line(id=True), "id: expected a whole number above 0, came 'True'"),
    "id a text": (line(id="1"), "id: expected a whole number"),
    "id beyond 2^53": (line(id=2**53), "id: expected a whole number"),
    "no geometry": (line(geometry=None), "geometry: expected an object"),
    "a line as geometry": (line(geometry={"type": "LineString", "coordinates": [1, 2]}), "geometry: expected a Point"),
    "three coordinates": (line(geometry={"type": "Point", "coordinates": [1, 2, 3]}), "geometry: expected a Point"),
    "text as coordinate": (line(geometry={"type": "Point", "coordinates": ["1", 2]}), "expected a longitude"),
    "off the globe": (line(geometry={"type": "Point", "coordinates": [35, 91]}), "expected a latitude"),
    "no English": (line(en=3), "en: expected an object"),
    "no Arabic": (line(ar=None), "ar: expected an object"),
    "no partner": (line(en={"partnerName": None}), "en.partnerName: expected text, came 'nothing'"),
    "a blank partner": (line(en={"partnerName": "   "}), "en.partnerName: expected text that is not empty"),
    "a number as name": (line(en={"activityName": 3}), "en.activityName: expected text"),
    "a name of 301 letters": (line(en={"activityName": "x" * 301}), "en.activityName: expected at most 300"),
    "a lone surrogate": (line(en={"locationName": "x\ud800"}), "en.locationName: expected text of printable"),
    "a control character": (line(en={"locationName": "x\0"}), "en.locationName: expected text of printable"),
    "a turned direction": (line(ar={"locationName": "\u202eهنا"}), "ar.locationName: expected text of printable"),
    "activity a float": (line(en={"activity": 1.5}), "en.activity: expected a whole number"),
    "a day that is none": (line(en={"endDate": "2014-02-30"}), "en.endDate: expected a day"),
    "a day of another form": (line(en={"startDate": "20140101"}), "en.startDate: expected a day"),
    "answers as a list": (
        line(en={"7. Availability Day": ["Sun-Thurs"]}),
        "en.7. Availability Day: expected an object",
    ),
    "an answer that is false": (line(en={"5. Coverage": {"North": False}}), "en.5. Coverage: expected an object"),
    "a question twice": (line(en={"7. Day": {}, "7. Days": {}}), "en.7. Days: expected question 7 once"),
    "indicators as text": (line(en={"indicators": "many"}), "en.indicators: expected an object"),
    "an indicator below 0": (line(en={"indicators": {"x": -1}}), "en.indicators: expected whole numbers"),
    "the same service again": (line(), "id and activity: expected a pair that is new"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One run over a sound line, every hostile line, and another sound line."""
    folder = tmp_path_factory.mktemp("hostile")
    return convert(written(folder, line(), *(bad for bad, _ in HOSTILE.values()), line(id=2)), folder)


@pytest.mark.parametrize("case", HOSTILE)
def test_a_bad_line_has_a_sentence_that_names_it(case: str, hostile: Done) -> None:
    number = list(HOSTILE).index(case) + 2
    (said,) = [text for text in hostile.report.splitlines() if text.startswith(f"line {number} ")]
    assert said.startswith(f"line {number} is left out. ")
    assert HOSTILE[case][1] in said


def test_bad_lines_leave_the_others_alone(hostile: Done) -> None:
    assert hostile.status == 1
    counts = hostile.counts
    assert (counts["services"], counts["refused"], counts["lines"]) == (2, len(HOSTILE), len(HOSTILE) + 2)
    assert [name(draft) for draft in hostile.of("service")] == [("service", "1-1"), ("service", "2-1")]
    assert "Traceback" not in hostile.report
    for draft in hostile.drafts:
        assert schema.errors(draft["type"], complete(draft)) == []


def test_what_is_unknown_is_counted_by_field_and_value(tmp_path: Path) -> None:
    strange = line(
        extra=7,
        en={
            "colour": "red",
            "7. Availability Day": {"When it rains": True},
            "10. Referral Method": {"Pigeon": True},
            "4. Accessibility": {"By boat": True},
            "Referral required": "Perhaps",
            "indicators": {"Cups": 0},
        },
        ar={"لون": "أحمر", "6. مدى التوفر": {"كل يوم": True}, "indicators": {"أكواب": 0}},
    )
    done = convert(written(tmp_path, strange), tmp_path)
    assert done.status == 0
    assert done.counts["unmapped"] == {
        "ar.6. مدى التوفر": 1,
        "ar.لون": 1,
        "en.10. Referral Method": 1,
        "en.4. Accessibility": 1,
        "en.7. Availability Day": 1,
        "en.Referral required": 1,
        "en.colour": 1,
        "en.indicators": 1,
        "extra": 1,
    }
    assert {field: sum(values.values()) for field, values in listing(done.report).items()} == done.counts["unmapped"]
    assert '"Pigeon" (unknown)' in done.report


@pytest.mark.parametrize(
    ("opening", "closing", "intervals"),
    [
        (["8:30am"], ["Close at 17:00pm"], [["08:30", "17:00"]]),
        (["1:00pm"], ["Close at 5:30pm"], [["13:00", "17:30"]]),
        (["13:00pm", "8:30am"], [], [["08:30"], ["13:00"]]),
        (["9:00am"], [], [["09:00"]]),
        (["Always open"], [], [["00:00", "24:00"]]),
        (["Always open"], ["Never closed"], [["00:00", "24:00"]]),
        (["Always open"], ["Close at 17:00pm"], None),
        (["12:00am"], ["Close at 15:00pm"], None),
        (["13:00am"], [], None),
        (["24:00pm"], [], None),
        (["8:60am"], [], None),
        (["noon"], [], None),
        (["9:00am"], ["Close at 8:00am"], None),
        (["9:00am", "10:00am"], ["Close at 17:00pm"], None),
        ([], ["Close at 14:00pm"], None),
    ],
)
def test_a_time_is_read_without_guessing_and_else_stays_words(
    opening: list[str], closing: list[str], intervals: list[list[str]] | None, tmp_path: Path
) -> None:
    answers = {"8. Office Open at": dict.fromkeys(opening, True), "9. Office close at": dict.fromkeys(closing, True)}
    done = convert(written(tmp_path, line(en={key: value for key, value in answers.items() if value})), tmp_path)
    hours = hours_of(done.of("service")[0])
    assert hours.get("intervals") == intervals
    if intervals is None:
        assert hours["note"]["en"]["value"] == "; ".join([*opening, *closing])
    assert schema.errors("org.jisr.service/1", complete(done.of("service")[0])) == []


def test_partners_whose_names_fold_to_one_slug_get_two_labels(tmp_path: Path) -> None:
    partners = ("Helpers", "helpers!", "المساعدون")
    lines = [line(id=number, en={"partnerName": partner}) for number, partner in enumerate(partners, start=1)]
    done = convert(written(tmp_path, *lines), tmp_path)
    labels = [draft["node"] for draft in done.of("organization")]
    assert labels[0] == "helpers"
    assert len(set(labels)) == 3
    assert all(re.fullmatch("[a-z0-9-]+", label) for label in labels)


def test_an_input_without_a_usable_line_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "drafts.jsonl").write_text('{"kept": true}\n', encoding="utf-8")
    done = convert(written(tmp_path, b"{"), tmp_path)
    assert done.status == 64
    assert done.drafts == [{"kept": True}]
    assert "Nothing was written" in done.report


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text(json.dumps(line()), encoding="utf-8")
    done = convert(path, tmp_path)
    assert done.status == 64
    assert done.drafts == [line()]


@pytest.mark.parametrize("options", [["--as-of", "yesterday"], ["--colour"]])
def test_a_wrong_call_says_how_to_call(options: list[str], tmp_path: Path) -> None:
    done = convert(written(tmp_path, line()), tmp_path, *options)
    assert done.status == 64
    assert "usage:" in done.report


def test_a_missing_input_is_said(tmp_path: Path) -> None:
    done = convert(tmp_path / "absent.jsonl", tmp_path)
    assert done.status == 64
    assert "absent.jsonl" in done.report
    assert done.drafts == []
