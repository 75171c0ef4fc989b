"""Record files: the line of this feed that set one version of a record, for whoever repairs a copy."""

from __future__ import annotations

from jisr_protocol import entry as entries
from jisr_protocol import state_tree

from ..ports import View


class ErasedRecord(Exception):
    """The content of this version was erased."""


async def record_file(view: View, size: int, node: str, record_id: str, rev: int) -> bytes | None:
    """The file of this version if it is the record's newest one within the first `size` entries, else None.

    Raises ErasedRecord.
    """
    seq = (await view.newest(node, record_id)).get(record_id)
    if seq is not None and seq >= size:
        path = state_tree.path(node, record_id)
        priors = {touch.seq: touch.prior for touch in await view.touching(size, path, path)}
        while seq is not None and seq >= size:
            seq = priors.get(seq)
    if seq is None:
        return None
    line = (await view.lines([seq]))[seq]
    said = entries.parse(line)
    if said.op != "put" or said.rev != rev:
        return None
    if said.gone is not None:
        raise ErasedRecord(record_id)
    return line + b"\n"
