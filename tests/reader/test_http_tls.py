"""TLS of the one outbound client: the address is checked, the name is certified."""

import datetime
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jisr_protocol.reader.http import Answer, Unreachable
from tests.reader.raw_server import Resolver, always, answer, local, run, serving


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
