"""The copy of the feed in a bucket: how far it is, and bringing it up to date by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jisr_protocol.head import Head

from .. import config
from ..app.folder import PUBLIC
from ..config import Settings
from ..storage import mirrored
from ..storage.folder import FolderPages
from .setting_up import SettingUpError, check_there


def facts(folder: Path, settings: Settings, head: Head | None) -> dict[str, Any] | None:
    """How far the copy is as far as is known here, without asking the bucket; None where no bucket is set."""
    if not settings.publish_to:
        return None
    noted = mirrored.read_note(folder)
    known = noted is not None and noted.to == settings.publish_to
    size, behind = (noted.size, noted.behind(head) if head else 0) if noted and known else (0, head.size if head else 0)
    return {
        "to": settings.publish_to,
        "size": size,
        "behind": behind,
        "at": noted.at if noted and known else "",
        "failed": noted.failed if noted and known else "",
    }


def words(told: dict[str, Any]) -> str:
    """The same for a person."""
    if not told["at"]:
        return f"The copy in {told['to']} has not been begun. Serve the hub, or say: jisr-hub mirror"
    if told["failed"]:
        return f"The copy in {told['to']} is {told['behind']} entries behind since {told['at']}: {told['failed']}"
    if told["behind"]:
        return f"The copy in {told['to']} is {told['behind']} entries behind; the last round was at {told['at']}."
    return f"The copy in {told['to']} holds all {told['size']} entries; it was changed last at {told['at']}."


async def once(folder: Path, to: str, endpoint: str, region: str) -> dict[str, Any]:
    """Bring the copy up to the head in the hub's folder, also while it serves. Raises Unstored, Ahead."""
    check_there(folder)
    settings = config.read(folder)
    own = to in ("", settings.publish_to)
    if to and not re.fullmatch(config.BUCKET, to):
        raise SettingUpError(f"Nothing was changed. Expected a bucket, such as s3://bucket/prefix; came {to}.")
    said = {"publish_to": to, "publish_endpoint": endpoint, "publish_region": region}
    settings = settings.model_copy(update={name: value for name, value in said.items() if value})
    from ..app.opening import copying_of

    copying = copying_of(folder, settings, FolderPages(folder / PUBLIC), noting=own)
    if copying is None:
        raise SettingUpError(
            f"No bucket is named. Name one, such as s3://bucket/prefix, or set publish_to in {folder / config.FILE}."
        )
    done = await copying.round()
    if done.head is None:
        raise SettingUpError("Nothing is published yet, so there is nothing to copy. Serve the hub first.")
    return {"to": settings.publish_to, "size": done.head.size, "put": done.put, "deleted": done.deleted}


def once_words(value: dict[str, Any]) -> str:
    """What one round did, for a person."""
    return (
        f"{value['to']} holds all {value['size']} entries that are published: "
        f"{value['put']} files put, {value['deleted']} deleted."
    )
