"""Bundles at a hub: what nodes send by hand is taken in, and its own feed is written for whoever has no line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jisr_protocol.exchange import Event, Fetch
from jisr_protocol.reader import bundle_cli, bundle_file, gathering
from jisr_protocol.reader import carrying as bundles
from jisr_protocol.reader.carrying import Made
from jisr_protocol.reader.places import FolderPlace
from jisr_protocol.refusal import Refusal

from .. import config
from ..app.folder import KEYS, PUBLIC, PULLS, now, read_identity
from ..following.pulls import FEED, Pulls
from ..hub import Hub
from ..storage.lock import AlreadyRunning
from ..web.api import answered
from .changing import beside_its_server, by_itself
from .setting_up import SettingUpError, check_there, opened

BUNDLES = "bundles"


async def bring(folder: Path, files: list[Path]) -> list[dict[str, Any]]:
    """Gather parts of the bundles of admitted nodes; whatever is whole is taken in like a push. Safe to repeat."""
    try:
        async with by_itself(folder) as running:
            return await _take(folder, running.hub, running.pulls, files)
    except AlreadyRunning:
        async with beside_its_server(folder) as hub:
            return await _take(folder, hub, Pulls(hub, folder / PULLS / "by-hand", allow_private=False), files)


async def _take(folder: Path, hub: Hub, pulls: Pulls, files: list[Path]) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []
    nodes: list[str] = []
    for file in files:
        try:
            with bundle_file.opened(file) as part:
                node = part.head.by
            await hub.check_admitted(node)
            gathering.take(file, folder / BUNDLES / node.removeprefix("jisr:"), now=now(), expected_id=node)
        except Refusal as refusal:
            done.append({"file": str(file), "outcome": "refused", "sentence": str(refusal)})
        except (FileNotFoundError, IsADirectoryError):
            done.append({"file": str(file), "outcome": "refused", "sentence": "there is no such file"})
        else:
            nodes += [node] if node not in nodes else []
    return done + [await _settle(hub, pulls, node, folder / BUNDLES / node.removeprefix("jisr:")) for node in nodes]


async def _settle(hub: Hub, pulls: Pulls, node: str, gathered: Path) -> dict[str, Any]:
    """Take in what is whole; say what lacks."""
    held = await hub.log_state(node, FEED)
    standing = gathering.look(gathered, held.head, held.frontier.size)
    if standing.ready is None:
        told = {"missing_parts": list(standing.parts), "parts": standing.of_parts, "code": standing.code}
        return {"node": node, "outcome": "incomplete", "sentence": bundle_cli.lacking_words(standing), **told}
    pulled = await pulls.take_folder(node, gathering.prepare(gathered, standing.ready))
    if standing.whole and pulled.outcome != "waiting":
        gathering.clear(gathered)
    counts = {name: getattr(pulled, name) for name in ("outcome", "sentence", "entries", "admitted", "quarantined")}
    return {"node": node, **counts}


def words(value: Mapping[str, Any]) -> str:
    """What became of one file or node, for a person."""
    which = value.get("node") or value["file"]
    if value["outcome"] == "verified":
        said = f"{value['entries']} new entries, {value['admitted']} admitted, {value['quarantined']} quarantined"
        return f"{which}  {said}"
    return f"{value['outcome']}  {which}  {value['sentence']}"


class _OwnFeed:
    """The hub's published files; its keys stand beside them."""

    def __init__(self, folder: Path) -> None:
        self._feed, self._keys = FolderPlace(folder / PUBLIC), FolderPlace(folder)
        self.address, self.requests, self.received_bytes = str(folder), 0, 0
        self.wait_seconds, self.throttled = 0.0, False

    async def fetch(self, wanted: Fetch) -> Event:
        return await (self._keys if wanted.path == KEYS else self._feed).fetch(wanted)


async def export(folder: Path, out: Path, since: str, split: str, receipt: str) -> Made:
    """Write the hub's feed, or what is new in it, and a node's receipt if asked for."""
    check_there(folder)
    extra = {}
    if receipt:
        async with opened(folder) as ledger:
            hub = Hub(read_identity(folder, config.read(folder)), ledger, now)
            answer = await hub.receipt(receipt, FEED)
            extra[f"receipts/{receipt.removeprefix('jisr:')}.json"] = answered(answer)
    try:
        return await bundles.export(
            _OwnFeed(folder),
            out,
            now=now(),
            since=bundle_cli.since(since) if since else None,
            split_bytes=bundle_cli.split_bytes(split) if split else None,
            extra=extra,
        )
    except bundles.CannotExport as error:
        raise SettingUpError(str(error)) from error
