"""A feed in a bucket of any S3-compatible store, by way of obstore: what never changes first, the head last.

Only blocking calls, in threads of ours: what a call of obstore's asyncio way leaves behind can abort a program that
ends. Who may write stands in the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or others of that family.

A head that is shown has everything it promises, whatever dies in between: files that never change are whole objects
under names of their own, and what no head promises goes after the head only. Pages that an erasure wrote again go at
once, and so do pages the last head does not promise; a state tree's files stay until the next round but one.
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from jisr_protocol import generations, head, paths
from jisr_protocol.head import Head
from jisr_protocol.limits import PAGE_CACHE_SECONDS
from jisr_protocol.refusal import Refusal

from ..errors import HubUnreachable, Mistaken
from ..export import promised
from .folder import OURS, Written

if TYPE_CHECKING:
    from obstore.store import S3Config

AT_ONCE = 8
SECONDS, RETRY_SECONDS = 120, 20
_LASTING = f"public, max-age={PAGE_CACHE_SECONDS}, immutable"
_SMALL = {paths.KEYS: "public, max-age=60", paths.CAPABILITIES: "public, max-age=60", paths.HEAD: "public, max-age=10"}
"""How the files that change may be cached."""


class Bucket:
    """What stands in a bucket below a prefix. Every method raises HubUnreachable when the store does not do it."""

    def __init__(self, address: str, *, endpoint: str = "", region: str = "") -> None:
        """`address` is s3://bucket/prefix, `endpoint` that of a store other than Amazon's. Raises Mistaken."""
        try:
            from obstore.store import S3Store
        except ImportError:
            raise Mistaken("To publish to a bucket, install: jisr-node[s3]. Nothing was sent.") from None
        self.address = address.rstrip("/")
        bucket, _, prefix = self.address.removeprefix("s3://").partition("/")
        options: S3Config = {}
        if endpoint:
            options["endpoint"] = endpoint
        if region:
            options["region"] = region
        with self._told():
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                config=options,
                client_options={
                    "allow_http": endpoint.startswith("http://"),
                    "timeout": timedelta(seconds=SECONDS),
                    "connect_timeout": timedelta(seconds=RETRY_SECONDS),
                },
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
            )

    def head(self) -> Head | None:
        """The head that is shown, None when there is none that can be read."""
        try:
            raw = self.get(paths.HEAD)
            return head.parse(raw) if raw is not None else None
        except Refusal:
            return None

    def get(self, path: str) -> bytes | None:
        import obstore

        with self._told():
            try:
                return bytes(obstore.get(self._store, path).bytes())
            except FileNotFoundError:
                return None

    def names(self) -> set[str]:
        """Every object below the prefix."""
        import obstore

        with self._told():
            return {str(one["path"]) for chunk in obstore.list(self._store) for one in chunk}

    def put(self, path: str, content: bytes) -> None:
        """Put one file of a feed; what lasts as gzip, which every client reads."""
        import obstore

        kind = "application/x-ndjson" if path.endswith(".ndjson") else "application/json"
        attributes = {"Content-Type": kind, "Cache-Control": _SMALL.get(path, _LASTING)}
        if path not in _SMALL:
            content, attributes["Content-Encoding"] = gzip.compress(content, 9, mtime=0), "gzip"
        with self._told():
            obstore.put(self._store, path, content, attributes=attributes)

    def delete(self, names: Collection[str]) -> None:
        import obstore

        with self._told():
            if names:
                obstore.delete(self._store, sorted(names))

    @contextmanager
    def _told(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError:
            raise
        except (BaseError, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise HubUnreachable(
                f"{self.address} cannot be used now ({reason}). What was shown before is shown still, and nothing is "
                "lost. Give the same command again later."
            ) from None


def write_feed(
    bucket: Bucket, files: Iterable[tuple[str, bytes]], left: Collection[str] = ()
) -> tuple[Written, list[str]]:
    """Bring a bucket up to these files, the head last. `left` are the names that the round before left; gives what was
    written, and the names to remember for the next round."""
    there, before = bucket.names(), bucket.head()
    later: Mapping[int, int] = {}
    keep, small, lasting = set(_SMALL), [], []
    for path, content in files:
        keep.add(path)
        if path.startswith("gens/"):
            later = generations.parse(content, path[5:69])
        if path in _SMALL:
            small.append((path, content))
        elif path not in there:
            lasting.append((path, content))
    with ThreadPoolExecutor(AT_ONCE) as hands:
        for _ in hands.map(lambda one: bucket.put(*one), lasting):
            pass
    for path, content in small:  # in their order: the head is the last of them
        bucket.put(path, content)
    gone, stays = _leftovers(bucket, there - keep, before, later, left)
    bucket.delete(gone)
    return Written(len(lasting) + len(small), len(keep) - len(lasting) - len(small)), sorted(stays)


def _leftovers(
    bucket: Bucket, names: Collection[str], before: Head | None, later: Mapping[int, int], left: Collection[str]
) -> tuple[set[str], set[str]]:
    """(what goes now, what stays one round longer for whoever is just reading it). Nobody else's files are touched."""
    ours = {name for name in names if OURS.fullmatch(name)}
    pages = {name for name in ours if name.startswith("log/")}
    was: Mapping[int, int] = {}
    if before is not None and before.gens is not None:
        was = _generations(bucket.get(before.gens["path"]), before.gens["sha256"])
    read = set()
    if before is not None:
        read = {path for number, _, path in promised(before, was) if was.get(number, 1) == later.get(number, 1)}
    stays = (pages & read) | (ours - pages - set(left))
    return ours - stays, stays - pages


def _generations(packed: bytes | None, name: str) -> Mapping[int, int]:
    try:
        return generations.parse(gzip.decompress(packed), name) if packed is not None else {}
    except (OSError, EOFError, Refusal):
        return {}
