"""`jisr-hub witness`: the key this hub cosigns with, and the witnesses it asks."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urljoin

from jisr_protocol import checkpoint
from jisr_protocol.reader.http import GuardedClient

from .. import config
from ..app.opening import read_identity
from ..config import Chosen
from ..storage.witnessed import open_witness
from .setting_up import SettingUpError, capabilities_of


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
