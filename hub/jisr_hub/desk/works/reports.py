"""Acts on what people report as wrong."""

from __future__ import annotations

from ..bench import N_, Asked, Bench, CannotAct, Result


async def done(bench: Bench, asked: Asked) -> Result:
    """Say that somebody has looked at a report: nothing of it is kept. The subject is `<node>/<id>/<number>`."""
    record, _, number = asked.subject.rpartition("/")
    if bench.reports is None or not await bench.reports.drop(number):
        raise CannotAct(N_("Nothing was changed: no such report waits."))
    return Result({"record": record, "report": number})
