"""What was taken in bulk: records that are stored and wait for the check of their signatures (READ-17, READ-18).

They are the rows of the table `record` from the rowid `next` to the rowid `last` whose op is put; each stands with the
protected header of a key that was judged to be its author's when it came. Until a record was checked it is checked
again whenever it is asked for, so nobody is ever shown one that its author did not sign. `complete` checks all, a few
thousand in one transaction, and goes on where it stopped. What is not signed is then refused like any other entry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping

from ..envelope import Envelope, verify_bytes
from ..keys import PublicKey
from ..refusal import Refusal, refuse

BATCH = 2048
"""Records in one transaction, so that a program that writes beside it need not wait long."""
WAITS = "coalesce(record.rowid BETWEEN (SELECT next FROM waiting) AND (SELECT last FROM waiting), 0)"
"""Of a row of `record`, whether its signature still waits; read in the same statement as the row itself."""
_WAITING = " FROM record WHERE op = 'put' AND rowid BETWEEN (SELECT next FROM waiting) AND (SELECT last FROM waiting)"


class Signatures:
    """Checks what waits under the keys noted with it."""

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = keys

    def check(self, jws: str, body: bytes) -> None:
        """Check the signature of one record. Raises Refusal (SIG-4, SIG-5)."""
        verify_bytes(Envelope("record", jws, body, {}), self._keys)

    def found(self, jws: str, body: bytes) -> Refusal | None:
        """What is wrong with the signature of one record; None when it is its author's."""
        try:
            self.check(jws, body)
        except Refusal as refusal:
            return refusal
        return None

    def may_show(self, jws: str, body: bytes) -> bool:
        """READ-17: whether this record is as its author signed it."""
        wrong = self.found(jws, body)
        try:
            if wrong is not None:
                refuse("READ-17", "/jws", expected="a signature that was checked", came=str(wrong))
        except Refusal:
            return False
        return True


def signatures(connection: sqlite3.Connection) -> Signatures:
    """The keys of what waits in this copy."""
    rows = connection.execute("SELECT header, public FROM waiting_key").fetchall()
    return Signatures({header: PublicKey(public) for header, public in rows})


def note(connection: sqlite3.Connection, last: int, keys: Iterable[tuple[str, PublicKey]]) -> None:
    """Store that the records up to this rowid wait, for whoever reads the copy, with the keys for their headers."""
    connection.execute("INSERT OR REPLACE INTO waiting VALUES (1, 1, ?, 0)", (last,))
    rows = [(header, key.public) for header, key in keys]
    connection.executemany("INSERT OR REPLACE INTO waiting_key VALUES (?, ?)", rows)


def forget(connection: sqlite3.Connection) -> None:
    """Nothing waits, and nothing is suspect any more. The keys stay, for a program that has just read what waited."""
    connection.execute("DELETE FROM waiting")


def count(connection: sqlite3.Connection) -> int:
    """How many records wait."""
    row = connection.execute("SELECT max(last - next + 1, 0) FROM waiting").fetchone()
    return int(row[0]) if row else 0


def suspect(connection: sqlite3.Connection) -> bool:
    """Whether a record was found that is not signed: a cache may be to blame, until the feed was read around them."""
    return connection.execute("SELECT 1 FROM waiting WHERE suspect = 1").fetchone() is not None


def unsound(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """(node, id) of what waits and is not signed, with the code; everything that waits is checked."""
    check = signatures(connection)
    rows = connection.execute(f"SELECT node, id, jws, body{_WAITING}")
    return {
        (node, id_): wrong.code
        for node, id_, jws, body in rows
        if not check.may_show(jws, body) and (wrong := check.found(jws, body)) is not None
    }


def complete(connection: sqlite3.Connection, progress: Callable[[int, int], None] | None = None) -> None:
    """Check all that waits. May be stopped or killed at any moment, and called again."""
    check, all_of_it, done = signatures(connection), count(connection), 0
    while count(connection):
        rows = connection.execute(f"SELECT rowid, jws, body{_WAITING} ORDER BY rowid LIMIT {BATCH}").fetchall()
        refused = [(rowid, refusal) for rowid, jws, body in rows if (refusal := check.found(jws, body))]
        connection.execute("BEGIN IMMEDIATE")
        try:
            for rowid, refusal in refused:
                refuse_row(connection, rowid, refusal)
            following = str(rows[-1][0] + 1) if len(rows) == BATCH else "last + 1"
            connection.execute(f"UPDATE waiting SET next = {following}, suspect = max(suspect, ?)", (bool(refused),))
            if not count(connection) and not suspect(connection):
                forget(connection)
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        done += len(rows)
        if progress:
            progress(done, all_of_it)


def refuse_row(connection: sqlite3.Connection, rowid: int, refusal: Refusal) -> None:
    """READ-10: a record that is not signed keeps its line in the state tree, with the code, and nothing else. No other
    version of it was ever held, for then its signature would not have waited (READ-18)."""
    found = connection.execute("SELECT path, node, id, seq FROM record WHERE rowid = ?", (rowid,)).fetchone()
    path, node, record_id, seq = found
    connection.execute("DELETE FROM record WHERE rowid = ?", (rowid,))
    line = connection.execute(
        "UPDATE leaf SET code = ? WHERE path = ? AND node = ? AND id = ? AND seq = ?",
        (refusal.code, path, node, record_id, seq),
    )
    if line.rowcount:
        row = (seq, "put", node, record_id, refusal.rule, refusal.code, str(refusal))
        connection.execute("INSERT OR REPLACE INTO refusal VALUES (?,?,?,?,?,?,?)", row)
