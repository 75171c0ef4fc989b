"""What scripts of any page may read: the public feeds, what is said of them, and answers to public questions.

A browser hands an answer to a script of another origin only where the answer allows it. What stands below is public
and asks for no cookie, so all are allowed; nothing else says anything of origins, and no call that writes.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN = (
    "/.well-known/jisr.json",
    "/embed.js",
    "/export/",
    "/feeds/",
    "/hsds",
    "/keys.json",
    "/sandbox/",
    "/static/vendor/land.json",
    "/v1/export",
    "/v1/nodes/",
    "/v1/openapi.json",
    "/v1/search",
)
"""Beginnings of addresses. A restricted feed asks for a header that no script of another origin may send."""
_ALLOWED = [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", b"ETag, Link")]


class OpenToPortals:
    """Says of public answers to GET and HEAD that any page may read them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or not scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return

        asked = any(name == b"origin" for name, _ in scope["headers"])

        async def allowing(message: Message) -> None:
            # nobody keeps a 304, so who is no browser is spared these bytes each time nothing has changed
            if message["type"] == "http.response.start" and (asked or message["status"] != 304):
                said = message.get("headers", ())
                told = {name.lower() for name, _ in said}
                message["headers"] = [*said, *((name, value) for name, value in _ALLOWED if name not in told)]
            await send(message)

        await self._app(scope, receive, allowing)
