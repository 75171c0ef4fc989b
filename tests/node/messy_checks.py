"""What must hold of a messy table: each planted fault named by its cell and none beside, good rows published, and no
fault left once the marked cells of the file that is taken home are mended."""

import csv
import io
from datetime import UTC, datetime

from openpyxl import load_workbook

from jisr_node.app import Node

from .messy_tables import HEADS, Messy

NOW = datetime(2026, 3, 3, tzinfo=UTC)
MARK = "FFE8A44C"


def node() -> Node:
    return Node.in_memory(now=NOW, name="Coordination point", country="JO", lang="en")


def check(name: str, made: Messy, content: bytes) -> bytes:
    """Import a table, compare what is said with what was planted, and give what is taken home."""
    with node() as ours, ours.importing(name, io.BytesIO(content), now=NOW) as found:
        prepared = found.prepare()
        said = {(problem.cell, problem.code) for problem in prepared.must_fix}
        assert said == made.planted
        assert prepared.good == made.good
        found.carry_out()
        published = ours.publish(now=NOW)
        services = [one for one in ours.records() if one["type"] == "org.jisr.service/1"]
        assert len(services) == made.good and published.entries["public"] > made.good
        home = io.BytesIO()
        found.corrected(home)
    return home.getvalue()


def mended_csv(home: bytes, made: Messy, separator: str) -> bytes:
    """A text table that was taken home, with what is marked mended."""
    rows = list(csv.reader(io.StringIO(home.decode("utf-8-sig")), delimiter=separator))
    wrong = len(HEADS)
    marked = {number for number, cells in enumerate(rows, 1) if number > 3 and cells[wrong:] and cells[wrong]}
    assert marked == made.bad
    for (row, column), text in made.right.items():
        rows[row - 1][column] = text
    kept = [cells for number, cells in enumerate(rows, 1) if number not in made.doubled]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(kept)
    return out.getvalue().encode("utf-8-sig")


def mended_xlsx(home: bytes, made: Messy) -> bytes:
    """A workbook that was taken home, with what is marked mended."""
    book = load_workbook(io.BytesIO(home))
    sheet = book["Services"]
    cells = [one for row in sheet.iter_rows(max_col=len(HEADS)) for one in row]
    marked = {one.coordinate for one in cells if one.fill.fill_type and one.fill.start_color.rgb == MARK}
    assert marked == {place for place, code in made.planted if code != "twice"}
    for (row, column), text in made.right.items():
        sheet.cell(row, column + 1).value = text
    for row in sorted(made.doubled, reverse=True):
        sheet.delete_rows(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def without_fault(name: str, content: bytes, rows: int) -> None:
    """A table without any fault left."""
    with node() as ours, ours.importing(name, io.BytesIO(content), now=NOW) as found:
        prepared = found.prepare()
        assert prepared.must_fix == [] and prepared.good == rows
