"""Feeds with snapshots, floors, pages written again, repairs and new epochs: good ones, then bent ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import entries
from .entries import Line
from .feed import LATER, Feed, generations, name_generations, record_files, record_path
from .feeds import Made, a_node, bent, case, drop, good, key_revoked, made, small
from .primitives import Writer, canonical, sha256, uuid
from .snapshots import Lists, lists_of, manifest_of, name_manifest, take
from .trees import frontier, state_tree


def erased(feed: Feed, label: str, max_rev: int | None) -> None:
    """An erase entry of the author, without any stub."""
    notice = entries.notice(feed.writer, feed.writer.id, "erase", [uuid(label)], max_rev)
    feed.add(entries.acted(feed.size, "erase", feed.writer.key.sign("notice", notice), uuid(label)))


def kept(change: Callable[[Feed], None] = take) -> Feed:
    """A feed of 7 entries whose floor is 6, where its snapshot stands."""
    feed = small()
    change(feed)
    feed.floor = feed.size
    feed.put("d")
    return feed


# Snapshots


@good("snapshot", "Nothing is held: the reader takes the snapshot and goes on from its frontier.", "READ-12")
def _snapshot() -> Made:
    feed = small()
    take(feed)
    feed.put("d")
    feed.put("a", 3)
    return made(feed)


@good("snapshot-of-all", "A snapshot of all entries: no page is needed.", "READ-12")
def _snapshot_of_all() -> Made:
    feed = small()
    take(feed)
    return Made({path: raw for path, raw in feed.files().items() if not path.startswith("log/")}, feed.rows)


@good("snapshot-of-many-parts", "Parts of two lines each.", "SNAP-3")
def _snapshot_of_many_parts() -> Made:
    feed = small()
    for label in "defgh":
        feed.put(label)
    take(feed, lines=2)
    feed.put("i")
    return made(feed)


@good("snapshot-of-nothing", "A snapshot of a feed without entries.", "SNAP-2")
def _snapshot_of_nothing() -> Made:
    feed = Feed(a_node())
    take(feed)
    feed.key()
    return made(feed)


def _told() -> Feed:
    feed, hub = small(), Writer("hub", role="hub")
    for n in (1, 2):
        said = {"by": hub.id, "id": uuid("s"), "n": n, "subject": feed.writer.id, "type": f"org.example.{n}/1"}
        feed.add(entries.stated(feed.size, hub.key.sign("statement", said)))
    return feed


@good("snapshot-statements", "A snapshot that tells who speaks for whom.", "SNAP-3")
def _snapshot_statements() -> Made:
    feed = _told()
    take(feed)
    feed.floor = feed.size
    feed.put("d")
    return made(feed)


@good("snapshot-below-floor", "What is held lies below the floor: the reader replaces its set.", "READ-12")
def _snapshot_below_floor() -> Made:
    feed = Feed(a_node())
    feed.key()
    feed.put("z")
    before = feed.files()
    feed.delete("z", 2)
    feed.put("a")
    feed.put("b")
    take(feed, lists_of(feed) | {"tombstones": []})
    feed.floor = feed.size
    feed.put("c")
    return Made(feed.files(time=LATER), feed.rows, before)


@good("snapshot-above-floor", "What is held lies above the floor: the reader goes on by pages.", "READ-12")
def _snapshot_above_floor() -> Made:
    feed = small()
    before = feed.files()
    feed.put("d")
    take(feed)
    feed.floor = 6
    feed.put("e")
    return Made(feed.files(time=LATER), feed.rows, before)


@good("snapshot-guard", "The guards of a snapshot bind: what was erased does not come back.", "READ-13")
def _snapshot_guard() -> Made:
    feed = small()
    erased(feed, "b", 1)
    take(feed)
    feed.floor = feed.size
    feed.put("b", count=5)
    feed.put("d")
    return made(feed, refused=[(7, "erased")])


@good("snapshot-tombstone", "The tombstones of a snapshot bind: a rev below one is refused.", "READ-7")
def _snapshot_tombstone() -> Made:
    feed = small()
    take(feed)
    feed.floor = feed.size
    feed.put("c")
    return made(feed, refused=[(6, "rev_not_increasing")])


@good("snapshot-keys", "In a snapshot too the keys of an entry's own place count.", "KEY-6")
def _snapshot_keys() -> Made:
    feed = key_revoked()
    take(feed)
    return made(feed, refused=[(5, "key_revoked")])


@good("snapshot-broken", "The snapshot is broken and the log is kept: it is read from its start.", "READ-12")
def _snapshot_broken() -> Made:
    feed = small()
    take(feed)
    feed.put("d")
    files = feed.files()
    files[feed.more["snap"]["path"]] += b"\n"
    return Made(files, feed.rows)


# Pages written again


@good("generations", "A page was written again after an erasure: it is read under its generation.", "PAGE-5")
def _generations() -> Made:
    feed = small()
    erased(feed, "b", None)
    feed.lines[2] = entries.stub(feed.lines[2], "erased")
    generations(feed, {0: 2})
    return made(feed)


@good("generations-held", "Who read the page before it was written again goes on as ever.", "PAGE-5")
def _generations_held() -> Made:
    feed = small()
    before = feed.files()
    erased(feed, "b", None)
    feed.lines[2] = entries.stub(feed.lines[2], "erased")
    generations(feed, {0: 3})
    return Made(feed.files(time=LATER), feed.rows, before)


@good("erased-again", "What was erased is offered again: refused; a higher rev is lawful.", "READ-13")
def _erased_again() -> Made:
    feed = small()
    erased(feed, "a", 2)
    erased(feed, "b", 1)
    feed.put("a", 2)
    feed.put("b", 2)
    feed.put("d")
    return made(feed, refused=[(8, "erased")])


@good("held-back", "What is held back is refused until that is lifted.", "READ-13")
def _held_back() -> Made:
    feed = small()
    both = [uuid("a"), uuid("b")]
    hold = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "hold", both, None))
    lift = feed.writer.key.sign("notice", entries.notice(feed.writer, feed.writer.id, "unhold", [uuid("a")], None))
    feed.add(entries.acted(6, "hold", hold, uuid("a")))
    feed.add(entries.acted(7, "hold", hold, uuid("b")))
    feed.add(entries.acted(8, "unhold", lift, uuid("a")))
    feed.put("a", 2)
    feed.put("b", count=5)
    return made(feed, refused=[(10, "erased")])


# New epochs


@good("epoch-beyond", "The base of a new epoch holds more than the reader: it goes on.", "READ-15")
def _epoch_beyond() -> Made:
    feed = small()
    before = feed.files()
    feed.put("d")
    feed.rebase(7)
    feed.put("e")
    return Made(feed.files(time=LATER), feed.rows, before)


@good("epochs-beyond", "Two epochs were missed: both bases hold what is held.", "READ-15")
def _epochs_beyond() -> Made:
    feed = small()
    before = feed.files()
    feed.put("d")
    feed.rebase(7)
    feed.put("e")
    feed.rebase(8)
    feed.put("f")
    return Made(feed.files(time=LATER), feed.rows, before)


def gone_back(**beside: bool) -> tuple[Feed, dict[str, bytes]]:
    """A feed that lost entries 256 to 258, and what stood there before: an edit, a deletion and a new record."""
    feed = small()
    feed.put("e", 4)
    feed.fill(256)
    feed.put("a", 3)
    feed.delete("b", 2)
    feed.put("x")
    before = feed.files()
    feed.rebase(256)
    feed.put("d")
    if beside.get("records", True):
        record_files(feed)
    return feed, before


@good("epoch-back", "The base holds less than the reader: it goes back and repairs what differs.", "READ-14")
def _epoch_back() -> Made:
    feed, before = gone_back()
    refused = [(2, "rev_not_increasing"), (4, "rev_not_increasing")]
    return Made(feed.files(time=LATER), feed.rows, before, refused)


@good("epoch-back-unrepaired", "Without an inventory the reader begins again instead.", "READ-14")
def _epoch_back_unrepaired() -> Made:
    feed, before = gone_back(records=False)
    files = {path: raw for path, raw in feed.files(time=LATER).items() if not path.startswith("inv/")}
    refused = [(seq, "rev_not_increasing") for seq in (1, 2, 3, 4)]
    return Made(files, feed.rows, before, refused)


# Bent snapshots


def broken(name: str, comment: str, rule: str, code: str) -> Callable[[Callable[[], Feed]], Callable[[], Feed]]:
    """A case of a feed whose log is not kept, so that there is no other way."""

    def register(make: Callable[[], Feed]) -> Callable[[], Feed]:
        case(name, comment, rule, 21, code)(lambda: Made(make().files(), []))
        return make

    return register


def _changed(change: Callable[[Feed, dict[str, Any]], Any]) -> Feed:
    """A snapshot with another manifest, whose hash the head has."""

    def changed(feed: Feed) -> None:
        take(feed)
        manifest = manifest_of(feed)
        change(feed, manifest)
        name_manifest(feed, canonical(manifest) + b"\n")

    return kept(changed)


def _listed(change: Callable[[Feed, Lists], Any]) -> Feed:
    """A snapshot whose lists hold something else."""

    def changed(feed: Feed) -> None:
        lists = lists_of(feed)
        change(feed, lists)
        take(feed, lists)

    return kept(changed)


@broken("snapshot-of-another-hash", "The manifest is not the one whose hash is signed.", "SNAP-1", "hash_mismatch")
def _of_another_hash() -> Feed:
    def changed(feed: Feed) -> None:
        take(feed)
        path = feed.more["snap"]["path"]
        feed.beside[path] = canonical(manifest_of(feed) | {"later": 1}) + b"\n"

    return kept(changed)


@broken("snapshot-part-changed", "A part has another hash than the manifest says.", "SNAP-1", "hash_mismatch")
def _part_changed() -> Feed:
    return _changed(lambda _, manifest: manifest["parts"][0].update(sha256=sha256(b"another").hex()))


@broken("snapshot-part-longer", "A part has another length than the manifest says.", "SNAP-1", "hash_mismatch")
def _part_longer() -> Feed:
    return _changed(lambda _, manifest: manifest["parts"][0].update(bytes=manifest["parts"][0]["bytes"] + 1))


@broken("snapshot-of-another-name", "The manifest is of another feed of the same node.", "SNAP-2", "malformed")
def _of_another_name() -> Feed:
    return _changed(lambda _, manifest: manifest.update(name="partners"))


@broken("snapshot-without-live", "A manifest without a member it needs.", "SNAP-2", "malformed")
def _without_live() -> Feed:
    return _changed(lambda _, manifest: manifest.pop("live"))


@broken("snapshot-path-outside", "A part that stands elsewhere.", "SNAP-2", "malformed")
def _path_outside() -> Feed:
    return _changed(lambda _, manifest: manifest["parts"][0].update(path="../../000.ndjson"))


@broken("snapshot-count", "A part has other lines than the manifest says.", "SNAP-3", "malformed")
def _count() -> Feed:
    return _changed(lambda _, manifest: manifest["parts"][0].update(count=3))


@broken("snapshot-out-of-order", "Records out of their order.", "SNAP-3", "malformed")
def _out_of_order() -> Feed:
    return _listed(lambda _, lists: lists["parts"].reverse())


@broken("snapshot-statements-out-of-order", "Statements out of their order.", "SNAP-3", "malformed")
def _statements_out_of_order() -> Feed:
    feed = _told()
    lists = lists_of(feed)
    take(feed, lists | {"statements": lists["statements"][::-1]})
    feed.floor = feed.size
    feed.put("d")
    return feed


@broken("snapshot-no-statement", "A record among the statements.", "SNAP-3", "malformed")
def _no_statement() -> Feed:
    feed = _told()
    lists = lists_of(feed)
    take(feed, lists | {"parts": lists["parts"][1:], "statements": lists["parts"][:1]})
    feed.floor = feed.size
    feed.put("d")
    return feed


@broken("snapshot-record-twice", "A record twice.", "SNAP-3", "malformed")
def _record_twice() -> Feed:
    return _listed(lambda _, lists: lists["parts"].insert(0, lists["parts"][0]))


@broken("snapshot-stub", "A live record without its content.", "SNAP-3", "malformed")
def _stub() -> Feed:
    def empty(_: Feed, lists: Lists) -> None:
        lists["parts"][0] = entries.stub(lists["parts"][0], "erased")

    return _listed(empty)


@broken("snapshot-of-later", "An entry that came after the snapshot.", "SNAP-3", "malformed")
def _of_later() -> Feed:
    def later(feed: Feed, lists: Lists) -> None:
        lists["keys"].append(entries.key(feed.size + 3, Writer("other node").statements[0]))

    return _listed(later)


@broken("snapshot-wrong-list", "A deletion among the records.", "SNAP-3", "malformed")
def _wrong_list() -> Feed:
    def moved(_: Feed, lists: Lists) -> None:
        lists["guards"] = lists.pop("tombstones")
        lists["tombstones"] = []

    return _listed(moved)


@broken("snapshot-wrong-state", "The parts add up to another set than the manifest says.", "SNAP-4", "state_mismatch")
def _wrong_state() -> Feed:
    return _changed(lambda _, manifest: manifest.update(state_root=state_tree([])[0].hex()))


@broken("snapshot-wrong-live", "The parts hold another number of records.", "SNAP-4", "state_mismatch")
def _wrong_live() -> Feed:
    return _changed(lambda _, manifest: manifest.update(live=3))


@broken("snapshot-less", "A record is left out, and its part with it.", "SNAP-4", "state_mismatch")
def _less() -> Feed:
    return _changed(lambda _, manifest: manifest.update(parts=[]))


@broken("snapshot-wrong-frontier", "The frontier is of another log.", "READ-5", "root_mismatch")
def _wrong_frontier() -> Feed:
    def of_another(feed: Feed, manifest: dict[str, Any]) -> None:
        leaves = [sha256(str(number).encode()) for number in range(feed.size)]
        manifest["frontier"] = [hashed.hex() for hashed in frontier(leaves)]

    return _changed(of_another)


@broken("snapshot-short-frontier", "The frontier lacks a hash.", "MRK-1", "proof_invalid")
def _short_frontier() -> Feed:
    return _changed(lambda _, manifest: manifest["frontier"].pop())


@case("snapshot-missing", "There is no manifest, and the log is not kept.", "PAGE-1", 21, "page_missing")
def _snapshot_missing() -> Made:
    feed = kept()
    return bent(feed, lambda files: drop(files, feed.more["snap"]["path"]))


@case("snapshot-below-its-floor", "A snapshot that lies below the floor.", "HEAD-3", 21, "malformed")
def _below_its_floor() -> Made:
    feed = kept()
    feed.floor = 7
    return bent(feed, lambda _: None)


@case("snapshot-elsewhere", "A snapshot at a path that leads out of the feed.", "HEAD-1", 21, "malformed")
def _elsewhere() -> Made:
    feed = kept()
    feed.more["snap"]["path"] = "snap/../../manifest.json"
    return bent(feed, lambda _: None)


# Bent pages, records and epochs


@case("generations-of-another-hash", "Not the file whose hash is signed.", "PAGE-5", 21, "hash_mismatch")
def _gens_of_another_hash() -> Made:
    feed = small()
    generations(feed, {0: 2})
    feed.beside[feed.more["gens"]["path"]] = b'{"later":1,"pages":{"0":2}}\n'
    return bent(feed, lambda _: None)


@case("generations-of-one", "A page of the first generation is listed.", "PAGE-6", 21, "malformed")
def _gens_of_one() -> Made:
    feed = small()
    name_generations(feed, b'{"pages":{"0":1}}\n')
    return bent(feed, lambda _: None)


@case("generations-no-page", "The page of that generation is not there.", "PAGE-1", 21, "page_missing")
def _gens_no_page() -> Made:
    feed = small()
    name_generations(feed, b'{"pages":{"0":2}}\n')
    return bent(feed, lambda _: None)


@case(
    "generations-no-cause", "Content is gone from a new page, and no entry says why.", "ENT-7", 21, "stub_without_cause"
)
def _gens_no_cause() -> Made:
    feed = small()
    feed.lines[2] = entries.stub(feed.lines[2], "erased")
    generations(feed, {0: 2})
    return bent(feed, lambda _: None)


@case("base-of-another-root", "The base is not what was signed for its size.", "READ-4", 20, "fork")
def _base_of_another_root() -> Made:
    feed, other = small(), small()
    feed.put("d")
    other.put("e")
    other.rebase(7)
    other.put("f")
    return Made(other.files(time=LATER), feed.rows, feed.files())


@case("base-no-prefix", "The base holds more, and does not begin with what is held.", "READ-4", 20, "fork")
def _base_no_prefix() -> Made:
    feed, other = small(), small()
    feed.put("d")
    other.put("e")
    other.put("f")
    other.rebase(8)
    return Made(other.files(time=LATER), feed.rows, feed.files())


def _unrepaired(change: Callable[[Feed, Line], None]) -> Made:
    """A repair that goes wrong where the log is not kept: what was held before stays."""
    feed, before = gone_back()
    rows = _rows_before()
    feed.floor = 256
    change(feed, feed.lines[2])
    return Made(feed.files(time=LATER), rows, before)


def _rows_before() -> list[tuple[str, str, int, str]]:
    feed = small()
    feed.put("e", 4)
    feed.put("a", 3)
    feed.delete("b", 2)
    feed.put("x")
    return feed.rows


@case("record-file-of-another", "A record file holds another content.", "STA-5", 21, "state_mismatch")
def _record_file_of_another() -> Made:
    def other(feed: Feed, line: Line) -> None:
        value = entries.record(feed.writer, "b", count=6)
        path = record_path(feed.writer.id, uuid("b"), 1)
        feed.beside[path] = entries.put(2, value, feed.writer.key).raw + b"\n"

    return _unrepaired(other)


@case("record-file-missing", "A record file is not there, and the log is not kept.", "PAGE-1", 21, "page_missing")
def _record_file_missing() -> Made:
    return _unrepaired(lambda feed, _: drop(feed.beside, record_path(feed.writer.id, uuid("b"), 1)))


@case("inventory-changed", "A file of the inventory is not what its name says.", "STA-4", 21, "state_mismatch")
def _inventory_changed() -> Made:
    def other(feed: Feed, _: Line) -> None:
        root, files = state_tree(feed.rows)
        feed.beside[f"inv/{root.hex()}.json"] = next(raw for name, raw in files.items() if name != root.hex())

    return _unrepaired(other)
