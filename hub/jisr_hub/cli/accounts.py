"""Who may sign in at the desk: adding, listing, removing, a new way to choose a password, and API tokens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jisr_protocol import identifiers

from .. import config
from ..app.folder import now
from ..desk import passwords
from ..desk.accounts import LINK_SECONDS, NAME, Account
from ..desk.denied import Denied
from ..desk.door import Door
from ..desk.passwords import Passwords
from ..desk.roles import RIGHTS, Right, Role
from ..desk.tokens import Token, Tokens
from ..storage.desk import SqlAccounts
from ..storage.desk_tokens import SqlTokens
from .setting_up import SettingUpError, opened

LINK_PATH = "/desk/password"


@asynccontextmanager
async def _accounts(folder: Path) -> AsyncIterator[SqlAccounts]:
    async with opened(folder) as ledger:
        yield SqlAccounts(ledger.database)


async def add(folder: Path, name: str, role: Role, subject: str, password: str | None) -> dict[str, Any]:
    """Add an account: of the provider's with `subject`, else with this password, else with a link to choose one."""
    settings = config.read(folder)
    if not NAME.fullmatch(name):
        raise SettingUpError(
            f"Nothing was changed. Expected a name of 1 to 40 of a-z, 0-9, dot, hyphen and underscore, which begins "
            f"and ends with a letter or a digit; came {name!r}."
        )
    if subject and not settings.oidc_issuer:
        raise SettingUpError("Nothing was changed. --subject needs a provider: set oidc_issuer in hub.json first.")
    if password is not None:
        passwords.check(name, password)
    who = f"{settings.oidc_issuer}|{subject}" if subject else ""
    async with _accounts(folder) as accounts:
        if not await accounts.add(Account(name, role, identifiers.to_instant(now()), who)):
            raise SettingUpError(
                f"Nothing was changed: the name {name}, or this person at the provider, has an account already. See: "
                "jisr-hub account list"
            )
        value = {"account": name, "role": role.value, "link": ""}
        if password is not None:
            await accounts.keep_password(name, Passwords(os.urandom).hashed(password), end=True)
        elif not subject:
            value["link"] = await _link(accounts, settings.address, name)
    return value


async def reset(folder: Path, name: str) -> dict[str, Any]:
    """End the sessions and the password of an account, and give a new link."""
    async with _accounts(folder) as accounts:
        account = await accounts.account(name)
        if account is None or account.subject:
            who = "signs in at the provider" if account else "has no account here"
            raise SettingUpError(f"Nothing was changed: {name} {who}. See: jisr-hub account list")
        await accounts.keep_password(name, "", end=True)
        return {"account": name, "link": await _link(accounts, config.read(folder).address, name)}


async def _link(accounts: SqlAccounts, address: str, name: str) -> str:
    return f"{address}{LINK_PATH}?code={await _door(accounts).link(name)}"


async def listed(folder: Path) -> list[dict[str, Any]]:
    """Everybody who may sign in, by name."""
    async with _accounts(folder) as accounts:
        found = await accounts.all()
        return [
            {
                "account": one.name,
                "role": one.role.value,
                "made": one.made,
                "subject": one.subject,
                "password": bool(await accounts.password(one.name)),
            }
            for one in found
        ]


async def remove(folder: Path, name: str) -> None:
    """Take an account away; its sessions end at once."""
    settings = config.read(folder)
    async with _accounts(folder) as accounts:
        left = sum(one.role is Role.OPERATOR and one.name != name for one in await accounts.all())
        gone = await accounts.account(name)
        if gone is None:
            raise SettingUpError(f"Nothing was changed: {name} has no account here. See: jisr-hub account list")
        if settings.second_person and gone.role is Role.OPERATOR and left < 2:
            raise SettingUpError(
                f"Nothing was changed: without {name} nobody could approve what another operator asks for. Add another "
                "operator first, or say: jisr-hub account second-person off"
            )
        await accounts.remove(name)


async def second_person(folder: Path, on: bool) -> None:
    """Whether a second operator approves what cannot be undone."""
    settings = config.read(folder)
    async with _accounts(folder) as accounts:
        operators = sum(one.role is Role.OPERATOR for one in await accounts.all())
    if on and operators < 2:
        raise SettingUpError(
            f"Nothing was changed: a second person needs two operators, and there {'is' if operators == 1 else 'are'} "
            f"{operators}. Add one first: jisr-hub account add NAME --role operator"
        )
    config.write(folder, settings.model_copy(update={"second_person": on}))


async def make_token(folder: Path, name: str, label: str, rights: Sequence[Right], days: int) -> dict[str, Any]:
    """Make an API token for an account; it is shown once."""
    async with opened(folder) as ledger:
        accounts = SqlAccounts(ledger.database)
        account = await accounts.account(name)
        if account is None:
            raise SettingUpError(f"Nothing was changed: {name} has no account here. See: jisr-hub account list")
        tokens = Tokens(SqlTokens(ledger.database), _door(accounts))
        try:
            token, written = await tokens.make(account, label, rights, days)
        except Denied as denied:
            may = ", ".join(sorted(RIGHTS[account.role]))
            raise SettingUpError(f"Nothing was changed. {denied.why.value} {name} may: {may}.") from denied
        return {**_told(token), "token": written}


async def tokens_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """The API tokens of an account, of everybody for ""; never the tokens themselves."""
    async with opened(folder) as ledger:
        return [_told(one) for one in await SqlTokens(ledger.database).of(name)]


async def revoke_token(folder: Path, id: str) -> None:
    """End an API token at once."""
    async with opened(folder) as ledger:
        if not await SqlTokens(ledger.database).revoke(id, ""):
            raise SettingUpError(f"Nothing was changed: there is no token {id}. See: jisr-hub account tokens")


def _told(token: Token) -> dict[str, Any]:
    """A token as lists show it."""
    times = {"made": token.made, "expires": token.expires, "used": token.used}
    written = {
        name: identifiers.to_instant(datetime.fromtimestamp(at, UTC)) if at else "" for name, at in times.items()
    }
    return {"id": token.id, "account": token.account, "label": token.label, "scopes": sorted(token.rights), **written}


def _door(accounts: SqlAccounts) -> Door:
    return Door(accounts, Passwords(os.urandom), now, os.urandom, aside=asyncio.to_thread)


def link_words(value: dict[str, Any], said: str) -> str:
    """What was done, and the link."""
    days = LINK_SECONDS // 86_400
    shown = f"it works once, within {days} days, and is shown only now"
    return f"{said} Give them this link; {shown}:\n\n    {value['link']}\n"
