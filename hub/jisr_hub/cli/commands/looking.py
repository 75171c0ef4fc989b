"""The commands that look and change nothing: status, check, doctor."""

from __future__ import annotations

import sys

import typer

from ..shell import HERE, AsJson, Folder, progress, run, say

commands = typer.Typer()


@commands.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say how the hub, its nodes and its peers are."""
    from .. import inspection

    value = run(inspection.status(folder))
    say(value, as_json, inspection.status_words(value))


@commands.command()
def check(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Read everything the hub holds again and prove it: entries, leaves, roots, signatures, pages."""
    from .. import checking

    value = run(checking.check(folder, progress))
    faults = value["faults"]
    sentence = "\n".join(faults) if faults else f"{value['entries']} entries, {value['live']} live: all of it fits."
    say(value, as_json, sentence)
    print(f"FAIL  {len(faults)} faults" if faults else "OK", file=sys.stderr)
    if faults:
        raise typer.Exit(1)


@commands.command("doctor")
def look_around(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Look at all that a hub depends on, and say what needs doing: keys, disk, clock, peers, backups."""
    from .. import doctor

    found = run(doctor.doctor(folder))
    say(doctor.facts(found), as_json, doctor.words(found))
    if not doctor.facts(found)["well"]:
        raise typer.Exit(1)


@commands.command()
def duplicates(record: str = typer.Argument(""), folder: Folder = HERE, as_json: AsJson = False) -> None:
    """List the records that may be the same, of all or of one (its id, or node/id), with reasons. Joins nothing."""
    from .. import doubles

    value = run(doubles.duplicates(folder, record, progress))
    say(value, as_json, doubles.words_of(value))
