"""Where a feed is read from: an address (http, https) or a folder. Every fetch becomes an event of the session.

A page that is not there may stand compressed under a name of its own (PATH-3): in a folder of a hub, or on a web server
that knows nothing of codings.

place = FolderPlace(Path("export"))
event = await place.fetch(Fetch("head.json", 65536))
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from .. import paths
from ..inflate import inflate
from ..limits import PARALLEL_FETCHES
from ..refusal import Refusal
from ..session import Event, Fetch, Fetched, Garbled, Missing, NotModified, Unreachable
from . import answers

if TYPE_CHECKING:
    from .http import GuardedClient
    from .tokens import TokenClient

ATTEMPTS = 3
_MAGIC = {".zst": (b"\x28\xb5\x2f\xfd", "zstd"), ".gz": (b"\x1f\x8b", "gzip")}
"""How a compressed form begins, and its coding."""


class Place(Protocol):
    """What the reader needs of a feed's place. Never raises for what the other side does: that is an event too."""

    @property
    def address(self) -> str: ...

    @property
    def requests(self) -> int:
        """Files asked for so far."""

    @property
    def received_bytes(self) -> int: ...

    @property
    def wait_seconds(self) -> float:
        """How long the other side asks not to be asked again; 0 when it asks for nothing."""

    @property
    def throttled(self) -> bool:
        """Whether it answered 429, which is no failure."""

    async def fetch(self, wanted: Fetch) -> Event: ...


class FolderPlace:
    """A feed in a folder: an export, a USB stick."""

    wait_seconds = 0.0
    throttled = False

    def __init__(self, folder: Path) -> None:
        self.address = str(folder)
        self.requests = 0
        self.received_bytes = 0
        self._folder = folder

    async def fetch(self, wanted: Fetch) -> Event:
        self.requests += 1
        for name in paths.forms(wanted.path):
            try:
                with (self._folder / name).open("rb") as file:
                    # no more than is there: room for the limit would be made first
                    body = file.read(min(os.fstat(file.fileno()).st_size, wanted.limit_bytes) + 1)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                continue
            except OSError as error:
                return Unreachable(wanted.path, f"it cannot be read ({error.strerror})")
            self.received_bytes += len(body)
            return _unpacked(wanted, name, body, None)
        # a folder that is gone altogether is a stick that was pulled out, not a feed without this file
        if self._folder.is_dir():
            return Missing(wanted.path)
        return Unreachable(wanted.path, f"the folder {self._folder} is not there")


class HttpPlace:
    """A feed at an address. All connections are made by the guarded client."""

    def __init__(
        self,
        address: str,
        client: GuardedClient | TokenClient,
        *,
        seen: str | None = None,
        waiting: tuple[int, float] | None = None,
    ) -> None:
        """`waiting`: the first question for the head asks for one of more entries than this, for so many seconds."""
        self.address = address
        self.requests = 0
        self.received_bytes = 0
        self.wait_seconds = 0.0
        self.throttled = False
        self.partials: dict[str, answers.Partial] = {}
        """Of files whose line was cut: what came, by path."""
        self.wire_bytes = 0
        """Everything that came in bodies, compressed as it came."""
        self.repeated: list[int] = []
        """Of each cut after which a file had to begin anew: how many bytes came again."""
        self._lanes = Lanes()
        self._base = address.removesuffix(paths.HEAD).rstrip("/") + "/"
        self._client = client
        self._seen, self._waiting = seen, waiting
        self._suffix = ""
        """What stood after the name of the last page that was found."""

    async def fetch(self, wanted: Fetch) -> Event:
        """Get one file; `fresh` goes around every cache on the way. The head's request says what was seen last.

        A file whose line is cut goes on from there where its server offers that, as long as each try brings more of it.
        """
        for name in sorted(paths.forms(wanted.path), key=lambda name: name != wanted.path + self._suffix):
            event = await self._ask(wanted, name)
            if not isinstance(event, Missing):
                break
        if isinstance(event, Fetched) and wanted.path.endswith(".ndjson"):
            self._suffix = name.removeprefix(wanted.path)
            return _unpacked(wanted, name, event.body, event.etag)
        return event

    async def _ask(self, wanted: Fetch, name: str) -> Event:
        """One request for this name of the file."""
        self.requests += 1
        url = self._base + name
        headers: dict[str, str] = {}
        if wanted.path == paths.HEAD and self._seen:
            headers["Jisr-Seen"] = self._seen
        wait, self._waiting = self._waiting if wanted.path == paths.HEAD else None, None
        if wait is not None and not wanted.fresh:
            url += f"?after={wait[0]}&wait={wait[1]:.0f}"
        if wanted.fresh:
            headers["Cache-Control"] = "no-cache"
            url += f"?h={secrets.token_hex(8)}"
            self.partials.pop(name, None)
        partial = self.partials.setdefault(name, answers.Partial())
        try:
            large = wanted.path.startswith(("log/", "snap/"))
            async with self._lanes.turn(partial) if large else contextlib.nullcontext():
                answer = await self._get(wanted, url, headers, partial, wait[1] if wait else 0.0)
        except (answers.TooLarge, answers.Garbled) as error:
            return Garbled(wanted.path, Refusal(error.rule, "", f"{wanted.path} within its limits", str(error)))
        except answers.Unreachable as error:
            self.wait_seconds = max(self.wait_seconds, error.retry_after or 0.0)
            self.throttled |= isinstance(error, answers.Throttled)
            if partial.content and not partial.etag:  # nobody can ask for its rest: what came will come again
                self.repeated.append(len(partial.content))
                self.partials.pop(name)
            return Unreachable(wanted.path, error.reason)
        self.wait_seconds = max(self.wait_seconds, answers.backoff_seconds(answer.headers))
        self.partials.pop(name, None)
        self.received_bytes += len(answer.body)
        return self._event(wanted, answer.status, answer.body, answer.etag)

    async def _get(
        self, wanted: Fetch, url: str, headers: dict[str, str], partial: answers.Partial, wait_seconds: float
    ) -> answers.Answer:
        furthest = len(partial.content)
        while True:
            wire, again = partial.wire_bytes, len(partial.repeated)
            try:
                return await self._client.get(
                    url,
                    limit_bytes=wanted.limit_bytes,
                    headers=headers,
                    etag=wanted.etag,
                    attempts=ATTEMPTS,
                    wait_seconds=wait_seconds,
                    partial=partial,
                )
            except answers.Unreachable as error:
                if error.retry_after is not None or len(partial.content) <= furthest:
                    raise
                furthest = len(partial.content)
            finally:
                self.wire_bytes += partial.wire_bytes - wire
                self.repeated += partial.repeated[again:]

    def _event(self, wanted: Fetch, status: int, body: bytes, etag: str | None) -> Event:
        if status == 200:
            return Fetched(wanted.path, body, etag)
        if status == 304 and wanted.etag is not None:
            return NotModified(wanted.path)
        if status in (404, 410):
            return Missing(wanted.path)
        words: Mapping[int, str] = {
            401: "it asks for a token: this feed is restricted",
            403: "it refuses access: this feed is restricted",
        }
        return Unreachable(wanted.path, words.get(status, f"it answers {status}"))


class Lanes:
    """How many pages are fetched at a time: one while the line is slow, so that a cut costs one; else four."""

    FAST_BYTES_PER_SECOND = 128 * 1024
    SMALL_BYTES, SOON_SECONDS = 4096, 0.25

    def __init__(self) -> None:
        self._width = 1
        self._busy = 0
        self._free = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def turn(self, partial: answers.Partial) -> AsyncIterator[None]:
        """Wait for a lane, and see how fast what comes on it comes."""
        async with self._free:
            await self._free.wait_for(lambda: self._busy < self._width)
            self._busy += 1
        clock = asyncio.get_running_loop().time
        began, before = clock(), partial.wire_bytes
        try:
            yield
        finally:
            self._saw(partial.wire_bytes - before, clock() - began)
            self._busy -= 1
            async with self._free:
                self._free.notify_all()

    def _saw(self, wire_bytes: int, seconds: float) -> None:
        if wire_bytes >= self.SMALL_BYTES:
            fast = wire_bytes >= self.FAST_BYTES_PER_SECOND * seconds
            self._width = PARALLEL_FETCHES if fast else 1
        elif seconds < self.SOON_SECONDS:
            self._width = PARALLEL_FETCHES


class Spool:
    """Files already fetched, on disk beside the copy, so that a sync that was killed or starts over fetches none twice.

    Nothing here is trusted: what is read from it is checked like what comes from anywhere.
    """

    def __init__(self, place: Place, folder: Path) -> None:
        self.address = place.address
        self.from_spool = 0
        self._place = place
        self._folder = folder

    @property
    def requests(self) -> int:
        return self._place.requests

    @property
    def received_bytes(self) -> int:
        return self._place.received_bytes

    @property
    def wire_bytes(self) -> int:
        return int(getattr(self._place, "wire_bytes", 0))

    @property
    def repeated(self) -> list[int]:
        return list(getattr(self._place, "repeated", []))

    @property
    def wait_seconds(self) -> float:
        return self._place.wait_seconds

    @property
    def throttled(self) -> bool:
        return self._place.throttled

    async def fetch(self, wanted: Fetch) -> Event:
        if wanted.path in (paths.HEAD, paths.KEYS, paths.CHECKPOINT):
            return await self._place.fetch(wanted)
        kept = self._folder / hashlib.sha256(f"{self.address}\n{wanted.path}".encode()).hexdigest()
        if not wanted.fresh and kept.is_file():
            with kept.open("rb") as file:
                body = file.read(wanted.limit_bytes)
            self.from_spool += 1
            return Fetched(wanted.path, body)
        self._resume(wanted, kept.with_suffix(".cut"))
        try:
            event = await self._place.fetch(wanted)
        finally:
            self._note_cut(wanted, kept.with_suffix(".cut"))
        if isinstance(event, Fetched):
            self._keep(kept, event.body)
        return event

    def _resume(self, wanted: Fetch, file: Path) -> None:
        """Take up what came before the line was cut, in an earlier run perhaps."""
        partials = getattr(self._place, "partials", None)
        if partials is None or wanted.path in partials or wanted.fresh:
            return
        with contextlib.suppress(OSError, ValueError):
            said, _, content = file.read_bytes().partition(b"\n")
            etag, encoding = said.decode().split("\t")
            partials[wanted.path] = answers.Partial(etag, encoding, bytearray(content))

    def _note_cut(self, wanted: Fetch, file: Path) -> None:
        partial = getattr(self._place, "partials", {}).get(wanted.path)
        if partial is not None and partial.etag and partial.content:
            self._keep(file, f"{partial.etag}\t{partial.encoding}\n".encode() + partial.content)
        elif file.exists():
            file.unlink(missing_ok=True)

    def _keep(self, kept: Path, body: bytes) -> None:
        # without room for it the sync goes on as well
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            aside = kept.with_suffix(".part")
            aside.write_bytes(body)
            os.replace(aside, kept)


def _unpacked(wanted: Fetch, name: str, body: bytes, etag: str | None) -> Event:
    """What a file holds that was found under this name: some servers undo the coding by themselves."""
    if len(body) > wanted.limit_bytes:
        return Garbled(wanted.path, _too_large(wanted))
    magic, coding = _MAGIC.get(name.removeprefix(wanted.path), (b"", ""))
    try:
        content = inflate(body, coding, wanted.limit_bytes) if magic and body.startswith(magic) else body
    except Refusal as refusal:
        return Garbled(wanted.path, refusal)
    return Fetched(wanted.path, content, etag)


def _too_large(wanted: Fetch) -> Refusal:
    return Refusal("LIM-4", "", f"at most {wanted.limit_bytes} bytes in {wanted.path}", "more")
