"""Keeping a node through bad days: jisr-node backup · restore · rebase."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..adapters.key_files import SIGNING_KEY
from ..app import Node
from ..outbox import PUBLIC
from .shell import HERE, Folder, Json, count, day, say

if TYPE_CHECKING:
    from ..adapters.backup_file import Contents
    from ..rebase import Rebased


def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, best on another disk.")],
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the signing key into it too.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write everything this node knows into one file. Others may go on working meanwhile."""
    with Node.open(folder) as node:
        made = node.backup(target, with_key=with_key)
    key = (
        "The signing key is in it: whoever gets this file can write in your name. Keep it locked away."
        if with_key
        else f"The signing key is not in it: keep a copy of {SIGNING_KEY} elsewhere, or use --with-key."
    )
    text = f"{count(made.records, 'record')} backed up into {target}. {key}"
    say({"file": str(target.resolve()), **asdict(made)}, text, as_json=as_json)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty folder, or the one that lost node.sqlite.")],
    check: Annotated[bool, typer.Option("--check", help="Say what is in it and what would happen; change nothing.")] = (
        False
    ),
    as_json: Json = False,
) -> None:
    """Put a backup back. Nothing is signed before a rebase has asked your hubs what came after it."""
    contents, erased = Node.restore(source, folder, check=check)
    has_key = contents.key or (folder / SIGNING_KEY).exists()
    value = {**asdict(contents), "dir": str(folder.resolve()), "erased_again": erased, "has_key": has_key}
    say(
        {**value, "restored": not check},
        "\n".join(_restored_lines(contents, folder, erased, has_key, check)),
        as_json=as_json,
    )


def _restored_lines(contents: Contents, folder: Path, erased: int, has_key: bool, check: bool) -> list[str]:
    entries = ", ".join(f"{count(size, 'entry', 'entries')} in {name}" for name, size in contents.entries.items())
    holds = f"{count(contents.records, 'record')}, {entries or 'nothing published'}"
    lines = [
        f"A backup of {contents.name} ({contents.node}), made on {day(contents.at)}: {holds}.",
        f"It {'would go' if check else 'is now'} in {folder}. What came after that day is not in it.",
    ]
    if erased:
        lines.append(f"{count(erased, 'erasure')} came later and {'would be' if check else 'was'} carried out again.")
    if not has_key:
        lines.append(f"The signing key is not in it: put your copy of {SIGNING_KEY} into the folder first.")
    return [*lines, "Nothing was changed." if check else f"Next: jisr-node rebase --dir {folder}"]


def rebase(
    hub: Annotated[
        list[str] | None, typer.Option("--hub", help="A hub to ask; all known ones if none is named.")
    ] = None,
    without_hub: Annotated[bool, typer.Option("--without-hub", help="Go on although no hub can be asked.")] = False,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Work on after an older copy of the folder was put back, or the folder was used on two computers.

    Fetches back from your hubs what they hold and this folder does not, and goes on from the last position that is
    sure. Of two versions of one record the later one is published, the other is written to a file. Do this in one
    folder only, and use no other copy of it from then on.
    """
    with Node.open(folder) as node:
        done, kept = asyncio.run(node.rebase(*hub or (), without_hub=without_hub))
        restricted = [feed.name for feed in node.store.feeds() if feed.name != PUBLIC]
    value = {
        "hubs": done.hubs,
        "taken_back": done.taken,
        "epochs": done.epochs,
        "published_again": done.records,
        "set_aside": str(kept) if kept else None,
        "lost": done.lost,
    }
    say(value, "\n".join(_rebased_lines(done, kept, restricted)), as_json=as_json)


def _rebased_lines(done: Rebased, kept: Path | None, restricted: list[str]) -> list[str]:
    if not done.changed:
        return ["Nothing was missing: this folder and what the hubs hold agree. Nothing was changed."]
    lines = [f"{count(done.taken, 'entry', 'entries')} taken back from the hub, each as it was."] if done.taken else []
    for name in done.epochs:
        lines.append(f"The feed {name} goes on in a new epoch from the last position that is sure.")
    if done.records:
        lines.append(f"{count(len(done.records), 'record')} published again, above all earlier versions.")
    if kept is not None:
        lines.append(f"{count(len(done.aside), 'version')} lost against a later one: see {kept}")
    if done.lost:
        lines.append(
            f"{count(done.lost, 'entry', 'entries')} had been signed here and reached no hub that was asked. What "
            "they said is not known any more: if a record looks old, edit it."
        )
    if restricted:
        feeds = " and ".join(restricted)
        lines.append(f"What the hub holds of {feeds} cannot be read back; it keeps what it has. Check those records.")
    return [*lines, "Use this folder only from now on. Next: jisr-node sync"]
