"""What a call was refused for, as a value."""

from __future__ import annotations

from collections.abc import Callable

from jisr_protocol.refusal import Refusal


def refusal_of(act: Callable[..., object], *arguments: object, **named: object) -> Refusal | None:
    """The Refusal that `act` raised, None if it returned. Any other exception passes through."""
    try:
        act(*arguments, **named)
    except Refusal as refusal:
        return refusal
    return None
