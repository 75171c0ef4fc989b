"""Who may sit at a node's pages: links that open once and sessions that a browser keeps, a small file each.

The file's name is a hash of the token, so that whoever reads the folder opens nothing. That a link opens once is the
file system's promise: of two who delete a file, one succeeds.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

from jisr_protocol import identifiers

LINK, SESSION = "link", "session"
LASTS = {LINK: timedelta(days=7), SESSION: timedelta(days=90)}


class DoorFiles:
    """The links and sessions of one node, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, kind: str, token: str, now: datetime) -> None:
        """Let this token count for as long as its kind lasts. Durable enough: after a crash a new link is given."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep(now)
        self._place(kind, token).write_text(identifiers.to_instant(now + LASTS[kind]), encoding="ascii")

    def has(self, kind: str, token: str, now: datetime) -> bool:
        """Whether this token counts now."""
        try:
            until = self._place(kind, token).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return False
        return until > identifiers.to_instant(now)

    def take(self, kind: str, token: str, now: datetime) -> bool:
        """End a token; whether it counted until now. Of several who ask at once, one is told yes."""
        counted = self.has(kind, token, now)
        try:
            self._place(kind, token).unlink()
        except OSError:
            return False
        return counted

    def end_all(self) -> None:
        """End every link and session."""
        for place in self._all():
            place.unlink(missing_ok=True)

    def _sweep(self, now: datetime) -> None:
        for place in self._all():
            try:
                over = place.read_text(encoding="ascii") <= identifiers.to_instant(now)
            except (OSError, UnicodeDecodeError):
                continue
            if over:
                place.unlink(missing_ok=True)

    def _all(self) -> list[Path]:
        return [place for kind in LASTS for place in self._folder.glob(f"{kind}-*")]

    def _place(self, kind: str, token: str) -> Path:
        return self._folder / f"{kind}-{hashlib.sha256(b'jisr-door' + bytes([0]) + token.encode()).hexdigest()}"
