"""A second major, of tests only: the member `src` of an entry is called `taken_from`.

with major_two(): …                                what runs inside speaks 1 and 2
python -m tests.federation.major_two hub|jisr …    the commands `jisr-hub` and `jisr`, as programs that speak 1 and 2
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from jisr_protocol import canonical, majors
from jisr_protocol.envelope import slices
from jisr_protocol.majors import Major
from jisr_protocol.refusal import refuse

OLD, NEW = "src", "taken_from"


def renamed(line: bytes, old: str, new: str) -> bytes:
    """The line with one member renamed, every other byte of it as it was."""
    value = canonical.parse(line)
    if isinstance(value, dict) and new in value:
        refuse("ENT-1", f"/{new}", expected=f"the member {old!r} in this major", came=new)
    if not isinstance(value, dict) or old not in value:
        return line
    members = {new if name == old else name: raw for name, raw in slices(line).items()}
    return b"{" + b",".join(b'"%b":%b' % (name.encode(), members[name]) for name in sorted(members)) + b"}"


TWO = Major("2", write=lambda line: renamed(line, OLD, NEW), read=lambda line: renamed(line, NEW, OLD))


@contextlib.contextmanager
def major_two() -> Iterator[None]:
    """Speak 2 beside 1."""
    majors.SPOKEN[TWO.name] = TWO
    try:
        yield
    finally:
        del majors.SPOKEN[TWO.name]


if __name__ == "__main__":
    which = sys.argv.pop(1)
    with major_two():
        if which == "hub":
            from jisr_hub.cli import main
        else:
            from jisr_protocol.reader.cli import main
        main()
