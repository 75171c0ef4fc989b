"""Tokens for restricted feeds: the grant `client_credentials` with `private_key_jwt` (docs/spec/tokens.md).

Authlib carries the grant, joserfc the JWS. Both ask no database, so who asks is looked up first, and what was granted
is remembered after. Whatever is refused is a problem document with the code `restricted`, and beside it the `error`
of RFC 6749.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import orjson
from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jisr_protocol import token
from jisr_protocol.limits import TOKEN_SECONDS
from jisr_protocol.refusal import Refusal, refuse
from jisr_protocol.signing import jwk_of
from jisr_protocol.token import Assertion

from ..ports import Clock
from ..views.readers import Granted, Reader, Readers
from .problem_documents import refusal_document

FORM_BYTES = 16 * 1024


class Tokens:
    """The tokens of one hub."""

    def __init__(self, readers: Readers, here: str, clock: Clock) -> None:
        self._readers, self._here, self._clock = readers, here, clock

    async def answer(self, form: bytes) -> Response:
        """Answer a request for a token. Raises Refusal (TOK-1 to TOK-4)."""
        try:
            asked = dict(parse_qsl(form.decode("ascii"), max_num_fields=16))
        except ValueError:
            refuse("TOK-3", "", expected="a form of at most 16 fields", came="something else")
            asked = {}
        now = self._clock()
        server = _Server(self._here, now, await self._reader(asked.get("client_assertion", "")))
        status, said = server.create_token_response(asked)
        if server.refusal is not None:
            return refused(server.refusal)
        if status != 200 or server.assertion is None or server.reader is None:
            words = str(said.get("error_description") or said.get("error"))
            return refused(Refusal("TOK-3", "", "a request as docs/spec/tokens.md says", words), said.get("error", ""))
        if not await self._readers.use(server.assertion, int(now.timestamp())):
            refuse("TOK-4", "/jti", expected="an assertion that was never used", came=server.assertion.jti)
        granted = Granted(server.reader.id, asked["scope"])
        await self._readers.grant(said["access_token"], granted, int(now.timestamp()) + TOKEN_SECONDS)
        return JSONResponse(said, 200, {"Cache-Control": "no-store"})

    async def _reader(self, assertion: str) -> Reader | None:
        """Whom the assertion claims to come from; nothing of it is believed yet."""
        try:
            claimed = _claims(jws.extract_compact(assertion.encode())).get("sub")
        except (JoseError, ValueError):
            return None
        return await self._readers.reader(claimed) if isinstance(claimed, str) else None

    async def check(self, request: Request, *audiences: str, by: str = "") -> None:
        """TOK-5: raise Refusal unless the request carries a token for one of these audiences (and of this reader)."""
        granted = await self._presented(request)
        allowed = granted is not None and (granted.audience in audiences or (by and granted.by == by))
        if not allowed:
            came = "none, or one of another audience, or one that has expired"
            refuse("TOK-5", "", expected=f"a token for {' or '.join(audiences)}", came=came)

    async def check_own(self, request: Request, node: str, scope: str, rule: str = "SEAL-17") -> None:
        """SEAL-17, USE-1: raise Refusal unless the request carries a token of this node for this."""
        if await self._presented(request) != Granted(node, scope):
            came = "none, or one of somebody else, or for something else, or one that has expired"
            refuse(rule, "", expected=f"a token of the node itself for {scope}", came=came)

    async def _presented(self, request: Request) -> Granted | None:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        return await self._readers.granted(presented.strip(), int(self._clock().timestamp()))


def refused(refusal: Refusal, error: str = "invalid_client") -> Response:
    """A problem document that OAuth clients understand too."""
    return refusal_document(refusal, error=error or None)


class _Client(ClientMixin):
    """A reader as Authlib sees it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def get_client_id(self) -> str:
        return self.reader.id

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return bool(method == JWTBearerClientAssertion.CLIENT_AUTH_METHOD)

    def check_grant_type(self, grant_type: str) -> bool:
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)

    def get_allowed_scope(self, scope: str) -> str:
        return scope if scope in self.reader.audiences else ""


class _Grant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = [JWTBearerClientAssertion.CLIENT_AUTH_METHOD]


class _Asked(OAuth2Request):
    """A request as Authlib reads it. TLS is the proxy's, which Authlib cannot see."""

    def __init__(self, form: dict[str, str]) -> None:
        super().__init__("POST", "https://hub/v1/token")
        self.payload, self._form = BasicOAuth2Payload(form), form

    @property
    def form(self) -> dict[str, str]:
        return self._form


class _Server(AuthorizationServer):
    """Authlib's server for one request: whoever asks is known already, and what is granted is stored later."""

    def __init__(self, here: str, now: datetime, reader: Reader | None) -> None:
        super().__init__()
        self.reader = reader
        self.assertion: Assertion | None = None
        self.refusal: Refusal | None = None
        self.register_client_auth_method(JWTBearerClientAssertion.CLIENT_AUTH_METHOD, _PrivateKeyJwt(self, here, now))
        self.register_grant(_Grant)
        self.register_token_generator("default", _token)

    def query_client(self, client_id: str) -> _Client | None:
        return _Client(self.reader) if self.reader is not None and self.reader.id == client_id else None

    def validate_requested_scope(self, scope: str | None) -> None:
        if self.reader is None or scope not in self.reader.audiences:
            self.refusal = Refusal("TOK-5", "/scope", "an audience that the operator has opened to this reader", scope)

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """The caller stores it, by its hash."""

    def create_oauth2_request(self, request: dict[str, str]) -> _Asked:
        return _Asked(request)

    def handle_response(self, status: int, body: dict[str, Any], headers: Any) -> tuple[int, dict[str, Any]]:
        return status, dict(body)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""


class _PrivateKeyJwt(JWTBearerClientAssertion):
    """RFC 7523 section 2.2 as docs/spec/tokens.md narrows it."""

    def __init__(self, server: _Server, here: str, now: datetime) -> None:
        super().__init__(leeway=0)
        self._server, self._here, self._now = server, here, now

    def resolve_client_public_key(self, client: _Client) -> OKPKey:
        """Any of them: which one is told by the header, in `process_assertion_claims`."""
        return _key(next(iter(client.reader.ring.keys.values())).key.public)

    def process_assertion_claims(self, assertion: str, resolve_key: OKPKey) -> dict[str, Any]:
        """Verify, and note what it says (TOK-1 to TOK-3)."""
        try:
            return self._process(assertion)
        except Refusal as refusal:
            self._server.refusal = refusal
            raise OAuth2Error(description=refusal.expected) from refusal

    def _process(self, assertion: str) -> dict[str, Any]:
        found = jws.extract_compact(assertion.encode())
        ring = self._server.reader.ring if self._server.reader is not None else None
        kid = token.signer(found.headers(), ring)
        key = ring.keys[kid].key.public if ring is not None and kid in ring.keys else b"\0" * 32
        try:
            found = jws.deserialize_compact(assertion, _key(key), algorithms=["Ed25519"])
        except JoseError as error:
            refuse("TOK-1", "/signature", expected=f"a signature of the key {kid}", came=str(error))
        claims = _claims(found)
        self._server.assertion = token.checked(claims, hub=self._here, now=self._now)
        return claims


def _key(public: bytes) -> OKPKey:
    return OKPKey.import_key({**jwk_of(public)})


def _claims(found: Any) -> dict[str, Any]:
    value = orjson.loads(found.payload)
    return value if isinstance(value, dict) else {}


def _token(**_: Any) -> dict[str, Any]:
    return {"access_token": secrets.token_urlsafe(32), "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
