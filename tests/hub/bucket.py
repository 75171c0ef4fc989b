"""A bucket on this machine that anybody may read: moto's S3 server, over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from moto.server import ThreadedMotoServer

from tests.hub.fronts import Answered, ask

NAME = "jisr"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "a word", "AWS_REGION": "us-east-1"}


@dataclass(frozen=True)
class Store:
    """A server with one bucket."""

    endpoint: str

    def get(self, path: str, **headers: str) -> Answered:
        """An object as a stranger gets it."""
        return ask(f"{self.endpoint}/{NAME}/{path}", **headers)


@contextlib.contextmanager
def store() -> Iterator[Store]:
    """The server, with the bucket `jisr`, whose objects anybody may read and list."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        made = Store(f"http://{host}:{port}")
        _put(made, f"/{NAME}", b"")
        everybody = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:HeadObject"],
                     "Resource": f"arn:aws:s3:::{NAME}/*"}  # fmt: skip
        _put(made, f"/{NAME}?policy", json.dumps({"Version": "2012-10-17", "Statement": [everybody]}).encode())
        yield made
    finally:
        server.stop()


def _put(made: Store, target: str, body: bytes) -> None:
    connection = http.client.HTTPConnection(urlsplit(made.endpoint).netloc, timeout=60)
    connection.request("PUT", target, body, {"Content-Type": "application/json"})
    assert connection.getresponse().status < 300
    connection.close()
