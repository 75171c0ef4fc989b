"""The bucket that the settings name, and the note of how the last round with it ended."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .. import config
from ..config import Settings
from ..ports import Objects, Unstored
from ..publish.mirror import Noted
from .folder import FolderPages


def open_objects(settings: Settings) -> Objects:
    """The bucket of these settings. Raises Unstored, without the extra `s3` too."""
    try:
        from .objects import S3Objects
    except ImportError:
        raise Unstored("a bucket needs what is missing here: pip install 'jisr-hub[s3]'") from None
    return S3Objects(settings.publish_to, endpoint=settings.publish_endpoint, region=settings.publish_region)


def read_note(folder: Path) -> Noted | None:
    """How the last round ended; None when there was none."""
    try:
        return msgspec.json.decode((folder / config.MIRROR).read_bytes(), type=Noted)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_note(folder: Path, noted: Noted) -> None:
    """Remember how a round ended."""
    FolderPages(folder).write(config.MIRROR, msgspec.json.encode(noted) + b"\n")
