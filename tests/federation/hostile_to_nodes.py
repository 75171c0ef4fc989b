"""A hub that cheats the node that pushes to it: the hub of tests/node behind real HTTP, with one switch per attack.

It holds its own key, so receipts it signs are signed properly. Where an attack of the ten has no meaning for whoever
writes rather than reads, the nearest thing stands here, and MEANING says which and why.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import orjson

from jisr_protocol import entry, identifiers, receipt
from jisr_protocol.merkle import Tree
from tests.federation.hostile import Attack, endless_lines
from tests.node.fake_hub import FakeHub
from tests.node.hub_server import HubServer

Answer = dict[str, Any]
MEANING = {
    Attack.TAMPER: "its receipt is changed under its signature",
    Attack.DROP: "it takes a push, says so, and stands where it stood",
    Attack.REORDER: "it says that it holds the entries, in another order",
    Attack.FREEZE: "it confirms everything, and signs no new head for its readers",
    Attack.ROLL_BACK: "it signs that it holds less than it confirmed before",
    Attack.FORK: "it signs another log for a size that it confirmed before",
    Attack.FAST_FORWARD: "it says that it holds 2^53 - 1 entries: whoever believes it never sends again",
    Attack.MIX: "its receipt is a good one, for another node",
    Attack.ENDLESS: "its answer does not end",
    Attack.STUB: "nearest: it shows stubs in the place of records, when the node wants back what it lost",
}


class Told(NamedTuple):
    """How the node says it: the code of the error or of what is to be done, and the kind of evidence, if any."""

    code: str
    evidence: str | None = None


TOLD = {
    Attack.TAMPER: Told("signature_invalid"),
    Attack.DROP: Told("internal"),
    Attack.REORDER: Told("contradiction"),
    Attack.FREEZE: Told("hub_frozen"),
    Attack.ROLL_BACK: Told("hub_behind", "rollback"),
    Attack.FORK: Told("receipt_invalid", "fork"),
    Attack.FAST_FORWARD: Told("contradiction"),
    Attack.MIX: Told("receipt_invalid"),
    Attack.ENDLESS: Told("inflate_limit"),
    Attack.STUB: Told("nothing taken"),
}


class CheatingHub(FakeHub):
    """FakeHub with a switch: `turn(attack)`, `relent()`."""

    server: HubServer

    def __init__(self) -> None:
        super().__init__()
        self.say_state: Callable[[Answer], Answer] = lambda state: state

    async def log_state(self, node: str, feed: str) -> bytes:
        return orjson.dumps(self.say_state(orjson.loads(await super().log_state(node, feed))))

    def turn(self, attack: Attack) -> None:
        getattr(self, "_" + attack.name.lower())()

    def relent(self) -> None:
        self.bend = self.say_state = lambda answer: answer
        self.server.endless = None
        self.server.frozen_at = None

    def receipt(self, honest: Answer, **changed: Any) -> orjson.Fragment:
        """A receipt of ours, properly signed, that says something else."""
        value = honest["receipt"]["receipt"] | changed
        signed = receipt.write(
            self.key, by=value["by"], node=value["node"], name=value["name"], epoch=value["epoch"], size=value["size"],
            log_root=bytes.fromhex(value["log_root"]), at=identifiers.from_instant(value["at"]),
        )  # fmt: skip
        return orjson.Fragment(signed.raw)

    def _bend_receipt(self, **changed: Any) -> None:
        def bend(answer: Answer) -> Answer:
            plain = orjson.loads(orjson.dumps(answer))
            return answer | {"receipt": self.receipt(plain, **changed)}

        self.bend = bend

    def _tamper(self) -> None:
        def bend(answer: Answer) -> Answer:
            plain = orjson.loads(orjson.dumps(answer))
            plain["receipt"]["receipt"]["at"] = "2026-08-31T00:00:00Z"
            return plain | {"receipt": orjson.loads(orjson.dumps(plain["receipt"], option=orjson.OPT_SORT_KEYS))}

        self.bend = bend

    def _drop(self) -> None:
        held = self.log("public")

        def bend(answer: Answer) -> Answer:
            size, root = held.held.frontier.size, held.held.frontier.root().hex()
            plain = orjson.loads(orjson.dumps(answer))
            self.logs["public"] = held
            return answer | {"next": size, "receipt": self.receipt(plain, size=size, log_root=root)}

        self.bend = bend

    def _reorder(self) -> None:
        leaves = [e.leaf for e in self.log("public").entries]
        root = Tree([*leaves[:-2], leaves[-1], leaves[-2]]).root().hex()
        self.say_state = lambda state: state | {"log_root": root}

    def _freeze(self) -> None:
        self.server.frozen_at = self.now - timedelta(hours=49)

    def _roll_back(self) -> None:
        log = self.log("public")
        tree = Tree([e.leaf for e in log.entries[:2]])
        self.say_state = lambda state: state | {"next": 2, "log_root": tree.root().hex()}
        once = iter([True])

        def bend(answer: Answer) -> Answer:
            if next(once, False):
                self.say_state = lambda state: state
                plain = orjson.loads(orjson.dumps(answer))
                return answer | {"next": 2, "receipt": self.receipt(plain, size=2, log_root=tree.root().hex())}
            return answer

        self.bend = bend

    def _fork(self) -> None:
        self._bend_receipt(size=self.log("public").held.frontier.size, log_root="ab" * 32)

    def _fast_forward(self) -> None:
        self.say_state = lambda state: state | {"next": 2**53 - 1, "log_root": "ab" * 32}

    def _mix(self) -> None:
        self._bend_receipt(node=self.ring.id)

    def _endless(self) -> None:
        self.server.endless = endless_lines

    def _stub(self) -> None:
        parsed = [entry.parse(line) for line in self.shown]
        self.shown = [
            entry.write_stub(one, "erased") if one.op == "put" else line
            for one, line in zip(parsed, self.shown, strict=True)
        ]
