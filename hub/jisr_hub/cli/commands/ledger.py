"""The commands on the ledger as a whole: backup, restore, rebase, rebuild, rejudge, erase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, USAGE, AsJson, Folder, confirm, fail, run, say

commands = typer.Typer()


@commands.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file, such as /media/stick/hub-2026-03-01.tar.")],
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the signing key into it too.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the hub into one file, also while it serves: ledger, settings, key statements."""
    from .. import keeping

    value = run(keeping.backup(folder, file, with_key=with_key))
    say(value, as_json, keeping.backup_words(value))


@commands.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    folder: Annotated[Path, typer.Argument(help="The hub's folder, or a new one.")],
    look: Annotated[bool, typer.Option("--check", help="Only say what is in it and what would happen.")] = False,
    database: Annotated[
        str | None, typer.Option(help="Where the ledger goes: sqlite, or postgresql://… (else as in the backup).")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Exchange the database that is there; it is kept beside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back, or look at it. What the backup does not fit is left as it is."""
    from .. import putting_back

    if look:
        value = run(putting_back.look(file, folder, database))
        say(value, as_json, putting_back.look_words(value))
        if value["faults"]:
            raise typer.Exit(1)
        return
    value = run(putting_back.restore(folder, file, database=database, yes=yes))
    say(value, as_json, putting_back.restore_words(value, folder))


@commands.command()
def erase(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    record: Annotated[str, typer.Argument(help="The record's id.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="All records of the node.")] = False,
    max_rev: Annotated[
        int | None, typer.Option(min=1, help="Up to which rev; a later one may come. Else the newest that is here.")
    ] = None,
    basis: Annotated[str, typer.Option(help="Why, in a few words that everybody may read.")] = "by the operator",
    jurisdiction: Annotated[str, typer.Option(help="The country whose law it rests on, such as MA.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take the content of a record out of everything this hub keeps and publishes, for ever."""
    from .. import acting, erasing

    if bool(record) == everything:
        fail("Nothing was erased. Name the record's id, or --all for every record of the node.", USAGE)
    wanted = run(erasing.wanted(folder, node, record or None, max_rev, basis, jurisdiction))
    if not yes:
        meant = f"Nothing was erased. {wanted.sentence} Add --yes if this is meant."
        confirm(f"{wanted.sentence}\nErase it?", meant)
    erased = f"{node}/{wanted.target}"
    value = run(acting.noted(folder, "erase", erased, basis, lambda: erasing.erase(folder, wanted)))
    say(value, as_json, erasing.erased_words(value))


@commands.command()
def rebase(
    look: Annotated[bool, typer.Option("--check", help="Only say what is missing and what would happen.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    at_least: Annotated[
        str, typer.Option(help="EPOCH:SIZE that readers have seen, when the whole folder was put back.")
    ] = "",
    base: Annotated[int, typer.Option(min=0, help="With --at-least: how many entries the backup has in common.")] = 0,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Go on after an older database was put back: take back what is missing, open a new epoch where that is needed."""
    from ...rebase import NothingToDo
    from .. import acting, rebasing

    seen = rebasing.seen(at_least, base)
    try:
        found = run(rebasing.explain(folder, seen))
    except NothingToDo as nothing:
        say({"nothing_to_do": str(nothing)}, as_json, str(nothing))
        return
    if look:
        say(found, as_json, rebasing.words(found))
        return
    if not yes:
        print(rebasing.words(found), file=sys.stderr)
        confirm("Do this now?", "Nothing was changed. Add --yes to do this.")
    done = run(acting.noted(folder, "rebase", "", "", lambda: rebasing.carry_out(folder, seen)))
    say(done, as_json, rebasing.done_words(done))


@commands.command()
def rebuild(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Delete what can be computed (records, pages, head) and compute it again from the log."""
    from .. import inspection

    value = run(inspection.rebuild(folder))
    say(value, as_json, f"Rebuilt from {value['entries']} entries; {value['live']} records are live.")


@commands.command()
def rejudge(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Judge quarantined entries again, after a schema or a policy changed."""
    from .. import inspection

    value = run(inspection.rejudge(folder))
    say(value, as_json, f"{value['admitted']} of {value['judged']} quarantined entries are admitted now.")
