"""How often a node's records were used here, for the node itself (docs/spec/usage.md)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_protocol import canonical, identifiers
from jisr_protocol.limits import USAGE_BYTES, USAGE_RECORDS, USAGE_WEEKS
from jisr_protocol.usage import told, weeks

from ..usage.counting import Counting, Uses
from ..views.readers import USAGE
from .problem_documents import document
from .tokens import Tokens

PATH = "/v1/nodes/{node}/usage"
_ROWS = (USAGE_RECORDS + 1) * USAGE_WEEKS


def routes(here: str, uses: Uses, counting: Counting, tokens: Tokens) -> list[Route]:
    """The one call."""

    async def usage(request: Request) -> Response:
        node, after = request.path_params["node"], request.query_params.get("after", "")
        await tokens.check_own(request, node, USAGE, "USE-1")
        if after and identifiers.uuid(after) is not None:
            return document("malformed", "expected ?after= and the id of a record, as the page before gave it")
        today = counting.today()
        first = weeks(today)[0]
        value = told(
            here,
            node,
            today,
            await uses.days(node, first, today, after, _ROWS),
            await uses.everything(node, first, today),
            await uses.corrected(node),
            after,
        )
        raw = canonical.dumps(value, limit_bytes=USAGE_BYTES) + b"\n"
        return Response(raw, 200, {"Cache-Control": "no-store"}, "application/json")

    return [Route(PATH, usage, methods=["GET"])]
