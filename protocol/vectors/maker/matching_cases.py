"""Cases of docs/spec/matching.md: what may be asked, which profiles fit, which groups are told."""

from __future__ import annotations

from typing import Any

from .cases import CaseFile, bytes_of
from .primitives import Writer, canonical

ASKED: dict[str, Any] = {"areas": ["NL329"], "languages": ["ar"], "skills": ["language"], "when": ["MO-morning"]}


def profile(**changed: Any) -> dict[str, Any]:
    value = {
        "area": [{"code": "NL329", "scheme": "nuts"}],
        "availability": {"MO": ["morning"], "SA": ["evening"]},
        "languages": [{"lang": "ar-MA", "level": "C2"}, {"lang": "nl"}],
        "skills": [{"code": "language", "name": {}, "scheme": "jisr-focus"}],
    }
    return {name: member for name, member in (value | changed).items() if member is not None}


def make() -> CaseFile:
    file = CaseFile(
        "matching",
        "Operation match_asked: the bytes of a question → its lists, sorted. Operation match_groups: a question and "
        "profiles, each with its node and how often it is there → the groups that are told.",
    )
    _asked(file)
    _groups(file)
    return file


def _asked(file: CaseFile) -> None:
    for comment, asked in (
        ("all four", ASKED),
        ("one alone", {"languages": ["zgh"]}),
        ("a country", {"areas": ["MA"]}),
        ("empty lists", {"skills": []}),
    ):
        result = {name: sorted(asked.get(name, [])) for name in ("areas", "languages", "skills", "when")}
        file.valid("MAT-1", "match_asked", comment, {"bytes": bytes_of(canonical(asked))}, result)
    for comment, pointer, asked in (
        ("nothing", "", {}),
        ("no object", "", ["ar"]),
        ("words", "/wishes", ASKED | {"wishes": "cooking"}),
        ("a name", "/name", ASKED | {"name": "Yusra"}),
        ("an age", "/age", ASKED | {"age": 34}),
        ("a skill of nobody's list", "/skills", ASKED | {"skills": ["juggling"]}),
        ("four skills", "/skills", {"skills": ["language", "work", "food", "debt"]}),
        ("a language with its region", "/languages", {"languages": ["ar-MA"]}),
        ("an area finer than level 3", "/areas", {"areas": ["NL3291"]}),
        ("a street", "/areas", {"areas": ["12 rue du Port"]}),
        ("an hour", "/when", {"when": ["MO-09:00"]}),
        ("a text instead of a list", "/when", {"when": "MO-morning"}),
    ):
        case = {"bytes": bytes_of(canonical(asked))}
        file.invalid("MAT-1", "match_asked", comment, case, "malformed", pointer)


def _groups(file: CaseFile) -> None:
    one, two = Writer("node").id, Writer("b").id

    def case(rule: str, comment: str, held: list[tuple[str, int, dict[str, Any]]], told: list[tuple[str, int]],
             asked: dict[str, Any] = ASKED) -> None:  # fmt: skip
        given = [{"node": node, "profile": record, "times": times} for node, times, record in held]
        result = {"groups": [{"at_least": least, "node": node} for node, least in sorted(told)]}
        file.valid(rule, "match_groups", comment, {"asked": bytes_of(canonical(asked)), "held": given}, result)

    for comment, counts, told in (
        ("nobody", [], []),
        ("four are no group", [(one, 4)], []),
        ("five are", [(one, 5)], [(one, 5)]),
        ("nine are told as five", [(one, 9)], [(one, 5)]),
        ("ten", [(one, 10)], [(one, 10)]),
        ("four here and four there are no group of eight", [(one, 4), (two, 4)], []),
        ("five here and four there", [(one, 5), (two, 4)], [(one, 5)]),
        ("two groups", [(one, 5), (two, 12)], [(one, 5), (two, 10)]),
    ):
        case("MAT-2", comment, [(node, times, profile()) for node, times in counts], told)
    for comment, record, fits in (
        ("words and hours have no effect", profile(hours_per_week=3, wishes={"ar": {"value": "x"}}), True),
        ("a finer area counts as its level 3", profile(area=[{"code": "NL3291", "scheme": "nuts"}]), True),
        ("a wider area holds it", profile(area=[{"code": "NL", "scheme": "nuts"}]), True),
        ("another area", profile(area=[{"code": "NL327", "scheme": "nuts"}]), False),
        ("a code of another scheme is no area", profile(area=[{"code": "NL329", "scheme": "cbs"}]), False),
        ("no area at all", profile(area=None), False),
        ("another language", profile(languages=[{"lang": "tr"}]), False),
        ("another day", profile(availability={"TU": ["morning"]}), False),
        ("another part of the day", profile(availability={"MO": ["evening"]}), False),
        ("a skill of another scheme", profile(skills=[{"code": "language", "scheme": "esco"}]), False),
        ("members of odd forms", profile(skills="language", languages=[5], availability=[]), False),
    ):
        case("MAT-3", comment, [(one, 5, record)], [(one, 5)] if fits else [])
    case("MAT-3", "what was not asked excludes nobody", [(one, 5, profile(area=None, availability=None))], [(one, 5)],
         {"languages": ["ar"]})  # fmt: skip
