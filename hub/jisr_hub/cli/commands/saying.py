"""The commands about what is said of records: say, undo, curation, merged. What they do stands in ../curating.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..shell import HERE, AsJson, Folder, run
from ..shell import say as tell

commands = typer.Typer()
say_app = typer.Typer(
    no_args_is_help=True, help="What this hub says of records, signed and published; undo takes back."
)
curation_app = typer.Typer(no_args_is_help=True, help="Whose word about records counts here.")

Record = Annotated[str, typer.Argument(help="A record: its address, or <node>/<id>.")]
Records = Annotated[list[str], typer.Argument(help="Records: their addresses, or <node>/<id>.")]
Reason = Annotated[str, typer.Option(help="Why, for everybody to read.")]
WhyPublic = Annotated[str, typer.Option("--reason", help="Why, for everybody to read.")]
Signer = Annotated[str, typer.Argument(help="The identifier of a peer, or of another signer.")]


@say_app.command("same")
def same(records: Records, reason: Reason = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """These records are one organization, service or place."""
    _say(folder, as_json, "same_as", records, reason)


@say_app.command("not-same")
def not_same(records: Records, reason: Reason = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """No two of these records are the same."""
    _say(folder, as_json, "not_same_as", records, reason)


@say_app.command("suppress")
def suppress(record: Record, reason: WhyPublic, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Do not show this record in the merged directory."""
    _say(folder, as_json, "suppressed", [record], reason)


@say_app.command("dispute")
def dispute(record: Record, reason: WhyPublic, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show this record with a doubt beside it."""
    _say(folder, as_json, "disputed", [record], reason)


@say_app.command("assured")
def assured(
    record: Record,
    method: Annotated[str, typer.Option(help="How it was checked: visit, call, mail, document, register …")],
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """This record was checked against reality today."""
    _say(folder, as_json, "assured", [record], reason, method=method)


@say_app.command("correct")
def correct(
    record: Record,
    pointer: Annotated[str, typer.Argument(help="The member that is wrong, as a JSON pointer: /name/fr/value")],
    value: Annotated[str, typer.Argument(help="What should stand there: JSON, or plain words.")],
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show another value than the author's, as a correction."""
    from .. import curating

    said = run(curating.correct(folder, record, pointer, value, reason))
    tell(said, as_json, curating.said_words(said))


@say_app.command("term")
def term(
    own: Annotated[str, typer.Argument(help="A term of a node's own: scheme/code")],
    core: Annotated[str, typer.Argument(help="The term of a core scheme that it stands for: scheme/code")],
    match: Annotated[str, typer.Option(help="exact or close")] = "exact",
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """A term of a node's own stands for one of a core scheme."""
    from .. import curating

    said = run(curating.term(folder, own, core, match, reason))
    tell(said, as_json, curating.said_words(said))


@commands.command()
def undo(
    assertion: Annotated[str, typer.Argument(help="The id of what was said, or its beginning.")],
    reason: Reason = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take back what this hub said; what another hub said does not count here any more."""
    from .. import curating

    value = run(curating.undo(folder, assertion, reason))
    tell(value, as_json, curating.said_words(value))


@commands.command()
def merged(
    entry: Annotated[str, typer.Argument(help="An address, or <node>/<id>; without it the entries are listed.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """One directory out of all records and what was said of them: an entry with the source of each of its fields."""
    from .. import curating

    value = run(curating.merged(folder, entry))
    tell(value, as_json, curating.merged_words(value))


@curation_app.command("accept")
def accept(signer: Signer, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """What this hub or partner says of records counts here, after this hub's own word."""
    _decide(folder, signer, "accept", as_json)


@curation_app.command("ignore")
def ignore(signer: Signer, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """What this hub or partner says of records does not count here."""
    _decide(folder, signer, "ignore", as_json)


@curation_app.command("list")
def listed(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Every word that stands, and whose word is accepted."""
    from .. import curating

    value = run(curating.listed(folder))
    tell(value, as_json, curating.listed_words(value))


def _say(folder: Any, as_json: bool, predicate: str, records: list[str], reason: str, **members: Any) -> None:
    from .. import curating

    value = run(curating.say(folder, predicate, records, reason, **members))
    tell(value, as_json, curating.said_words(value))


def _decide(folder: Any, signer: str, decision: str, as_json: bool) -> None:
    from .. import curating

    value = run(curating.decide(folder, signer, decision))
    tell(value, as_json, curating.decided_words(value))
