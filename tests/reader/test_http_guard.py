"""Where the one outbound client goes: which addresses, ports and redirects it follows, and what it refuses."""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from jisr_protocol.reader.http import Answer, Forbidden, GuardedClient, Patience, Unreachable
from tests.reader.raw_server import (
    Dialler,
    Resolver,
    always,
    answer,
    failing,
    fetch,
    fields,
    local,
    one_after_another,
    redirect,
    run,
    serving,
)


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


# --- redirects ---


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
