"""Bulk at a hub that serves: the answer, the outcome, and a hub that is killed between the two. (PUSH-11, PUSH-12)"""

from __future__ import annotations

import http.client
import json
import random
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_hub.cli import setting_up
from jisr_protocol import entry, head, keys, paths
from tests.hub.author import Author
from tests.hub.fronts import Hub, ask
from tests.hub.hub_in_memory import run
from tests.hub.test_bulk import bent

FEED = "/feeds/public"
SLICE, SLICES = 40, 8


def admitted(folder: Path) -> Author:
    """A hub in `folder` and a node of it that has written much, of which every tenth record has a bent signature."""
    author = Author("dar")
    for number in range(SLICE * SLICES - 1):
        thing = author.put(f"r{number}")
        if number % 10 == 9:
            line = author.feed().lines.pop()
            author.line(bent(line, thing.jws))
    made = setting_up.create(
        folder, name="Hub", country="MA", lang="ar", address="http://testserver", allow_private=True,
        random_bytes=secrets.token_bytes,
    )  # fmt: skip
    run(made)
    (folder.parent / "keys.json").write_bytes(keys.write_file(author.ring))
    run(setting_up.admit(folder, run(setting_up.candidate(folder, str(folder.parent / "keys.json"))), "dar"))
    return author


def push(hub: Hub, author: Author, start: int, end: int, **headers: str) -> tuple[int, Any, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
    try:
        place = f"/v1/nodes/{author.id}/feeds/public/log"
        connection.request("POST", place, author.push(start, end), {"Prefer": "wait=5, Respond-Async", **headers})
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read())
    finally:
        connection.close()


def receipt(hub: Hub, author: Author) -> Any:
    return json.loads(ask(f"{hub.address}/v1/nodes/{author.id}/feeds/public/log/receipt").body)


def shown(hub: Hub) -> list[entry.Entry]:
    """Every put that the hub's feed shows."""
    told = head.parse(ask(f"{hub.address}{FEED}/head.json").body)
    found: list[entry.Entry] = []
    for page in range((told.size + 255) // 256):
        body = ask(f"{hub.address}{FEED}/{paths.page(told.epoch, page, min(told.size - 256 * page, 256))}").body
        found += [entry.parse(line) for line in body.splitlines()]
    return [one for one in found if one.op == "put"]


def all_verified(author: Author, puts: list[entry.Entry]) -> None:
    for one in puts:
        entry.accepted(one, author.ring.verifiers("record"), author.id)


def test_killed_between_answer_and_judgement_nothing_is_lost_and_nothing_unverified_is_shown(
    tmp_path: Path, figure: Callable[..., None]
) -> None:
    folder, dice, kills, sent = tmp_path / "hub", random.Random(7), 0, 0
    author = admitted(folder)
    while True:
        with Hub(folder, JISR_HUB_PUBLISH_SECONDS="0.01") as hub:
            deadline = time.monotonic() + 60
            while sent < SLICES and (kills > 2 or dice.random() < 0.8):
                status, headers, said = push(hub, author, sent * SLICE, (sent + 1) * SLICE)
                assert (status, headers["Preference-Applied"], said["quarantined"]) == (202, "respond-async", [])
                sent += 1
                assert said["next"] == sent * SLICE and 0 < said["waiting"] <= said["next"]
            if kills < 4:
                time.sleep(dice.random() * 0.3)
                all_verified(author, shown(hub))
                hub.kill()
                kills += 1
                continue
            while "waiting" in receipt(hub, author):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            told = receipt(hub, author)
            sound = SLICE * SLICES - 1 - len(told["quarantined"])
            while len(puts := shown(hub)) < sound:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        break
    wrong = [seq for seq in range(1, SLICE * SLICES) if seq % 10 == 0]
    assert [(one["seq"], one["code"]) for one in told["quarantined"]] == [(seq, "signature_invalid") for seq in wrong]
    assert len(puts) == sound == len({one.id for one in puts})
    all_verified(author, puts)
    figure(f"{kills} kills, {told['next']} entries in bulk: {sound} shown, {len(wrong)} put aside, none lost")


def test_who_does_not_ask_is_answered_as_ever_and_other_preferences_change_nothing(tmp_path: Path) -> None:
    author = admitted(tmp_path / "hub")
    with Hub(tmp_path / "hub") as hub:
        status, headers, said = push(hub, author, 0, 5, Prefer="return=minimal")
        assert (status, said["admitted"], headers["Preference-Applied"]) == (200, 5, None)
        assert "waiting" not in said
        assert push(hub, author, 5, 9)[0] == 202
        status, _, said = push(hub, author, 9, 12, Prefer="")
        assert (status, said["next"]) == (200, 12), "what waits was judged first"
