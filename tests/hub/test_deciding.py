"""What an operator decides with `jisr-hub policy`, `view`, `reader` and `peer`, and what comes of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from jisr_hub import config
from jisr_hub.app.opening import hub_of, open_hub
from jisr_hub.cli import setting_up
from jisr_hub.storage.policies import SqlPolicies
from jisr_hub.views.policies import Brake
from jisr_protocol.reader.follow import Result, follow_once
from jisr_protocol.reader.store import Copy
from jisr_protocol.reader.tokens import credentials
from tests.faults.processes import HubProcess
from tests.hub.author import Author, record_id
from tests.hub.hub_in_memory import run
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
PLACES = ("MA", "MA", "ES", "NL")


def policy_file(folder: Path, version: int = 1, **sides: object) -> Path:
    """A policy as a person writes it, over several lines."""
    value = {"policy": {"version": version, "id": f"public-{version}", "deny": {}, "allow": {}} | sides}
    file = folder / f"policy-{version}-{len(list(folder.glob('policy-*')))}.json"
    file.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2))
    return file


@pytest.fixture
def hub(tmp_path: Path) -> HubProcess:
    """A hub with records in three countries, and two for partners."""
    hub = HubProcess(tmp_path / "hub", name="Hub Maroc")
    author = Author("dar", now=setting_up.now())
    for number, country in enumerate(PLACES):
        author.put(f"r{number}", x_place={"country": country})
    author.put("shared", audience="partners")
    author.put("also shared", audience="partners")

    async def fill() -> None:
        running = await open_hub(hub.folder)
        await running.hub.admit("Dar", author.ring.statements, author.ring, per_hour=1000, per_day=1000)
        for feed in ("public", "partners"):
            await running.hub.push(author.id, feed, author.push(0, feed=feed))
        await running.publisher.publish()
        await running.close()

    run(fill())
    return hub


def reader_folder(tmp_path: Path) -> Path:
    """Another hub, which reads."""
    folder = tmp_path / "reader"
    run(
        setting_up.create(
            folder, name="Reader", country="NL", lang="nl", address="http://127.0.0.1:1", allow_private=True,
            random_bytes=secrets.token_bytes,
        )
    )  # fmt: skip
    return folder


def followed(done: Callable[[], Result], seconds: float = 60) -> Result:
    """Follow again and again until it succeeds: a serving hub carries things out in its own time."""
    end = time.monotonic() + seconds
    while (result := done()).outcome != 0 and time.monotonic() < end:
        time.sleep(0.3)
    return result


def held(copy: Path) -> set[str]:
    with Copy(copy) as read:
        return {change.id for change in read.changes() if change.op == "put"}


def ids(*labels: str) -> set[str]:
    return {record_id(label) for label in labels}


def test_a_policy_says_first_what_would_leave_and_waits_for_the_word(
    jisr_hub: Command, hub: HubProcess, tmp_path: Path
) -> None:
    """The brake: more than 5 % of what an author has does not leave by a mistake in a file."""
    file = policy_file(tmp_path, allow={"countries": ["MA"]})
    said = jisr_hub("policy", "check", file, "--dir", hub.folder, "--json").json
    assert (said["leaves"], said["enters"], said["waits"], said["done"]) == (2, 0, True, False)
    assert [(node["name"], node["live"], node["leaves"]) for node in said["nodes"]] == [("Dar", 4, 2)]
    refused = jisr_hub("policy", "use", file, "--dir", hub.folder)
    assert refused.status == 64
    assert "Nothing was changed" in refused.err and "2 of 4" in refused.err and "--yes" in refused.err
    assert jisr_hub("policy", "show", "--dir", hub.folder, "--json").json["policy"] is None
    used = jisr_hub("policy", "use", file, "--yes", "--dir", hub.folder, "--json").json
    assert (used["leaves"], used["done"]) == (2, True)
    shown = jisr_hub("policy", "show", "--dir", hub.folder, "--json").json
    assert (shown["policy"]["id"], shown["pending"]) == ("public-1", False)
    assert jisr_hub("status", "--dir", hub.folder, "--json").json["live"] == 2
    other = policy_file(tmp_path, allow={"countries": ["ES"]})
    again = jisr_hub("policy", "use", other, "--yes", "--dir", hub.folder)
    assert (again.status, "higher version" in again.err) == (1, True)
    wider = policy_file(tmp_path, 2, allow={"countries": ["ES", "MA", "NL"]})
    back = jisr_hub("policy", "use", wider, "--dir", hub.folder, "--json").json
    assert (back["leaves"], back["enters"], back["waits"]) == (0, 2, False)
    assert jisr_hub("status", "--dir", hub.folder, "--json").json["live"] == 4


def test_what_a_command_takes_beside_the_serving_hub_is_judged_by_the_policy_too(
    jisr_hub: Command, hub: HubProcess, tmp_path: Path
) -> None:
    """`pull`, `bundle take`, `member` and `rebase` open the hub by `hub_of`, as serving does."""
    jisr_hub("policy", "use", policy_file(tmp_path, allow={"countries": ["MA"]}), "--yes", "--dir", hub.folder)
    author = Author("riad", now=setting_up.now())
    author.put("here", x_place={"country": "MA"})
    author.put("elsewhere", x_place={"country": "ES"})

    async def take() -> list[str]:
        async with setting_up.opened(hub.folder) as ledger:
            beside = await hub_of(hub.folder, config.read(hub.folder), ledger)
            await beside.admit("Riad", author.ring.statements, author.ring, per_hour=1000, per_day=1000)
            answer = await beside.push(author.id, "public", author.push(0))
            assert answer.admitted == 2, "its key statement and its record here"
            return [kept.code for kept in answer.quarantined]

    assert run(take()) == ["policy_refused"]
    assert jisr_hub("status", "--dir", hub.folder, "--json").json["live"] == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"{}", "POL-1"),
        (b'{"policy":{"allow":{"size":["s"]},"deny":{},"id":"p-1","version":1}}', "POL-2"),
        (b'{"policy":{"allow":{},"deny":{},"id":"p-1","version":2}}', "POL-3"),
    ],
)
def test_a_policy_that_is_none_changes_nothing(
    jisr_hub: Command, hub: HubProcess, tmp_path: Path, content: bytes, words: str
) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    for verb in ("check", "use"):
        said = jisr_hub("policy", verb, file, "--dir", hub.folder)
        assert (said.status, words in said.err) == (1, True), said.err


def test_views_are_added_listed_limited_and_removed(jisr_hub: Command, hub: HubProcess, tmp_path: Path) -> None:
    file = policy_file(tmp_path, allow={"countries": ["MA"]})
    for number in range(8):
        assert jisr_hub("view", "add", f"v{number}", file, "--dir", hub.folder).status == 0
    ninth = jisr_hub("view", "add", "v9", file, "--dir", hub.folder)
    assert (ninth.status, "8 at most" in ninth.err) == (1, True)
    for name, audience, words in (
        ("public", "public", "there already"),
        ("partners", "hub", "audience they are called by"),
        ("v1", "partners", "Choose another name"),
        ("Ünter", "public", "feed's name"),
    ):
        said = jisr_hub("view", "add", name, file, "--audience", audience, "--dir", hub.folder)
        assert (said.status, words in said.err) == (1, True), said.err
    assert jisr_hub("view", "remove", "v3", "--dir", hub.folder).status == 0
    assert jisr_hub("view", "remove", "v3", "--dir", hub.folder).status == 1
    names = [view["name"] for view in jisr_hub("view", "list", "--dir", hub.folder, "--json").json["views"]]
    assert names == ["v0", "v1", "v2", "v4", "v5", "v6", "v7"]


def test_nothing_that_waits_cannot_be_released(jisr_hub: Command, hub: HubProcess) -> None:
    peer = "jisr:" + "p" * 52
    said = jisr_hub("peer", "release", peer, "--yes", "--dir", hub.folder)
    assert (said.status, "Nothing of" in said.err) == (1, True)

    async def brake() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            await SqlPolicies(ledger).keep_brake(peer, Brake(peer, 7, 9, False), "2026-01-01T00:00:00Z")

    run(brake())
    waits = jisr_hub("peer", "release", peer, "--dir", hub.folder)
    assert (waits.status, "7 of 9" in waits.err) == (64, True)
    assert jisr_hub("peer", "release", peer, "--yes", "--dir", hub.folder, "--json").json["leaving"] == 7


def test_a_serving_hub_serves_its_views_and_what_is_for_partners_to_partners(
    jisr_hub: Command, hub: HubProcess, tmp_path: Path
) -> None:
    """TOK-5, end to end: the command decides, the server serves, the reader follows with a token of its own key."""
    file, folder = policy_file(tmp_path, allow={"countries": ["MA"]}), reader_folder(tmp_path)
    assert jisr_hub("view", "add", "morocco", file, "--dir", hub.folder).status == 0
    said = jisr_hub("reader", "add", folder, "--audience", "partners", "--dir", hub.folder)
    assert (said.status, "Compare" in said.err) == (64, True)
    assert jisr_hub("reader", "add", folder, "--audience", "public", "--yes", "--dir", hub.folder).status == 1
    assert jisr_hub("reader", "add", folder, "--audience", "partners", "--yes", "--dir", hub.folder).status == 0
    who, mine = credentials(folder), {"allow_private": True}
    with hub:
        public = followed(lambda: follow_once(f"{hub.address}/feeds/morocco", tmp_path / "view.jisr", **mine))
        assert public.outcome == 0, public.sentence
        assert public.head is not None and public.head.policy is not None
        assert held(tmp_path / "view.jisr") == ids("r0", "r1")
        address, by = f"{hub.address}/feeds/partners", public.head.by
        without = follow_once(address, tmp_path / "partners.jisr", **mine)
        assert (without.outcome, "restricted" in without.sentence) == (30, True), without.sentence
        options = mine | {"credentials": who, "expected_id": by}
        shared = followed(lambda: follow_once(address, tmp_path / "partners.jisr", **options))
        assert shared.outcome == 0, shared.sentence
        assert held(tmp_path / "partners.jisr") == ids("shared", "also shared")
        stranger = mine | {"credentials": who, "expected_id": "jisr:" + "a" * 52}
        wrong = follow_once(address, tmp_path / "other.jisr", **stranger)
        assert (wrong.outcome, "nothing was signed for it" in wrong.sentence) == (30, True), wrong.sentence
        assert jisr_hub("reader", "remove", who.id, "--audience", "partners", "--dir", hub.folder).status == 0
        gone = follow_once(address, tmp_path / "partners.jisr", **options)
        assert (gone.outcome, "no token" in gone.sentence) == (30, True), gone.sentence
