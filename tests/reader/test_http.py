"""The one outbound client: where it goes, what it takes, how long it waits, and what it says when it does not."""

import asyncio
import contextlib
import datetime
import gzip
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import stamina
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jisr_protocol.reader import answers
from jisr_protocol.reader.http import (
    Answer,
    ExchangeError,
    Forbidden,
    Garbled,
    GuardedClient,
    Patience,
    Throttled,
    TooLarge,
    Unreachable,
)

MIB = 1024 * 1024
LINES = b"".join(b'{"op":"put","seq":%d}\n' % seq for seq in range(2000))

Reply = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(reply: bytes) -> Reply:
    async def send(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)

    return send


def one_after_another(*replies: bytes) -> Reply:
    left = list(replies)

    async def send(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0))

    return send


class Served:
    """A server on this machine that answers with raw bytes and remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[str] = []

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@contextlib.asynccontextmanager
async def serving(reply: Reply, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    open_writers: set[asyncio.StreamWriter] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((v for k, v in fields(head) if k == "content-length"), "0")
                served.asked.append(head + (await reader.readexactly(int(length))).decode())
                await reply(head, writer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    served = Served(server.sockets[0].getsockname()[1])
    try:
        yield served
    finally:
        server.close()
        for writer in open_writers:
            writer.close()
        for writer in open_writers:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


def fields(head: str) -> list[tuple[str, str]]:
    lines = head.split("\r\n\r\n")[0].split("\r\n")[1:]
    return [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def local(**settings: Any) -> GuardedClient:
    return GuardedClient(**{"allow_private": True, **settings})


def run(story: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(story)


def fetch(reply: Reply, limit_bytes: int = MIB, patience: Patience | None = None, **wishes: Any) -> Answer:
    async def story() -> Answer:
        async with serving(reply) as served, local(patience=patience) as client:
            return await client.get(served.url(), limit_bytes=limit_bytes, **wishes)

    return run(story())


def failing(error: type[ExchangeError], reply: Reply, **wishes: Any) -> Any:
    with pytest.raises(error) as caught:
        fetch(reply, **wishes)
    return caught.value


# --- the guard ---


class Resolver:
    """Says one thing after the other, the last one for ever, and counts."""

    def __init__(self, *sayings: Sequence[str]) -> None:
        self.sayings = list(sayings)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.sayings.pop(0) if len(self.sayings) > 1 else self.sayings[0]


class Dialler(httpcore2.AsyncNetworkBackend):
    """Remembers what it was told to dial; every host that is not dead answers `reply` and hangs up."""

    def __init__(self, reply: bytes = answer("200 OK", b"hello"), dead: Sequence[str] = ()) -> None:
        self.reply = reply
        self.dead = dead
        self.dialled: list[str] = []

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore2.AsyncNetworkStream:
        self.dialled.append(f"{host} {port}")
        if host in self.dead:
            raise httpcore2.ConnectError("nobody there")
        return httpcore2.AsyncMockStream([self.reply])


def guarded(url: str, dialler: Dialler, allow_private: bool = False, **settings: Any) -> Answer:
    async def story() -> Answer:
        async with GuardedClient(allow_private=allow_private, dialler=dialler, **settings) as client:
            return await client.get(url, limit_bytes=100)

    return run(story())


SPECIAL = [
    ("localhost", "loopback"),
    ("0x7f.1", "loopback"),
    ("2130706433", "loopback"),
    ("127.1", "loopback"),
    ("127.0.0.1", "loopback"),
    ("0", "unspecified"),
    ("[::]", "unspecified"),
    ("[::1]", "loopback"),
    ("[::ffff:169.254.169.254]", "IPv4-mapped"),
    ("[::127.0.0.1]", "IPv4-compatible"),
    ("169.254.169.254", "link-local"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("192.168.0.1", "private"),
    ("192.0.0.8", "protocol assignment"),
    ("100.64.0.1", "carrier-shared"),
    ("224.0.0.1", "multicast"),
    ("255.255.255.255", "broadcast"),
    ("[64:ff9b::7f00:1]", "IPv4 translation"),
    ("[64:ff9b:1::1]", "IPv4 translation"),
    ("[2002:7f00:1::]", "6to4"),
    ("[2001::1]", "Teredo"),
    ("[fd00:ec2::254]", "private"),
    ("[fe80::1%25eth0]", "zoned"),
    ("[fe80::1%eth0]", "zoned"),
    ("[ff02::1]", "multicast"),
]


@pytest.mark.parametrize(("host", "kind"), SPECIAL)
def test_a_special_address_is_never_dialled(host: str, kind: str) -> None:
    dialler = Dialler()
    with pytest.raises(Forbidden) as caught:
        guarded(f"http://{host}:8080/head.json", dialler)
    assert caught.value.kind == kind
    assert kind in str(caught.value)
    assert host.strip("[]") in str(caught.value)
    assert dialler.dialled == []


@pytest.mark.parametrize(("host", "kind"), SPECIAL)
def test_allow_private_opens_home_networks_and_nothing_else(host: str, kind: str) -> None:
    dialler = Dialler()
    if kind in ("loopback", "private", "carrier-shared"):
        assert guarded(f"http://{host}:8080/", dialler, allow_private=True).body == b"hello"
        assert len(dialler.dialled) == 1
    else:
        with pytest.raises(Forbidden):
            guarded(f"http://{host}:8080/", dialler, allow_private=True)
        assert dialler.dialled == []


@pytest.mark.parametrize("inner", ["127.0.0.1", "10.1.2.3", "::1", "fe80::1%2", "not-an-address"])
def test_one_special_address_among_public_ones_refuses_the_name(inner: str) -> None:
    dialler = Dialler()
    with pytest.raises(Forbidden) as caught:
        guarded("http://feed.example/", dialler, resolver=Resolver(["93.184.216.34", inner]))
    assert dialler.dialled == []
    assert inner not in str(caught.value)  # what a name leads to inside is nobody's business


def test_a_resolver_that_changes_its_mind_is_asked_once_and_what_was_checked_is_dialled() -> None:
    resolver, dialler = Resolver(["93.184.216.34"], ["127.0.0.1"]), Dialler()
    assert guarded("http://feed.example/", dialler, resolver=resolver).body == b"hello"
    assert resolver.asked == ["feed.example"]
    assert dialler.dialled == ["93.184.216.34 80"]


def test_a_resolver_that_changes_its_mind_is_refused_at_the_next_connection() -> None:
    resolver = Resolver(["93.184.216.34"], ["127.0.0.1"])
    dialler = Dialler(answer("200 OK", b"hello", Connection="close"))

    async def story() -> None:
        async with GuardedClient(dialler=dialler, resolver=resolver) as client:
            await client.get("http://feed.example/", limit_bytes=100)
            with pytest.raises(Forbidden):
                await client.get("http://feed.example/", limit_bytes=100)

    run(story())
    assert dialler.dialled == ["93.184.216.34 80"]


def test_a_dead_address_is_passed_over_without_asking_again() -> None:
    resolver = Resolver(["2606:2800:21f::1", "93.184.216.34"], ["127.0.0.1"])
    dialler = Dialler(dead=["2606:2800:21f::1"])
    assert guarded("http://feed.example:8443/", dialler, resolver=resolver).body == b"hello"
    assert dialler.dialled == ["2606:2800:21f::1 8443", "93.184.216.34 8443"]
    assert len(resolver.asked) == 1


def test_a_name_with_a_thousand_addresses_does_not_make_us_knock_at_them_all() -> None:
    addresses = [f"93.184.{high}.{low}" for high in range(4) for low in range(250)]
    dialler = Dialler(dead=addresses)
    with pytest.raises(Unreachable):
        guarded("http://feed.example/", dialler, resolver=Resolver(addresses))
    assert len(dialler.dialled) == 4


@pytest.mark.parametrize("port", [0, 1, 22, 25, 79, 81, 444, 587, 1023, 65536, 99999])
def test_ports_of_other_services_are_refused(port: int) -> None:
    dialler = Dialler()
    with pytest.raises(Forbidden) as caught:
        guarded(f"http://feed.example:{port}/", dialler, resolver=Resolver(["93.184.216.34"]))
    assert caught.value.kind == "port"
    assert dialler.dialled == []


@pytest.mark.parametrize("port", [80, 443, 1024, 8443, 65535])
def test_ports_of_web_servers_are_allowed(port: int) -> None:
    dialler = Dialler()
    guarded(f"http://feed.example:{port}/", dialler, resolver=Resolver(["93.184.216.34"]))
    assert dialler.dialled == [f"93.184.216.34 {port}"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("file:///etc/passwd", "scheme"),
        ("ftp://feed.example/", "scheme"),
        ("gopher://feed.example/", "scheme"),
        ("ws://feed.example/", "scheme"),
        ("//feed.example/", "scheme"),
        ("http:///head.json", "scheme"),
        ("head.json", "scheme"),
        ("", "scheme"),
        ("http://name:secret@feed.example/", "credentials"),
        ("http://0177.0.0.1/", "malformed"),
        ("http://\uff10x7f.1/", "malformed"),
        ("http://[::1/", "malformed"),
        ("http://feed.example/\n", "malformed"),
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str, kind: str) -> None:
    dialler = Dialler()
    with pytest.raises(Forbidden) as caught:
        guarded(url, dialler, resolver=Resolver(["93.184.216.34"]))
    assert caught.value.kind == kind
    assert "secret" not in str(caught.value)
    assert dialler.dialled == []


def test_a_token_does_not_cross_the_network_unencrypted() -> None:
    dialler, resolver = Dialler(), Resolver(["93.184.216.34"])

    async def story() -> None:
        async with GuardedClient(dialler=dialler, resolver=resolver) as client:
            token = {"authorization": "Bearer t"}
            await client.get("http://feed.example/", limit_bytes=100, headers=token)

    with pytest.raises(Forbidden) as caught:
        run(story())
    assert caught.value.kind == "unencrypted"
    assert dialler.dialled == []


def test_an_unknown_name_is_unreachable_and_says_so() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(Unreachable) as caught:
        guarded("http://feed.example/", Dialler(), resolver=resolver)
    assert str(caught.value) == (
        "Could not reach feed.example: its name could not be looked up. Nothing is lost; try again later."
    )
    with pytest.raises(Unreachable):
        guarded("http://feed.example/", Dialler(), resolver=Resolver([]))


def test_a_name_that_no_resolver_can_spell_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        guarded(f"http://{'a' * 70}.example/", Dialler())


def test_a_slow_resolver_does_not_hold_us_up() -> None:
    async def resolver(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(3)
        return []

    with pytest.raises(Unreachable, match="did not answer in time"):
        guarded("http://feed.example/", Dialler(), resolver=resolver, patience=Patience(connect_seconds=0.05))


def test_proxies_and_certificates_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9/")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    dialler = Dialler()
    guarded("http://feed.example/", dialler, resolver=Resolver(["93.184.216.34"]))
    assert dialler.dialled == ["93.184.216.34 80"]


# --- TLS: the address is checked, the name is certified ---


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context: the one shows a certificate for feed.example, the other trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "feed.example")])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("feed.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "feed.pem"
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=path)
    return server, client


def tls_fetch(host: str, server: ssl.SSLContext, client: ssl.SSLContext | None) -> tuple[Answer, list[str]]:
    names: list[str] = []
    server.sni_callback = lambda _, name, __: names.append(name)

    async def story() -> Answer:
        async with serving(always(answer("200 OK", b"hello")), server) as served:
            resolver = Resolver(["127.0.0.1"])
            async with local(resolver=resolver, ssl_context=client) as guarded_client:
                return await guarded_client.get(f"https://{host}:{served.port}/", limit_bytes=100)

    return run(story()), names


def test_tls_names_and_certifies_the_host_though_an_address_is_dialled(certified: Any) -> None:
    came, names = tls_fetch("feed.example", *certified)
    assert came.body == b"hello"
    assert names == ["feed.example"]


def test_a_certificate_for_another_name_is_not_accepted(certified: Any) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        tls_fetch("other.example", *certified)


def test_a_certificate_nobody_vouches_for_is_not_accepted(certified: Any) -> None:
    with pytest.raises(Unreachable, match="certificate"):
        tls_fetch("feed.example", certified[0], None)


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


# --- redirects ---


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(status, Location=location)


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
def test_a_redirect_on_the_same_address_is_followed(status: str) -> None:
    async def story() -> tuple[Answer, list[str]]:
        steps = one_after_another(redirect("/new/head.json", status), answer("200 OK", b"x"))
        async with serving(steps) as served, local() as client:
            came = await client.get(served.url("/old"), limit_bytes=10, etag='"e"')
            return came, served.asked

    came, asked = run(story())
    assert came.body == b"x"
    assert asked[1].startswith("GET /new/head.json ")
    assert ("if-none-match", '"e"') in fields(asked[1])


def test_three_redirects_are_followed_and_a_fourth_is_an_error() -> None:
    steps = [redirect(f"/{n}") for n in range(4)]
    assert fetch(one_after_another(*steps[:3], answer("200 OK", b"x"))).body == b"x"
    refused = failing(Forbidden, one_after_another(*steps, answer("200 OK", b"x")))
    assert refused.kind == "redirect"
    assert "more than 3 times" in str(refused)


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/",
        "http://127.0.0.1:1/",
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1:{port}/",
        "//elsewhere.example/",
        "file:///etc/passwd",
        "http://[::1",
        "http://name:secret@127.0.0.1:{port}/",
    ],
)
def test_a_redirect_to_anywhere_else_is_refused(location: str) -> None:
    async def story() -> tuple[str, int]:
        async def reply(_: str, writer: asyncio.StreamWriter) -> None:
            writer.write(redirect(location.format(port=served.port)))

        async with serving(reply) as served, local() as client:
            with pytest.raises(Forbidden) as caught:
                await client.get(served.url(), limit_bytes=10)
            assert caught.value.kind in ("redirect", "credentials")
            return str(caught.value), len(served.asked)

    sentence, asked = run(story())
    assert asked == 1
    assert "secret" not in sentence


def test_a_post_is_not_redirected() -> None:
    async def story() -> list[str]:
        async with serving(always(redirect("/elsewhere", "307 Go"))) as served, local() as client:
            with pytest.raises(Forbidden):
                await client.post(served.url(), b"x")
            return served.asked

    assert len(run(story())) == 1


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
