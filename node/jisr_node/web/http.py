"""HTTP as the node speaks it: uvicorn's protocol, but what is no HTTP gets a problem document too.

It is h11, which never holds more than 64 KiB of an unfinished head, whichever parser else is installed.
"""

from __future__ import annotations

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol

from .feed import problem_document


class Http(H11Protocol):
    """One connection."""

    def send_400_response(self, msg: str) -> None:
        body = orjson.dumps(problem_document("malformed", 400))
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
