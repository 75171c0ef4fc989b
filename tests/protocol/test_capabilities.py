"""What a capability document does not name is not there (CAP-1); limits it does not tell are the protocol's (LIM-3)."""

from __future__ import annotations

from jisr_protocol import capabilities, limits
from jisr_protocol.capabilities import Capabilities, FeedOffer

SMALL = Capabilities(
    jisr=["1"],
    id="jisr:" + "a" * 52,
    role="hub",
    name="Hub of the strait",
    feeds=[FeedOffer(name="public", href="/feeds/public", audience="public")],
    keys="/keys.json",
)


def test_an_endpoint_that_is_not_named_is_none_and_is_not_written() -> None:
    """CAP-1: there is no default address that anybody could try."""
    assert (SMALL.push, SMALL.ping, SMALL.features) == (None, None, [])
    assert b"push" not in SMALL.to_bytes()
    assert b"ping" not in SMALL.to_bytes()


def test_a_document_without_limits_means_those_of_the_protocol() -> None:
    """LIM-3."""
    told = capabilities.parse(SMALL.to_bytes()).limits
    assert (told.per_node_day, told.batch_entries, told.record_bytes) == (
        limits.PER_NODE_DAY,
        limits.BATCH_ENTRIES,
        limits.RECORD_BYTES,
    )


def test_unknown_members_of_a_document_are_kept() -> None:
    document = capabilities.parse(SMALL.to_bytes().replace(b'"id"', b'"heat":{"x":1},"id"'))
    assert b'"heat":{"x":1}' in document.to_bytes()
