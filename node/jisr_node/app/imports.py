"""An import from the file to what is taken in: opened, understood, prepared, planned, carried out.

with node.importing("list.xlsx", file) as found:
    found.tables                 what is understood; found.choose(...) corrects it and is remembered
    found.prepare()              every row judged; found.prepared.problems
    found.plan                   what would be added, changed, ended, by name
    found.carry_out()            in one transaction; nothing is signed before the next publish
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import IO, TYPE_CHECKING, Self

from jisr_protocol import identifiers

from ..drafts import Drafts, Taken
from ..importing import hsds, packages
from ..importing.holding import StoreHeld
from ..importing.opening import open_book
from ..importing.planning import Plan, carry_out, check_brake, plan
from ..importing.preparing import Judge, Maker, Prepared, Progress, prepare
from ..importing.understanding import NOTHING_CHOSEN, Chosen, Table, understand
from ..importing.words import Translate, plain

if TYPE_CHECKING:
    from ..author import Author
    from .node import Node


def _quietly(done: int, total: int) -> None:
    """No progress is shown."""


class Import:
    """One file on its way in. Close it when done; nothing of it stays but what was carried out."""

    def __init__(self, node: Node, author: Author, name: str, file: IO[bytes], now: datetime) -> None:
        """Read all tables of a file. Raises importing.tables.Unreadable."""
        self.node, self._author, self._now = node, author, now
        self.book = open_book(name, file)
        self.prepared: Prepared | None = None
        self.tables = self._understood()

    @property
    def packaged(self) -> bool:
        """Whether the file is an HSDS package, whose tables name one another."""
        return self.book.form == packages.FORM

    def _understood(self) -> list[Table]:
        settings = self.node.settings
        if self.packaged:
            return hsds.tables_of(self.book, settings.lang, self.chosen)
        return understand(self.book, settings.lang, settings.country, self.chosen)

    def chosen(self, shape: str) -> Chosen | None:
        """What a person chose for files of this shape, now or before."""
        text = self.node.store.table_choice(shape)
        return Chosen.loads(text) if text is not None else None

    def choose(self, shape: str, chosen: Chosen) -> None:
        """Correct how the tables of a shape are understood, and remember it for the next file."""
        with self.node.store.transaction():
            self.node.store.put_table_choice(shape, (chosen or NOTHING_CHOSEN).dumps())
        self.tables = self._understood()
        self._forget()

    def only(self, sheet: str) -> None:
        """Leave out every table but this one, this time."""
        self.tables = [replace(table, skipped=table.skipped or table.sheet.name != sheet) for table in self.tables]
        self._forget()

    def prepare(self, progress: Progress = _quietly, *, again: bool = False) -> Prepared:
        """Judge every row; what was erased stays out, unless it is wanted `again`."""
        self._forget()
        settings, today = self.node.settings, identifiers.to_instant(self._now)[:10]
        held = StoreHeld(self.node.store)
        self.prepared = prepare(
            self.judged, self._author, held, settings.country, settings.name, today, progress, again=again,
            maker=self._maker(today),
        )  # fmt: skip
        return self.prepared

    @property
    def judged(self) -> list[Table]:
        """The tables whose rows are records: all of a person's own, some of a package."""
        return [table for table in self.tables if table.kind]

    def _maker(self, today: str) -> Callable[[Judge, Table], Maker] | None:
        """How the rows of a package become records; None for tables of a person's own."""
        if not self.packaged:
            return None
        from ..importing.hsds_records import PackageRows

        package = hsds.Package(self.tables, self.node.id, self.node.settings.country, today)
        return lambda judge, table: PackageRows(package, judge, table)

    @cached_property
    def plan(self) -> Plan:
        """What carrying out would do, compared with what was here when it is first asked."""
        return plan(self.node.store, self.prepared or self.prepare())

    def carry_out(self, *, ending: int | None = None, progress: Progress = _quietly) -> Taken:
        """Take in what is good. Raises Declined when the brake holds, or the node changed since the plan; Busy."""
        made, prepared = self.plan, self.prepared
        assert prepared is not None
        check_brake(made, ending)
        drafts = Drafts(self.node.store, self._author, self.node.random)
        return carry_out(self.node.store, drafts, prepared, made, ending=ending, progress=progress)

    def corrected(self, out: IO[bytes], *, lang: str = "en", tr: Translate = plain) -> str:
        """Write the file with what must be fixed marked, and what could be repaired repaired; returns its name."""
        from ..importing import corrected

        prepared = self.prepared or self.prepare()
        corrected.write(self.book, self.tables, prepared.problems, prepared.repaired, out, lang=lang, tr=tr)
        return corrected.name_of(self.book)

    def _forget(self) -> None:
        if self.prepared is not None:
            self.prepared.close()
        self.prepared = None
        self.__dict__.pop("plan", None)

    def close(self) -> None:
        """Let go of the file's rows. Safe to call twice."""
        self._forget()
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
