"""The vectors in protocol/vectors, read from where they lie: the core gives what each of them says.

They are made by protocol/vectors/make.py, which shares no code with the core; making them again gives the same bytes.
"""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol.problems import PROBLEMS
from tests.protocol.folder_reader import Holding, follow
from tests.protocol.judge import cases, judge
from tests.protocol.operations.forms import FORMS
from tests.protocol.operations.given import VECTORS, Case

ALL = list(cases())
FEEDS = sorted(path.parent for path in VECTORS.glob("feeds/*/expect.json"))


@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
def test_the_core_gives_what_the_vector_says(case: Case) -> None:
    assert judge(case) == case["expect"], case["comment"]


def lists() -> Iterator[tuple[str, str, str]]:
    """(form, verdict, value) of every line that is no comment."""
    for file in sorted(VECTORS.glob("identifiers/*.txt")):
        form, verdict, _ = file.name.split(".")
        for line in file.read_text("utf-8").split("\n"):
            if line and not line.startswith("#"):
                yield form, verdict, line


@pytest.mark.parametrize(("form", "verdict", "value"), list(lists()))
def test_a_name_fits_its_form_or_does_not(form: str, verdict: str, value: str) -> None:
    assert (FORMS[form](value) is None) == (verdict == "valid")


@pytest.mark.parametrize("folder", FEEDS, ids=lambda folder: folder.name)
def test_a_session_ends_as_the_feed_says(folder: Path) -> None:
    """Refused entries among them: they keep their rows (READ-10)."""
    expected = json.loads((folder / "expect.json").read_text("utf-8"))
    now, holding = datetime.fromisoformat(expected["now"]), Holding()
    if expected["before"]:
        done, holding = follow(folder / expected["before"], holding, now)
        assert done.outcome == 0
    done, holding = follow(folder / "feed", holding, now)
    assert (int(done.outcome), done.refusal.code if done.refusal else None) == (expected["exit"], expected["code"])
    assert done.refusal is None or done.refusal.rule == expected["rule"]
    assert [[*place, *row] for place, row in sorted(holding.rows.items())] == expected["live"]
    assert [{"code": c, "seq": s} for s, c in sorted(holding.refused.items())] == expected["refused"]


def test_making_the_vectors_again_gives_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(VECTORS / "make.py"), str(tmp_path)], check=True)
    made = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    own = {"make.py", "LICENSE", "README.md", ".gitattributes"}
    programs = {"maker", "__pycache__"}
    kept = {p.relative_to(VECTORS) for p in VECTORS.rglob("*") if p.is_file() and not programs & set(p.parts)}
    assert {path for path in kept if path.name not in own} == made
    differing = filecmp.cmpfiles(VECTORS, tmp_path, [str(path) for path in made], shallow=False)
    assert (differing[1], differing[2]) == ([], [])


def test_there_are_at_least_as_many_invalid_vectors_as_valid_ones(figure: Any) -> None:
    counts = Counter("invalid" if "refused" in case["expect"] else "valid" for case in ALL)
    counts.update(verdict for _, verdict, _ in lists())
    counts.update("invalid" if _bent(folder) else "valid" for folder in FEEDS)
    figure("vectors", dict(counts))
    assert counts["invalid"] >= counts["valid"] > 200


def _bent(folder: Path) -> bool:
    expected = json.loads((folder / "expect.json").read_text("utf-8"))
    return bool(expected["exit"] or expected["refused"])


def test_no_two_vectors_share_an_id_and_each_has_a_comment() -> None:
    ids = Counter(case["id"] for case in ALL)
    assert [i for i, n in ids.items() if n > 1] == []
    assert all(case["comment"] for case in ALL)


def test_every_problem_code_is_in_the_catalogue_of_vectors() -> None:
    assert {case["input"]["code"] for case in ALL if case["operation"] == "retry"} == set(PROBLEMS)
