"""The doors of a process that shows nodes' pages: one node, or several that an umbrella organisation hosts.

A token names its node before the dot ("" where there is one only), and is kept as a hash in that node's own folder. So
no token opens another node, and to take a folder away takes its doors away.
"""

from __future__ import annotations

import base64
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ..adapters.door_files import LINK, SESSION, DoorFiles
from ..errors import Mistaken
from ..identity import RandomBytes
from .node import clock
from .office import Office

DOORS = "doors"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
SECRET_BYTES = 20


class Lobby:
    """Gives links, opens sessions, and says whose node a session may use. The files are small: no thread is needed."""

    def __init__(
        self,
        folder: Path,
        *,
        several: bool = False,
        now: Callable[[], datetime] = clock,
        random_bytes: RandomBytes = os.urandom,
        allow_private: bool = False,
    ) -> None:
        """`folder` is the node's, or with `several` the one whose folders are nodes."""
        self.folder, self.several, self.now = folder, several, now
        self._random, self._allow_private = random_bytes, allow_private
        self._offices: OrderedDict[str, Office] = OrderedDict()

    def add(self, name: str) -> None:
        """Make room for a node of this name. Raises Mistaken. Calling twice is safe."""
        if not self.several or not NAME.fullmatch(name):
            raise Mistaken(
                f"{name!r} is no name for a hosted node. Expected 1 to 40 small letters, digits and hyphens, such as "
                "dar-chabab. Nothing was made."
            )
        (self.folder / name).mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        """The names of the hosted nodes, in order."""
        found = sorted(one.name for one in self.folder.iterdir() if one.is_dir()) if self.folder.is_dir() else []
        return [name for name in found if NAME.fullmatch(name)]

    def link(self, name: str = "") -> str:
        """A token that opens the node's pages once. Raises Mistaken when there is no such node."""
        if not self._known(name):
            raise Mistaken(f"There is no node {name!r} here. Nothing was changed. See: jisr-node host --list")
        return self._new(name, LINK)

    def opened(self, link: str) -> str | None:
        """Use a link up: the session it becomes, None when it does not count."""
        name, doors = self._doors(link)
        if doors is None or not doors.take(LINK, link, self.now()):
            return None
        return self._new(name, SESSION)

    def waits(self, link: str) -> bool:
        """Whether a link would open something."""
        _, doors = self._doors(link)
        return doors is not None and doors.has(LINK, link, self.now())

    def office(self, session: str) -> Office | None:
        """The node of a session; None when it does not count."""
        name, doors = self._doors(session)
        if doors is None or not doors.has(SESSION, session, self.now()):
            return None
        return self.office_of(name)

    def office_of(self, name: str) -> Office:
        """The node of this name."""
        if name not in self._offices:
            self._offices[name] = Office(
                self._folder(name), now=self.now, random_bytes=self._random, allow_private=self._allow_private
            )
        return self._offices[name]

    def leave(self, session: str) -> None:
        """End a session."""
        _, doors = self._doors(session)
        if doors is not None:
            doors.take(SESSION, session, self.now())

    def shut(self, name: str = "") -> None:
        """End every link and session of a node."""
        if self._known(name):
            DoorFiles(self._folder(name) / DOORS).end_all()

    def offices(self) -> list[Office]:
        """Every node that is to be kept up."""
        return [self.office_of(name) for name in (self.names() if self.several else [""])]

    def close(self) -> None:
        """Let go of every node."""
        for office in self._offices.values():
            office.close()
        self._offices.clear()

    def _new(self, name: str, kind: str) -> str:
        secret = base64.b32encode(self._random(SECRET_BYTES)).decode().lower()
        token = f"{name}.{secret}"
        DoorFiles(self._folder(name) / DOORS).add(kind, token, self.now())
        return token

    def _doors(self, token: str) -> tuple[str, DoorFiles | None]:
        name, sign, _ = token.partition(".")
        if not sign or not self._known(name):
            return "", None
        return name, DoorFiles(self._folder(name) / DOORS)

    def _known(self, name: str) -> bool:
        if not self.several:
            return name == ""
        return bool(NAME.fullmatch(name)) and (self.folder / name).is_dir()

    def _folder(self, name: str) -> Path:
        return self.folder / name if self.several else self.folder
