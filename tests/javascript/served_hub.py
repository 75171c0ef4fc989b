"""An application, or a hub, in this process, served on a port of this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from jisr_hub.app.serving import application
from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Serve an application; gives its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 120
    while not server.started:
        assert thread.is_alive() and time.monotonic() < until, "the server did not start"
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive(), "the server did not stop"


@contextmanager
def served_hub(folder: Path, author: Author) -> Iterator[str]:
    """Serve a hub that holds all an author has; gives its address."""
    with ThreadPoolExecutor(1) as aside:  # a browser that is driven from here keeps an event loop in this thread
        hub = aside.submit(lambda: KeptHub(folder).fill(author)).result()
    with served(application(hub.folder)) as address:
        yield address
