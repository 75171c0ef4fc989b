"""Lists of blocks, to be handed from one hub to another: JSON or a table with a header (CSV). No note is ever in one.

`read` takes a list and says of each line what it would do; nothing is done by it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import orjson

from jisr_protocol import identifiers
from jisr_protocol.limits import BASIS_CHARACTERS
from jisr_protocol.notice import ALL

from ..takedown.blocking import Block
from .acts import Actor, Acts
from .bench import N_, Bench, CannotAct

COLUMNS = ("node", "record", "until", "reason")
LINES_AT_MOST = 1000
NO_LIST = N_("Nothing was changed. Expected a list of blocks: JSON, or a table with the columns %(columns)s.")


class Listed(msgspec.Struct, frozen=True):
    """A block as a list has it; `record` is "" or `*` for all of the node."""

    node: str
    record: str = ""
    until: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Planned:
    """What a line of a list would do here: "new", "longer", "same", or "wrong" with why."""

    listed: Listed
    does: str
    why: str = ""

    @property
    def subject(self) -> str:
        """What the act is about."""
        return f"{self.listed.node}/{self.listed.record}" if self.listed.record not in ("", ALL) else self.listed.node


def as_json(blocks: Iterable[Block]) -> bytes:
    """The list as JSON."""
    return orjson.dumps({"blocks": [msgspec.to_builtins(_listed(one)) for one in blocks]}, option=orjson.OPT_INDENT_2)


def as_csv(blocks: Iterable[Block]) -> str:
    """The list as a table."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for one in blocks:
        table.writerow([getattr(_listed(one), name) for name in COLUMNS])
    return out.getvalue()


def read(text: str, held: Sequence[Block], today: str) -> list[Planned]:
    """What each line of a list would do. Raises CannotAct for what is no list."""
    listed = _from_json(text) if text.lstrip().startswith(("{", "[")) else _from_csv(text)
    if len(listed) > LINES_AT_MOST:
        raise CannotAct("Nothing was changed. Expected a list of at most %(most)s lines.", most=LINES_AT_MOST)
    known = {(one.node, one.target): one for one in held}
    return [_planned(one, known.get((one.node, one.record or ALL)), today) for one in listed]


async def planned_of(bench: Bench, text: str) -> list[Planned]:
    """What each line of a list would do at a hub now. Raises CannotAct for what is no list."""
    today = identifiers.to_instant(bench.hub.clock())[:10]
    return read(text, await bench.blocks.all(), today)


async def take_in(acts: Acts, actor: Actor, planned: Iterable[Planned]) -> list[str]:
    """Block what a list would, an act a line; what it was done to. Raises as `Acts.do`: lines before stay done."""
    wanted = [one for one in planned if one.does in ("new", "longer")]
    for one in wanted:
        await acts.do(actor, "block", one.subject, one.listed.reason, until=one.listed.until)
    return [one.subject for one in wanted]


def facts(planned: Iterable[Planned]) -> list[dict[str, str]]:
    """What a list would do, for a program."""
    return [{"subject": one.subject, "until": one.listed.until, "does": one.does, "why": one.why} for one in planned]


def _planned(one: Listed, held: Block | None, today: str) -> Planned:
    expected = identifiers.node(one.node) or (identifiers.uuid(one.record) if one.record not in ("", ALL) else None)
    if expected:
        return Planned(one, "wrong", expected)
    if not _is_day(one.until) or one.until < today:
        return Planned(one, "wrong", f"a day to come, as YYYY-MM-DD; came {one.until}")
    if not 0 < len(one.reason) <= BASIS_CHARACTERS:
        return Planned(one, "wrong", f"a reason of 1 to {BASIS_CHARACTERS} characters")
    if held is None:
        return Planned(one, "new")
    return Planned(one, "longer" if one.until > held.until else "same")


def _from_json(text: str) -> list[Listed]:
    try:
        value = orjson.loads(text)
        return msgspec.convert(value["blocks"] if isinstance(value, dict) else value, list[Listed])
    except (orjson.JSONDecodeError, KeyError, msgspec.ValidationError) as error:
        raise CannotAct(NO_LIST, columns=", ".join(COLUMNS)) from error


def _from_csv(text: str) -> list[Listed]:
    rows = csv.DictReader(io.StringIO(text))
    if not set(COLUMNS) <= set(rows.fieldnames or ()):
        raise CannotAct(NO_LIST, columns=", ".join(COLUMNS))
    return [Listed(*((row[name] or "").strip() for name in COLUMNS)) for row in rows]


def _listed(one: Block) -> Listed:
    return Listed(one.node, "" if one.target == ALL else one.target, one.until, one.reason)


def _is_day(text: str) -> bool:
    return identifiers.instant(f"{text}T00:00:00Z") is None
