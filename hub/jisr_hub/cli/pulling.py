"""The feeds this hub fetches for nodes without a server: register, list, remove, fetch now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from jisr_protocol import identifiers
from jisr_protocol.reader.follow import is_address

from .. import config
from ..app.folder import PULLS, now
from ..hub import Hub
from ..ports import Pull
from ..storage.lock import AlreadyRunning
from .changing import beside_its_server, by_itself
from .setting_up import SettingUpError, opened

if TYPE_CHECKING:
    from ..following.pulls import Pulled, Pulls


async def add(folder: Path, node: str, address: str) -> Pull:
    """Fetch an admitted node's feed from the next round on. Nothing is asked now. Raises SettingUpError."""
    if expected := identifiers.node(node):
        raise SettingUpError(f"Nothing was changed. {node} is no identifier: expected {expected}. See: jisr-hub status")
    where = _checked(address)
    async with opened(folder) as ledger:
        member = await ledger.member(node)
        if member is None or member.upstream:
            raise SettingUpError(
                f"Nothing was changed. The node {node} is not admitted here, so nothing of it may be fetched. First: "
                f"jisr-hub admit {address}"
            )
        pull = Pull(node, where, identifiers.to_instant(now()))
        await ledger.keep_pull(pull, add=True)
        return pull


def _checked(address: str) -> str:
    if not is_address(address):
        place = Path(address).resolve()
        if not place.is_dir():
            raise SettingUpError(
                f"Nothing was changed. {address} is neither an https address nor a folder. Give the address at which "
                "the node's exported folder is served, as in https://example.org/jisr/"
            )
        return str(place)
    split = urlsplit(address)
    if not split.hostname or split.username or split.query or split.fragment:
        raise SettingUpError(
            f"Nothing was changed. Expected the address of a folder, as in https://example.org/jisr/; came {address}"
        )
    return address.removesuffix("head.json").rstrip("/") + "/"


async def pulls(folder: Path) -> list[dict[str, Any]]:
    """The registered feeds."""
    async with opened(folder) as ledger:
        return [asdict(pull) for pull in await ledger.pulls()]


async def remove(folder: Path, node: str) -> Pull:
    """Fetch this feed no more; what was taken in stays. Raises SettingUpError."""
    async with opened(folder) as ledger:
        held = [pull for pull in await ledger.pulls() if pull.node == node]
        if not held:
            raise SettingUpError(f"Nothing was changed: no feed of {node} is fetched here. See: jisr-hub pull list")
        await ledger.remove_pull(node)
        return held[0]


async def fetch_now(folder: Path, node: str = "") -> list[dict[str, Any]]:
    """Fetch one registered feed now, or all of them; also beside a serving hub, which publishes what came."""
    try:
        async with by_itself(folder) as running:
            return await _fetch(running.hub, running.pulls, node)
    except AlreadyRunning:
        async with beside_its_server(folder) as hub:
            from ..following.pulls import Pulls

            apart = folder / PULLS / "by-hand"  # the serving process may be fetching the same feed just now
            fetching = Pulls(hub, apart, allow_private=config.read(folder).allow_private)
            return await _fetch(hub, fetching, node)


async def _fetch(hub: Hub, fetching: Pulls, node: str) -> list[dict[str, Any]]:
    wanted = [pull for pull in await hub.ledger.pulls() if node in ("", pull.node)]
    if not wanted:
        which = f"no feed of {node} is" if node else "no feed is"
        raise SettingUpError(f"Nothing was done: {which} registered here. See: jisr-hub pull add --help")
    done = []
    for pull in wanted:
        pulled = await fetching.pull(pull)
        await fetching.tell(pull, pulled)
        done.append(facts(pull, pulled))
    return done


def facts(pull: Pull, pulled: Pulled) -> dict[str, Any]:
    """What one round came to, as JSON members."""
    counts = {name: getattr(pulled, name) for name in ("outcome", "sentence", "entries", "admitted", "quarantined")}
    return {"node": pull.node, "address": pull.address, **counts}


def words(value: Mapping[str, Any]) -> str:
    """The same for a person."""
    if value["outcome"] == "verified":
        said = f"{value['entries']} new entries, {value['admitted']} admitted, {value['quarantined']} quarantined"
        return f"fetched  {value['node']}  {said}"
    return f"{value['outcome']}  {value['node']}  {value['sentence']}"


def lines(registered: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each registered feed."""
    for pull in registered:
        ended = f"{pull['outcome'] or 'not asked yet'} {pull['at']}".rstrip()
        yield f"fetch {pull['node']}  {pull['address']}  {ended}  {pull['detail']}".rstrip()
