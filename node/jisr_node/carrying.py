"""By stick or mail: the node's public feed in a bundle, and the hub's receipt out of one."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jisr_protocol import paths
from jisr_protocol.reader import bundle_cli, bundle_file, carrying
from jisr_protocol.reader.carrying import CannotExport, Made
from jisr_protocol.reader.places import FolderPlace
from jisr_protocol.refusal import Refusal

from .errors import Declined, Mistaken

if TYPE_CHECKING:
    from .app import Node
    from .delivery import Delivered


def export(node: Node, out: Path, since: str = "", split: str = "") -> Made:
    """Write the public feed, or what is new in it, into a bundle. Raises Mistaken, Declined; OSError."""
    with tempfile.TemporaryDirectory(prefix="jisr-bundle-") as name:
        node.export(Path(name))
        try:
            wanted = bundle_cli.since(since) if since else None
            most = bundle_cli.split_bytes(split) if split else None
            place = FolderPlace(Path(name))
            return asyncio.run(carrying.export(place, out, now=datetime.now(UTC), since=wanted, split_bytes=most))
        except ValueError as error:
            raise Mistaken(str(error)) from error
        except CannotExport as error:
            raise Declined(str(error)) from error


def take_receipt(node: Node, file: Path, hub: str | None = None) -> Delivered:
    """Remember what the hub says it holds, as after a push. Raises Mistaken, Declined, HubRefused, Contradiction."""
    address = hub or node.settings.hub
    if not address:
        raise Mistaken("This node knows no hub yet. Name one: jisr-node bundle import FILE --hub https://hub.example")
    wanted = f"receipts/{node.id.removeprefix('jisr:')}.json"
    try:
        with bundle_file.opened(file) as part:
            if wanted not in part.files:
                raise Declined(
                    f"{file} holds no receipt for this node; nothing was changed. The hub's operator writes one with: "
                    f"jisr-hub bundle export --receipt {node.id}"
                )
            key_file, answer = part.read(paths.KEYS), part.read(wanted)
    except Refusal as refusal:
        raise Declined(f"{file} was refused: {refusal}. Nothing was changed.") from refusal
    except FileNotFoundError as error:
        raise Mistaken(f"There is no file {file}.") from error
    node.meet(address, key_file)
    return node.take_answer(address, "public", answer)
