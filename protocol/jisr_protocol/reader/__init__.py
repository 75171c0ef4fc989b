"""The rim around the protocol: fetches a feed, checks it and keeps a verified copy (extra `reader`).

What a portal needs, in a few lines:

    from jisr_protocol.reader import follow_once, open_copy

    result = follow_once("https://hub.example/feeds/public/", "services.jisr", expected_id="jisr:…")
    if result.outcome != 0:
        print(result.sentence)                    # the copy is still what was verified last
    with open_copy("services.jisr") as copy:
        for record in copy.records("org.jisr.service/1"):
            print(record.id, record.value["name"])

`follow.follow` is the same for programs with an event loop. docs/portal.md says more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..session import Outcome
    from .follow import Busy, Result, follow_once
    from .store import Change, Copy, Record, Refused, open_copy
    from .tables import CopyProblem, NoCopy, NotACopy

__all__ = [
    "Busy",
    "Change",
    "Copy",
    "CopyProblem",
    "NoCopy",
    "NotACopy",
    "Outcome",
    "Record",
    "Refused",
    "Result",
    "follow_once",
    "open_copy",
]

_PLACES = {
    **dict.fromkeys(("Busy", "Result", "follow_once"), "follow"),
    **dict.fromkeys(("Change", "Copy", "Record", "Refused", "open_copy"), "store"),
    **dict.fromkeys(("CopyProblem", "NoCopy", "NotACopy"), "tables"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the guarded client alone is enough for many."""
    from importlib import import_module

    if name == "Outcome":
        from ..session import Outcome

        return Outcome
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_PLACES[name]}", __name__), name)
