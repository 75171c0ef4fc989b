"""The audit log proven: a whole chain from its first line, each signed by this hub, its columns what it says."""

from __future__ import annotations

from jisr_protocol.keys import KeyRing

from ..desk import chain
from ..desk.chain import Proof
from ..storage.proving import Stored
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
