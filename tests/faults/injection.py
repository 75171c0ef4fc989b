"""Strike a path at every durable system call it makes, and see what is left: a program, as forks want one thread.

    python -m tests.faults.injection FOLDER --path hub --form fail=0 --form kill=80 --share 0/2
    python -m tests.faults.injection FOLDER --plants

A first run without faults lists the points (tracing.py). Then each case copies the prepared folder, runs the work under
the tracer with one fault at one point, and a fork that is not traced judges what is left (`after` of the path). A form
has the number of points it strikes, 0 for all. A share is every n-th case, so that several of these programs do all
together. The last line printed is the report, as JSON:

    points       how many there are in a run without faults
    struck       [step, call, place, nth] of each point that was struck, by form
    violations   sentences; each ends with the form and the point
    silent       how many failures were not told, by step, call and file; see `promises`
    mended       failures after which the same process went on by itself

    planted      with --plants: the first violation of each wrong order that was put in on purpose (plants.py), or null
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.faults import forks, hub_path, node_path, plants, reader_path
from tests.faults.tracing import KILL, PASS, SHORT, Act, Ended, Point, error_of, fail, pretend, trace

PATHS: dict[str, ModuleType] = {"hub": hub_path, "node": node_path, "reader": reader_path}
FORMS = ("fail", "pretend", "kill", "short")
WRITES = ("write", "pwrite64")
_NAMED_BY_CHANCE = re.compile(r"\d+-[a-z2-7]{8}|\.\d+\.tmp$|[0-9a-f]{8}(?=\.draft$)")


@dataclass
class Report:
    """What a run came to; see the module."""

    points: int = 0
    struck: dict[str, list[tuple[str, str, str, int]]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    silent: dict[str, int] = field(default_factory=dict)
    told: int = 0
    mended: int = 0
    cases: int = 0


def act_of(form: str, point: Point) -> Act:
    error = error_of(point.call)
    return {"fail": fail(error), "pretend": pretend(error), "kill": KILL, "short": SHORT}[form]


def promises(point: Point) -> bool:
    """Whether something is promised on the strength of this call, so that its failure must be told.

    Nothing is by closing; by a lock file, a journal of an empty database, an index in shared memory; by what SQLite
    moves from its log into the database, where the log stays the truth; nor by opening, making a folder that may be
    there, and tidying. Whatever was not told is judged by what is left all the same.
    """
    name = point.place.rpartition("/")[2]
    writes = point.call in (
        "write",
        "pwrite64",
        "writev",
        "fsync",
        "fdatasync",
        "rename",
        "renameat",
        "renameat2",
        "link",
    )
    return writes and point.step != "close" and not name.endswith(("-shm", "-journal", ".lock", ".sqlite", ".jisr"))


class Injection:
    """One path, prepared in a folder, with what a run without faults comes to."""

    def __init__(self, folder: Path, path: ModuleType) -> None:
        self._folder, self._path = folder, path
        self._plant: hub_path.Plant | None = None
        path.prepare(folder / "prepared")  # not in a fork: what it loads on the way, all forks have
        forks.settle()
        clean, _ = self._run("clean", lambda _: PASS)
        self.points = clean.points
        assert clean.signal == 0 and not any("failed" in said for said in clean.said), clean
        self._expected = forks.in_fork(lambda: path.outcome(folder / "clean"))

    def find(self, plant: plants.Planted) -> str | None:
        """Strike a planted hub at its first push and publish, until something is violated."""
        self._plant = plant.put_in
        points = [
            point.number
            for point in self._run("case", lambda _: PASS)[0].points
            if point.step.startswith(plant.step) and plant.place in point.place
        ]
        random.Random(4).shuffle(points)
        report = Report()
        while points and not report.violations:
            self.case(plant.form, points.pop(), report)
        self._plant = None
        return report.violations[0] if report.violations else None

    def _run(self, name: str, choose: Any) -> tuple[Ended, list[bytes]]:
        case = self._folder / name
        shutil.rmtree(case, ignore_errors=True)
        shutil.copytree(self._folder / "prepared", case)
        shown: list[bytes] = []

        def glance() -> None:
            try:
                raw = (case / self._path.SHOWN).read_bytes()
            except FileNotFoundError:
                return
            if raw not in shown[-1:]:
                shown.append(raw)

        def work(say: Any) -> None:
            self._path.work(case, say, self._plant)

        ended = trace(work, case / self._path.ROOT, choose, glance=glance)
        glance()
        return ended, shown

    def case(self, form: str, number: int, report: Report) -> None:
        """Strike the point of this number; a run that does not come so far strikes nothing and counts for nothing."""
        ended, shown = self._run("case", lambda point: act_of(form, point) if point.number == number else PASS)
        struck = ended.acted
        if struck is None:
            return
        report.cases += 1
        step, call, place, nth = struck.identity
        report.struck.setdefault(form, []).append((step, call, _NAMED_BY_CHANCE.sub("*", place), nth))
        found = forks.in_fork(lambda: self._path.after(self._folder / "case", ended, shown, self._expected))
        if form in ("fail", "pretend") and not self._plant:
            found += self._told(ended, struck, report)
        report.violations += [f"{sentence} [{form}: {step}, {call} {place}, {nth}]" for sentence in found]

    def _told(self, ended: Ended, struck: Point, report: Report) -> list[str]:
        """What to say of a failure that nobody was told of."""
        found = [f"the work died of signal {ended.signal}"] if ended.signal else []
        told = [said for said in ended.said if "failed" in said]
        report.told += bool(told)
        report.mended += any("mended" in said for said in ended.said)
        if not told and not ended.signal:
            what = f"{struck.step}: {struck.call} {struck.place.rpartition('/')[2]}"
            report.silent[what] = report.silent.get(what, 0) + 1
            if promises(struck):
                found.append("the failure was swallowed")
        return found


def chosen(points: list[Point], count: int) -> list[int]:
    """All points, or so many of them spread over the path: as many different (step, call) as can be."""
    if not count or count >= len(points):
        return [point.number for point in points]
    firsts = {(point.call, point.place.rpartition(".")[2]): point.number for point in reversed(points)}
    spread = [points[n * len(points) // count].number for n in range(count)]
    first = list(firsts.values())[::-1][: count // 2]
    return sorted({*first, *spread[: count - len(first)]}) if len(first) < count else first


def cases(points: list[Point], forms: dict[str, int], share: tuple[int, int]) -> Iterator[tuple[str, int]]:
    writes = [point for point in points if point.call in WRITES]  # what can be cut short
    every = [
        (form, number)
        for form, count in forms.items()
        for number in chosen(writes if form == "short" else points, count)
    ]
    return iter(every[share[0] :: share[1]])


def counted(word: str) -> tuple[str, int]:
    """`kill=80` is (kill, 80)."""
    form, _, count = word.partition("=")
    if form not in FORMS:
        raise argparse.ArgumentTypeError(f"a form is one of {', '.join(FORMS)}, and {form!r} is none")
    return form, int(count)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--path", choices=PATHS, default="hub")
    parser.add_argument("--form", type=counted, action="append", default=[])
    parser.add_argument("--share", default="0/1")
    parser.add_argument("--plants", action="store_true")
    asked = parser.parse_args()
    mine, _, of = asked.share.partition("/")
    injection = Injection(asked.folder, PATHS[asked.path])
    report = Report(len(injection.points))
    if asked.plants:
        planted = {name: injection.find(plant) for name, plant in plants.PLANTS.items()}
        sys.stdout.write(json.dumps({"planted": planted}) + "\n")
        return
    for form, number in cases(injection.points, dict(asked.form), (int(mine), int(of))):
        injection.case(form, number, report)
    sys.stdout.write(json.dumps(asdict(report)) + "\n")


if __name__ == "__main__":
    main()
