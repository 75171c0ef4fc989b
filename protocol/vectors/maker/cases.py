"""What a vector looks like: an operation, its input, and a result or a refusal."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]


class CaseFile:
    """The cases of one file, numbered as they are added."""

    def __init__(self, family: str, about: str) -> None:
        self.family = family
        self.about = about
        self.cases: list[Case] = []

    def valid(self, rule: str, operation: str, comment: str, given: dict[str, Any], result: Any) -> None:
        self._add(rule, operation, comment, given, {"result": result})

    def invalid(
        self, rule: str, operation: str, comment: str, given: dict[str, Any], code: str, pointer: str = ""
    ) -> None:
        self._add(rule, operation, comment, given, {"refused": {"code": code, "pointer": pointer, "rule": rule}})

    def _add(self, rule: str, operation: str, comment: str, given: dict[str, Any], expect: dict[str, Any]) -> None:
        number = f"{self.family}-{len(self.cases) + 1:03d}"
        self.cases.append(
            {"comment": comment, "expect": expect, "id": number, "input": given, "operation": operation, "rule": rule}
        )

    @property
    def content(self) -> dict[str, Any]:
        return {"about": self.about, "cases": self.cases}


def bytes_of(*pieces: bytes | tuple[bytes, int]) -> dict[str, Any]:
    """Bytes as they stand in a case: {"hex"}, or {"pieces": [[hex, times], …]} when long and dull."""
    if all(isinstance(piece, bytes) for piece in pieces):
        return {"hex": b"".join(piece for piece in pieces if isinstance(piece, bytes)).hex()}
    counted = [(piece, 1) if isinstance(piece, bytes) else piece for piece in pieces]
    return {"pieces": [[piece.hex(), times] for piece, times in counted]}
