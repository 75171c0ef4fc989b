"""Which pages were written again: the file of generations (docs/spec/feed.md).

    {"pages":{"12":2,"407":3}}

A page whose content was erased is written anew under the next generation, and the old file goes. The head names this
file with its hash, so a reader knows under which path each page stands now. A page number has one generation, whatever
its width; a page that is not listed is of the first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from . import canonical, paths
from .limits import GENERATIONS_BYTES, INTEGER_MAX
from .refusal import refuse

_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}")


def write(pages: Mapping[int, int]) -> bytes:
    """The file for these pages: page number → generation, 2 or more. Pages of generation 1 are left out."""
    later = {str(number): generation for number, generation in pages.items() if generation > 1}
    return canonical.dumps({"pages": later}) + b"\n"


def named(content: bytes) -> dict[str, str]:
    """What the head says of this file: its member `gens`."""
    sha256 = hashlib.sha256(content).hexdigest()
    return {"path": paths.generations(sha256), "sha256": sha256}


def parse(content: bytes, sha256: str) -> dict[int, int]:
    """Read the file that a head names with this hash: page number → generation (PAGE-5, PAGE-6). Raises Refusal."""
    came = hashlib.sha256(content).hexdigest()
    if came != sha256:
        refuse("PAGE-5", "", expected=f"the file of the hash {sha256}", came=came)
    value = canonical.parse(content.removesuffix(b"\n"), limit_bytes=GENERATIONS_BYTES)
    pages = value.get("pages") if isinstance(value, dict) else None
    if not isinstance(pages, dict):
        refuse("PAGE-6", "/pages", expected="an object: page number → generation", came=value)
        return {}
    for number, generation in pages.items():
        if not _NUMBER.fullmatch(number) or type(generation) is not int or not 2 <= generation <= INTEGER_MAX:
            refuse(
                "PAGE-6", f"/pages/{number[:20]}", expected="a page number and a generation from 2 on", came=generation
            )
            return {}
    return {int(number): generation for number, generation in pages.items()}
