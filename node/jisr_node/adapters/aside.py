"""Versions of records that lost against a later one of the same record: kept in a file, one draft a line.

A person can read it, and give it to `jisr-node edit`. What is erased goes from it too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from ..ports import Erasure

PATTERN = "set-aside-*.jsonl"


def keep(folder: Path, versions: Iterable[dict[str, Any]], now: datetime) -> Path:
    """Write the versions into a new file, durably; return its place."""
    place = folder / f"set-aside-{now:%Y-%m-%dT%H%M%SZ}.jsonl"
    lines = [json.dumps(version, ensure_ascii=False) + "\n" for version in versions]
    with open(place, "a", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())
    return place


def forget(folder: Path, erasures: list[Erasure]) -> None:
    """Take every version of an erased record out of these files. What is left of a file stays where it was."""
    everything = any(not erasure.ids for erasure in erasures)
    gone = {record_id for erasure in erasures for record_id in erasure.ids}
    for place in folder.glob(PATTERN):
        lines = place.read_text("utf-8").splitlines(keepends=True)
        left = [] if everything else [line for line in lines if json.loads(line).get("id") not in gone]
        if not left:
            place.unlink()
        elif len(left) < len(lines):
            aside = place.with_suffix(".tmp")
            aside.write_text("".join(left), "utf-8")
            os.replace(aside, place)
