"""From a spreadsheet: the file, what we understood, what will happen, and the good ones published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.vocabulary import kind_word

from .rim import body_of, once_of
from .room import Endpoint, Nav, Room, Visit, Way

if TYPE_CHECKING:
    from ...app.imports import Import
    from ...importing.problems import Problem
    from ...importing.understanding import Table

FILE_BYTES = 50 * 1024 * 1024
WAIT_SECONDS = 2.0
SHOWN_NAMES = 50
GONE = N_("There is no file here any more. Choose it again.")
NO_FILE = N_("Choose a file.")


@dataclass(frozen=True)
class Choice:
    """A field in a list: its value, its words, whether it is chosen."""

    value: str
    words: str
    chosen: bool


class Sheets(Room):
    """Taking in a table."""

    nav = Nav("/sheets", N_("From a spreadsheet"), 40)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/sheets"): self.begin,
            Way("POST", "/sheets", most_bytes=FILE_BYTES): self.take_file,
            Way("GET", "/sheets/table"): self.table,
            Way("POST", "/sheets/table"): self.choose,
            Way("GET", "/sheets/plan", script=True): self.plan,
            Way("GET", "/sheets/corrected"): self.corrected,
            Way("POST", "/sheets/publish"): self.publish,
            Way("POST", "/sheets/forget"): self.forget,
        }

    async def begin(self, request: Request, visit: Visit) -> Response:
        return self._asked(request, visit, "")

    def _asked(self, request: Request, visit: Visit, wrong: str, status: int = 200) -> Response:
        waits = visit.office.arriving
        return self.rim.show(request, "sheets.html", visit, status, wrong=wrong, waits=waits.name if waits else "")

    async def take_file(self, request: Request, visit: Visit) -> Response:
        from ...app.arriving import Arriving
        from ...importing.tables import Unreadable
        from ...importing.words import file_sentence
        from .multipart import file_of

        sent = file_of(request.headers.get("content-type", ""), await body_of(request))
        if sent is None:
            return self._asked(request, visit, visit.language.gettext(NO_FILE), 422)
        arriving = Arriving(visit.office.folder, *sent, visit.office.now)
        try:
            await arriving.ask(lambda found: None)
        except Unreadable as error:
            arriving.close()
            return self._asked(request, visit, file_sentence(error, visit.language.gettext), 422)
        self._let_go(visit)
        visit.office.arriving = arriving
        return self.rim.go("/sheets/table")

    async def table(self, request: Request, visit: Visit) -> Response:
        arriving = visit.office.arriving
        if arriving is None:
            return self._asked(request, visit, visit.language.gettext(GONE), 404)
        tables = await arriving.ask(lambda found: [_table(one, found, visit.language) for one in found.tables])
        ready = any(not one["skipped"] for one in tables)
        return self.rim.show(request, "sheets_table.html", visit, file=arriving.name, tables=tables, ready=ready)

    async def choose(self, request: Request, visit: Visit) -> Response:
        arriving = visit.office.arriving
        if arriving is None:
            return self._asked(request, visit, visit.language.gettext(GONE), 404)
        fields = await once_of(request)
        await arriving.ask(lambda found: _choose(found, fields))
        arriving.again()
        return self.rim.go("/sheets/table")

    async def plan(self, request: Request, visit: Visit) -> Response:
        arriving = visit.office.arriving
        if arriving is None:
            return self._asked(request, visit, visit.language.gettext(GONE), 404)
        arriving.read()
        if not await arriving.wait(WAIT_SECONDS):
            progress = arriving.progress
            return self.rim.show(
                request, "sheets_wait.html", visit, file=arriving.name, done=progress.done, total=progress.total
            )
        values = await arriving.ask(lambda found: _plan(found, visit.language))
        return self.rim.show(request, "sheets_plan.html", visit, file=arriving.name, **values)

    async def corrected(self, request: Request, visit: Visit) -> Response:
        from ...app.arriving import corrected

        arriving = visit.office.arriving
        if arriving is None:
            return self._asked(request, visit, visit.language.gettext(GONE), 404)
        name, content = await arriving.ask(lambda found: corrected(found, visit.language.code, visit.language.gettext))
        kind = _MEDIA_TYPES[name.rpartition(".")[2]]
        disposition = f"attachment; filename*=UTF-8''{quote(name)}"
        return Response(content, media_type=kind, headers={"Content-Disposition": disposition})

    async def publish(self, request: Request, visit: Visit) -> Response:
        arriving = visit.office.arriving
        if arriving is None:
            return self._asked(request, visit, visit.language.gettext(GONE), 404)
        said = (await once_of(request)).get("ending", "")
        ending = int(said) if said.isascii() and said.isdigit() else None
        await arriving.ask(lambda found: found.carry_out(ending=ending))
        self._let_go(visit)
        await visit.office.ask(lambda node: node.publish())
        visit.office.send_soon()
        return self.rim.go("/?said=published")

    async def forget(self, request: Request, visit: Visit) -> Response:
        self._let_go(visit)
        return self.rim.go("/sheets")

    def _let_go(self, visit: Visit) -> None:
        held, visit.office.arriving = visit.office.arriving, None
        if held is not None:
            held.close()


_MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


def _table(table: Table, found: Import, language: Language) -> Mapping[str, Any]:
    """A table as its page shows it: every column with its list of fields, and the first rows. Of a package the kinds
    are given, and only what can be left out is asked."""
    from ...importing.fields import KINDS

    kinds = [] if found.packaged else [
        Choice(kind, kind_word(f"org.jisr.{kind}/1", language), kind == table.kind) for kind in KINDS
    ]  # fmt: skip
    choices = _of_package if found.packaged else _choices
    return {
        "sheet": table.sheet.name,
        "rows": table.sheet.count - len(table.head.rows),
        "skipped": table.skipped,
        "kind": kind_word(f"org.jisr.{table.kind}/1", language) if found.packaged and table.kind else "",
        "kinds": sorted(kinds, key=lambda one: one.words),
        "columns": [
            {"place": column.place, "heading": column.heading, "sure": column.sure, "choices": listed}
            for column in table.columns if (listed := list(choices(table, column, language)))
        ],
        "sample": [(number, cells + [""] * (len(table.columns) - len(cells))) for number, cells in table.sample()],
        "names": [column.heading for column in table.columns],
    }  # fmt: skip


def _of_package(table: Table, column: Any, language: Language) -> Iterator[Choice]:
    """What a column of a package may be: what the standard says, or left out; subjects may be those it is for."""
    from ...importing.heading_words import field_name, headings
    from ...importing.hsds import TAKEN

    usual = TAKEN[table.sheet.name].get(column.heading)
    for field in ("focus", "target_group") if usual == "focus" else (usual,):
        if field is not None:
            words = field_name(field, language.code) if field in headings() else language.gettext(N_("taken in"))
            yield Choice(field, words, column.field == field)


def _choices(table: Table, column: Any, language: Language) -> Iterator[Choice]:
    from ...importing.columns import LOCALISED, NOT_TAKEN
    from ...importing.fields import KINDS
    from ...importing.heading_words import field_name
    from ...importing.understanding import DATES

    for field in sorted(KINDS[table.kind], key=lambda one: field_name(one, language.code)):
        if field in NOT_TAKEN:
            continue
        words = field_name(field, language.code)
        mine = column.taken and column.field == field
        yield Choice(field, words, mine and not column.lang and column.order not in ("mdy",))
        if field in DATES:
            yield Choice(f"{field}:dmy", f"{words}, 31/12", False)
            yield Choice(f"{field}:mdy", f"{words}, 12/31", mine and column.order == "mdy")
        if field in LOCALISED and (field in ("name", "description") or mine):
            for lang in ("ar", "da", "en", "es", "fr", "nl", "tr", "zgh"):
                name = language.language_name(lang) or lang
                yield Choice(f"{field}:{lang}", f"{words} — {name}", mine and column.lang == lang)


def _choose(found: Import, fields: Mapping[str, str]) -> None:
    """What a person chose, remembered for files of this shape; what was understood as it is needs no choice."""
    from ...importing.heading_words import headings
    from ...importing.understanding import Chosen

    for place, table in enumerate(list(found.tables)):
        kind = fields.get(f"t{place}.kind", table.kind)
        columns = {}
        for column in table.columns:
            said = fields.get(f"t{place}.c{column.place}")
            if said is not None and (said == "-" or said.partition(":")[0] in headings()):
                columns[str(column.place)] = said
        found.choose(table.shape, Chosen(_known_kind(kind), table.lang, columns))


def _known_kind(kind: str) -> str:
    from ...importing.fields import KINDS

    return kind if kind in KINDS else ""


def _plan(found: Import, language: Language) -> Mapping[str, Any]:
    """What will happen by name, and everything that is to be said, by cause."""
    from jisr_protocol.quality.words import shared

    from ...app.arriving import looked
    from ...importing.problems import MUST_FIX, grouped

    prepared, plan = looked(found)
    groups = grouped(prepared.problems)
    return {
        "rows": prepared.rows,
        "good": prepared.good,
        "moves": [
            (word, [one.name for one in listed])
            for word, listed in ((N_("Added"), plan.added), (N_("Changed"), plan.changed), (N_("Ended"), plan.ended))
        ],
        "most": SHOWN_NAMES,
        "empty": plan.empty,
        "braked": plan.braked,
        "gone": len(plan.ended),
        "known": plan.known,
        "must": shared("must fix", language.code),
        "better": shared("could be better", language.code),
        "must_fix": [list(map(_said(language), group)) for group in groups if group[0].level == MUST_FIX],
        "could_be_better": [list(map(_said(language), group)) for group in groups if group[0].level != MUST_FIX],
        "advice": list(_advice(found, language)),
    }


def _said(language: Language) -> Any:
    from ...importing.words import sentence, where

    def said(problem: Problem) -> tuple[str, str, str, str]:
        place = where(problem, language.code, language.gettext)
        return place, problem.heading, problem.title[:80], sentence(problem, language.code, language.gettext)

    return said


def _advice(found: Import, language: Language) -> Iterator[tuple[str, str, str]]:
    """Sheet, sentence, rows: what could make rows better, each once with all rows it is about."""
    from jisr_protocol.quality.findings import COULD_BE_BETTER
    from jisr_protocol.quality.findings import found as finding
    from jisr_protocol.quality.words import sentence

    assert found.prepared is not None
    for (sheet, code, _, _), rows in sorted(found.prepared.advice.items()):
        yield sheet, sentence(finding(code, COULD_BE_BETTER, "", ""), language.code), ", ".join(map(str, rows))
