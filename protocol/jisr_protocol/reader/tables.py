"""The tables of a verified copy: one SQLite file for one feed.

NoCopy       there is no such file, or nothing was ever verified into it
NotACopy     the file is something else, or was made by a version of Jisr with other tables
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

APPLICATION_ID = 0x4A697372
"""How `file` and we know the file: "Jisr" in ASCII."""
VERSION = 5
"""The tables below. A copy can always be fetched again, so other versions are refused, not migrated."""

PAGE_BYTES = 16 * 1024
"""Of the file: a record is some kilobytes, and in pages of four each would waste a fifth."""
RECORD_KEY = "CREATE UNIQUE INDEX record_key ON record (node, id, path)"
"""One row for each record: its path in the state tree follows from node and id, and stands here for whoever counts."""

NODE_TREES = """
-- the same of the lines of single nodes, of those that are large and of which nothing is missing (nodes.py)
CREATE TABLE IF NOT EXISTS node_tree (node TEXT PRIMARY KEY, depth INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node_branch (
    node TEXT NOT NULL,
    number INTEGER NOT NULL,
    children BLOB NOT NULL,
    PRIMARY KEY (node, number)
) STRICT;
"""
SCHEMA = f"""
CREATE TABLE feed (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    by TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    head BLOB NOT NULL,
    etag TEXT,
    frontier BLOB NOT NULL,
    keys BLOB NOT NULL,
    live INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    state_root BLOB NOT NULL,
    unproven INTEGER NOT NULL,
    verified_at TEXT NOT NULL
) STRICT;

-- places of the log that were verified earlier, few at each distance: a new epoch may be based on one of them
CREATE TABLE mark (size INTEGER PRIMARY KEY, epoch TEXT NOT NULL, frontier BLOB NOT NULL) STRICT;

-- of each whole page of the log that was read, its Merkle root: with the frontier enough to prove any entry
CREATE TABLE page (number INTEGER PRIMARY KEY, root BLOB NOT NULL) STRICT;

-- the state tree: exactly what the feed holds, with the code of what was refused; in the order of its buckets
CREATE TABLE leaf (
    path INTEGER NOT NULL,
    node TEXT NOT NULL,
    id TEXT NOT NULL,
    rev INTEGER NOT NULL,
    digest TEXT NOT NULL,
    seq INTEGER NOT NULL,
    code TEXT,
    PRIMARY KEY (path, node, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX leaf_refused ON leaf (node) WHERE code IS NOT NULL;

-- of each inner node of it that has anything below it, counted from the root down, the hashes of its 64 children
CREATE TABLE branch (number INTEGER PRIMARY KEY, children BLOB NOT NULL) STRICT;
{NODE_TREES}

-- the accepted set: the highest verified rev of every record ever seen. op is what became of it: put (it is live),
-- del (body is the signed tombstone), out, erase, hold (no content); such rows stay, so that no rev can fall.
-- prior = 1 marks what was held before a replacement began and has not come again yet.
CREATE TABLE record (
    path INTEGER NOT NULL,
    node TEXT NOT NULL,
    id TEXT NOT NULL,
    rev INTEGER NOT NULL,
    digest TEXT NOT NULL,
    type TEXT NOT NULL,
    op TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at TEXT NOT NULL,
    src TEXT,
    via BLOB,
    jws TEXT,
    body BLOB,
    disputed INTEGER NOT NULL,
    prior INTEGER NOT NULL,
    extra BLOB
) STRICT;
{RECORD_KEY};
CREATE INDEX record_seq ON record (seq);
CREATE INDEX record_type ON record (type) WHERE op = 'put';

-- what was erased or is held back, up to which rev (NULL: any); stays when all else is replaced
CREATE TABLE guard (
    node TEXT NOT NULL,
    id TEXT NOT NULL,
    op TEXT NOT NULL,
    max_rev INTEGER,
    PRIMARY KEY (node, id, op)
) STRICT, WITHOUT ROWID;

-- what a lost key had signed: it does not count and is never shown; id is that of a record, or "erase <target>"
CREATE TABLE nullified (
    node TEXT NOT NULL,
    id TEXT NOT NULL,
    rev INTEGER,
    digest TEXT NOT NULL,
    seq INTEGER NOT NULL,
    content BLOB,
    PRIMARY KEY (node, id, digest)
) STRICT, WITHOUT ROWID;

-- every accepted key entry, in the order in which they came: folded, they are the writers' key rings
CREATE TABLE key_statement (
    number INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    node TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    at TEXT NOT NULL,
    jws TEXT NOT NULL,
    body BLOB NOT NULL,
    extra BLOB,
    UNIQUE (node, digest)
) STRICT;

CREATE INDEX key_statement_seq ON key_statement (seq);

-- lines of all other ops, byte for byte; of node heads the newest of each node and feed name
CREATE TABLE carried (
    seq INTEGER PRIMARY KEY,
    op TEXT NOT NULL,
    node TEXT,
    id TEXT,
    line BLOB NOT NULL
) STRICT;
CREATE INDEX carried_about ON carried (op, node, id);

-- whether all of a node is here, as JSON (nodes.py), where the last entry about its records stands, and how many live
-- ones it has; of every node with a record or a head in the feed
CREATE TABLE standing (
    node TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    live INTEGER NOT NULL,
    said BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- taken in bulk: the records from one rowid to another whose signatures are not checked yet (waiting.py), and the key
-- for each protected header among them; suspect = 1 when some were not signed, until the feed was read again
CREATE TABLE waiting (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next INTEGER NOT NULL,
    last INTEGER NOT NULL,
    suspect INTEGER NOT NULL
) STRICT;

CREATE TABLE waiting_key (header TEXT PRIMARY KEY, public BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE refusal (
    seq INTEGER PRIMARY KEY,
    op TEXT NOT NULL,
    node TEXT,
    id TEXT,
    rule TEXT NOT NULL,
    code TEXT NOT NULL,
    sentence TEXT NOT NULL
) STRICT;
"""


class CopyProblem(Exception):
    """The file given as a copy cannot be used; str() is a sentence for a person."""


class NoCopy(CopyProblem):
    """There is nothing there yet."""


class NotACopy(CopyProblem):
    """There is something else."""


def connect(path: Path, *, create: bool) -> sqlite3.Connection:
    """Open a copy. With `create` a missing or empty file becomes one. Raises NoCopy, NotACopy."""
    if not create and not path.is_file():
        raise NoCopy(f"There is no copy {path}. Make one with: jisr follow FEED --into {path}")
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        _check(connection, path, create=create)
        if create:  # a copy that was made before has the same tables but these
            connection.executescript(NODE_TREES)
        for setting in ("synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF", "cache_size = -16000"):
            connection.execute(f"PRAGMA {setting}")
        if not create:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise CopyProblem(f"{path} cannot be opened: {error}. Nothing in it was changed.") from error
        raise NotACopy(f"{path} is no copy made by jisr: {error}. It was left as it is; name another file.") from error
    except CopyProblem:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    made_by = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if made_by == 0 and empty and create:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};{SCHEMA} COMMIT;"
        )
    elif made_by == 0 and empty:
        raise NoCopy(f"{path} is empty: nothing was ever verified into it.")
    elif made_by != APPLICATION_ID:
        raise NotACopy(f"{path} is no copy made by jisr. It was left as it is; name another file.")
    elif version != VERSION:
        raise NotACopy(
            f"{path} was made by a version of jisr with other tables ({version}, here {VERSION}). It was left as it"
            " is; follow the feed into a new file."
        )
