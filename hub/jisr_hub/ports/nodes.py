"""What is known of nodes: who they are, what is said of them, which of their words do not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from jisr_protocol.statement import HUB, Statement


class Nullified(msgspec.Struct, frozen=True, gc=False):
    """One version of a record, or one target of a notice, that a lost key had signed: it does not count (KEY-10).

    `audience` is that of the record, or NOTICE; `digest` that of the version or the notice.
    """

    node: str
    id: str
    audience: str
    digest: str


NOTICE = "notice"


@dataclass(frozen=True)
class Member:
    """A node known here. Where it is taken from and who attests it are two things."""

    node: str
    name: str
    upstream: str
    """The identifier of the peer it is taken from, "" when it is admitted here and taken from the node itself."""
    per_hour: int
    per_day: int
    admitted_at: str
    home: str = ""
    """The identifier of the hub that attests it; "" as long as no statement has said which."""

    def home_hub(self, here: str) -> str:
        """Its home hub as far as it is known at the hub `here`: until a statement says it, where it is taken from."""
        return self.home or self.upstream or here


class Told(msgspec.Struct, frozen=True):
    """A statement as it is held, once for each key that signed it."""

    statement: Statement
    kid: str
    proven: bool = True
    """False: of a signer whose keys are not known here, so it is carried for others to judge."""
    at: str = ""

    @property
    def by_anchor(self) -> bool:
        """Whether it is of the kind that several keys sign, each on its own."""
        return self.statement.about == HUB


@dataclass(frozen=True)
class Stated:
    """The head of a node that this feed said last, and how often the node was touched up to now."""

    node: str
    touched: int
    """Rises with every change of the node's log or of its records here."""
    head: bytes = b""
    """The file of that head; empty when none was ever said."""
    missing: Mapping[str, int] = field(default_factory=dict)
    seq: int = -1
    at: str = ""
    """When it was said."""
    word: int = -1
    """No word about a record of the node stands after this position."""
