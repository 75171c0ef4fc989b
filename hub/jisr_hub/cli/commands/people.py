"""The commands about who may sign in at the desk (`account`), and about the API tokens of these people."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated, Literal

import typer

from ...desk.roles import CONFIRMED_DAYS, Right, Role
from ..shell import HERE, USAGE, AsJson, Folder, confirm, fail, run, say

commands = typer.Typer(no_args_is_help=True, help="The people who may sign in at this hub's desk.")
Name = Annotated[str, typer.Argument(help="The name they sign in with, such as desk-one.")]


@commands.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="auditor looks, curator joins and holds, operator does everything.")],
    subject: Annotated[str, typer.Option(help="Who they are at the provider (the claim sub); no password then.")] = "",
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password here, instead of making a link.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let somebody sign in: prints a one-time link with which they choose their password."""
    from .. import accounts, acting

    password = None
    if ask:
        if not sys.stdin.isatty():
            fail(
                "Nothing was changed. A password is asked for at a terminal only; without --ask there is a link.", USAGE
            )
        password = str(typer.prompt("Their password", hide_input=True, confirmation_prompt=True, err=True))
    value = run(
        acting.noted(
            folder, "account", name, "", partial(accounts.add, folder, name, role, subject, password), role=role.value
        )
    )
    done = f"{name} may sign in as {role.value}."
    say(value, as_json, accounts.link_words(value, done) if value["link"] else done)


@commands.command("list")
def list_(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show who may sign in."""
    from .. import accounts

    rows = run(accounts.listed(folder))
    by = [r["subject"] or ("a password" if r["password"] else "no password yet") for r in rows]
    lines = [f"{r['account']}  {r['role']}  {way}  since {r['made']}" for r, way in zip(rows, by, strict=True)]
    say({"accounts": rows}, as_json, "\n".join(lines) or "Nobody yet: jisr-hub account add NAME --role operator")


@commands.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take an account away; who is signed in with it is out at once."""
    from .. import accounts, acting

    if not yes:
        confirm(f"Take away the account of {name}?", "Nothing was changed. Add --yes to take the account away.")
    run(acting.noted(folder, "account", name, "", partial(accounts.remove, folder, name), remove=True))
    say({"removed": name}, as_json, f"{name} can sign in no more.")


@commands.command()
def reset(name: Name, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """End somebody's password and sessions, and make a new link: for a password that was lost or seen."""
    from .. import accounts, acting

    value = run(acting.noted(folder, "account", name, "", partial(accounts.reset, folder, name), reset=True))
    say(value, as_json, accounts.link_words(value, f"{name} is signed out, and the old password opens nothing."))


@commands.command("second-person")
def second_person(
    state: Annotated[Literal["on", "off"], typer.Argument(help="Whether it is asked for.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Have a second operator approve what cannot be undone; off unless said. A serving hub reads it when it starts."""
    from .. import accounts, acting

    run(acting.noted(folder, "account", "", "", partial(accounts.second_person, folder, state == "on"), second=state))
    needed = "needs the approval of a second operator" if state == "on" else "needs one operator"
    say({"second_person": state == "on"}, as_json, f"What cannot be undone {needed}.")


@commands.command()
def token(
    name: Name,
    scope: Annotated[list[Right], typer.Option(help="What it may do; give it again for more.")],
    label: Annotated[str, typer.Option(help="What it is for; lists show it.")] = "token",
    days: Annotated[
        int, typer.Option(help=f"Until it ends: 1 to 365, and to {CONFIRMED_DAYS} with what a person must confirm.")
    ] = CONFIRMED_DAYS,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make an API token for somebody: a program that shows it may do this in their name. It is shown only now."""
    from .. import accounts, acting

    making = partial(accounts.make_token, folder, name, label, scope, days)
    scopes = sorted(one.value for one in scope)
    value = run(acting.noted(folder, "token_make", name, "", making, said=lambda made: made["id"],
                             label=label, scopes=scopes, days=days))  # fmt: skip
    say(
        value,
        as_json,
        f"Token {value['id']} of {name}, until {value['expires']}; shown only now:\n\n    {value['token']}\n",
    )


@commands.command()
def tokens(
    name: Annotated[str, typer.Argument(help="Whose; without it, everybody's.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show API tokens: whose, what for, until when, and when they were last used; never the tokens themselves."""
    from .. import accounts

    rows = run(accounts.tokens_of(folder, name))
    lines = [
        f"{r['id']}  {r['account']}  {' '.join(r['scopes'])}  until {r['expires']}  "
        f"{'used ' + r['used'] if r['used'] else 'never used'}  {r['label']}"
        for r in rows
    ]
    say({"tokens": rows}, as_json, "\n".join(lines) or "None: jisr-hub account token NAME --scope look")


@commands.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The token's id, as `account tokens` shows it.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """End an API token at once."""
    from .. import accounts, acting

    run(acting.noted(folder, "token_end", "", "", partial(accounts.revoke_token, folder, id), token=id))
    say({"revoked": id}, as_json, f"The token {id} is worth nothing any more.")
