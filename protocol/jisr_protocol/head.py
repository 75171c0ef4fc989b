"""The head: the signed, dated state of a feed, and what two heads of one feed say together (docs/spec/head.md)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

import msgspec

from . import envelope, identifiers, majors, paths
from .envelope import Envelope
from .keys import KeyRing, SigningKey
from .limits import CLOCK_SKEW_SECONDS, EPOCH_JUMP, HEAD_BYTES, HUB_HEAD_HOURS, NODE_HEAD_DAYS
from .majors import MAJOR
from .refusal import refuse
from .shapes import Shape, list_of, object_of

_base = object_of({"epoch": identifiers.epoch, "log_root": identifiers.digest, "size": identifiers.count})
_named = object_of({"id": identifiers.text, "sha256": identifiers.digest})
_file = object_of({"path": identifiers.text, "sha256": identifiers.digest})
_snapshot = object_of({"path": identifiers.text, "seq": identifiers.count, "sha256": identifiers.digest})


def _gens(value: Any) -> str | None:
    """{"path":"gens/<sha256>.json","sha256"}: any other path could lead out of the feed."""
    if expected := _file(value):
        return expected
    path = paths.generations(value["sha256"])
    return None if value["path"] == path else f"an object with the path {path}"


def _snap(value: Any) -> str | None:
    """{"path":"snap/<epoch>-<seq>/manifest.json","seq","sha256"}."""
    if expected := _snapshot(value):
        return expected
    epoch = epoch_of_snapshot(value)
    fits = identifiers.epoch(epoch) is None and value["path"] == paths.snapshot(epoch, value["seq"])
    return None if fits else f"an object with the path snap/<epoch>-{value['seq']}/manifest.json"


def epoch_of_snapshot(snap: dict[str, Any]) -> str:
    """The epoch in the path of a head's member `snap`."""
    return str(snap["path"]).removeprefix("snap/").partition("/")[0].rpartition("-")[0]


_HEAD = Shape(
    "HEAD-1",
    {
        "bases": list_of(_base, most=64),
        "by": identifiers.node,
        "epoch": identifiers.epoch,
        "expires": identifiers.instant,
        "floor": identifiers.count,
        "jisr": identifiers.text,
        "live": identifiers.count,
        "log_root": identifiers.digest,
        "name": identifiers.feed_name,
        "next": identifiers.instant,
        "size": identifiers.count,
        "state_root": identifiers.digest,
        "time": identifiers.instant,
    },
    {"gens": _gens, "policy": _named, "snap": _snap},
)


class Head(msgspec.Struct, frozen=True):
    """A well-formed head. Its signature is NOT checked; `verified` returns a VerifiedHead."""

    envelope: Envelope
    by: str
    name: str
    epoch: str
    size: int
    live: int
    floor: int
    log_root: str
    state_root: str
    time: datetime
    expires: datetime
    bases: tuple[dict[str, Any], ...]
    gens: dict[str, Any] | None = None
    """{"path", "sha256"} of the file of generations; without it every page is of the first."""
    snap: dict[str, Any] | None = None
    """{"path", "seq", "sha256"} of a snapshot's manifest."""
    policy: dict[str, str] | None = None
    """{"id", "sha256"} of what the feed takes; without it, all that its publisher takes (POL-5)."""
    jisr: str = MAJOR
    """The major in which the files of the feed are written."""

    @property
    def raw(self) -> bytes:
        """The file: canonical bytes and a line feed."""
        return self.envelope.raw + b"\n"


class VerifiedHead(msgspec.Struct, frozen=True):
    """A head signed by an active key of its feed's owner and dated within reason. Made only by `verified`."""

    head: Head
    kid: str


class Relation(Enum):
    """What an offered head is to a stored one of the same feed."""

    SAME = "same"
    LARGER = "larger"
    OLDER = "older"
    ROLLBACK = "rollback"
    FORK = "fork"
    NEW_EPOCH = "new epoch"


def parse(raw: bytes) -> Head:
    """Read a head file: canonical (CAN), one line (PAGE-4), a head of a major spoken here (HEAD-1, HEAD-2).

    Raises Refusal."""
    thing = envelope.parse(raw.removesuffix(b"\n"), "head", limit_bytes=HEAD_BYTES)
    return of(thing)


def of(thing: Envelope) -> Head:
    """The head that an envelope of kind head holds (HEAD-1 to HEAD-3)."""
    value = thing.value
    if isinstance(value, dict) and isinstance(value.get("jisr"), str) and value["jisr"] not in majors.SPOKEN:
        expected = f"major version {' or '.join(majors.spoken())}"
        refuse("HEAD-2", "/head/jisr", expected=expected, came=value["jisr"])
    _HEAD.check(value, "/head")
    if value["floor"] > value["size"] or value["live"] > value["size"]:
        refuse("HEAD-3", "/head/size", expected="a size not below floor and live", came=value["size"])
    if value["expires"] < value["time"]:
        refuse("HEAD-3", "/head/expires", expected="an instant after time", came=value["expires"])
    snap = value.get("snap")
    if snap is not None and not value["floor"] <= snap["seq"] <= value["size"]:
        refuse("HEAD-3", "/head/snap/seq", expected="a position from floor to size", came=snap["seq"])
    return Head(
        thing,
        value["by"],
        value["name"],
        value["epoch"],
        value["size"],
        value["live"],
        value["floor"],
        value["log_root"],
        value["state_root"],
        identifiers.from_instant(value["time"]),
        identifiers.from_instant(value["expires"]),
        tuple(value["bases"]),
        value.get("gens"),
        snap,
        value.get("policy"),
        value["jisr"],
    )


def verified(head: Head, ring: KeyRing, *, now: datetime) -> VerifiedHead:
    """Check a head under its owner's keys.

    Always checks: the ring is the owner's (KEY-2), signature (SIG-1 to SIG-5), an active key (KEY-6, HEAD-4), a time
    at most ten minutes ahead of `now` (HEAD-5). Does not check expiry: a late head is a label, see `expired`.
    """
    if ring.id != head.by:
        refuse("KEY-2", "/head/by", expected=ring.id, came=head.by)
    kid = ring.verify(head.envelope, active_only=True)
    if head.time > now + timedelta(seconds=CLOCK_SKEW_SECONDS):
        refuse(
            "HEAD-5", "/head/time", expected=f"at most 10 minutes after {now:%Y-%m-%dT%H:%M:%SZ}", came=str(head.time)
        )
    return VerifiedHead(head, kid)


def expired(head: Head, now: datetime, *, role: str = "node") -> bool:
    """HEAD-6: its publisher promised a newer one by now, or should have: no promise holds longer than its role's."""
    longest = timedelta(hours=HUB_HEAD_HOURS) if role == "hub" else timedelta(days=NODE_HEAD_DAYS)
    return min(head.expires, head.time + longest) < now


def check_epoch(held: Head, offered: Head, *, now: datetime) -> None:
    """HEAD-7: who signs with a stolen key must not use the numbers of epochs up, of which there are 10^9."""
    most = EPOCH_JUMP * (1 + max((now - held.time).days, 0))
    number = identifiers.epoch_number(held.epoch)
    if identifiers.epoch_number(offered.epoch) - number > most:
        refuse("HEAD-7", "/head/epoch", expected=f"a number of at most {number + most}", came=offered.epoch)


def compare(stored: Head, offered: Head) -> Relation:
    """What `offered` is to `stored`; both heads of one feed, both verified (READ-2 to READ-4)."""
    if offered.epoch != stored.epoch:
        old, new = identifiers.epoch_number(stored.epoch), identifiers.epoch_number(offered.epoch)
        if new == old:
            return Relation.FORK
        return Relation.NEW_EPOCH if new > old else Relation.OLDER
    if offered.size == stored.size:
        same = (offered.log_root, offered.state_root, offered.live) == (stored.log_root, stored.state_root, stored.live)
        return Relation.SAME if same else Relation.FORK
    if offered.size > stored.size:
        return Relation.LARGER
    return Relation.OLDER if offered.time < stored.time else Relation.ROLLBACK


def write(
    key: SigningKey,
    *,
    by: str,
    name: str,
    epoch: str,
    size: int,
    live: int,
    log_root: bytes,
    state_root: bytes,
    time: datetime,
    valid_for: timedelta,
    next_in: timedelta,
    bases: tuple[dict[str, Any], ...] = (),
    floor: int = 0,
    policy: dict[str, str] | None = None,
    gens: dict[str, Any] | None = None,
    snap: dict[str, Any] | None = None,
) -> Head:
    """Make and sign the head of a feed. `gens`, `snap`: see generations.named, snapshot.named."""
    value: dict[str, Any] = {
        "bases": list(bases),
        "by": by,
        "epoch": epoch,
        "expires": identifiers.to_instant(time + valid_for),
        "floor": floor,
        "jisr": MAJOR,
        "live": live,
        "log_root": log_root.hex(),
        "name": name,
        "next": identifiers.to_instant(time + next_in),
        "size": size,
        "state_root": state_root.hex(),
        "time": identifiers.to_instant(time),
    }
    optional = {"gens": gens, "policy": policy, "snap": snap}
    value.update({name: member for name, member in optional.items() if member is not None})
    return of(envelope.sealed("head", value, key))


def beside(head: Head, major: str, key: SigningKey, *, snap: dict[str, Any] | None) -> Head:
    """The same head for the feed of another major: of the same log, set and time (VER-4); `snap` names its manifest.

    The same head gives the same bytes each time, so whoever makes it again never signs two of one date."""
    value = {**head.envelope.value, "jisr": major}
    value.pop("snap", None)
    if snap is not None:
        value["snap"] = snap
    return of(envelope.sealed("head", value, key))
