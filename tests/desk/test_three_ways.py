"""Everything at the desk by page, by command and by API: a table of acts, and what each way does."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2 as httpx
import pytest
import typer
from starlette.applications import Starlette

from jisr_hub import cli
from jisr_hub.cli import command_for
from jisr_hub.desk.acts import COMMAND
from jisr_hub.desk.bench import nothing
from jisr_hub.desk.roles import CONFIRMED, Right, Role
from jisr_hub.desk.table import ACTS
from jisr_hub.mail.letters import DIGEST, GIVEN_UP, REFUSED, SENT, WAITING, Letter, letter_name, name_of
from jisr_hub.web import problem_documents
from jisr_hub.web.desk import Parts, rooms
from jisr_hub.web.desk_api import DeskApi
from tests.desk.acting import acting_world, actor
from tests.hub.test_asking import TO, AskingWorld
from tests.hub.test_desk_api import World, code

pytestmark = pytest.mark.anyio

# Each act and the command that does it. What stands here without a call of the API is done by a command alone, or by
# the person alone at a page, and why.
COMMANDS = {
    "admit": "admit", "refuse": "requests refuse", "ask_again": "acts undo", "invite": "invite", "bound": "bounds",
    "withdraw": "withdraw", "quota": "quota", "domain": "domain",
    "hold": "hold", "unhold": "unhold", "again": "acts undo", "block": "block", "unblock": "unblock", "erase": "erase",
    "notice_accept": "notices accept", "notice_decline": "notices decline",
    "say": "say same", "take_back": "undo", "set_aside_word": "undo", "hear": "curation accept",
    "answer": "pair answer", "unanswer": "pair ask", "split": "pair split", "unsplit": "acts undo",
    "map_term": "say term", "campaign": "campaign begin", "looked_at": "campaign looked-at",
    "report_done": "reports done",
    "correspond": "letters agree", "letter_retry": "letters retry",
    "peer_add": "peer add", "follower_add": "follower add", "follower_remove": "follower remove",
    "source_stop": "source stop", "source_resume": "source resume", "source_retry": "source retry",
    "source_look": "source look", "brake_release": "source release", "brake_keep": "source keep",
    "brake_ask": "source ask",
    "subscription_retry": "subscriptions retry", "subscription_end": "subscriptions end",
    "policy": "policy use", "view": "view add", "reader": "reader add",
    "key": "keys rotate", "rebase": "rebase", "account": "account add", "log_loss": "acts accept-loss",
    "token_make": "account token", "token_end": "account revoke", "passkey_add": "", "passkey_remove": "account reset",
}  # fmt: skip
BY_COMMAND_ALONE = {
    "domain": "it asks another host, which the desk does not",
    "erase": "it waits until no file holds the record",
    "policy": "it reads a file beside the hub",
    "view": "it reads a file beside the hub",
    "reader": "it reads keys from an address",
    "key": "whoever changes the key has the machine",
    "rebase": "whoever begins anew has the machine",
    "account": "no program makes accounts or tokens: docs/decisions/0064",
    "log_loss": "whoever put a backup back has the machine",
    "token_make": "a token makes none",
    "token_end": "a token ends none",
    "passkey_add": "a browser makes the key",
    "passkey_remove": "by its person at a page; a command ends all at once",
}
SAID_OTHERWISE = {"ask_again", "again", "unsplit", "map_term", "log_loss", "passkey_add", "passkey_remove"}
"""Done by `acts undo`, or by saying the same in other members."""

# Each address a form of the desk is sent to, and the call of the API and the command that do the same; or why not.
FORMS = {
    "/desk/act": ("POST /v1/desk/acts", "hold"),
    "/desk/undo": ("POST /v1/desk/acts/{n}/undo", "acts undo"),
    "/desk/approve": ("POST /v1/desk/waiting/{ticket}/approve", "acts approve"),
    "/desk/decline": ("POST /v1/desk/waiting/{ticket}/decline", "acts decline"),
    "/desk/nodes/invite": ("POST /v1/desk/acts", "invite"),
    "/desk/holds/import": ("POST /v1/desk/blocks", "blocks import"),
    "/desk/duplicates/answer": ("POST /v1/desk/acts", "pair answer"),
    "/desk/duplicates/undo": ("POST /v1/desk/acts/{n}/undo", "acts undo"),
    "/desk/merged/split": ("POST /v1/desk/acts", "pair split"),
    "/desk/letters/agree": ("POST /v1/desk/acts", "letters agree"),
    "/desk/letters/end": ("POST /v1/desk/acts", "letters end"),
    "/desk/letters/retry": ("POST /v1/desk/acts", "letters retry"),
    "/desk/sources/act": ("POST /v1/desk/acts", "source stop"),
    "/desk/tokens": ("a token makes none", "account token"),
    "/desk/tokens/revoke": ("a token ends none", "account revoke"),
    "/desk/people/sign-out": ("no program looks after accounts", "account reset"),
    **dict.fromkeys(("/desk/sign-in", "/desk/sign-out", "/desk/password"), ("a program has a token", "account reset")),
    **dict.fromkeys(
        ("/desk/confirm", "/desk/confirmed", "/desk/confirm/passkey", "/desk/passkey"),
        ("a person shows who they are", ""),
    ),
    **dict.fromkeys(("/desk/passkeys/add", "/desk/passkeys/remove"), ("a browser makes the key", "")),
}
LISTS = {
    "/desk/holds": ("GET /v1/desk/blocks", "blocks list"),
    "/desk/blocks.json": ("GET /v1/desk/blocks", "blocks export"),
    "/desk/blocks.csv": ("GET /v1/desk/blocks", "blocks export"), "/desk/log": ("GET /v1/desk/acts", "acts list"),
    "/desk": ("GET /v1/desk/waiting", "acts waiting"), "/desk/letters": ("GET /v1/desk/letters", "letters list"),
    "/desk/campaigns": ("GET /v1/desk/campaigns", "campaign list"),
    "/desk/people": ("GET /v1/desk/accounts", "account list"),
    "/desk/sources": ("GET /v1/desk/sources", "source list"),
    "/desk/subscriptions": ("GET /v1/desk/subscriptions", "subscriptions list"),
    "/desk/returned": ("GET /v1/desk/reports", "reports list"),
    "/desk/duplicates/answers": ("GET /v1/desk/answers", "pair answers"),
}  # fmt: skip


def commands() -> set[str]:
    """Every command, as somebody types it."""

    def walk(group: Any, before: str) -> Iterator[str]:
        for name, one in getattr(group, "commands", {}).items():
            yield f"{before}{name}"
            yield from walk(one, f"{before}{name} ")

    return set(walk(typer.main.get_command(command_for([])), ""))


def kinds_of_commands() -> set[str]:
    """Every kind of act that the sources of the commands name in a call."""
    found = set()
    for file in Path(cli.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                said = [
                    constant for one in node.args for constant in ast.walk(one) if isinstance(constant, ast.Constant)
                ]
                found |= {one.value for one in said if isinstance(one.value, str)}
    return found


class Any_:
    """Stands for whatever a room is given: only its ways are asked for."""

    def __getattr__(self, name: str) -> Any:
        return Any_()


def ways() -> set[tuple[str, str]]:
    parts = cast(Parts, SimpleNamespace(**{name: Any_() for name in Parts.__dataclass_fields__}))
    return {(way.method, way.path) for room in rooms(cast(Any, Any_()), parts) for way in room.ways()}


def calls() -> set[str]:
    api = DeskApi(cast(Any, Any_()), cast(Any, Any_()), cast(Any, Any_()), cast(Any, Any_()), cast(Any, Any_()))
    return {f"{one.method} {one.path}" for one in api.calls()}


def test_every_act_has_a_command_and_a_call() -> None:
    assert ACTS.keys() == COMMANDS.keys()
    assert set(COMMANDS.values()) - {""} <= commands()
    assert {kind for kind, act in ACTS.items() if act.work is nothing} == BY_COMMAND_ALONE.keys()
    assert ACTS.keys() - SAID_OTHERWISE <= kinds_of_commands()


def test_every_form_and_list_of_the_desk_has_a_command_and_a_call() -> None:
    posts = {path for method, path in ways() if method == "POST"}
    assert posts == FORMS.keys()
    assert LISTS.keys() <= {path for method, path in ways() if method == "GET"}
    for call, command in (*FORMS.values(), *LISTS.values()):
        assert call in calls() or " /v1/" not in call, call
        assert not command or command in commands(), command


def test_what_is_unsaid_never_waits_for_somebody() -> None:
    """A ticket keeps what is said alone."""
    assert [act.kind for act in ACTS.values() if act.unsaid and act.right in CONFIRMED] == []


# Letters


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AskingWorld]:
    async with acting_world(tmp_path / "hub.sqlite") as acting:
        yield AskingWorld(acting)


async def put(world: AskingWorld, state: str) -> Letter:
    one = Letter(
        f"digest/{state}/{TO}", TO, world.node, DIGEST, {"shown": 1, "stale": 1, "aside": 0}, "2026-09-01T00:00:00Z"
    )
    assert await world.box.put(one)
    if state != WAITING:
        await world.box.settle(one.cause, state, 0, "550 no such mailbox", "2026-09-01T00:01:00Z")
    return one


@pytest.mark.parametrize("state", [REFUSED, GIVEN_UP])
async def test_a_letter_that_did_not_arrive_is_sent_again(world: AskingWorld, state: str) -> None:
    await world.agreed()
    one = await put(world, state)
    assert await world.sending.round() == 0
    await world.acting.do("letter_retry", letter_name(one))
    (line,) = await world.acting.lines(kinds=("letter_retry",))
    assert (line.subject, TO in str(line)) == (letter_name(one), False)
    assert await world.sending.round() == 1
    with pytest.raises(Exception, match="no letter of this name"):
        await world.acting.do("letter_retry", letter_name(one))


@pytest.mark.parametrize("state", [WAITING, SENT])
async def test_what_waits_or_arrived_is_not_sent_twice(world: AskingWorld, state: str) -> None:
    one = await put(world, state)
    with pytest.raises(Exception, match="no letter of this name"):
        await world.acting.do("letter_retry", letter_name(one))


async def test_consent_is_kept_and_ended_by_acts_and_no_address_stands_in_the_log(world: AskingWorld) -> None:
    told = {"address": TO, "lang": "fr", "how": "by telephone with the secretary"}
    await world.acting.do("correspond", world.node, does="agree", **told)
    (held,) = await world.box.correspondents()
    assert (held.address, held.node, held.lang, held.how) == (TO, world.node, "fr", told["how"])
    for wrong in ({**told, "address": "no address"}, {**told, "lang": "xx"}, {**told, "how": " "}):
        with pytest.raises(Exception, match="Nothing was kept"):
            await world.acting.do("correspond", world.node, does="agree", **wrong)
    with pytest.raises(Exception, match="nobody of this name"):
        await world.acting.do("correspond", f"hub {name_of(TO)}", does="end")
    await world.acting.do("correspond", f" {name_of(TO)}", does="forget")
    assert await world.box.correspondents() == []
    for row in await world.acting.rows():
        assert TO.encode() not in (row.words or b"") and TO not in row.line and b"telephone" not in (row.words or b"")
    assert await world.acting.faults() == []


# The API


@pytest.fixture
async def program(world: AskingWorld) -> World:
    one = World(world.acting)
    bench = world.acting.acts.bench
    one.api = DeskApi(one.tokens, world.acting.acts, one.api._open, one.accounts, bench)

    served = Starlette(routes=one.api.routes(), exception_handlers=problem_documents.HANDLERS)
    one.client = httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="https://hub.example")
    return one


async def test_a_list_of_blocks_goes_out_of_one_program_and_into_another(world: AskingWorld, program: World) -> None:
    acting = world.acting
    await acting.do("block", acting.subject("one"), "a complaint", until="2027-01-01", note="secret")
    token = await program.token(Role.OPERATOR)
    out = await program.call(token, "GET", "/v1/desk/blocks")
    assert "secret" not in out.text and out.json()["blocks"][0]["reason"] == "a complaint"
    table = (await program.call(token, "GET", "/v1/desk/blocks?as=csv")).text
    await acting.undo(1)
    before = await acting.view()
    shown = await program.call(token, "POST", "/v1/desk/blocks", {"list": table})
    assert (shown.json()["blocked"], shown.json()["lines"][0]["does"]) == ([], "new")
    assert await acting.view() == before
    taken = await program.call(token, "POST", "/v1/desk/blocks", {"list": out.text, "sure": True})
    assert taken.json()["blocked"] == [acting.subject("one")]
    assert (await acting.lines())[0].by == "token"
    for wrong in ({"list": "no list"}, {"list": "{"}):
        assert code(await program.call(token, "POST", "/v1/desk/blocks", wrong)) == "cannot_act"
    assert code(await program.call(token, "POST", "/v1/desk/blocks", {"sure": True})) == "malformed"
    less = await program.token(Role.OPERATOR, frozenset({Right.LOOK, Right.HOLD}))
    assert code(await program.call(less, "POST", "/v1/desk/blocks", {"list": table, "sure": True})) == "not_allowed"


async def test_programs_read_the_lists_that_pages_show(world: AskingWorld, program: World) -> None:
    await world.agreed()
    refused = await put(world, REFUSED)
    token = await program.token(Role.OPERATOR)
    told = (await program.call(token, "GET", "/v1/desk/letters")).json()
    assert [(one["name"], one["can_be_retried"]) for one in told["letters"]] == [(letter_name(refused), True)]
    assert [one["address"] for one in told["people"]] == [TO]
    assert code(await program.call(token, "GET", "/v1/desk/letters?most=0")) == "malformed"
    sources = (await program.call(token, "GET", "/v1/desk/sources")).json()["sources"]
    assert world.node in {one["id"] for one in sources}
    assert (await program.call(token, "GET", "/v1/desk/campaigns")).json() == {"campaigns": [], "open": []}
    auditor = await program.token(Role.AUDITOR)
    assert code(await program.call(auditor, "GET", "/v1/desk/letters")) == "not_allowed"


async def test_the_page_offers_to_send_again_and_says_when_it_cannot(world: AskingWorld) -> None:
    await world.agreed()
    one = await put(world, REFUSED)
    async with world.client() as client:
        await world.door.add("the-curator", Role.CURATOR)
        await client.post("/desk/sign-in", data={"name": "the-curator", "password": "vier woorden zonder verband"})
        assert letter_name(one) in (await client.get("/desk/letters")).text
        assert (await client.post("/desk/letters/retry", data={"letter": letter_name(one)})).status_code == 303
        assert letter_name(one) not in (await client.get("/desk/letters")).text
        assert (await client.post("/desk/letters/retry", data={"letter": letter_name(one)})).status_code == 422
    assert await world.sending.round() == 1


async def test_whoever_has_the_machine_is_a_second_person(tmp_path: Path) -> None:
    """`acts approve` acts as the command: another than whoever asked at the desk."""
    async with acting_world(tmp_path / "hub.sqlite", second_person=True) as acting:
        done = await acting.do("block", acting.author.id, "harm", actor(), until="2027-01-01")
        assert (await acting.acts.approve(COMMAND, done.waits)).n
        assert [one.node for one in await acting.blocks.all()] == [acting.author.id]
