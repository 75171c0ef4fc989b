"""Nodes under load: `python pushing_node.py FOLDER…` writes, publishes and pushes for ever, until it is killed.

After each push that a hub gave its receipt for, one line says what is thereby acknowledged:
{"node": …, "revs": {id: rev}, "gone": [ids]}. What was pushed but not yet said is found out at the next start, when the
same folder pushes again.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any

from jisr_node.app import Node
from jisr_node.errors import HubUnreachable


def draft(number: int, chance: random.Random) -> dict[str, Any]:
    words = " ".join(chance.choice(("خدمة", "دار", "عون", "أمل")) for _ in range(5))
    return {"type": "org.jisr.organization/1", "name": f"{words} {number}", "source": {"local_id": str(number)}}


def say(node: Node) -> None:
    """What every record stands at, now that the hub has all of it."""
    stored = node.store.records()
    revs = {record.id: record.rev for record in stored if record.content is not None}
    gone = [record.id for record in stored if record.content is None]
    sys.stdout.write(json.dumps({"node": node.id, "revs": revs, "gone": gone}) + "\n")
    sys.stdout.flush()


async def live(folder: Path) -> None:
    """One node, one step after the other."""
    chance = random.Random()
    with Node.open(folder) as node:
        while True:
            numbers = [chance.randrange(40) for _ in range(chance.randint(1, 6))]
            node.import_drafts([draft(number, chance) for number in dict.fromkeys(numbers)])
            stored = [record for record in node.store.records() if record.content is not None]
            if stored and chance.random() < 0.2:
                node.delete(chance.choice(stored).id)
            node.publish()
            try:
                sent = await node.push()
            except HubUnreachable:
                await asyncio.sleep(0.3)
                continue
            for _, error in sent.errors:
                if not isinstance(error, HubUnreachable):
                    raise error
            if not sent.errors:
                say(node)


async def all_of_them(folders: list[str]) -> None:
    await asyncio.gather(*(live(Path(folder)) for folder in folders))


if __name__ == "__main__":
    asyncio.run(all_of_them(sys.argv[1:]))
