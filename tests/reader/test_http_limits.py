"""What the one outbound client takes and how long it waits: sizes, encodings, broken lines, slow servers."""

import asyncio
import gzip
import socket
import time
import zlib

import pytest
import zstandard

from jisr_protocol.reader.http import ExchangeError, Garbled, Patience, TooLarge, Unreachable
from tests.reader.raw_server import LINES, MIB, Reply, always, answer, failing, fetch, local, run

# --- limits ---


def chunked(*more: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *more, "", ""]).encode()


async def endless(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(chunked())
    while True:
        writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        await writer.drain()


def test_exactly_the_limit_is_taken_and_one_byte_more_is_too_large() -> None:
    reply = always(answer("200 OK", LINES))
    assert fetch(reply, limit_bytes=len(LINES)).body == LINES
    refused = failing(TooLarge, reply, limit_bytes=len(LINES) - 1)
    assert refused.rule == "LIM-4"
    assert f"at most {len(LINES) - 1} bytes" in str(refused)


def test_an_endless_body_stops_at_the_limit() -> None:
    assert failing(TooLarge, endless).rule == "LIM-4"


def test_bombs_stop_at_the_limit() -> None:
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    bombs = {
        "zstd": zstandard.ZstdCompressor().compress(bytes(64 * MIB)),
        "gzip": b"".join([*(zeros.compress(bytes(MIB)) for _ in range(64)), zeros.flush()]),
    }
    for encoding, body in bombs.items():
        reply = always(answer("200 OK", body, Content_Encoding=encoding))
        assert failing(TooLarge, reply, limit_bytes=1024 * MIB).rule == "LIM-4"


@pytest.mark.parametrize(
    ("encoding", "body", "rule"),
    [
        ("gzip", gzip.compress(LINES)[:-9], "LIM-6"),
        ("zstd", zstandard.ZstdCompressor().compress(LINES)[:-9], "LIM-6"),
        ("gzip", gzip.compress(LINES) + b"tail", "LIM-6"),
        ("gzip", LINES, "LIM-6"),
        ("gzip", b"", "LIM-6"),
        ("br", LINES, "LIM-5"),
        ("gzip, zstd", gzip.compress(LINES), "LIM-5"),
        ("gzip\r\nContent-Encoding: gzip", gzip.compress(gzip.compress(LINES)), "LIM-5"),
    ],
)
def test_a_body_that_cannot_be_decoded_is_garbled(encoding: str, body: bytes, rule: str) -> None:
    assert failing(Garbled, always(answer("200 OK", body, Content_Encoding=encoding))).rule == rule


def test_a_body_shorter_than_announced_is_unreachable() -> None:
    async def cut(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer("200 OK", LINES)[:-100])
        await writer.drain()
        writer.close()

    assert "connection failed" in str(failing(Unreachable, cut))


def test_what_is_not_http_is_unreachable() -> None:
    for noise in (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\x00" * 500, b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000):
        assert "connection failed" in str(failing(Unreachable, always(noise)))


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def story() -> None:
        async with local() as client:
            await client.get(f"http://127.0.0.1:{port}/head.json?token=secret", limit_bytes=10)

    with pytest.raises(Unreachable) as caught:
        run(story())
    assert f"http://127.0.0.1:{port}/head.json" in str(caught.value)
    assert "secret" not in str(caught.value)


# --- time ---


def dripping(pause_seconds: float, piece: bytes = b"1\r\nx\r\n", head: bytes = chunked()) -> Reply:
    async def reply(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_seconds)

    return reply


def seconds_until(error: type[ExchangeError], reply: Reply, patience: Patience) -> tuple[float, str]:
    began = time.monotonic()
    sentence = str(failing(error, reply, patience=patience))
    return time.monotonic() - began, sentence


async def silent(_: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


def test_a_silent_server_is_given_up() -> None:
    seconds, sentence = seconds_until(Unreachable, silent, Patience(silence_seconds=0.2))
    assert seconds < 5
    assert "did not answer in time" in sentence


def test_a_drip_that_never_pauses_long_ends_with_the_total_time() -> None:
    patience = Patience(silence_seconds=5, total_seconds=0.5)
    seconds, sentence = seconds_until(Unreachable, dripping(0.05), patience)
    assert 0.4 < seconds < 5
    assert "not complete after 0.5 seconds" in sentence


def test_headers_that_drip_end_with_the_total_time() -> None:
    slow_head = dripping(0.05, piece=b"a: b\r\n", head=b"HTTP/1.1 200 OK\r\n")
    seconds, _ = seconds_until(Unreachable, slow_head, Patience(silence_seconds=5, total_seconds=0.5))
    assert seconds < 5


def test_a_drip_below_the_lowest_speed_ends_after_the_grace() -> None:
    patience = Patience(silence_seconds=30, total_seconds=60, grace_seconds=0.3, slowest_bytes_per_second=1000)
    seconds, sentence = seconds_until(Unreachable, dripping(0.05), patience)
    assert 0.2 < seconds < 5
    assert "fewer than 1000 bytes a second" in sentence


def test_a_slow_line_above_the_lowest_speed_is_waited_for() -> None:
    async def slow(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")
        for _ in range(6):
            writer.write(b"x" * 100)
            await writer.drain()
            await asyncio.sleep(0.05)

    patience = Patience(silence_seconds=5, total_seconds=20, grace_seconds=0.1, slowest_bytes_per_second=20)
    assert fetch(slow, patience=patience).body == b"x" * 600


def test_a_long_poll_may_be_silent_as_long_as_it_was_asked_to() -> None:
    async def later(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.6)
        writer.write(answer("200 OK", b"x"))

    patience = Patience(silence_seconds=0.2, total_seconds=0.3)
    assert fetch(later, patience=patience, wait_seconds=5).body == b"x"
    assert "time" in str(failing(Unreachable, later, patience=patience))
