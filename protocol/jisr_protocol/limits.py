"""Every limit of Jisr Sync 1, each with its unit in its name (docs/spec/limits.md)."""

RECORD_BYTES = 64 * 1024
"""One signed object in its canonical form."""
ENTRY_BYTES = RECORD_BYTES + 8 * 1024
"""One line of a log: the object, its signature, provenance."""
HEAD_BYTES = 64 * 1024
"""A signed head, a key file, a capability document."""
KEYS_BYTES = 1024 * 1024
BATCH_ENTRIES = 500
BATCH_BYTES = 1024 * 1024
"""The entry lines of one push, inflated."""
PUSH_BYTES = 2 * 1024 * 1024
"""A whole push, inflated: its lines, head, proof and key lines."""
INFLATE_RATIO = 100
DEPTH_LEVELS = 16
PAGE_ENTRIES = 256
PAGE_BYTES = PAGE_ENTRIES * (ENTRY_BYTES + 1)
INVENTORY_BYTES = 16 * 1024 * 1024
SNAPSHOT_PART_ENTRIES = 4096
SNAPSHOT_PART_BYTES = 16 * 1024 * 1024
"""One part of a snapshot, uncompressed."""
MANIFEST_BYTES = 1024 * 1024
"""The manifest of a snapshot."""
GENERATIONS_BYTES = 1024 * 1024
"""The file that names the pages that were written again."""
PARALLEL_FETCHES = 4
PER_NODE_SECOND = 10
PER_NODE_HOUR = 2_000
PER_NODE_DAY = 20_000
HOPS = 3
STATEMENTS_PER_SUBJECT = 8
CLOCK_SKEW_SECONDS = 600
TOMBSTONE_DAYS = 400
REV_JUMP = 1_000_000
"""The largest step of a rev, and the largest first rev, that a home hub lets pass."""
EPOCH_JUMP = 1_000
"""The largest step of an epoch's number in a day."""
INTEGER_MAX = 2**53 - 1
HUB_HEAD_HOURS = 48
NODE_HEAD_DAYS = 45
PAGE_CACHE_SECONDS = 604_800
LONG_POLL_SECONDS = 55
NOTICE_TARGETS = 64
"""Ids that one notice names; each is an entry of its own, which holds the whole notice."""
BASIS_CHARACTERS = 200
POLICY_BYTES = 64 * 1024
POLICY_ITEMS = 1000
"""Items of one list of a policy."""
STATEMENT_DAYS = 30
"""How long a hub's statement about a node holds; it is renewed when a third of that is left."""
ANCHOR_KEYS = 16
SIDE_BY_SIDE_DAYS = 365
"""How long a major is served after it was said to end."""
BUNDLE_FILES = 20_000
"""Entries of one zip."""
BUNDLE_BYTES = 1024 * 1024 * 1024
"""All files of one zip together, inflated."""
ASSERTION_SECONDS = 300
"""The longest life of an assertion by which a reader asks for a token."""
TOKEN_SECONDS = 600
"""The life of a token for restricted feeds."""
ADMISSION_BYTES = 16 * 1024
"""A request to be let in."""
HOLD_DAYS = 14
"""How long a hub's hold lasts at most, from when it was issued; it is renewed by another."""
ACK_HOURS = 24
"""Within which a hub that took a notice says what it did about it."""
ACK_AWAITS = 256
"""Hubs that an ack names as awaited, and acks that are kept of one notice beyond those of listed followers."""
NOTICES_BYTES = 256 * 1024
"""A call that brings notices and acks, inflated."""
NOTICES_AT_ONCE = 64
"""Notices and acks in one such call."""
ADVICE_KEPT = 1_000
"""Notices that bind nobody here and wait for a decision: more are not taken from strangers."""
SEALED_BYTES = 48 * 1024
"""A sealed message as it is carried: 32,768 bytes inside, in base64url, and its header."""
MESSAGE_CHARACTERS = 5_000
MESSAGE_DAYS = 30
"""How long a message may wait, and how long its digest is remembered."""
MAILBOX_MESSAGES = 500
"""Messages that wait for one node."""
MESSAGES_PER_SOURCE_HOUR = 20
MESSAGES_PER_NODE_HOUR = 200
MATCH_BYTES = 4 * 1024
MATCH_GROUP = 5
"""The smallest group that is told, and the step in which its size is."""
MATCHES_PER_SOURCE_HOUR = 60
USAGE_STEP = 5
"""Of how often something was used only multiples of this are told."""
USAGE_WEEKS = 13
USAGE_RECORDS = 500
"""Records on a page of a report."""
USAGE_CORRECTED = 64
"""Names of those who correct a record."""
USAGE_BYTES = 4 * 1024 * 1024
USAGE_DAYS = 400
"""How long a hub keeps what it counted."""
