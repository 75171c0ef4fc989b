"""What a line is about, read without judging it: the same as the judged line says, for every op the vectors have."""

import json
from pathlib import Path

import jisr_protocol
from jisr_hub.curation.touched import Touched
from jisr_protocol import entry as entries
from jisr_protocol.notice import ALL

VECTORS = Path(jisr_protocol.__file__).parents[1] / "vectors" / "entries.json"
MOVING = {"put", "del", "out", "erase", "hold", "unhold"}


def _lines() -> list[bytes]:
    given = (case["input"].get("line") for case in json.loads(VECTORS.read_text())["cases"])
    return [bytes.fromhex(line["hex"]) for line in given if isinstance(line, dict) and "hex" in line]


def test_a_line_that_is_only_read_is_about_what_the_judged_line_is_about() -> None:
    seen = set()
    for line in _lines():
        try:
            judged = entries.parse(line)
        except entries.Refusal:
            continue
        touched = Touched().take([line])
        if judged.op not in MOVING:
            assert touched == Touched()
        elif judged.id == ALL:
            assert touched == Touched(set(), {judged.node or ""})
        else:
            assert touched == Touched({(judged.node or "", judged.id or "")})
        seen.add(judged.op)
    assert seen >= MOVING
