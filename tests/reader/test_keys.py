"""Who may have signed what: keys rotated, retired, revoked and recovered while a reader follows."""

from __future__ import annotations

from jisr_protocol import evidence, keys
from jisr_protocol.session import Outcome
from tests.reader.conftest import Reader
from tests.reader.publisher import FeedFolder, Writer, seeded


def late_reader(reader: Reader) -> Reader:
    """A reader of the same feed that comes only now, and has verified it."""
    late = Reader(reader.feed, reader.file.with_name("late.jisr"))
    late.verified()
    return late


def test_a_record_signed_by_another_nodes_key_is_refused_and_the_others_are_here(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    honest, thief = hub.welcome(Writer("honest")), hub.welcome(Writer("thief"))
    good = hub.put(by=honest)
    forged = hub.put(by=honest, key=thief.key)
    also = hub.put(by=thief)
    hub.publish()
    result = hub_reader.verified()
    assert [(r.id, r.rule, r.code) for r in result.refused] == [(forged.value["id"], "SIG-3", "key_unknown")]
    assert set(hub_reader.records()) == {good.value["id"], also.value["id"]}
    assert hub_reader.statuses()[forged.value["id"]] == "key_unknown"


def test_a_node_may_not_publish_another_nodes_records_as_a_node(feed: FeedFolder, reader: Reader) -> None:
    other = feed.welcome(Writer("other"))
    foreign = feed.put(by=other)
    mine = feed.put()
    feed.publish()
    result = reader.verified()
    assert [(r.id, r.rule, r.code) for r in result.refused] == [(foreign.value["id"], "READ-9", "not_authoritative")]
    assert set(reader.records()) == {mine.value["id"]}


def test_a_record_whose_author_has_no_key_entry_is_refused(hub: FeedFolder, hub_reader: Reader) -> None:
    record = hub.put(by=Writer("unannounced"))
    hub.publish()
    assert hub_reader.verified().refused_live == 1
    assert hub_reader.statuses() == {record.value["id"]: "key_unknown"}


def test_a_deletion_signed_by_another_key_takes_no_rev_and_the_record_may_return(
    hub: FeedFolder, hub_reader: Reader
) -> None:
    """The publisher leaves the record out of its set, and that is its right; but the author never deleted it."""
    honest, thief = hub.welcome(Writer("honest")), hub.welcome(Writer("thief"))
    record = hub.put(by=honest)
    hub.add("del", honest.tombstone(record, key=thief.key))
    hub.publish()
    result = hub_reader.verified()
    assert [(r.op, r.code) for r in result.refused] == [("del", "key_unknown")]
    assert hub_reader.records() == {}
    hub.put(record)
    hub.publish()
    hub_reader.verified()
    assert set(hub_reader.records()) == {record.value["id"]}


def test_unknown_crit_is_refused_counted_and_kept_in_the_tree(feed: FeedFolder, reader: Reader) -> None:
    good = feed.put()
    critical = feed.put(crit=["org.example.embargo"])
    feed.publish()
    result = reader.verified()
    assert (result.live, result.refused_live) == (2, 1)
    assert [(r.id, r.rule, r.code) for r in result.refused] == [(critical.value["id"], "ENT-6", "crit_unknown")]
    assert set(reader.records()) == {good.value["id"]}


def test_a_rotated_key_and_the_old_keys_records_are_good(feed: FeedFolder, reader: Reader) -> None:
    old = feed.writer.key
    before = feed.put()
    feed.publish()
    reader.verified()
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.retire(old))
    after = feed.put()
    by_the_old_key = feed.put(key=old)
    feed.publish()
    reader.verified()
    assert set(reader.records()) == {r.value["id"] for r in (before, after, by_the_old_key)}
    assert late_reader(reader).dump() == reader.dump()


def test_a_head_of_a_retired_key_is_broken(feed: FeedFolder, reader: Reader) -> None:
    old = feed.writer.key
    feed.publish()
    reader.verified()
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.retire(old))
    feed.publish(key=old)
    with reader.unmoved():
        result = reader.follow()
    assert result.refusal is not None
    assert (result.outcome, result.refusal.rule) == (Outcome.BROKEN, "HEAD-4")


def test_a_head_is_judged_by_the_keys_its_own_log_ends_with(feed: FeedFolder, reader: Reader) -> None:
    """keys.json hides the revocation that the log contains; the thief's head does not pass."""
    old, honest_keys = feed.writer.key, feed.writer.ring
    feed.publish()
    hidden = (feed.folder / "keys.json").read_bytes()
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.revoke(old))
    feed.publish(key=old)
    feed.write("keys.json", hidden)
    result = reader.follow()
    assert result.refusal is not None
    assert (result.outcome, result.refusal.rule) == (Outcome.BROKEN, "KEY-6")
    assert honest_keys.next_n == 1


def test_after_a_revocation_that_keys_signatures_count_only_for_what_is_held(feed: FeedFolder, reader: Reader) -> None:
    stolen = feed.writer.key
    held = feed.put()
    feed.publish()
    reader.verified()
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.revoke(stolen))
    theft = feed.put(key=stolen)
    mine = feed.put()
    feed.publish()
    result = reader.verified()
    assert [(r.id, r.code) for r in result.refused] == [(theft.value["id"], "key_revoked")]
    assert set(reader.records()) == {held.value["id"], mine.value["id"]}
    assert late_reader(reader).dump() == reader.dump()


def test_a_revocation_binds_in_a_log_that_begins_anew_without_it(feed: FeedFolder, reader: Reader) -> None:
    """What was held under the stolen key stays, what the thief adds under it does not pass."""
    stolen, honest = feed.writer.key, feed.size
    held = feed.put()
    old_chain = feed.writer.ring
    feed.key_entry(feed.writer.add_key())
    feed.key_entry(feed.writer.revoke(stolen))
    feed.publish()
    reader.verified()
    feed.lines, feed.epoch = feed.lines[:honest], "2-bbbbbbbb"
    feed.put(held)
    theft = feed.put(key=stolen)
    feed.publish()
    assert old_chain.next_n == 1
    reader.verified()
    assert set(reader.records()) == {held.value["id"]}
    assert reader.statuses()[theft.value["id"]] == "key_revoked"


def test_a_recovery_key_outranks_a_thief(feed: FeedFolder, reader: Reader) -> None:
    stolen = feed.writer.key
    record = feed.put()
    thiefs_statement = feed.writer.add_key()
    feed.key_entry(thiefs_statement)
    by_the_thief = feed.put()
    feed.publish()
    reader.verified()
    assert by_the_thief.value["id"] in reader.records()
    thiefs_key = feed.writer.key
    feed.key_entry(feed.writer.recover(stolen))
    feed.out(by_the_thief)
    late_theft = feed.put(key=thiefs_key)
    mine = feed.put()
    feed.publish()
    result = reader.verified()
    assert [r.id for r in result.refused] == [late_theft.value["id"]]
    assert set(reader.records()) == {record.value["id"], mine.value["id"]}
    assert late_reader(reader).dump() == reader.dump()


def test_two_chains_of_keys_are_a_fork_and_both_are_kept(feed: FeedFolder, reader: Reader) -> None:
    first_key = feed.writer.key
    feed.key_entry(feed.writer.add_key())
    feed.publish()
    reader.verified()
    other = FeedFolder(feed.folder.with_name("forked"), now=feed.now)
    other_key = keys.SigningKey(seeded("another second key"))
    other.key_entry(other.writer._later(first_key, action="add", jwk=keys.jwk_of(other_key.public.public)))
    other.writer.keys.append(other_key)
    other.puts(3)
    other.publish()
    with reader.unmoved():
        result = reader.follow(other.folder)
    assert result.refusal is not None
    assert (result.outcome, result.refusal.rule, result.refusal.code) == (Outcome.CONTRADICTED, "KEY-8", "fork")
    [case] = reader.cases()
    assert evidence.judge(case).kind == "keys"


def test_an_old_copy_of_keys_json_is_passed_by(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    old = (feed.folder / "keys.json").read_bytes()
    feed.key_entry(feed.writer.add_key())
    feed.publish()
    reader.verified()
    feed.key_entry(feed.writer.add_key())
    feed.publish()
    feed.write("keys.json", old)
    with reader.unmoved():
        result = reader.follow()
    assert result.refusal is not None
    assert (result.outcome, result.refusal.rule) == (Outcome.BROKEN, "SIG-3")


def test_every_flipped_byte_of_keys_json_is_found(feed: FeedFolder, reader: Reader) -> None:
    feed.publish()
    whole = (feed.folder / "keys.json").read_bytes()
    for at in range(0, len(whole), 5):
        feed.write("keys.json", whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert reader.follow().outcome is Outcome.BROKEN, at
        assert not reader.file.exists()
