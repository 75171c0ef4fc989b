"""Acks (ACK-5, ACK-6): what each hub did about a notice, who has confirmed, who is overdue; what strangers bring."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from jisr_hub import config
from jisr_hub.app.serving import application
from jisr_hub.cli import noticing, setting_up
from jisr_hub.ports.notices import Follower
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.takedown.acknowledging import Acknowledgements
from jisr_protocol import ack, identifiers, keys, notice, notice_call
from jisr_protocol.ack import Ack
from jisr_protocol.limits import ADVICE_KEPT
from jisr_protocol.notice import ALL, Notice
from jisr_protocol.refusal import Refusal
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import MemoryHub, run
from tests.hub.kept_hub import KeptHub
from tests.hub.test_cli import jisr_hub
from tests.hub.test_erasure import Begun, begun, erase, erasures_of, say
from tests.reader.publisher import Writer

__all__ = ["begun", "jisr_hub"]
pytestmark = pytest.mark.anyio


def answers(hub: MemoryHub) -> Acknowledgements:
    erasures_of(hub)
    return Acknowledgements(hub.hub)


def said_by(hub: MemoryHub, author: Author, label: str = "one", **changes: Any) -> Notice:
    """A notice that a hub signs and sends by itself, beside any feed."""
    ids = () if label == ALL else (record_id(label),)
    value = {
        "id": str(uuid.uuid4()), "action": "erase", "by": hub.id, "node": author.id, "ids": ids, "max_rev": 5, "n": 1,
        "issued": identifiers.to_instant(hub.clock()), "basis": "a court's order", **changes,
    }  # fmt: skip
    return notice.write(hub.identity.key, **value)


async def bring(to: MemoryHub, *things: Any, by: MemoryHub) -> list[Any]:
    """What a hub answers to a call that brings these."""
    raw = notice_call.write((thing.envelope for thing in things), [by.identity.ring])
    call = notice_call.parse(raw)
    return await answers(to).take(call.said, call.chains)


async def pass_on(of: MemoryHub, to: MemoryHub) -> int:
    """Bring what waits to the hub upstream, as Answers does."""
    acks, rings = await answers(of).waiting(to.id)
    call = notice_call.parse(notice_call.write((one.envelope for one in acks), rings))
    told = await answers(to).take(call.said, call.chains)
    taken = [one for one, answer in zip(acks, told, strict=True) if "code" not in answer]
    await answers(of).brought(taken)
    return len(taken)


async def following(home: MemoryHub, *chain: MemoryHub, folder: Path) -> None:
    """Each follows the one before it, once."""
    upstream = home
    for hub in chain:
        await upstream.publish()
        await hub.follow(upstream, folder)
        upstream = hub


async def test_every_hub_down_the_way_confirms_and_a_silent_one_is_overdue(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.put("one")
    async with begun(author, label="home") as home, begun(label="second") as second, begun(label="far") as far:
        for hub in (second, far):
            hub.clock = hub.hub.clock = hub.publisher.clock = home.clock
        await home.push(author)
        await following(home, second, far, folder=tmp_path)
        at = identifiers.to_instant(home.clock())
        await home.ledger.keep_follower(Follower(second.id, "Second", at))
        await home.ledger.keep_follower(Follower("jisr:" + "d" * 52, "Dead", at))
        await second.ledger.keep_follower(Follower(far.id, "Far", at))
        say(author, "one")
        await home.push(author, len(author.feed().lines) - 1)
        await following(home, second, far, folder=tmp_path)
        for hub in (home, second, far):
            assert await answers(hub).sign() == 1
            assert await answers(hub).sign() == 0, "once"
        assert await pass_on(far, second) == 1
        assert await pass_on(second, home) == 2, "its own, and what it heard"
        assert await pass_on(second, home) == 0
        (receipt,) = await answers(home).receipts()
        assert receipt.confirmed == {home.id: "done", second.id: "done", far.id: "done"}
        assert (receipt.overdue, receipt.waited_for) == ((), ("jisr:" + "d" * 52,))
        home.clock.pass_time(hours=24, seconds=1)
        (receipt,) = await answers(home).receipts()
        assert (receipt.overdue, receipt.waited_for) == (("jisr:" + "d" * 52,), ())
        told = await answers(home).told(receipt.handled.notice)
        assert told is not None
        rings = {ring.id: ring for ring in told[1]}
        for one in told[0]:
            assert ack.verified(one, rings[one.by], now=home.clock()) == one


async def test_one_notice_for_all_of_a_node_is_one_ack(begun: Begun, tmp_path: Path) -> None:
    author = Author("dar")
    author.puts(12)
    async with begun(author, label="home") as home, begun(label="second") as second:
        await home.push(author)
        await following(home, second, folder=tmp_path)
        await erase(home, author, ALL)
        await following(home, second, folder=tmp_path)
        assert await second.live() == {}
        assert await answers(second).sign() == 1
        assert [e.op for e in await second.log()].count("erase") == 1


async def test_a_storm_of_a_thousand_deletions_is_one_notice_one_entry_one_guard(
    tmp_path: Path, figure: Callable[..., None]
) -> None:
    author = Author("dar")
    author.puts(1_000)
    ledgers = [await SqlLedger.open(tmp_path / f"{name}.sqlite", new_epoch="1-aaaaaaaa") for name in ("home", "far")]
    home, second = [await MemoryHub(n, ledger=x).begin() for n, x in zip(("home", "far"), ledgers, strict=True)]
    await home.admit(author)
    for start in range(0, 1_001, 400):
        await home.push(author, start, min(start + 400, 1_001))
    await following(home, second, folder=tmp_path)
    sizes = [len(await hub.log()) for hub in (home, second)]
    began = time.monotonic()
    await erase(home, author, ALL)
    at_home = time.monotonic() - began
    await following(home, second, folder=tmp_path)
    grown = [len(await hub.log()) - size for hub, size in zip((home, second), sizes, strict=True)]
    guards = [len(await x.rows(sa.text("SELECT * FROM guard"))) for x in ledgers]
    assert (grown, guards, await second.live()) == ([1, 1], [1, 1], {})
    assert await answers(second).sign() == 1
    figure(f"1,000 records of a node: 1 notice, {grown} entries, {guards} guards, 1 ack; {at_home:.1f} s at home")
    for ledger in ledgers:
        await ledger.close()


# What strangers bring


async def test_a_notice_for_what_is_not_here_keeps_it_out_and_asks_nobody(begun: Begun, tmp_path: Path) -> None:
    """Of the home hub it binds: a guard is stored, and what comes late is refused."""
    author = Author("dar")
    author.put("other")
    async with begun(author, label="home") as home, begun(label="second") as second:
        await home.push(author)
        await following(home, second, folder=tmp_path)
        said = said_by(home, author)
        size = len(await second.log())
        (answer,) = await bring(second, said, by=home)
        assert (answer["notice"], answer["outcome"]) == (said.envelope.digest, "guarded")
        key = (author.id, record_id("one"))
        assert await second.ledger.guards([key]) == {key: 5}
        assert len(await second.log()) == size
        author.put("one")
        await home.push(author, 2)
        await following(home, second, folder=tmp_path)
        assert (author.id, record_id("one")) in await home.live()
        assert (author.id, record_id("one")) not in await second.live()
        await answers(second).sign()
        (again,) = await bring(second, said, by=home)
        assert again["ack"] is not None, "the same notice again is answered with the ack"
        assert ack.of(again["ack"]).outcome == "guarded"


async def test_what_does_not_bind_is_advice_and_waits_for_a_person(begun: Begun) -> None:
    author, stranger = Author("dar"), MemoryHub("stranger")
    author.put("one")
    async with begun(author) as hub:
        await hub.push(author)
        law = said_by(stranger, author, jurisdiction="NL")
        (answer,) = await bring(hub, law, by=stranger)
        assert answer["outcome"] == "advice"
        assert await hub.live() != {}
        own = notice.write(
            author.writer.key, id=str(uuid.uuid4()), action="erase", by=author.id, node=author.id, ids=(), max_rev=None,
            n=1, issued=identifiers.to_instant(hub.clock()), basis="by its author",
        )  # fmt: skip
        raw = notice_call.write([own.envelope], [author.ring])
        call = notice_call.parse(raw)
        (beside,) = await answers(hub).take(call.said, call.chains)
        assert beside["outcome"] == "advice", "a node's own notice counts in its feed alone"
        assert await hub.live() != {}
        await answers(hub).decline(law.envelope.digest, "no such law here")
        await answers(hub).sign()
        (again,) = await bring(hub, law, by=stranger)
        assert (again["outcome"], ack.of(again["ack"]).reason) == ("refused", "no such law here")


async def test_what_is_bent_old_or_a_strangers_is_refused_with_its_code(begun: Begun) -> None:
    author, home, thief = Author("dar"), MemoryHub("home"), MemoryHub("thief")
    async with begun(author) as hub:
        fresh = said_by(home, author, n=3)
        assert (await bring(hub, fresh, by=home))[0]["outcome"] == "advice"
        forged = notice.of(notice.write(thief.identity.key, **_parts(fresh, n=4)).envelope)
        ahead = said_by(home, author, n=5, issued=identifiers.to_instant(hub.clock() + timedelta(hours=1)))
        for thing, by, code in (
            (said_by(home, author, n=2), home, "notice_old"),
            (said_by(home, author, n=3, basis="another"), home, "notice_old"),
            (forged, home, "key_unknown"),
            (forged, thief, "key_unknown"),
            (ahead, home, "clock_skew"),
            (said_by(home, author, n=2_000_000), home, "rev_jump"),
        ):
            (answer,) = await bring(hub, thing, by=by)
            assert answer["code"] == code, code
        stranger = MemoryHub("stranger")
        call = notice_call.parse(notice_call.write([said_by(stranger, author).envelope], []))
        assert [a["code"] for a in await answers(hub).take(call.said, call.chains)] == ["key_unknown"]
        assert len(await hub.ledger.notices()) == 1


def _parts(said: Notice, **changes: Any) -> dict[str, Any]:
    value = {"id": said.id, "action": said.action, "by": said.by, "node": said.node, "ids": said.ids, "n": said.n}
    value |= {"max_rev": said.max_rev, "issued": identifiers.to_instant(said.issued), "basis": "x"}
    return value | changes


async def test_an_ack_counts_when_its_hub_signed_it_and_the_notice_is_held(begun: Begun) -> None:
    author, second, node = Author("dar"), MemoryHub("second"), Writer("some node")
    author.put("one")
    async with begun(author) as hub:
        await hub.push(author)
        await erase(hub, author, "one")
        digest = (await hub.ledger.handled())[0].notice

        def made(signer: MemoryHub, **changes: Any) -> Ack:
            value = {"by": signer.id, "notice": digest, "outcome": "done", "at": hub.clock(), **changes}
            return ack.write(signer.identity.key, **value)

        assert (await bring(hub, made(second), by=second))[0]["outcome"] == "done"
        thief = MemoryHub("thief")
        for thing, by, code in (
            (made(second, notice="0" * 64), second, "not_found"),
            (made(thief, by=second.id), thief, "key_unknown"),
            (made(second, at=hub.clock() + timedelta(hours=1)), second, "clock_skew"),
        ):
            assert (await bring(hub, thing, by=by))[0]["code"] == code
        of_a_node = ack.write(node.key, by=node.id, notice=digest, outcome="done", at=hub.clock())
        call = notice_call.parse(notice_call.write([of_a_node.envelope], [node.ring]))
        assert (await answers(hub).take(call.said, call.chains))[0]["code"] == "not_authoritative"
        (receipt,) = await answers(hub).receipts()
        assert set(receipt.confirmed) == {second.id}


async def test_an_older_ack_does_not_take_the_place_of_a_newer_one(begun: Begun) -> None:
    author, second = Author("dar"), MemoryHub("second")
    author.put("one")
    async with begun(author) as hub:
        await hub.push(author)
        await erase(hub, author, "one")
        digest = (await hub.ledger.handled())[0].notice
        parts = {"by": second.id, "notice": digest}
        early = ack.write(second.identity.key, outcome="advice", at=hub.clock(), **parts)
        late = ack.write(second.identity.key, outcome="done", at=hub.clock() + timedelta(seconds=1), **parts)
        for thing in (early, late, early):
            await bring(hub, thing, by=second)
        assert [h.ack.outcome for h in await hub.ledger.acks(digest)] == ["done"]


async def test_strangers_can_leave_a_thousand_notices_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jisr_hub.takedown.acknowledging.ADVICE_KEPT", 5)
    hub, stranger = await MemoryHub("hub").begin(), MemoryHub("stranger")
    notices = [said_by(stranger, Author(f"node {n}")) for n in range(7)]
    told = await bring(hub, *notices, by=stranger)
    assert [answer.get("code") for answer in told] == [None] * 5 + ["rate_limited"] * 2
    assert ADVICE_KEPT == 1_000
    with pytest.raises(Refusal, match="at most 64"):
        await bring(hub, *notices * 10, by=stranger)


# Over HTTP, and by hand


def test_a_call_is_answered_and_nothing_is_asked_of_anybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author("dar", now=setting_up.now())
    author.puts(2)
    hub = KeptHub(tmp_path / "hub").fill(author)
    stranger = MemoryHub("stranger")
    stranger.clock.now = setting_up.now()
    dialled: list[Any] = []

    def dial(*arguments: Any, **_: Any) -> Any:
        dialled.append(arguments)
        raise OSError("nobody is to be asked")

    monkeypatch.setattr("jisr_protocol.reader.http.GuardedClient._exchange", dial)
    law = said_by(stranger, author, "r1", jurisdiction="NL")
    with TestClient(application(hub.folder)) as client:
        offered = client.get("/.well-known/jisr.json").json()
        body = notice_call.write([law.envelope], [stranger.identity.ring])
        answer = client.post(offered["notices"], content=body)
        assert (answer.status_code, answer.json()["answers"][0]["outcome"]) == (200, "advice")
        assert client.post(offered["notices"], content=body).status_code == 200
        for bad, status, code in (
            (b"{}", 400, "malformed"), (b"\xff", 400, "not_json"), (b'{"keys":[],"said":[1 ]}', 400, "not_canonical"),
            (b'{"keys":[],"said":["' + b"x" * 300_000 + b'"]}', 413, "inflate_limit"),
        ):  # fmt: skip
            came = client.post(offered["notices"], content=bad)
            assert (came.status_code, came.json()["code"]) == (status, code), bad[:30]
        assert client.post(offered["notices"], content=body, headers={"Jisr-Version": "9"}).status_code == 400
        acks = client.get(f"{offered['notices']}/{law.envelope.digest}/acks")
        assert (acks.status_code, notice_call.parse(acks.content).said) == (200, [])
        assert client.get(f"{offered['notices']}/{'0' * 64}/acks").status_code == 404
        codes = {client.post(offered["notices"], content=b"{}").status_code for _ in range(130)}
        assert codes == {400, 429}
    assert dialled == []


def test_the_operator_sees_what_waits_and_decides_it(tmp_path: Path, jisr_hub: Any) -> None:
    author = Author("dar", now=setting_up.now())
    author.puts(3)
    hub = KeptHub(tmp_path / "hub").fill(author)
    stranger = MemoryHub("stranger")
    stranger.clock.now = setting_up.now()
    laws = [said_by(stranger, author, f"r{n}", n=n + 1, max_rev=1, jurisdiction="NL") for n in range(3)]

    async def come() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            taking = noticing._acknowledgements(hub.folder, ledger)
            body = notice_call.write((law.envelope for law in laws), [stranger.identity.ring])
            call = notice_call.parse(body)
            assert [a["outcome"] for a in await taking.take(call.said, call.chains)] == ["advice"] * 3

    asyncio.run(come())
    assert jisr_hub("follower", "add", stranger.id, "--name", "Stranger", "--dir", hub.folder).status == 0
    waiting = jisr_hub("notices", "list", "--open", "--dir", hub.folder)
    assert waiting.out.count("decide: jisr-hub notices accept") == 3 and "NL" in waiting.out
    refused = jisr_hub("notices", "accept", laws[0].id, "--dir", hub.folder)
    assert (refused.status, "Give a --reason" in refused.err) == (1, True)
    done = jisr_hub("notices", "accept", laws[0].id, "--reason", "the same law here", "--dir", hub.folder)
    assert done.status == 0, done.err
    assert jisr_hub("notices", "decline", laws[1].id[:13], "--reason", "no", "--dir", hub.folder).status == 0
    again = jisr_hub("notices", "decline", laws[1].id, "--reason", "no", "--dir", hub.folder)
    assert "waits for no decision" in again.err
    assert "no notice is named nothing" in jisr_hub("notices", "show", "nothing", "--dir", hub.folder).err
    told = {one["id"]: one for one in jisr_hub("notices", "list", "--dir", hub.folder, "--json").json["notices"]}
    assert [told[law.id]["outcome"] for law in laws] == ["done", "refused", "advice"]
    status = jisr_hub("status", "--dir", hub.folder, "--json").json
    assert status["live"] == 2
    assert jisr_hub("follower", "list", "--dir", hub.folder, "--json").json["followers"][0]["name"] == "Stranger"
    assert jisr_hub("follower", "remove", stranger.id, "--dir", hub.folder).status == 0
    assert "not listed" in jisr_hub("follower", "remove", stranger.id, "--dir", hub.folder).err
    assert "Expected the hub's identifier" in jisr_hub("follower", "add", "somebody", "--dir", hub.folder).err
    shown = jisr_hub("notices", "show", laws[0].id, "--dir", hub.folder)
    assert laws[0].envelope.raw.decode() in shown.out
    assert orjson.loads(keys.write_file(stranger.identity.ring)) and run(_opened(hub.folder))
    assert config.read(hub.folder).name == "Hub Maroc"


async def _opened(folder: Path) -> bool:
    async with setting_up.opened(folder) as ledger:
        return await ledger.followers() == []
