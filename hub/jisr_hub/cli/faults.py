"""What a check found, sentence by sentence: bounded, however much is damaged."""

from __future__ import annotations

MOST = 10_000
"""More sentences than this help nobody; the rest is counted."""


class Faults:
    """The faults found so far, in the order of finding."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        if len(self._said) < MOST:
            self._said.append(sentence)
        else:
            self._more += 1

    def __bool__(self) -> bool:
        return bool(self._said)

    def sentences(self) -> list[str]:
        return [*self._said, *([f"and {self._more} more"] if self._more else [])]
