"""Proofs of the rules of mailboxes (see tests/protocol/proofs.py)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request

from jisr_hub.mailbox.carrying import Hour
from jisr_hub.views.readers import LOG_STATE, MAILBOX, Granted
from jisr_hub.web.tokens import Tokens
from jisr_protocol.limits import (
    MAILBOX_MESSAGES,
    MATCHES_PER_SOURCE_HOUR,
    MESSAGES_PER_NODE_HOUR,
    MESSAGES_PER_SOURCE_HOUR,
)
from jisr_protocol.token import Assertion
from tests.hub.mailbox_world import ELSEWHERE, NOW, World, letter, refusal_in, world_over
from tests.protocol.proofs import proves, refused


def _in_a_world(story: Callable[[World], Awaitable[str]]) -> str:
    async def told() -> str:
        with tempfile.TemporaryDirectory() as folder:
            async with world_over(Path(folder) / "hub.sqlite") as (world, _):
                return await story(world)

    return asyncio.run(told())


@proves("SEAL-12")
def a_message_for_a_node_of_another_hub_is_not_kept() -> None:
    async def story(world: World) -> str:
        moved = world.nodes.add("moved", ELSEWHERE)
        return await refusal_in(world.boxes.leave(moved.identity.id, letter(moved), "192.0.2.1"))

    assert _in_a_world(story) == "SEAL-12"


@proves("SEAL-13")
def a_message_for_nobody_is_not_kept() -> None:
    async def story(world: World) -> str:
        ours = world.nodes.add("ours")
        return await refusal_in(world.boxes.leave("jisr:" + "q" * 52, letter(ours), "192.0.2.1"))

    assert _in_a_world(story) == "SEAL-13"


@proves("SEAL-14")
def the_same_bytes_are_not_kept_twice() -> None:
    async def story(world: World) -> str:
        ours = world.nodes.add("ours")
        raw = letter(ours)
        await world.boxes.leave(ours.identity.id, raw, "192.0.2.1")
        return await refusal_in(world.boxes.leave(ours.identity.id, raw, "192.0.2.1"))

    assert _in_a_world(story) == "SEAL-14"


@proves("SEAL-15")
def a_full_mailbox_takes_no_more() -> None:
    async def story(world: World) -> str:
        ours = world.nodes.add("ours")
        kept = world.post.leave

        async def little(node: str, message: object, now: int, until: int, most: int) -> object:
            return await kept(node, message, now, until, most - MAILBOX_MESSAGES)

        world.post.leave = little
        return await refusal_in(world.boxes.leave(ours.identity.id, letter(ours), "192.0.2.1"))

    assert _in_a_world(story) == "SEAL-15"


@proves("SEAL-16")
def one_network_leaves_only_so_many_an_hour() -> None:
    async def story(world: World) -> str:
        for _ in range(MESSAGES_PER_SOURCE_HOUR):
            await refusal_in(world.boxes.leave("nobody", b"", "192.0.2.1"))
        return await refusal_in(world.boxes.leave("nobody", b"", "192.0.2.99"))

    assert _in_a_world(story) == "SEAL-16"


@proves("SEAL-16")
def for_one_node_only_so_many_an_hour() -> None:
    async def story(world: World) -> str:
        ours = world.nodes.add("ours")
        raw = letter(ours)
        for number in range(MESSAGES_PER_NODE_HOUR):
            await refusal_in(world.boxes.leave(ours.identity.id, raw, f"198.51.{number}.1"))
        return await refusal_in(world.boxes.leave(ours.identity.id, raw, "203.0.113.1"))

    assert _in_a_world(story) == "SEAL-16"


class Granting:
    """Readers of whom one token is out."""

    def __init__(self, granted: Granted) -> None:
        self._granted = granted

    async def granted(self, token: str, now: int) -> Granted | None:
        return self._granted if token == "ours" else None

    async def reader(self, id: str) -> None: ...

    async def use(self, said: Assertion, now: int) -> bool:
        return False

    async def grant(self, token: str, granted: Granted, expires: int) -> None: ...


def _asked(granted: Granted, token: str = "ours") -> None:
    scope = {"type": "http", "headers": [(b"authorization", b"Bearer " + token.encode())]}
    tokens = Tokens(Granting(granted), "jisr:hub", lambda: NOW)
    asyncio.run(tokens.check_own(Request(scope), "jisr:node", MAILBOX))


@proves("SEAL-17")
def a_mailbox_is_opened_with_the_nodes_own_token_alone() -> None:
    _asked(Granted("jisr:node", MAILBOX))
    refused("SEAL-17", lambda: _asked(Granted("jisr:another", MAILBOX)))
    refused("SEAL-17", lambda: _asked(Granted("jisr:node", LOG_STATE)))
    refused("SEAL-17", lambda: _asked(Granted("jisr:node", MAILBOX), "guessed"))


@proves("MAT-4")
def one_network_asks_for_matches_only_so_often() -> None:
    def ask(times: int) -> None:
        hour = Hour("MAT-4", MATCHES_PER_SOURCE_HOUR)
        for _ in range(times):
            hour.count("192.0.2.0/24", NOW, "questions")

    ask(MATCHES_PER_SOURCE_HOUR)
    refused("MAT-4", lambda: ask(MATCHES_PER_SOURCE_HOUR + 1))
