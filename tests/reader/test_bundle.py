"""Feeds carried by hand: in parts, in any order, twice, with gaps; and what comes in them is checked like all else."""

from __future__ import annotations

import asyncio
import random
import shutil
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jisr_protocol.reader import bundle_cli, carrying, gathering
from jisr_protocol.reader.carrying import CannotExport, Made
from jisr_protocol.reader.places import FolderPlace
from jisr_protocol.reader.store import open_copy
from jisr_protocol.session import Outcome
from tests.reader.publisher import NOW, FeedFolder
from tests.reader.test_cli import jisr


@pytest.fixture
def feed(tmp_path: Path) -> FeedFolder:
    made = FeedFolder(tmp_path / "feed")
    made.fill(1100)
    made.publish()
    return made


def export(feed: FeedFolder, target: Path, **options: Any) -> Made:
    return asyncio.run(carrying.export(FolderPlace(feed.folder), target, now=feed.now, **options))


def bring(files: list[Path], into: Path, **options: Any) -> bundle_cli.Imported:
    return bundle_cli.import_parts(files, into, now=lambda: NOW + timedelta(days=1), **options)


def holds_all(into: Path, feed: FeedFolder) -> None:
    with open_copy(into) as copy:
        assert copy.head.raw == (feed.folder / "head.json").read_bytes()
        assert copy.live() == len(feed.live())


def test_one_zip_is_the_feed(feed: FeedFolder, tmp_path: Path) -> None:
    made = export(feed, tmp_path / "all.zip")
    assert (made.files, made.start) == ([tmp_path / "all.zip"], 0)
    done = bring(made.files, tmp_path / "copy.jisr")
    assert (done.status, done.standing.whole) == (0, True)
    holds_all(tmp_path / "copy.jisr", feed)
    assert not (tmp_path / "copy.jisr.bundles").exists()
    with zipfile.ZipFile(made.files[0]) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert (tmp_path / "unpacked" / "head.json").read_bytes() == (feed.folder / "head.json").read_bytes()


def test_the_same_feed_gives_the_same_bytes(feed: FeedFolder, tmp_path: Path) -> None:
    one, two = (export(feed, tmp_path / f"{name}.zip").files[0].read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("seed", range(4))
def test_parts_come_in_any_order_and_twice(feed: FeedFolder, tmp_path: Path, seed: int) -> None:
    made = export(feed, tmp_path / "part.zip", split_bytes=60_000)
    assert len(made.files) >= 4 and all(file.stat().st_size <= 60_000 for file in made.files)
    order = random.Random(seed).choices(made.files, k=3 * len(made.files)) + made.files
    into = tmp_path / "copy.jisr"
    came: set[Path] = set()
    for file in order:
        done = bring([file], into)
        came.add(file)
        lacking = {made.files.index(f) + 1 for f in made.files if f not in came}
        if lacking:
            assert (done.status, set(done.standing.parts), done.standing.of_parts) == (30, lacking, len(made.files))
            assert str(min(lacking)) in bundle_cli.imported_words(done)
        else:
            assert done.status == 0
            break
    assert bring(made.files, into).status == 0, "again, after all is there"
    holds_all(into, feed)


def test_a_lost_part_is_asked_for_by_a_code_that_fits_into_a_text_message(feed: FeedFolder, tmp_path: Path) -> None:
    made = export(feed, tmp_path / "part.zip", split_bytes=60_000)
    into = tmp_path / "copy.jisr"
    done = bring([made.files[0], *made.files[2:]], into)
    assert done.status == 30
    epoch, _, size = done.standing.code.partition(":")
    assert epoch == feed.epoch and 0 < int(size) < 1100 and len(done.standing.code) < 30
    rest = export(feed, tmp_path / "rest.zip", since=bundle_cli.since(done.standing.code))
    assert rest.start == int(size)
    assert bring(rest.files, into).status == 0
    holds_all(into, feed)


def test_only_what_is_new_is_carried(feed: FeedFolder, tmp_path: Path) -> None:
    into = tmp_path / "copy.jisr"
    bring(export(feed, tmp_path / "all.zip").files, into)
    feed.fill(1200)
    feed.publish()
    made = export(feed, tmp_path / "new.zip", since=(feed.epoch, 1100))
    assert made.files[0].stat().st_size < (tmp_path / "all.zip").stat().st_size / 3
    assert bring(made.files, into).status == 0
    holds_all(into, feed)


def test_a_feed_with_a_snapshot_is_carried_from_there_on(feed: FeedFolder, tmp_path: Path) -> None:
    feed.take_snapshot()
    feed.fill(1300)
    feed.publish()
    made = export(feed, tmp_path / "all.zip")
    assert made.by_snapshot and made.start == 1100
    assert bring(made.files, tmp_path / "copy.jisr").status == 0
    holds_all(tmp_path / "copy.jisr", feed)


def test_a_new_epoch_is_carried_whole(feed: FeedFolder, tmp_path: Path) -> None:
    into = tmp_path / "copy.jisr"
    bring(export(feed, tmp_path / "all.zip").files, into)
    feed.new_epoch(700)
    feed.fill(800)
    feed.now += timedelta(minutes=1)
    feed.publish()
    made = export(feed, tmp_path / "new.zip", since=("1-aaaaaaaa", 1100))
    assert made.start == 0
    assert bring(made.files, into).status == 0
    holds_all(into, feed)


# BUN-7: nothing is trusted because it came by hand


def test_a_page_that_was_changed_on_the_way_is_refused_and_asked_for_again(feed: FeedFolder, tmp_path: Path) -> None:
    good = export(feed, tmp_path / "good.zip").files
    feed.bend.flip(page=1, at=300)
    bent = export(feed, tmp_path / "bent.zip").files
    into = tmp_path / "copy.jisr"
    done = bring(bent, into)
    assert done.status == Outcome.BROKEN and not into.exists()
    assert bring(good, into).status == 0
    holds_all(into, feed)


def test_an_older_bundle_takes_nothing_back(feed: FeedFolder, tmp_path: Path) -> None:
    older = export(feed, tmp_path / "older.zip").files
    feed.fill(1200)
    feed.now += timedelta(hours=1)
    feed.publish()
    into = tmp_path / "copy.jisr"
    assert bring(export(feed, tmp_path / "newer.zip").files, into).status == 0
    assert bring(older, into).status == Outcome.STALE
    holds_all(into, feed)


def test_another_publisher_is_refused(feed: FeedFolder, tmp_path: Path) -> None:
    into = tmp_path / "copy.jisr"
    bring(export(feed, tmp_path / "all.zip").files, into)
    other = FeedFolder(tmp_path / "other", label="other")
    other.fill(5)
    other.publish()
    done = bring(export(other, tmp_path / "other.zip").files, into)
    assert done.status == 21 and "identifier_mismatch" in done.refused[0][1]
    holds_all(into, feed)


def test_a_forged_head_is_refused_before_anything_is_kept(feed: FeedFolder, tmp_path: Path) -> None:
    made = export(feed, tmp_path / "all.zip")
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(made.files[0]) as source, zipfile.ZipFile(forged, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            target.writestr(entry, content.replace(b'"live":1099', b'"live":1098'))
    done = bring([forged], tmp_path / "copy.jisr")
    assert done.status == 21 and not (tmp_path / "copy.jisr.bundles").exists()


def test_what_is_not_public_is_not_carried(tmp_path: Path) -> None:
    hidden = FeedFolder(tmp_path / "hidden", name="hub")
    hidden.publish()
    with pytest.raises(CannotExport, match="not public"):
        export(hidden, tmp_path / "hidden.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_a_feed_that_lacks_a_page_is_not_carried(feed: FeedFolder, tmp_path: Path) -> None:
    feed.bend.lose(page=1)
    with pytest.raises(CannotExport, match="Nothing was written"):
        export(feed, tmp_path / "all.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_a_gathering_is_the_same_whoever_reads_it(feed: FeedFolder, tmp_path: Path) -> None:
    made = export(feed, tmp_path / "part.zip", split_bytes=60_000)
    folder = tmp_path / "gathered"
    for file in made.files[:-1]:
        gathering.take(file, folder, now=NOW)
    assert gathering.look(folder) == gathering.look(shutil.copytree(folder, tmp_path / "again"))


# The command


def test_the_command_writes_and_takes_in(feed: FeedFolder, tmp_path: Path) -> None:
    wrong = jisr("bundle", "export", str(feed.folder), "--out", str(tmp_path / "b.zip"), "--split", "1kB")
    assert (wrong.returncode, wrong.stdout) == (64, "") and "at least 64 kB" in wrong.stderr
    wrong = jisr("bundle", "export", str(feed.folder), "--out", str(tmp_path / "b.zip"), "--since", "yesterday")
    assert wrong.returncode == 64 and "code" in wrong.stderr
    lost = jisr("bundle", "import", str(tmp_path / "nothing.zip"), "--into", str(tmp_path / "copy.jisr"))
    assert lost.returncode == 21 and "no such file" in lost.stderr
