"""A hub that runs, filled, and asked as by many people at once: in an open loop, in which no question waits for
another."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import corpus
from bench.filling import push, push_all
from bench.hub_process import HubProcess, highest_bytes
from bench.load import Load, Writer, make, make_single
from jisr_protocol.reader.http import GuardedClient

SEED = 20261123
ANSWER_BYTES = 4 * 1024 * 1024
LATE_NODE, REST_SECONDS = 2000, 2.0


@dataclass
class Answered:
    """How long each question waited for its answer, from the moment it was due, in milliseconds."""

    rate: float
    waited_ms: list[float]

    def share(self, share: float) -> float:
        return sorted(self.waited_ms)[min(len(self.waited_ms) - 1, int(share * len(self.waited_ms)))]


@dataclass
class Asked:
    """A hub that holds a load, and a client of it."""

    hub: HubProcess
    load: Load
    late: Load
    """What one more node publishes, record by record, while the hub is asked."""
    found_after: float
    """Seconds from the last push until everything was found."""

    def search(self, question: str) -> dict[str, Any]:
        return asyncio.run(self._one(question))

    def open_loop(self, questions: list[str], rate: float) -> Answered:
        return asyncio.run(self._open_loop(questions, rate))

    def highest_bytes(self) -> int:
        """Of the process that answers."""
        assert self.hub._process is not None
        return highest_bytes(self.hub._process.pid)

    def found_in(self) -> list[float]:
        """Of each record published from here on: seconds from the first byte of its push until a search finds it."""
        return asyncio.run(self._found_in())

    async def _found_in(self) -> list[float]:
        took, total = [], self.load.records
        async with GuardedClient(allow_private=True) as client:
            for number, body in enumerate(self.late.writers[0].pushes()):
                await asyncio.sleep(REST_SECONDS)
                began = time.monotonic()
                await push(client, self.hub, self.late.writers[0].ring.id, iter([body]))
                if number == 0:
                    continue  # it brings the keys
                total += 1
                while (await ask(client, self.hub, "limit=1"))["total"] < total:
                    assert time.monotonic() - began < 60, "not found after a minute"
                    await asyncio.sleep(0.02)
                took.append(time.monotonic() - began)
        return took

    async def _one(self, question: str) -> dict[str, Any]:
        async with GuardedClient(allow_private=True) as client:
            return await ask(client, self.hub, question)

    async def _open_loop(self, questions: list[str], rate: float) -> Answered:
        waited = []
        async with GuardedClient(allow_private=True) as client:
            began = time.monotonic()

            async def one(number: int, question: str) -> None:
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await ask(client, self.hub, question)
                waited.append((time.monotonic() - due) * 1000)

            async with asyncio.TaskGroup() as group:
                for number, question in enumerate(questions):
                    group.create_task(one(number, question))
        return Answered(rate, waited)


async def ask(client: GuardedClient, hub: HubProcess, question: str) -> dict[str, Any]:
    answer = await client.get(f"{hub.address}/v1/search?{question}", limit_bytes=ANSWER_BYTES)
    assert answer.status == 200, (question, answer.status, answer.body[:300])
    return dict(json.loads(answer.body))


@contextmanager
def asked_hub(folder: Path, records: int) -> Iterator[Asked]:
    """A hub with so many entries, all of which are found."""
    load, late = make(folder / "load", records), make_single(folder / "late", 1, 3, first=LATE_NODE)
    hub = HubProcess(folder / "hub").init(load)
    hub.admit(late)
    with hub:
        yield Asked(hub, load, late, asyncio.run(_filled(hub, load)))


def filled_folder(folder: Path, records: int) -> Path:
    """The folder of a hub that has so many entries and does not run."""
    load = make(folder / "load", records)

    async def fill() -> None:
        async with GuardedClient(allow_private=True) as client:
            await hub.ready(client)
            await push_all(client, hub, load, Writer.pushes)
            await hub.published(client, load.entries)

    with HubProcess(folder / "hub").init(load) as hub:
        asyncio.run(fill())
    return hub.folder


async def _filled(hub: HubProcess, load: Load) -> float:
    async with GuardedClient(allow_private=True) as client:
        await hub.ready(client)
        await push_all(client, hub, load, Writer.pushes)
        began = time.monotonic()
        while (await ask(client, hub, ""))["total"] < load.records:
            assert time.monotonic() - began < 1800, "not found after half an hour"
            await asyncio.sleep(0.5)
        return time.monotonic() - began


def areas(load: Load) -> Counter[str]:
    """How many records of a load work in each area, counted without a search."""
    values = (json.loads(raw)["record"] for raw in load.signed_records())
    return Counter(f"{one['scheme']}:{one['code']}" for value in values for one in value["area"])


def questions(count: int) -> list[str]:
    """So many questions of a seeded mix: words, beginnings of words, mistakes, areas, hours, pages."""
    rng, words = random.Random(SEED), corpus._words(random.Random(corpus.SEED))
    usual = [word for some in words.values() for word in some if len(word) > 3]

    def word() -> str:
        lang = rng.choice(list(words))
        return words[lang][int(rng.random() ** 3 * len(words[lang]))]

    made = []
    for _ in range(count):
        asked: list[tuple[str, str]] = []
        match rng.randrange(10):
            case 0 | 1 | 2:
                asked = [("q", " ".join(word() for _ in range(rng.choice((1, 1, 2, 3)))))]
            case 3 | 4:
                asked = [("q", word()[: rng.randrange(2, 5)])]
            case 5:
                mistaken = rng.choice(usual)
                place = rng.randrange(1, len(mistaken))
                asked = [("q", mistaken[: place - 1] + mistaken[place:])]
            case 6:
                asked = [("open", rng.choice(("now", "2026-11-27T15:30:00Z"))), ("q", word())]
            case 7:
                asked = [("page", str(rng.randrange(1, 30)))]
            case 8:
                asked = [("type", "service"), ("order", "new")]
        if rng.random() < 0.6:
            asked += [("area", f"ISO3166-2:MA-{rng.randrange(1, 13):02d}") for _ in range(rng.choice((1, 1, 2)))]
        made.append(urlencode(asked))
    return made
