"""How much one node may send (LIM-3): requests a second, entries an hour and a day. In memory: a restart forgives."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jisr_protocol.limits import PER_NODE_SECOND
from jisr_protocol.refusal import Refusal, is_switched_off

from .ports import Member


@dataclass
class _Spent:
    requests: deque[datetime] = field(default_factory=deque)
    entries: deque[tuple[datetime, int]] = field(default_factory=deque)
    """Of the last hour; `earlier` of the day before it."""
    earlier: deque[tuple[datetime, int]] = field(default_factory=deque)
    in_hour: int = 0
    in_day: int = 0


class QuotaExhausted(Refusal):
    """ING-10: too much for now. Never a failure: nothing is lost, the node sends again after `retry_after` seconds."""

    def __init__(self, pointer: str, expected: str, came: object, retry_after: int) -> None:
        super().__init__("ING-10", pointer, expected, came)
        self.retry_after = retry_after


class Quota:
    """The last day of every node, in batches."""

    def __init__(self) -> None:
        self._spent: dict[str, _Spent] = {}

    def take(self, member: Member, entries: int, now: datetime) -> None:
        """Count a push of `entries` new entries; raises QuotaExhausted when what came before has used the quota up.

        A batch that crosses the line still passes, so that a quota smaller than a batch does not block for ever.
        """
        spent = self._spent.setdefault(member.node, _Spent())
        self._forget(spent, now)
        if not is_switched_off("ING-10"):
            self._check(spent, member, now)
        spent.requests.append(now)
        spent.entries.append((now, entries))
        spent.in_hour += entries
        spent.in_day += entries

    def _check(self, spent: _Spent, member: Member, now: datetime) -> None:
        if len(spent.requests) >= PER_NODE_SECOND:
            raise QuotaExhausted("", f"at most {PER_NODE_SECOND} pushes a second", len(spent.requests), 1)
        if spent.in_hour >= member.per_hour:
            raise QuotaExhausted("", f"at most {member.per_hour} entries an hour", spent.in_hour, 900)
        if spent.in_day >= member.per_day:
            raise QuotaExhausted("", f"at most {member.per_day} entries a day", spent.in_day, 3600)

    def _forget(self, spent: _Spent, now: datetime) -> None:
        while spent.requests and spent.requests[0] <= now - timedelta(seconds=1):
            spent.requests.popleft()
        while spent.entries and spent.entries[0][0] <= now - timedelta(hours=1):
            spent.earlier.append(spent.entries.popleft())
            spent.in_hour -= spent.earlier[-1][1]
        while spent.earlier and spent.earlier[0][0] <= now - timedelta(days=1):
            spent.in_day -= spent.earlier.popleft()[1]
