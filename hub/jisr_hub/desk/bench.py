"""What an act works with, what it is asked, and what it came to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jisr_protocol.limits import INTEGER_MAX

from ..authority.admissions import Admissions, Store
from ..curation.candidates import Pair
from ..curation.doubles import Answer
from ..curation.merging import Entry
from ..curation.saying import Saying
from ..curation.words import Voices, Word
from ..hub import Hub
from ..mail.campaigns import Campaigns, Old
from ..mail.letters import Postbox
from ..ports import Key
from ..reports.taking import Mistake
from ..takedown.blocking import Blocks
from ..takedown.erasure import Erasures
from ..webhooks.telling import Subscriptions
from .sources import Sources


def N_(message: str) -> str:
    """Mark an English sentence that the web says in the reader's language; returns it unchanged."""
    return message


class CannotAct(Exception):
    """An act that cannot be carried out. `sentence` is a message with placeholders, `values` fill them; nothing was
    changed."""

    def __init__(self, sentence: str, **values: Any) -> None:
        super().__init__(sentence % values if values else sentence)
        self.sentence, self.values = sentence, values


class Curation(Protocol):
    """The words that stand and the merged directory, as far as acts need them."""

    own: str

    async def find(self, name: str) -> Key | None: ...

    async def entry(self, key: Key, today: str) -> Entry | None: ...

    async def words(self, keys: Iterable[Key]) -> list[Word]: ...

    async def said(self, signer: str = "") -> list[Word]: ...

    async def voices(self) -> Voices: ...

    async def decisions(self) -> dict[str, str]: ...

    async def decide(self, signer: str, decision: str, at: str) -> None: ...

    async def follow(self, today: str) -> int: ...


class Doubles(Protocol):
    """What was answered about likely duplicates."""

    async def answer(self, both: Pair, answer: str, until: str, account: str, at: str) -> None: ...

    async def unanswer(self, both: Pair) -> None: ...

    async def answers(self) -> list[Answer]:
        """The latest first."""
        ...


class Oldest(Protocol):
    """Records as a campaign asks about them."""

    async def old(self, node: str, lang: str) -> list[Old]:
        """The live public records of a node, of all nodes for ""."""
        ...


class Reported(Protocol):
    """What people report as wrong or did not find."""

    async def open(self, now: int) -> Sequence[Mistake]: ...

    async def drop(self, number: str) -> bool: ...


@dataclass(frozen=True)
class Asking:
    """What asking people takes: letters and who agreed to get them, campaigns, and the records."""

    box: Postbox
    campaigns: Campaigns
    records: Oldest


@dataclass(frozen=True)
class Bench:
    """The parts of an open hub that acts work with."""

    hub: Hub
    erasures: Erasures
    admissions: Admissions
    store: Store
    curation: Curation
    saying: Saying
    blocks: Blocks
    random_bytes: Callable[[int], bytes]
    lang: str
    address: str
    per_hour: int
    per_day: int
    doubles: Doubles | None = None
    asking: Asking | None = None
    """None where the hub sends no letters."""
    reports: Reported | None = None
    sources: Sources | None = None
    """What is kept of rounds with sources, for the acts about them."""
    subscriptions: Subscriptions | None = None
    """Portals that are told when the feed has grown."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants done: on what, why, and what else the act takes. What is not given is its default."""

    kind: str
    subject: str = ""
    reason: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str, otherwise: str = "") -> str:
        """A member that is a text."""
        value = self.members.get(name)
        return otherwise if value is None else str(value)

    def number(self, name: str, otherwise: int) -> int:
        """A member that is a whole number. Raises CannotAct."""
        value = self.members.get(name)
        if value is None or value == "":
            return otherwise
        try:
            found = int(value)
            if abs(found) > INTEGER_MAX:
                raise ValueError("more than a database holds")
            return found
        except (TypeError, ValueError, OverflowError) as error:
            raise CannotAct(
                "Nothing was changed. Expected a whole number for %(name)s, came %(came)s.", name=name, came=value
            ) from error

    def listed(self, name: str) -> list[str]:
        """A member that is a list of texts; what a form sends as one text is divided at spaces and commas."""
        value = self.members.get(name) or ()
        if isinstance(value, str):
            return value.replace(",", " ").split()
        return [str(one) for one in value] if isinstance(value, Collection) else []


@dataclass(frozen=True)
class Undo:
    """The act that takes another back."""

    kind: str
    subject: str
    members: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What an act came to: facts for whoever asked, the sentence for the log, and what undoes it, if anything does."""

    facts: Mapping[str, Any]
    sentence: str = ""
    undo: Undo | None = None


Work = Callable[[Bench, Asked], Awaitable[Result]]


async def nothing(bench: Bench, asked: Asked) -> Result:
    """Stand in the table for an act that only a command carries out, with work of its own (`Acts.carry_out`)."""
    raise CannotAct("Nothing was changed. This is done by a command on the hub's machine alone.")
