"""How a follow ends when something is wrong: a legal start, proof of it, the fault, and proof that nothing moved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest

from jisr_protocol import envelope, evidence, paths
from jisr_protocol.reader.follow import Result
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder, Writer, altered_forms, altered_headers
from tests.reader.server import FeedServer


@pytest.fixture
def held(feed: FeedFolder, reader: Reader) -> Reader:
    """A reader that has verified 300 records, of two pages."""
    feed.puts(300)
    feed.publish()
    reader.verified()
    return reader


def ends(result: Result, outcome: Outcome, rule: str, code: str) -> None:
    """The result names the outcome, the rule and its code, and its sentence says what is safe and what to do."""
    assert (result.outcome, result.refusal and result.refusal.rule) == (outcome, rule), result.sentence
    assert result.refusal is not None
    assert result.refusal.code == code
    assert "What was stored before is untouched." in result.sentence or "Nothing was stored." in result.sentence
    assert code in result.sentence
    assert result.sentence.rstrip(".").rpartition(". ")[2]


# Heads


def test_an_older_head_is_a_stale_cache(feed: FeedFolder, held: Reader) -> None:
    older = {p: (feed.folder / p).read_bytes() for p in ("head.json",)}
    feed.puts(5)
    feed.publish()
    held.verified()
    feed.write("head.json", older["head.json"])
    with held.unmoved():
        ends(held.follow(), Outcome.STALE, "READ-2", "head_older")
    assert held.evidence() == {}


def test_a_stale_cache_is_passed_by(feed: FeedFolder, held: Reader) -> None:
    older = (feed.folder / "head.json").read_bytes()
    feed.puts(5)
    feed.publish()
    held.verified()
    feed.puts(5)
    feed.publish()
    with FeedServer(feed.folder) as server:
        server.stale["head.json"] = older
        assert held.verified(server.address, allow_private=True).applied == 5
        assert server.asked[:2] == ["head.json", "head.json"]
        assert server.headers[1]["cache-control"] == "no-cache"


def test_a_newer_smaller_head_is_a_rollback(feed: FeedFolder, held: Reader) -> None:
    feed.bend.shortened_log(200)
    with held.unmoved():
        ends(held.follow(), Outcome.CONTRADICTED, "READ-3", "rollback")
    [case] = held.cases()
    assert case.said[1].raw + b"\n" == (feed.folder / "head.json").read_bytes()
    assert evidence.judge(case).kind == "rollback"


def test_two_heads_of_one_size_are_a_fork(feed: FeedFolder, held: Reader) -> None:
    stored = (feed.folder / "head.json").read_bytes()
    feed.bend.rewritten(100, lambda f: f.put())
    with held.unmoved():
        ends(held.follow(), Outcome.CONTRADICTED, "READ-4", "fork")
    [case] = held.cases()
    assert [thing.raw + b"\n" for thing in case.said] == [stored, (feed.folder / "head.json").read_bytes()]
    assert evidence.judge(case).kind == "fork"


def test_the_same_evidence_is_kept_once(feed: FeedFolder, held: Reader) -> None:
    feed.bend.rewritten(100, lambda f: f.put())
    first = held.follow()
    second = held.follow()
    assert first.evidence == second.evidence
    [case] = held.cases()
    assert evidence.judge(case).kind == "fork"


def test_two_state_roots_for_one_log_are_a_fork(feed: FeedFolder, held: Reader) -> None:
    feed.bend.head(state_root=bytes(32))
    with held.unmoved():
        ends(held.follow(), Outcome.CONTRADICTED, "READ-4", "fork")


def test_a_larger_log_with_another_past_is_a_fork(feed: FeedFolder, held: Reader) -> None:
    feed.puts(20)
    feed.bend.rewritten(100, lambda f: f.put())
    with held.unmoved():
        ends(held.follow(), Outcome.CONTRADICTED, "READ-4", "fork")
    [case] = held.cases()
    assert evidence.judge(case).kind == "fork"


def test_an_epoch_of_the_same_number_is_a_fork(feed: FeedFolder, held: Reader) -> None:
    feed.epoch = "1-zzzzzzzz"
    feed.puts(3)
    feed.publish()
    with held.unmoved():
        ends(held.follow(), Outcome.CONTRADICTED, "READ-4", "fork")


def test_a_lower_epoch_is_stale(feed: FeedFolder, reader: Reader) -> None:
    feed.epoch = "3-cccccccc"
    feed.puts(3)
    feed.publish()
    reader.verified()
    feed.epoch = "2-bbbbbbbb"
    feed.puts(3)
    feed.publish()
    with reader.unmoved():
        ends(reader.follow(), Outcome.STALE, "READ-2", "head_older")


def test_an_expired_head_is_stale_also_when_nothing_is_held(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    late = feed.now + timedelta(days=46)
    ends(reader.follow(now=lambda: late), Outcome.STALE, "HEAD-6", "head_expired")
    assert not reader.file.exists()
    reader.verified()
    with reader.unmoved():
        ends(reader.follow(now=lambda: late), Outcome.STALE, "HEAD-6", "head_expired")


def test_an_expired_head_answered_304_is_stale(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    with FeedServer(feed.folder) as server:
        reader.verified(server.address, allow_private=True)
        late = feed.now + timedelta(days=46)
        result = reader.follow(server.address, allow_private=True, now=lambda: late)
        ends(result, Outcome.STALE, "HEAD-6", "head_expired")
        assert server.statuses[-2:] == [304, 200]


def test_an_expired_contradiction_is_still_evidence(feed: FeedFolder, held: Reader) -> None:
    feed.bend.shortened_log(200)
    late = feed.now + timedelta(days=46)
    ends(held.follow(now=lambda: late), Outcome.CONTRADICTED, "READ-3", "rollback")


def test_a_head_from_the_future_is_refused(feed: FeedFolder, held: Reader) -> None:
    feed.puts(1)
    feed.publish(time=feed.now + timedelta(minutes=13))
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "HEAD-5", "clock_skew")
    feed.now += timedelta(minutes=10)
    held.verified()


def test_a_head_of_another_major_version_is_refused(feed: FeedFolder, held: Reader) -> None:
    value = orjson.loads((feed.folder / "head.json").read_bytes())["head"]
    thing = envelope.sealed("head", {**value, "jisr": "2"}, feed.writer.key)
    feed.write("head.json", thing.raw + b"\n")
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "HEAD-2", "version_unsupported")


@pytest.mark.parametrize("body", [b"", b"\n", b"{}\n", b"<html>captive portal</html>", b"[" * 100_000, b"\xff" * 100])
def test_what_is_no_head_is_broken(feed: FeedFolder, held: Reader, body: bytes) -> None:
    feed.write("head.json", body)
    with held.unmoved():
        assert held.follow().outcome is Outcome.BROKEN


def test_every_flipped_byte_of_the_head_is_found(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish()
    reader.verified()
    whole = (feed.folder / "head.json").read_bytes()
    feed.puts(1)
    feed.publish()
    newer = (feed.folder / "head.json").read_bytes()
    assert newer != whole
    for at in range(0, len(newer), 7):
        feed.write("head.json", newer[:at] + bytes([newer[at] ^ 1]) + newer[at + 1 :])
        with reader.unmoved():
            assert reader.follow().outcome is Outcome.BROKEN, at


def test_a_missing_head_is_broken(feed: FeedFolder, held: Reader) -> None:
    (feed.folder / "head.json").unlink()
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "HEAD-1", "malformed")


def test_a_head_signed_by_a_stranger_is_broken(feed: FeedFolder, held: Reader) -> None:
    feed.bend.head(key=Writer("stranger").key)
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "SIG-3", "key_unknown")


def test_a_feed_of_somebody_else_at_the_same_place_is_broken(feed: FeedFolder, held: Reader) -> None:
    other = FeedFolder(feed.folder.with_name("other"), label="somebody else")
    other.puts(400)
    other.publish()
    with held.unmoved():
        ends(held.follow(other.folder), Outcome.BROKEN, "READ-1", "identifier_mismatch")


def test_a_state_root_that_is_not_met_is_diverged(feed: FeedFolder, held: Reader) -> None:
    feed.puts(3)
    feed.publish(state_root=bytes(32))
    with held.unmoved():
        ends(held.follow(), Outcome.DIVERGED, "READ-6", "state_mismatch")


def test_a_live_count_that_is_not_met_is_diverged(feed: FeedFolder, reader: Reader) -> None:
    feed.puts(3)
    feed.publish(live=2)
    ends(reader.follow(), Outcome.DIVERGED, "READ-6", "state_mismatch")
    assert not reader.file.exists()


def test_a_copy_that_went_wrong_here_is_repaired_from_the_start(feed: FeedFolder, held: Reader) -> None:
    import sqlite3

    damaged = sqlite3.connect(held.file)
    damaged.execute("UPDATE leaf SET rev = rev + 1 WHERE seq = 7")
    damaged.execute("DELETE FROM branch")
    damaged.commit()
    damaged.close()
    feed.puts(3)
    feed.publish()
    result = held.verified()
    assert result.applied == feed.size
    assert set(held.statuses().values()) == {"verified"}


# Pages


def test_a_missing_page_is_broken(feed: FeedFolder, held: Reader) -> None:
    feed.fill(700)
    feed.publish()
    for page in (2, 1):
        lost = feed.page_path(page)
        body = lost.read_bytes()
        feed.bend.lose(page=page)
        with held.unmoved():
            ends(held.follow(), Outcome.BROKEN, "PAGE-1", "page_missing")
        lost.write_bytes(body)
    held.verified()


def test_a_shortened_page_is_broken(feed: FeedFolder, held: Reader) -> None:
    feed.fill(700)
    feed.publish()
    feed.bend.shorten(page=1)
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "PAGE-3", "seq_mismatch")


def test_an_empty_page_is_broken(feed: FeedFolder, held: Reader) -> None:
    feed.fill(700)
    feed.publish()
    feed.bend.page(2, lambda _: b"")
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "PAGE-3", "seq_mismatch")


def test_pages_in_each_others_place_are_broken(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(600)
    feed.publish()
    shutil.copy(feed.page_path(1), feed.page_path(0))
    ends(reader.follow(), Outcome.BROKEN, "PAGE-3", "seq_mismatch")


def test_a_page_once_wrong_in_a_cache_is_fetched_around_it(feed: FeedFolder, reader: Reader) -> None:
    feed.fill(600)
    feed.publish()
    path = str(feed.page_path(1).relative_to(feed.folder))
    with FeedServer(feed.folder) as server:
        server.stale[path] = feed.page_path(1).read_bytes().replace("خدمة 300".encode(), "خدمة 3OO".encode())
        reader.verified(server.address, allow_private=True)
        assert server.asked.count(path) == 2
    assert set(reader.statuses().values()) == {"verified"}


def carried_outside_the_hashes(line: bytes, at: int) -> bool:
    """Whether a byte belongs to what no hash covers: the signature and `via`, and the name `via` itself."""
    start = line.find(b'"jws":"') + len(b'"jws":"')
    via = line.find(b'"via":')
    return start <= at < line.find(b'"', start) or (via >= 0 and via < at < len(line) - 1)


def test_a_flipped_byte_anywhere_in_any_page_is_found(hub: FeedFolder, hub_reader: Reader, long: bool) -> None:
    """What is in a hash breaks the feed. A flip in a signature refuses that one record. `via` is informative: a flip in
    it that still is a list of hops is not found and changes nothing but `via`."""
    via = orjson.dumps([{"by": hub.writer.id, "epoch": "1-aaaaaaaa", "seq": 3}])
    for number in range(258):
        record = hub.writer.record()
        hub.add("put", record, src=("public", "1-aaaaaaaa", number), via=via)
    hub.delete(hub.put())
    hub.publish()
    hub_reader.verified()
    honest = hub_reader.dump()
    for page in (0, 1):
        body = hub.page_path(page).read_bytes()
        lines = body.split(b"\n")
        for at in range(3 + page, len(body), 997 if long else 9973 if page == 0 else 331):
            number = body[:at].count(b"\n")
            within = at - body.rfind(b"\n", 0, at) - 1
            hub.bend.flip(page=page, at=at, bit=at % 7)
            fresh = Reader(hub, hub_reader.file.with_name(f"{page}-{at}.jisr"))
            result = fresh.follow()
            if result.outcome is Outcome.VERIFIED:
                assert carried_outside_the_hashes(lines[number], within), (page, at, lines[number])
                changed = [
                    ours for ours, theirs in zip(fresh.dump() or [], honest or [], strict=True) if ours != theirs
                ]
                assert len(changed) <= 1
                assert result.refused_live == len(changed)
            else:
                assert result.outcome is Outcome.BROKEN
                assert not fresh.file.exists()
            hub.page_path(page).write_bytes(body)


def test_a_flipped_signature_refuses_that_record_and_no_other(feed: FeedFolder, reader: Reader) -> None:
    records = feed.puts(3)
    feed.publish()
    line = feed.lines[2]
    dots = line.index(b"..") + 10
    feed.bend.line(2, lambda whole: whole[:dots] + bytes([line[dots] ^ 3]) + whole[dots + 1 :])
    result = reader.verified()
    assert [(r.seq, r.code, r.rule) for r in result.refused] == [(2, "signature_invalid", "SIG-5")]
    assert set(reader.records()) == {records[0].value["id"], records[2].value["id"]}
    assert reader.statuses()[records[1].value["id"]] == "signature_invalid"


@pytest.mark.parametrize(("fault", "times"), [("crit", 1), ("signature", 2)])
def test_only_what_a_cache_may_have_done_is_fetched_again(
    feed: FeedFolder, reader: Reader, fault: str, times: int
) -> None:
    feed.put(crit=["org.example.new"] if fault == "crit" else [])
    feed.publish()
    if fault == "signature":
        at = feed.lines[1].index(b"..") + 10
        feed.bend.line(1, lambda line: line[:at] + bytes([line[at] ^ 3]) + line[at + 1 :])
    with FeedServer(feed.folder) as server:
        result = reader.verified(server.address, allow_private=True)
        assert server.asked.count(str(feed.page_path(0).relative_to(feed.folder))) == times
    assert result.refused_live == 1


# Wire forms


@pytest.mark.parametrize(
    ("form", "rule"),
    {
        "member order": "CAN-2",
        "a space": "CAN-2",
        "an escaped plain letter": "CAN-2",
        "duplicate name, first": "CAN-2",
        "duplicate name, last": "CAN-2",
        "an integer as 5.0": "CAN-3",
        "an integer as 5e0": "CAN-3",
        "a byte order mark": "CAN-1",
        "text that is not NFC": "CAN-6",
        "a lone surrogate": "CAN-1",
        "a carriage return": "CAN-2",
    }.items(),
)
def test_an_altered_wire_form_breaks_the_page(feed: FeedFolder, held: Reader, form: str, rule: str) -> None:
    feed.puts(3)
    feed.publish()
    forms = dict(altered_forms(feed.lines[-2]))
    assert forms[form] != feed.lines[-2]
    feed.bend.line(feed.size - 2, lambda _: forms[form])
    with held.unmoved():
        result = held.follow()
    assert (result.outcome, result.refusal and result.refusal.rule) == (Outcome.BROKEN, rule)
    assert result.refusal is not None
    number = feed.size - 2 - 256
    assert result.refusal.pointer.startswith(f"/{number}")


@pytest.mark.parametrize("form", ["an unknown header member", "another typ", "another alg"])
def test_an_altered_protected_header_refuses_the_record(feed: FeedFolder, held: Reader, form: str) -> None:
    altered, good = feed.puts(2)
    feed.publish()
    forms = dict(altered_headers(feed.lines[-2], feed.writer.key.kid))
    feed.bend.line(feed.size - 2, lambda _: forms[form])
    result = held.verified()
    assert [(r.rule, r.code) for r in result.refused] == [("SIG-2", "header_invalid")]
    assert held.statuses()[altered.value["id"]] == "header_invalid"
    assert good.value["id"] in held.records()


# Stubs


def test_a_stub_without_a_cause_is_broken(feed: FeedFolder, held: Reader) -> None:
    feed.puts(3)
    feed.stub(feed.size - 2)
    feed.publish()
    with held.unmoved():
        ends(held.follow(), Outcome.BROKEN, "ENT-7", "stub_without_cause")


@pytest.mark.parametrize("cause", ["del", "out", "next rev", "erase", "erase all"])
def test_a_stub_with_a_cause_is_lawful(feed: FeedFolder, held: Reader, cause: str) -> None:
    record = feed.put()
    stubbed = feed.size - 1
    causes: dict[str, Callable[[], object]] = {
        "del": lambda: feed.delete(record),
        "out": lambda: feed.out(record),
        "next rev": lambda: feed.edit(record),
        "erase": lambda: feed.add("erase", feed.writer.notice("erase", max_rev=1), target=record.value["id"]),
        "erase all": lambda: feed.add("erase", feed.writer.notice("erase"), target="*"),
    }
    causes[cause]()
    feed.stub(stubbed)
    feed.publish()
    held.verified()
    assert (record.value["id"] in held.records()) == (cause == "next rev")
    assert (len(held.records()) == 0) == (cause == "erase all")


# Temporary


@pytest.mark.parametrize("status", [429, 500, 503, 403])
def test_a_server_that_does_not_answer_well_is_temporary(feed: FeedFolder, held: Reader, status: int) -> None:
    with FeedServer(feed.folder) as server:
        server.answers["head.json"] = status
        with held.unmoved():
            result = held.follow(server.address, allow_private=True)
    assert result.outcome is Outcome.TEMPORARY
    assert "What was stored before is untouched." in result.sentence


def test_a_page_that_cannot_be_had_now_is_temporary(feed: FeedFolder, held: Reader) -> None:
    feed.fill(700)
    feed.publish()
    with FeedServer(feed.folder) as server:
        server.answers[paths.page(feed.epoch, 2, 700 - 512)] = 503
        with held.unmoved():
            assert held.follow(server.address, allow_private=True).outcome is Outcome.TEMPORARY
        server.answers.clear()
        server.forget()
        held.verified(server.address, allow_private=True)
        assert paths.page(feed.epoch, 1, 256) not in server.asked  # it was kept in the spool


def test_a_host_that_is_not_there_is_temporary(held: Reader) -> None:
    with held.unmoved():
        result = held.follow("http://127.0.0.1:65000/", allow_private=True)
    assert result.outcome is Outcome.TEMPORARY


def test_a_folder_that_is_gone_is_temporary(feed: FeedFolder, held: Reader) -> None:
    shutil.move(feed.folder, feed.folder.with_name("elsewhere"))
    with held.unmoved():
        result = held.follow()
    assert result.outcome is Outcome.TEMPORARY
    assert "is not there" in result.sentence
