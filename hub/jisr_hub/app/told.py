"""What the numbers of /metrics are taken from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.routing import Route

from .. import __version__, events
from ..storage.measuring import measure
from ..web.readiness import free_share
from .folder import now
from .opening import Running


def metrics_of(running: Running, folder: Path) -> list[Route]:
    """The route of an open hub's metrics, unless its operator wants none."""
    if running.settings.metrics == "off":
        return []
    from ..web.metrics import Gauges, Metrics  # what it needs takes a tenth of a second to import

    gauges = Gauges(
        lambda: running.publisher.head,
        lambda: running.duty.leads,
        lambda: bool(running.duty.fenced),
        lambda: running.erasures.to_scrub,
        lambda: free_share(folder),
        lambda: events.told,
    )
    measured = partial(measure, running.ledger)
    open_to_all = running.settings.metrics == "on"
    return Metrics(running.hub.tally, gauges, measured, now, version=__version__, open_to_all=open_to_all).routes()
