"""The capability document /.well-known/jisr.json: what is offered here; the rest is never probed for (CAP-1)."""

from __future__ import annotations

from typing import Annotated, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import canonical, limits
from .refusal import refuse

Instant = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Identifier = Annotated[str, Field(pattern=r"^jisr:[a-z2-7]{52}$")]


class FeedOffer(BaseModel):
    """A feed that can be read here: `href` is its address, relative to the document's origin or absolute."""

    model_config = ConfigDict(extra="allow", strict=True)
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    href: Annotated[str, Field(min_length=1, max_length=2000)]
    audience: Literal["public", "partners", "hub"]
    jisr: str | None = None
    """The major it is written in; without it, 1."""


class Ending(BaseModel):
    """When it was said that a major ends, and when it does: instants."""

    model_config = ConfigDict(extra="allow", strict=True)
    deprecated: Instant
    sunset: Instant


class Limits(BaseModel):
    """What the other side may send; defaults are the protocol's."""

    model_config = ConfigDict(extra="allow", strict=True)
    record_bytes: int = limits.RECORD_BYTES
    batch_entries: int = limits.BATCH_ENTRIES
    batch_bytes: int = limits.BATCH_BYTES
    inflate_ratio: int = limits.INFLATE_RATIO
    wait_seconds: int = limits.LONG_POLL_SECONDS
    per_node_day: int = limits.PER_NODE_DAY


class Capabilities(BaseModel):
    """The whole document. Unknown members are ignored and kept."""

    model_config = ConfigDict(extra="allow", strict=True)
    jisr: Annotated[list[str], Field(min_length=1)]
    id: Identifier
    role: Literal["node", "hub"]
    name: Annotated[str, Field(min_length=1, max_length=300)]
    feeds: list[FeedOffer]
    keys: str
    push: str | None = None
    ping: str | None = None
    token: str | None = None
    admission: str | None = None
    anchor: str | None = None
    notices: str | None = None
    messages: str | None = None
    matches: str | None = None
    usage: str | None = None
    sunset: dict[str, Ending] | None = None
    encodings: list[str] = ["gzip", "zstd"]
    features: list[str] = []
    limits: Limits = Limits()

    def to_bytes(self) -> bytes:
        """The canonical file, with a line feed."""
        members = self.model_dump()
        for name in (
            "push",
            "ping",
            "token",
            "admission",
            "anchor",
            "notices",
            "messages",
            "matches",
            "usage",
            "sunset",
        ):
            if members[name] is None:
                del members[name]
        for feed in members["feeds"]:
            if feed["jisr"] is None:
                del feed["jisr"]
        return canonical.dumps(members, limit_bytes=limits.HEAD_BYTES) + b"\n"


def parse(raw: bytes) -> Capabilities:
    """Read a capability document: canonical bytes, and members of the right form (CAP-2). Raises Refusal."""
    value = canonical.parse(raw.removesuffix(b"\n"), limit_bytes=limits.HEAD_BYTES)
    try:
        return Capabilities.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        pointer = "".join(f"/{canonical.escape(str(part))}" for part in first["loc"])
        refuse("CAP-2", pointer, expected=first["msg"], came=orjson.dumps(first.get("input"), default=str).decode())
        return Capabilities.model_construct(jisr=["1"], id="", role="hub", name="", feeds=[], keys="")
