"""Two majors side by side: who speaks both takes the newer, who speaks one loses nothing, and what ends is said to."""

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from jisr_hub import config
from jisr_hub.app.serving import application
from jisr_hub.config import SettingsError
from jisr_protocol import capabilities, head, keys, paths
from jisr_protocol import entry as entries
from jisr_protocol.reader.follow import follow_once
from jisr_protocol.session import Outcome
from tests.hub.kept_hub import KeptHub, some_author

from .major_two import TWO, major_two
from .side_by_side import NEW, OLD, PUBLIC, PUBLIC_2, dumped, follow, program, serving

SUNSET = {"1": {"deprecated": "2027-01-01", "sunset": "2028-01-01"}}


# What a hub serves


@pytest.fixture
def hub(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(some_author(records=300), snapshot=True)


@pytest.fixture
def served(hub: KeptHub) -> Iterator[TestClient]:
    """The hub, speaking 1 and 2."""
    with major_two(), TestClient(application(hub.folder)) as client:
        yield client


def heads_of(client: TestClient) -> tuple[head.Head, head.Head]:
    one, two = (head.parse(client.get(f"{feed}/head.json").content) for feed in (PUBLIC, PUBLIC_2))
    return one, two


def test_both_majors_are_offered_and_the_heads_say_the_same(served: TestClient) -> None:
    """VER-4."""
    offered = capabilities.parse(served.get("/" + paths.CAPABILITIES).content)
    assert offered.jisr == ["1", "2"]
    assert [(feed.href, feed.jisr) for feed in offered.feeds] == [(PUBLIC, None), (PUBLIC_2, "2")]
    one, two = heads_of(served)
    ring = keys.fold(keys.parse_file(served.get(f"{PUBLIC_2}/keys.json").content))
    assert head.verified(two, ring, now=two.time)
    assert head.compare(one, two) is head.compare(two, one) is head.Relation.SAME
    differ = {name for name in one.envelope.value if one.envelope.value[name] != two.envelope.value[name]}
    assert differ == {"jisr", "snap"}
    assert one.time == two.time


def test_a_page_differs_in_the_renamed_member_alone_and_stays_what_it_is(served: TestClient) -> None:
    one, _ = heads_of(served)
    for _, _, path in paths.pages(one.epoch, 0, one.size):
        old, new = (served.get(f"{feed}/{path}") for feed in (PUBLIC, PUBLIC_2))
        assert new.content.count(b'"taken_from":') == old.content.count(b'"src":') > 0
        assert b'"src":' not in new.content
        assert TWO.read_lines(new.content) == old.content
        assert "immutable" in new.headers["cache-control"]
        plain = served.get(f"{PUBLIC_2}/{path}", headers={"Accept-Encoding": "identity"})
        asks = {"Accept-Encoding": "identity", "Range": "bytes=100-", "If-Range": plain.headers["etag"]}
        rest = served.get(f"{PUBLIC_2}/{path}", headers=asks)
        assert (rest.status_code, rest.content) == (206, new.content[100:])


def test_a_restart_shows_the_same_head_and_the_same_files(hub: KeptHub) -> None:
    shown = []
    for _ in range(2):
        with major_two(), TestClient(application(hub.folder)) as client:
            _, two = heads_of(client)
            assert two.snap is not None
            shown.append((two.raw, client.get(f"{PUBLIC_2}/{two.snap['path']}").content))
    assert shown[0] == shown[1]


def test_a_program_that_speaks_one_major_serves_one(hub: KeptHub) -> None:
    with TestClient(application(hub.folder)) as client:
        assert client.get(f"{PUBLIC}/head.json").status_code == 200
        for major in ("2", "0"):
            answer = client.get(f"/feeds/{major}/public/head.json")
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert capabilities.parse(client.get("/" + paths.CAPABILITIES).content).jisr == ["1"]


def test_what_was_erased_is_in_no_file_of_either_major(hub: KeptHub) -> None:
    author = some_author(records=300)
    hub.fill(author)
    canary = next(raw for raw in author.feed().lines if b'"r7"' in raw or b"r7" in raw)
    erased = entries.parse(canary)
    assert erased.node is not None and erased.id is not None and erased.thing is not None
    hub.erase(erased.node, erased.id)
    hub.fill(author, snapshot=True)
    with major_two(), TestClient(application(hub.folder)) as client:
        one, two = heads_of(client)
        assert one.size == two.size
        assert two.snap is not None
        manifest = orjson.loads(client.get(f"{PUBLIC_2}/{two.snap['path']}").content)
        files = [part["path"] for name in ("parts", "tombstones", "guards") for part in manifest[name]]
        gens = orjson.loads(client.get(f"{PUBLIC_2}/{two.gens['path']}").content)["pages"] if two.gens else {}
        written = {int(number): generation for number, generation in gens.items()} if isinstance(gens, dict) else {}
        files += [path for _, _, path in paths.pages(two.epoch, 0, two.size, written)]
        found = [client.get(f"{PUBLIC_2}/{path}") for path in files]
        assert all(erased.thing.jws.encode() not in answer.content for answer in found)


# Calls

DESK = ("/v1/desk", "/v1/openapi.json")


def calls(client: TestClient) -> list[tuple[str, str]]:
    """(method, address) of everything that can be called, as the hub itself has it."""
    app = client.app
    assert isinstance(app, Starlette)
    values = {"node": "jisr:" + "a" * 52, "name": "public", "digest": "0" * 64, "id": str(UUID(int=1)), "entry": "x"}
    return [
        ("POST" if "POST" in (route.methods or ()) else "GET", route.path.format(**values))
        for route in app.routes
        # the desk's calls are the hub's own, and no part of the protocol
        if isinstance(route, Route) and route.path.startswith("/v1/") and not route.path.startswith(DESK)
    ]


def test_every_call_in_a_major_that_is_not_spoken_gets_the_list_of_those_that_are(served: TestClient) -> None:
    found = calls(served)
    named = {address.rsplit("/", 1)[1] for _, address in found}
    assert named >= {"log", "state", "receipt", "ping", "notices", "acks", "admissions", "token", "witness"}
    for method, address in found:
        for asked in ("2", "99", "x"):
            answer = served.request(method, address, headers={"Jisr-Version": asked})
            value = answer.json()
            told = (answer.status_code, value["code"], value["rule"], value["supported"], value["retry"])
            assert told == (400, "version_unsupported", "VER-1", ["1"], "fix_request"), (address, asked)
            assert answer.headers["jisr-version"] == "1"
        for asked in ({}, {"Jisr-Version": "1"}, {"Jisr-Version": "1.9"}):
            answer = served.request(method, address, headers=asked)
            assert answer.headers["jisr-version"] == "1"
            assert b"version_unsupported" not in answer.content


# What ends


def ending(folder: Path, sunset: Any) -> None:
    value = orjson.loads((folder / config.FILE).read_bytes())
    (folder / config.FILE).write_bytes(orjson.dumps({**value, "sunset": sunset}))


def test_what_ends_says_so_and_what_does_not_is_silent(hub: KeptHub) -> None:
    ending(hub.folder, SUNSET)
    with major_two(), TestClient(application(hub.folder)) as client:
        one, _ = heads_of(client)
        page = paths.page(one.epoch, 0)
        told = [f"{PUBLIC}/head.json", f"{PUBLIC}/keys.json", f"{PUBLIC}/{page}", f"{PUBLIC}/inv/none.json"]
        told += [address for method, address in calls(client) if method == "GET"]
        for address in told:
            answer = client.get(address)
            assert answer.headers["deprecation"] == "@1798761600", address
            assert parsedate_to_datetime(answer.headers["sunset"]).isoformat() == "2028-01-01T00:00:00+00:00"
            assert answer.headers["sunset"].endswith("GMT")
        for address in (f"{PUBLIC_2}/head.json", f"{PUBLIC_2}/{page}", "/", "/healthz"):
            answer = client.get(address)
            assert not {"deprecation", "sunset"} & answer.headers.keys(), address
        offered = capabilities.parse(client.get("/" + paths.CAPABILITIES).content)
        assert offered.sunset is not None
        assert offered.sunset["1"].model_dump() == {
            "deprecated": "2027-01-01T00:00:00Z", "sunset": "2028-01-01T00:00:00Z",
        }  # fmt: skip


def test_nothing_ends_unless_the_operator_says_so(served: TestClient) -> None:
    for address in (f"{PUBLIC}/head.json", f"{PUBLIC_2}/head.json", "/" + paths.CAPABILITIES):
        answer = served.get(address)
        assert answer.status_code == 200
        assert not {"deprecation", "sunset"} & answer.headers.keys()
    assert b'"sunset"' not in served.get("/" + paths.CAPABILITIES).content


@pytest.mark.parametrize(
    ("sunset", "why"),
    [
        ({"1": {"deprecated": "2027-01-01", "sunset": "2027-12-31"}}, "at least 365 days after 2027-01-01"),
        ({"1": {"deprecated": "2027-01-01", "sunset": "2026-12-31"}}, "VER-3"),
        ({"7": {"deprecated": "2027-01-01", "sunset": "2029-01-01"}}, "expected major versions that are spoken here"),
        ({"1": {"deprecated": "2027-01-01"}}, "Field required"),
        ({"1": {"deprecated": "soon", "sunset": "2029-01-01"}}, "valid date"),
    ],
)
def test_a_sunset_that_does_not_fit_is_refused_in_a_sentence(hub: KeptHub, sunset: Any, why: str) -> None:
    ending(hub.folder, sunset)
    with pytest.raises(SettingsError, match=r"The settings in .* do not fit: sunset") as refusal:
        config.read(hub.folder)
    assert why in str(refusal.value)


# Readers


def test_an_old_reader_of_the_new_feed_says_so_and_keeps_what_it_holds(hub: KeptHub, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with serving(hub) as address:
        before = follow(OLD, address + PUBLIC, copy)
        done = program(OLD, "follow", address + PUBLIC_2, "--into", str(copy), "--allow-private", "--json")
        after = follow(OLD, address, copy)
    assert (done.returncode, orjson.loads(done.stdout)["rule"]) == (21, "HEAD-2")
    assert "expected major version 1; came 2" in done.stderr
    assert "What was stored before is untouched" in done.stderr
    assert (after["changed"], after["head"]["state_root"]) == (False, before["head"]["state_root"])


def test_a_copy_goes_from_one_major_to_the_other_and_on(hub: KeptHub, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with serving(hub) as address:
        assert follow(OLD, address, copy)["head"]["jisr"] == "1"
        moved = follow(NEW, address, copy)
        assert (moved["head"]["jisr"], moved["changed"], moved["applied"]) == ("2", False, 0)
        assert follow(NEW, address + PUBLIC, copy)["head"]["jisr"] == "1"
        follow(OLD, address, copy)


def test_the_lines_of_a_copy_are_those_of_1_whatever_was_followed(hub: KeptHub, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with serving(hub) as address:
        follow(OLD, address, one, "--whole")
        follow(NEW, address, two, "--whole")
    assert dumped(OLD, one) == dumped(NEW, two)
    assert program(NEW, "verify", str(two)).returncode == 0


def test_steps_of_a_record_are_proven_in_the_new_major_too(hub: KeptHub, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with serving(hub) as address:
        follow(NEW, address, copy, "--whole")
        records, _ = dumped(NEW, copy)
        record = next(one for one in map(orjson.loads, records) if one["status"] == "verified")
        done = program(NEW, "why", record["id"], "--in", str(copy), "--allow-private", "--json")
    assert done.returncode == 0, done.stderr
    assert orjson.loads(done.stdout)["inclusion"]["proof"]


def feed_in(folder: Path, client: TestClient, feed: str) -> Path:
    """A feed's files, as a static host would have them: of one head, though the hub may publish meanwhile."""
    while True:
        shown = head.parse(client.get(f"{feed}/head.json").content)
        pages = [path for _, _, path in paths.pages(shown.epoch, 0, shown.size)]
        answers = {path: client.get(f"{feed}/{path}") for path in [*pages, paths.KEYS, paths.HEAD]}
        if head.parse(answers[paths.HEAD].content).envelope.raw == shown.envelope.raw:
            break
    for path, answer in answers.items():
        assert answer.status_code == 200, path
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(answer.content)
    return folder


def test_pages_of_one_major_under_a_head_of_the_other_are_refused(served: TestClient, tmp_path: Path) -> None:
    one, two = feed_in(tmp_path / "1", served, PUBLIC), feed_in(tmp_path / "2", served, PUBLIC_2)
    assert follow_once(two, tmp_path / "good", whole=True).outcome is Outcome.VERIFIED
    signed = [(folder / paths.HEAD).read_bytes() for folder in (one, two)]
    for number, folder in enumerate((one, two)):
        (folder / paths.HEAD).write_bytes(signed[1 - number])
        result = follow_once(folder, tmp_path / f"copy{number}", whole=True)
        assert result.outcome is Outcome.BROKEN, result.sentence
        assert not (tmp_path / f"copy{number}").exists()


LATER = """{"feeds":[{"audience":"public","href":"/f","jisr":"3","name":"public"}],"id":"ID","jisr":["3"],
"keys":"/k","name":"n","role":"hub"}""".replace("\n", "")


@pytest.mark.parametrize(
    ("document", "status", "said"),
    [(LATER, 21, "VER-2"), ('{"feeds":[],"id":"ID"}', 21, "HEAD-1")],
    ids=["of a later time", "broken, so taken for a feed"],
)
def test_a_host_without_a_feed_we_speak_is_told_in_a_sentence(
    document: str, status: int, said: str, tmp_path: Path
) -> None:
    from tests.reader.server import FeedServer

    (tmp_path / ".well-known").mkdir()
    (tmp_path / paths.CAPABILITIES).write_text(document.replace("ID", "jisr:" + "a" * 52))
    with FeedServer(tmp_path) as server:
        done = program(OLD, "follow", server.address, "--into", str(tmp_path / "copy"), "--allow-private")
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "copy").exists()


def test_a_host_that_does_not_answer_is_asked_again_later(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    done = program(OLD, "follow", f"http://127.0.0.1:{port}", "--into", str(tmp_path / "copy"), "--allow-private")
    assert done.returncode == 30, done.stderr
    assert "Nothing was changed" in done.stderr
