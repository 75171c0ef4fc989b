"""The commands that begin a hub and keep it running: init, serve."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..shell import HERE, AsJson, Folder, fail, run, say

commands = typer.Typer()


@commands.command()
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
    from .. import setting_up

    made = run(
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
    say(value, as_json, sentence)


@commands.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8470,
    folder: Folder = HERE,
) -> None:
    """Serve the hub until it is stopped."""
    import structlog
    import uvicorn

    from ... import __version__, config, events
    from ...app.folder import sole
    from ...app.serving import application
    from ...storage.lock import AlreadyRunning
    from ...web.http import Http
    from ...web.server import Server
    from ..setting_up import check_opens
    from ..upgrading import note_served

    events.set_up(level=os.environ.get("JISR_HUB_LOG", "info"))
    config.read(folder)
    fenced = run(check_opens(folder))
    try:
        with sole(folder):
            pass
    except AlreadyRunning as error:
        fail(str(error), 1)

    def ready(at: str) -> None:
        if fenced:
            print(f"WARN  {fenced}", file=sys.stderr)
        note_served(folder)
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
        fail(f"The hub cannot listen on {host}:{port}; the reason stands above. Choose another --port.", 1)
    if not server.started:
        raise typer.Exit(1)
