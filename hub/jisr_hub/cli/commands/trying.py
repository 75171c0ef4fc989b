"""The command that runs a hub to try things on: sandbox."""

from __future__ import annotations

import secrets
import sys
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from ..shell import fail, run

commands = typer.Typer()
VECTORS = Path(__file__).resolve().parents[4] / "protocol" / "vectors"
"""In a checkout; whoever installed the hub alone names a folder."""


@commands.command()
def sandbox(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8480,
    reset_minutes: Annotated[
        float, typer.Option(min=0.01, help="After so long all is thrown away and made anew.")
    ] = 60.0,
    vectors: Annotated[Path, typer.Option(help="The folder protocol/vectors, for feeds that misbehave.")] = VECTORS,
) -> None:
    """Serve a hub with example records that resets itself, and feeds that misbehave, until it is stopped."""
    if not (vectors / "feeds").is_dir():
        fail(f"There are no vectors in {vectors}. Name protocol/vectors of a checkout with --vectors.", 64)
    while _one_life(host, port, reset_minutes * 60, vectors):
        pass


def _one_life(host: str, port: int, seconds: float, vectors: Path) -> bool:
    """Serve one sandbox until its time is over; False when it was stopped before."""
    import uvicorn

    from ... import events
    from ...app.serving import application
    from ...web import sandbox as misbehaving
    from ...web.http import Http
    from ...web.server import Server
    from ..sandboxing import begin

    events.set_up(level="critical")  # a life ends while something is still being written
    with tempfile.TemporaryDirectory(prefix="jisr-sandbox-", ignore_cleanup_errors=True) as place:
        made = run(begin(Path(place), f"http://{host}:{port}", secrets.token_bytes))
        app = application(Path(place))
        app.router.routes[:0] = misbehaving.routes(vectors)

        def ready(at: str) -> None:
            told = (
                f"{made.records} example records at {at}/feeds/public/, feeds that misbehave at {at}{misbehaving.PATH}"
            )
            timer.start()
            print(f"A sandbox listens on {at}: {told}; anew in {seconds / 60:g} minutes.", file=sys.stderr, flush=True)

        options: dict[str, Any] = {
            "http": Http,
            "ws": "none",
            "log_config": None,
            "access_log": False,
            "server_header": False,
        }
        server = Server(uvicorn.Config(app, host=host, port=port, timeout_graceful_shutdown=1, **options), ready)
        over = threading.Event()

        def end() -> None:
            over.set()
            server.should_exit = True

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        try:
            server.run()
        except KeyboardInterrupt:
            return False
        except SystemExit:
            fail(f"The sandbox cannot listen on {host}:{port}; choose another --port.", 1)
        finally:
            timer.cancel()
        return over.is_set()
