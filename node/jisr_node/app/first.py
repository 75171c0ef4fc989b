"""A node's first minutes: what a person answers is kept, the keys are made once, whatever dies in between, and an
invitation waits until it is answered.

Everything of a new node is made in the folder `making`, then moved file by file, the database last: a folder with a
database is a node. Whatever a crash left behind is finished by `complete`, which runs before every look, or, where the
database was not whole yet, dropped: nobody has seen that key and nothing was signed with it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from ..adapters import key_files
from ..adapters.sqlite import SqliteStore
from ..errors import NodeError
from ..first_answers import Answers
from ..identity import RandomBytes
from ..ports import Store
from ..settings import Settings
from .beginning import CHAIN, DATABASE, KEPT, RECOVERY
from .node import Node

MAKING = "making"
ANSWERS = "answers.json"
INVITED = "invited"
"""The setting that holds an invitation until a hub has answered it."""


def made(folder: Path) -> bool:
    """Whether there is a node in the folder."""
    return (folder / DATABASE).is_file()


def held_answers(folder: Path) -> Answers:
    """What was answered until now; empty answers when nothing was."""
    try:
        held = json.loads((folder / ANSWERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Answers()
    return Answers.of(held) if isinstance(held, dict) else Answers()


def hold_answers(folder: Path, answers: Answers) -> None:
    """Keep what was answered. Durable when it returns; the folder is for its owner only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = folder / f"{ANSWERS}.new"
    with aside.open("w", encoding="utf-8") as file:
        json.dump(answers.as_fields(), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, folder / ANSWERS)


def start(folder: Path, settings: Mapping[str, Any], now: datetime, random_bytes: RandomBytes) -> None:
    """Make a node in a folder where there is none; a node that is there stays as it is.

    Raises Mistaken for a setting that does not fit, OSError; then nothing was made.
    """
    complete(folder)
    if made(folder):
        return
    Settings(**settings).check()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = folder / MAKING
    with Node.init(aside, now=now, random_bytes=random_bytes, **settings) as node:
        sheet = folder.resolve() / key_files.recovery_name(node.id)
        with node.store.transaction():
            node.store.set(RECOVERY, str(sheet))
    complete(folder)


def complete(folder: Path) -> None:
    """Finish the making of a node that was cut off, or drop what came of it. Safe to call at any time."""
    aside = folder / MAKING
    if not aside.is_dir():
        return
    if not made(folder) and not _is_whole(aside):
        shutil.rmtree(aside)
        return
    # if the process dies here, the next call finds the same folder and goes on
    for place in sorted(aside.iterdir(), key=lambda one: one.name == DATABASE):
        os.replace(place, folder / place.name)
    shutil.rmtree(aside)


def _is_whole(folder: Path) -> bool:
    """Whether the store in a folder has everything of a node; opening it takes in what stood beside it."""
    if not (folder / DATABASE).is_file():
        return False
    try:
        store = SqliteStore(folder / DATABASE)
    except NodeError:
        return False
    try:
        held = store.settings()
        return CHAIN in held and Path(held.get(RECOVERY, KEPT)).parent == folder.resolve().parent
    finally:
        store.close()


def settle_answers(node: Node, folder: Path) -> None:
    """Take what was answered into a node that has just been made: its first record, and its invitation. Nothing is
    published by it. A process that dies in between does it anew: the same draft twice changes nothing."""
    if not (folder / ANSWERS).is_file():
        return
    answers = held_answers(folder)
    if not answers.faults():
        node.import_drafts([answers.organization()])
        if (link := answers.link()) and not node.settings.hub:
            Invited(node.store).note(link)
    (folder / ANSWERS).unlink()


def sheet_of(node: Node) -> str | None:
    """The recovery sheet as it lies in the folder; None when it does not."""
    try:
        return Path(node.recovery_place).read_text(encoding="utf-8")
    except OSError:
        return None


class Invited:
    """The invitation that a node has been given and no hub has answered yet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def link(self) -> str:
        """The link, "" for none."""
        return self._store.settings().get(INVITED, "")

    def note(self, link: str) -> None:
        """Keep a link, or forget it with ""."""
        with self._store.transaction():
            self._store.set(INVITED, link)
