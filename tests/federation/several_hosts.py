"""A federation on hosts of its own: hubs as processes that reach each other over the network, and nothing else."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable
from datetime import timedelta

import orjson

from jisr_hub import log as hub_log
from jisr_hub.app.opening import open_hub
from jisr_hub.cli import setting_up
from jisr_hub.ports import Change, Held, Peer, Remembered
from jisr_protocol import entry as entries
from jisr_protocol import envelope, paths
from jisr_protocol import head as heads
from jisr_protocol.head import Head

from .hosts import Network

PORT = 8470
WAIT_SECONDS = 90
QUICK = {"JISR_HUB_PUBLISH_SECONDS": "0.2", "JISR_HUB_POLL_SECONDS": "0.5"}


class HostedHub:
    """A hub and one node of its country, on one host."""

    def __init__(self, network: Network, name: str) -> None:
        self.host, self.name = network.host(name), name
        self.folder, self.node = network.folder / f"hub-{name}", network.folder / f"node-{name}"
        self.address = f"http://{self.host.ip}:{PORT}"
        made = setting_up.create(
            self.folder, name=f"Hub {name.upper()}", country=name.upper(), lang="en", address=self.address,
            allow_private=True, random_bytes=secrets.token_bytes,
        )  # fmt: skip
        self.id = asyncio.run(made).id
        self._node("init", self.node, "--name", f"Node {name}", "--country", name.upper(), "--lang", "en",
                   "--hub", self.address, "--allow-private")  # fmt: skip
        self.export = network.folder / f"export-{name}"
        self._node("publish", "--dir", self.node)
        self._node("export", self.export, "--dir", self.node)
        found = asyncio.run(setting_up.candidate(self.folder, str(self.export)))
        asyncio.run(setting_up.admit(self.folder, found, f"Node {name}"))
        self.node_id = found.id

    def _node(self, *words: object, status: int | None = 0) -> str:
        return self.host.run("jisr_node.cli", *words, status=status)

    def follow(self, other: HostedHub) -> None:
        """Follow another hub from the next start on."""
        peer = Peer(other.id, other.name, f"{other.address}/feeds/public", 0, "")
        asyncio.run(setting_up.add_peer(self.folder, peer))

    def serve(self) -> None:
        """Start the hub's process."""
        words = ("serve", "--host", self.host.ip, "--port", PORT, "--dir", self.folder)
        self.host.start("jisr_hub", *words, log=self.folder.with_suffix(".log"), **QUICK)

    def write(self, name: str, *, sync: bool = True) -> None:
        """One more record at the node, and to its hub."""
        draft = {"type": "org.jisr.organization/1", "name": name, "audience": "public", "source": {"local_id": name}}
        file = self.folder.with_name("draft.jsonl")
        file.write_text(json.dumps(draft) + "\n", encoding="utf-8")
        self._node("import", file, "--dir", self.node)
        if sync:
            until(lambda: "Could not reach" not in self.sync(status=None), lambda: self.sync(status=None))

    def sync(self, status: int | None = 0) -> str:
        """Bring the node's news to its hub."""
        return self._node("sync", "--dir", self.node, status=status)

    @property
    def head(self) -> Head | None:
        """The head that stands in its folder."""
        file = self.folder / "public" / paths.HEAD
        return heads.parse(file.read_bytes()) if file.exists() else None

    @property
    def shown(self) -> tuple[int, str]:
        """(live, state root) as it signs them."""
        head = self.head
        return (head.live, head.state_root) if head is not None else (0, "")

    def rebase(self) -> None:
        """Open a new epoch at all the hub has, as `jisr-hub doctor` advises after a clock that was ahead."""
        head = self.head
        assert head is not None
        place = f"{head.epoch}:{head.size + 1}"
        advised = self.host.run("jisr_hub", "doctor", "--dir", self.folder, status=None)
        assert f"rebase --at-least {place}" in advised, advised
        words = ("--at-least", place, "--base", head.size, "--yes", "--dir", self.folder)
        self.host.run("jisr_hub", "rebase", *words)

    def held(self, node: str, record: str) -> int:
        """The rev held of a public record; 0 for none."""

        async def ask() -> int:
            async with setting_up.opened(self.folder) as ledger:
                held = await ledger.held("public", [(node, record)])
                return held[node, record].rev if held else 0

        return asyncio.run(ask())

    def rounds(self) -> dict[str, str]:
        """How the last round with each peer ended: its identifier → outcome and detail."""

        async def ask() -> dict[str, str]:
            async with setting_up.opened(self.folder) as ledger:
                return {p.hub: f"{p.last_outcome} {p.last_detail}".strip() for p in await ledger.peers()}

        return asyncio.run(ask())


def until(what: Callable[[], bool], told: Callable[[], object]) -> float:
    """Wait until it is so; how many seconds it took."""
    began = time.monotonic()
    while not what():
        if time.monotonic() - began > WAIT_SECONDS:
            raise AssertionError(f"not so after {WAIT_SECONDS} seconds: {told()}")
        time.sleep(0.2)
    return time.monotonic() - began


def agree(hubs: list[HostedHub], live: int) -> float:
    """Wait until all sign the same set of so many records; how many seconds it took."""

    def shown() -> list[tuple[int, str]]:
        return [hub.shown for hub in hubs]

    def told() -> list[object]:
        return [*shown(), *(hub.rounds() for hub in hubs)]

    return until(lambda: len(set(shown())) == 1 and shown()[0][0] == live, told)


def forge(hub: HostedHub, of: HostedHub) -> tuple[str, str, int]:
    """Make `hub` say, in its own signed log, what the node of `of` never wrote: (node, id, forged rev)."""

    async def lie() -> tuple[str, str, int]:
        running = await open_hub(hub.folder)
        try:
            async with running.ledger.reading() as view:
                lines = [line async for part in view.entries(0) for _, line, _ in part]
            genuine = next(e for e in map(entries.parse, lines) if e.op == "put" and e.node == of.node_id)
            assert genuine.thing is not None
            value = {**genuine.thing.value, "rev": (genuine.rev or 0) + 1, "status": "ended"}
            body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
            bent = envelope.Envelope("record", genuine.thing.jws, body, value)
            line = entries.parse(entries.write("put", bent, seq=0, at=genuine.at))
            draft = hub_log.draft(line, src=("public", "1-aaaaaaaa", 10**6))
            held = Held(value["rev"], bent.digest, value["type"], True)
            remembered = Remembered(value["node"], value["id"], "public", held)
            await running.ledger.store(Change(genuine.at, [draft], [remembered]), hub_log.number)
            await running.publisher.publish()
            return value["node"], value["id"], value["rev"]
        finally:
            await running.close()

    return asyncio.run(lie())


def federation(network: Network, names: list[str], links: list[tuple[int, int]], hostile: str) -> list[HostedHub]:
    """Make hubs with a node each, let them follow each other, and start them; the last is followed by all, and
    follows the first."""
    *hubs, evil = [HostedHub(network, name) for name in (*names, hostile)]
    for follower, followed in links:
        hubs[follower].follow(hubs[followed])
    for hub in hubs:
        hub.follow(evil)
    evil.follow(hubs[0])
    for hub in (*hubs, evil):
        hub.serve()
    return [*hubs, evil]


def torment(hubs: list[HostedHub], evil: HostedHub) -> dict[str, float]:
    """One cut off and healed, one that lies, clocks a day off. Seconds until all honest ones agreed after each."""
    first, last = hubs[0], hubs[-1]
    live, took = first.shown[0], {}

    last.host.cut()
    first.write("while one is away")
    agree(hubs[:-1], live + 1)
    assert last.shown[0] == live
    last.host.heal()
    took["one cut off"] = agree(hubs, live + 1)

    evil.host.stop()
    node, record, rev = forge(evil, first)
    evil.serve()
    until(lambda: evil.head is not None and evil.held(node, record) == rev, lambda: evil.held(node, record))
    first.write("after a lie")
    took["one that lies"] = agree(hubs, live + 2)
    assert [hub.held(node, record) for hub in hubs] == [rev - 1] * len(hubs)

    first.host.clock = timedelta(days=-1)
    first.write("a node a day behind")
    took["a node a day behind"] = agree(hubs, live + 3)
    first.host.clock = timedelta(days=1)
    first.write("a node a day ahead", sync=False)
    refused = first.sync(status=None)
    assert "clock" in refused, refused
    first.host.clock = timedelta()
    first.sync()
    took["a node a day ahead, set right"] = agree(hubs, live + 4)

    last.host.stop()
    last.host.clock = timedelta(days=1)
    last.serve()
    last.host.clock = timedelta()
    last.write("at a hub a day ahead")
    until(lambda: last.shown[0] == live + 5, lambda: last.shown)
    until(lambda: "clock_skew" in first.rounds()[last.id], first.rounds)
    assert first.shown[0] == live + 4
    last.host.stop()
    last.rebase()
    last.serve()
    took["a hub a day ahead, set right"] = agree(hubs, live + 5)
    return took


def told(took: dict[str, float]) -> str:
    """The seconds in words."""
    return ", ".join(f"{what}: {seconds:.1f} s" for what, seconds in took.items())
