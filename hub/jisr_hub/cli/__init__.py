"""The command `jisr-hub`. A verdict goes to stderr, a result to stdout; --json makes the result one JSON object.

Exit: 0 done · 1 refused or found broken · 30 the other side could not be reached · 64 usage.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer

from jisr_protocol.reader.answers import Unreachable
from jisr_protocol.refusal import Refusal

from . import hub_keys

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A Jisr hub: one country's directory of many voices.",
)
peer_app = typer.Typer(no_args_is_help=True, help="The hubs this hub follows.")
app.add_typer(peer_app, name="peer")
bundle_app = typer.Typer(no_args_is_help=True, help="Feeds that are carried by hand or by mail.")
app.add_typer(bundle_app, name="bundle")
pull_app = typer.Typer(no_args_is_help=True, help="The feeds this hub fetches for nodes that have no server.")
app.add_typer(pull_app, name="pull")
app.add_typer(hub_keys.commands, name="keys")
witness_app = typer.Typer(no_args_is_help=True, help="Hubs that cosign this hub's heads, and the key it cosigns with.")
app.add_typer(witness_app, name="witness")

Folder = Annotated[Path, typer.Option("--dir", help="The hub's folder.", envvar="JISR_HUB_DIR")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
HERE = Path(".")
UNREACHABLE = 30
USAGE = 64


def main() -> None:
    """Run the command; a refusal becomes a sentence and an exit status, never a traceback."""
    try:
        status = app(standalone_mode=False)  # what a command raised with typer.Exit comes back as a number
        sys.exit(status if isinstance(status, int) else 0)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:  # the last line of defence between a person and a traceback
        if hasattr(error, "format_message"):
            _fail(error.format_message(), USAGE)
        if isinstance(error, Refusal | OSError | ValueError | RuntimeError) or type(error).__module__.startswith(
            "jisr"
        ):
            _fail(str(error), UNREACHABLE if isinstance(error, Unreachable) else 1)
        if (reason := getattr(error, "orig", None)) is not None:
            _fail(f"The hub's database cannot be used: {reason}. Nothing was changed. Look with: jisr-hub check", 1)
        raise


def _fail(sentence: str, status: int) -> NoReturn:
    print(f"FAIL  {sentence}", file=sys.stderr)
    sys.exit(status)


def _say(value: dict[str, Any], as_json: bool, sentence: str) -> None:
    if as_json:
        sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    else:
        print(sentence)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder for the hub.")],
    name: Annotated[str, typer.Option(help="What people call this hub.")],
    country: Annotated[str, typer.Option(help="Two letters, such as MA.")],
    lang: Annotated[str, typer.Option(help="The language of its operator.")] = "en",
    address: Annotated[str, typer.Option(help="Where readers will find it.")] = "http://127.0.0.1:8470",
    allow_private: Annotated[
        bool, typer.Option(help="Connect to private addresses too: for a try on one machine.")
    ] = False,
    database: Annotated[
        str, typer.Option(help="postgresql://user:password@host/name, an empty database; without it a file here.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a new hub: its identity, its keys, its database."""
    from . import setting_up

    made = _run(
        setting_up.create(
            folder,
            name=name,
            country=country,
            lang=lang,
            address=address,
            allow_private=allow_private,
            random_bytes=secrets.token_bytes,
            database=database,
        )
    )
    value = {"id": made.id, "folder": str(folder), "recovery_sheet": str(made.recovery_sheet)}
    sentence = (
        f"The hub {name} is {made.id}.\n"
        f"Its recovery key is in {made.recovery_sheet}: print it, keep it elsewhere, delete the file. "
        "Without it a lost or stolen key cannot be replaced.\n"
        f"Next: jisr-hub serve --dir {folder}"
    )
    _say(value, as_json, sentence)


@app.command()
def admit(
    source: Annotated[str, typer.Argument(help="A node's address, its exported folder, or its keys.json.")],
    name: Annotated[str, typer.Option(help="What you call this node.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the fingerprint with the partner.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Admit a partner's node: from now on its pushes are taken."""
    from . import setting_up

    candidate = _run(setting_up.candidate(folder, source))
    shown = name or candidate.name or candidate.id
    if not yes:
        if not sys.stdin.isatty():
            _fail(
                f"Nothing was changed. Compare this fingerprint with the partner and add --yes: {candidate.id}", USAGE
            )
        print(f"{shown} says its identifier is\n\n    {candidate.fingerprint}\n", file=sys.stderr)
        typer.confirm("Does the partner read out the same?", abort=True, err=True)
    _run(setting_up.admit(folder, candidate, shown))
    value = {"node": candidate.id, "name": shown, "fingerprint": candidate.fingerprint}
    _say(value, as_json, f"{shown} is admitted: {candidate.fingerprint}")


@app.command()
def quota(
    node: Annotated[str, typer.Argument(help="The node's identifier.")],
    per_hour: Annotated[int, typer.Option(min=1, help="Entries an hour.")],
    per_day: Annotated[int, typer.Option(min=1, help="Entries a day.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Change how much a node may send, for example for a first import."""
    from . import setting_up

    member = _run(setting_up.set_quota(folder, node, per_hour, per_day))
    value = {"node": node, "per_hour": per_hour, "per_day": per_day}
    _say(value, as_json, f"{member.name or node} may send {per_hour} entries an hour and {per_day} a day.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8470,
    folder: Folder = HERE,
) -> None:
    """Serve the hub until it is stopped."""
    import structlog
    import uvicorn

    from .. import __version__, config, events
    from ..app import application, sole
    from ..storage.lock import AlreadyRunning
    from ..web.http import Http
    from ..web.server import Server
    from .setting_up import check_opens

    events.set_up(level=os.environ.get("JISR_HUB_LOG", "info"))
    config.read(folder)
    fenced = _run(check_opens(folder))
    try:
        with sole(folder):
            pass
    except AlreadyRunning as error:
        _fail(str(error), 1)

    def ready(at: str) -> None:
        if fenced:
            print(f"WARN  {fenced}", file=sys.stderr)
        print(f"The hub in {folder} listens on {at} (stop it with Ctrl-C).", file=sys.stderr, flush=True)
        structlog.get_logger().info("hub.started", address=at, version=__version__)

    settings = uvicorn.Config(
        application(folder),
        host=host,
        port=port,
        http=Http,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    server = Server(settings, ready)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    except SystemExit:
        _fail(f"The hub cannot listen on {host}:{port}; the reason stands above. Choose another --port.", 1)
    if not server.started:
        raise typer.Exit(1)


@peer_app.command("add")
def peer_add(
    address: Annotated[str, typer.Argument(help="The other hub's address.")],
    expect: Annotated[str, typer.Option(help="The identifier its operator told you.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the fingerprint with its operator.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Follow another hub's public feed."""
    from . import setting_up

    found = _run(setting_up.find_peer(folder, address))
    if expect and expect != found.hub:
        _fail(f"Nothing was changed: expected the hub {expect}, {address} says it is {found.hub}.", 1)
    if not yes and not expect:
        if not sys.stdin.isatty():
            _fail(
                f"Nothing was changed. Add --expect with the identifier its operator told you, or --yes: {found.hub}",
                USAGE,
            )
        typer.confirm(
            f"{found.name} says it is\n\n    {found.hub}\n\nDoes its operator say the same?", abort=True, err=True
        )
    _run(setting_up.add_peer(folder, found))
    value = {"hub": found.hub, "name": found.name, "feed": found.feed}
    _say(value, as_json, f"{found.name} ({found.hub}) is followed from now on.")


@witness_app.command("add")
def witness_add(
    address: Annotated[str, typer.Argument(help="The other hub's address.")],
    expect: Annotated[str, typer.Option(help="The witness key its operator told you.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the key with its operator.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask another hub to cosign each new head of this one. It must follow this hub."""
    from . import witnesses

    found = _run(witnesses.find(folder, address))
    key = str(found.key)
    if expect and expect != key:
        _fail(f"Nothing was changed: expected the key {expect}, {address} says it is {key}.", 1)
    if not yes and not expect:
        if not sys.stdin.isatty():
            _fail(f"Nothing was changed. Add --expect with the key its operator told you, or --yes: {key}", USAGE)
        typer.confirm(f"It cosigns with\n\n    {key}\n\nDoes its operator say the same?", abort=True, err=True)
    witnesses.add(folder, found)
    _say({"address": found.address, "key": key}, as_json, f"{found.key.name} is asked from the next head on.")


@witness_app.command("list")
def witness_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say which witnesses are asked, and the key of this hub as a witness."""
    from .. import config
    from . import witnesses

    own, asked = witnesses.own_key(folder), config.witnesses(folder)
    value = {"own": own, "witnesses": [{"address": one.address, "key": str(one.key)} for one in asked]}
    lines = [f"this hub cosigns with {own}", *(f"asked: {one.address} {one.key}" for one in asked)]
    _say(value, as_json, "\n".join(lines))


@witness_app.command("remove")
def witness_remove(
    address: Annotated[str, typer.Argument(help="Its address as listed, or its name.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask a witness no more."""
    from . import witnesses

    if not witnesses.remove(folder, address):
        _fail(f"Nothing was changed: {address} is no witness of this hub. See: jisr-hub witness list", 1)
    _say({"removed": address}, as_json, f"{address} is asked no more.")


@pull_app.command("add")
def pull_add(
    node: Annotated[str, typer.Argument(help="The identifier of an admitted node.")],
    address: Annotated[str, typer.Argument(help="Where its exported folder is served, or a folder on this machine.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Fetch a node's feed from now on: for nodes that export to plain web space and cannot push."""
    from . import pulling

    pull = _run(pulling.add(folder, node, address))
    value = {"node": pull.node, "address": pull.address}
    _say(value, as_json, f"The feed of {pull.node} is fetched from {pull.address}. At once: jisr-hub pull now")


@pull_app.command("list")
def pull_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say which feeds are fetched, and how the last round with each ended."""
    from . import pulling

    registered = _run(pulling.pulls(folder))
    _say({"pulls": registered}, as_json, "\n".join(pulling.lines(registered)) or "No feed is fetched here.")


@pull_app.command("remove")
def pull_remove(
    node: Annotated[str, typer.Argument(help="The node's identifier.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Fetch a node's feed no more. What was taken in stays, and the node may push."""
    from . import pulling

    pull = _run(pulling.remove(folder, node))
    _say({"node": pull.node, "address": pull.address}, as_json, f"The feed of {node} is fetched no more.")


@pull_app.command("now")
def pull_now(
    node: Annotated[str, typer.Argument(help="The node's identifier; without it all of them.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Fetch at once, also while the hub serves."""
    from . import pulling

    done = _run(pulling.fetch_now(folder, node))
    _say({"pulls": done}, as_json, "\n".join(pulling.words(one) for one in done))
    outcomes = {one["outcome"] for one in done}
    if outcomes - {"verified", "waiting", "throttled"}:
        raise typer.Exit(UNREACHABLE if outcomes <= {"verified", "unreachable"} else 1)


@bundle_app.command("import")
def bundle_import(
    files: Annotated[list[Path], typer.Argument(help="Parts of bundles of admitted nodes, in any order.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take in what a node sent by hand or by mail, checked like a push; also while the hub serves."""
    from . import carrying

    done = _run(carrying.bring(folder, files))
    _say({"files": done}, as_json, "\n".join(carrying.words(one) for one in done))
    if {one["outcome"] for one in done} - {"verified", "waiting", "incomplete"}:
        raise typer.Exit(1)


@bundle_app.command("export")
def bundle_export(
    out: Annotated[Path, typer.Option(help="The bundle to write, such as hub.zip.")],
    since: Annotated[str, typer.Option(help="EPOCH:SIZE, the code that an import printed.")] = "",
    split: Annotated[str, typer.Option(help="Write parts of at most this size, such as 10MB.")] = "",
    receipt: Annotated[str, typer.Option(help="Put this node's receipt into it.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write this hub's public feed into a zip file, for whoever has no line."""
    from jisr_protocol.reader import bundle_cli

    from . import carrying

    made = _run(carrying.export(folder, out, since, split, receipt))
    _say(bundle_cli.made_facts(made), as_json, bundle_cli.made_words(made))


@app.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say how the hub, its nodes and its peers are."""
    from . import inspection

    value = _run(inspection.status(folder))
    _say(value, as_json, inspection.status_words(value))


@app.command()
def check(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Read everything the hub holds again and prove it: entries, leaves, roots, signatures, pages."""
    from . import checking

    value = _run(checking.check(folder, _progress))
    faults = value["faults"]
    sentence = "\n".join(faults) if faults else f"{value['entries']} entries, {value['live']} live: all of it fits."
    _say(value, as_json, sentence)
    print(f"FAIL  {len(faults)} faults" if faults else "OK", file=sys.stderr)
    if faults:
        raise typer.Exit(1)


@app.command("doctor")
def look_around(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Look at all that a hub depends on, and say what needs doing: keys, disk, clock, peers, backups."""
    from . import doctor

    found = _run(doctor.doctor(folder))
    _say(doctor.facts(found), as_json, doctor.words(found))
    if not doctor.facts(found)["well"]:
        raise typer.Exit(1)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A new file, such as /media/stick/hub-2026-03-01.tar.")],
    with_key: Annotated[bool, typer.Option("--with-key", help="Put the signing key into it too.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the hub into one file, also while it serves: ledger, settings, key statements."""
    from . import keeping

    value = _run(keeping.backup(folder, file, with_key=with_key))
    _say(value, as_json, keeping.backup_words(value))


@app.command()
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
    from . import putting_back

    if look:
        value = _run(putting_back.look(file, folder, database))
        _say(value, as_json, putting_back.look_words(value))
        if value["faults"]:
            raise typer.Exit(1)
        return
    value = _run(putting_back.restore(folder, file, database=database, yes=yes))
    _say(value, as_json, putting_back.restore_words(value, folder))


@app.command()
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
    from . import erasing

    if bool(record) == everything:
        _fail("Nothing was erased. Name the record's id, or --all for every record of the node.", USAGE)
    wanted = _run(erasing.wanted(folder, node, record or None, max_rev, basis, jurisdiction))
    if not yes:
        if not sys.stdin.isatty():
            _fail(f"Nothing was erased. {wanted.sentence} Add --yes if this is meant.", USAGE)
        print(wanted.sentence, file=sys.stderr)
        typer.confirm("Erase it?", abort=True, err=True)
    value = _run(erasing.erase(folder, wanted))
    _say(value, as_json, erasing.erased_words(value))


@app.command()
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
    from ..rebase import NothingToDo
    from . import rebasing

    seen = rebasing.seen(at_least, base)
    try:
        found = _run(rebasing.explain(folder, seen))
    except NothingToDo as nothing:
        _say({"nothing_to_do": str(nothing)}, as_json, str(nothing))
        return
    if look:
        _say(found, as_json, rebasing.words(found))
        return
    if not yes:
        print(rebasing.words(found), file=sys.stderr)
        if not sys.stdin.isatty():
            _fail("Nothing was changed. Add --yes to do this.", USAGE)
        typer.confirm("Do this now?", abort=True, err=True)
    done = _run(rebasing.carry_out(folder, seen))
    _say(done, as_json, rebasing.done_words(done))


@app.command()
def rebuild(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Delete what can be computed (records, pages, head) and compute it again from the log."""
    from . import inspection

    value = _run(inspection.rebuild(folder))
    _say(value, as_json, f"Rebuilt from {value['entries']} entries; {value['live']} records are live.")


@app.command()
def rejudge(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Judge quarantined entries again, after a schema or a policy changed."""
    from . import inspection

    value = _run(inspection.rejudge(folder))
    _say(value, as_json, f"{value['admitted']} of {value['judged']} quarantined entries are admitted now.")


from . import notice_commands  # noqa: E402, F401 - it adds its commands


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} entries", end="" if done < total else "\n", file=sys.stderr, flush=True)


from . import deciding, speaking  # noqa: E402 - their commands use what stands above

app.add_typer(deciding.policy_app, name="policy")
app.add_typer(deciding.view_app, name="view")
app.add_typer(deciding.reader_app, name="reader")
peer_app.command("policy")(deciding.peer_policy)
peer_app.command("release")(deciding.peer_release)
app.add_typer(speaking.anchor_app, name="anchor")
app.add_typer(speaking.requests_app, name="requests")
