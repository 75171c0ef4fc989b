"""The audit log proven: a whole chain from its first line, each signed by this hub, its columns what it says."""

from __future__ import annotations

from pathlib import Path

from jisr_protocol.keys import KeyRing

from .. import config
from ..desk import chain, marking
from ..desk.chain import Proof
from ..desk.marking import Loss
from ..storage.fence import FileActMark
from ..storage.journal import SqlJournal
from ..storage.proving import Stored
from ..storage.sql import SqlLedger
from .faults import Faults

COLUMNS = ("at", "who", "kind", "subject", "outcome", "undoes")


async def acts(rows: Stored, ring: KeyRing, faults: Faults) -> int:
    """Prove it; how many lines it has."""
    proof = Proof(ring)
    async for part in rows.acts():
        for row in part:
            kept = chain.Row(row.n, row.line, bytes(row.words) if row.words is not None else None)
            found = proof.take(kept)
            for fault in found:
                faults.add(fault)
            if not found:
                said = chain.read(kept)
                if any(getattr(said, name) != getattr(row, name) for name in COLUMNS):
                    faults.add(f"act {row.n} of the audit log: its columns are not what its line says")
    return proof.size


async def loss_of(folder: Path, ledger: SqlLedger) -> Loss | None:
    """What the audit log lacks of what was written down. Raises OSError or ValueError where its mark cannot be read."""
    mark = FileActMark(config.act_mark_file(folder, config.read(folder)))
    return await marking.loss(SqlJournal(ledger.database), mark)
