"""Tables as offices send them: every fault is named by its cell and nothing else is, good rows go on, and what is taken
home has no fault once the marked cells are mended."""

from pathlib import Path

import pytest

from . import messy_checks as checks
from . import messy_tables as messy

SERVICES = "data/services-ar-en/services.jsonl"


@pytest.mark.parametrize(("encoding", "separator"), [("utf-16", "\t"), ("utf-8-sig", ",")])
def test_every_planted_fault_of_a_text_table_is_named_and_mended(shared: Path, encoding: str, separator: str) -> None:
    made = messy.make(shared / SERVICES, 7, 40, faults=2, digits=True)
    home = checks.check("services.csv", made, messy.as_csv(made, encoding, separator))
    checks.without_fault("services.csv", checks.mended_csv(home, made, separator), 40)
