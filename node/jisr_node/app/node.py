"""A node in one object: wires the core to its folder, its store, the clock and the source of randomness.

    node = Node.init("ours", name="Dar Chabab", country="MA", lang="ar")
    node.import_drafts([{"type": "org.jisr.organization/1", "name": "دار الشباب"}])
    node.publish()
    await node.push()

`Node.open(folder)` opens it again, `Node.in_memory(…)` makes one without a folder, for tests and worlds in memory.
Whoever gives `now` and `random_bytes` decides about time and chance; everything else follows from the arguments.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from jisr_protocol.evidence import Evidence
from jisr_protocol.reader import evidence as evidence_files

from .. import export as feed_files
from .. import outbox as outboxes
from .. import receipts, talking
from .. import status as statuses
from ..adapters import aside, key_files
from ..adapters.fence import FileFence, MemoryFence
from ..adapters.ledger import FileLedger, MemoryLedger
from ..adapters.sqlite import SqliteStore, only_one
from ..delivery import Delivered, Deliveries
from ..erasure import DEFAULT_BASIS, UNSCRUBBED, Erased, Erasures, check_basis
from ..errors import Busy, Contradiction, Declined, Mistaken, Unscrubbed
from ..feeds import Feeds
from ..homes import Link
from ..identity import Identity, RandomBytes
from ..outbox import Outbox, Published
from ..ports import Fence, Hub, Ledger, Store
from ..records import Records
from ..settings import Settings, check_address
from ..talking import Sent
from ..whereabouts import Sighting
from . import beginning
from .beginning import FENCE, KEPT, KEYS, LEDGER, RECOVERY

if TYPE_CHECKING:
    from ..adapters.backup_file import Contents
    from ..adapters.bucket import Bucket
    from ..adapters.folder import Written
    from ..checking import Checked
    from ..confirming.assuring import Assuring
    from ..drafts import Taken
    from ..editing.drafting import Drafting
    from ..editing.trash import Trash
    from ..rebase import Rebased
    from .imports import Import

EVIDENCE = "evidence"
PUBLIC_FOLDER = "public"


def clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Node:
    """One node. Not for use from two threads at once; a folder may be open in several processes."""

    def __init__(
        self,
        store: Store,
        fence: Fence,
        identity: Identity,
        *,
        folder: Path | None,
        random_bytes: RandomBytes,
        ledger: Ledger | None = None,
    ) -> None:
        self.store, self.fence, self.identity, self.folder = store, fence, identity, folder
        self.ledger = ledger or MemoryLedger()
        self.settings = Settings.load(store)
        self._random = random_bytes
        self.feeds = Feeds(store, fence, identity, random_bytes)
        self._outbox = Outbox(self.feeds)
        import_secret = bytes.fromhex(store.settings()[beginning.IMPORT_SECRET])
        self._records = Records(store, identity.id, import_secret, random_bytes)
        self._erasures = Erasures(self.feeds, self.ledger, import_secret)
        self.deliveries = Deliveries(store, identity, self._keep_evidence)

    @classmethod
    def init(
        cls,
        folder: Path | str,
        *,
        recovery: Path | None = None,
        now: datetime | None = None,
        random_bytes: RandomBytes = os.urandom,
        **settings: Any,
    ) -> Self:
        """Make a node in a new or empty folder and open it. `settings` are the members of settings.Settings.

        `recovery` is where the recovery sheet goes, else it lies in the folder until somebody takes it away. Raises
        Mistaken for a bad setting, Declined when there is a node already; then nothing was changed.
        """
        folder = Path(folder)
        store, identity = beginning.make(folder, Settings(**settings).check(), recovery, now or clock(), random_bytes)
        return cls._in_folder(store, identity, folder, random_bytes)

    @classmethod
    def open(cls, folder: Path | str, *, random_bytes: RandomBytes = os.urandom, lost: bool = False) -> Self:
        """Open the node in a folder. Raises Mistaken when there is none or its key is missing; with `lost` the key may
        be missing or be another's, and nothing is to be signed before a recovery.

        What was erased and is in this store all the same, because an older one was put back, is erased first.
        """
        folder = Path(folder)
        store, identity = beginning.find(folder, lost=lost)
        try:
            node = cls._in_folder(store, identity, folder, random_bytes)
            with suppress(Busy):  # bytes that cannot be cleared now hold nothing up; the next command tries again
                node.settle_erasures()
            return node
        # a Ctrl-C too leaves no database open
        except BaseException:
            store.close()
            raise

    @classmethod
    def in_memory(cls, *, now: datetime, random_bytes: RandomBytes = os.urandom, **settings: Any) -> Self:
        """Make a node without a folder. It lives as long as its store; see `reopened`."""
        store, identity = beginning.in_memory(Settings(**settings), now, random_bytes)
        return cls(store, MemoryFence(), identity, folder=None, random_bytes=random_bytes)

    @classmethod
    def _in_folder(cls, store: Store, identity: Identity, folder: Path, random_bytes: RandomBytes) -> Self:
        fence, ledger = FileFence(folder / FENCE), FileLedger(folder / LEDGER)
        return cls(store, fence, identity, folder=folder, random_bytes=random_bytes, ledger=ledger)

    def become(self, identity: Identity) -> None:
        """Go on with other keys of the same node: what is signed from now on, and the keys that are shown."""
        self.identity = self.feeds.identity = identity
        self._outbox.become(identity)
        self.deliveries = Deliveries(self.store, identity, self._keep_evidence)

    def keep_keys(self) -> None:
        """Keep the chain of key statements as it now is; part of a transaction."""
        self.store.set(beginning.CHAIN, outboxes.key_file(self.identity).decode())

    def show_keys(self) -> None:
        """Write keys.json into the folder, for whoever admits this node."""
        if self.folder is not None:
            (self.folder / KEYS).write_bytes(outboxes.key_file(self.identity))

    def write_next_key(self, seed: bytes) -> None:
        """Keep the key that is to follow beside the one that signs."""
        if self.folder is not None:
            key_files.write_next(self.folder, seed)

    def take_next_key(self) -> None:
        """What was signed with the next key is committed: it is the one that signs."""
        if self.folder is not None:
            key_files.take_next(self.folder)

    def drop_next_key(self) -> None:
        """Nothing was signed with it."""
        if self.folder is not None:
            key_files.drop_next(self.folder)

    def keep_aside(self, versions: list[dict[str, Any]], now: datetime) -> Path | None:
        """Keep versions that lost against later ones in a file of the folder."""
        return aside.keep(self.folder, versions, now) if versions and self.folder is not None else None

    def reopened(self) -> Self:
        """The same store seen by a process that starts anew: nothing but what was committed is known."""
        return type(self)(
            self.store, self.fence, self.identity, folder=self.folder, random_bytes=self._random, ledger=self.ledger
        )

    def close(self) -> None:
        """Let go of the store. Safe to call twice."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        return self.identity.id

    def protect(self, passphrase: bytes | None) -> None:
        """Encrypt the signing key in the folder, or keep it without a passphrase."""
        if self.folder is None:
            raise Declined("A node without a folder has no key file.")
        key_files.protect(self.folder, passphrase)

    @staticmethod
    def recovery_seed(text: str) -> bytes:
        """The recovery key on a sheet, or of its words alone. Raises Mistaken when a letter is wrong."""
        return key_files.read_recovery_sheet(text)

    @property
    def outbox(self) -> Outbox:
        return self._outbox

    @property
    def erasures(self) -> Erasures:
        return self._erasures

    def random(self, count: int) -> bytes:
        return self._random(count)

    @property
    def recovery_place(self) -> str:
        """Where the recovery sheet was written, or KEPT."""
        return self.store.settings().get(RECOVERY, KEPT)

    # Writing, and looking at what was written: records.Records

    def import_drafts(
        self, lines: Iterable[str | bytes | Mapping[str, Any]], label: str | None = None, *, again: bool = False
    ) -> Taken:
        """Take drafts, parsed or as JSON lines; see drafts.Drafts.take."""
        return self._records.take(lines, label, again=again)

    def importing(self, name: str, file: IO[bytes], *, now: datetime | None = None) -> Import:
        """Begin to take in a table of somebody's; see app.imports. Raises importing.tables.Unreadable."""
        from .imports import Import

        return Import(self, self._records.author(), name, file, now or clock())

    def edit(self, which: str, draft: Mapping[str, Any], *, again: bool = False) -> Taken:
        """Replace what the author says in one record. Raises Mistaken when there is no such record."""
        return self._records.edit(which, draft, again=again)

    def check(self, ids: Collection[str] = (), *, now: datetime | None = None) -> list[Checked]:
        """What must be fixed and what could be better in the records here, or in some; see checking.check."""
        from .. import checking

        return checking.check(self.store, self.identity.id, now or clock(), ids)

    def end(self, which: str) -> str:
        """Say that a record's matter has ended; it stays visible as ended. Returns its id."""
        return self._records.end(which)

    def delete(self, which: str) -> str:
        """Want a record gone: at the next publish a signed tombstone goes where it was. Returns its id."""
        return self._records.delete(which)

    def find(self, which: str) -> str:
        """The id of a record named by its id or by local:<type>/<local id>. Raises Mistaken when there is none."""
        return self._records.find(which)

    def records(self) -> list[dict[str, Any]]:
        """The published records that are not deleted, as last published, local ones too."""
        return self._records.published()

    def overview(self) -> list[dict[str, Any]]:
        """Every record in short; see records.Records.overview."""
        return self._records.overview()

    def show(self, which: str) -> dict[str, Any]:
        """One record, and what each hub has said of it; see records.Records.show."""
        return self._records.show(which)

    @property
    def drafting(self) -> Drafting:
        """Records while somebody writes them; see editing.drafting."""
        from ..editing.drafting import Drafting

        return Drafting(self.store, self._records, self.id, self._random)

    @property
    def trash(self) -> Trash:
        """What is ended or taken away; see editing.trash."""
        from ..editing.trash import Trash

        return Trash(self.store, self._records)

    def assuring(self) -> Assuring:
        """What ages, and saying that it is still correct; see confirming.assuring."""
        from ..confirming.assuring import Assuring

        return Assuring(self._outbox, self.id, bytes.fromhex(self.store.settings()[beginning.IMPORT_SECRET]))

    def publish_draft(self, which: str, *, now: datetime | None = None) -> Published:
        """Publish one record as it is being written, nothing else. Raises Mistaken, Declined with nothing changed."""
        moment = now or clock()
        record_id = which if self.store.draft(which) else self.find(which)
        opened = self.drafting.accept(record_id, self.drafting.open(record_id).seen, moment)
        done = self.publish(only=[record_id], now=moment)
        # dying here leaves a draft that says what is published already, and is none any more
        self.drafting.published(opened, moment)
        return done

    # Erasing

    def erase(self, which: str | None, *, basis: str = DEFAULT_BASIS, now: datetime | None = None) -> Erased:
        """Erase one record, or all: its content goes for good, here and, after a push, wherever the feeds are held.

        When it returns no file of the folder holds a byte of it; copies elsewhere, backups too, are not reached. Raises
        Mistaken when there is no such record, Contradiction with nothing changed; Unscrubbed when it is erased and
        signed but another process keeps bytes of it from being cleared, which the next command does.
        """
        basis = check_basis(basis)
        done = self._erasures.erase(self.find(which) if which is not None else None, basis, now or clock())
        self.feeds.mark()
        try:
            self.settle_erasures()
        except Busy as busy:
            raise Unscrubbed from busy
        return done

    def settle_erasures(self) -> None:
        """Finish what an erasure left to do, also one that was cut off; see erasure.Erasures."""
        self._erasures.again()
        if not self.store.settings().get(UNSCRUBBED):
            return
        public = self.folder / PUBLIC_FOLDER if self.folder is not None else None
        if self.folder is not None:
            aside.forget(self.folder, self.store.erasures())
        if public is not None and public.is_dir() and not self.feeds.own_obstacles():
            self.export(public)
        self._erasures.settle()

    # Publishing

    def publish(self, *, only: Collection[str] = (), now: datetime | None = None) -> Published:
        """Sign what is pending, or what is of some records; see outbox.Outbox.publish."""
        return self._outbox.publish(now or clock(), only)

    def renew(self, *, now: datetime | None = None) -> list[str]:
        """Sign heads anew that are due, nothing else."""
        return self._outbox.renew(now or clock())

    def files(self) -> Iterator[tuple[str, bytes]]:
        """(path, content) of the public feed, the head last."""
        return feed_files.files(self.store, self.identity, self.store.settings()[beginning.CAPABILITIES].encode())

    def export(self, folder: Path | str) -> Written:
        """Write the public feed for a static host.

        Raises Declined before the first publish, when the folder holds another node's feed or a newer one, and
        Contradiction when this folder's own database is an older one.
        """
        from ..adapters.folder import head_in, write_feed

        feed_files.check_goes_on(self.store, self.id, head_in(Path(folder)), str(folder))
        for sentence in self.feeds.own_obstacles():
            raise Contradiction(sentence)
        return write_feed(Path(folder), self.files())

    def export_to_bucket(self, bucket: Bucket) -> Written:
        """The same into a bucket. Raises HubUnreachable too."""
        from ..adapters.bucket import write_feed

        feed_files.check_goes_on(self.store, self.id, bucket.head(), bucket.address)
        for sentence in self.feeds.own_obstacles():
            raise Contradiction(sentence)
        name = f"left {bucket.address}"
        written, left = write_feed(bucket, self.files(), (self.store.settings().get(name) or "").split())
        with self.store.transaction():
            self.store.set(name, " ".join(left))
        return written

    @contextmanager
    def serving(self) -> Iterator[Path]:
        """Be the one process that serves this folder; gives the place of the exported feed. Raises Declined."""
        if self.folder is None:
            raise Declined("A node without a folder cannot be served.")
        with only_one(self.folder / "serve.lock"):
            yield self.folder / PUBLIC_FOLDER

    # Delivering

    def next_push(self, feed: str, start: int, *, head_too: bool = False) -> bytes | None:
        """The body of a push of this feed from `start`; see delivery.Deliveries."""
        return self.deliveries.next_push(feed, start, head_too=head_too)

    def meet(self, address: str, key_file: bytes) -> str:
        """Learn a hub's keys, or check them against those known; return its identifier."""
        expected = self.settings.hub_id if address == self.settings.hub else ""
        return self.deliveries.meet(address, key_file, expected or None).id

    def take_state(self, address: str, feed: str, answer: bytes) -> int:
        """Where a hub wants the next push to begin."""
        return self.deliveries.take_state(address, feed, answer)

    def take_answer(self, address: str, feed: str, answer: bytes, *, now: datetime | None = None) -> Delivered:
        """Remember a hub's answer to a push."""
        return self.deliveries.take_answer(address, feed, answer, now or clock())

    async def push(self, hub: str | Hub | None = None, *, now: datetime | None = None) -> Sent:
        """Bring every feed to a hub (an address, the one set at init, or any ports.Hub).

        One feed that fails does not keep the others back; then its error is raised. Raises Mistaken when no hub is
        known, HubUnreachable, HubRefused or Contradiction. Calling again goes on where the hub stands.
        """
        sent = await self.attempt(hub, now=now)
        for _, error in sent.errors:
            raise error
        return sent

    async def attempt(self, hub: str | Hub | None = None, *, now: datetime | None = None) -> Sent:
        """`push`, with what went wrong at the hub in `Sent.errors` instead of raised."""
        return await talking.attempt(self, hub, now or clock())

    async def sync(self, hub: str | Hub | None = None, *, now: datetime | None = None) -> tuple[Published, Sent]:
        """Publish, then push; see talking.sync."""
        return await talking.sync(self, hub, now or clock())

    async def receipts(self, hub: str | Hub | None = None, *, now: datetime | None = None) -> list[receipts.Confirmed]:
        """Ask the hub who has confirmed this node's erasures. Raises Mistaken, HubUnreachable, HubRefused."""
        return await talking.confirmed(self, hub, now or clock())

    async def look(self, where: str | Hub | None = None, *, now: datetime | None = None) -> Sighting:
        """See what a hub or another place shows of this node; see talking.look."""
        return await talking.look(self, where, now or clock())

    async def rebase(
        self, *hubs: str | Hub, without_hub: bool = False, now: datetime | None = None
    ) -> tuple[Rebased, Path | None]:
        """Work on after an older state was put back or this folder lived twice; see talking.rebase."""
        return await talking.rebase(self, hubs, without_hub=without_hub, now=now or clock())

    async def join(self, link: str | Link, *, via: Hub | None = None, now: datetime | None = None) -> bool:
        """Ask a hub to let this node in and be its home: True when it did, False when its operator decides later."""
        return await talking.join(self, link, via, now or clock())

    async def move(self, address: str | Hub, *, now: datetime | None = None) -> Sent:
        """Make another hub, which has admitted this node, its home, and hand it everything; see talking.move."""
        return await talking.move(self, address, now or clock())

    def known_hubs(self) -> list[str]:
        """The addresses of every hub that was met, the node's own first."""
        met = [delivery.hub for delivery in self.store.deliveries()]
        return list(dict.fromkeys([*([self.settings.hub] if self.settings.hub else []), *met]))

    def link(self, hub: str | Hub | None) -> AbstractAsyncContextManager[Hub]:
        """One hub to speak with: at an address, the node's own, or any ports.Hub as it is."""
        if hub is not None and not isinstance(hub, str):
            return nullcontext(hub)
        address = hub or self.settings.hub
        if not address:
            raise Mistaken("This node knows no hub yet. Name one: jisr-node push --hub https://hub.example")
        return self._client(check_address(address))

    @asynccontextmanager
    async def _client(self, address: str) -> AsyncIterator[Hub]:
        from jisr_protocol.reader.http import GuardedClient

        from .. import __version__
        from ..adapters.hub import HttpHub

        async with GuardedClient(
            allow_private=self.settings.allow_private, user_agent=f"jisr-node/{__version__}"
        ) as client:
            yield HttpHub(address, client)

    def _keep_evidence(self, case: Evidence) -> None:
        """A hub's own signatures against it: for ever, beside the database (`jisr verify FILE` judges them)."""
        if self.folder is not None:
            evidence_files.keep(self.folder / EVIDENCE, case)

    # Backups

    def backup(self, place: Path | str, *, with_key: bool = False, now: datetime | None = None) -> Contents:
        """Write a backup of this node into one new file; see adapters.backup_file. Raises Declined, OSError."""
        from . import backups

        if self.folder is None or not isinstance(self.store, SqliteStore):
            raise Declined("A node without a folder has nothing that could be backed up.")
        return backups.write(self, self.store, self.folder, Path(place), with_key=with_key, now=now or clock())

    @classmethod
    def restore(
        cls, place: Path | str, folder: Path | str, *, check: bool = False, now: datetime | None = None
    ) -> tuple[Contents, int]:
        """Put a backup into an empty folder, or into one where only the database was lost; with `check` only look.

        Returns what is in it and how many erasures it does not know, which are carried out again. The node signs
        nothing before a rebase. Raises Mistaken, Declined; then nothing was changed.
        """
        from . import backups

        folder = Path(folder)
        contents, later = backups.put(Path(place), folder, check=check)
        if not check and (folder / key_files.SIGNING_KEY).exists():
            cls.open(folder).close()  # which erases again what is to be erased
        return contents, later

    # Looking

    def status(self, *, now: datetime | None = None) -> dict[str, Any]:
        """What was sent, received, refused and why; see status.status."""
        return statuses.status(
            self.store,
            self.identity,
            self.settings,
            now=now or clock(),
            obstacles=self.feeds.obstacles(),
            recovery=self._recovery_advice(),
        )

    def keep_recovery(self) -> None:
        """Take note that the recovery sheet is safe elsewhere. Raises Declined while it lies in the folder."""
        place = self.recovery_place
        if self.folder is not None and any(self.folder.glob("recovery-*.txt")):
            raise Declined(
                f"The recovery file is still in this folder ({place}). Print it or copy it to a stick, delete it here, "
                "then say this again."
            )
        with self.store.transaction():
            self.store.set(RECOVERY, KEPT)

    def _recovery_advice(self) -> statuses.Advice | None:
        place = self.recovery_place
        if place == KEPT:
            return None
        return statuses.Advice(
            "recovery",
            f"The recovery key is in {place}. Print that file or copy it to a stick, keep it away from this computer, "
            "delete it here, then say: jisr-node recovery-kept. Without it a lost or stolen computer is a lost node.",
        )
