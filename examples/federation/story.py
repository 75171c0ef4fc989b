"""The order of events: hubs follow each other, nodes push to theirs, a reader proves what comes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from jisr_hub.cli import curating, setting_up
from jisr_node.errors import NodeError
from jisr_protocol import state_tree
from jisr_protocol.reader import verification
from jisr_protocol.reader.follow import Result, follow
from jisr_protocol.reader.http import GuardedClient
from jisr_protocol.reader.store import Copy

from .comparison import differences
from .coverage import uncovered
from .hubs import Hub
from .narration import Narrator
from .nodes import Changes, PartnerNode, count, folder_name, shown
from .partners import Bad, Partner, Turn, title
from .portal import page, summary, words
from .worlds import Ids

AGREE_SECONDS = 120
"""How long the hubs may take to hold the same; a busy machine with a thousand records needs a tenth of it."""

TRAILING = 30
"""How often the reader looks, a second apart, until nothing comes any more."""

PASSED_SECONDS = 3
"""The shortest time between two lines about what one hub has from the other."""


class NotAgreed(Exception):
    """What should be equal is not; the sentence says what differs."""


@dataclass
class Ending:
    """Where the reader stands."""

    verified: bool
    live: int
    state_root: str


class Story:
    """One federation in one folder. Use it within `begin`, which stops everything that runs."""

    def __init__(
        self, folder: Path, hubs: list[Hub], links: list[tuple[str, str]], reader: str, narrator: Narrator
    ) -> None:
        self.folder, self.hubs, self.links, self.narrator = folder, hubs, links, narrator
        self.followed = next(hub for hub in hubs if hub.label == reader)
        """The hub the reader follows."""
        self.nodes: list[PartnerNode] = []
        self.copy = folder / "reader.jisr"
        self.ending = Ending(False, 0, "")
        self._tell = narrator.tell
        self._passed: dict[str, tuple[float, int]] = {}

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[None]:
        """Make and start the hubs, let them follow each other; stop them at the end, however it comes."""
        async with AsyncExitStack() as stack:
            self._client = await stack.enter_async_context(GuardedClient(allow_private=True))
            stack.push_async_callback(self._stop)
            for hub in self.hubs:
                await hub.make()
                await hub.start()
            await asyncio.gather(*(hub.ready(self._client) for hub in self.hubs))
            for hub in self.hubs:
                self._tell("started", f"{hub.name} at {hub.address}, {short(hub.id)}")
            by_label = {hub.label: hub for hub in self.hubs}
            for one, other in self.links:
                await self._link(by_label[one], by_label[other])
            yield

    async def _link(self, one: Hub, other: Hub) -> None:
        for hub, peer in ((one, other), (other, one)):
            await setting_up.add_peer(hub.folder, await setting_up.find_peer(hub.folder, peer.address))
        self._tell("peers", f"{one.name} and {other.name} follow each other")

    async def _stop(self) -> None:
        await asyncio.gather(*(hub.stop() for hub in self.hubs), return_exceptions=True)

    # Nodes

    async def publish(self, partners: list[Partner]) -> None:
        """Make a node for each partner, publish its drafts, push them to its hub."""
        by_label = {hub.label: hub for hub in self.hubs}
        for number, partner in enumerate(partners, 1):
            folder = self.folder / "nodes" / folder_name(number, partner.label)
            try:
                node = PartnerNode(partner, by_label[partner.hub], folder)
            except NodeError as error:
                drafts = f"no node for {partner.label}, so {count(len(partner.drafts), 'draft')} less"
                self.left_out(Bad(partner.lines[0] if partner.lines else 1, f"{drafts}: {error}"))
                continue
            self.nodes.append(node)
            await self._bring_in(node)
        if not self.nodes:
            raise NotAgreed("No node could be made from these drafts.")

    def left_out(self, bad: Bad) -> None:
        """Say which line of the drafts was not used; the rest goes on."""
        self._tell("left out", f"line {bad.line}: {bad.sentence}")

    async def _bring_in(self, node: PartnerNode) -> None:
        partner, hub = node.partner, node.hub
        done, bad = node.fill()
        for each in bad:
            self.left_out(each)
        restricted = sum(number for name, number in done.entries.items() if name != "public")
        also = [f"{restricted} not for the public"] if restricted else []
        also += [f"{done.local} never leave it"] if done.local else []
        self._tell("published", f"{partner.name}: {shown(partner.drafts)}" + (f" ({', '.join(also)})" if also else ""))
        found = await node.introduce()
        self._tell("welcomed", f"{hub.name} knows {partner.name} from now on, fingerprint {found.fingerprint[6:25]} …")
        await self._push(node)
        await self._look()

    async def _push(self, node: PartnerNode) -> None:
        try:
            sent = await node.push()
        except NodeError:
            await asyncio.sleep(0.5)  # so that we know of a process that has just ended
            node.hub.check_alive()
            raise
        hub, feeds = node.hub, sent.delivered
        entries = " + ".join(f"{feed.next} {feed.feed}" for feed in feeds)
        self._tell("received", f"{hub.name} from {node.partner.name}: {entries}; it signed a receipt")
        kept = [quarantined for feed in feeds for quarantined in feed.quarantined]
        admitted = sum(feed.admitted for feed in feeds)
        held_back = f", {len(kept)} kept back, such as entry {kept[0].seq}: {kept[0].code}" if kept else ""
        self._tell(
            "admitted",
            f"{count(admitted, 'entry', 'entries')}: proof, signatures, revisions and schema hold{held_back}",
        )

    # Agreement

    async def agree(self, more: Callable[[], bool] = lambda: True) -> None:
        """Wait until the hubs hold the same: what the nodes signed. Raises NotAgreed with the difference."""
        expected, root = self._expected()
        try:
            async with asyncio.timeout(AGREE_SECONDS):
                while not (self._equal(expected, root) and more()):
                    await asyncio.sleep(0.1)
                    await self._look()
        except TimeoutError:
            raise NotAgreed(await self._what_differs(expected)) from None
        for hub in self.hubs:
            self._tell_passed(hub)
        held = self.hubs[0].head.state_root if self.hubs[0].head else ""
        hubs = "both hubs" if len(self.hubs) == 2 else f"all {len(self.hubs)} hubs"
        self._tell("equal", f"{hubs} hold the same {count(expected, 'public record')}, state root {held[:16]} …")

    def _expected(self) -> tuple[int, str]:
        """How many public records the nodes published, and the state root they make; "" when a hub kept some back."""
        live = [row for node in self.nodes for row in node.live()]
        expected = sum(node.public_live for node in self.nodes)
        return expected, state_tree.build(live)[0].root().hex() if len(live) == expected else ""

    def _equal(self, expected: int, root: str) -> bool:
        found = {(hub.head.live, hub.head.state_root) for hub in self.hubs if hub.head}
        return len(found) == 1 and all(live == expected and root in ("", held) for live, held in found)

    async def _look(self) -> None:
        """See where the hubs stand, and tell now and then what one has from the other."""
        for hub in self.hubs:
            hub.check_alive()
            if await hub.look(self._client):
                self._tell_passed(hub, pause=PASSED_SECONDS)

    def _tell_passed(self, hub: Hub, *, pause: float = 0.0) -> None:
        home = sum(node.public_live for node in self.nodes if node.hub is hub)
        passed = hub.head.live - home if hub.head else 0
        at, told = self._passed.get(hub.label, (-pause, 0))
        if passed > told and self.narrator.seconds - at >= pause:
            linked = {label for link in self.links if hub.label in link for label in link} - {hub.label}
            others = " and ".join(other.name for other in self.hubs if other.label in linked)
            self._tell(
                "passed on", f"{hub.name} has {count(passed, 'record')} from {others}, each signed by its author"
            )
            self._passed[hub.label] = (self.narrator.seconds, passed)

    async def _what_differs(self, expected: int) -> str:
        stand = [
            f"{hub.name}: {hub.head.live} live in {hub.head.size} entries, state root {hub.head.state_root}"
            for hub in self.hubs
            if hub.head
        ]
        found = await differences(self.hubs, self.folder)
        return "\n".join(
            [f"The hubs do not agree after {AGREE_SECONDS} seconds; the nodes published {expected}.", *stand, *found]
        )

    # The reader

    async def read(self) -> Result:
        """Follow, compute everything anew, compare. Raises NotAgreed when anything does not hold."""
        hub = self.followed
        result = await follow(hub.feed, self.copy, allow_private=True, expected_id=hub.id)
        if result.outcome != 0 or result.head is None:
            raise NotAgreed(f"The reader ended with {int(result.outcome)}: {result.sentence}")
        verdict = await asyncio.to_thread(verification.copy, self.copy)
        root = str(verdict.counts.get("state_root", ""))
        agreed = {hub.head.state_root for hub in self.hubs if hub.head}
        self.ending = Ending(verdict.outcome == 0 and agreed == {root}, result.live, root)
        if not self.ending.verified:
            raise NotAgreed(f"The reader has {root}, the hubs have {', '.join(sorted(agreed))}: {verdict.sentence}")
        self._tell(
            "verified",
            f"the reader followed {hub.name}: {count(result.live, 'record')}, {count(result.requests, 'request')}, "
            f"{result.received_bytes // 1024} KiB; every signature and both trees computed anew",
        )
        return result

    def show_one(self) -> None:
        """One record that came the long way, and how."""
        names = {node.node.id: node.partner.name for node in self.nodes}
        hubs = {hub.id: hub.name for hub in self.hubs}
        with Copy(self.copy) as copy:
            far = [record for record in copy.records() if record.via]
        far.sort(key=lambda record: (-len(orjson.loads(record.via)), record.type != "org.jisr.service/1"))
        for record in far[:1]:
            way = [hubs.get(hop["by"], hop["by"]) for hop in orjson.loads(record.via)]
            by, last = names.get(record.node, record.node), self.followed.name
            self._tell("one of them", f"“{title(record.value)}”, signed by {by}, by way of {', '.join(way)} and {last}")

    # What happens afterwards

    async def turns(self, later: list[Turn]) -> None:
        """What the nodes write later, one after the other, now that they have read the others; the reader gets it."""
        ids: Ids = {}
        by_label = {node.partner.label: node for node in self.nodes}
        for node in self.nodes:
            node.note(node.partner.drafts, ids)
        for turn in later:
            node = by_label[turn.label]
            for what, draft in node.write(turn.drafts, ids):
                self._tell(what, f"{node.partner.name}: “{title(draft)}”")
            await self._push(node)
        await self.agree()
        await self.read()

    async def change(self) -> None:
        """An edit, a delete and a new record travel to the reader: what a file from outside can show of changes."""
        node = next((node for node in self.nodes if node.hub is not self.followed), self.nodes[0])
        before = self.ending.state_root
        done = node.change()
        name = node.partner.name
        if done.edited:
            self._tell("edited", f"{name}: “{title(done.edited)}”")
        if done.deleted:
            self._tell("deleted", f"{name}: “{title(done.deleted)}”")
        self._tell("new", f"{name}: “{title(done.new)}”")
        await self._push(node)
        await self.agree(lambda: all(hub.head is not None and hub.head.state_root != before for hub in self.hubs))
        await self.read()
        self._prove(node, done)

    def _prove(self, node: PartnerNode, done: Changes) -> None:
        """The reader has exactly the three changes."""
        with Copy(self.copy) as copy:
            edited = copy.record(node.node.id, done.edited_id) if done.edited_id else None
            arrived = {
                "the new record": copy.record(node.node.id, done.new_id) is not None,
                "the edit": done.edited_id is None or (edited is not None and edited.rev == 2),
                "the delete": done.deleted_id is None or copy.record(node.node.id, done.deleted_id) is None,
            }
        if missing := [what for what, came in arrived.items() if not came]:
            raise NotAgreed(f"The reader is verified, but without {' and '.join(missing)}.")
        told = [what for what, there in (("edit", done.edited_id), ("delete", done.deleted_id)) if there]
        self._tell("arrived", f"{', '.join([*told, 'new record'])}: the reader has them, proven")

    async def read_again(self) -> None:
        """Nothing changed: that costs one request. Raises NotAgreed when it costs more.

        Records are equal before the hubs have said of each node how far they hold it: what still comes is read first.
        """
        for _ in range(TRAILING):
            result = await follow(self.followed.feed, self.copy, allow_private=True, expected_id=self.followed.id)
            if not result.changed:
                break
            await asyncio.sleep(1)
        self._tell_complete()
        if result.outcome != 0 or result.changed or result.requests != 1 or result.received_bytes:
            raise NotAgreed(
                f"Nothing changed, but the reader made {result.requests} requests and got {result.received_bytes} "
                f"bytes: {result.sentence}"
            )
        self._tell("unchanged", "the reader asked once more: one request, answered 304, nothing to read")

    def portal(self) -> None:
        """A Danish portal reads the reader's copy: a page in the folder, a sentence here."""
        with Copy(self.copy) as copy:
            records = [record.value for record in copy.records()]
            fresh = self.followed.head.time.date().isoformat() if self.followed.head else ""
        place = self.folder / "portal.html"
        place.write_text(page(records, title="Jisr på dansk", fresh=fresh), encoding="utf-8")
        self._tell("portal", f"på dansk: {summary(records)}")
        lacking = [words(record)[1]["value"] for record in uncovered(records)]
        if lacking:
            self._tell("portal", f"her mangler der indsatser: {', '.join(lacking)}")

    def _tell_complete(self) -> None:
        """Of which nodes the reader has everything, by their own heads. Raises NotAgreed when one does not add up."""
        with Copy(self.copy) as copy:
            standings = list(copy.nodes())
        if unmet := [standing for standing in standings if standing.verdict == "unmet"]:
            raise NotAgreed(f"The reader does not hold what {unmet[0].node} signed: {unmet[0].sentence}")
        complete = sum(standing.verdict == "complete" for standing in standings)
        if complete:  # of a node that has just written the hub tells half a minute later
            self._tell("complete", f"the reader has all that {count(complete, 'node')} signed, by their own heads")

    # The end

    def summary(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "nodes": len(self.nodes),
            "records": sum(node.written() for node in self.nodes),
            "hubs": [
                {
                    "id": hub.id,
                    "label": hub.label,
                    "feed": hub.feed,
                    "size": hub.head.size,
                    "live": hub.head.live,
                    "state_root": hub.head.state_root,
                }
                for hub in self.hubs
                if hub.head
            ],
            "reader": {
                "verified": self.ending.verified,
                "live": self.ending.live,
                "state_root": self.ending.state_root,
            },
            "seconds": round(self.narrator.seconds, 2),
        }

    def table(self) -> None:
        """The figures for a person."""
        rows: list[list[object]] = []
        for hub in self.hubs:
            if hub.head:
                home = [node for node in self.nodes if node.hub is hub]
                written = sum(node.written() for node in home)
                rows.append([hub.name, len(home), written, hub.head.live, hub.head.state_root[:12], hub.address])
        root = self.ending.state_root[:12]
        rows.append(["Reader", "", "", self.ending.live, root, f"follows {self.followed.name}"])
        self.narrator.table(("", "nodes", "records", "live", "state root", "address"), rows)
        for hub in self.hubs:
            self.narrator.say(f"Open {hub.address}/directory in a browser to see what {hub.name} holds.")

    async def explain(self, meanings: list[tuple[str, str, str]]) -> None:
        """Say at each hub what terms of nodes' own stand for, as its operator would.

        This is for the end, when all was compared: a hub's word is a record of its own, which others get in their time.
        """
        for hub in self.hubs:
            for own, core, match in meanings:
                await curating.term(hub.folder, own, core, match, "")
        if meanings:
            said = f"{count(len(meanings), 'term')} of nodes' own stand for terms of the core list, at every hub"
            self._tell("explained", f"{said}: coverage counts them")

    async def stay(self) -> None:
        """Keep running. Raises NotServing when a hub ends by itself."""
        ends = [asyncio.create_task(hub.ended()) for hub in self.hubs]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(1)  # Ctrl-C reaches the hubs too: then we are about to be cancelled
            for hub in self.hubs:
                hub.check_alive()
        finally:
            for end in ends:
                end.cancel()

    def close(self) -> None:
        """Let go of the nodes."""
        for node in self.nodes:
            node.node.close()


def short(identifier: str) -> str:
    """An identifier that a person may recognise again."""
    return f"{identifier[:13]} …"
