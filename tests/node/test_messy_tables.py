"""Tables as offices send them: every fault is named by its cell and nothing else is, good rows go on, and what is taken
home has no fault once the marked cells are mended."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from jisr_node.app import Node

from . import messy_tables as messy

NOW = datetime(2026, 3, 3, tzinfo=UTC)
MARK = "FFE8A44C"


def node() -> Node:
    return Node.in_memory(now=NOW, name="Coordination point", country="JO", lang="en")


def check(name: str, made: messy.Messy, content: bytes) -> bytes:
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


def without_fault(name: str, content: bytes, rows: int) -> None:
    with node() as ours, ours.importing(name, io.BytesIO(content), now=NOW) as found:
        prepared = found.prepare()
        assert prepared.must_fix == []
        assert prepared.good == rows


@pytest.mark.parametrize(("encoding", "separator"), [("cp1256", ";"), ("utf-16", "\t"), ("utf-8-sig", ",")])
def test_every_planted_fault_of_a_text_table_is_named_and_mended(shared: Path, encoding: str, separator: str) -> None:
    services = shared / "data/services-ar-en/services.jsonl"
    made = messy.make(services, 7, 60, faults=2, digits=encoding != "cp1256")
    home = check("services.csv", made, messy.as_csv(made, encoding, separator))
    rows = list(csv.reader(io.StringIO(home.decode("utf-8-sig")), delimiter=separator))
    wrong = len(messy.HEADS)
    marked = {number for number, cells in enumerate(rows, 1) if number > 3 and cells[wrong:] and cells[wrong]}
    assert marked == made.bad
    for (row, column), text in made.right.items():
        rows[row - 1][column] = text
    kept = [cells for number, cells in enumerate(rows, 1) if number not in made.doubled]
    out = io.StringIO()
    csv.writer(out, delimiter=separator).writerows(kept)
    without_fault("services.csv", out.getvalue().encode("utf-8-sig"), 60)


def test_every_planted_fault_of_a_workbook_is_named_marked_and_mended(shared: Path) -> None:
    made = messy.make(shared / "data/services-ar-en/services.jsonl", 11, 60, faults=2, digits=True)
    home = check("services.xlsx", made, messy.as_xlsx(made))
    book = load_workbook(io.BytesIO(home))
    sheet = book["Services"]
    marked = {
        one.coordinate
        for row in sheet.iter_rows(max_col=len(messy.HEADS))
        for one in row
        if one.fill.fill_type == "solid" and one.fill.start_color.rgb == MARK
    }
    assert marked == {place for place, code in made.planted if code != "twice"}
    for (row, column), text in made.right.items():
        sheet.cell(row, column + 1).value = text
    for row in sorted(made.doubled, reverse=True):
        sheet.delete_rows(row)
    out = io.BytesIO()
    book.save(out)
    without_fault("services.xlsx", out.getvalue(), 60)
