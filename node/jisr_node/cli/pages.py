"""The node's pages: jisr-node, which is jisr-node start · host."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit

import typer

from ..app.beginning import DATABASE
from ..errors import Declined
from .shell import Json, say

HOME = "Jisr"
"""The folder of a node in a person's own folder, where none is named."""

FolderOption = Annotated[
    Path | None,
    typer.Option("--dir", envvar="JISR_NODE_DIR", help="The node's folder.", show_default="this folder, or ~/Jisr"),
]
PortOption = Annotated[int | None, typer.Option(min=0, max=65535, help="0 for any free one.", show_default="8461")]
PrivateOption = Annotated[
    bool, typer.Option("--allow-private", envvar="JISR_ALLOW_PRIVATE", help="Hubs may be on private addresses.")
]


def start(
    invitation: Annotated[str, typer.Argument(metavar="[LINK]", help="The invitation you got.")] = "",
    folder: FolderOption = None,
    port: PortOption = None,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    allow_private: PrivateOption = False,
    as_json: Json = False,
) -> None:
    """Open the pages of your node in the browser; the first time, make it there. The same as jisr-node alone."""
    from ..adapters.sqlite import only_one
    from ..app.lobby import Lobby
    from ..web.office import pages, serving

    place = (folder or usual_folder()).resolve()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    lobby = Lobby(place, allow_private=allow_private)

    def shown(address: str) -> None:
        link = f"{address}/open/{lobby.link()}"
        if invitation:
            link += "?invitation=" + quote(invitation, safe="")
        say({"address": address, "link": link}, f"Your node is open at {link}", as_json=as_json)
        if not as_json:
            typer.echo("This link opens once. Ctrl-C stops the pages; nothing is lost by it.", err=True)
        sys.stdout.flush()
        if browser and not as_json:
            open_browser(link)

    try:
        with only_one(place / "pages.lock"):
            listener = serving.bound("127.0.0.1", serving.PORT if port is None else port)
            address = serving.address_of(listener)
            serving.note_address(place, address)
            parts = urlsplit(address)
            hosts = [parts.netloc, f"localhost:{parts.port}"]
            app = pages(lobby, hosts=hosts, cookie=f"jisr_node_{parts.port}")
            serving.serve(app, lobby, listener, lambda: shown(address))
    except Declined:
        # the pages are served already, so one more link is all that is needed
        if (running := serving.noted_address(place)) is None:
            raise
        shown(running)


def usual_folder() -> Path:
    """This folder where it is a node, else the one in the person's own."""
    return Path() if Path(DATABASE).is_file() else Path.home() / HOME


def open_browser(link: str) -> None:
    """Open a page where there is a screen: a browser on a bare terminal would only be in the way."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    import webbrowser

    webbrowser.open(link)
