"""The page that an invitation opens: what Jisr is, for whom, three ways to begin, the invitation ready to be pasted.

The code stands behind the `#` of the address, which no browser sends: this hub, its log and its proxies see an
invitation used only by the node that brings it. A script of ours shows it on the page; without it the page says to copy
the whole address.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from jisr_hub.web.page import page, reader_language

from .refer import SCRIPTED

PATH = "/join"


def routes(hub_name: str, address: str, default: str) -> list[BaseRoute]:
    """The one page."""

    async def join(request: Request) -> Response:
        language = reader_language(request, default)
        answer = page(request, language, "public/join.html", hub_name=hub_name, address=f"{address.rstrip('/')}{PATH}")
        answer.headers.update(SCRIPTED | {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"})
        return answer

    return [Route(PATH, join)]
