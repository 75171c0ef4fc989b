"""Proofs of the rules of what comes back to nodes (see tests/protocol/proofs.py)."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from jisr_hub.views.readers import MAILBOX, USAGE, Granted
from jisr_hub.web.tokens import Tokens
from tests.hub.mailbox_proofs import Granting
from tests.hub.mailbox_world import NOW
from tests.protocol.proofs import proves, refused


def _asked(granted: Granted, token: str = "ours") -> None:
    scope = {"type": "http", "headers": [(b"authorization", b"Bearer " + token.encode())]}
    tokens = Tokens(Granting(granted), "jisr:hub", lambda: NOW)
    asyncio.run(tokens.check_own(Request(scope), "jisr:node", USAGE, "USE-1"))


@proves("USE-1")
def a_report_is_given_to_its_node_alone() -> None:
    _asked(Granted("jisr:node", USAGE))
    refused("USE-1", lambda: _asked(Granted("jisr:another", USAGE)))
    refused("USE-1", lambda: _asked(Granted("jisr:node", MAILBOX)))
    refused("USE-1", lambda: _asked(Granted("jisr:node", USAGE), "guessed"))
