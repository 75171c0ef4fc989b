"""`jisr-hub witness`: the key this hub cosigns with, and the witnesses it asks."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urljoin

from jisr_protocol import checkpoint
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.refusal import Refusal
from jisr_protocol.witness import POLICY_BYTES, parse_policy

from .. import config
from ..app.folder import read_identity
from ..config import Chosen
from ..storage.witnessed import open_witness
from .setting_up import SettingUpError, capabilities_of, opened


def own_key(folder: Path) -> str:
    """The key that readers put into their policies."""
    who = read_identity(folder, config.read(folder))
    key, _ = open_witness(folder, os.urandom)
    return str(checkpoint.witness_key(key, f"{who.id}/witness"))


async def find(folder: Path, address: str) -> Chosen:
    """Ask a hub where it cosigns and with which key."""
    settings = config.read(folder)
    async with GuardedClient(allow_private=settings.allow_private) as client:
        offered = await capabilities_of(client, address)
    said = (offered.model_extra or {}).get("witness")
    if not isinstance(said, dict) or not isinstance(said.get("href"), str) or not isinstance(said.get("key"), str):
        raise SettingUpError(f"{address} does not offer to be a witness. Nothing was changed.")
    key = checkpoint.parse_witness_key(said["key"])
    if not key.name.startswith(offered.id):
        raise SettingUpError(
            f"{address} is {offered.id}, and its witness key is named {key.name}. Nothing was changed."
        )
    return Chosen(urljoin(address, said["href"]), key)


async def ask_of_peer(folder: Path, hub: str, policy: Path | None) -> int:
    """Take no head of a peer without the quorum that a policy file asks for, from the next start on; None for any.

    Returns how many witnesses it knows. Raises SettingUpError; then nothing was changed.
    """
    async with opened(folder) as ledger:
        if all(peer.hub != hub for peer in await ledger.peers()):
            raise SettingUpError(f"{hub} is not a peer of this hub; nothing was changed. See: jisr-hub status")
    settings = config.read(folder)
    quorums, known = {peer: text for peer, text in settings.quorums.items() if peer != hub}, 0
    if policy is not None:
        try:
            text = policy.read_bytes()[:POLICY_BYTES].decode()
            asked = parse_policy(text)
        except (Refusal, OSError, UnicodeDecodeError) as error:
            raise SettingUpError(f"The policy {policy} cannot be used: {error}. Nothing was changed.") from error
        if asked.quorum == "none":
            raise SettingUpError(f"The policy {policy} asks for no quorum; for that: --none. Nothing was changed.")
        quorums, known = {**quorums, hub: text}, len(asked.witnesses)
    config.write(folder, settings.model_copy(update={"quorums": quorums}))
    return known


def add(folder: Path, chosen: Chosen) -> None:
    """Ask this witness from the next head on; once, however often it is added."""
    others = [one for one in config.witnesses(folder) if one.address != chosen.address]
    config.write_witnesses(folder, [*others, chosen])


def remove(folder: Path, address: str) -> bool:
    """Ask it no more; whether it was asked."""
    held = config.witnesses(folder)
    rest = [one for one in held if one.address != address and one.key.name != address]
    config.write_witnesses(folder, rest)
    return len(rest) < len(held)
