"""What the hub's server can do at most: the same uvicorn and Starlette, and behind them nothing but one constant with
as many headers as a page has.

python -m tests.hub.constant PORT BYTES
"""

from __future__ import annotations

import random
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jisr_hub.web import problem_documents
from jisr_hub.web.http import Http


def application(size: int) -> Starlette:
    """Answers GET /constant with so many bytes."""
    body = random.Random(1).randbytes(size)
    headers = {
        "Cache-Control": "public, max-age=604800, immutable",
        "Vary": "Accept-Encoding",
        "Accept-Ranges": "bytes",
        "ETag": '"1879a8f1c2d4e600-7f02-constant"',
        "Content-Encoding": "constant",
    }

    async def constant(_: Request) -> Response:
        return Response(body, 200, headers, "application/x-ndjson")

    return Starlette(routes=[Route("/constant", constant)], exception_handlers=problem_documents.HANDLERS)


def main() -> None:
    port, size = int(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(
        application(size), host="127.0.0.1", port=port, http=Http, ws="none", log_config=None, access_log=False,
        server_header=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
