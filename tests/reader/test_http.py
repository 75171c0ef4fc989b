"""The one outbound client: what it asks and answers, when it waits or tries again, and its connections."""

import asyncio
import contextlib
import gzip
from typing import Any

import httpcore2
import pytest
import stamina
import zstandard

from jisr_protocol.reader import answers
from jisr_protocol.reader.http import Answer, Throttled, Unreachable
from tests.reader.raw_server import (
    LINES,
    MIB,
    always,
    answer,
    failing,
    fetch,
    fields,
    local,
    one_after_another,
    run,
    serving,
)

# --- answers ---


def test_an_answer_has_status_headers_body_and_etag() -> None:
    came = fetch(always(answer("200 OK", LINES, ETag='"abc"', Jisr_Backoff="5")))
    assert (came.status, came.body, came.etag) == (200, LINES, '"abc"')
    assert came.headers["jisr-backoff"] == "5"


@pytest.mark.parametrize(
    ("encoding", "body"), [("gzip", gzip.compress(LINES)), ("zstd", zstandard.ZstdCompressor().compress(LINES))]
)
def test_compressed_answers_are_inflated(encoding: str, body: bytes) -> None:
    assert fetch(always(answer("200 OK", body, Content_Encoding=encoding))).body == LINES


def test_zstd_and_gzip_are_asked_for_and_the_caller_cannot_change_it() -> None:
    async def story() -> list[tuple[str, str]]:
        async with serving(always(answer("200 OK"))) as served, local() as client:
            await client.get(served.url(), limit_bytes=0, headers={"accept-encoding": "br", "Jisr-Seen": "1"})
            return fields(served.asked[0])

    sent = run(story())
    assert [value for name, value in sent if name == "accept-encoding"] == ["zstd, gzip"]
    assert ("jisr-seen", "1") in sent


@pytest.mark.parametrize("content_type", ["text/html", "application/x-gzip", "image/png; charset=", "", "\xff"])
def test_a_wrong_content_type_changes_nothing(content_type: str) -> None:
    raw = answer("200 OK", LINES, Content_Type="@").replace(b"@", content_type.encode("latin-1"))
    assert fetch(always(raw)).body == LINES


def test_a_conditional_request_sends_the_etag_and_304_is_an_answer_without_body() -> None:
    async def story() -> tuple[Answer, list[tuple[str, str]]]:
        reply = b'HTTP/1.1 304 Not Modified\r\nETag: "v7"\r\nContent-Encoding: gzip\r\n\r\n'
        async with serving(always(reply)) as served, local() as client:
            return await client.get(served.url(), limit_bytes=MIB, etag='"v7"'), fields(served.asked[0])

    came, sent = run(story())
    assert (came.status, came.body, came.etag) == (304, b"", '"v7"')
    assert ("if-none-match", '"v7"') in sent


@pytest.mark.parametrize("etag", ["v7", '"a b"', '"ünï"', '"' + "a" * 300 + '"', ""])
def test_an_etag_that_cannot_be_sent_back_is_none(etag: str) -> None:
    raw = answer("200 OK", b"x", ETag="@").replace(b"@", etag.encode())
    assert fetch(always(raw)).etag is None


@pytest.mark.parametrize("status", ["400 Bad Request", "403 Forbidden", "404 Not Found", "410 Gone", "451 Law"])
def test_what_the_request_itself_caused_is_an_answer(status: str) -> None:
    came = fetch(always(answer(status, b'{"code":"seq_gap"}')))
    assert (came.status, came.body) == (int(status[:3]), b'{"code":"seq_gap"}')


def test_cookies_are_neither_kept_nor_shown() -> None:
    async def story() -> tuple[Answer, list[str]]:
        reply = always(answer("200 OK", b"x", Set_Cookie="who=me; Path=/"))
        async with serving(reply) as served, local() as client:
            await client.get(served.url(), limit_bytes=10)
            return await client.get(served.url(), limit_bytes=10), served.asked

    came, asked = run(story())
    assert "set-cookie" not in came.headers
    assert "cookie" not in dict(fields(asked[1]))


def test_a_post_sends_its_body_and_brings_the_answer() -> None:
    async def story() -> tuple[Answer, str]:
        async with serving(always(answer("202 Accepted", b'{"next":5}'))) as served, local() as client:
            came = await client.post(served.url("/log"), b"lines", {"Content-Type": "application/x-ndjson"})
            return came, served.asked[0]

    came, asked = run(story())
    assert (came.status, came.body) == (202, b'{"next":5}')
    assert asked.startswith("POST /log ")
    assert asked.endswith("\r\n\r\nlines")
    assert ("content-type", "application/x-ndjson") in fields(asked)


# --- waiting ---


def test_429_is_a_wait_with_its_time_and_its_body() -> None:
    wait = failing(Throttled, always(answer("429 Slow", b'{"code":"rate"}', Retry_After="7")))
    assert wait.retry_after == 7
    assert wait.answer.body == b'{"code":"rate"}'
    assert "wait 7 seconds" in str(wait)


@pytest.mark.parametrize("retry_after", ["", "soon", "-1", "1.5", "Thu, 99 Foo 2026 00:00:00 GMT"])
def test_429_without_a_usable_time_still_is_a_wait(retry_after: str) -> None:
    wait = failing(Throttled, always(answer("429 Slow", Retry_After=retry_after)))
    assert wait.retry_after == answers.DEFAULT_WAIT_SECONDS


def test_503_is_unreachable_for_now_and_may_name_a_time() -> None:
    assert failing(Unreachable, always(answer("503 Busy", Retry_After="30"))).retry_after == 30
    assert failing(Unreachable, always(answer("500 Oops", b"trace"))).retry_after is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "999999999"}, answers.LONGEST_WAIT_SECONDS),
        ({"retry-after": "9" * 400}, None),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:58:29 GMT"}, 90),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": "Sat, 01 Jan 2000 00:00:00 GMT"}, 86_400),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 -0000", "date": "Fri, 31 Dec 1999 23:59:49 GMT"}, 10),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({}, None),
    ],
)
def test_retry_after_reads_seconds_and_dates_within_a_day(headers: dict[str, str], expected: float) -> None:
    assert answers.retry_after_seconds(headers) == expected


def test_a_broken_body_does_not_hide_that_the_server_is_unwell() -> None:
    wait = failing(Throttled, always(answer("429 Slow", b"not gzip", Content_Encoding="gzip", Retry_After="3")))
    assert (wait.retry_after, wait.answer.body) == (3, b"")


def test_a_get_may_be_tried_again_while_the_server_is_unwell() -> None:
    async def story() -> tuple[Answer, int]:
        unwell = answer("502 Bad Gateway")
        async with serving(one_after_another(unwell, unwell, answer("200 OK", b"x"))) as served, local() as client:
            with stamina.set_testing(True, attempts=100, cap=True):
                return await client.get(served.url(), limit_bytes=10, attempts=3), len(served.asked)

    came, asked = run(story())
    assert (came.body, asked) == (b"x", 3)


@pytest.mark.parametrize("first", [answer("429 Slow"), answer("503 Busy", Retry_After="9"), answer("404 None")])
def test_nothing_is_tried_again_when_the_server_says_when_or_why(first: bytes) -> None:
    async def story() -> int:
        async with serving(one_after_another(first, answer("200 OK"))) as served, local() as client:
            with contextlib.suppress(Unreachable):
                await client.get(served.url(), limit_bytes=10, attempts=3)
            return len(served.asked)

    assert run(story()) == 1


def test_a_post_is_sent_once_whatever_happens() -> None:
    async def story() -> int:
        async with serving(one_after_another(answer("502 Bad"), answer("200 OK"))) as served, local() as client:
            with pytest.raises(Unreachable):
                await client.post(served.url(), b"x")
            return len(served.asked)

    assert run(story()) == 1


# --- order ---


def test_connections_are_reused_and_closed_with_the_client() -> None:
    async def story() -> int:
        dialled: list[str] = []

        class Counting(httpcore2.AnyIOBackend):
            async def connect_tcp(self, host: str, *rest: Any, **more: Any) -> httpcore2.AsyncNetworkStream:
                dialled.append(host)
                return await super().connect_tcp(host, *rest, **more)

        async with serving(always(answer("200 OK", b"x"))) as served, local(dialler=Counting()) as client:
            for _ in range(5):
                await client.get(served.url(), limit_bytes=10)
            await asyncio.gather(*(client.get(served.url(), limit_bytes=10) for _ in range(4)))
            await client.aclose()
            await client.aclose()
        return len(dialled)

    assert run(story()) <= 4


def test_a_retry_writes_nothing_on_stdout() -> None:
    """stdout belongs to results: a log line among them breaks every program that reads `--json`."""
    from stamina.instrumentation import get_on_retry_hooks

    import jisr_protocol.reader.http

    assert jisr_protocol.reader.http.stamina and get_on_retry_hooks() == ()
