"""Writing records: jisr-node add · edit · end · delete · import."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from ..app import Node
from ..errors import Mistaken
from . import tables
from .checking import hints
from .shell import HERE, Exit, Folder, Json, Which, count, print_json, say

if TYPE_CHECKING:
    from ..drafts import Taken

Again = Annotated[bool, typer.Option("--again", help="Also take what was erased; it is published with a higher rev.")]
Source = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for the input.")]
NEXT = "Next: jisr-node publish"


def add(source: Source, again: Again = False, folder: Folder = HERE, as_json: Json = False) -> None:
    """Add one record, written as a JSON object."""
    with Node.open(folder) as node:
        taken = node.import_drafts([_one(source)], again=again)
        _finish(taken, as_json, hints(node, taken.ids), one=True)


def edit(which: Which, source: Source, again: Again = False, folder: Folder = HERE, as_json: Json = False) -> None:
    """Replace what a record says by the JSON object in FILE."""
    with Node.open(folder) as node:
        taken = node.edit(which, _one(source), again=again)
        _finish(taken, as_json, hints(node, taken.ids), one=True)


def end(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Mark a record as ended; it stays visible as that."""
    with Node.open(folder) as node:
        record_id = node.end(which)
    say({"id": record_id, "status": "ended"}, f"{record_id} is marked as ended. {NEXT}", as_json=as_json)


def delete(which: Which, folder: Folder = HERE, as_json: Json = False) -> None:
    """Take a record out of everything that is published."""
    with Node.open(folder) as node:
        record_id = node.delete(which)
    say({"id": record_id, "deleted": True}, f"{record_id} will be deleted. {NEXT}", as_json=as_json)


def import_(
    source: Source,
    label: Annotated[str | None, typer.Option("--node", help="Take only the lines of this partner.")] = None,
    again: Again = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen (tables).")] = False,
    sheet: Annotated[str, typer.Option("--sheet", help="Only this sheet of a workbook.")] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="HEADING=FIELD, HEADING=FIELD:fr, HEADING=start:dmy, or HEADING=- to leave it out."),
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="What every row is: organization, service, event …")] = "",
    lang: Annotated[str, typer.Option("--lang", help="The language of texts in Latin letters.")] = "",
    ending: Annotated[int | None, typer.Option("--ending", help="So many records may end, said on purpose.")] = None,
    corrected: Annotated[
        Path | None, typer.Option("--corrected", help="Write the table with its faults marked.")
    ] = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take in a table (XLSX, ODS, CSV), an HSDS package, or drafts, one JSON object a line.

    The same file twice changes nothing. Rows with a fault stay out and are named by their cell. Lines of JSON never end
    or delete anything; what a table brought before and does not have any more is marked as ended.
    """
    if tables.is_table(source):
        with Node.open(folder) as node:
            return tables.take(
                node, source, dry_run=dry_run, as_json=as_json, sheet=sheet, mapping=mapping or [], kind=kind,
                lang=lang, ending=ending, corrected=corrected, again=again,
            )  # fmt: skip
    with Node.open(folder) as node, _lines(source) as lines:
        taken = node.import_drafts(lines, label, again=again)
        said = hints(node, taken.ids)
    if label is not None and not (taken.ids or taken.refused):
        raise Mistaken(f"No line of {source} is for the node {label!r}. Nothing was changed. Check --node.")
    return _finish(taken, as_json, said)


def _one(source: str) -> dict[str, Any]:
    """The one JSON object in a file. Raises Mistaken if there is none."""
    from ..author import Faulty
    from ..drafts import LINE_BYTES, read_line

    with _opened(source) as file:
        text = file.read(LINE_BYTES + 1)
    try:
        value = read_line(text, first=True)
    except Faulty as faulty:
        raise Mistaken(f"{source}: {faulty}. Nothing was changed.") from None
    if not isinstance(value, dict):
        raise Mistaken(f"{source}: expected one JSON object; came something else. Nothing was changed.")
    return value


@contextmanager
def _lines(source: str) -> Iterator[Iterator[bytes]]:
    with _opened(source) as file:
        yield _bounded(file)


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only as much as it takes to refuse it."""
    from ..drafts import LINE_BYTES

    while line := file.readline(LINE_BYTES + 1):
        rest = line
        while len(rest) > LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES + 1)
        yield line


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open(source, "rb"))
        except OSError as error:
            raise Mistaken(f"{source} cannot be read: {error.strerror}. Nothing was changed.") from None
        yield file


def _finish(taken: Taken, as_json: bool, said: Sequence[str], *, one: bool = False) -> None:
    """Say what an import did, or what `one` draft became, and what hints there are; exit status 1 when something was
    left out."""
    if as_json:
        refused = [{"line": r.line, "faults": [asdict(fault) for fault in r.faults]} for r in taken.refused]
        print_json({**_counts(taken), "refused": refused, "ids": taken.ids, "hints": list(said)})
    else:
        for line in said:
            typer.echo(line, err=True)
        for line in refused_lines(taken, one=one):
            typer.echo(line, err=True)
        counts = _counts(taken)
        words = ", ".join(f"{number} {word}" for word, number in counts.items() if number or word != "skipped")
        typer.echo(f"{words}, {len(taken.refused)} left out. {NEXT if taken.added or taken.changed else ''}".strip())
    if taken.refused:
        raise typer.Exit(Exit.REFUSED)


def _counts(taken: Taken) -> dict[str, int]:
    return {
        "added": taken.added,
        "changed": taken.changed,
        "unchanged": taken.unchanged,
        "skipped": taken.skipped,
    }


def refused_lines(taken: Taken, *, one: bool = False) -> list[str]:
    """A sentence for each thing that is wrong with a draft, and what it means for the rest."""
    lines = [
        f"{'In ' if one else f'Line {refused.line}, '}{fault.sentence}."
        for refused in taken.refused
        for fault in refused.faults
    ]
    if taken.refused and taken.ids:
        lines.append(
            f"{count(len(taken.refused), 'record')} left out; the other {len(taken.ids)} are safe. Correct what is "
            "named above and give the same command again: what is already in does not come twice."
        )
    elif taken.refused:
        lines.append("Nothing was changed. Correct what is named above and give the same command again.")
    return lines
