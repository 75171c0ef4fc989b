"""Statements held beside the log proven: each is whole, stands in the log, and was signed by whom it names."""

from __future__ import annotations

from collections.abc import Mapping

from jisr_protocol import envelope, statement, validity
from jisr_protocol.envelope import Envelope
from jisr_protocol.keys import KeyRing
from jisr_protocol.refusal import Refusal

from ..storage.proving import Stored
from .faults import Faults


async def statements(rows: Stored, rings: Mapping[str, KeyRing], logged: set[str], faults: Faults) -> None:
    """`logged`: the digests of the statements that stand in the hub's feed."""
    async for part in rows.told():
        for row in part:
            where = f"the statement of {row.by} about {row.subject}"
            try:
                said = statement.of(envelope.parse(Envelope("statement", row.jws, row.body, {}).raw, "statement"))
                columns = (row.digest, row.by, row.subject, row.type, row.about, row.n)
                if (said.digest, said.by, said.subject, said.type, said.about, said.n) != columns:
                    faults.add(f"{where}: its columns are not what its content says")
                if row.proven and (ring := rings.get(said.by)) is not None:
                    envelope.verify_bytes(said.envelope, validity.ever(ring, "statement"))
                if said.digest not in logged:
                    faults.add(f"{where}: it stands in no entry of the log")
            except Refusal as refusal:
                faults.add(f"{where}: {refusal}")
