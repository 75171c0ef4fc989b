"""Taking in a table of somebody's: what `jisr-node import` does with XLSX, ODS and CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..app import Node
from ..errors import Mistaken
from .shell import Exit, count, print_json

if TYPE_CHECKING:
    from ..app.imports import Import
    from ..importing.planning import Named, Plan
    from ..importing.problems import Problem
    from ..importing.understanding import Table

ENDINGS = (".xlsx", ".xlsm", ".ods", ".csv", ".tsv", ".tab", ".txt", ".xls", ".zip")
NEXT = "Next: jisr-node publish"


def is_table(source: str) -> bool:
    """Whether a file is a table by its name, or an HSDS package as JSON; anything else is JSON lines."""
    if source.lower().endswith(ENDINGS):
        return True
    return source.lower().endswith(".json") and _is_package(Path(source))


def _is_package(path: Path) -> bool:
    from ..importing import packages
    from ..importing.tables import Unreadable

    try:
        with path.open("rb") as file:
            book = packages.read(path.name, file)
    except (OSError, Unreadable):
        return False  # whoever reads it as lines says why
    if book is not None:
        book.close()
    return book is not None


def take(
    node: Node, source: str, *, dry_run: bool, as_json: bool, sheet: str, mapping: Sequence[str], kind: str, lang: str,
    ending: int | None, corrected: Path | None, again: bool,
) -> None:  # fmt: skip
    """Take the good rows of a table in and say what is wrong with the others. Raises Mistaken, Declined, Busy."""
    from ..importing.tables import Unreadable
    from ..importing.words import file_sentence

    try:
        with open(source, "rb") as file, node.importing(Path(source).name, file) as found:
            _choose(found, sheet, mapping, kind, lang)
            _check_tables(found, source)
            with _progress("Reading", as_json) as progress:
                found.prepare(progress, again=again)
            if corrected is not None:
                with corrected.open("wb") as out:
                    found.corrected(out, lang=lang or "en")
            if not as_json:
                for line in said(found):
                    typer.echo(line, err=True)
            if not dry_run:
                with _progress("Writing", as_json) as progress:
                    found.carry_out(ending=ending, progress=progress)
            _finish(found, dry_run=dry_run, as_json=as_json)
    except Unreadable as error:
        raise Mistaken(f"{source}: {file_sentence(error)} Nothing was changed.") from None
    except OSError as error:
        raise Mistaken(f"{source} cannot be read: {error.strerror}. Nothing was changed.") from None


def _choose(found: Import, sheet: str, mapping: Sequence[str], kind: str, lang: str) -> None:
    """What the options say of the tables; remembered for files of this shape."""
    from ..importing.fields import KINDS
    from ..importing.heading_words import headings
    from ..importing.understanding import NOTHING_CHOSEN, Chosen

    if kind and kind not in KINDS:
        raise Mistaken(f"--kind: expected one of {', '.join(KINDS)}; came {kind!r}. Nothing was changed.")
    columns = {}
    for each in mapping:
        heading, sign, field = each.rpartition("=")
        if not sign or (field.partition(":")[0] not in headings() and field != "-"):
            fields = ", ".join(headings())
            raise Mistaken(f"--map: expected HEADING=FIELD, of {fields}, or HEADING=-; came {each!r}.")
        columns[heading] = field
    if sheet and all(table.sheet.name != sheet for table in found.tables):
        names = ", ".join(table.sheet.name for table in found.tables)
        raise Mistaken(f"--sheet: expected one of {names}; came {sheet!r}. Nothing was changed.")
    for table in found.tables:
        mine = not sheet or table.sheet.name == sheet
        before = found.chosen(table.shape) or NOTHING_CHOSEN
        if mine and (columns or kind or lang):
            found.choose(
                table.shape, Chosen(kind or before.kind, lang or before.lang, {**before.columns, **columns}, False)
            )
    if sheet:
        found.only(sheet)


def _check_tables(found: Import, source: str) -> None:
    """Say what to do when no table has a column of names."""
    if all(table.skipped for table in found.tables):
        headings_ = "; ".join(
            ", ".join(f"“{column.heading}”" for column in table.columns if column.heading) for table in found.tables
        )
        raise Mistaken(
            f"{source}: no column was recognised as the name of something. These headings were found: {headings_}. "
            "Nothing was changed. Say which one it is, such as: --map 'HEADING=name'"
        )


@contextmanager
def _progress(what: str, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if as_json or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(total, 1))


def said(found: Import) -> Iterator[str]:
    """What was understood, what will happen by name, and everything that is wrong."""
    prepared = found.prepared
    assert prepared is not None
    for table in found.tables:
        yield from _understood(table)
    yield from _will(found.plan)
    yield from _problems(prepared.problems)
    for (sheet, code, _, heading), rows in sorted(prepared.advice.items()):
        where = f"{sheet}, " if sheet else ""
        listed = ", ".join(map(str, rows))
        yield f"could be better ({len(rows)}): {_advice(code)}{f' “{heading}”' if heading else ''} {where}rows {listed}"


def _advice(code: str) -> str:
    from jisr_protocol.quality.findings import COULD_BE_BETTER, found
    from jisr_protocol.quality.words import sentence

    return sentence(found(code, COULD_BE_BETTER, "", ""), "en")


def _understood(table: Table) -> Iterator[str]:
    name = f"Sheet {table.sheet.name}" if table.sheet.name else "The table"
    if table.skipped:
        yield f"{name}: left out, it has no column of names."
        return
    if not table.kind:
        yield f"{name}: its rows belong to those of other tables."
        return
    taken = ", ".join(f"{column.heading} → {column.field}" for column in table.columns if column.taken)
    left = ", ".join(column.heading for column in table.columns if not column.taken and column.heading)
    yield f"{name}: every row is one {table.kind}. {taken}{f'. Left out: {left}' if left else ''}."


def _will(plan: Plan) -> Iterator[str]:
    for word, listed in (("added", plan.added), ("changed", plan.changed), ("ended", plan.ended)):
        if listed:
            yield f"{word} ({len(listed)}): {'; '.join(map(_named, listed))}"
    if plan.braked:
        yield (
            f"! {len(plan.ended)} of {plan.known} records of this list would end, more than one in twenty: "
            f"nothing is taken in before you say so with --ending {len(plan.ended)}"
        )


def _named(one: Named) -> str:
    return f"{one.name} (was {one.before})" if one.before else one.name


def _problems(problems: Sequence[Problem]) -> Iterator[str]:
    from ..importing.problems import grouped
    from ..importing.words import sentence, where

    for group in grouped(problems):
        first = group[0]
        heading = f" “{first.heading}”" if first.heading else ""
        yield f"{first.level} ({len(group)}){heading}:"
        for problem in group:
            yield f"  {where(problem)} {problem.title[:60]}: {sentence(problem)}"


def _finish(found: Import, *, dry_run: bool, as_json: bool) -> None:
    prepared, plan = found.prepared, found.plan
    assert prepared is not None
    out = prepared.rows - prepared.good
    if as_json:
        print_json(_value(found, dry_run))
    else:
        done = "would be " if dry_run else ""
        typer.echo(
            f"{count(prepared.rows, 'row')}: {len(plan.added)} {done}added, {len(plan.changed)} changed, "
            f"{len(plan.ended)} ended, {plan.unchanged} unchanged, {count(out, 'row')} left out. "
            + ("Nothing was changed." if dry_run else NEXT if not plan.empty else "")
        )
    if out:
        raise typer.Exit(Exit.REFUSED)


def _value(found: Import, dry_run: bool) -> Mapping[str, Any]:
    prepared, plan = found.prepared, found.plan
    assert prepared is not None
    return {
        "dry_run": dry_run,
        "tables": [
            {
                "sheet": table.sheet.name, "kind": table.kind, "lang": table.lang, "skipped": table.skipped,
                "shape": table.shape, "columns": [asdict(column) for column in table.columns],
            }
            for table in found.tables
        ],
        "rows": prepared.rows, "good": prepared.good,
        "added": [asdict(one) for one in plan.added], "changed": [asdict(one) for one in plan.changed],
        "ended": [asdict(one) for one in plan.ended], "unchanged": plan.unchanged, "braked": plan.braked,
        "problems": [_problem(problem) for problem in prepared.problems],
        "advice": [
            {"sheet": sheet, "code": code, "heading": heading, "rows": list(rows)}
            for (sheet, code, _, heading), rows in prepared.advice.items()
        ],
    }  # fmt: skip


def _problem(problem: Problem) -> Mapping[str, Any]:
    from ..importing.words import sentence

    return {
        "level": problem.level, "code": problem.code, "sheet": problem.sheet, "cell": problem.cell,
        "row": problem.row, "heading": problem.heading, "title": problem.title, "came": problem.came,
        "expected": problem.expected, "sentence": sentence(problem),
    }  # fmt: skip
