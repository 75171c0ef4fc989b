"""What a push is judged against, asked in two dialogues for any number of pushes at once.

before    what is held of a node and of the lines that a push repeats: enough for one that brings nothing new
around    what is held of the records it names: newest revs, guards, holds, and what is told of its node
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from jisr_protocol.notice import ALL

from ..ports import Around, Held, Key, Member, Told
from . import told
from .database import Database
from .dialogue import Ask, Dialogue, Rows, beside, several


def texts(database: Database, values: Iterable[str]) -> tuple[object]:
    """The value of an Ask for `asked(value)`."""
    return (database.asked_texts(sorted(set(values))),)


def guards(database: Database, keys: Collection[Key]) -> Dialogue[dict[Key, int | None]]:
    """Up to which rev each of these is kept out: None for any, 0 for none."""
    found: dict[Key, int | None] = dict.fromkeys(keys, 0)
    if not found:
        return found
    # most nodes never erased anything, and a batch names hundreds of records
    some = f"SELECT asked.value FROM {database.named} WHERE EXISTS"
    some += " (SELECT 1 FROM guard AS g WHERE g.node = asked.value)"
    (nodes,) = yield [Ask(some, texts(database, (node for node, _ in found)))]
    guarding = {node for (node,) in nodes}
    if guarding:
        (rows,) = yield [
            Ask(
                f"SELECT g.node, g.id, g.max_rev FROM {database.keys} CROSS JOIN guard AS g"
                " WHERE g.node = asked.node AND g.id = asked.id",
                database.asked_keys(key for key in found if key[0] in guarding),
            )
        ]
        _reach(found, rows)
    return found


def holds(keys: Collection[Key]) -> Dialogue[dict[Key, int | None]]:
    """Up to which rev each of these is held back: None for any, 0 for none. Few are, in any hub."""
    found: dict[Key, int | None] = dict.fromkeys(keys, 0)
    if found:
        (rows,) = yield [Ask("SELECT node, id, max_rev FROM hold")]
        _reach(found, rows)
    return found


def held(database: Database, audience: str, keys: Iterable[Key]) -> Dialogue[dict[Key, Held]]:
    """What is held of these records in one audience. One value however many they are, so nothing is compiled anew."""
    (rows,) = yield [
        Ask(
            f"SELECT r.node, r.id, r.rev, r.digest, r.type, r.live_path FROM {database.keys} CROSS JOIN record AS r"
            " WHERE r.node = asked.node AND r.id = asked.id AND r.audience = ?",
            (*database.asked_keys(keys), audience),
        )
    ]
    return {(node, id_): Held(rev, digest, type_, path is not None) for node, id_, rev, digest, type_, path in rows}


def _reach(found: dict[Key, int | None], rows: Rows) -> None:
    for node, record_id, max_rev in rows:
        key = (node, record_id)
        if key in found:
            before = found[key]
            found[key] = None if before is None or max_rev is None else max(before, max_rev)


UNJUDGED = "(SELECT MIN(u.start) FROM unjudged AS u WHERE u.node = f.node AND u.name = f.name)"
"""Of the feed f: the first position that waits."""


class Pushed(NamedTuple):
    """Entries [start, end) of a feed of a node."""

    node: str
    name: str
    start: int
    end: int


class Found(NamedTuple):
    """The rows that are held for one of those: see ports.Before."""

    member: Member | None
    feeds: Rows
    """(name, epoch, size, frontier, head, the first position that waits) of each feed of the node."""
    chain: Sequence[str]
    """The signatures of the node's key statements, in order."""
    line_hashes: Rows
    quarantined: Rows


def before(database: Database, asked: Sequence[Pushed]) -> Dialogue[list[Found]]:
    """What each of these pushes finds. The places of a node's feeds are asked first: whatever comes after them is seen
    by the rest, and told when it is stored."""
    nodes = texts(database, (one.node for one in asked))
    by_node = f"FROM {database.named} CROSS JOIN"
    feeds, members, chains = yield [
        Ask(
            f"SELECT f.node, f.name, f.epoch, f.size, f.frontier, f.head, {UNJUDGED} {by_node} node_feed AS f"
            " WHERE f.node = asked.value",
            nodes,
        ),
        Ask(
            f"SELECT n.node, n.name, n.upstream, n.per_hour, n.per_day, n.admitted_at, n.home {by_node} node AS n"
            " WHERE n.node = asked.value",
            nodes,
        ),
        Ask(
            f"SELECT k.node, k.jws {by_node} key_statement AS k WHERE k.node = asked.value ORDER BY k.node, k.n", nodes
        ),
    ]
    member = {row[0]: Member(*row) for row in members}
    held = _by_first(feeds)
    chain = _by_first(chains)
    sizes = {(node, name): size for node, name, _, size, _, _, _ in feeds}
    repeated = [one for one in asked if one.start < min(one.end, sizes.get((one.node, one.name), 0))]
    again = (yield [query for one in repeated for query in _repeated(one)]) if repeated else ()
    lines = {one: (again[2 * n], again[2 * n + 1]) for n, one in enumerate(repeated)}
    return [
        Found(
            member.get(one.node),
            held[one.node],
            [jws for (jws,) in chain[one.node]],
            *lines.get(one, ((), ())),
        )
        for one in asked
    ]


_WHERE = "FROM node_entry WHERE node = ? AND name = ? AND seq BETWEEN ? AND ?"
QUARANTINED = f"SELECT seq, leaf, line, code, pointer, detail, line_hash {_WHERE} AND code IS NOT NULL ORDER BY seq"

ALL_QUARANTINED = (  # no range of positions, so that the index of what is quarantined is what is read
    "SELECT seq, leaf, line, code, pointer, detail, line_hash FROM node_entry"
    " WHERE node = ? AND name = ? AND code >= ''"
)


def _repeated(one: Pushed) -> list[Ask]:
    place = (one.node, one.name, one.start, one.end - 1)
    return [Ask(f"SELECT seq, line_hash {_WHERE} AND line_hash IS NOT NULL", place), Ask(QUARANTINED, place)]


class About(NamedTuple):
    """Records that entries of a node name."""

    node: str
    keys: Collection[Key]

    def reaching(self) -> set[Key]:
        """The targets under which something may keep them out: each by itself, or all of its node."""
        return {*self.keys, *((node, ALL) for node, _ in self.keys), (self.node, ALL)}


def around(database: Database, asked: Sequence[About]) -> Dialogue[list[Around]]:
    """What entries about these records find."""
    keys = {key for one in asked for key in one.keys}
    reaching = {key for one in asked for key in one.reaching()}
    wanted = several(
        Ask(
            f"SELECT r.node, r.id, r.audience, r.rev, r.digest, r.type, r.live_path FROM {database.keys}"
            " CROSS JOIN record AS r WHERE r.node = asked.node AND r.id = asked.id",
            database.asked_keys(keys),
        ),
        Ask(
            f"SELECT s.subject, s.jws, s.body, s.kid, s.proven, s.at FROM {database.named} CROSS JOIN statement AS s"
            " WHERE s.subject = asked.value ORDER BY s.subject, s.n, s.digest, s.kid",
            texts(database, (one.node for one in asked)),
        ),
    )
    guarded, held_back, (records, said) = yield from beside(guards(database, reaching), holds(reaching), wanted)
    held: dict[str, dict[Key, Held]] = defaultdict(dict)
    for node, record_id, audience, rev, digest, type_name, path in records:
        held[audience][node, record_id] = Held(rev, digest, type_name, path is not None)
    words = _by_first(said)
    return [_of(one, held, guarded, held_back, [told.known(*row) for row in words[one.node]]) for one in asked]


def _of(
    one: About,
    held: dict[str, dict[Key, Held]],
    guarded: dict[Key, int | None],
    held_back: dict[Key, int | None],
    said: Sequence[Told],
) -> Around:
    reaching = one.reaching()
    return Around(
        {name: {key: found[key] for key in one.keys if key in found} for name, found in held.items()},
        {key: guarded[key] for key in reaching},
        {key: held_back[key] for key in reaching},
        said,
    )


def _by_first(rows: Rows) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for first, *rest in rows:
        found[first].append(tuple(rest))
    return found
