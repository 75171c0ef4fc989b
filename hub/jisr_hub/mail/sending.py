"""One round of sending: each letter that is due goes out, waits longer, or ends.

    451, a line that breaks, no connection    it waits: a minute, then longer each time, for five days
    550 and other final answers               refused: it is not tried again
    a word that was withdrawn meanwhile       it does not go out

Whoever dies between the server's word and ours sends a letter again, with the same Message-ID: a mailbox shows it once.
Within this hub no letter is sent by two processes: who sends has claimed it for a while.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Protocol

import structlog

from jisr_protocol import identifiers

from ..ports import Clock
from ..web.language import load_languages
from . import links, wording
from .composing import compose, plain
from .letters import (
    GIVEN_UP,
    HUB,
    REFUSED,
    REPORTED,
    SENT,
    STILL_CORRECT,
    WAITING,
    WITHDRAWN,
    Correspondent,
    Letter,
    Postbox,
)

CLAIM_SECONDS = 600
"""How long one process has a letter for itself: longer than a server may take."""
WAITS = (60, 300, 900, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 24 * 3600, 48 * 3600)
"""Seconds before each next try; after the last one it is given up."""
LETTERS_A_ROUND = 50
_SAID_CHARACTERS = 200
_log = structlog.get_logger()


class Later(Exception):
    """The server took nothing now; the same letter may go out later. The sentence is the server's."""


class Refused(Exception):
    """The server will never take this letter for this address."""


class Post(Protocol):
    """A mail server. Raises Later and Refused."""

    async def send(self, message: EmailMessage, to: str) -> None: ...


Title = Callable[[str, str, str], Awaitable[str]]
"""(node, id, language) → what a record is called, "" when it is not shown any more."""


@dataclass(frozen=True)
class Sender:
    """Who writes: the hub's name, the address letters come from, and where people find the hub."""

    name: str
    mail: str
    address: str


class Sending:
    """Sends what is due."""

    def __init__(
        self, box: Postbox, post: Post, sender: Sender, clock: Clock, random_bytes: Callable[[int], bytes], title: Title
    ) -> None:
        self._box, self._post, self._sender, self._clock = box, post, sender, clock
        self._random, self._title = random_bytes, title

    async def round(self) -> int:
        """Send what is due; how many letters went out."""
        sent = 0
        for _ in range(LETTERS_A_ROUND):
            now = int(self._clock().timestamp())
            letter = await self._box.claim(now, now + CLAIM_SECONDS)
            if letter is None:
                break
            sent += await self._one(letter, now)
        return sent

    async def _one(self, letter: Letter, now: int) -> bool:
        who = await self._agreed(letter)
        message = await self._message(letter, who, now) if who is not None else None
        if message is None:
            await self._settle(letter, WITHDRAWN, "")
            return False
        try:
            await self._post.send(message, letter.address)
        except Refused as refused:
            await self._settle(letter, REFUSED, str(refused))
        except Later as later:
            if letter.tries > len(WAITS):
                await self._settle(letter, GIVEN_UP, str(later))
            else:
                await self._settle(letter, WAITING, str(later), now + WAITS[letter.tries - 1])
        else:
            await self._settle(letter, SENT, "")
            return True
        return False

    async def _agreed(self, letter: Letter) -> Correspondent | None:
        """Never to a person who has not agreed, or does not any more."""
        people = await self._box.correspondents(letter.node)
        return next((one for one in people if one.address == letter.address), None)

    async def _message(self, letter: Letter, who: Correspondent, now: int) -> EmailMessage | None:
        language = load_languages().get(who.lang) or load_languages()["en"]
        asked: list[tuple[str, str]] = []
        if letter.kind in (STILL_CORRECT, REPORTED):
            asked = await self._asked(letter, language.code, now)
            if not asked:
                return None
        said = wording.text(letter.kind, letter.about, self._sender.name, language, asked)
        stop = await links.make(self._box, self._random, links.STOP, letter.address, {})
        return compose(
            said,
            cause=letter.cause,
            to=letter.address,
            sender=self._sender.mail,
            sender_name=self._sender.name,
            stop=f"{self._sender.address}/letters/stop/{stop}",
            stop_words=language.gettext(wording.STOP),
            at=self._clock(),
        )

    async def _asked(self, letter: Letter, lang: str, now: int) -> list[tuple[str, str]]:
        """Of each record that it is about and that is still shown: its title, and a link to its answer or its page."""
        found = []
        for node, record_id in _records(letter.about):
            title = await self._title(node, record_id, lang)
            if title:
                path = f"/directory/{node}/{record_id}"
                if letter.kind == STILL_CORRECT:
                    path = f"/letters/still/{await self._word(letter, node, record_id, now)}"
                found.append((plain(title, 200), f"{self._sender.address}{path}"))
        return found

    async def _word(self, letter: Letter, node: str, record_id: str, now: int) -> str:
        """The word of a link that says whether a record is still correct."""
        about, until = {"campaign": letter.about["campaign"], "node": node, "id": record_id}, links.still_until(now)
        return await links.make(self._box, self._random, links.STILL, letter.address, about, until)

    async def _settle(self, letter: Letter, state: str, said: str, due: int = 0) -> None:
        at = identifiers.to_instant(self._clock())
        await self._box.settle(letter.cause, state, due, plain(said, _SAID_CHARACTERS), at)
        if state in (REFUSED, GIVEN_UP):
            _log.warning("mail.undelivered", kind=letter.kind, state=state, tries=letter.tries)


def _records(about: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    return [(str(node), str(record_id)) for node, record_id in about["records"]]


__all__ = ["HUB", "Later", "Post", "Refused", "Sender", "Sending"]
