"""Yesterday's backup of a whole hub in its folder, on either database: refused, explained, rebased, healed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from jisr_hub.app.opening import open_hub
from jisr_hub.cli import checking, inspection, keeping, putting_back, rebasing, setting_up
from jisr_hub.ports import Peer
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.session import Outcome
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author

Live = dict[tuple[str, str], int]


def yesterday(folder: Path, address: str = "", *, pages: bool, records: int = 300) -> str:
    """The whole story; `pages` says whether the published pages outlived the database. Returns its figure.

    After the backup the node changes, deletes and adds records, for the public and for the hub; one is erased; a peer
    follows; a reader reads on. Then the node's folder is lost for good in the public feed: the peer gives that back.
    """
    home, far = KeptHub(folder / "home", address), KeptHub(folder / "far")
    author, gone = some_author("dar", records), Author("gone", now=setting_up.now())
    gone.puts(4)
    home.fill(author).fill(gone)
    at_base = folder / "at base.jisr"
    _read(home, at_base)
    _follow_each_other(home, far)
    run(keeping.backup(home.folder, folder / "yesterday.tar", with_key=True))
    author.puts(10, "late ")
    author.put("r5")
    author.delete("r6")
    author.put("hidden", audience="hub")
    gone.put("r1")
    gone.puts(2, "late ")
    _push(home, author, gone)
    home.erase(author.id, record_id("r7"))
    ahead = folder / "ahead.jisr"
    before = _read(home, ahead)
    live = _live(home)
    _follow_each_other(home, far)
    run(putting_back.restore(home.folder, folder / "yesterday.tar", database=None, yes=True))
    if not pages:
        shutil.rmtree(home.folder / "public" / "log")
    fenced = run(inspection.status(home.folder))["fenced"]
    assert "older than what this hub has published" in fenced and "jisr-hub rebase" in fenced
    assert any("older than" in fault for fault in run(checking.check(home.folder, lambda *_: None))["faults"])
    entries = run(inspection.status(home.folder))["size"]
    told = run(rebasing.explain(home.folder, None))
    assert told["new_epoch"] is not pages and run(inspection.status(home.folder))["size"] == entries
    assert rebasing.words(told)
    done = run(rebasing.carry_out(home.folder, None))
    assert rebasing.done_words(done) and done["unreached"] == []
    assert run(inspection.status(home.folder))["fenced"] == ""
    now = _live(home)
    assert {key: rev for key, rev in live.items() if now.get(key) != rev} == {}, "pages and peers hold all of it"
    assert (author.id, record_id("r7")) not in now, "what was erased stays erased"
    put_aside = _push(home, author)
    assert put_aside == [], put_aside
    assert _live(home) == live
    again, base = _read(home, ahead), _read(home, at_base)
    assert again.live == len(live)
    assert run(checking.check(home.folder, lambda *_: None))["faults"] == []
    lost = before.head.size - entries if before.head else 0
    database, epoch = "PostgreSQL" if address else "SQLite", "a new epoch" if told["new_epoch"] else "the same epoch"
    return (
        f"{database}, {lost} published entries later: {done['from_pages']} back from pages, {done['from_peers']} from"
        f" a peer; {epoch}; readers go on with {again.requests} requests ({again.applied} entries) ahead of the base, "
        f"{base.requests} ({base.applied}) at it"
    )


def _push(hub: KeptHub, *authors: Author) -> list[str | None]:
    """Each sends what the hub lacks, and it publishes; returns the codes of what is put aside now."""

    async def story() -> list[str | None]:
        running = await open_hub(hub.folder)
        codes = []
        try:
            for author in authors:
                for feed in sorted(author.feeds):
                    start = (await running.ledger.node_log(author.id, feed)).frontier.size
                    answer = await running.hub.push(author.id, feed, author.push(start, feed=feed))
                    codes += [kept.code for kept in answer.quarantined]
            await running.publisher.publish()
            return codes
        finally:
            await running.close()

    return run(story())


def _follow_each_other(home: KeptHub, far: KeptHub) -> None:
    async def follow(hub: KeptHub, other: KeptHub) -> None:
        running = await open_hub(hub.folder)
        try:
            await running.publisher.publish()
            peers = {peer.hub: peer for peer in await running.ledger.peers()}
            peer = peers.get(other.id) or Peer(other.id, "the other", str(other.folder / "public"), 0, "")
            await running.ledger.keep_peer(peer)
            await running.followers.once(replace(peer))
            await running.publisher.publish()
        finally:
            await running.close()

    for hub, other in ((home, far), (far, home), (home, far)):
        run(follow(hub, other))


def _read(hub: KeptHub, copy: Path) -> Result:
    result = follow_once(hub.folder / "public", copy)
    assert result.outcome is Outcome.VERIFIED, result.sentence
    return result


def _live(hub: KeptHub) -> Live:
    async def story() -> Live:
        running = await open_hub(hub.folder)
        try:
            async with running.ledger.reading() as view:
                rows = [row async for part in view.rows(None) for row in part]
            return {(node, record): rev for _, node, record, rev, _ in rows}
        finally:
            await running.close()

    return run(story())
