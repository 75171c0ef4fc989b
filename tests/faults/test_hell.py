"""JSON from hell, compressed hell and HTTP that is none, against every way into a real hub.

Whatever comes, the answer is a problem document that says what to do, never a 5xx; the hub's memory stays bounded, and
afterwards it takes a good push as before.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import itertools
import json
import os
import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jisr_hub.cli import inspection, setting_up
from jisr_node.app import Node
from jisr_protocol import canonical, keys
from jisr_protocol.problems import PROBLEMS
from tests.faults.processes import HubProcess, NodeProcess
from tests.hub.author import Author
from tests.hub.hub_in_memory import run

MOST_MEBIBYTES = 250
HUGE = 100 * 1024 * 1024


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """Ways to send anything to a port of this machine."""

    port: int

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
        """One request on a connection of its own; a body may be an iterator of pieces."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what it said stands in the buffer
                connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def raw(self, sent: bytes, *, half_close: bool = False) -> bytes:
        """What comes back for these bytes on a connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            came = b""
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(sent)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while not came.endswith(b"}\n") and (piece := connection.recv(65536)):
                    came += piece
            return came


class Hell(Wire):
    """A hub that is up, and a node it has admitted."""

    def __init__(self, folder: Path) -> None:
        self.hub = HubProcess(folder / "hub")
        self.author = Author("hell")
        self.author.puts(3)
        (folder / "keys.json").write_bytes(_key_file(self.author))
        candidate = run(setting_up.candidate(self.hub.folder, str(folder / "keys.json")))
        run(setting_up.admit(self.hub.folder, candidate, "hell"))
        self.push = f"/v1/nodes/{self.author.id}/feeds/public/log"

    @property
    def port(self) -> int:  # it is the hub's, which starts anew
        return self.hub.port


def _key_file(author: Author) -> bytes:
    return keys.write_file(author.ring)


@pytest.fixture(scope="module")
def hell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hell]:
    it = Hell(tmp_path_factory.mktemp("hell"))
    with it.hub:
        yield it


def assert_problem(reply: Reply, what: str) -> dict[str, Any]:
    """A problem document with a code of ours and what to do; never a 5xx but 503."""
    assert 400 <= reply.status < 500 or reply.status == 503, f"{what}: {reply}"
    assert reply.headers["content-type"] == "application/problem+json", f"{what}: {reply}"
    value: dict[str, Any] = canonical.parse(reply.body.removesuffix(b"\n"))
    assert value["code"] in PROBLEMS, what
    assert value["status"] == reply.status and value["title"] and value["type"].endswith(value["code"]), what
    retry = value["retry"].partition(":")[0]
    assert retry in ("never", "same", "after", "after_snapshot", "after_rebase", "fix_request"), what
    return value


def assert_raw_problem(came: bytes, what: str) -> dict[str, Any]:
    """The last answer on a connection is a problem document."""
    head, _, body = came[came.rindex(b"HTTP/1.1 ") :].partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    return assert_problem(Reply(int(lines[0].split()[1]), headers, body), what)


def _header(**members: Any) -> bytes:
    """A first line of a push with these members replaced."""
    value = {"consistency": [], "from": 0, "head": {"head": {}, "jws": "x"}, "keys": [], "to": 0, **members}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def bodies() -> Iterator[tuple[str, bytes]]:
    """Bodies that no endpoint may take for good."""
    yield "nothing", b""
    yield "a line feed", b"\n"
    yield "duplicate names", b'{"a":1,"a":2}\n'
    yield "duplicate names in the header", _header()[:-1] + b',"to":1}\n'
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"0x1", b"01", b"1" * 5000, b"5.0", b"1e5"):
        yield f"the number {number[:9]!r}", b'{"from":%b}\n' % number
    yield "an escaped lone surrogate", rb'{"a":"\ud800"}' + b"\n"
    yield "a lone surrogate in bytes", b'{"a":"\xed\xa0\x80"}\n'
    yield "broken UTF-8", b'{"a":"\xff\xfe"}\n'
    yield "a byte order mark", b"\xef\xbb\xbf{}\n"
    yield "UTF-16", '{"a":1}\n'.encode("utf-16")
    yield "null bytes", b"\x00" * 1000
    yield "a null byte in text", b'{"a":"\\u0000"}\n'
    for depth in (17, 100, 1023, 1025, 100_000):
        yield f"{depth} arrays", b"[" * depth + b"]" * depth + b"\n"
        yield f"{depth} objects", b'{"a":' * depth + b"1" + b"}" * depth + b"\n"
        yield f"{depth} arrays never closed", b"[" * depth
    yield "a member name of a megabyte", b'{"%b":1.5}\n' % (b"n" * 1_000_000)
    yield "a text of a megabyte", b'{"a":"%b"}\n' % (b"x" * 1_000_000)
    yield "a name with slashes and tildes", b'{"%b":1.5}\n' % (b"~/" * 100_000)
    yield "200,000 members", b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}\n"
    yield "a million line feeds", b"\n" * 1_000_000
    yield "half a million empty objects", _header() + b"\n" + b"{}\n" * 500_000
    yield "501 entries", _header(to=501) + b"\n" + b"{}\n" * 501
    yield "a header whose members are all wrong", _header(consistency=1, keys="x", head=[], **{"from": -1}) + b"\n"
    yield "a header that counts backwards", _header(**{"from": 5}, to=2) + b"\n"
    yield "positions beyond every number", _header(**{"from": 2**53 - 1}, to=2**53 - 1) + b"\n"
    yield "a thousand proofs", _header(consistency=["00" * 32] * 1000) + b"\n"
    yield "key lines that are none", _header(keys=[{"line": {}, "proof": []}] * 64) + b"\n"
    yield "bidirectional overrides", '{"a":"\u202e"}\n'.encode()
    yield "text that is not NFC", '{"a":"e\u0301"}\n'.encode()


def encodings() -> Iterator[tuple[str, bytes, str]]:
    """Compressed bodies that are broken, or bombs."""
    sound = gzip.compress(_header() + b"\n")
    yield "a truncated gzip", sound[:-6], "gzip"
    yield "a gzip header and no more", sound[:10], "gzip"
    yield "a gzip with a wrong checksum", sound[:-8] + b"\x00" * 8, "gzip"
    yield "two gzip members", sound + sound, "gzip"
    yield "a gzip that is none", b"{}", "gzip"
    yield "a gzip bomb", gzip.compress(bytes(HUGE), 9), "gzip"
    plain = b"a" * HUGE
    yield "a zstd bomb that states its size", zstandard.ZstdCompressor(level=3).compress(plain), "zstd"
    silent = zstandard.ZstdCompressor(level=3, write_content_size=False).compress(plain)
    yield "a zstd bomb that does not", silent, "zstd"
    lying = bytearray(zstandard.ZstdCompressor().compress(b"x" * 300))
    lying[5:7] = b"\xff\xff"
    yield "a zstd frame that lies about its size", bytes(lying), "zstd"
    window = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    yield "a zstd window of 128 MiB", zstandard.ZstdCompressor(compression_params=window).compressobj().compress(
        os.urandom(1000)
    ) + b"\x00", "zstd"  # fmt: skip
    yield "a truncated zstd", zstandard.compress(_header() * 50)[:-3], "zstd"
    yield "a zstd dictionary that nobody has", b"\x28\xb5\x2f\xfd\x23\xff\xff\xff\xff\x00\x01\x00\x00", "zstd"
    for name in ("br", "deflate", "gzip, gzip", "zstd, gzip", "ünknown".encode().decode("latin-1"), "*", "x" * 5000):
        yield f"the encoding {name[:20]!r}", b"{}", name


def posts(hell: Hell) -> list[str]:
    """Every address that takes bytes."""
    stranger = f"/v1/nodes/jisr:{'a' * 52}/feeds/public/log"
    restricted = hell.push.replace("/public/", "/hub/")
    return [hell.push, restricted, stranger, hell.push.replace("/public/", "/no-such-feed/"), "/v1/ping"]


def send_all_bodies(hell: Hell) -> int:
    """Every body to every address that takes bytes; returns how many were answered with a problem document."""
    count = 0
    for what, body in bodies():
        for path in posts(hell):
            reply = hell.ask("POST", path, body)
            count += 1
            if path == "/v1/ping" and reply.status == 202:
                assert len(body) <= 4096, f"{what}: a ping is a short hint that is not read"
                continue
            assert_problem(reply, f"{what} to {path}")
    return count


def test_json_from_hell_is_answered_with_a_problem_at_every_address(hell: Hell, figure: Callable[..., None]) -> None:
    figure("bodies from hell answered with a problem document", send_all_bodies(hell))


def send_all_compressed(hell: Hell) -> int:
    """Every compressed body to every address; returns how many were refused."""
    cases = list(encodings())
    for what, body, encoding in cases:
        for path in posts(hell):
            headers = {"Content-Encoding": encoding, "Content-Type": "application/vnd.jisr.push+ndjson"}
            value = assert_problem(hell.ask("POST", path, body, headers), f"{what} to {path}")
            if "bomb" in what and path != posts(hell)[2]:
                assert value["code"] in ("inflate_limit", "not_admitted", "epoch_unknown"), what
    return len(cases) * len(posts(hell))


def test_compressed_hell_is_refused_before_it_grows(hell: Hell, figure: Callable[..., None]) -> None:
    figure("compressed bodies refused", send_all_compressed(hell))


@pytest.mark.parametrize("chunked", [False, True], ids=["stated length", "chunked"])
def test_100_megabytes_are_refused_and_never_held(hell: Hell, chunked: bool) -> None:
    send_100_megabytes(hell, chunked=chunked)


def send_100_megabytes(hell: Hell, *, chunked: bool) -> int:
    """So many to every address; returns how many addresses refused them."""
    piece = b'"' + b"a" * 65534 + b"\n"

    def pieces() -> Iterator[bytes]:
        for _ in range(HUGE // len(piece)):
            yield piece

    for path in posts(hell):
        headers = {} if chunked else {"Content-Length": str(HUGE // len(piece) * len(piece))}
        value = assert_problem(hell.ask("POST", path, pieces(), headers), path)
        assert value["code"] in ("inflate_limit", "too_large", "not_admitted", "epoch_unknown")
    return len(posts(hell))


def test_wrong_content_types_change_nothing(hell: Hell) -> None:
    for kind in ("text/html", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "", "\xff/\xfe"):
        for path in posts(hell)[:-1]:
            assert_problem(hell.ask("POST", path, b"a=1&b=2", {"Content-Type": kind}), kind)


def test_methods_that_an_address_does_not_take_are_named(hell: Hell) -> None:
    paths = [
        hell.push,
        "/v1/ping",
        "/feeds/public/head.json",
        "/.well-known/jisr.json",
        "/readyz",
        hell.push + "/state",
    ]
    for path in paths:
        for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
            reply = hell.ask(method, path)
            assert assert_problem(reply, f"{method} {path}")["code"] == "method_not_allowed"
            assert reply.headers["allow"]
    assert assert_problem(hell.ask("GET", hell.push), "GET")["code"] == "method_not_allowed"


NASTY = [
    "", "-1", "0", "1e9", "99999999999999999", "NaN", "٣", "²", "1;DROP", "%00", "%2e%2e%2f", "..", "../../etc/passwd",
    "%ff%fe", "%ud800", b"\x7f".hex(), "a" * 4000, "%0d%0aX-Evil:1", "'\"<script>", "%E2%80%AE", "null", "{}",
]  # fmt: skip


def test_parameters_from_hell_are_answered_at_every_address(hell: Hell, figure: Callable[..., None]) -> None:
    """Programs get a problem document, people a page; both say what happened, neither is a 5xx."""
    count = 0
    for nasty in NASTY:
        quoted = nasty if "%" in nasty else quote(nasty, safe="./")
        for path in (
            f"/feeds/public/head.json?after={quoted}&wait=0",
            f"/feeds/public/head.json?after=0&wait={quoted or '0'}" if quoted not in ("99999999999999999",) else "/x",
            f"/feeds/public/log/{quoted}",
            f"/feeds/public/log/1-aaaaaaaa/{quoted}.ndjson",
            f"/feeds/public/inv/{quoted}",
            f"/feeds/public/inv/{quoted}.json",
            f"/feeds/public/gens/{quoted}.json",
            f"/feeds/public/snap/{quoted}",
            f"/feeds/public/snap/1-aaaaaaaa-{quoted}/000.ndjson",
            f"/feeds/public/rec/{quoted}/{quoted}/{quoted}.json",
            f"/feeds/public/rec/{hell.author.id[5:]}/{quoted}/1.json",
            f"/v1/nodes/{quoted}/feeds/public/log/state",
            f"/v1/nodes/{hell.author.id}/feeds/{quoted}/log/state",
            f"/{quoted}",
            f"/static/{quoted}",
        ):
            reply = hell.ask("GET", path)
            count += 1
            if reply.status != 200 and reply.status != 307:
                assert_problem(reply, path)
        for path in (f"/directory?type={quoted}&page={quoted}&lang={quoted}", f"/directory/{quoted}/{quoted}"):
            reply = hell.ask("GET", path, headers={"Accept": "text/html"})
            count += 1
            assert reply.status in (200, 307, 400, 404), f"{path}: {reply.status}"
            assert b"<script>" not in reply.body and "x-evil" not in reply.headers
    figure("addresses with parameters from hell", count)


def test_headers_from_hell_do_no_harm(hell: Hell) -> None:
    for name in ("Accept-Encoding", "If-None-Match", "Accept-Language", "Jisr-Version", "Jisr-Seen", "Cookie", "Range"):
        for value in ("", "*", ",,,,", "q=;;;q", "zstd;q=nan", '"' * 500, "x" * 8000, "\xff\xfe", "1" * 4000):
            for path in ("/feeds/public/head.json", "/directory", hell.push + "/state"):
                reply = hell.ask("GET", path, headers={name: value})
                if reply.status >= 400:
                    assert_problem(reply, f"{name}: {value[:20]} to {path}")


def request(*, head: bytes = b"", body: bytes = b"", path: str = "/v1/ping") -> bytes:
    return b"POST %b HTTP/1.1\r\nHost: hub\r\n%b\r\n%b" % (path.encode(), head, body)


WRONG_HTTP = {
    "a length that is no number": request(head=b"Content-Length: abc\r\n"),
    "a negative length": request(head=b"Content-Length: -5\r\n"),
    "a length beyond every number": request(head=b"Content-Length: 99999999999999999999999\r\n"),
    "two lengths": request(head=b"Content-Length: 1\r\nContent-Length: 2\r\n", body=b"x"),
    "a length and chunks": request(head=b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"),
    "a chunk size that is no number": request(head=b"Transfer-Encoding: chunked\r\n", body=b"zz\r\nhello\r\n"),
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "a line of JSON": b'{"hello":"hub"}\n\n',
    "HTTP of another age": b"GET /readyz HTTP/9.9\r\n\r\n",
    "a header without a colon": request(head=b"nonsense\r\n"),
    "a null byte in a header": request(head=b"X: a\x00b\r\n"),
    "a body longer than stated": request(head=b"Content-Length: 2\r\n", body=b"xxand more that is no request\r\n\r\n"),
}


@pytest.mark.parametrize("what", WRONG_HTTP)
def test_http_that_is_none_gets_a_problem_too(hell: Hell, what: str) -> None:
    assert assert_raw_problem(hell.raw(WRONG_HTTP[what]), what)["code"] in ("malformed", "version_unsupported")


@pytest.mark.parametrize("sent", [0, 1, 500])
def test_a_body_shorter_than_stated_is_a_problem_once_the_sender_stops(hell: Hell, sent: int) -> None:
    stated = request(path=hell.push, head=b"Content-Length: 1000\r\n", body=b"{" * sent)
    assert assert_raw_problem(hell.raw(stated, half_close=True), "short")["code"] == "malformed"


@pytest.mark.parametrize(
    "flood",
    [
        b"GET /" + b"a" * (8 * 1024 * 1024),
        b"GET / HTTP/1.1\r\nX: " + b"a" * (8 * 1024 * 1024),
        request(head=b"Transfer-Encoding: chunked\r\n", body=b"1\r\nx\r\n0\r\nX: " + b"a" * (8 * 1024 * 1024)),
    ],
    ids=["an address without end", "a header without end", "a trailer without end"],
)
def test_a_head_without_end_is_cut_off(hell: Hell, flood: bytes) -> None:
    assert assert_raw_problem(hell.raw(flood), "flood")["code"] == "too_large"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=st.binary(max_size=2000), encoding=st.sampled_from(["", "gzip", "zstd", "identity"]))
def test_random_bytes_are_answered(hell: Hell, body: bytes, encoding: str) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    assert_problem(hell.ask("POST", hell.push, body, headers), repr(body))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    members=st.dictionaries(st.sampled_from(["consistency", "from", "head", "keys", "to", "x"]), _json),
    rest=st.binary(max_size=200),
)
def test_random_members_are_answered(hell: Hell, members: dict[str, Any], rest: bytes) -> None:
    first = json.dumps({"consistency": [], "from": 0, "head": {}, "keys": [], "to": 0, **members}).encode()
    assert_problem(hell.ask("POST", hell.push, first + b"\n" + rest), repr(first))


def test_one_bit_changed_anywhere_in_a_push_loses_nothing(hell: Hell, long: bool) -> None:
    """Signatures are in no hash, so a stranger may bend one on the way; the true line must still come through."""
    sound = hell.author.push()
    chance = random.Random(7)
    for _ in range(2000 if long else 60):
        at, bit = chance.randrange(len(sound)), 1 << chance.randrange(8)
        bent = sound[:at] + bytes([sound[at] ^ bit]) + sound[at + 1 :]
        reply = hell.ask("POST", hell.push, bent)
        if reply.status != 200:
            assert_problem(reply, f"bit {bit} of byte {at}")
    reply = hell.ask("POST", hell.push, sound)
    assert reply.status == 200
    assert orjson.loads(reply.body)["quarantined"] == []
    status = run(inspection.status(hell.hub.folder))
    [node] = [node for node in status["nodes"] if node["node"] == hell.author.id]
    assert node["feeds"]["public"] == {"size": 4, "quarantined": []}
    assert run(inspection.check(hell.hub.folder, lambda *_: None))["faults"] == []


def test_many_slow_senders_at_once_fill_no_memory_and_keep_nobody_else_out(hell: Hell) -> None:
    """Forty bodies that never end, in the name of a node that is admitted: all but four are told to come back."""
    begun = request(path=hell.push, head=b"Content-Length: 2000000\r\n", body=b"{" * 1_900_000)
    before = hell.hub.peak_mebibytes()
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(socket.create_connection(("127.0.0.1", hell.port), 30)) for _ in range(40)]
        for sender in senders:
            with contextlib.suppress(ConnectionError):
                sender.sendall(begun)
        told = 0
        for sender in senders:
            sender.settimeout(0.2)
            with contextlib.suppress(TimeoutError, ConnectionError):
                assert assert_raw_problem(sender.recv(65536), "slow")["code"] == "rate_limited"
                told += 1
        assert told == 36
        assert hell.ask("GET", "/feeds/public/head.json").status == 200
        assert assert_problem(hell.ask("POST", hell.push, b""), "more")["code"] == "rate_limited"
        assert hell.hub.peak_mebibytes() - before < 40
    end = time.monotonic() + 20
    while assert_problem(hell.ask("POST", hell.push, b""), "after")["code"] == "rate_limited":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_after_all_of_it_the_hub_is_small_and_works(hell: Hell, figure: Callable[..., None]) -> None:
    author = Author("good after hell")
    author.puts(5)
    (hell.hub.folder.parent / "good.json").write_bytes(_key_file(author))
    candidate = run(setting_up.candidate(hell.hub.folder, str(hell.hub.folder.parent / "good.json")))
    run(setting_up.admit(hell.hub.folder, candidate, "good"))
    reply = hell.ask("POST", f"/v1/nodes/{author.id}/feeds/public/log", author.push())
    assert reply.status == 200, reply
    assert orjson.loads(reply.body)["admitted"] == 6
    assert "Traceback" not in hell.hub.log.read_text(), "nothing was a surprise"
    peak = hell.hub.peak_mebibytes()
    figure("most memory a hub held in hell", f"{peak:.0f} MiB, limit {MOST_MEBIBYTES}")
    assert peak < MOST_MEBIBYTES


# The node's own server takes no bytes, but addresses and headers


class NodeWire(Wire):
    def __init__(self, node: NodeProcess) -> None:
        self.port = node.port


def test_a_node_that_is_served_stands_hell_too(tmp_path: Path, figure: Callable[..., None]) -> None:
    with Node.init(tmp_path / "node", name="Node", country="MA", lang="ar") as node:
        node.publish()
    with NodeProcess(tmp_path / "node") as served:
        wire, count = NodeWire(served), 0
        for nasty in NASTY:
            quoted = nasty if "%" in nasty else quote(nasty, safe="./")
            for path in (f"/{quoted}", f"/log/1-aaaaaaaa/{quoted}.ndjson", f"/inv/{quoted}.json", f"/log/../{quoted}"):
                assert_problem(wire.ask("GET", path), path)
                count += 1
        for _, body in itertools.islice(bodies(), 12):
            for path in ("/head.json", "/keys.json", "/", "/v1/ping"):
                assert assert_problem(wire.ask("POST", path, body), path)["code"] in ("method_not_allowed", "not_found")
                count += 1
        for what, sent in WRONG_HTTP.items():
            if what != "a body longer than stated":
                assert_problem_of_a_node(wire.raw(sent), what)
                count += 1
        flood = b"GET / HTTP/1.1\r\nX: " + b"a" * (8 * 1024 * 1024)
        assert wire.raw(flood)[:12] in (b"HTTP/1.1 400", b"")
        assert wire.ask("GET", "/head.json").status == 200
        peak = served.peak_mebibytes()
    figure(f"a node in hell: {count} requests answered, {peak:.0f} MiB at most")
    assert peak < 150


def assert_problem_of_a_node(came: bytes, what: str) -> None:
    head, _, body = came.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, f"{what}: {came!r}"
    assert orjson.loads(body)["code"] in ("malformed", "method_not_allowed", "not_found"), what
