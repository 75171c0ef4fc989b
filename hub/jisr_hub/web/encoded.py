"""The smaller form of a page or a file of the pages, for readers who take it (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import gzip
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response

from .negotiation import codings

_LEAST_BYTES = 1024
_LEVEL, _BEST = 6, 9


def encoded(request: Request, response: Response) -> Response:
    """Give a page compressed when its reader takes gzip; nothing on these pages is secret, so its size tells none."""
    body = bytes(response.body)
    if len(body) >= _LEAST_BYTES and takes_gzip(request):
        response.body = gzip.compress(body, _LEVEL, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Length"] = str(len(response.body))
    vary = response.headers.get("Vary")
    response.headers["Vary"] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    return response


def takes_gzip(request: Request) -> bool:
    """Whether this reader takes gzip."""
    return "gzip" in codings(request.headers.get("accept-encoding"))


@lru_cache(64)
def smallest(content: bytes) -> bytes:
    """A file of the pages, compressed once."""
    return gzip.compress(content, _BEST, mtime=0)
