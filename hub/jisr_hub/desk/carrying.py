"""What somebody typed into a form is carried over while they confirm who they are, so that nobody types it twice.

    keep      one form of a session, under the hash of that session: at most so large, for ten minutes; a later one
              takes its place. A backup holds none (it stands where sign-ins that are under way do)
    shown     to the session that typed it and to no other; after a confirmation to the one that took its place
    take      once, by the word that was shown with it: pressing twice does one act

It holds no password, and is written into no log.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

import msgspec

from . import sessions
from .accounts import Accounts, Pending
from .sessions import Session

KEPT_SECONDS = 600
MOST_BYTES = 512 * 1024
NEVER = ("/desk/sign", "/desk/password", "/desk/confirm", "/desk/passkey")
"""Forms that carry a password, or an answer that is good for one session alone."""


class Form(msgspec.Struct, frozen=True):
    """A form as it came: the address it was sent to, and its fields; `word` names it."""

    word: str
    path: str
    fields: Sequence[tuple[str, str]]


async def keep(
    accounts: Accounts,
    session: Session,
    path: str,
    fields: Sequence[tuple[str, str]],
    now: int,
    random_bytes: Callable[[int], bytes],
) -> bool:
    """Keep a form of this session; False when it is too large, or none that may be kept."""
    said = msgspec.json.encode([path, list(fields)]).decode()
    if len(said) > MOST_BYTES or path.startswith(NEVER):
        return False
    await accounts.arrive(_key(session), now)
    await accounts.wait(Pending(_key(session), sessions.new_token(random_bytes), said, now + KEPT_SECONDS), now)
    return True


async def shown(accounts: Accounts, session: Session, now: int) -> Form | None:
    """The form of this session; None when there is none, or no more."""
    return _form(await accounts.pending(_key(session), now))


async def take(accounts: Accounts, session: Session, word: str, now: int) -> Form | None:
    """The same, once; None for any other word, and then it stays."""
    held = await shown(accounts, session, now)
    if held is None or not hmac.compare_digest(held.word.encode(), word.encode("utf-8", "surrogatepass")):
        return None
    return _form(await accounts.arrive(_key(session), now))


async def follow(accounts: Accounts, old: Session, new: Session, now: int) -> None:
    """Give the form of a session to the one that took its place. Whoever dies on the way types it again."""
    held = await accounts.arrive(_key(old), now)
    if held is not None:
        await accounts.wait(msgspec.structs.replace(held, key=_key(new)), now)


async def drop(accounts: Accounts, key: str, now: int) -> None:
    """Forget the form of the session with this key; safe without one."""
    await accounts.arrive(_of(key), now)


def _form(pending: Pending | None) -> Form | None:
    if pending is None:
        return None
    path, fields = msgspec.json.decode(pending.verifier, type=tuple[str, list[tuple[str, str]]])
    return Form(pending.nonce, path, fields)


def _key(session: Session) -> str:
    return _of(session.key)


def _of(key: str) -> str:
    return sessions.hashed(f"form of {key}")
