"""Policies, views and readers from outside the serving hub: what is decided is stored, and the hub carries it out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from jisr_protocol import identifiers, keys
from jisr_protocol import policy as policies
from jisr_protocol.keys import KeyRing
from jisr_protocol.policy import Policy

from .. import config
from ..app.folder import now, sole
from ..app.opening import hub_of, views_of
from ..hub import Hub
from ..storage.lock import AlreadyRunning
from ..storage.policies import SqlPolicies
from ..storage.readers import SqlReaders
from ..storage.sql import SqlLedger
from ..views.applying import Applying, Effect, named
from ..views.derived import VIEWS_AT_MOST
from ..views.policies import OWN, Brake, Derived, Policies, braked, of_peer, of_view
from .setting_up import SettingUpError, candidate, opened, why_fenced

RESTRICTED = ("partners", "hub")


class NeedsTheOperator(Exception):
    """So much would leave that the operator must have seen the numbers; the sentence has them."""


@dataclass
class _Parts:
    folder: Path
    ledger: SqlLedger
    hub: Hub
    store: SqlPolicies
    policies: Policies
    applying: Applying


@contextlib.asynccontextmanager
async def _parts(folder: Path) -> AsyncIterator[_Parts]:
    settings = config.read(folder)
    async with opened(folder) as ledger:
        hub = await hub_of(folder, settings, ledger)
        found, _ = views_of(hub, ledger, folder, settings)
        yield _Parts(folder, ledger, hub, SqlPolicies(ledger), found, Applying(hub, found))


def _read(file: Path) -> Policy:
    """The policy in a file; one that a person has laid out over several lines is brought into its form."""
    try:
        value = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise SettingUpError(f"{file} is not JSON: {error}. Nothing was changed.") from error
    return policies.parse(orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n")


# The hub's own policy, and those of peers


async def show(folder: Path) -> dict[str, Any]:
    """The policy that is in place, and those of peers."""
    async with _parts(folder) as parts:
        placed = await parts.store.placed()
        own = placed.get(OWN)
        peers = {scope.removeprefix("peer/"): one for scope, one in placed.items() if scope.startswith("peer/")}
        return {
            "policy": orjson.loads(own.policy.raw)["policy"] if own and own.policy else None,
            "sha256": own.sha256 if own else "",
            "pending": bool(own and own.pending),
            "peers": {hub: one.policy.id for hub, one in peers.items() if one.policy},
        }


def show_words(value: dict[str, Any]) -> str:
    """The policy for a person."""
    if value["policy"] is None:
        return "There is no policy: everything of the admitted nodes and of the peers is taken."
    text = orjson.dumps(value["policy"], option=orjson.OPT_INDENT_2).decode()
    waits = "\nThe hub carries it out at this moment, or when it is started." if value["pending"] else ""
    return text + waits


async def check(folder: Path, file: Path) -> dict[str, Any]:
    """What this policy would change."""
    policy = _read(file)
    async with _parts(folder) as parts:
        return _facts(OWN, policy, await parts.applying.effects(OWN, policy), done=False)


async def use(folder: Path, file: Path, *, peer: str = "", sure: bool) -> dict[str, Any]:
    """Put a policy in place. Raises NeedsTheOperator unless the operator is `sure`, where much would leave."""
    policy = _read(file)
    async with _parts(folder) as parts:
        if fenced := await why_fenced(folder, parts.ledger):
            raise SettingUpError(fenced)
        if peer and all(one.hub != peer for one in await parts.ledger.peers()):
            raise SettingUpError(f"{peer} is not a peer of this hub; nothing was changed. See: jisr-hub status")
        scope = of_peer(peer) if peer else OWN
        _check_new(parts.policies.of(scope), policy)
        effects = await parts.applying.effects(scope, policy)
        value = _facts(scope, policy, effects, done=True)
        if value["waits"] and not sure:
            raise NeedsTheOperator(effect_words(value | {"done": False}))
        await parts.store.place(scope, policy, identifiers.to_instant(now()))
        await _carry_out_here(parts)
        return value


def _check_new(before: Policy | None, policy: Policy) -> None:
    """An id stands for one content for ever: whoever kept the older file could not tell them apart."""
    if before is not None and before.id == policy.id and before.sha256 != policy.sha256:
        raise SettingUpError(
            f"The policy {policy.id} is in place with other contents; nothing was changed. "
            "Give this one a higher version."
        )


async def _carry_out_here(parts: _Parts) -> None:
    """Where no process serves the hub, do it now; else the serving one does within seconds."""
    with contextlib.suppress(AlreadyRunning), sole(parts.folder):
        async with parts.ledger.leading("followers") as lead:
            if lead is not None:
                await parts.applying.run()


def _facts(scope: str, policy: Policy, effects: list[Effect], *, done: bool) -> dict[str, Any]:
    leaves, live = sum(len(e.leaves) for e in effects), sum(e.live for e in effects)
    nodes = [
        {
            "node": e.member.node,
            "name": e.member.name,
            "live": e.live,
            "leaves": len(e.leaves),
            "enters": len(e.enters),
            "leaving": named(e.leaves),
            "entering": named(e.enters),
            "waits": e.waits,
        }
        for e in effects
    ]
    return {
        "scope": scope,
        "policy": policy.id,
        "sha256": policy.sha256,
        "done": done,
        "leaves": leaves,
        "enters": sum(len(e.enters) for e in effects),
        "waits": any(e.waits for e in effects) or (leaves > 0 and braked(leaves, live)),
        "nodes": nodes,
    }


def effect_words(value: dict[str, Any]) -> str:
    """What leaves and enters, for a person."""
    verb = ("leave", "enter") if value["done"] else ("would leave", "would enter")
    lines = [f"Policy {value['policy']}: {value['leaves']} records {verb[0]}, {value['enters']} {verb[1]} at once."]
    for one in value["nodes"]:
        of = f"{one['leaves']} of {one['live']} {verb[0]}"
        lines.append(f"{one['name'] or one['node']}: {of}, {one['enters']} {verb[1]}")
        lines += [f"  - {name}" for name in one["leaving"]] + [f"  + {name}" for name in one["entering"]]
    return "\n".join([*lines, "What else fits of peers' feeds enters from their copies."])


# Brakes


async def waiting(folder: Path, peer: str) -> Brake:
    """What waits for the operator's word. Raises SettingUpError where nothing does."""
    async with _parts(folder) as parts:
        brake = (await parts.store.brakes()).get(peer)
        if brake is None:
            raise SettingUpError(f"Nothing of {peer} waits; nothing was changed. See: jisr-hub status")
        return brake


async def release(folder: Path, peer: str) -> None:
    """Let go what the peer has dropped, in its next round."""
    async with _parts(folder) as parts:
        brake = (await parts.store.brakes())[peer]
        passed = Brake(peer, brake.leaving, brake.live, True)
        await parts.store.keep_brake(peer, passed, identifiers.to_instant(now()))
        await parts.store.begin_again(peer)


# Views


async def add_view(folder: Path, name: str, file: Path | None, audience: str) -> dict[str, Any]:
    """Add a view or change its policy; the serving hub fills it."""
    policy = _read(file) if file is not None else None
    if expected := identifiers.feed_name(name):
        raise SettingUpError(f"A feed's name is {expected}; came {name}. Nothing was changed.")
    if audience not in identifiers.FEED_AUDIENCES or (name in identifiers.FEED_AUDIENCES and name != audience):
        raise SettingUpError(
            f"The feeds public, partners and hub are of the audience they are called by; came {name} with --audience "
            f"{audience}. Nothing was changed."
        )
    if name == "public":
        raise SettingUpError("The public feed is there already. Its policy: jisr-hub policy use FILE")
    async with _parts(folder) as parts:
        await _add(parts, Derived(name, audience))
        scope = of_view(name)
        _check_new(parts.policies.of(scope), policy) if policy is not None else None
        if policy is not None or parts.policies.of(scope) is not None:
            await parts.store.place(scope, policy, identifiers.to_instant(now()))
        return _view(config.read(folder).address, Derived(name, audience), policy)


async def _add(parts: _Parts, feed: Derived) -> None:
    held = {one.name: one for one in await parts.store.derived()}
    if feed.name in held and held[feed.name].audience != feed.audience:
        raise SettingUpError(
            f"The feed {feed.name} is there with the audience {held[feed.name].audience}. Nothing was changed. Choose "
            "another name: readers of the one must never get the other."
        )
    if feed.name not in held and len(held) >= VIEWS_AT_MOST:
        raise SettingUpError(f"There are {len(held)} feeds already, and {VIEWS_AT_MOST} at most. Nothing was changed.")
    await parts.store.add_derived(feed, identifiers.to_instant(now()))


async def views(folder: Path) -> list[dict[str, Any]]:
    """The feeds beside the public one."""
    address = config.read(folder).address
    async with _parts(folder) as parts:
        return [_view(address, feed, parts.policies.of(of_view(feed.name))) for feed in await parts.store.derived()]


def _view(address: str, feed: Derived, policy: Policy | None) -> dict[str, Any]:
    return {
        "name": feed.name,
        "audience": feed.audience,
        "policy": policy.id if policy else "",
        "sha256": policy.sha256 if policy else "",
        "address": f"{address}/feeds/{feed.name}",
    }


async def remove_view(folder: Path, name: str) -> str:
    """Serve it no longer; where its files stay."""
    async with _parts(folder) as parts:
        if all(feed.name != name for feed in await parts.store.derived()):
            raise SettingUpError(f"There is no feed {name}; nothing was changed. See: jisr-hub view list")
        await parts.store.remove_derived(name)
    return str(folder / config.VIEWS / name)


# Readers


async def keys_of(folder: Path, source: str) -> KeyRing:
    """The keys of a reader: of an identifier that is known here, or from an address, a folder or a keys.json."""
    if identifiers.node(source) is None:
        async with opened(folder) as ledger:
            ring = (await ledger.rings([source])).get(source)
        if ring is None:
            raise SettingUpError(
                f"The keys of {source} are not known here; nothing was changed. Give its address or its keys.json."
            )
        return ring
    if source.startswith(("http://", "https://")):
        return await _fetched(folder, source)
    path = Path(source) / "keys.json" if Path(source).is_dir() else Path(source)
    if not path.is_file():
        raise SettingUpError(f"There is no {path}. Expected an identifier, an address, a folder or a keys.json.")
    return keys.fold(keys.parse_file(path.read_bytes()))


async def _fetched(folder: Path, address: str) -> KeyRing:
    return keys.fold((await candidate(folder, address, role="")).statements)


async def add_reader(folder: Path, ring: KeyRing, audience: str) -> None:
    """Let it read; the feed of the audience is made where it is not there yet."""
    _check_audience(audience)
    async with _parts(folder) as parts:
        await _add(parts, Derived(audience, audience))
        await SqlReaders(parts.ledger).add(ring, audience, identifiers.to_instant(now()))


async def remove_reader(folder: Path, id: str, audience: str) -> None:
    """Take the right back."""
    async with _parts(folder) as parts:
        if not await SqlReaders(parts.ledger).remove(id, audience):
            raise SettingUpError(f"{id} may not read what is for {audience} anyway. See: jisr-hub reader list")


async def readers(folder: Path) -> list[dict[str, str]]:
    """Who may read what."""
    async with _parts(folder) as parts:
        return [{"id": id, "audience": of, "since": at} for id, of, at in await SqlReaders(parts.ledger).all()]


def _check_audience(audience: str) -> None:
    if audience not in RESTRICTED:
        raise SettingUpError(f"Expected --audience partners or hub; came {audience}. Nothing was changed.")
