"""The time, and waiting, as arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

Clock = Callable[[], datetime]


Sleep = Callable[[float], Awaitable[None]]
