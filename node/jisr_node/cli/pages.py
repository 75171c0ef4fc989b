"""The node's pages: jisr-node, which is jisr-node start · host."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote, urlsplit

import typer

from ..app.beginning import DATABASE
from ..errors import Declined
from .shell import Json, say

HOME = "Jisr"
"""The folder of a node in a person's own folder, where none is named."""
PORT = 8461

if TYPE_CHECKING:
    from ..app.lobby import Lobby

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
            listening = serving.bound("127.0.0.1", PORT if port is None else port)
            address = listening.address
            serving.note_address(place, address)
            parts = urlsplit(address)
            hosts = [parts.netloc, f"localhost:{parts.port}"]
            app = pages(lobby, hosts=hosts, cookie=f"jisr_node_{parts.port}")
            serving.serve(app, lobby, listening, lambda: shown(address))
    except Declined:
        # the pages are served already, so one more link is all that is needed
        if (running := serving.noted_address(place)) is None:
            raise
        shown(running)


def host(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder whose folders are nodes.")],
    add: Annotated[str, typer.Option(metavar="NAME", help="Make room for a node and print a link to it.")] = "",
    link: Annotated[str, typer.Option(metavar="NAME", help="Print a new link to a node.")] = "",
    shut: Annotated[str, typer.Option(metavar="NAME", help="End every link and session of a node.")] = "",
    list_: Annotated[bool, typer.Option("--list", help="List the nodes.")] = False,
    address: Annotated[str, typer.Option(help="Where people find the pages, such as https://nodes.example.")] = "",
    listen: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: PortOption = None,
    allow_private: PrivateOption = False,
    as_json: Json = False,
) -> None:
    """Keep the nodes of several organisations in one process, each behind a door of its own."""
    from ..app.lobby import Lobby

    lobby = Lobby(folder.resolve(), several=True, allow_private=allow_private)
    shown = (address or f"http://{listen}:{PORT if port is None else port}").rstrip("/")
    if name := add or link:
        if add:
            lobby.add(name)
        whole = f"{shown}/open/{lobby.link(name)}"
        sentence = f"Send this to {name} by a way you trust; it opens once, within a week:\n{whole}"
        say({"node": name, "link": whole}, sentence, as_json=as_json)
    elif shut:
        lobby.shut(shut)
        say({"node": shut, "shut": True}, f"No link and no session opens {shut} any more.", as_json=as_json)
    elif list_:
        names = lobby.names()
        say({"nodes": names}, "\n".join(names) or "There is no node here yet.", as_json=as_json)
    else:
        _serve_several(lobby, address.rstrip("/"), listen, PORT if port is None else port, as_json=as_json)


def _serve_several(lobby: Lobby, address: str, listen: str, port: int, *, as_json: bool) -> None:
    """Serve until Ctrl-C. Raises Declined when another process serves this folder or has the port."""
    from ..adapters.sqlite import only_one
    from ..web.office import pages, serving

    lobby.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(lobby.folder / "pages.lock"):
        listening = serving.bound(listen, port, another=False)
        where = address or listening.address
        app = pages(lobby, hosts=[urlsplit(where).netloc], secure=where.startswith("https://"))

        def ready() -> None:
            say({"address": where}, f"The pages of {len(lobby.names())} nodes are at {where}", as_json=as_json)
            sys.stdout.flush()

        serving.serve(app, lobby, listening, ready)


def usual_folder() -> Path:
    """This folder where it is a node, else the one in the person's own."""
    return Path() if Path(DATABASE).is_file() else Path.home() / HOME


def open_browser(link: str) -> None:
    """Open a page where there is a screen: a browser on a bare terminal would only be in the way."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    import webbrowser

    webbrowser.open(link)
