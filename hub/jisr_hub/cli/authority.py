"""What an operator decides about who may speak: invitations, requests, bounds, withdrawals, anchors, domains."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from jisr_protocol import anchor, constraints, envelope, identifiers, statement
from jisr_protocol.constraints import Constraints
from jisr_protocol.keys import SigningKey
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.refusal import Refusal

from .. import config, log
from ..app.folder import now
from ..app.opening import hub_of
from ..authority import anchor_keys
from ..authority.attesting import draft
from ..hub import Hub
from ..ports import Change, Told
from ..storage.admissions import SqlAdmissions
from .acting import act
from .setting_up import SettingUpError, opened, why_fenced

DOMAIN_PATH = "/.well-known/jisr-node.txt"
DOMAIN_BYTES = 4096
DOMAIN_DAYS = 400


def bounds_of(
    countries: list[str] | None, types: list[str] | None, organizations: list[str] | None
) -> Constraints | None:
    """The bounds that options name; None when they name none. Raises SettingUpError."""
    lists = {"countries": [c.upper() for c in countries or []], "types": types, "organizations": organizations}
    value = {name: items for name, items in lists.items() if items}
    if expected := constraints.form(value):
        raise SettingUpError(f"Nothing was changed. These bounds do not fit: expected {expected}.")
    return constraints.of(value) if value else None


@asynccontextmanager
async def _hub(folder: Path) -> AsyncIterator[tuple[Hub, SqlAdmissions]]:
    """The hub in `folder`, beside a server that may be running; what it says enters its feed. Raises SettingUpError."""
    settings = config.read(folder)
    async with opened(folder) as ledger:
        if reason := await why_fenced(folder, ledger):
            raise SettingUpError(f"Nothing was changed. {reason}")
        hub = await hub_of(folder, settings, ledger)
        await hub.begin()
        yield hub, SqlAdmissions(ledger.database)


async def bound(folder: Path, node: str, bounds: Constraints) -> Mapping[str, Any]:
    """Attest an admitted node, within these bounds; a withdrawn one is attested again."""
    members: dict[str, Any] = dict(bounds.to_value())
    return await act(folder, "bound", node, **members)


async def withdraw(folder: Path, node: str, reason: str) -> Mapping[str, Any]:
    """Take back that a node is ours."""
    return await act(folder, "withdraw", node, reason)


async def invite(folder: Path, name: str, days: float, bounds: Constraints | None) -> Mapping[str, Any]:
    """A new one-time code, and the link that carries it."""
    members: dict[str, Any] = dict((bounds or Constraints()).to_value())
    return await act(folder, "invite", name=name, days=days, **members)


async def requests(folder: Path) -> list[dict[str, Any]]:
    """Who waits, the longest first."""
    async with opened(folder) as ledger:
        waiting = await SqlAdmissions(ledger.database).requests()
    return [{"node": r.node, "name": r.name, "source": r.source, "at": r.at} for r in waiting]


async def approve(folder: Path, node: str, name: str, bounds: Constraints | None) -> Mapping[str, Any]:
    """Let in a node that waits."""
    members: dict[str, Any] = dict((bounds or Constraints()).to_value())
    return await act(folder, "admit", node, name=name, **members)


async def refuse(folder: Path, node: str) -> None:
    """Forget a request."""
    await act(folder, "refuse", node)


async def check_domain(folder: Path, node: str, domain: str) -> dict[str, Any]:
    """Fetch the proof that a domain stands with an admitted node, through the guard, and say so."""
    settings = config.read(folder)
    if expected := statement.domain(domain):
        raise SettingUpError(f"Nothing was changed. {domain} is not {expected}.")
    async with _hub(folder) as (hub, _):
        member = await hub.ledger.member(node)
        if member is None or member.upstream:
            raise SettingUpError(f"{node} is not admitted here, so nothing was asked of {domain}.")
        address = f"https://{domain}{DOMAIN_PATH}"
        async with GuardedClient(allow_private=settings.allow_private) as client:
            answer = await client.get(address, limit_bytes=DOMAIN_BYTES, attempts=2)
        if answer.status != 200 or node.encode() not in answer.body.split():
            raise SettingUpError(
                f"{address} does not name {node}; nothing was changed. The file must hold the identifier on a line of "
                "its own. Ask the partner to put it there, then give this command again."
            )
        checked, expires = now(), now() + timedelta(days=DOMAIN_DAYS)
        await hub.attesting.say(
            statement.DOMAIN,
            node,
            domain=domain,
            checked=identifiers.to_instant(checked),
            expires=identifiers.to_instant(expires),
        )
    return {"node": node, "domain": domain, "checked": identifiers.to_instant(checked)}


# Anchors


def new_anchor(file: Path, name: str, keys: list[Path], threshold: int) -> dict[str, Any]:
    """A new anchor with a fresh key in each of these files, which must not exist. Raises SettingUpError."""
    for path in (file, *keys):
        if path.exists():
            raise SettingUpError(f"There is a {path} already; nothing was changed. Choose another name.")
    seeds = [secrets.token_bytes(32) for _ in keys]
    try:
        raw = anchor.write_file(
            [SigningKey(seed).public for seed in seeds],
            name=name,
            threshold=threshold,
            created=identifiers.to_instant(now()),
            salt=identifiers.new_salt(secrets.token_bytes(16)),
        )
    except Refusal as refusal:
        raise SettingUpError(f"Nothing was changed: expected {refusal.expected}, came {refusal.came}.") from refusal
    for path, seed in zip(keys, seeds, strict=True):
        anchor_keys.write(path, seed)
    file.write_bytes(raw)
    return show_anchor(file)


def show_anchor(file: Path) -> dict[str, Any]:
    """What an anchor file says."""
    try:
        found = anchor.parse_file(file.read_bytes())
    except (OSError, Refusal) as error:
        raise SettingUpError(f"{file} is no anchor file: {error}.") from error
    return {"anchor": found.id, "name": found.name, "threshold": found.threshold, "keys": sorted(found.keys)}


def sign_by_anchor(
    file: Path, key: Path, hub: str, out: Path, *, days: float, n: int, bounds: Constraints | None, withdraw: str
) -> dict[str, Any]:
    """Sign with one key of an anchor what it says of a hub. A file that is there already is signed with this key too,
    byte for byte the same statement; else it is begun. Raises SettingUpError."""
    found = anchor.parse_file(file.read_bytes())
    signing = anchor_keys.read(key)
    if signing.kid not in found.keys:
        raise SettingUpError(f"{key} is no key of the anchor in {file}; nothing was signed.")
    lines = out.read_bytes().splitlines() if out.exists() else []
    held = [statement.parse(line) for line in lines]
    if held:
        said = held[0]
        again = statement.of(envelope.sealed("statement", said.value, signing))
    else:
        again = _by_anchor(found.id, signing, hub, days, n, bounds, withdraw)
    kids = {one.claimed_kid for one in held} | {signing.kid}
    if signing.kid not in {one.claimed_kid for one in held}:
        lines.append(again.envelope.raw)
        out.write_bytes(b"".join(line + b"\n" for line in lines))
    return {"file": str(out), "hub": again.subject, "signatures": len(kids), "threshold": found.threshold}


def _by_anchor(
    by: str, key: SigningKey, hub: str, days: float, n: int, bounds: Constraints | None, withdraw: str
) -> statement.Statement:
    members: dict[str, Any] = {"of": statement.HUB, "reason": withdraw}
    if not withdraw:
        members = {"expires": identifiers.to_instant(now() + timedelta(days=days))}
        members |= {"constraints": bounds.to_value()} if bounds is not None else {}
    type_ = statement.WITHDRAWAL if withdraw else statement.HUB
    try:
        return statement.write(
            key, type_, id=str(uuid.uuid4()), by=by, subject=hub, n=n, issued=identifiers.to_instant(now()), **members
        )
    except Refusal as refusal:
        raise SettingUpError(f"Nothing was signed: expected {refusal.expected}, came {refusal.came}.") from refusal


async def take_word(folder: Path, file: Path) -> dict[str, Any]:
    """Put an anchor's signed statements into this hub's feed; each once."""
    said = [statement.parse(line) for line in file.read_bytes().splitlines()]
    async with _hub(folder) as (hub, _):
        held = {(t.statement.digest, t.kid) for t in await hub.ledger.told([one.subject for one in said])}
        proven = {one.id: one for one in hub.attesting.anchors}
        at = identifiers.to_instant(now())
        fresh = [Told(one, one.claimed_kid, one.by in proven, at) for one in said]
        for told in fresh:
            if told.statement.by in proven:
                proven[told.statement.by].verified(told.statement, now=now())
        fresh = [told for told in fresh if (told.statement.digest, told.kid) not in held]
        drafts = [draft(told.statement) for told in fresh]
        if fresh:
            await hub.ledger.store(Change(at, drafts, (), told=fresh), log.number)
            await hub.renew()
    return {"taken": len(fresh), "held": len(said) - len(fresh)}


def trust(folder: Path, file: Path) -> dict[str, Any]:
    """Make an anchor the one that this hub trusts, from its next start on."""
    found = show_anchor(file)
    settings = config.read(folder)
    place = file.name if file.resolve().parent == folder.resolve() else str(file.resolve())
    config.write(folder, settings.model_copy(update={"anchor": place}))
    return found
