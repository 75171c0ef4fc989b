"""Publishing to a bucket, over HTTP to a real S3 server: by command, by a serving hub, and read by `jisr follow`."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jisr_hub.cli import doctor, erasing, inspection, mirroring
from jisr_hub.cli.setting_up import SettingUpError
from jisr_hub.ports import Unstored
from jisr_hub.publish import forms
from jisr_hub.storage.folder import FolderPages
from jisr_protocol import head as heads
from jisr_protocol import paths
from tests.hub.author import record_id
from tests.hub.bucket import CREDENTIALS, Store, store
from tests.hub.fronts import Hub, ask
from tests.hub.hub_in_memory import run as in_loop
from tests.hub.kept_hub import KeptHub, some_author

TO = "s3://jisr/directory/public"
PREFIX = "directory/public/"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Store]:
    with store() as made:
        yield made


@pytest.fixture
def kept(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author(records=300), snapshot=True)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], env={**os.environ, **CREDENTIALS, **environment}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip


def test_a_reader_follows_what_a_command_has_copied(kept: KeptHub, bucket: Store, tmp_path: Path) -> None:
    where = ("--endpoint", bucket.endpoint, "--region", "us-east-1", "--dir", str(kept.folder), "--json")
    first = run("jisr_hub", "mirror", TO, *where)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    head = heads.parse((kept.folder / "public" / paths.HEAD).read_bytes())
    assert told["size"] == head.size and told["put"] >= 4
    page = bucket.get(PREFIX + paths.page(head.epoch, 0))
    assert (page.headers["content-type"], page.headers["content-encoding"]) == ("application/x-ndjson", "gzip")
    assert page.headers["cache-control"] == "public, max-age=604800, immutable"
    assert gzip.decompress(page.body) == forms.read(FolderPages(kept.folder / "public"), paths.page(head.epoch, 0))
    rest = bucket.get(PREFIX + paths.page(head.epoch, 0), range="bytes=100-", if_range=page.headers["etag"])
    assert (rest.status, rest.body) == (206, page.body[100:])
    shown = bucket.get(PREFIX + paths.HEAD)
    assert (shown.body, shown.headers["cache-control"]) == (head.raw, "public, max-age=10, stale-if-error=86400")
    assert bucket.get(PREFIX + paths.HEAD, if_none_match=shown.headers["etag"]).status == 304
    for way in ((), ("--whole",)):
        copy = tmp_path / f"copy{len(way)}.jisr"
        address = f"{bucket.endpoint}/jisr/{PREFIX}"
        followed = run("jisr_protocol.reader.cli", "follow", address, "--into", str(copy), "--allow-private", *way)
        assert followed.returncode == 0, followed.stderr
    again = run("jisr_hub", "mirror", TO, *where)
    assert json.loads(again.stdout) == {**told, "put": 0, "deleted": 0}


def test_a_serving_hub_keeps_its_bucket_and_says_how_far_it_is(
    kept: KeptHub, bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TO": "s3://jisr/served", "ENDPOINT": bucket.endpoint, "SECONDS": "0.05"}.items():
        monkeypatch.setenv(f"JISR_HUB_PUBLISH_{name}", value)
    said = in_loop(inspection.status(kept.folder))
    assert said["mirror"]["behind"] == said["published"] and said["mirror"]["at"] == ""
    with Hub(kept.folder, **CREDENTIALS) as hub:
        shown = until_shown(hub, bucket, "served/")
        page = kept.folder / "public" / (paths.page(shown.epoch, 0) + ".gz")
        assert page.is_file(), "what goes out compressed stands compressed"
    said = in_loop(inspection.status(kept.folder))
    assert (said["mirror"]["behind"], said["mirror"]["size"], said["mirror"]["failed"]) == (0, shown.size, "")
    found = in_loop(doctor.doctor(kept.folder))
    assert [each.state for each in found if each.about == "bucket"] == ["well"]


def until_shown(hub: Hub, bucket: Store, prefix: str, seconds: float = 90.0) -> heads.Head:
    """Wait until the bucket shows the hub's head, and no newer one has come: a hub that begins says how far it holds
    its nodes, which is one more."""
    deadline, before = time.monotonic() + seconds, b""
    while time.monotonic() < deadline:
        there, here = bucket.get(prefix + paths.HEAD), ask(f"{hub.address}/feeds/public/{paths.HEAD}")
        if there.status == 200 and there.body == here.body == before:
            return heads.parse(there.body)
        before = here.body
        time.sleep(1.0)
    raise AssertionError("the bucket does not show the hub's head")


@pytest.mark.parametrize(("to", "reason"), [("s3://nobody", "NoSuchBucket"), ("s3://jisr/x", "no connection")])
def test_a_bucket_that_is_not_there_is_told_in_a_sentence(
    to: str, reason: str, kept: KeptHub, bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JISR_HUB_PUBLISH_TO", to)
    monkeypatch.setenv("JISR_HUB_PUBLISH_ENDPOINT", bucket.endpoint if to == "s3://nobody" else "http://127.0.0.1:9")
    done = run("jisr_hub", "mirror", "--dir", str(kept.folder))
    assert done.returncode == 30, done.stderr
    assert done.stderr.startswith(f"FAIL  {to} cannot be used now: ") and reason in done.stderr
    assert "Traceback" not in done.stderr and "say it again" in done.stderr
    status = in_loop(inspection.status(kept.folder))
    assert reason in status["mirror"]["failed"] and status["mirror"]["behind"] == status["published"]
    assert f"The copy in {to} is {status['published']} entries behind" in inspection.status_words(status)
    found = in_loop(doctor.doctor(kept.folder))
    assert [each.state for each in found if each.about == "bucket"] == ["look"]


def test_without_the_extra_it_is_told_what_to_install(kept: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "jisr_hub.storage.objects", raising=False)
    monkeypatch.setenv("JISR_HUB_PUBLISH_TO", "s3://jisr/nowhere")
    with pytest.raises(Unstored, match="pip install"):
        in_loop(mirroring.once(kept.folder, "", "", ""))
    assert "pip install" in in_loop(inspection.status(kept.folder))["mirror"]["failed"]


def test_what_is_no_bucket_is_told(kept: KeptHub) -> None:
    for to, reason in (("", "No bucket is named"), ("http://x", "Expected a bucket")):
        with pytest.raises(SettingUpError, match=reason):
            in_loop(mirroring.once(kept.folder, to, "", ""))


def test_an_erasure_says_that_a_bucket_is_still_to_follow(kept: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JISR_HUB_PUBLISH_TO", "s3://jisr/served")
    wanted = in_loop(erasing.wanted(kept.folder, some_author().id, record_id("r7"), None, "asked", ""))
    done = in_loop(erasing.erase(kept.folder, wanted))
    assert any("s3://jisr/served" in each and "jisr-hub mirror" in each for each in done["remains"])


def test_words_for_a_person() -> None:
    told = {"to": "s3://jisr", "size": 5, "behind": 0, "at": "2026-03-01T08:00:00Z", "failed": ""}
    assert "holds all 5 entries" in mirroring.words(told)
    assert "3 entries behind" in mirroring.words({**told, "behind": 3})
    assert "has not been begun" in mirroring.words({**told, "at": ""})
