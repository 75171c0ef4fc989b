"""`jisr-hub account`: who may sign in, links that are shown once, and backups that open nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jisr_hub.cli import accounts, command_for, keeping, putting_back
from jisr_hub.cli.setting_up import SettingUpError
from jisr_hub.desk import sessions
from jisr_hub.desk.denied import Denied
from jisr_hub.desk.roles import Role
from jisr_hub.storage import tables as t
from tests.hub.desk_world import PASSWORD, desk_world
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub")


def said(hub: KeptHub, *words: str, input: str | None = None) -> Any:
    """What the command says as JSON. Raises what it refuses with."""
    words = ("account", *words, "--json", "--dir", str(hub.folder))
    found = CliRunner().invoke(command_for(words), words, input=input)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.stderr
    return json.loads(found.stdout)


def names(hub: KeptHub) -> list[tuple[str, str, bool]]:
    return [(one["account"], one["role"], one["password"]) for one in said(hub, "list")["accounts"]]


def test_an_account_is_added_with_a_link_that_chooses_its_password(hub: KeptHub) -> None:
    made = said(hub, "add", "desk-one", "--role", "operator")
    assert names(hub) == [("desk-one", "operator", False)]
    address, _, code = made["link"].partition("?code=")
    assert address.endswith("/desk/password")

    async def choose() -> None:
        async with desk_world(hub.folder / "hub.sqlite") as world:
            key = sessions.hashed(code)
            assert await world.accounts.use_link(key, world.passwords.hashed(PASSWORD), world.door.now) == "desk-one"
            assert await world.door.sign_in("desk-one", PASSWORD, "here")

    run(choose())
    assert names(hub) == [("desk-one", "operator", True)]
    assert said(hub, "reset", "desk-one")["link"] != made["link"]
    assert names(hub) == [("desk-one", "operator", False)]
    said(hub, "remove", "desk-one", "--yes")
    assert names(hub) == []


def test_a_name_that_may_mislead_is_refused(hub: KeptHub) -> None:
    for name in ("Amina", "", "a b", "-a", "a" * 41, "desk-one\u202e", "أمينة"):
        with pytest.raises(SettingUpError, match=r"Nothing was changed\. Expected a name"):
            run(accounts.add(hub.folder, name, Role.AUDITOR, "", None))
    assert names(hub) == []


def test_what_cannot_be_is_refused_with_a_sentence(hub: KeptHub) -> None:
    said(hub, "add", "desk-one", "--role", "operator")
    for words, sentence in (
        (("add", "desk-one", "--role", "auditor"), "has an account already"),
        (("add", "desk-two", "--role", "auditor", "--subject", "17"), "oidc_issuer"),
        (("reset", "desk-two"), "has no account here"),
        (("remove", "desk-two", "--yes"), "has no account here"),
        (("second-person", "on"), "needs two operators, and there is 1"),
    ):
        with pytest.raises(SettingUpError, match=sentence):
            said(hub, *words)
    assert names(hub) == [("desk-one", "operator", False)]
    found = CliRunner().invoke(
        command_for(["account"]), ["account", "add", "desk-two", "--role", "auditor", "--ask", "--dir", str(hub.folder)]
    )
    assert (found.exit_code, names(hub)) == (64, [("desk-one", "operator", False)]), "no password from a pipe"
    found = CliRunner().invoke(command_for(["account"]), ["account", "remove", "desk-one", "--dir", str(hub.folder)])
    assert (found.exit_code, names(hub)) == (64, [("desk-one", "operator", False)])


def test_a_password_that_is_too_short_makes_no_account(hub: KeptHub) -> None:
    with pytest.raises(Denied, match="at least 15 characters"):
        run(accounts.add(hub.folder, "desk-one", Role.AUDITOR, "", "short"))
    assert names(hub) == []
    run(accounts.add(hub.folder, "desk-one", Role.AUDITOR, "", PASSWORD))
    assert names(hub) == [("desk-one", "auditor", True)]


def test_the_second_person_stays_as_long_as_it_is_asked_for(hub: KeptHub) -> None:
    for name in ("desk-one", "desk-two"):
        said(hub, "add", name, "--role", "operator")
    said(hub, "add", "zineb", "--role", "auditor")
    assert said(hub, "second-person", "on") == {"second_person": True}
    with pytest.raises(SettingUpError, match="nobody could approve"):
        said(hub, "remove", "desk-two", "--yes")
    said(hub, "remove", "zineb", "--yes")
    assert said(hub, "second-person", "off") == {"second_person": False}
    said(hub, "remove", "desk-two", "--yes")
    assert [name for name, _, _ in names(hub)] == ["desk-one"]


def test_no_password_link_or_session_is_in_a_backup(hub: KeptHub, tmp_path: Path) -> None:
    async def fill() -> str:
        async with desk_world(hub.folder / "hub.sqlite") as world:
            await world.add("desk-one")
            await world.door.link("desk-one")
            await world.door.sign_in("desk-one", PASSWORD, "here")
            return await world.accounts.password("desk-one")

    async def kept(folder: Path) -> tuple[list[str], str]:
        async with desk_world(folder / "hub.sqlite") as world:
            return [one.name for one in await world.accounts.all()], await world.accounts.password("desk-one")

    hash_ = run(fill())
    assert hash_.startswith("$argon2id$")
    run(keeping.backup(hub.folder, tmp_path / "hub.tar", with_key=True))
    held = {part.table for part in putting_back.Backup(tmp_path / "hub.tar").parts}
    assert "account" in held
    assert not held & t.SECRET
    run(putting_back.restore(tmp_path / "other", tmp_path / "hub.tar", database=None, yes=False))
    assert run(kept(tmp_path / "other")) == (["desk-one"], "")


def test_a_token_is_made_shown_once_listed_and_revoked(hub: KeptHub) -> None:
    said(hub, "add", "desk-one", "--role", "curator")
    made = said(hub, "token", "desk-one", "--scope", "look", "--scope", "curate", "--label", "export", "--days", "90")
    assert made["token"].startswith("jisr_desk_") and made["scopes"] == ["curate", "look"]
    said(hub, "token", "desk-one", "--scope", "look")
    listed = said(hub, "tokens", "desk-one")["tokens"]
    assert listed == said(hub, "tokens")["tokens"] and made["token"] not in json.dumps(listed)
    assert sorted((one["label"], one["used"]) for one in listed) == [("export", ""), ("token", "")]
    said(hub, "revoke", made["id"])
    assert [one["label"] for one in said(hub, "tokens")["tokens"]] == ["token"]
    said(hub, "reset", "desk-one")
    assert said(hub, "tokens")["tokens"] == [], "who saw the password may have made tokens"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("token", "nobody", "--scope", "look"), "has no account"),
        (("token", "desk-one", "--scope", "block"), "desk-one may: curate, hold, look"),
        (("token", "desk-one", "--scope", "look", "--days", "366"), "1 to 365 days"),
        (("token", "desk-one", "--scope", "look", "--label", ""), "a name of 1 to 60"),
        (("revoke", "nothing"), "no token nothing"),
    ],
)
def test_what_makes_no_token_is_refused_with_a_sentence(hub: KeptHub, words: tuple[str, ...], sentence: str) -> None:
    said(hub, "add", "desk-one", "--role", "curator")
    found = CliRunner().invoke(command_for(["account"]), ["account", *words, "--dir", str(hub.folder)])
    assert found.exit_code != 0 and sentence in f"{found.output}{found.exception}"
    assert said(hub, "tokens")["tokens"] == []
