"""Make the hub of a sandbox: a new one, with the records of an example node in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..app.folder import now
from ..app.opening import open_hub
from ..sandbox import example
from ..sandbox.example import Example
from . import setting_up


async def begin(folder: Path, address: str, random_bytes: Callable[[int], bytes]) -> Example:
    """Make a hub in this folder, admit the example node, take what it has, and publish."""
    await setting_up.create(
        folder, name="Jisr sandbox", country="MA", lang="en", address=address, allow_private=False,
        random_bytes=random_bytes,
    )  # fmt: skip
    made = example.make(now(), random_bytes)
    running = await open_hub(folder)
    try:
        await running.hub.admit(example.NAME, made.ring.statements, made.ring, per_hour=1000, per_day=1000)
        await running.hub.push(made.ring.id, "public", made.push)
        await running.publisher.publish()
    finally:
        await running.close()
    return made
