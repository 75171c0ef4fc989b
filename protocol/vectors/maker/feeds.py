"""Complete small feeds, good and bent, each with what a reader must end with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .feed import NOW, Feed, Files, page_path
from .primitives import Key, Writer, epoch
from .trees import Row

AFTER_EXPIRY = "2026-07-02T00:00:00Z"
EARLIER = "2026-05-31T00:00:00Z"
NEVER = "2026-06-02T13:00:00Z"
"""A time more than ten minutes ahead of NOW."""


@dataclass
class Made:
    """The files of a case: what to read, what to have read before, what is held at the end."""

    files: Files
    rows: list[Row]
    before: Files | None = None
    refused: list[tuple[int, str]] = field(default_factory=list)
    now: str = NOW


@dataclass
class FeedCase:
    name: str
    comment: str
    rule: str | None
    exit: int
    code: str | None
    make: Callable[[], Made]

    def expectation(self, made: Made) -> dict[str, Any]:
        """The content of expect.json."""
        return {
            "before": "before" if made.before is not None else None,
            "code": self.code,
            "comment": self.comment,
            "exit": self.exit,
            "live": [list(row) for row in made.rows],
            "now": made.now,
            "refused": [{"code": code, "seq": seq} for seq, code in made.refused],
            "rule": self.rule,
        }


CASES: list[FeedCase] = []


def good(name: str, comment: str, rule: str | None = None) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    return case(name, comment, rule, 0, None)


def case(
    name: str, comment: str, rule: str | None, exit_: int, code: str | None
) -> Callable[[Callable[[], Made]], Callable[[], Made]]:
    def register(make: Callable[[], Made]) -> Callable[[], Made]:
        CASES.append(FeedCase(name, comment, rule, exit_, code, make))
        return make

    return register


# The small world of all cases: one node, another, a hub.


def a_node() -> Writer:
    return Writer("node")


def another_node() -> Writer:
    return Writer("other node")


def small(writer: Writer | None = None) -> Feed:
    """Six entries: a key, three records, a second rev of one, a deletion of another."""
    feed = Feed(writer or a_node())
    feed.key()
    feed.put("a", title={"fr": {"origin": "author", "value": "Marché de Tanger"}})
    feed.put("b", count=5)
    feed.put("c")
    feed.put("a", 2)
    feed.delete("c", 2)
    return feed


def key_revoked() -> Feed:
    """A hub's feed of a node that revokes its stolen key (position 4), then writes with it (5) and with its new one."""
    writer, fresh = a_node(), Key("node 2")
    feed = Feed(Writer("hub", role="hub"))
    feed.key()
    feed.key(writer.statements[0])
    feed.key(writer.later("add", jwk=fresh.jwk))
    feed.put("a", writer=writer)
    feed.key(writer.later("revoke", by=fresh, kid=writer.key.kid, reason="stolen"))
    feed.put("b", writer=writer)
    feed.put("c", writer=writer, key=fresh)
    return feed


def made(feed: Feed, **more: Any) -> Made:
    return Made(feed.files(), feed.rows, **more)


def bent(feed: Feed, change: Callable[[Files], None], before: Feed | None = None, **head: Any) -> Made:
    """A feed whose files are changed after they were made; nothing, or `before`, is held at the end."""
    files = feed.files(**head)
    change(files)
    return Made(files, before.rows if before else [], before.files() if before else None)


def page(feed: Feed, number: int = 0) -> str:
    return page_path(feed.epoch, number, min(256, feed.size - 256 * number))


def sized(size: int) -> Feed:
    feed = small()
    feed.fill(size - 1)
    feed.put("last")
    return feed


def hub_feed() -> Feed:
    """A hub's feed of two nodes, with where each entry stood and how it came."""
    hub, node, other = Writer("hub", role="hub"), a_node(), another_node()
    feed = Feed(hub)
    feed.key()
    for seq, writer in ((0, node), (0, other)):
        feed.key(writer.statements[0], src=["public", epoch(1, writer.label), seq])
    for seq, (label, writer) in enumerate((("a", node), ("b", other), ("c", node)), start=1):
        hop = {"by": hub.id, "epoch": feed.epoch, "seq": seq}
        feed.put(label, writer=writer, entry={"src": ["public", epoch(1, writer.label), seq], "via": [hop]})
    return feed


def replace(files: Files, path: str, old: str, new: str, count: int = -1) -> None:
    changed = files[path].replace(old.encode(), new.encode(), count)
    if changed == files[path]:
        raise ValueError(f"{path} holds no {old!r}")
    files[path] = changed


def put(files: Files, path: str, content: bytes) -> None:
    files[path] = content


def drop(files: Files, path: str) -> None:
    del files[path]
