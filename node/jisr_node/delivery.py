"""Handing the node's feeds to a hub: pure steps over the store, and one loop that walks them through a ports.Hub.

    next_push(feed, start)      the body of the next push from there, None when there is nothing to say
    take_state / take_answer    what the hub says becomes what the node remembers, or a refusal to go on

A push carries lines that were durably published before, so repeating one is harmless, and a lost answer costs a
repetition. The hub's `next` says where to go on. A hub that holds more than this folder, or other lines, has seen a
history that is gone here (a backup put back, a copied folder): then nothing more is signed until that is cleared up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from jisr_protocol import envelope, head, identifiers, keys, push, receipt
from jisr_protocol.evidence import Evidence
from jisr_protocol.keys import KeyRing
from jisr_protocol.limits import BATCH_BYTES, BATCH_ENTRIES, INTEGER_MAX
from jisr_protocol.merkle import EMPTY_ROOT, Tree
from jisr_protocol.refusal import Refusal

from . import bulk, contradictions
from .contradictions import FROZEN
from .errors import Contradiction, HubRefused, HubUnreachable
from .feeds import BLOCKED, MISDATED
from .identity import Identity
from .ports import Delivery, Feed, Hub, KnownHub, Quarantined, Store
from .text import shown

T = TypeVar("T")


BEHIND = "behind "
"""Begins the name of each setting that says a hub had lost entries that it had confirmed."""
SHORT_WAIT_SECONDS = 5.0
"""A hub that asks for no more than this is waited for, up to MOST_WAITS times in one delivery."""
MOST_WAITS = 100


MOST_CUTS = 3
"""How often in a row a push that is cut is tried again, each time with fewer lines."""
CUT_SECONDS = 0.2
LEAST_LINES = 16
SLOW_SECONDS, FAST_SECONDS = 20.0, 5.0
"""A push that takes longer is followed by one of half its lines, one that takes less by one of twice as many."""


Count = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]


class LogState(msgspec.Struct):
    """What a hub holds of a feed. `epoch` is null before the first push."""

    next: Count
    log_root: str
    epoch: str | None = None
    head: msgspec.Raw = msgspec.Raw(b"null")
    """This node's own head, as the hub holds it."""


class KeptBack(msgspec.Struct):
    seq: Count
    code: str
    pointer: str = ""
    detail: str = ""


class PushAnswer(msgspec.Struct):
    """A hub's answer to a push; `receipt` is its signed word, still unread."""

    next: Count
    receipt: msgspec.Raw
    admitted: Count = 0
    duplicates: Count = 0
    quarantined: list[KeptBack] = []
    waiting: Count = 0


@dataclass
class Delivered:
    """How a delivery of one feed went: entries sent now, where the hub stands, what it said."""

    feed: str
    size: int
    next: int = 0
    pushes: int = 0
    admitted: int = 0
    duplicates: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    waiting: int = 0
    """Entries that the hub holds and still checks."""


class Deliveries:
    """The delivery of one node's feeds to any number of hubs."""

    def __init__(self, store: Store, identity: Identity, keep: Callable[[Evidence], object] | None = None) -> None:
        """`keep` stores evidence against a hub, for ever; twice is once."""
        self._store, self._identity = store, identity
        self._keep = keep or (lambda _: None)
        self._trees: dict[str, tuple[str, Tree]] = {}

    def next_push(self, name: str, start: int, *, head_too: bool = False, most: int = BATCH_ENTRIES) -> bytes | None:
        """The body of the push that begins at `start`: as many lines as one may carry, and `most`.

        None when the feed has no such lines; with `head_too` then a push of no lines, which brings a renewed head.
        """
        feed = self._store.feed(name)
        if feed is None or start > feed.size or (start == feed.size and not head_too):
            return None
        lines: list[bytes] = []
        total = 0
        for line in self._store.lines(name, start, min(feed.size, start + most)):
            total += len(line.raw) + 1
            if total > BATCH_BYTES:
                break
            lines.append(line.raw)
        lines = lines[: push.fits(lines)]
        return push.write(head.parse(feed.head), lines, start, self.tree(feed), self._store.key_lines(name))

    def tree(self, feed: Feed) -> Tree:
        """The Merkle tree over the feed's entries, kept and extended."""
        epoch, tree = self._trees.get(feed.name, ("", Tree()))
        if epoch != feed.epoch or tree.size > feed.size:
            tree = Tree()
        for leaf in self._store.leaves(feed.name, tree.size, feed.size):
            tree.append(leaf)
        self._trees[feed.name] = (feed.epoch, tree)
        return tree

    def meet(self, address: str, key_file: bytes, expected_id: str | None = None) -> KnownHub:
        """Read a hub's keys; its identifier is fixed from the first time on. Raises HubRefused when it is another."""
        known = self._store.hub(address)
        expected_id = known.id if known else expected_id
        try:
            ring = keys.fold(keys.parse_file(key_file), expected_id=expected_id)
        except Refusal as refusal:
            raise HubRefused(
                refusal.code,
                f"The keys at {address} are not those of the hub this node knows: expected {refusal.expected}; came "
                f"{refusal.came}. Nothing was sent. Ask the hub's operator whether its address or its keys changed.",
            ) from refusal
        hub = KnownHub(address, ring.id, key_file)
        with self._store.transaction():
            self._store.put_hub(hub)
        return hub

    def take_state(self, address: str, name: str, answer: bytes) -> int:
        """Where to push from. Raises Contradiction, and remembers it, when the hub holds another history."""
        state = read_state(address, answer)
        feed = self._feed(name)
        self._note_loss(address, name, state.next)
        if state.next == 0 and state.log_root in ("", EMPTY_ROOT.hex()):
            return self._agreed(address, name, 0)
        if state.epoch != feed.epoch:
            return self._agreed(address, name, self._from_base(address, feed, state))
        if state.next > feed.size:
            self._contradict(
                address, name, f"it holds {state.next} entries of the feed {name}, this folder {feed.size}"
            )
        elif self.tree(feed).root(state.next).hex() != state.log_root:
            self._contradict(
                address, name, f"its first {state.next} entries of the feed {name} are not those held here"
            )
        return self._agreed(address, name, state.next)

    def _from_base(self, address: str, feed: Feed, state: LogState) -> int:
        """Where a new epoch goes on at a hub that holds the one before it."""
        base = next((b for b in head.parse(feed.head).bases if b["epoch"] == state.epoch), None)
        if base is None:
            theirs = shown(str(state.epoch))
            self._contradict(
                address, feed.name, f"it knows the feed {feed.name} as epoch {theirs}, this folder as {feed.epoch}"
            )
            return 0
        start = min(state.next, int(base["size"]))
        if start == state.next and self.tree(feed).root(start).hex() != state.log_root:
            self._contradict(
                address, feed.name, f"its first {start} entries of the feed {feed.name} are not those held here"
            )
        return start

    def _note_loss(self, address: str, name: str, stands: int) -> None:
        """A hub that stands behind its own receipt was put back from a backup: it is sent the rest again."""
        held = self._store.delivery(address, name)
        said = receipt.parse(held.receipt).value if held is not None and held.receipt else None
        sentence = ""
        if said is not None and stands < said["size"]:
            sentence = (
                f"The hub {address} had confirmed {said['size']} entries of the feed {name} on {said['at'][:10]} and "
                f"held {stands} when it was last asked: it was put back from a backup. It is sent the rest again; "
                "nothing is lost."
            )
        setting = f"{BEHIND}{name} {address}"
        if (self._store.settings().get(setting) or "") != sentence:
            with self._store.transaction():
                self._store.set(setting, sentence)

    def remembered(self, address: str, name: str) -> int:
        """Where the hub stood at its last answer: for feeds whose state it does not tell without a token."""
        held = self._store.delivery(address, name)
        return held.next if held else 0

    def fork(self, address: str, name: str, refused: HubRefused) -> None:
        """Take note of a push refused as not continuing what the hub holds. Raises Contradiction."""
        self._contradict(address, name, f"of the feed {name} it says: {refused}")

    def misdated(self, name: str) -> None:
        """Take note that the head was refused for its date: once the clock is right, the next publish signs it anew."""
        with self._store.transaction():
            self._store.set(MISDATED + name, "yes")

    def take_answer(self, address: str, name: str, answer: bytes, now: datetime) -> Delivered:
        """Remember what the hub answered to a push: verified receipt, next position, entries kept back.

        Twice is once. Raises HubRefused when the receipt does not hold, Contradiction for another history.
        """
        feed = self._feed(name)
        came = _read(PushAnswer, answer, address)
        if came.next > feed.size:
            self._contradict(address, name, f"it holds {came.next} entries of the feed {name}, this folder {feed.size}")
        kept = _kept_back(address, name, came)
        signed = self._verified_receipt(address, feed, came)
        before = self._store.delivery(address, name)
        start = before.next if before else 0
        head_time = identifiers.to_instant(head.parse(feed.head).time)
        with self._store.transaction():
            at = identifiers.to_instant(now)
            self._store.put_delivery(Delivery(address, name, came.next, head_time, signed, at, None))
            self._store.put_quarantined(address, name, start, came.next, kept)
        if came.waiting:
            since = self.waits_from(address, name)
            bulk.note(self._store, address, name, came.next - came.waiting if since is None else since, came.waiting)
        return Delivered(name, feed.size, came.next, 1, came.admitted, came.duplicates, kept, came.waiting)

    def waits_from(self, address: str, name: str) -> int | None:
        """From which position on it is not known what the hub made of this feed; None when it is."""
        return bulk.waits_from(self._store, address, name)

    def take_outcome(self, address: str, name: str, answer: bytes) -> Delivered:
        """Remember what became of what waited at a hub. Twice is once. Raises HubRefused as `take_answer` does."""
        feed, start = self._feed(name), self.waits_from(address, name) or 0
        came = _read(PushAnswer, answer, address)
        if came.next > feed.size:
            self._contradict(address, name, f"it holds {came.next} entries of the feed {name}, this folder {feed.size}")
        self._verified_receipt(address, feed, came)
        judged = max(start, came.next - came.waiting)
        kept = [one for one in _kept_back(address, name, came) if start <= one.seq < judged]
        with self._store.transaction():
            self._store.put_quarantined(address, name, start, judged, kept)
        bulk.note(self._store, address, name, judged, came.waiting)
        return Delivered(name, feed.size, came.next, 0, judged - start - len(kept), 0, kept, came.waiting)

    def note_problem(self, address: str, name: str, sentence: str, now: datetime) -> None:
        """Remember why the last try failed; what was delivered before stays as it is."""
        held = self._store.delivery(address, name) or Delivery(address, name, 0, None, None, "", None)
        with self._store.transaction():
            self._store.put_delivery(replace(held, tried=identifiers.to_instant(now), problem=sentence))

    def head_is_news(self, address: str, name: str) -> bool:
        """Whether the hub has not yet taken the head as it is now."""
        feed, held = self._feed(name), self._store.delivery(address, name)
        return held is None or held.head_time != identifiers.to_instant(head.parse(feed.head).time)

    def note_shown(self, address: str, raw: bytes, now: datetime) -> None:
        """Remember whether the hub shows its readers a head that can be relied on."""
        hub, setting = self._store.hub(address), f"{FROZEN}{address}"
        sentence = contradictions.frozen(address, raw, self._ring(hub), now) if hub is not None else ""
        if (self._store.settings().get(setting) or "") != sentence:
            with self._store.transaction():
                self._store.set(setting, sentence)

    def _verified_receipt(self, address: str, feed: Feed, came: PushAnswer) -> bytes:
        hub = self._store.hub(address)
        if hub is None:
            raise ValueError("a hub is met before anything is pushed to it")
        raw = bytes(came.receipt)
        try:
            thing = receipt.parse(raw)
            envelope.verified(thing, self._ring(hub))
        except Refusal as refusal:
            raise HubRefused(refusal.code, _BAD_RECEIPT.format(address=address, why=refusal), retry="same") from refusal
        held = self._store.delivery(address, feed.name)
        if (case := contradictions.between(held.receipt if held else None, thing, self._ring(hub))) is not None:
            self._keep(case)
        root = self.tree(feed).root(came.next).hex()
        expected = {
            "by": hub.id, "epoch": feed.epoch, "log_root": root, "name": feed.name, "node": self._identity.id,
            "size": came.next,
        }  # fmt: skip
        for member, value in expected.items():
            if thing.value[member] != value:
                why = f"{member} is {thing.value[member]}, expected {value}"
                raise HubRefused("receipt_invalid", _BAD_RECEIPT.format(address=address, why=why), retry="same")
        return raw

    def _ring(self, hub: KnownHub) -> KeyRing:
        return keys.fold(keys.parse_file(hub.keys), expected_id=hub.id)

    def _feed(self, name: str) -> Feed:
        feed = self._store.feed(name)
        if feed is None:
            raise ValueError(f"the feed {name} has not been published")
        return feed

    def _agreed(self, address: str, name: str, start: int) -> int:
        """A hub that agrees (again) holds up nothing any more."""
        if self._store.settings().get(_blocked_by(address, name)):
            with self._store.transaction():
                self._store.set(_blocked_by(address, name), "")
        return start

    def _contradict(self, address: str, name: str, what: str) -> None:
        sentence = (
            f"The hub {address} has seen another history of this node than this folder holds: {what}. That happens "
            "when an older backup was put back, or when a copy of the folder works elsewhere. Nothing was sent, and "
            "nothing more will be signed here, so no record is lost. Work on with the newest copy of the folder; if "
            "there is none, or two that are equally new, choose one. There: jisr-node rebase"
        )
        with self._store.transaction():
            self._store.set(_blocked_by(address, name), sentence)
        raise Contradiction(sentence)


def _blocked_by(address: str, name: str) -> str:
    return f"{BLOCKED}{name} {address}"


_BAD_RECEIPT = (
    "The hub {address} answered without a receipt that holds ({why}). Your records are safe here, but it is not "
    "proven that the hub keeps them. The same command later tries again; if it stays so, tell its operator."
)


class Pace:
    """How many lines the next push carries: fewer after a cut and on a slow line, so that a cut repeats little."""

    def __init__(self) -> None:
        self.lines = BATCH_ENTRIES
        self._cuts = 0

    def cut(self) -> bool:
        """The line was cut under a push. Returns whether another try is worth while."""
        self._cuts += 1
        self.lines = max(LEAST_LINES, self.lines // 2)
        return self._cuts <= MOST_CUTS

    def passed(self, seconds: float) -> None:
        """A push was answered."""
        self._cuts = 0
        if seconds > SLOW_SECONDS:
            self.lines = max(LEAST_LINES, self.lines // 2)
        elif seconds < FAST_SECONDS:
            self.lines = min(BATCH_ENTRIES, self.lines * 2)


async def pause(seconds: float) -> None:
    """Wait before the same is sent again."""
    await asyncio.sleep(seconds)


async def deliver(deliveries: Deliveries, hub: Hub, node: str, feed: Feed, now: datetime) -> Delivered:
    """Bring one feed to one hub, push by push, until the hub holds all of it.

    Raises HubUnreachable, HubRefused or Contradiction; each is remembered for `status`. Calling again goes on where
    the hub stands.
    """
    try:
        return await _deliver(deliveries, hub, node, feed, now)
    except (HubUnreachable, HubRefused, Contradiction) as error:
        deliveries.note_problem(hub.address, feed.name, str(error), now)
        raise


async def compare(deliveries: Deliveries, hub: Hub, node: str, feeds: Iterable[Feed]) -> None:
    """Ask a hub what it holds, before anything new is signed. Raises Contradiction if it is another history."""
    for feed in feeds:
        await _start(deliveries, hub, node, feed.name)


async def _start(deliveries: Deliveries, hub: Hub, node: str, name: str) -> int:
    """Where to push from: where the hub stands, or where its last answer came from if that is earlier.

    So an answer that was lost is asked for again, with what it said of entries kept back.
    """
    try:
        stands = deliveries.take_state(hub.address, name, await hub.log_state(node, name))
        return min(stands, deliveries.remembered(hub.address, name))
    except HubRefused as refused:
        if refused.code != "restricted":
            raise
        return deliveries.remembered(hub.address, name)


async def _deliver(deliveries: Deliveries, hub: Hub, node: str, feed: Feed, now: datetime) -> Delivered:
    total = Delivered(feed.name, feed.size, await _start(deliveries, hub, node, feed.name))
    head_too = deliveries.head_is_news(hub.address, feed.name)
    if deliveries.waits_from(hub.address, feed.name) is not None:
        await _settle(deliveries, hub, node, total, seconds=0)
    sent_back, waits, pace = False, 0, Pace()
    clock = time.monotonic
    while (body := deliveries.next_push(feed.name, total.next, head_too=head_too, most=pace.lines)) is not None:
        began = clock()
        try:
            if bulk.wanted(feed.name, feed.size - total.next, waits=total.waiting > 0):
                answer = await hub.push(node, feed.name, body, later=True)
            else:
                answer = await hub.push(node, feed.name, body)
            pace.passed(clock() - began)
        except HubUnreachable as error:
            if error.retry_after is None and pace.cut():
                await pause(CUT_SECONDS)
                continue
            if error.retry_after is None or error.retry_after > SHORT_WAIT_SECONDS or waits == MOST_WAITS:
                raise
            waits += 1
            await pause(error.retry_after)
            continue
        except HubRefused as refused:
            if refused.code in ("feed_fork", "epoch_unknown"):
                deliveries.fork(hub.address, feed.name, refused)
            if refused.code in ("head_older", "clock_skew"):
                deliveries.misdated(feed.name)
            if refused.code != "seq_gap" or refused.next is None or sent_back:
                raise
            sent_back, total.next = True, refused.next
            continue
        done = deliveries.take_answer(hub.address, feed.name, answer, now)
        if done.next <= total.next and total.next < feed.size:
            raise HubRefused("internal", f"The hub {hub.address} took a push and stands where it stood. {_LATER}")
        total.next, total.pushes = done.next, total.pushes + 1
        total.admitted += done.admitted
        total.duplicates += done.duplicates
        total.quarantined += done.quarantined
        total.waiting = done.waiting
        head_too = False
    if total.waiting:
        await _settle(deliveries, hub, node, total, seconds=bulk.MOST_SECONDS)
    return total


async def _settle(deliveries: Deliveries, hub: Hub, node: str, total: Delivered, *, seconds: float) -> None:
    """Ask what became of what waits at a hub, until nothing does or the time is over; the next delivery asks again."""
    end = time.monotonic() + seconds
    while True:
        done = deliveries.take_outcome(hub.address, total.feed, await hub.outcome(node, total.feed))
        total.admitted += done.admitted
        total.quarantined += done.quarantined
        total.waiting = done.waiting
        if not done.waiting or time.monotonic() >= end:
            return
        await bulk.pause(bulk.ASK_SECONDS)


def _kept_back(address: str, name: str, came: PushAnswer) -> list[Quarantined]:
    return [
        Quarantined(address, name, k.seq, shown(k.code), shown(k.pointer), shown(k.detail)) for k in came.quarantined
    ]


def read_state(address: str, answer: bytes) -> LogState:
    """What a hub says it holds of a feed. Raises HubRefused when it cannot be read."""
    return _read(LogState, answer, address)


_LATER = "Nothing is lost here. Give the same command later; if it stays so, tell the hub's operator."


def _read(form: type[T], answer: bytes, address: str) -> T:
    try:
        return msgspec.json.decode(answer, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        sentence = f"The hub {address} gave an answer that cannot be read ({error}). {_LATER}"
        raise HubRefused("malformed", sentence, retry="same") from error
