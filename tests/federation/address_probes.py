"""Every way out of Jisr, told to go where nobody may send it: reader, hub and node, with a listener behind the wall.

A probe counts as refused when the program said why, nothing was dialled, and the listener on every loopback address of
this machine heard nothing.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpcore2

from jisr_hub.cli import setting_up
from jisr_hub.ports import Peer
from jisr_node.app import Node
from jisr_protocol.reader.answers import Forbidden
from jisr_protocol.reader.follow import follow

HOSTS = (
    *("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "100.64.0.1", "192.0.0.8", "0x7f.1"),
    *("2130706433", "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "224.0.0.1"),
)


@dataclass
class Wall:
    """What was tried to be dialled, and what arrived at the listener."""

    port: int
    heard: list[bytes]
    dialled: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def wall() -> AsyncIterator[Wall]:
    """Listen on this machine, and note every dial instead of making it to anywhere else."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(100))
        writer.close()

    servers = [await asyncio.start_server(hear, "127.0.0.1", 0)]
    port = servers[0].sockets[0].getsockname()[1]
    with contextlib.suppress(OSError):  # a machine without IPv6 has one way less
        servers.append(await asyncio.start_server(hear, "::1", port))
    behind = Wall(port, heard)

    async def dial(_: object, host: str, port: int, *__: object, **___: object) -> httpcore2.AsyncNetworkStream:
        behind.dialled.append(f"{host} {port}")
        raise httpcore2.ConnectError("nobody is dialled in a test")

    with mock.patch.object(httpcore2.AnyIOBackend, "connect_tcp", dial):
        yield behind
    for server in servers:
        server.close()


def ways_out(hub: Path, node: Node, folder: Path) -> dict[str, Callable[[str], Awaitable[Any]]]:
    """Each program's way to an address that somebody else named; each raises, or returns a sentence."""

    async def followed(address: str) -> str:
        return (await follow(f"{address}/feeds/public", folder / "copy.jisr")).sentence

    async def peered(address: str) -> str:
        running = await _open(hub)
        peer = Peer("jisr:" + "a" * 52, "a peer", f"{address}/feeds/public", 0, "")
        try:
            await running.ledger.keep_peer(peer)
            await running.followers.once(peer)
            return next(p.last_detail for p in await running.ledger.peers() if p.hub == peer.hub)
        finally:
            await running.close()

    return {
        "reader follow": followed,
        "hub peer add": lambda address: setting_up.find_peer(hub, address),
        "hub admit": lambda address: setting_up.candidate(hub, address),
        "hub follows": peered,
        "node push": lambda address: node.push(address),
    }


async def _open(hub: Path) -> Any:
    from jisr_hub.app.opening import open_hub

    return await open_hub(hub)


async def said(way: Callable[[str], Awaitable[Any]], address: str) -> str:
    """What a program says of an address it was told; "" when it found nothing wrong."""
    try:
        return str(await way(address))
    # what it says is asked, in whatever words
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def probes(port: int) -> Iterator[tuple[str, str]]:
    """(name, address) of every probe that a name or number can make."""
    for host in HOSTS:
        yield host, f"http://{host}:{port}"


def is_refusal(sentence: str) -> bool:
    """Whether these are the words of the guard."""
    return Forbidden.__name__ in sentence or "special address" in sentence
