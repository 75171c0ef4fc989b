"""Letters: to nobody who has not agreed, once for a cause, through a server that fails in every way, and nothing of
what others write ends a header."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.mail import links, occasions
from jisr_hub.mail.composing import Text, compose, plain, quoted
from jisr_hub.mail.letters import (
    GIVEN_UP,
    REFUSED,
    SENT,
    WAITING,
    WITHDRAWN,
    Correspondent,
    Letter,
    NoAddress,
    address_of,
)  # fmt: skip
from jisr_hub.mail.occasions import Figures
from jisr_hub.mail.sending import WAITS, Later, Refused, Sender, Sending
from jisr_hub.mail.smtp import Server
from jisr_hub.storage.letters import SqlPostbox
from jisr_protocol.pages.language import NAMES
from tests.hub.desk_world import AT, Clock, DeskWorld, Draw, desk_world
from tests.hub.mail_server import Faulty, mail_server

pytestmark = pytest.mark.anyio
TO, NODE = "secretariat@dar.example", "jisr:" + "a" * 52
SENDER = Sender("Jisr Maroc", "desk@hub.example", "https://hub.example")


@pytest.fixture
async def world(place: Path | str) -> AsyncIterator[DeskWorld]:
    async with desk_world(place) as world:
        yield world


@pytest.fixture
def server() -> Iterator[tuple[Faulty, int]]:
    with mail_server() as running:
        yield running


class Round:
    """A postbox, a clock that is turned by hand, and a real server of the test."""

    def __init__(self, world: DeskWorld, port: int) -> None:
        self.box, self.clock = SqlPostbox(world.ledger.database), world.clock
        post = Server("127.0.0.1", port, "")
        self.sending = Sending(self.box, post, SENDER, self.clock, Draw(), self._title)
        self.titles = {"r1": "دار الجسر", "r2": "Atelier\r\nBcc: everybody@example.org"}

    async def _title(self, node: str, record_id: str, lang: str) -> str:
        return self.titles.get(record_id, "")

    async def agreed(self, lang: str = "ar", address: str = TO) -> None:
        await self.box.agree(Correspondent(address, NODE, lang, AT, "by telephone"))

    async def put(self, cause: str = "broken/1", address: str = TO) -> bool:
        about = {"source": "https://dar.example/feed", "says": "503"}
        return await self.box.put(Letter(cause, address, NODE, "broken", about, AT))

    async def states(self) -> list[str]:
        return [letter.state for letter in await self.box.letters(99)]


@pytest.fixture
def round_(world: DeskWorld, server: tuple[Faulty, int]) -> Round:
    return Round(world, server[1])


async def test_a_letter_goes_out_once_for_a_cause(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.agreed()
    assert await round_.put()
    assert not await round_.put(), "the same cause brings no second letter"
    assert await round_.sending.round() == 1
    assert not await round_.put(), "also when the first is sent"
    assert await round_.sending.round() == 0
    assert len(server[0].taken) == 1
    assert server[0].to == [[TO]]
    assert await round_.states() == [SENT]


async def test_nobody_who_has_not_agreed_gets_a_letter(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.put()
    await round_.agreed(address="somebody-else@dar.example")
    await round_.sending.round()
    assert server[0].tried == 0
    assert await round_.states() == [WITHDRAWN]


async def test_who_ends_it_gets_nothing_that_waits_and_nothing_new(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.agreed()
    await round_.put("one")
    server[0].faults = ["451 come back"]
    await round_.sending.round()
    assert await round_.box.end(TO, AT)
    assert not await round_.box.end(TO, AT)
    round_.clock.pass_(WAITS[0])
    await round_.put("two")
    await round_.sending.round()
    assert server[0].taken == []
    assert set(await round_.states()) == {WITHDRAWN}
    await round_.agreed()
    assert await round_.put("three")
    await round_.sending.round()
    assert len(server[0].taken) == 1, "who agrees anew gets letters again"


async def test_an_address_is_forgotten_whole(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.agreed()
    await round_.put()
    await round_.sending.round()
    assert await round_.box.forget(TO)
    assert await round_.box.letters(9) == []
    assert await round_.box.correspondents() == []
    word = _word(server[0].taken[0])
    assert await links.find(round_.box, links.STOP, word, 0) is None


async def test_a_server_that_is_busy_gets_it_later_and_each_time_later(
    round_: Round, server: tuple[Faulty, int]
) -> None:
    await round_.agreed()
    await round_.put()
    server[0].faults = ["451 busy", "421 closing", "451 busy"]
    for wait in WAITS[:3]:
        await round_.sending.round()
        assert await round_.sending.round() == 0, "not before its time"
        round_.clock.pass_(wait - 1)
        tried = server[0].tried
        await round_.sending.round()
        assert server[0].tried == tried
        round_.clock.pass_(1)
    await round_.sending.round()
    assert (server[0].tried, len(server[0].taken)) == (4, 1)
    assert await round_.states() == [SENT]


@pytest.mark.parametrize(("fault", "copies"), [("drop", 1), ("taken, then drop", 2)])
async def test_a_line_that_breaks_after_data_loses_nothing_and_a_copy_bears_the_same_name(
    round_: Round, server: tuple[Faulty, int], fault: str, copies: int
) -> None:
    await round_.agreed()
    await round_.put()
    server[0].faults = [fault]
    await round_.sending.round()
    assert await round_.states() == [WAITING]
    round_.clock.pass_(WAITS[0])
    await round_.sending.round()
    assert await round_.states() == [SENT]
    assert len(server[0].taken) == copies
    assert len({message["Message-ID"] for message in server[0].taken}) == 1


async def test_a_final_answer_is_final(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.agreed()
    await round_.put()
    server[0].faults = ["550 no such mailbox"]
    await round_.sending.round()
    round_.clock.pass_(10 * 86_400)
    await round_.sending.round()
    assert server[0].tried == 1
    (letter,) = await round_.box.letters(9)
    assert letter.state == REFUSED
    assert "no such mailbox" in letter.said


async def test_after_days_it_is_given_up(round_: Round, server: tuple[Faulty, int]) -> None:
    await round_.agreed()
    await round_.put()
    server[0].faults = ["451 busy"] * 20
    for wait in (*WAITS, 0):
        await round_.sending.round()
        round_.clock.pass_(wait)
    assert await round_.states() == [GIVEN_UP]
    assert server[0].tried == len(WAITS) + 1


async def test_nobody_there_is_later_not_never(world: DeskWorld) -> None:
    round_ = Round(world, 1)
    await round_.agreed()
    await round_.put()
    assert await round_.sending.round() == 0
    assert await round_.states() == [WAITING]


async def test_a_server_without_encryption_is_told_nothing_where_it_is_asked_for(server: tuple[Faulty, int]) -> None:
    with pytest.raises(Later):
        await Server("127.0.0.1", server[1], "starttls", "user", "a secret").send(_message(), TO)
    assert server[0].tried == 0


async def test_answers_about_our_own_password_are_no_reason_to_give_a_letter_up(server: tuple[Faulty, int]) -> None:
    server[0].faults = ["530 must authenticate", "554 spam"]
    with pytest.raises(Later):
        await Server("127.0.0.1", server[1], "").send(_message(), TO)
    with pytest.raises(Refused):
        await Server("127.0.0.1", server[1], "").send(_message(), TO)


async def test_two_processes_do_not_send_the_same_letter(round_: Round) -> None:
    await round_.agreed()
    await round_.put()
    assert await round_.box.claim(0, 600) is not None
    assert await round_.box.claim(0, 600) is None, "claimed"
    again = await round_.box.claim(600, 1200)
    assert again is not None
    assert again.tries == 2, "who claimed it and died has used up a try"


# What it says


@pytest.mark.parametrize("lang", NAMES)
async def test_a_letter_reads_well_in_its_language(round_: Round, server: tuple[Faulty, int], lang: str) -> None:
    await round_.agreed(lang)
    about = {"campaign": "c1", "records": [[NODE, "r1"], [NODE, "r2"], [NODE, "gone"]]}
    await round_.put()
    await round_.box.put(Letter("still/1", TO, NODE, "still correct", about, AT))
    await round_.box.put(Letter("digest/1", TO, NODE, "digest", {"shown": 7, "stale": 2, "aside": 1}, AT))
    for sealed in (True, False):
        said = {"records": [[NODE, "r1"]], "sealed": sealed}
        await round_.box.put(Letter(f"reported/{sealed}", TO, NODE, "reported", said, AT))
    assert await round_.sending.round() == 5
    for message in server[0].taken:
        body = message.get_content()
        assert message.get_content_type() == "text/plain"
        assert message["Content-Language"] == lang
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert message["List-Unsubscribe"].strip("<>").startswith("https://hub.example/letters/stop/")
        assert message["Bcc"] is None
        assert "=?" not in str(message.get("List-Unsubscribe"))
        assert "%(" not in body
        for line in body.splitlines():
            assert (line[:1] == "\u200f") == (lang == "ar" and bool(line) and not line.startswith("https://"))
    still = next(message for message in server[0].taken if "/letters/still/" in message.get_content())
    assert still.get_content().count("/letters/still/") == 2, "what is not shown any more is not asked about"
    told = [body for body in (one.get_content() for one in server[0].taken) if f"/directory/{NODE}/r1" in body]
    assert len(told) == 2 and ["jisr-node messages fetch" in body for body in told].count(True) == 1


async def test_a_letter_about_records_that_are_all_gone_is_withdrawn(round_: Round) -> None:
    await round_.agreed()
    about = {"campaign": "c1", "records": [[NODE, "gone"]]}
    await round_.box.put(Letter("still/1", TO, NODE, "still correct", about, AT))
    await round_.sending.round()
    assert await round_.states() == [WITHDRAWN]


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_words_of_others_end_a_header(subject: str, name: str) -> None:
    message = _message(subject, name)
    raw = message.as_bytes()
    assert b"List-Unsubscribe: <https://hub.example/letters/stop/x>\r\n" in raw
    headers = raw.split(b"\r\n\r\n", 1)[0].decode("ascii", "replace")
    names = [line.partition(":")[0] for line in headers.split("\r\n") if line[:1] not in (" ", "\t")]
    assert sorted(names) == sorted(
        [
            *("From", "To", "Subject", "Date", "Message-ID", "Content-Language", "Auto-Submitted", "List-Unsubscribe"),
            *("List-Unsubscribe-Post", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
        ]
    )
    assert message["From"].addresses[0].addr_spec == SENDER.mail
    assert "\n" not in plain(subject, 120)
    assert len(quoted(name)) <= 82


@given(st.text(max_size=40))
def test_an_address_is_one_address_or_refused(text: str) -> None:
    try:
        found = address_of(text)
    except NoAddress:
        return
    assert found.count("@") == 1
    assert not set(found) & set('\r\n ,;<>()"\\\0')


@pytest.mark.parametrize(
    "text", ["", "nobody", "a@b", "a b@example.org", "a@example.org\nBcc: b@example.org", "a@example.org,b@example.org"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(NoAddress):
        address_of(text)


# Links


async def test_a_links_word_is_kept_only_as_its_hash_and_is_for_one_purpose(round_: Round) -> None:
    word = await links.make(round_.box, Draw(), links.STILL, TO, {"id": "r1"}, expires=1000)
    assert await links.find(round_.box, links.STILL, word, 999) is not None
    assert await links.find(round_.box, links.STILL, word, 1000) is None, "too old"
    assert await links.find(round_.box, links.STOP, word, 1) is None, "for another purpose"
    assert await links.find(round_.box, links.STILL, links.hashed(word), 1) is None, "the hash opens nothing"
    assert await links.find(round_.box, links.STILL, "é" * 43, 1) is None
    held = await round_.box.link(links.hashed(word), 1)
    assert held is not None
    assert word not in repr(held)
    assert len(base64.urlsafe_b64decode(word + "=")) == 32


# Occasions


class _Fails:
    node, address, since, says = NODE, "https://dar.example/feed", "2026-09-01T08:00:00Z", "503"


async def test_a_source_that_fails_is_told_once_until_it_fails_anew(round_: Round) -> None:
    await round_.agreed()
    now = round_.clock()
    assert await occasions.alerts(round_.box, [_Fails()], now) == 1
    assert await occasions.alerts(round_.box, [_Fails()], now) == 0
    anew = _Fails()
    anew.since = "2026-09-02T08:00:00Z"
    assert await occasions.alerts(round_.box, [anew], now) == 1


async def test_who_answers_for_a_node_hears_once_a_day_that_something_is_reported(
    round_: Round, server: tuple[Faulty, int]
) -> None:
    owners = occasions.Owners(round_.box, round_.clock)
    assert not await owners.known(NODE)
    await owners.tell((NODE, "r1"), sealed=True)
    assert await round_.box.letters(9) == [], "nobody agreed"
    await round_.agreed("en")
    assert await owners.known(NODE) and not await owners.known("jisr:" + "b" * 52)
    for record in ("r1", "r2", "r1"):
        await owners.tell((NODE, record), sealed=True)
    assert await round_.sending.round() == 1
    round_.clock.pass_(86_400)
    await owners.tell((NODE, "gone"), sealed=False)
    assert await round_.sending.round() == 0, "what is shown no more is told to nobody"
    assert await round_.states() == [WITHDRAWN, SENT]


async def test_a_digest_comes_once_a_week_and_not_when_nothing_waits(round_: Round, world: DeskWorld) -> None:
    await round_.agreed()

    async def figures(node: str, today: str) -> Figures:
        return Figures(5, stale, 0)

    clock: Clock = world.clock  # Tuesday, 1 September 2026, 12:00
    stale = 0
    assert await occasions.weekly(round_.box, figures, clock()) == 0
    stale = 2
    assert await occasions.weekly(round_.box, figures, clock()) == 1
    for _ in range(6):
        assert await occasions.weekly(round_.box, figures, clock()) == 0
        clock.pass_(86_400)
    assert clock().weekday() == 0
    assert await occasions.weekly(round_.box, figures, clock()) == 1


def _message(subject: str = "A letter", name: str = "Hub") -> EmailMessage:
    text = Text(subject, ["A paragraph."], "ltr", "en")
    return compose(
        text, cause="c", to=TO, sender=SENDER.mail, sender_name=name, stop="https://hub.example/letters/stop/x",
        stop_words="Stop:", at=Clock()(),
    )  # fmt: skip


def _word(message: Any) -> str:
    return str(message["List-Unsubscribe"]).strip("<>").rpartition("/")[2]
