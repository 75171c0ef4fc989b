"""Passkeys (WebAuthn level 3): keys in people's devices, which sign for the address of this hub alone.

ceremonies = Ceremonies(passkeys, door, address, name)
options, browser = await ceremonies.to_sign_in(network)      # the page hands the options to the browser
token = await ceremonies.sign_in(credential, browser, network)

A challenge is kept under the hash of itself, what it is for, and whose it is; it is taken out once, whatever comes of
it. What is signed must name our origin, come from a person whom the device has recognised, and count on.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
import webauthn
from webauthn.helpers import base64url_to_bytes, parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from . import limiting, sessions
from .accounts import Pending
from .denied import Denied, Why
from .door import Door, Visitor

PENDING_SECONDS = 300
MOST = 10
"""Passkeys of one account."""
LABEL_CHARACTERS = 60
ID_BYTES = 1023
"""The longest id of a credential (WebAuthn level 3, section 4)."""
SECURE_HOST = "localhost"
"""The one name for which browsers hold plain http for safe."""
_log = structlog.get_logger()


class Passkey(msgspec.Struct, frozen=True):
    """One key of an account. `id` is base64url, `public` a COSE key, times are seconds since 1970.

    `count` is how often its device said it was used, `copied` when it first counted backwards; 0 for never.
    """

    id: str
    account: str
    label: str
    public: bytes
    count: int
    made: int
    used: int = 0
    copied: int = 0


class Passkeys(Protocol):
    """Each method is durable when it returns, one transaction, and safe beside other processes."""

    async def add(self, passkey: Passkey) -> bool:
        """False, and nothing is changed, when there is one of this id or the account is gone."""
        ...

    async def of(self, account: str) -> Sequence[Passkey]:
        """The oldest first."""
        ...

    async def get(self, id: str) -> Passkey | None: ...

    async def use(self, id: str, before: int, after: int, now: int) -> bool:
        """Count a use; False when it stood at another count than `before`, or is held for copied, or is gone."""
        ...

    async def suspect(self, id: str, now: int) -> None:
        """Hold it for copied, from now on; the first time counts."""
        ...

    async def remove(self, account: str, id: str) -> bool:
        """False when this account has no such passkey."""
        ...


class Ceremonies:
    """Adding a passkey, signing in with one, and confirming with one. `address` is where people find this hub."""

    def __init__(self, kept: Passkeys, door: Door, address: str, name: str) -> None:
        self.kept = kept
        self._door, self._name = door, name or "Jisr"
        parts = urlsplit(address)
        self._origin, self._host = f"{parts.scheme}://{parts.netloc}", parts.hostname or ""
        self.possible = self._host == SECURE_HOST or (parts.scheme == "https" and "." in self._host)
        """Whether browsers do this at all at our address."""

    async def to_add(self, visitor: Visitor) -> str:
        """What the browser needs to make a passkey (JSON). Raises Denied (PROVIDER_ONLY, MANY_PASSKEYS)."""
        held = await self._held(visitor)
        options = webauthn.generate_registration_options(
            rp_id=self._host,
            rp_name=self._name,
            user_name=visitor.account.name,
            user_id=_handle(visitor.account.name),
            challenge=await self._challenge("add", visitor.session.key),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[_descriptor(one) for one in held],
            timeout=PENDING_SECONDS * 1000,
        )
        return webauthn.options_to_json(options)

    async def add(self, visitor: Visitor, label: str, credential: str) -> Passkey:
        """Keep what the browser made. Raises Denied; nothing was kept then."""
        label = label.strip()
        if not 0 < len(label) <= LABEL_CHARACTERS or not label.isprintable():
            raise Denied(Why.LABEL)
        await self._held(visitor)
        given = self._read(credential)
        challenge = await self._answered(given, "add", visitor.session.key)
        with self._proof():
            found = webauthn.verify_registration_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        name = visitor.account.name
        id_ = _base64url(found.credential_id)
        passkey = Passkey(id_, name, label, found.credential_public_key, found.sign_count, self._door.now)
        if len(found.credential_id) > ID_BYTES or not await self.kept.add(passkey):
            raise self._refused("an id that is too long or known")
        _log.info("desk.passkey_added", account=name, passkey=id_)
        return passkey

    async def to_sign_in(self, network: str) -> tuple[str, str]:
        """What the browser needs to sign in (JSON), and the token it keeps meanwhile. Raises Denied (TOO_MANY)."""
        await self._door.count(limiting.on_passkey(network))
        browser = sessions.new_token(self._door.random_bytes)
        return self._asking(await self._challenge("sign in", browser), ()), browser

    async def sign_in(self, credential: str, browser: str, old: str = "") -> str:
        """Give the token of a new session for whoever holds the passkey. Raises Denied."""
        passkey = await self._proved(credential, "sign in", browser)
        await self._door.sign_out(old)
        return await self._door.begin(passkey.account, "passkey")

    async def to_confirm(self, visitor: Visitor) -> str:
        """What the browser needs to show once more that it is the visitor (JSON)."""
        challenge = await self._challenge("confirm", visitor.session.key)
        return self._asking(challenge, await self.kept.of(visitor.account.name))

    async def confirm(self, visitor: Visitor, credential: str) -> str:
        """Give the token that takes the place of the visitor's, and is fresh. Raises Denied."""
        await self._proved(credential, "confirm", visitor.session.key, visitor.account.name)
        return await self._door.exchange(visitor)

    async def _held(self, visitor: Visitor) -> Sequence[Passkey]:
        if visitor.account.subject:
            raise Denied(Why.PROVIDER_ONLY)
        held = await self.kept.of(visitor.account.name)
        if len(held) >= MOST:
            raise Denied(Why.MANY_PASSKEYS)
        return held

    async def _challenge(self, purpose: str, whose: str) -> bytes:
        challenge = self._door.random_bytes(32)
        now = self._door.now
        await self._door.accounts.wait(Pending(_key(challenge, purpose, whose), "", "", now + PENDING_SECONDS), now)
        return challenge

    def _asking(self, challenge: bytes, allowed: Sequence[Passkey]) -> str:
        options = webauthn.generate_authentication_options(
            rp_id=self._host,
            challenge=challenge,
            allow_credentials=[_descriptor(one) for one in allowed],
            user_verification=UserVerificationRequirement.REQUIRED,
            timeout=PENDING_SECONDS * 1000,
        )
        return webauthn.options_to_json(options)

    async def _proved(self, credential: str, purpose: str, whose: str, account: str = "") -> Passkey:
        """The passkey that signed (one of this account, where one is given). Raises Denied."""
        given = self._read(credential)
        challenge = await self._answered(given, purpose, whose)
        passkey = await self.kept.get(str(given.get("id")))
        if passkey is None or account not in ("", passkey.account):
            raise self._refused("a passkey that is not here, or of somebody else")
        if passkey.copied:
            raise Denied(Why.COPIED)
        with self._proof():
            found = webauthn.verify_authentication_response(
                credential=given,
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=passkey.public,
                credential_current_sign_count=0,  # the library would judge the count before the signature
                require_user_verification=True,
            )
            whom = given["response"].get("userHandle")
            if whom and not hmac.compare_digest(base64url_to_bytes(whom), _handle(passkey.account)):
                raise self._refused("a passkey of another person")
        await self._count(passkey, found.new_sign_count)
        return passkey

    async def _count(self, passkey: Passkey, count: int) -> None:
        """WebAuthn level 3, section 6.1.1: a count that does not grow tells of a copy. All 0 tells nothing."""
        if (count or passkey.count) and count <= passkey.count:
            await self.kept.suspect(passkey.id, self._door.now)
            _log.warning("desk.passkey_copied", account=passkey.account, passkey=passkey.id)
            raise Denied(Why.COPIED)
        if not await self.kept.use(passkey.id, passkey.count, count, self._door.now):
            raise self._refused("used twice at once, or gone")

    async def _answered(self, given: dict[str, Any], purpose: str, whose: str) -> bytes:
        """The challenge that this answers, one of ours for this purpose; it is used up now. Raises Denied."""
        with self._proof():
            said = parse_client_data_json(base64url_to_bytes(given["response"]["clientDataJSON"]))
        if await self._door.accounts.arrive(_key(said.challenge, purpose, whose), self._door.now) is None:
            raise self._refused("a challenge that is not ours, too old, or used")
        return said.challenge

    def _read(self, credential: str) -> dict[str, Any]:
        try:
            given = msgspec.json.decode(credential, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise self._refused(error) from error
        return given

    @contextmanager
    def _proof(self) -> Iterator[None]:
        """Look at what came from outside; Denied (PASSKEY) when it proves nothing."""
        try:
            yield
        except Denied:
            raise
        # the library raises many kinds for what is no credential; whichever it is, it is no proof
        except Exception as error:
            raise self._refused(error) from error

    def _refused(self, reason: object) -> Denied:
        _log.warning("desk.passkey_refused", reason=str(reason)[:200])
        return Denied(Why.PASSKEY)


def _handle(name: str) -> bytes:
    """By what devices know an account; they show it to nobody, and it says no name."""
    return bytes.fromhex(sessions.hashed(f"passkey of {name}"))


def _key(challenge: bytes, purpose: str, whose: str) -> str:
    return sessions.hashed(f"passkey {purpose} {challenge.hex()} {whose}")


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    return PublicKeyCredentialDescriptor(base64url_to_bytes(passkey.id))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
