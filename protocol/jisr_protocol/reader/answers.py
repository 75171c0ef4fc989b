"""What comes of asking another machine over HTTP: an Answer, or one of these errors.

    ExchangeError           there is no answer to use; str() is a sentence for a person
      Unreachable           for now: unknown name, refused, reset, too slow, 5xx. Asking again later may help
        Throttled           429: it asks to wait. Never count it as a failure
      Forbidden             our guard does not go there, or not along that redirect. Asking again does not help
      TooLarge              rule LIM-4: more bytes than the caller allows, or a decompression bomb
      Garbled               rules LIM-5, LIM-6: an unknown encoding, or a stream that is cut off or damaged

Other statuses are answers, 304 and 404 too: only the caller knows what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT_SECONDS = 86_400.0
"""However long a server asks us to wait, we ask again after a day."""
DEFAULT_WAIT_SECONDS = 60.0
"""How long a 429 without a usable Retry-After means."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One complete answer: `headers` by lower-case name, `body` without its Content-Encoding."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    etag: str | None
    """For the next conditional request; None when absent or malformed (RFC 9110 section 8.8.3)."""


@dataclass(slots=True)
class Partial:
    """The beginning of an answer whose line was cut, as it came over the wire, so that a later try goes on from there.

    Kept only where the server names the very bytes with a strong entity tag; `repeated` says how much came again
    all the same, `wire_bytes` everything that came.
    """

    etag: str = ""
    encoding: str = ""
    content: bytearray = field(default_factory=bytearray)
    wire_bytes: int = 0
    repeated: list[int] = field(default_factory=list)

    def asks(self) -> dict[str, str]:
        """The headers that ask for the rest (RFC 9110 sections 13.1.5 and 14.2)."""
        if not (self.etag and self.content):
            return {}
        return {"Range": f"bytes={len(self.content)}-", "If-Range": self.etag}

    def begin(self, etag: str | None, encoding: str) -> None:
        """The answer begins anew: what came before comes again."""
        if self.content:
            self.repeated.append(len(self.content))
        self.content.clear()
        self.etag = etag if etag and etag.startswith('"') else ""
        self.encoding = encoding

    def take(self, piece: bytes) -> None:
        """A piece that came."""
        self.wire_bytes += len(piece)
        self.content += piece

    def goes_on(self, headers: Mapping[str, str]) -> bool:
        """Whether a 206 with these headers is the rest of exactly this answer."""
        place = re.fullmatch(r"bytes ([0-9]{1,16})-[0-9]{1,16}/([0-9]{1,16}|\*)", headers.get("content-range", ""))
        same = headers.get("etag") == self.etag and headers.get("content-encoding", "") == self.encoding
        return place is not None and int(place[1]) == len(self.content) and same


class ExchangeError(Exception):
    """No usable answer came from `place`, an address without its query."""

    def __init__(self, place: str, sentence: str) -> None:
        super().__init__(sentence)
        self.place = place


class Unreachable(ExchangeError):
    """No answer for now.

    `retry_after` is in seconds, None when no time was named; `answer` is what came with a 5xx or 429.
    """

    def __init__(
        self, place: str, reason: str, *, answer: Answer | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(place, f"Could not reach {place}: {reason}. Nothing is lost; try again later.")
        self.reason = reason
        self.answer = answer
        self.retry_after = retry_after


class Throttled(Unreachable):
    """The server asks for a pause of `retry_after` seconds; it is never None here."""

    retry_after: float

    def __init__(self, place: str, answer: Answer, retry_after: float) -> None:
        reason = f"it asks to wait {retry_after:.0f} seconds"
        super().__init__(place, reason, answer=answer, retry_after=retry_after)


class Forbidden(ExchangeError):
    """Our guard refused; `kind` says why: the class of the address, or "scheme", "port", "redirect" ...

    The sentence leaves out the address itself: a stranger may get to read what a name leads to in here.
    """

    def __init__(self, place: str, kind: str, reason: str, advice: str) -> None:
        super().__init__(place, f"Jisr does not connect to {place}: {reason}. Nothing is lost. {advice}")
        self.kind = kind


class TooLarge(ExchangeError):
    """More came than is allowed (rule LIM-4). What was read is thrown away."""

    def __init__(self, place: str, rule: str, expected: str, came: str) -> None:
        sentence = f"{place} sends too much: expected {expected}; came {came}. Nothing of it was kept."
        super().__init__(place, f"{sentence} Tell its operator.")
        self.rule = rule


class Garbled(ExchangeError):
    """The body cannot be decoded (rules LIM-5 and LIM-6). It may be whole when fetched again around caches."""

    def __init__(self, place: str, rule: str, expected: str, came: str) -> None:
        sentence = f"{place} sends a body that cannot be decoded: expected {expected}; came {came}."
        super().__init__(
            place, f"{sentence} Nothing of it was kept. Fetch it again; if it stays so, tell its operator."
        )
        self.rule = rule


def usable_etag(text: str | None) -> str | None:
    """The entity tag if it is well-formed and short enough to send back, else None (RFC 9110 section 8.8.3)."""
    return text if text and re.fullmatch(r'(W/)?"[!#-~]{0,250}"', text) else None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110 section 10.2.3), at most a day; None when absent or malformed.

    A date counts from the server's own Date, so that our clock does not matter; without one it says nothing.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return min(float(text), LONGEST_WAIT_SECONDS)
    until, now = _http_date(text), _http_date(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


def backoff_seconds(headers: Mapping[str, str]) -> float:
    """Read Jisr-Backoff, in whole seconds, at most a day; it may come with any answer. 0 when absent or malformed."""
    text = headers.get("jisr-backoff", "").strip()
    return min(float(text), LONGEST_WAIT_SECONDS) if re.fullmatch("[0-9]{1,9}", text) else 0.0


def _http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
