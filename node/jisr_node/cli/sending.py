"""Sending: jisr-node publish · push · sync · export · serve."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..app import Node
from ..errors import Mistaken
from .shell import HERE, Exit, Folder, HubAddress, Json, count, error_value, exit_of, print_json, say

if TYPE_CHECKING:
    from ..adapters.folder import Written
    from ..outbox import Published
    from ..talking import Sent


def publish(
    only: Annotated[str | None, typer.Option(metavar="RECORD", help="This record alone, with its draft.")] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FOLDER|s3://…", help="Also write the public feed there, for a static host.")
    ] = None,
    endpoint: Annotated[
        str, typer.Option(envvar="JISR_NODE_S3_ENDPOINT", help="The store's address, if it is not Amazon's.")
    ] = "",
    region: Annotated[str, typer.Option(envvar="JISR_NODE_S3_REGION", help="The store's region.")] = "",
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Sign what was added, edited, ended or deleted into your feeds; with --to show them without any server."""
    if to is not None and "://" in to and not to.startswith("s3://"):
        raise Mistaken(f"{to} is neither a folder nor a bucket such as s3://bucket/prefix. Nothing was changed.")
    with Node.open(folder) as node:
        done = node.publish_draft(only) if only else node.publish()
        written = _write_to(node, to, endpoint, region) if to is not None else None
    value: dict[str, Any] = {"entries": done.entries, "local": done.local, "heads": done.heads}
    words = published_words(done)
    if written is not None:
        value |= {"to": to, "written": written.written, "unchanged": written.unchanged}
        words += f"\n{_written_words(written, str(to))}"
    say(value, words, as_json=as_json)


def _write_to(node: Node, to: str, endpoint: str, region: str) -> Written:
    """Bring a folder or a bucket up to the public feed."""
    if not to.startswith("s3://"):
        return node.export(Path(to))
    from ..adapters.bucket import Bucket

    return node.export_to_bucket(Bucket(to, endpoint=endpoint, region=region))


def _written_words(written: Written, to: str) -> str:
    text = f"{count(written.written, 'file')} written to {to}, {written.unchanged} were as they should be."
    return f"{text} Only public records are in it."


def push(hub: HubAddress = None, folder: Folder = HERE, as_json: Json = False) -> None:
    """Bring what is published to your hub. Repeating it is harmless."""
    with Node.open(folder) as node:
        sent = asyncio.run(node.attempt(hub))
    finish_push(sent, {}, as_json)


def sync(hub: HubAddress = None, folder: Folder = HERE, as_json: Json = False) -> None:
    """Publish and push."""
    with Node.open(folder) as node:
        done, sent = asyncio.run(node.sync(hub))
    if not as_json:
        typer.echo(published_words(done))
    finish_push(sent, {"entries": done.entries, "local": done.local, "heads": done.heads}, as_json)


def export(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Write everything public as plain files, for any web space or a stick."""
    with Node.open(folder) as node:
        written = node.export(target)
    value = {"dir": str(target.resolve()), "written": written.written, "unchanged": written.unchanged}
    say(value, _written_words(written, str(target)), as_json=as_json)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8460,
    every: Annotated[float, typer.Option(min=1, help="Seconds between visits to the hub, more or less.")] = 300.0,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Serve the public feed over HTTP and bring news to the hub in the background, until Ctrl-C."""
    from ..web.server import serve_forever

    def ready(address: str) -> None:
        say({"address": address}, f"The public feed is at {address} (Ctrl-C to stop)", as_json=as_json)
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


def published_words(done: Published) -> str:
    """What a publish did, in a sentence."""
    if not done.count and not done.local:
        return "Your feeds were signed anew; no record changed." if done.heads else "Nothing new to publish."
    parts = [f"{count(number, 'entry', 'entries')} in {name}" for name, number in done.entries.items()]
    if done.local:
        parts.append(f"{count(done.local, 'record')} kept local, which never leave this computer")
    return f"Signed: {', '.join(parts)}."


def finish_push(sent: Sent, done_before: dict[str, Any], as_json: bool) -> None:
    """Say what a push came to, after what was `done_before`; exit status 1 or 30 when not all of it went well."""
    if as_json:
        print_json({**done_before, **_push_facts(sent)})
    else:
        for d in sent.delivered:
            kept = f", {count(len(d.quarantined), 'record')} kept back: see jisr-node status" if d.quarantined else ""
            typer.echo(f"{d.feed}: the hub holds {d.next} of {count(d.size, 'entry', 'entries')}{kept}.")
            if d.waiting:
                typer.echo(f"{d.feed}: it still checks {d.waiting} of them; jisr-node status tells when it has.")
        for feed, error in sent.errors:
            typer.echo(f"{feed}: {error}", err=True)
    codes = [exit_of(error) for _, error in sent.errors]
    if any(d.quarantined for d in sent.delivered):
        codes.append(Exit.REFUSED)
    if codes:
        raise typer.Exit(min(codes))


def _push_facts(sent: Sent) -> dict[str, Any]:
    feeds = [
        {
            "feed": d.feed,
            "entries": d.size,
            "received": d.next,
            "pushes": d.pushes,
            "admitted": d.admitted,
            "duplicates": d.duplicates,
            "waiting": d.waiting,
            "quarantined": [
                {"seq": q.seq, "code": q.code, "pointer": q.pointer, "detail": q.detail} for q in d.quarantined
            ],
        }
        for d in sent.delivered
    ]
    return {"hub": sent.hub, "feeds": feeds, "errors": [{"feed": feed, **error_value(e)} for feed, e in sent.errors]}
