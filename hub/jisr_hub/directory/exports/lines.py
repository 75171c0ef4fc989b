"""JSON Lines: every signed record as the hub's log holds it, and the entry it is in.

The member `line` is the hub's line byte for byte: the author's signed record, the hubs it came through, and when this
one took it in. Whoever holds the keys can check it; an entry of several records has a line for each.
"""

from __future__ import annotations

import orjson

from ...ports.catalogue import Line
from .shown import About


def written(line: Line, about: About) -> bytes:
    """One line, ended by a line feed."""
    named = orjson.dumps({"entry": line.entry, "page": f"{about.address}/directory/{line.entry}"})
    return named[:-1] + b',"line":' + line.content.strip() + b"}\n"


def waits(line: Line, about: About) -> bool:
    """Whether its author asks not to show it yet."""
    if b'"embargo"' not in line.content:
        return False
    record = orjson.loads(line.content).get("record")
    embargo = record.get("embargo") if isinstance(record, dict) else None
    return isinstance(embargo, str) and embargo > about.now.strftime("%Y-%m-%dT%H:%M:%SZ")
