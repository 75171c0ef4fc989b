"""All rows of a file, judged: what can be published as whole records in a file without a name, and what is wrong.

Rows are gone through one at a time, so that a long table takes little memory. A row with anything that must be fixed
makes nothing at all; the others do not wait for it.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import IO, Any, Protocol, TypeVar

import orjson

from jisr_protocol import identifiers
from jisr_protocol.quality.findings import MUST_FIX, Finding
from jisr_protocol.quality.validating import validate

from ..author import Author, Faulty, tidy
from .fields import ORGANIZATION
from .making import WORDS, Draft, Made, Setting, named
from .problems import COULD_BE_BETTER, Problem
from .rows import Rows
from .tables import Row, spooled
from .text import folded
from .understanding import Table

SALT = identifiers.new_salt(bytes(16))
REVIEW_DAYS = 180
"""When what ages and names no day of its own is to be looked at again."""
T = TypeVar("T")
Progress = Callable[[int, int], None]
"""(rows done, rows in all)"""


class Held(Protocol):
    """What the node has already. Reads only."""

    def record_id(self, type_name: str, local_id: str) -> str | None:
        """The record that this id of a table stands for."""

    def content(self, record_id: str) -> dict[str, Any] | None:
        """What the author says in a record, as it will be once what waits is published; None when there is none."""

    def digest(self, record_id: str) -> str:
        """A sum over that content, "" when there is none."""

    def erased(self, record_id: str) -> str | None:
        """Since when a record is erased and not wanted back."""

    def listed(self, list_name: str) -> frozenset[str]:
        """The records that this list brought last time."""

    def organization(self, name: str) -> str | None:
        """The organization here that is called so, folded; of "" the only one, if there is one."""


class Maker(Protocol):
    """Makes drafts of the rows of one table."""

    def make(self, row: Row) -> Made | None:
        """The drafts of a row; None for one that is none."""

    def column_of(self, name: str) -> int:
        """The first column of a field, 0 for none."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A record that can be published. `main`: the thing of the row itself, not its place or organization. `base` is
    the digest of what stood there when it was made."""

    id: str
    type: str
    local_id: str
    title: str
    content: bytes
    main: bool
    list: str
    base: str


@dataclass
class Prepared:
    """Everything a file says. `kept` are records of rows that stay out: they have not ended. Close it when done."""

    spool: IO[bytes]
    count: int = 0
    rows: int = 0
    good: int = 0
    problems: list[Problem] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    lists: dict[str, int] = field(default_factory=dict)
    advice: dict[tuple[str, str, int, str], array[int]] = field(default_factory=dict)
    """Sheet, code of a criterion, column and its heading → the rows that it could make better."""
    repaired: dict[str, dict[int, dict[int, str]]] = field(default_factory=dict)
    """Sheet → row → column → the cell as it was understood, where that is not what it says."""

    def ready(self) -> Iterator[Ready]:
        """The records, in the order of the rows; again from the first."""
        self.spool.seek(0)
        for line in self.spool:
            *members, content = orjson.loads(line)
            record_id, type_name, local_id, title, main, listed, base = members
            yield Ready(record_id, type_name, local_id, title, content.encode(), main, listed, base)

    def add(self, ready: Ready) -> None:
        members = [ready.id, ready.type, ready.local_id, ready.title, ready.main, ready.list, ready.base]
        self.spool.write(orjson.dumps([*members, ready.content.decode()]) + b"\n")
        self.count += 1

    @property
    def must_fix(self) -> list[Problem]:
        return [problem for problem in self.problems if problem.level == MUST_FIX]

    def close(self) -> None:
        self.spool.close()


def empty() -> Prepared:
    return Prepared(spooled())


def prepare(
    tables: Sequence[Table], author: Author, held: Held, country: str, own_name: str, today: str, progress: Progress,
    *, again: bool = False, maker: Callable[[Judge, Table], Maker] | None = None,
) -> Prepared:  # fmt: skip
    """Judge every row of the tables that are not skipped, organizations first, for others refer to them. `maker` makes
    the drafts of a table's rows where they are not read as rows of people's own tables are."""
    judge = Judge(author, held, country, own_name, today, again=again)
    wanted = sorted((table for table in tables if not table.skipped), key=lambda table: table.kind != "organization")
    total = sum(table.sheet.count for table in wanted)
    done = 0
    try:
        for table in wanted:
            judge.begin(table, maker(judge, table) if maker else None)
            for row in table.rows():
                judge.row(row)
                done += 1
                if done % 50 == 0:
                    progress(done, total)
        progress(total, total)
    # what is given up, by a Ctrl-C too, leaves no file behind
    except BaseException:
        judge.prepared.close()
        raise
    return judge.prepared


class Judge:
    """Takes rows of tables one after the other into one `prepared`."""

    def __init__(
        self, author: Author, held: Held, country: str, own_name: str, today: str, *, again: bool = False
    ) -> None:
        self.prepared = empty()
        self._author, self._held, self._again = author, held, again
        self._country, self._own_name, self._today = country, own_name, today
        self._rows_of: dict[str, int] = {}
        self._ids: set[str] = set()
        self._organizations: dict[str, str] = {}
        self._left_out: dict[str, int] = {}
        self._same: dict[str, bytes] = {}

    def begin(self, table: Table, maker: Maker | None = None) -> None:
        """Go on with the rows of this table."""
        self._table = table
        setting = Setting(self._author.node, self._country, table.lang, self._today, table.kind, table.sheet.name)
        self._maker: Maker = maker or Rows(setting, table.columns)
        self.prepared.lists.setdefault(table.list_name, 0)
        self._listed = self._held.listed(table.list_name)

    def known(self, type_name: str, local_id: str) -> str | None:
        """The record of a local id that is here already, or among what is ready."""
        record_id = self._id(type_name, local_id) if local_id else ""
        ready = record_id in self._ids and record_id not in self.prepared.kept
        return record_id if ready or (record_id and self._held.content(record_id) is not None) else None

    def knows_organization(self, name: str) -> bool:
        """Whether an organization of this name or local id is here, or stands in the file."""
        return folded(name) in self._organizations or self._held.organization(folded(name)) is not None

    def row(self, row: Row) -> None:
        """Judge one row."""
        made = self._maker.make(row)
        if made is None:
            return
        self.prepared.rows += 1
        type_name = f"org.jisr.{self._table.kind}/1"
        record_id = self._id(type_name, made.key)
        self._notice(made, record_id)
        if made.values:
            self.prepared.repaired.setdefault(self._table.sheet.name, {})[made.row] = made.values
        ready = self._judged(made, record_id) if made.good else []
        # an organization and its place read the same cell: what is wrong with it is said once
        self.prepared.problems += {_said(at, one): one for at, one in enumerate(made.problems)}.values()
        if made.good and ready:
            self.prepared.good += 1
            self.prepared.lists[self._table.list_name] += 1
            for one in ready:
                self.prepared.add(one)
        else:
            self.prepared.kept.add(record_id)
            if self._table.kind == "organization":
                self._left_out[record_id] = made.row

    def _notice(self, made: Made, record_id: str) -> None:
        """Whether a row says again what another says, or what was erased."""
        before = self._rows_of.setdefault(record_id, made.row)
        if before != made.row or record_id in self._ids:
            made.problems.append(self._problem(made, "twice", str(before)))
        elif (since := self._held.erased(record_id)) and not self._again:
            made.problems.append(self._problem(made, "erased", since[:10]))
        self._ids.add(record_id)
        if self._table.kind == "organization":
            self._organizations.setdefault(folded(made.title), record_id)
            self._organizations.setdefault(folded(made.key), record_id)

    def _problem(self, made: Made, code: str, expected: str, column: int = 0, came: str = "") -> Problem:
        heading = self._heading(column)
        return Problem(MUST_FIX, code, self._table.sheet.name, made.row, column, heading, expected, came, made.title)

    def _heading(self, column: int) -> str:
        return self._table.columns[column - 1].heading if 0 < column <= len(self._table.columns) else ""

    def _id(self, type_name: str, local_id: str) -> str:
        return self._held.record_id(type_name, local_id) or self._author.id_for(type_name, local_id)

    # one row

    def _judged(self, made: Made, record_id: str) -> list[Ready]:
        """Its records, judged; [] with the problems added to `made` when one of them cannot stand."""
        main = made.drafts[0]
        more = self._belongs(main, made)
        if more is None:
            return []
        self._refer(main, made.drafts[1:])
        self._ages(main, record_id)
        found = []
        for draft in [*more, *made.drafts[1:], main]:
            one_id = record_id if draft is main else self._id(draft.type, draft.local_id)
            ready = self._complete(draft, one_id, made, is_main=draft is main)
            if ready is not None:
                found.append(ready)
        return found if made.good else []

    def _belongs(self, main: Draft, made: Made) -> list[Draft] | None:
        """Say in the draft whose it is. An organization that nobody knows yet is made of its name."""
        kind = main.type.removeprefix("org.jisr.").partition("/")[0]
        member = ORGANIZATION.get(kind)
        if member is None:
            return []
        name = main.whose or self._own_name
        key = folded(name)
        column = self._maker.column_of("organization")
        known = self._organizations.get(key) or self._held.organization(key if main.whose else "")
        main.cells[f"/{member}"] = column
        if known is None:
            known = self._held.organization(key)
        if known is None:
            local_id = named(key)
            known = self._id("org.jisr.organization/1", local_id)
            label = {self._table.lang: {"value": name, "origin": "author"}}
            main.record[member] = known
            self._organizations[key] = known
            return [Draft("org.jisr.organization/1", local_id, {"name": label, "lang": self._table.lang}, name,
                          {"/name": column}, frozenset())]  # fmt: skip
        if known in self._left_out and self._held.content(known) is None:
            made.problems.append(self._problem(made, "belongs_out", str(self._left_out[known]), column, name))
            return None
        main.record[member] = known
        return []

    def _refer(self, main: Draft, places: Sequence[Draft]) -> None:
        """The ids of the places of a row, where the draft names them by their words."""
        for place in places:
            written, real = f"local:location/{place.local_id}", self._id(place.type, place.local_id)
            for entry in (*main.record.get("at", ()), *main.record.get("links", ())):
                for name in ("location", "target"):
                    if entry.get(name) == written:
                        entry[name] = real
            if main.record.get("location") == written:
                main.record["location"] = real

    def _ages(self, main: Draft, record_id: str) -> None:
        """What ages needs a day: the table's, its deadline, the one it had, else one in half a year."""
        kind = main.type.removeprefix("org.jisr.").partition("/")[0]
        if kind not in ("opportunity", "need", "offer") or "review_by" in main.record:
            return
        before = self._held.content(record_id) or {}
        if "deadline" in main.record:
            main.record["expires"] = f"{main.record['deadline']}T23:59:59Z"
        elif not before.keys() & {"review_by", "expires"}:
            day = date.fromisoformat(self._today) + timedelta(days=REVIEW_DAYS)
            main.record["review_by"] = day.isoformat()

    def _complete(self, draft: Draft, record_id: str, made: Made, *, is_main: bool) -> Ready | None:
        """One record as it will be, or None where the same place is made by another row already."""
        before = self._held.content(record_id)
        record = {"type": draft.type, **merged(before or {}, draft)}
        if not draft.local_id.startswith(WORDS):
            # a key made of words is not said again: it may hold the street of a place that is hidden
            record["source"] = {"local_id": draft.local_id}
        if not is_main and record_id in self._ids:
            return None
        if is_main and before and before.get("status") == "ended" and record_id not in self._listed:
            # it ended because the list had it no more, and is back; what a person ended stays so
            record["status"] = draft.record.get("status", "active")
        if (since := self._held.erased(record_id)) and not self._again:
            made.problems.append(self._problem(made, "erased", since[:10]))
            return None
        try:
            authored = self._author.complete(record, record_id, lambda kind, local_id: None)
        except Faulty as faulty:
            self._faults(record, record_id, draft, made, faulty)
            return None
        self._hints(orjson.loads(authored.content), draft, made)
        self._ids.add(record_id)
        return Ready(
            record_id, draft.type, draft.local_id, draft.title, authored.content, is_main,
            self._table.list_name, self._held.digest(record_id),
        )  # fmt: skip

    def _faults(self, record: dict[str, Any], record_id: str, draft: Draft, made: Made, faulty: Faulty) -> None:
        """What the validator says of a record that does not fit, in its own words; the author's where it says none."""
        whole = {**tidy(record), "id": record_id}
        for name, value in (("status", "active"), ("lang", self._author.lang), ("licence", self._author.licence)):
            whole.setdefault(name, value)
        whole.setdefault("audience", "public")
        found = [finding for finding in self._findings(whole) if finding.level == MUST_FIX]
        for finding in found:
            made.problems.append(self._found(finding, draft, made))
        if not found:
            fault = faulty.faults[0]
            column = _column(draft, fault.pointer)
            made.problems.append(replace(self._problem(made, "misfit", fault.expected, column), came=fault.came))

    def _hints(self, record: dict[str, Any], draft: Draft, made: Made) -> None:
        for finding in self._findings(record):
            # the place and the organization of a row are beside it: only what harms is said of them
            if finding.harms:
                made.problems.append(self._found(finding, draft, made))
            elif draft.type.startswith(f"org.jisr.{self._table.kind}/"):
                column = _column(draft, finding.pointer)
                key = (self._table.sheet.name, finding.code, column, self._heading(column))
                self.prepared.advice.setdefault(key, array("I")).append(made.row)

    def _findings(self, record: dict[str, Any]) -> tuple[Finding, ...]:
        at = f"{self._today}T00:00:00Z"
        given = {"node": self._author.node, "rev": 1, "salt": SALT, "created": at, "modified": at}
        return validate({**record, **given}, self._today).findings

    def _found(self, finding: Finding, draft: Draft, made: Made) -> Problem:
        column = _column(draft, finding.pointer)
        level = finding.level if finding.level == MUST_FIX else COULD_BE_BETTER
        problem = Problem(
            level, finding.code, self._table.sheet.name, made.row, column, self._heading(column),
            finding.expected, finding.came, made.title, finding,
        )  # fmt: skip
        if (beside := _nearest(draft.beside, finding.pointer)) is not None:
            sheet, row, column, heading = beside
            return replace(problem, sheet=sheet, row=row, column=column, heading=heading)
        return problem


def _said(at: int, problem: Problem) -> object:
    """By what two problems of a row are one: the cell and what is wrong with it; outside of cells, none."""
    cell = (problem.level, problem.code, problem.sheet, problem.row, problem.column, problem.expected, problem.came)
    return cell if problem.column else at


def merged(before: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    """A draft over what the node has: what the table has no column for stays, as do names in languages it has not."""
    record = {name: value for name, value in before.items() if name not in draft.owned}
    for name, value in draft.record.items():
        held = before.get(name)
        # names in languages that the table does not have stay
        record[name] = {**held, **value} if isinstance(held, dict) and _is_text(value) and _is_text(held) else value
    if "links" in draft.record:
        held = before.get("links", [])
        record["links"] = [*(link for link in held if link not in draft.record["links"]), *draft.record["links"]]
    record.pop("id", None)
    return record


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, dict) and "origin" in one for one in value.values())


def _column(draft: Draft, pointer: str) -> int:
    """The column of a place in a draft, or of the nearest thing around it."""
    return _nearest(draft.cells, pointer) or 0


def _nearest(places: Mapping[str, T], pointer: str) -> T | None:
    while pointer and pointer not in places:
        pointer = pointer.rpartition("/")[0]
    return places.get(pointer)


def digest(content: bytes) -> str:
    """The sum that Held.digest gives."""
    return hashlib.sha256(content).hexdigest()[:32]
