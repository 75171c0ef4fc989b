"""`/metrics`: true numbers in Prometheus' form, told to this machine, at a cost that the way of an entry never sees."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from jisr_hub import config, events
from jisr_hub.app.folder import now
from jisr_hub.app.serving import application
from jisr_hub.cli import noticing, setting_up
from jisr_hub.storage import measuring
from jisr_hub.storage import tables as t
from jisr_hub.storage.sql import SqlLedger
from jisr_hub.tally import PUSH, Measured, Tally
from jisr_hub.web.metrics import MOST_PEERS, Gauges, Metrics
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.kept_hub import KeptHub, some_author
from tests.hub.test_readyz import settled

HERE = ("127.0.0.1", 50000)
PUSHED = "application/vnd.jisr.push+ndjson"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def hub(tmp_path: Path, request: pytest.FixtureRequest) -> KeptHub:
    address = request.getfixturevalue("postgres_address") if request.param == "PostgreSQL" else ""
    return KeptHub(tmp_path / "hub", address).fill(some_author())


@pytest.fixture
def client(hub: KeptHub) -> Iterator[TestClient]:
    with TestClient(application(hub.folder), client=HERE) as client:
        yield client


def numbers(text: str) -> dict[str, float]:
    """Every sample by name and labels, read by Prometheus' own parser."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation or family.name.startswith("process_"), family.name
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_a_hub_tells_its_numbers(client: TestClient) -> None:
    settled(client, lambda told: told["ready"] and told["publishes"])
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    told = numbers(answer.text)
    assert (told["jisr_hub_log_entries"], told["jisr_hub_live_records"]) == (16, 11)
    assert told["jisr_hub_published_entries"] == 16
    assert 0 <= told["jisr_hub_head_age_seconds"] < 600
    assert 47 * 3600 < told["jisr_hub_head_expires_seconds"] <= 48 * 3600
    assert told["jisr_hub_quarantined_entries{code=schema_invalid}"] == 1
    assert told["jisr_hub_leads{role=publisher}"] == 1
    assert (told["jisr_hub_fenced"], told["jisr_hub_acks_overdue"], told["jisr_hub_erasures_unscrubbed"]) == (0, 0, 0)
    assert told["jisr_hub_database_up"] == 1 and 0 < told["jisr_hub_database_seconds"] < 5
    assert 0 < told["jisr_hub_disk_free_share"] <= 1
    assert told["jisr_hub_publish_seconds_bucket{le=+Inf}"] == told["jisr_hub_publish_seconds_count"]
    assert told["process_resident_memory_bytes"] > 10**6


def test_a_push_and_its_publish_are_counted(hub: KeptHub, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jisr_hub.web.metrics.CACHED_SECONDS", 0.0)
    settled(client, lambda told: told["ready"])
    author = Author("counted", now=setting_up.now())
    author.puts(5)
    author.put("faulty", founded="long ago")

    async def admit() -> None:
        async with setting_up.opened(hub.folder) as ledger:
            from jisr_hub.ports import Member

            await ledger.admit(Member(author.id, "n", "", 10**6, 10**6, "2026-09-01T00:00:00Z"), author.ring.statements)

    run(admit())
    before = numbers(client.get("/metrics").text)
    address = f"/v1/nodes/{author.id}/feeds/public/log"
    for _ in range(2):
        assert client.post(address, content=author.push(0), headers={"Content-Type": PUSHED}).status_code == 200
    settled(client, lambda told: told["head"]["size"] > 16)
    published = before["jisr_hub_publish_seconds_count"] + 1
    for _ in range(100):  # a publish is counted when it is over, a moment after its head is shown
        told = numbers(client.get("/metrics").text)
        if told["jisr_hub_publish_seconds_count"] >= published:
            break
        time.sleep(0.1)
    way = "jisr_hub_entries_total{{outcome={},way=push}}"
    assert told[way.format("admitted")] == told[way.format("duplicate")] == 6  # a key statement and five records
    assert told[way.format("quarantined")] == 2, "each time it came it was put aside"
    assert told["jisr_hub_quarantined_entries{code=schema_invalid}"] == 2
    assert told["jisr_hub_publish_seconds_count"] >= published


@pytest.mark.parametrize(
    ("setting", "sender", "headers", "status"),
    [
        ("loopback", "127.0.0.1", {}, 200),
        ("loopback", "::1", {}, 200),
        ("loopback", "::ffff:127.0.0.1", {}, 200),
        ("loopback", "203.0.113.7", {}, 404),
        ("loopback", "10.0.0.7", {}, 404),
        ("on", "203.0.113.7", {}, 200),
        ("off", "127.0.0.1", {}, 404),
    ],
)
def test_who_may_ask(tmp_path: Path, setting: str, sender: str, headers: dict[str, str], status: int) -> None:
    hub = KeptHub(tmp_path / "hub")
    settings = config.read(hub.folder).model_copy(update={"metrics": setting})
    config.write(hub.folder, settings)
    with TestClient(application(hub.folder), client=(sender, 50000)) as client:
        assert client.get("/metrics", headers=headers).status_code == status


def test_whom_a_proxy_names_is_who_asks(hub: KeptHub) -> None:
    """As `serve` wires it: uvicorn believes X-Forwarded-For of this machine only."""
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    behind = ProxyHeadersMiddleware(application(hub.folder), trusted_hosts="127.0.0.1")
    with TestClient(behind, client=HERE) as client:
        assert client.get("/metrics").status_code == 200
        answer = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class Looks:
    """Metrics over given facts; counts how often the ledger was asked."""

    def __init__(self, measured: Measured | None) -> None:
        self.asked, self._measured, self.tally = 0, measured, Tally()
        gauges = Gauges(lambda: None, set, lambda: True, lambda: False, lambda: 0.5, lambda: {"peer.failed": 2})
        self.metrics = Metrics(self.tally, gauges, self._measure, now, version="0.0.0")

    async def _measure(self, _: Any) -> Measured:
        self.asked += 1
        if self._measured is None:
            raise ConnectionError("the database is away")
        return self._measured

    def numbers(self, times: int = 1) -> dict[str, float]:
        from starlette.applications import Starlette

        with TestClient(Starlette(routes=self.metrics.routes()), client=HERE) as client:
            return numbers([client.get("/metrics") for _ in range(times)][-1].text)


def measured(**facts: Any) -> Measured:
    plain: dict[str, Any] = {"quarantined": {}, "overdue": 0, "peers": {}, "pulls": {}}
    return Measured(seconds=0.01, entries=3, **{**plain, **facts})


def test_asked_often_it_looks_once() -> None:
    looks = Looks(measured())
    assert looks.numbers(times=50)["jisr_hub_log_entries"] == 3
    assert looks.asked == 1


def test_with_the_database_away_the_rest_is_told() -> None:
    told = Looks(None).numbers()
    assert told["jisr_hub_database_up"] == 0
    assert "jisr_hub_log_entries" not in told
    assert told["jisr_hub_fenced"] == 1 and told["jisr_hub_events_total{code=peer.failed}"] == 2


def test_peers_tell_lag_and_last_success() -> None:
    looks = Looks(measured(peers={"jisr:a": "verified", "jisr:b": "unreachable", "jisr:c": "verified"}))
    signed = now() - timedelta(seconds=40)
    looks.tally.follow("jisr:a", signed + timedelta(seconds=2), signed, changed=True)
    looks.tally.follow("jisr:a", now() - timedelta(seconds=10), signed, changed=False)
    looks.tally.follow("jisr:gone", now(), signed, changed=True)
    told = looks.numbers()
    assert told["jisr_hub_peers{outcome=verified}"] == 2 and told["jisr_hub_peers{outcome=unreachable}"] == 1
    assert told["jisr_hub_peer_lag_seconds{peer=jisr:a}"] == 2, "a round without news says nothing about the lag"
    assert 9 < told["jisr_hub_peer_success_age_seconds{peer=jisr:a}"] < 20
    assert not [name for name in told if "jisr:gone" in name], "who is followed no more is told no more"


def test_labels_come_from_lists_however_much_is_thrown_at_it() -> None:
    """5,000 peers and codes that nobody knows: 200 peers are told, and one name for all the rest."""
    looks = Looks(
        measured(
            peers={f"jisr:{number}": "verified" for number in range(5000)},
            quarantined={f"code of a later version {number}": 1 for number in range(5000)},
        )
    )
    for number in range(5000):
        looks.tally.follow(f"jisr:{number}", now(), now(), changed=True)
    told = looks.numbers()
    assert told["jisr_hub_quarantined_entries{code=other}"] == 5000
    assert sum(name.startswith("jisr_hub_peer_lag_seconds") for name in told) == MOST_PEERS
    assert len(told) < 600


def test_no_label_carries_what_somebody_wrote(hub: KeptHub, client: TestClient) -> None:
    settled(client, lambda told: told["ready"])
    for path in ("/directory/jisr:x/y", "/v1/nodes/kanarie/feeds/public/log", "/kanarie"):
        client.get(path)
    text = client.get("/metrics").text
    assert "kanarie" not in text and "Hub Maroc" not in text and "dar" not in re.findall(r'"(.*?)"', text)
    labels = {name for family in text_string_to_metric_families(text) for s in family.samples for name in s.labels}
    assert labels <= {"version", "way", "outcome", "le", "role", "code", "peer"}


def test_events_are_counted_by_their_code() -> None:
    import io

    import structlog

    before = events.told["publish.failed"], sum(events.told.values())
    events.set_up(io.StringIO())
    structlog.get_logger().error("publish.failed", reason="planted")
    structlog.get_logger().error("no code of ours")
    assert (events.told["publish.failed"], sum(events.told.values())) == (before[0] + 1, before[1] + 1)


def test_what_followers_have_not_confirmed_in_a_day_is_overdue(hub: KeptHub) -> None:
    author = some_author("erased")
    hub.fill(author)
    record = next(e.id for e in author.feed().entries() if e.op == "put")
    hub.erase(author.id, record or "")
    run(noticing.add_follower(hub.folder, Author("a hub").id, "Hub Nederland"))
    run(noticing.add_follower(hub.folder, Author("another").id, "Hub Burundi"))

    async def overdue(later: timedelta) -> int:
        ledger = await SqlLedger.open(config.place(hub.folder, config.read(hub.folder)))
        try:
            return (await measuring.measure(ledger, now() + later)).overdue
        finally:
            await ledger.close()

    assert run(overdue(timedelta(hours=23))) == 0
    assert run(overdue(timedelta(hours=25))) == 2


def test_what_is_put_aside_is_counted_without_reading_what_is_not(hub: KeptHub) -> None:
    """The plan of the question names the index of what is put aside."""
    if hub.address:
        [row] = hub.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'node_entry_code'")
        assert "WHERE (code IS NOT NULL)" in row[0]
        return
    asked = f"SELECT code, count(*) FROM {t.node_entry.name} WHERE code IS NOT NULL GROUP BY code"
    plan = " ".join(str(row) for row in hub.execute(f"EXPLAIN QUERY PLAN {asked}"))
    assert "COVERING INDEX node_entry_code" in plan


def test_counting_costs_nothing_beside_a_push(figure: Any) -> None:
    """A push of 500 entries takes some 50 ms; its count has to stay below a thousandth of that."""
    tally, rounds = Tally(), 10_000
    began = time.process_time()
    for _ in range(rounds):
        tally.count(PUSH, admitted=500, duplicate=0, quarantined=0)
    each = (time.process_time() - began) / rounds
    figure(f"{each * 1e6:.1f} µs a push for its metrics")
    assert each < 50e-6


def test_a_durations_place_is_its_bound() -> None:
    from jisr_hub.tally import Durations

    took = Durations(bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7.0):
        took.add(seconds)
    assert (took.counts, took.seconds) == ([2, 1, 1], pytest.approx(7.65))


def test_settings_know_three_answers(tmp_path: Path) -> None:
    hub = KeptHub(tmp_path / "hub")
    values: Mapping[str, Any] = {**config.read(hub.folder).model_dump(), "metrics": "everybody"}
    (hub.folder / config.FILE).write_text(json.dumps(values, default=str))
    with pytest.raises(config.SettingsError, match=r"metrics.*'off', 'loopback' or 'on'.*came 'everybody'"):
        config.read(hub.folder)
