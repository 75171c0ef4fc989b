"""A complete static feed of what is public, as files: any web space, folder or stick can then serve it.

`files` gives them in the order in which they may appear: everything a head promises comes before the head, so whoever
reads at any moment finds one whole feed, the old or the new. Only the public feed ever leaves this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jisr_protocol import generations, head, identifiers, paths, state_tree
from jisr_protocol.head import Head
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.page_walk import epoch_of_page

from .errors import Declined
from .feeds import PUBLIC
from .identity import Identity
from .outbox import key_file
from .ports import Feed, Store


def files(store: Store, identity: Identity, capabilities: bytes) -> Iterator[tuple[str, bytes]]:
    """(path, content) of every file of the public feed, the head last; nothing before the first publish."""
    feed = store.feed(PUBLIC)
    if feed is None:
        return
    yield from pages(store, feed)
    if later := store.generations(feed.name):
        content = generations.write(later)
        yield generations.named(content)["path"], content
    yield from inventory(store, feed, identity.id)
    yield paths.KEYS, key_file(identity)
    yield paths.CAPABILITIES, capabilities
    yield paths.HEAD, feed.head


def pages(store: Store, feed: Feed) -> Iterator[tuple[str, bytes]]:
    """The pages of a feed, one after the other."""
    for number, width, path in promised(head.parse(feed.head), store.generations(feed.name)):
        first = number * PAGE_ENTRIES
        lines = store.lines(feed.name, first, first + width)
        yield path, b"".join(line.raw + b"\n" for line in lines)


def promised(signed: Head, later: Mapping[int, int]) -> Iterator[tuple[int, int, str]]:
    """(page number, width, path) of every page of a head, whose pages of a later generation are `later`."""
    for number, width, _ in paths.pages(signed.epoch, 0, signed.size):
        yield number, width, paths.page(epoch_of_page(signed, number), number, width, later.get(number, 1))


def inventory(store: Store, feed: Feed, node: str) -> Iterator[tuple[str, bytes]]:
    """The files of a feed's state tree: buckets, then inner nodes up to the root."""
    tree, buckets = state_tree.build((node, *row) for row in store.live(feed.name))
    yield paths.inventory(state_tree.EMPTY_BUCKET), b""
    for content in buckets.values():
        yield paths.inventory(state_tree.bucket_hash(content)), content
    for level in range(tree.depth - 1, -1, -1):
        tree.root()
        for number, hashed in enumerate(tree.levels[level]):
            yield paths.inventory(hashed), state_tree.inner_bytes(tree.children(level, number))


def check_goes_on(store: Store, node: str, there: Head | None, folder: str) -> None:
    """Raise Declined unless the public feed of this node may take the place of the one in a folder, whose head is
    `there`."""
    feed = store.feed(PUBLIC)
    if feed is None:
        raise Declined("Nothing has been published yet, so there is nothing to export. First: jisr-node publish")
    if there is not None and there.by != node:
        raise Declined(f"{folder} holds the feed of another node, and was left as it is. Choose another folder.")
    if there is not None and not _goes_on(head.parse(feed.head), there):
        raise Declined(
            f"{folder} holds a newer feed of this node ({there.size} entries) than node.sqlite ({feed.size}), and "
            "was left as it is. An older database was put back here: work on with the newest copy."
        )


def _goes_on(mine: Head, there: Head) -> bool:
    """Whether mine may replace a feed in a folder: one of an earlier epoch, or an earlier state of the same."""
    if mine.epoch == there.epoch:
        return mine.size >= there.size
    return identifiers.epoch_number(mine.epoch) > identifiers.epoch_number(there.epoch)
