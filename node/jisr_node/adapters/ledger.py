"""The erasures in a file beside the database, one line each, only ever appended to.

A line: {"at":"2026-09-01T12:00:00Z","ids":["…"],"max_rev":3,"n":1,"notice":"…"}; no ids means all records.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from ..errors import Declined
from ..ports import Erasure


class FileLedger:
    """A ports.Ledger in a file; it names ids and nothing of what was erased."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def read(self) -> list[Erasure]:
        try:
            lines = self._place.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        # a line that a loss of power cut off was not durable yet: the store still holds it, and it is written again
        return [self._read(line, number) for number, line in enumerate(lines[:-1], 1) if line]

    def _read(self, line: bytes, number: int) -> Erasure:
        try:
            value = json.loads(line)
            ids = tuple(str(one) for one in value["ids"])
            return Erasure(str(value["notice"]), int(value["n"]), ids, int(value["max_rev"]), str(value["at"]), False)
        except (ValueError, KeyError, TypeError):
            raise Declined(
                f"Line {number} of {self._place} cannot be read; it says what was erased, so that an older copy put "
                "back is erased again. Nothing was signed or changed now, and no record is lost. Put the file back "
                "from another copy, or take that line out if you know what it said."
            ) from None

    def append(self, erasures: list[Erasure]) -> None:
        lines = [
            json.dumps({"at": e.at, "ids": list(e.ids), "max_rev": e.max_rev, "n": e.n, "notice": e.notice})
            for e in erasures
        ]
        with open(self._place, "ab+") as file:
            # after a line that was cut off, a new one begins
            file.seek(0, os.SEEK_END)
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    self._mend(file.fileno())
            file.write("".join(line + "\n" for line in lines).encode())
            file.flush()
            os.fsync(file.fileno())

    def _mend(self, descriptor: int) -> None:
        whole = self._place.read_bytes().rpartition(b"\n")
        os.ftruncate(descriptor, len(whole[0]) + len(whole[1]))


class MemoryLedger:
    """A ports.Ledger for worlds in memory."""

    def __init__(self) -> None:
        self._held: list[Erasure] = []

    def read(self) -> list[Erasure]:
        return list(self._held)

    def append(self, erasures: list[Erasure]) -> None:
        self._held += [replace(erasure, signed=False) for erasure in erasures]
