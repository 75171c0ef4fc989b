"""`/metrics`: the numbers of this process for Prometheus, in its text form 0.0.4.

    loopback   (as it is without a setting) only to this machine: 404 to everybody else
    on         to everybody who reaches the hub
    off        to nobody

Who asks is the sender of the connection, or whom a proxy on this machine names in X-Forwarded-For; a proxy that names
nobody has to keep this address to itself. No label carries what somebody else wrote: codes and outcomes are from lists
of ours, peers are the identifiers of hubs that the operator follows. It costs a look each five seconds at most,
however often it is asked; entries are counted by batches (tally.py).
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol.head import Head
from jisr_protocol.problems import PROBLEMS

from ..ports import Clock
from ..tally import Durations, Measured, Tally
from .problem_documents import document

PATH = "/metrics"
CACHED_SECONDS = 5.0
MOST_PEERS = 200
ROLES = ("publisher", "followers", "pulls", "views", "witnessing", "attesting")
_log = structlog.get_logger()


@dataclass(frozen=True)
class Gauges:
    """What a look asks this process for; none of it asks the database."""

    head: Callable[[], Head | None]
    leads: Callable[[], Collection[str]]
    fenced: Callable[[], bool]
    unscrubbed: Callable[[], bool]
    free_share: Callable[[], float]
    events: Callable[[], Mapping[str, int]]


class Metrics:
    """One process's numbers. `measure` asks its ledger; `open_to_all` answers whoever asks."""

    def __init__(
        self,
        tally: Tally,
        gauges: Gauges,
        measure: Callable[[datetime], Awaitable[Measured]],
        clock: Clock,
        *,
        version: str,
        open_to_all: bool = False,
    ) -> None:
        self._tally, self._gauges, self._measure, self._clock = tally, gauges, measure, clock
        self._version, self._open_to_all = version, open_to_all
        self._families: list[Metric] = []
        self._looked = -CACHED_SECONDS
        self._looking = asyncio.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def routes(self) -> list[Route]:
        return [Route(PATH, self.metrics)]

    def collect(self) -> Iterator[Metric]:
        """What the last look found; called by the registry."""
        yield from self._families

    async def metrics(self, request: Request) -> Response:
        if not self._open_to_all and not from_this_machine(request):
            return document("not_found", "metrics are told to this machine only; see the setting `metrics`")
        async with self._looking:
            if time.monotonic() - self._looked >= CACHED_SECONDS:
                self._families = [*self._process(), *await self._ledger()]
                self._looked = time.monotonic()
        return Response(generate_latest(self._registry), 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_PLAIN_0_0_4)

    def _process(self) -> Iterator[Metric]:
        told, tally, head, now = self._gauges, self._tally, self._gauges.head(), self._clock()
        yield _labelled("jisr_hub_info", "The version that runs.", "version", {self._version: 1})
        entries = CounterMetricFamily(
            "jisr_hub_entries", "Entries that came, by way and by what became of them.", labels=("way", "outcome")
        )
        for (way, outcome), count in sorted(tally.entries.items()):
            entries.add_metric((way, outcome), count)
        yield entries
        yield _histogram("jisr_hub_publish_seconds", "How long publishing a new head took.", tally.published)
        if head is not None:
            age = (now - head.time).total_seconds()
            yield _gauge("jisr_hub_head_age_seconds", "Since the head was signed.", age)
            left = (head.expires - now).total_seconds()
            yield _gauge("jisr_hub_head_expires_seconds", "Until the head expires.", left)
            yield _gauge("jisr_hub_published_entries", "Entries that the head covers.", head.size)
            yield _gauge("jisr_hub_live_records", "Live records under the head.", head.live)
        leads = told.leads()
        does = {role: float(role in leads) for role in ROLES}
        yield _labelled("jisr_hub_leads", "Whether this process does the work that one of several does.", "role", does)
        yield _gauge("jisr_hub_fenced", "Whether nothing may be signed.", float(told.fenced()))
        share = told.free_share()
        yield _gauge("jisr_hub_disk_free_share", "Free share of the disk of the hub's folder.", share)
        waits = float(told.unscrubbed())
        yield _gauge("jisr_hub_erasures_unscrubbed", "Whether bytes of what was erased may still be on disk.", waits)
        events = CounterMetricFamily("jisr_hub_events", "Lines of the log by their code.", labels=("code",))
        for code, count in sorted(told.events().items()):
            events.add_metric((code,), count)
        yield events

    async def _ledger(self) -> list[Metric]:
        now = self._clock()
        try:
            found = await self._measure(now)
        # The database is away, in the words of either: the process's other numbers tell most just then.
        except Exception:
            _log.exception("metrics.unmeasured")
            return [_gauge("jisr_hub_database_up", "Whether the database answers.", 0)]
        return [
            _gauge("jisr_hub_database_up", "Whether the database answers.", 1),
            _gauge("jisr_hub_database_seconds", "How long the database took for its smallest answer.", found.seconds),
            _gauge("jisr_hub_log_entries", "Entries in the log.", found.entries),
            _labelled("jisr_hub_quarantined_entries", "Entries put aside.", "code", _known(found.quarantined)),
            _gauge("jisr_hub_acks_overdue", "Followers' words about erasures and holds that are late.", found.overdue),
            _labelled("jisr_hub_peers", "Hubs that are followed, by the outcome.", "outcome", _by(found.peers)),
            _labelled("jisr_hub_pulls", "Feeds that are fetched, by the outcome.", "outcome", found.pulls),
            *self._peers(sorted(found.peers)[:MOST_PEERS], now),
        ]

    def _peers(self, hubs: Iterable[str], now: datetime) -> Iterator[Metric]:
        """How this process follows; another one may be the one that does."""
        seen = {hub: one for hub in hubs if (one := self._tally.followed.get(hub)) is not None}
        ages = {hub: (now - one.at).total_seconds() for hub, one in seen.items()}
        lags = {hub: one.lag_seconds for hub, one in seen.items()}
        yield _labelled("jisr_hub_peer_success_age_seconds", "Since a round with a peer succeeded.", "peer", ages)
        says = "From a peer's signing of its newest head to its being held here."
        yield _labelled("jisr_hub_peer_lag_seconds", says, "peer", lags)


def from_this_machine(request: Request) -> bool:
    """Whether a request came over the loopback interface and names no sender beyond it."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client is not None else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)


def _labelled(name: str, says: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, says, labels=(label,))
    for key, value in sorted(values.items()):
        family.add_metric((key,), value)
    return family


def _histogram(name: str, says: str, took: Durations) -> Metric:
    so_far, buckets = 0, []
    for bound, count in zip((*took.bounds, float("inf")), took.counts, strict=True):
        so_far += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), so_far))
    return HistogramMetricFamily(name, says, buckets=buckets, sum_value=took.seconds)


def _known(codes: Mapping[str, int]) -> dict[str, float]:
    """By codes of the catalogue; what a later version has written counts as one."""
    found: dict[str, float] = {}
    for code, count in codes.items():
        name = code if code in PROBLEMS else "other"
        found[name] = found.get(name, 0) + count
    return found


def _by(outcomes: Mapping[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for outcome in outcomes.values():
        found[outcome] = found.get(outcome, 0) + 1
    return found
