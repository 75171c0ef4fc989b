"""How often a node's records were used, asked of its hub over HTTP (docs/spec/usage.md, tokens.md)."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from jisr_protocol import limits, usage
from jisr_protocol.reader.http import ExchangeError
from jisr_protocol.refusal import Refusal
from jisr_protocol.usage import Report

from ..errors import HubRefused
from ..identity import Identity
from .mailbox import HttpMailbox

PAGES_MOST = 20


class HttpUsage(HttpMailbox):
    """One hub that counts. Errors are those of ports.Hub."""

    async def report(self, who: Identity, hub: str, now: datetime) -> list[Report]:
        """Every page of the report about this node, at most 20. Raises HubRefused when one is not as it should be."""
        place = (await self._offered("usage")).replace("%7Bnode%7D", who.id).replace("{node}", who.id)
        bearer = await self._token(who, hub, now, "usage")
        pages: list[Report] = []
        after = ""
        while not pages or (after and len(pages) < PAGES_MOST):
            asked = f"{place}?{urlencode({'after': after})}" if after else place
            try:
                answer = await self._client.get(asked, limit_bytes=limits.USAGE_BYTES, headers=bearer)
            except ExchangeError as error:
                raise self._failed(error) from error
            try:
                pages.append(usage.parse(self._good(answer).body, hub=hub, node=who.id))
            except Refusal as refusal:
                raise HubRefused(
                    refusal.code,
                    f"What {self.address} tells of use cannot be believed ({refusal}). What was told before is kept.",
                ) from None
            before, after = after, pages[-1].after
            if after and after <= before:  # else a hub could keep us asking
                break
        return pages
