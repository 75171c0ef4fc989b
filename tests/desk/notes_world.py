"""A store of rounds in memory, for what is noted before it is written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from jisr_hub.ports.history import Condition, LeftOut, Order, Round, Way


class MemoryHistory:
    """Keeps what it is given; `fails` makes every call raise."""

    def __init__(self) -> None:
        self.rounds: dict[tuple[str, str, str, str], Round] = {}
        self.held: dict[tuple[str, str], Condition] = {}
        self.left_out: dict[tuple[str, str, str], LeftOut] = {}
        self.lives = 100
        self.other_names = 0
        self.calls = 0
        self.fails = False

    def _called(self) -> None:
        self.calls += 1
        if self.fails:
            raise OSError("the database is away")

    async def conditions(self) -> list[Condition]:
        self._called()
        return [msgspec.structs.replace(one) for one in self.held.values()]

    async def orders(self, way: Way) -> Mapping[str, Order]:
        self._called()
        return {}

    async def keep(self, rounds: Sequence[Round], conditions: Sequence[Condition]) -> None:
        self._called()
        self.rounds |= {one.key: msgspec.structs.replace(one) for one in rounds}
        self.held |= {(one.source, one.way): msgspec.structs.replace(one) for one in conditions}

    async def keep_left_out(self, source: str, kept: Sequence[LeftOut], at: str) -> None:
        self._called()
        self.left_out |= {(source, one.node, one.id): one for one in kept}

    async def live(self, source: str, way: str) -> int:
        self._called()
        return self.lives

    async def renamed(self, source: str, way: str, first: int, next: int) -> int:
        self._called()
        return self.other_names

    async def fold(self, today: str) -> int:
        self._called()
        return 0
