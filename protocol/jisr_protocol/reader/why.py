"""Why a copy shows a record: each step from its author to here, and the proof of the last one (`jisr why`).

A copy keeps no leaves: of each whole page one hash, 32 bytes for 256 entries, and the frontier. So a proof costs one
page, which is fetched from the feed; a wrong page cannot pass, since the proof would not lead to the signed root.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from .. import entry as entries
from .. import evidence, generations, majors, merkle, paths
from .. import head as heads
from ..evidence import Evidence, Inclusion
from ..exchange import Fetch, Fetched
from ..head import Head
from ..identifiers import from_instant, to_instant
from ..limits import GENERATIONS_BYTES, HEAD_BYTES, PAGE_BYTES, PAGE_ENTRIES
from ..page_walk import epoch_of_page
from ..refusal import Refusal
from . import attested
from .attested import Attested
from .follow import is_address, printable
from .nodes import Standing
from .places import FolderPlace, HttpPlace, Place
from .store import Copy, Record

RECEIPT = "a copy holds none: receipts go to the node that pushed, acks to whom a notice came from"


class Chain(msgspec.Struct, frozen=True):
    """How a record came here. `proof` is None where there is none; then `unproven` says why."""

    record: Record
    kid: str
    key_state: str
    head: Head
    address: str
    attested: Attested
    standing: Standing | None
    proof: Evidence | None = None
    unproven: str = ""


async def chain(copy: Copy, record: Record, feed: str | Path | None, *, allow_private: bool = False) -> Chain:
    """Everything the copy knows of how a record came here; with `feed`, also the proof that it stands in that feed."""
    kid, state = _key(copy, record)
    standing = next((found for found in copy.nodes() if found.node == record.node), None)
    way = orjson.loads(record.via or b"[]")
    first_hub = str(way[0]["by"]) if way else copy.head.by
    said = attested.of_node(copy, record.node, from_instant(record.at), first_hub)
    found = Chain(record, kid, state, copy.head, copy.address, said, standing)
    if feed is None:
        return msgspec.structs.replace(found, unproven="no feed was named to fetch its page from")
    try:
        return msgspec.structs.replace(found, proof=await _prove(copy, record, feed, allow_private))
    except _NoProof as reason:
        return msgspec.structs.replace(found, unproven=str(reason))
    except Refusal as refusal:
        return msgspec.structs.replace(found, unproven=f"the page that came is another: {refusal}")


def chain_now(copy: Copy, record: Record, feed: str | Path | None, *, allow_private: bool = False) -> Chain:
    """The same for programs without an event loop."""
    return asyncio.run(chain(copy, record, feed, allow_private=allow_private))


class _NoProof(Exception):
    """Why there is no proof."""


def _key(copy: Copy, record: Record) -> tuple[str, str]:
    """The key that signed it and what became of that key since."""
    ring = copy.rings().get(record.node) or copy.known().publisher
    header = record.jws.partition("..")[0]
    for kid, key in ring.keys.items() if ring is not None else ():
        if key.key.headers["record"] == header:
            return kid, key.state
    return "", "unknown"


# The proof


async def _prove(copy: Copy, record: Record, feed: str | Path, allow_private: bool) -> Evidence:
    head, frontier = copy.head, copy.known().frontier
    if is_address(feed):
        from .http import GuardedClient  # takes a fifth of a second to import

        async with GuardedClient(allow_private=allow_private) as client:
            leaves = await _leaves(HttpPlace(str(feed), client), head, record.seq)
    else:
        leaves = await _leaves(FolderPlace(Path(feed)), head, record.seq)
    try:
        roots = copy.page_roots()
        proof = merkle.inclusion_by_pages(record.seq, head.size, leaves, roots, frontier, PAGE_ENTRIES)
    except KeyError:
        raise _NoProof("this copy began with a snapshot; follow the feed into a new file with --whole") from None
    line = entries.write("put", record.envelope, seq=record.seq, at=record.at, src=record.src)
    merkle.verify_inclusion(entries.parse(line).leaf, record.seq, head.size, proof, bytes.fromhex(head.log_root))
    place = Inclusion(record.at, "put", [h.hex() for h in proof], record.seq, record.src)
    authors, publisher = copy.rings().get(record.node), copy.known().publisher
    statements = {s.digest: s for ring in (authors, publisher) if ring is not None for s in ring.statements}
    return Evidence("inclusion", (record.envelope, head.envelope), tuple(statements.values()), inclusion=place)


async def _leaves(place: Place, head: Head, seq: int) -> list[bytes]:
    """The leaves of the page that holds entry `seq`, as far as the stored head reaches; they prove themselves later."""
    now = heads.parse(await _fetch(place, paths.HEAD, HEAD_BYTES))
    written: Mapping[int, int] = {}
    if now.gens is not None:
        written = generations.parse(await _fetch(place, now.gens["path"], GENERATIONS_BYTES), now.gens["sha256"])
    number = seq // PAGE_ENTRIES
    if number * PAGE_ENTRIES >= now.size or (number + 1) * PAGE_ENTRIES <= now.floor:
        raise _NoProof("the feed does not keep that page any more")
    width = min(PAGE_ENTRIES, now.size - number * PAGE_ENTRIES)
    path = paths.page(epoch_of_page(now, number), number, width, written.get(number, 1))
    page = entries.parse_lines(majors.of(now.jisr).read_lines(await _fetch(place, path, PAGE_BYTES)))
    return [entry.leaf for entry in page if entry.seq < head.size]


async def _fetch(place: Place, path: str, limit: int) -> bytes:
    event = await place.fetch(Fetch(path, limit))
    if not isinstance(event, Fetched):
        raise _NoProof(f"{path} could not be read from {place.address} ({type(event).__name__.lower()})")
    return event.body


# For programs and people


def as_dict(found: Chain) -> dict[str, Any]:
    """The chain for programs."""
    record = found.record
    return {
        "id": record.id,
        "type": record.type,
        "digest": record.digest,
        "author": {"node": record.node, "rev": record.rev, "kid": found.kid, "key_state": found.key_state},
        "written_at": _place(record.src),
        "via": orjson.loads(record.via or b"[]"),
        "via_is": "informative: no hash covers it",
        "feed": {"by": found.head.by, "name": found.head.name, "epoch": found.head.epoch, "address": found.address},
        "seq": record.seq,
        "at": record.at,
        "statements": [one.as_dict() for one in found.attested.said],
        "attested": found.attested.as_dict(),
        "receipt": None,
        "receipt_is": RECEIPT,
        "node": None if found.standing is None else {"verdict": found.standing.verdict} | _said(found.standing),
        "inclusion": None
        if found.proof is None
        else {
            "size": found.head.size,
            "log_root": found.head.log_root,
            "head_time": to_instant(found.head.time),
            "proof": found.proof.inclusion.proof if found.proof.inclusion else [],
        },
        "unproven": found.unproven,
    }


def _said(standing: Standing) -> dict[str, Any]:
    return {"sentence": standing.sentence, "as_of": standing.as_of, "missing": standing.missing}


def _place(src: tuple[str, str, int] | None) -> dict[str, Any] | None:
    return None if src is None else {"feed": src[0], "epoch": src[1], "seq": src[2]}


def as_lines(found: Chain) -> Iterator[str]:
    """The chain for a person: one step a line."""
    record, head = found.record, found.head
    yield f"record      {record.id}, {record.type}"
    yield f"written by  {record.node}, as rev {record.rev}, signed with its key {found.kid[:12]} ({found.key_state})"
    if record.src is not None:
        feed, epoch, seq = record.src
        yield f"            at entry {seq} of its own feed {feed}, epoch {epoch}, as this hub says"
    for said in found.attested.said:
        yield f"statement   {printable(said.line)}"
    yield f"            {printable(found.attested.sentence)}"
    for hop in orjson.loads(record.via or b"[]"):
        yield f"by way of   {hop['by']}, its entry {hop['seq']} of {hop['epoch']} (said on the way, proven by nothing)"
    yield f"stands in   the feed {head.name} of {head.by}, epoch {head.epoch}, as entry {record.seq}, of {record.at}"
    if found.proof is not None and found.proof.inclusion is not None:
        count = len(found.proof.inclusion.proof)
        yield f"proven by   {count} hashes, from this entry to the log root {head.log_root[:16]}…"
        yield f"            of {head.size} entries, which that hub signed at {to_instant(head.time)}"
    else:
        yield f"not proven  {printable(found.unproven)}"
    yield f"receipt     {RECEIPT}"
    if found.standing is not None:
        yield f"its node    {found.standing.live} records here: {printable(found.standing.sentence)}"


def write_proof(found: Chain) -> bytes | None:
    """The file that `jisr verify` judges anywhere; None when there is no proof."""
    return None if found.proof is None else evidence.write(found.proof)
