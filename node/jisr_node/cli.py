"""The command jisr-node.

Results go to stdout, in words or as one JSON value with --json; errors and progress go to stderr. It asks questions
only at `init`, and only on a terminal. Exit status: 0 done · 1 refused, or done in part · 30 a hub could not be
reached, nothing is lost · 64 the command or its arguments do not fit.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from . import key_commands
from .adapters.key_files import SIGNING_KEY
from .app import KEYS, Node, Sent
from .erasure import DEFAULT_BASIS, Erased
from .errors import HubRefused, HubUnreachable, Mistaken, NodeError
from .outbox import PUBLIC, Published
from .receipts import Confirmed
from .settings import DEFAULT_LICENCE

if TYPE_CHECKING:
    from .adapters.backup_file import Contents
    from .drafts import Taken
    from .rebase import Rebased

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Write, sign and publish your organisation's directory records. Exit status: 0 done, 1 refused or done in "
    "part, 30 hub not reachable, 64 wrong command.",
)


cli.add_typer(key_commands.keys, name="keys")
cli.command()(key_commands.recover)


class Exit(IntEnum):
    DONE = 0
    REFUSED = 1
    UNREACHABLE = 30
    USAGE = 64


Folder = Annotated[
    Path, typer.Option("--dir", envvar="JISR_NODE_DIR", help="The node's folder.", show_default="this folder")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of words.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="The record's id, or local:<type>/<local id>.")]
Again = Annotated[bool, typer.Option("--again", help="Also take what was erased; it is published with a higher rev.")]
Source = Annotated[str, typer.Argument(metavar="FILE", help="A file, or - for the input.")]
HubAddress = Annotated[str | None, typer.Option("--hub", help="The hub's address, if not the node's own.")]
_HERE = Path(".")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; never returns."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # records are in any script, and a console may know few: better an escape than an end
            stream.reconfigure(errors="backslashreplace")
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Run the command; return its exit status."""
    try:
        result = cli(args=arguments, prog_name="jisr-node", standalone_mode=False)
    except NodeError as error:
        if "--json" in arguments:
            _print_json({"error": _error(error)})
        typer.echo(str(error), err=True)
        return _exit_of(error)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        typer.echo(
            f"{place}{error.strerror or error}. What was done before is safe. Mend that, then try again.", err=True
        )
        return Exit.REFUSED
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("Stopped. What was done before is kept, and nothing is half done.", err=True)
        return Exit.REFUSED
    except TyperException as error:
        typer.echo(f"{error}\nNothing was changed. See: jisr-node --help", err=True)
        return Exit.USAGE
    return result if isinstance(result, int) else Exit.DONE


@cli.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the node.")],
    name: Annotated[str | None, typer.Option(help="Your organisation's name.")] = None,
    country: Annotated[str | None, typer.Option(help="Its country, two letters: MA, NL.")] = None,
    lang: Annotated[str | None, typer.Option(help="The language you write in: ar, fr, nl.")] = None,
    licence: Annotated[str | None, typer.Option(help=f"How others may use your records ({DEFAULT_LICENCE}).")] = None,
    hub: Annotated[str | None, typer.Option(help="The address of your country's hub.")] = None,
    hub_id: Annotated[str, typer.Option(help="The hub's identifier, if its people told you.")] = "",
    recovery: Annotated[Path | None, typer.Option(help="Where to write the recovery file.")] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", envvar="JISR_ALLOW_PRIVATE", help="Hubs may be on private addresses.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a node: its folder, its signing key and its recovery file."""
    ask = sys.stdin.isatty() and not as_json

    def given(option: str, value: str | None, question: str, default: str | None = None) -> str:
        if value is not None:
            return value
        if ask:
            return str(typer.prompt(question, default=default, show_default=bool(default)))
        if default is None:
            raise Mistaken(f"--{option} is missing: {question}. Nothing was made.")
        return default

    with Node.init(
        folder,
        name=given("name", name, "What is your organisation called?"),
        country=given("country", country, "In which country is it (two letters, such as MA)?"),
        lang=given("lang", lang, "In which language do you write (such as ar, fr, nl)?"),
        licence=given("licence", licence, "Under which licence may others use your records?", DEFAULT_LICENCE),
        hub=given("hub", hub, "At which address is your hub (empty if you do not know yet)?", "").rstrip("/"),
        hub_id=hub_id,
        allow_private=allow_private,
        recovery=recovery,
    ) as node:
        made = {
            "node": node.id,
            "dir": str(folder.resolve()),
            "keys": str((folder / KEYS).resolve()),
            "recovery": str(node.recovery_place),
        }
    if as_json:
        _print_json(made)
        return
    typer.echo(f"The node is made: {made['dir']}")
    typer.echo(f"Its identifier is {made['node']}")
    typer.echo(f"Your hub's operator needs this file to admit you: {made['keys']}")
    typer.echo(
        f"\nNow keep the recovery key: {made['recovery']}\n"
        "Print that file or copy it to a stick, put it where you keep the statutes, and delete it here.\n"
        "Whoever holds it decides for this node, and nobody can give it to you a second time.\n"
        "Then say: jisr-node recovery-kept"
    )


@cli.command("recovery-kept")
def recovery_kept(folder: Folder = _HERE, as_json: Json = False) -> None:
    """Say that the recovery file is safe elsewhere and no longer in the folder."""
    with Node.open(folder) as node:
        node.keep_recovery()
    _say({"recovery": "kept"}, "Good. The recovery key is yours to keep now.", as_json=as_json)


@cli.command()
def add(source: Source, again: Again = False, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Add one record, written as a JSON object."""
    with Node.open(folder) as node:
        _finish(node.import_drafts([_one(source)], again=again), as_json, one=True)


@cli.command()
def edit(which: Which, source: Source, again: Again = False, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Replace what a record says by the JSON object in FILE."""
    with Node.open(folder) as node:
        _finish(node.edit(which, _one(source), again=again), as_json, one=True)


@cli.command()
def end(which: Which, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Mark a record as ended; it stays visible as that."""
    with Node.open(folder) as node:
        record_id = node.end(which)
    _say({"id": record_id, "status": "ended"}, f"{record_id} is marked as ended. {_NEXT}", as_json=as_json)


@cli.command()
def delete(which: Which, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Take a record out of everything that is published."""
    with Node.open(folder) as node:
        record_id = node.delete(which)
    _say({"id": record_id, "deleted": True}, f"{record_id} will be deleted. {_NEXT}", as_json=as_json)


@cli.command()
def erase(
    which: Annotated[str | None, typer.Argument(metavar="ID", help="The record's id, or local:<type>/<id>.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Erase every record of this node.")] = False,
    why: Annotated[str, typer.Option(help="Why, in a few words that everybody can read.")] = DEFAULT_BASIS,
    yes: Annotated[bool, typer.Option("--yes", help="With --all: ask nothing.")] = False,
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Erase what a record says, here and everywhere it went. Unlike delete, the content goes for good."""
    if (which is None) != everything:
        raise Mistaken("Say which record, or --all. Nothing was erased. See: jisr-node erase --help")
    with Node.open(folder) as node:
        if everything and not yes:
            _confirm_all(node)
        done = node.erase(which, basis=why)
    value = {"erased": list(done.ids), "entries": done.entries}
    _say(value, _erased_words(done), as_json=as_json)


@cli.command()
def erasures(
    hub: Annotated[str | None, typer.Option(help="The hub's address; else the one set at init.")] = None,
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Say which hubs have confirmed each erasure, and which are overdue, by their own signatures."""
    with Node.open(folder) as node:
        found = asyncio.run(node.receipts(hub))
    rows = [
        {
            "notice": one.said.digest, "action": one.said.action, "ids": list(one.said.ids) or "*",
            "issued": one.said.issued, "confirmed": one.confirmed, "overdue": list(one.overdue),
            "waited_for": list(one.waited_for),
        }
        for one in found
    ]  # fmt: skip
    lines = [line for one in found for line in _receipt_lines(one)]
    _say({"erasures": rows}, "\n".join(lines) or "Nothing was erased.", as_json=as_json)


def _receipt_lines(one: Confirmed) -> list[str]:
    what = _count(len(one.said.ids), "record") if one.said.ids else "all records"
    return [
        f"{one.said.action} of {what}, signed {one.said.issued}",
        *(f"  {hub}: {outcome}" for hub, outcome in one.confirmed.items()),
        *(f"  OVERDUE: {hub} has said nothing for more than 24 hours; ask its operator" for hub in one.overdue),
        *(f"  waiting for {hub}" for hub in one.waited_for),
    ]


def _confirm_all(node: Node) -> None:
    count = len(node.overview())
    if not sys.stdin.isatty():
        raise Mistaken(f"--all would erase {_count(count, 'record')} for good. Nothing was erased. If so: add --yes")
    typer.confirm(f"Erase {_count(count, 'record')} for good? No backup of the folder will bring them back", abort=True)


def _erased_words(done: Erased) -> str:
    what = f"{_count(len(done.ids), 'record')} erased"
    if not done.entries:
        return f"{what}. It had left this computer nowhere."
    feeds = ", ".join(done.entries)
    return (
        f"{what}: nothing of it is left in this folder, and that is signed into {feeds}. Next: jisr-node push. If you "
        "export to a web space: export once more. Backups made before still hold it: make a new one, delete the old."
    )


@cli.command("import")
def import_(
    source: Source,
    label: Annotated[str | None, typer.Option("--node", help="Take only the lines of this partner.")] = None,
    again: Again = False,
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Take drafts in, one JSON object a line. The same file twice changes nothing, and nothing is ever deleted."""
    with Node.open(folder) as node, _lines(source) as lines:
        taken = node.import_drafts(lines, label, again=again)
    if label is not None and not (taken.ids or taken.refused):
        raise Mistaken(f"No line of {source} is for the node {label!r}. Nothing was changed. Check --node.")
    _finish(taken, as_json)


@cli.command("list")
def list_(folder: Folder = _HERE, as_json: Json = False) -> None:
    """List your records and whether they are published."""
    with Node.open(folder) as node:
        rows = node.overview()
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        kind = row["type"].removeprefix("org.jisr.").partition("/")[0]
        typer.echo(
            f"{row['id']}  {kind:13} {row['audience']:8} {row['status']:7} {row['state']:9}  {row['name'] or ''}"
        )
    typer.echo(_count(len(rows), "record") if rows else "No records yet. Next: jisr-node add FILE", err=True)


@cli.command()
def show(which: Which, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Show one record as it is published, or as it will be."""
    with Node.open(folder) as node:
        found = node.show(which)
    if as_json:
        _print_json(found)
        return
    if record := found["waiting"] or found["published"]:
        typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
    state = "It will be deleted" if found["delete"] else "This is not published yet" if found["waiting"] else None
    if state:
        typer.echo(f"{state}. Next: jisr-node publish", err=True)
    elif not found["published"]:
        typer.echo("It was deleted.", err=True)


@cli.command()
def publish(folder: Folder = _HERE, as_json: Json = False) -> None:
    """Sign what was added, edited, ended or deleted into your feeds."""
    with Node.open(folder) as node:
        done = node.publish()
    value = {"entries": done.entries, "local": done.local, "heads": done.heads}
    _say(value, _published(done), as_json=as_json)


@cli.command()
def push(hub: HubAddress = None, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Bring what is published to your hub. Repeating it is harmless."""
    with Node.open(folder) as node:
        sent = asyncio.run(node.attempt(hub))
    _finish_push(sent, {}, as_json)


@cli.command()
def sync(hub: HubAddress = None, folder: Folder = _HERE, as_json: Json = False) -> None:
    """Publish and push."""
    with Node.open(folder) as node:
        done, sent = asyncio.run(node.sync(hub))
    if not as_json:
        typer.echo(_published(done))
    _finish_push(sent, {"entries": done.entries, "local": done.local, "heads": done.heads}, as_json)


@cli.command()
def join(
    link: Annotated[
        str, typer.Argument(metavar="LINK", help="The invitation you got, or a hub's address to ask there.")
    ],
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Ask a hub to let this node in: with an invitation at once, else when its operator agrees."""
    with Node.open(folder) as node:
        admitted = asyncio.run(node.join(link))
        hub = node.settings.hub if admitted else link.partition("#")[0]
    text = (
        f"The hub {hub} has admitted this node and is its home now. Next: jisr-node sync"
        if admitted
        else f"The hub {hub} has your request; its operator decides. Read your identifier out to them: {node.id}. "
        "When they agreed, give the same command again."
    )
    _say({"admitted": admitted, "hub": hub, "node": node.id}, text, as_json=as_json)


@cli.command()
def home(
    hub: Annotated[str, typer.Argument(metavar="HUB", help="The address of a hub that has admitted this node.")],
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Move to another home hub with all your records. Nobody else has to agree; the old hub goes on carrying them."""
    with Node.open(folder) as node:
        sent = asyncio.run(node.move(hub))
    if not as_json:
        typer.echo(f"The home of this node is {sent.hub} now; it says so in its own feed.")
    _finish_push(sent, {"home": sent.hub}, as_json)


@cli.command()
def rebase(
    hub: Annotated[
        list[str] | None, typer.Option("--hub", help="A hub to ask; all known ones if none is named.")
    ] = None,
    without_hub: Annotated[bool, typer.Option("--without-hub", help="Go on although no hub can be asked.")] = False,
    folder: Folder = _HERE,
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
    _say(value, "\n".join(_rebased_lines(done, kept, restricted)), as_json=as_json)


def _rebased_lines(done: Rebased, kept: Path | None, restricted: list[str]) -> list[str]:
    if not done.changed:
        return ["Nothing was missing: this folder and what the hubs hold agree. Nothing was changed."]
    lines = [f"{_count(done.taken, 'entry', 'entries')} taken back from the hub, each as it was."] if done.taken else []
    for name in done.epochs:
        lines.append(f"The feed {name} goes on in a new epoch from the last position that is sure.")
    if done.records:
        lines.append(f"{_count(len(done.records), 'record')} published again, above all earlier versions.")
    if kept is not None:
        lines.append(f"{_count(len(done.aside), 'version')} lost against a later one: see {kept}")
    if done.lost:
        lines.append(
            f"{_count(done.lost, 'entry', 'entries')} had been signed here and reached no hub that was asked. What "
            "they said is not known any more: if a record looks old, edit it."
        )
    if restricted:
        feeds = " and ".join(restricted)
        lines.append(f"What the hub holds of {feeds} cannot be read back; it keeps what it has. Check those records.")
    return [*lines, "Use this folder only from now on. Next: jisr-node sync"]


@cli.command()
def export(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Write everything public as plain files, for any web space or a stick."""
    with Node.open(folder) as node:
        written = node.export(target)
    value = {"dir": str(target.resolve()), "written": written.written, "unchanged": written.unchanged}
    text = f"{_count(written.written, 'file')} written to {target}, {written.unchanged} were as they should be."
    _say(value, f"{text} Only public records are in it.", as_json=as_json)


bundle_app = typer.Typer(help="Carry this node's feed by hand or by mail.", no_args_is_help=True)
cli.add_typer(bundle_app, name="bundle")


@bundle_app.command("export")
def bundle_export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The bundle to write.")],
    since: Annotated[str, typer.Option("--since", metavar="EPOCH:SIZE", help="The code that the hub printed.")] = "",
    split: Annotated[str, typer.Option("--split", metavar="10MB", help="Write parts of at most this size.")] = "",
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Write everything public into a zip file, for the hub's operator: on a stick, or by mail."""
    from jisr_protocol.reader import bundle_cli

    from . import carrying

    with Node.open(folder) as node:
        made = carrying.export(node, out, since, split)
    _say(bundle_cli.made_facts(made), f"{bundle_cli.made_words(made)}. Only public records are in it.", as_json=as_json)


@bundle_app.command("import")
def bundle_import(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip", help="What the hub's operator sent back.")],
    hub: HubAddress = None,
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Take the hub's receipt out of a bundle: what it holds of this node, and what it keeps back."""
    from . import carrying

    with Node.open(folder) as node:
        done = carrying.take_receipt(node, file, hub)
    text = f"The hub holds {done.next} of {done.size} entries; {len(done.quarantined)} are kept back."
    _say({"size": done.size, "next": done.next, "quarantined": len(done.quarantined)}, text, as_json=as_json)


@cli.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, best on another disk.")],
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the signing key into it too.")] = False,
    folder: Folder = _HERE,
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
    text = f"{_count(made.records, 'record')} backed up into {target}. {key}"
    _say({"file": str(target.resolve()), **asdict(made)}, text, as_json=as_json)


@cli.command()
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
    _say(
        {**value, "restored": not check},
        "\n".join(_restored_lines(contents, folder, erased, has_key, check)),
        as_json=as_json,
    )


def _restored_lines(contents: Contents, folder: Path, erased: int, has_key: bool, check: bool) -> list[str]:
    entries = ", ".join(f"{_count(size, 'entry', 'entries')} in {name}" for name, size in contents.entries.items())
    holds = f"{_count(contents.records, 'record')}, {entries or 'nothing published'}"
    lines = [
        f"A backup of {contents.name} ({contents.node}), made on {day(contents.at)}: {holds}.",
        f"It {'would go' if check else 'is now'} in {folder}. What came after that day is not in it.",
    ]
    if erased:
        lines.append(f"{_count(erased, 'erasure')} came later and {'would be' if check else 'was'} carried out again.")
    if not has_key:
        lines.append(f"The signing key is not in it: put your copy of {SIGNING_KEY} into the folder first.")
    return [*lines, "Nothing was changed." if check else f"Next: jisr-node rebase --dir {folder}"]


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8460,
    every: Annotated[float, typer.Option(min=1, help="Seconds between visits to the hub, more or less.")] = 300.0,
    folder: Folder = _HERE,
    as_json: Json = False,
) -> None:
    """Serve the public feed over HTTP and bring news to the hub in the background, until Ctrl-C."""
    from .web.server import serve_forever

    def ready(address: str) -> None:
        _say({"address": address}, f"The public feed is at {address} (Ctrl-C to stop)", as_json=as_json)
        sys.stdout.flush()

    with Node.open(folder) as node, node.serving() as feed_folder:
        serve_forever(
            node,
            feed_folder,
            host=host,
            port=port,
            every_seconds=every,
            ready=ready,
            note=lambda sentence: typer.echo(sentence, err=True),
        )


@cli.command()
def status(folder: Folder = _HERE, as_json: Json = False) -> None:
    """Show what was sent, received and refused, and what to do next."""
    with Node.open(folder) as node:
        found = node.status()
    if as_json:
        _print_json(found)
        return
    for line in status_lines(found):
        typer.echo(line)


_NEXT = "Next: jisr-node publish"


def _one(source: str) -> dict[str, Any]:
    """The one JSON object in a file. Raises Mistaken if there is none."""
    from .author import Faulty
    from .drafts import LINE_BYTES, read_line

    with _opened(source) as file:
        text = file.read(LINE_BYTES + 1)
    try:
        value = read_line(text, first=True)
    except Faulty as faulty:
        raise Mistaken(f"{source}: {faulty}. Nothing was changed.") from None
    if not isinstance(value, dict):
        raise Mistaken(f"{source}: expected one JSON object; came something else. Nothing was changed.")
    return value


@contextmanager
def _lines(source: str) -> Iterator[Iterator[bytes]]:
    with _opened(source) as file:
        yield _bounded(file)


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; of one that is too long only as much as it takes to refuse it."""
    from .drafts import LINE_BYTES

    while line := file.readline(LINE_BYTES + 1):
        rest = line
        while len(rest) > LINE_BYTES and not rest.endswith(b"\n"):
            rest = file.readline(LINE_BYTES + 1)
        yield line


@contextmanager
def _opened(source: str) -> Iterator[IO[bytes]]:
    if source == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as opened:
        try:
            file = opened.enter_context(open(source, "rb"))
        except OSError as error:
            raise Mistaken(f"{source} cannot be read: {error.strerror}. Nothing was changed.") from None
        yield file


def _finish(taken: Taken, as_json: bool, *, one: bool = False) -> None:
    """Say what an import did, or what `one` draft became; exit status 1 when something was left out."""
    if as_json:
        refused = [{"line": r.line, "faults": [asdict(fault) for fault in r.faults]} for r in taken.refused]
        _print_json({**_counts(taken), "refused": refused, "ids": taken.ids})
    else:
        for line in refused_lines(taken, one=one):
            typer.echo(line, err=True)
        counts = _counts(taken)
        words = ", ".join(f"{number} {word}" for word, number in counts.items() if number or word != "skipped")
        typer.echo(f"{words}, {len(taken.refused)} left out. {_NEXT if taken.added or taken.changed else ''}".strip())
    if taken.refused:
        raise typer.Exit(Exit.REFUSED)


def _counts(taken: Taken) -> dict[str, int]:
    return {
        "added": taken.added,
        "changed": taken.changed,
        "unchanged": taken.unchanged,
        "skipped": taken.skipped,
    }


def refused_lines(taken: Taken, *, one: bool = False) -> list[str]:
    """A sentence for each thing that is wrong with a draft, and what it means for the rest."""
    lines = [
        f"{'In ' if one else f'Line {refused.line}, '}{fault.sentence}."
        for refused in taken.refused
        for fault in refused.faults
    ]
    if taken.refused and taken.ids:
        lines.append(
            f"{_count(len(taken.refused), 'record')} left out; the other {len(taken.ids)} are safe. Correct what is "
            "named above and give the same command again: what is already in does not come twice."
        )
    elif taken.refused:
        lines.append("Nothing was changed. Correct what is named above and give the same command again.")
    return lines


def _published(done: Published) -> str:
    if not done.count and not done.local:
        return "Your feeds were signed anew; no record changed." if done.heads else "Nothing new to publish."
    parts = [f"{_count(number, 'entry', 'entries')} in {name}" for name, number in done.entries.items()]
    if done.local:
        parts.append(f"{_count(done.local, 'record')} kept local, which never leave this computer")
    return f"Signed: {', '.join(parts)}."


def _finish_push(sent: Sent, published: dict[str, Any], as_json: bool) -> None:
    value = {
        **published,
        "hub": sent.hub,
        "feeds": [
            {
                "feed": d.feed,
                "entries": d.size,
                "received": d.next,
                "pushes": d.pushes,
                "admitted": d.admitted,
                "duplicates": d.duplicates,
                "quarantined": [{"seq": q.seq, "code": q.code, "pointer": q.pointer, "detail": q.detail} for q in kept],
            }
            for d in sent.delivered
            for kept in [d.quarantined]
        ],
        "errors": [{"feed": feed, **_error(error)} for feed, error in sent.errors],
    }
    if as_json:
        _print_json(value)
    else:
        for d in sent.delivered:
            kept = f", {_count(len(d.quarantined), 'record')} kept back: see jisr-node status" if d.quarantined else ""
            typer.echo(f"{d.feed}: the hub holds {d.next} of {_count(d.size, 'entry', 'entries')}{kept}.")
        for feed, error in sent.errors:
            typer.echo(f"{feed}: {error}", err=True)
    codes = [_exit_of(error) for _, error in sent.errors]
    if any(d.quarantined for d in sent.delivered):
        codes.append(Exit.REFUSED)
    if codes:
        raise typer.Exit(min(codes))


def status_lines(found: dict[str, Any]) -> list[str]:
    """`status` in words: first all is well or what to do, then the figures."""
    todo = [f"→ {advice['sentence']}" for advice in found["todo"]] or ["All is well."]
    counts = ", ".join(f"{number} {name}" for name, number in found["records"].items() if number) or "none yet"
    lines = [*todo, "", f"{found['name']}  {found['node']}", f"Records: {counts}"]
    waiting = found["waiting"]
    if waiting["to_publish"] or waiting["to_delete"]:
        lines.append(f"Waiting: {waiting['to_publish']} to publish, {waiting['to_delete']} to delete")
    lines.append(f"Last backup: {day(found['backup']) if found['backup'] else 'none yet'}")
    for feed in found["feeds"]:
        dates = f"signed {day(feed['signed'])}, good until {day(feed['expires'])}"
        lines.append(f"Feed {feed['name']}: {_count(feed['entries'], 'entry', 'entries')}, {dates}")
    for delivery in found["deliveries"]:
        lines.append(
            f"Hub {delivery['hub']}, {delivery['feed']}: received {delivery['received']}, waiting {delivery['waiting']}"
            f"{', receipt of ' + day(delivery['receipt']['at']) if delivery['receipt'] else ', no receipt yet'}"
        )
        if delivery["problem"]:
            lines.append(f"  Last tried {day(delivery['tried'])}: {delivery['problem']}")
    for refused in found["refused"]:
        place = f" at {refused['pointer']}" if refused["pointer"] else ""
        detail = f" ({refused['detail']})" if refused["detail"] else ""
        lines.append(f"Kept back: {refused['name'] or ''} {refused['id'] or ''}: {refused['why']}{place}{detail}")
    return lines


def day(instant: str) -> str:
    """A UTC instant in words: 3 March 2026."""
    moment = datetime.fromisoformat(instant)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


# not strftime: its months follow the computer's language, and these sentences are English
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def _error(error: NodeError) -> dict[str, Any]:
    code = error.code if isinstance(error, HubRefused) else type(error).__name__.lower()
    return {"code": code, "sentence": str(error)}


def _exit_of(error: NodeError) -> Exit:
    if isinstance(error, Mistaken):
        return Exit.USAGE
    return Exit.UNREACHABLE if isinstance(error, HubUnreachable) else Exit.REFUSED


def _say(value: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(value)
    else:
        typer.echo(text)


def _print_json(value: Any) -> None:
    whole = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")
    typer.echo(json.dumps(value, ensure_ascii=not whole))


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


if __name__ == "__main__":
    main()
