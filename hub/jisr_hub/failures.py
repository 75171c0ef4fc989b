"""What can fail below the hub's core by nobody's mistake: the disk, or the way to the database."""

from __future__ import annotations


class Unwritable(Exception):
    """Raised by the ledger when a change could not be stored; no part of it was. The same again may do later."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The hub's database cannot be reached or written now ({reason}). Nothing of this was kept, and all that "
            "was acknowledged before is safe. Once it answers and there is room on its disk, the same will do."
        )
        self.reason = reason
