"""The Objects port on any S3-compatible store, by way of obstore. Imported only where a store is set up.

Its blocking calls stand in threads of ours: a thread of its own runtime, still holding what a call of its asyncio way
left while the interpreter ends, aborts the process, and a command that said its sentence would end with a signal.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from ..ports import Shown, Unstored

if TYPE_CHECKING:
    from obstore.store import S3Config  # stands in its types only

PUT_SECONDS, RETRY_SECONDS = 300, 20
"""How long one request may take, and how long it is tried again by itself."""
DELETED_AT_ONCE = LISTED_AT_ONCE = 1000


class S3Objects:
    """One bucket, or what stands in it below a prefix. Credentials come from the environment (AWS_ACCESS_KEY_ID …)."""

    def __init__(self, address: str, *, endpoint: str = "", region: str = "") -> None:
        """`address` is s3://bucket or s3://bucket/prefix, `endpoint` the address of a store other than Amazon's."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        self.address = address
        options: S3Config = {}
        if endpoint:
            options["endpoint"] = endpoint
        if region:
            options["region"] = region
        with self._told():
            self._store = S3Store(
                bucket,
                prefix=prefix.strip("/") or None,
                config=options,
                client_options={
                    "allow_http": endpoint.startswith("http://"),
                    "timeout": timedelta(seconds=PUT_SECONDS),
                    "connect_timeout": timedelta(seconds=RETRY_SECONDS),
                },
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
            )

    async def put(self, path: str, content: bytes | Path, shown: Shown) -> None:
        attributes = {"Content-Type": shown.content_type, "Cache-Control": shown.cache_control}
        if shown.content_encoding:
            attributes["Content-Encoding"] = shown.content_encoding
        with self._told():
            try:
                await asyncio.to_thread(obstore.put, self._store, path, content, attributes=attributes)
            except FileNotFoundError as error:
                if isinstance(content, Path) and not content.is_file():
                    raise
                raise Unstored(f"{self.address} cannot be used: {_reason(error)}") from None

    async def get(self, path: str) -> bytes | None:
        with self._told():
            try:
                return await asyncio.to_thread(self._got, path)
            except FileNotFoundError:
                return None

    async def delete(self, names: Sequence[str]) -> None:
        for first in range(0, len(names), DELETED_AT_ONCE):
            with self._told():
                await asyncio.to_thread(obstore.delete, self._store, list(names[first : first + DELETED_AT_ONCE]))

    async def list(self) -> AsyncIterator[str]:
        with self._told():
            listed = iter(obstore.list(self._store, chunk_size=LISTED_AT_ONCE))
            while found := await asyncio.to_thread(next, listed, ()):
                for one in found:
                    yield str(one["path"])

    def _got(self, path: str) -> bytes:
        return bytes(obstore.get(self._store, path).bytes())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError, ValueError) as error:
            raise Unstored(f"{self.address} cannot be used now: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """What the store or the way to it said, in short; a store says why in XML."""
    said = re.sub(r"\s+", " ", str(error).strip().split("\n\n")[0])
    code, message = re.search(r"<Code>([^<]*)</Code>", said), re.search(r"<Message>([^<]*)</Message>", said)
    if code is not None:
        return f"it answers {code[1]}" + (f": {message[1]}" if message else "")
    return said.split(" in ")[0].split(" - Server")[0][:300] + (
        ": no connection" if "error sending request" in said else ""
    )
