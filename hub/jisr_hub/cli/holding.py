"""`jisr-hub hold` and `unhold`: keep records out of sight for a time, and bring them back (desk.works.holding)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jisr_protocol.notice import ALL

from .acting import act


async def hold(
    folder: Path, node: str, target: str, *, basis: str, days: int, max_rev: int | None
) -> Mapping[str, Any]:
    """Hold a record back, or all of a node (`*`), for so many days."""
    return await act(folder, "hold", f"{node}/{target}", basis, days=days, max_rev=max_rev)


async def unhold(folder: Path, node: str, target: str, *, basis: str) -> Mapping[str, Any]:
    """End this hub's own hold of a record, or all its holds of a node (`*`)."""
    return await act(folder, "unhold", f"{node}/{target}", basis)


def hold_words(value: Mapping[str, Any]) -> str:
    """The facts for a person."""
    what = "All records" if value["id"] == ALL else f"The record {value['id']}"
    return (
        f"{what} of {value['node']}: out of this hub's feed, pages, snapshots and directory until {value['until']}; "
        f"{value['entries']} entries lost their content there. It stays in this hub's database, and comes back by "
        "itself then, or with: jisr-hub unhold. Outside caches may keep pages for 7 days."
    )


def unhold_words(value: Mapping[str, Any]) -> str:
    """The facts for a person."""
    if value["back"]:
        return f"{value['back']} records of {value['node']} are in the feed again, as they were."
    return f"This hub holds nothing of {value['node']} back under that name any more; nothing came back by it."
