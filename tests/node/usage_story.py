"""People look at a node's record at a served hub; the hub ends and starts again; the node asks what came back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from jisr_node.app import usage
from tests.hub.kept_hub import execute

from .conftest import organization
from .sealed_world import made, served, served_again

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 canary-agent"
HEADERS = {"user-agent": AGENT, "cookie": "c=canary-cookie", "referer": "https://canary-from.example"}
CANARIES = (b"canary-agent", b"canary-cookie", b"canary-from")


@dataclass
class Story:
    """`told` are last week's numbers of the record, `found` what stands of those who looked, in a file of the hub."""

    told: dict[str, int]
    found: list[bytes]
    cookies: list[str]
    requests: int


def looked_at(folder: Path, times: int) -> Story:
    """So many views, 6 sheets, 3 contacts; a robot and a prefetch as often, which nobody counts."""
    hub = folder / "hub"
    with made(folder / "node") as node:
        [record] = node.import_drafts([organization()]).ids
        node.publish()
        pages = [("", times), ("/refer/sheet", 6), ("/contact", 3)]
        with served(hub, node) as address:
            asyncio.run(node.push(address))
            place = f"{address}/directory/{node.id}/{record}"
            with httpx.Client(headers=HEADERS) as client:
                answers = [client.get(place + page) for page, count in pages for _ in range(count)]
                robots = [
                    client.get(place, headers={"user-agent": "Mozilla/5.0 (compatible; a-bot/1)"}) for _ in range(6)
                ]
                ahead = [client.get(place, headers={"sec-purpose": "prefetch"}) for _ in range(6)]
        statuses = {(str(one.url), one.status_code) for one in (*answers, *robots, *ahead)}
        assert {status for _, status in statuses} == {200}, statuses
        execute(hub, "", "UPDATE usage_day SET day = day - 7")
        content = b"".join(file.read_bytes() for file in hub.rglob("*") if file.is_file())
        with served_again(hub) as address:
            found = asyncio.run(usage.fetch(node, address))
    told = {kind: numbers[-2] for kind, numbers in found.records[record].items()}
    cookies = [name for one in answers for name in one.headers if name.lower() == "set-cookie"]
    return Story(told, [canary for canary in CANARIES if canary in content], cookies, len(answers))
