"""What `jisr` prints: results as JSON for programs and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from ..identifiers import to_instant
from . import nodes
from .follow import Result, printable
from .store import Copy, Record


def as_dict(result: Result, into: Path) -> dict[str, Any]:
    """The result of a follow. `status` is the exit status."""
    head = result.head
    return {
        "outcome": result.outcome.name.lower(),
        "status": int(result.outcome),
        "sentence": result.sentence,
        "changed": result.changed,
        "applied": result.applied,
        "repaired": result.repaired,
        "unproven": result.unproven,
        "live": result.live,
        "refused_live": result.refused_live,
        "waiting": result.waiting,
        "refused": [
            {"seq": r.seq, "op": r.op, "node": r.node, "id": r.id, "rule": r.rule, "code": r.code}
            for r in result.refused
        ],
        "rule": result.refusal.rule if result.refusal else None,
        "code": result.refusal.code if result.refusal else None,
        "head": None
        if head is None
        else {
            "by": head.by,
            "jisr": head.jisr,
            "name": head.name,
            "epoch": head.epoch,
            "size": head.size,
            "live": head.live,
            "log_root": head.log_root,
            "state_root": head.state_root,
            "time": to_instant(head.time),
            "expires": to_instant(head.expires),
        },
        "requests": result.requests,
        "received_bytes": result.received_bytes,
        "from_spool": result.from_spool,
        "unmet": [nodes.as_dict(found) for found in result.unmet],
        "witnessed": None
        if result.witnessed is None
        else {"by": list(result.witnessed.cosigned), "known": result.witnessed.known},
        "evidence": str(result.evidence) if result.evidence else None,
        "file": str(into),
    }


def as_lines(result: Result, into: Path) -> Iterator[str]:
    """The same for a person; nothing when nothing was verified, the verdict says why."""
    if result.outcome != 0 or result.head is None:
        return
    yield f"feed         {result.head.name} of {result.head.by}"
    yield f"copy         {into}"
    yield f"records      {result.live}"
    yield f"new entries  {result.applied}"
    if result.witnessed is not None:
        names = ", ".join(result.witnessed.cosigned)
        counted = f"{len(result.witnessed.cosigned)} of {result.witnessed.known}"
        yield f"witnessed    by {counted}" + (f": {printable(names)}" if names else "")
    if result.waiting:
        yield f"waiting      the signatures of {result.waiting} records; all are checked by: jisr verify {into}"
    if result.repaired:
        yield f"repaired     {result.repaired} records had come to differ from the set the publisher signs"
    if result.unproven:
        yield f"history      unproven: a snapshot stands for the first {result.unproven} entries (--whole reads them)"
    if result.refused_live:
        yield f"refused      {result.refused_live} records are in the feed and not shown:"
    for refused in result.refused[:20]:
        yield f"             entry {refused.seq}: {printable(refused.sentence)}"
    if len(result.refused) > 20:
        yield f"             and {len(result.refused) - 20} more"


def nodes_dict(copy: Copy) -> dict[str, Any]:
    """Of every node in a copy: whether all of it is here."""
    return {"feed": copy.address, "verified_at": copy.verified_at, "nodes": [nodes.as_dict(n) for n in copy.nodes()]}


def nodes_lines(copy: Copy) -> Iterator[str]:
    """The same for a person."""
    counts: dict[str, int] = {}
    for found in copy.nodes():
        counts[found.verdict] = counts.get(found.verdict, 0) + 1
        yield f"{found.node}  {found.live:>7} records  {printable(found.sentence)}"
    yield f"{sum(counts.values())} nodes: " + ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    yield "Missing and why is the word of the hub; complete is what the node itself signed, as of that time."


def record_dict(copy: Copy, record: Record) -> dict[str, Any]:
    """A record and where it comes from."""
    return {
        "record": record.value,
        "digest": record.digest,
        "seq": record.seq,
        "at": record.at,
        "src": record.src,
        "via": orjson.loads(record.via or b"[]"),
        "disputed": record.disputed,
        "from": copy.address,
        "verified_at": copy.verified_at,
    }


def record_lines(copy: Copy, record: Record) -> Iterator[str]:
    """A record for a person: who wrote it, how it came, then its content."""
    yield f"record       {record.id}"
    yield f"type         {record.type}"
    yield f"written by   {record.node}, rev {record.rev}, signature verified"
    if record.disputed:
        yield "disputed     its author signed two contents as this rev; all readers show this one"
    for hop in orjson.loads(record.via or b"[]"):
        yield f"by way of    {hop['by']}, entry {hop['seq']}"
    yield f"read from    {copy.address}, entry {record.seq}, of {record.at}"
    yield f"verified     {copy.verified_at}"
    yield ""
    yield orjson.dumps(record.value, option=orjson.OPT_INDENT_2).decode()
