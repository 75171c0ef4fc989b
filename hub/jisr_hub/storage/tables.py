"""The tables of the hub's ledger, as the newest migration leaves them (migrations/).

`entry` and `node_entry` are the truth; `record` is rebuilt from them.

`entry`       the hub's own log: whole lines, leaf hashes
`node_entry`  each node's log under the node's own positions; a line only where `entry` does not hold its content
`…_aside`     what a node's log held beyond the base its next epoch goes on from, with the signed head: evidence
`unjudged`    slices of nodes' logs that were taken in bulk and wait; of them only `node_feed` knows beside it
`record`      per (node, id, audience) the newest rev, and whether it is live in the hub's feed
`notice`      signed notices by the feed they came in, and `guard` what they keep out: (node, id or *) up to a rev
`statement`   what hubs, nodes and anchors say of each other, one row a signature, only what is not outdated
`invitation`  hashes of one-time codes, and `request` who asks to be let in
`nullified`   versions and notices that a lost key had signed: they count in nothing
`hold`        what is held back now, up to a rev, until when; `held_back` its newest content, which nobody is shown
`handled`     what became of each notice here, `ack` the signed words about it, `follower` whose are awaited
`generation`  pages that were rewritten, by number
`pull`        nodes' feeds that this hub fetches, and how the last round with each ended
`stated`      the head of each node that the feed said last (`nodehead`), and whether the node was touched since
`node_tree`   nodes whose state tree is kept folded, `node_branch` its inner nodes, `node_touch` what was touched since;
              computed, and made anew when they are gone
`policy`      what is taken, by scope (own, of a view, of a peer); `applied` is the hash of what was carried out
`derived`     the feeds beside the public one; each has a ledger of its own, whose `peer` says how far it follows
`brake`       peers whose feed lost so much at once that a person must look first
`source`      how each direction of each source is now, `source_round` its rounds of the last days, `source_order`
              what the operator decided of it: none of it is needed to take anything in
`braked`      the records that a brake keeps here, and `left_out` what was not taken of peers' feeds, and why
`account`     who may sign in at the desk; `account_secret` their passwords and one-time links, by hash; `desk_session`,
              `desk_try` and `desk_pending` are forgotten when they expire; `passkey` and `desk_token` by what
              programs act, by hash. Of these only `account` is in a backup
`voice`       whose words about records the operator accepts or ignores
`word`        assertions that are live, and `word_about` the records each is about; `merged` the records that are one
              with others, or not shown, by such words; `curated` how far the log was read for these three, which hold
              no content and are made anew from it
`act`         the audit log of what people did here, a chain of signed lines; `words` stand apart, so that they can be
              erased. `act_open` what has begun and not ended, or waits for a second person
`block`       what the operator keeps out of sight until a day; each has a hold, which is said anew
`double`      pairs of records that may be of one thing, graded, without what they say; `double_stand` how far the log
              was read for them: made anew from it. `double_answer` what a person answered who did not decide
`correspondent` who agreed to get letters, `letter` what is or was to be sent, `mail_link` what links in letters lead
              to, by hash; `campaign` and `asked_record` whom the hub asked whether something is still correct
`reader`      who may read which audience; `used_assertion` and `access_token` are forgotten when they expire

`key_statement` holds the chains as they now are; `logged_statement` what stands in the hub's feed, also of chains whose
end a recovery replaced.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()
ORGANIZATION = "org.jisr.organization/1"
"""The type of the records in which nodes name themselves."""
# In the order of their bytes in both databases; and numbers up to 2^53, which SQLite's strict tables call INTEGER.
String = Text().with_variant(Text(collation="C"), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")

feed = Table(
    "feed",
    metadata,
    Column("name", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("size", Number, nullable=False),
    Column("published_size", Number, nullable=False),
    Column("published_frontier", LargeBinary),
    Column("published_head", LargeBinary),
    Column("bases", String, nullable=False),
    Column("floor", Number, nullable=False),
    Column("snap", String),
    sqlite_strict=True,
)
entry = Table(
    "entry",
    metadata,
    Column("seq", Number, primary_key=True, autoincrement=False),
    Column("op", String, nullable=False),
    Column("path18", Number),
    Column("leaf", LargeBinary, nullable=False),
    Column("line", LargeBinary, nullable=False),
    Column("prior", Number),
    sqlite_strict=True,
)
node = Table(
    "node",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("upstream", String, nullable=False),
    Column("per_hour", Number, nullable=False),
    Column("per_day", Number, nullable=False),
    Column("admitted_at", String, nullable=False),
    Column("home", String, nullable=False),
    sqlite_strict=True,
)
statement = Table(
    "key_statement",
    metadata,
    Column("node", String, primary_key=True),
    Column("n", Number, primary_key=True),
    Column("kind", String, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", String, nullable=False),
    UniqueConstraint("node", "digest"),
    sqlite_strict=True,
)
logged_statement = Table(
    "logged_statement",
    metadata,
    Column("node", String, primary_key=True),
    Column("digest", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
node_feed = Table(
    "node_feed",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("size", Number, nullable=False),
    Column("frontier", LargeBinary, nullable=False),
    Column("head", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_entry = Table(
    "node_entry",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("line_hash", LargeBinary),
    Column("line", LargeBinary),
    Column("code", String),
    Column("pointer", String),
    Column("detail", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_code_is_set = node_entry.c.code.is_not(None)
Index(
    "node_entry_aside_of", node_entry.c.node, node_entry.c.name, node_entry.c.code,
    sqlite_where=_code_is_set, postgresql_where=_code_is_set,
)  # fmt: skip
Index("node_entry_code", node_entry.c.code, sqlite_where=_code_is_set, postgresql_where=_code_is_set)
unjudged = Table(
    "unjudged",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("start", Number, primary_key=True),
    Column("upto", Number, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_feed_aside = Table(
    "node_feed_aside",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("size", Number, nullable=False),
    Column("head", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_entry_aside = Table(
    "node_entry_aside",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("seq", Number, primary_key=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("line_hash", LargeBinary),
    Column("line", LargeBinary),
    Column("code", String),
    Column("pointer", String),
    Column("detail", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
record = Table(
    "record",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("digest", String, nullable=False),
    Column("type", String, nullable=False),
    Column("live_path", Number),
    Column("seq", Number),
    sqlite_strict=True,  # and with a rowid: an index over long text keys costs half of a tree of long rows
)
live_path = record.c.live_path
Index("record_type", record.c.type, record.c.seq, sqlite_where=live_path.is_not(None),
      postgresql_where=live_path.is_not(None))  # fmt: skip
_names_a_node = sa.and_(live_path.is_not(None), record.c.type == ORGANIZATION)
Index("record_organization", record.c.node, record.c.seq, sqlite_where=_names_a_node, postgresql_where=_names_a_node)
Index("record_gone", record.c.node, sqlite_where=live_path.is_(None), postgresql_where=live_path.is_(None))
Index("record_live_path", live_path, sqlite_where=live_path.is_not(None), postgresql_where=live_path.is_not(None))
notice = Table(
    "notice",
    metadata,
    Column("digest", String, primary_key=True),
    Column("feed", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("node", String, nullable=False),
    Column("n", Number, nullable=False),
    Column("action", String, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index("notice_n", notice.c.by, notice.c.node, notice.c.n)
guard = Table(
    "guard",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("max_rev", Number),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
told = Table(
    "statement",
    metadata,
    Column("digest", String, primary_key=True),
    Column("kid", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("type", String, nullable=False),
    Column("about", String, nullable=False),
    Column("n", Number, nullable=False),
    Column("proven", Number, nullable=False),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index("statement_subject", told.c.subject)
invitation = Table(
    "invitation",
    metadata,
    Column("code", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("made", String, nullable=False),
    Column("expires", String, nullable=False),
    Column("constraints", String, nullable=False),
    Column("node", String, nullable=False),
    sqlite_strict=True,
)
request = Table(
    "request",
    metadata,
    Column("node", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("source", String, nullable=False),
    Column("at", String, nullable=False),
    Column("keys", LargeBinary, nullable=False),
    sqlite_strict=True,
)
nullified = Table(
    "nullified",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("digest", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
generation = Table(
    "generation",
    metadata,
    Column("page", Number, primary_key=True, autoincrement=False),
    Column("generation", Number, nullable=False),
    sqlite_strict=True,
)
stated = Table(
    "stated",
    metadata,
    Column("node", String, primary_key=True),
    Column("touched", Number, nullable=False),
    Column("judged", Number, nullable=False),
    Column("seq", Number, nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("missing", String, nullable=False),
    Column("at", String, nullable=False),
    Column("word", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_open = stated.c.touched != stated.c.judged
Index("stated_open", stated.c.node, sqlite_where=_open, postgresql_where=_open)
node_tree = Table(
    "node_tree",
    metadata,
    Column("node", String, primary_key=True),
    Column("depth", Number, nullable=False),
    Column("round", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
node_branch = Table(
    "node_branch",
    metadata,
    Column("node", String, primary_key=True),
    Column("level", Number, primary_key=True, autoincrement=False),
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("children", LargeBinary, nullable=False),
    sqlite_strict=True,
)
node_touch = Table(
    "node_touch",
    metadata,
    Column("node", String, primary_key=True),
    Column("n", Number, primary_key=True, autoincrement=False),
    Column("paths", String, nullable=False),
    sqlite_strict=True,
)
policy = Table(
    "policy",
    metadata,
    Column("scope", String, primary_key=True),
    Column("body", LargeBinary),
    Column("applied", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
derived = Table(
    "derived",
    metadata,
    Column("name", String, primary_key=True),
    Column("audience", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
brake = Table(
    "brake",
    metadata,
    Column("peer", String, primary_key=True),
    Column("leaving", Number, nullable=False),
    Column("live", Number, nullable=False),
    Column("released", Number, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
source = Table(
    "source",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("run_at", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("since", String, nullable=False),
    Column("success_at", String, nullable=False),
    Column("failures", Number, nullable=False),
    Column("next_at", String, nullable=False),
    Column("stage", String, nullable=False),
    Column("done", Number, nullable=False),
    Column("total", Number, nullable=False),
    Column("stage_at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
source_round = Table(
    "source_round",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("began", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("ended", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("runs", Number, nullable=False),
    Column("added", Number, nullable=False),
    Column("changed", Number, nullable=False),
    Column("gone", Number, nullable=False),
    Column("refused", Number, nullable=False),
    Column("first", Number, nullable=False),
    Column("next", Number, nullable=False),
    Column("live", Number, nullable=False),
    Column("renamed", Number, nullable=False),
    Column("alarm", String, nullable=False),
    Column("looked", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
source_order = Table(
    "source_order",
    metadata,
    Column("source", String, primary_key=True),
    Column("way", String, primary_key=True),
    Column("stopped_at", String, nullable=False),
    Column("retry_at", String, nullable=False),
    Column("kept", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
braked = Table(
    "braked",
    metadata,
    Column("peer", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
left_out = Table(
    "left_out",
    metadata,
    Column("peer", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("code", String, nullable=False),
    Column("pointer", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
reader = Table(
    "reader",
    metadata,
    Column("id", String, primary_key=True),
    Column("audience", String, primary_key=True),
    Column("statements", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
used_assertion = Table(
    "used_assertion",
    metadata,
    Column("by", String, primary_key=True),
    Column("jti", String, primary_key=True),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
access_token = Table(
    "access_token",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("audience", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
peer = Table(
    "peer",
    metadata,
    Column("hub", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("feed", String, nullable=False),
    Column("cursor", Number, nullable=False),
    Column("epoch", String, nullable=False),
    Column("last_outcome", String, nullable=False),
    Column("last_detail", String, nullable=False),
    Column("last_at", String, nullable=False),
    sqlite_strict=True,
)
pull = Table(
    "pull",
    metadata,
    Column("node", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("added_at", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
hold = Table(
    "hold",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("notice", String, primary_key=True),
    Column("by", String, nullable=False),
    Column("max_rev", Number),
    Column("until", String),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
held_back = Table(
    "held_back",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("digest", String, nullable=False),
    Column("type", String, nullable=False),
    Column("line", LargeBinary, nullable=False),
    sqlite_strict=True,
)
handled = Table(
    "handled",
    metadata,
    Column("notice", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("task", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
follower = Table(
    "follower",
    metadata,
    Column("hub", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("added_at", String, nullable=False),
    sqlite_strict=True,
)
ack = Table(
    "ack",
    metadata,
    Column("notice", String, primary_key=True),
    Column("by", String, primary_key=True),
    Column("jws", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    Column("passed", Number, nullable=False),
    sqlite_strict=True,
)
account = Table(
    "account",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("made", String, nullable=False),
    Column("subject", String, unique=True),
    sqlite_strict=True,
)
account_secret = Table(
    "account_secret",
    metadata,
    Column("name", String, primary_key=True),
    Column("password", String, nullable=False),
    Column("link", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
desk_session = Table(
    "desk_session",
    metadata,
    Column("key", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("by", String, nullable=False),
    Column("made", Number, nullable=False),
    Column("seen", Number, nullable=False),
    Column("confirmed", Number, nullable=False),
    sqlite_strict=True,
)
desk_pending = Table(
    "desk_pending",
    metadata,
    Column("key", String, primary_key=True),
    Column("nonce", String, nullable=False),
    Column("verifier", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
desk_try = Table(
    "desk_try",
    metadata,
    Column("key", String, primary_key=True),
    Column("window", Number, primary_key=True, autoincrement=False),
    Column("ends", Number, nullable=False),
    Column("count", Number, nullable=False),
    sqlite_strict=True,
)
passkey = Table(
    "passkey",
    metadata,
    Column("id", String, primary_key=True),
    Column("account", String, nullable=False),
    Column("label", String, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("count", Number, nullable=False),
    Column("made", Number, nullable=False),
    Column("used", Number, nullable=False),
    Column("copied", Number, nullable=False),
    sqlite_strict=True,
)
desk_token = Table(
    "desk_token",
    metadata,
    Column("key", String, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("account", String, nullable=False),
    Column("label", String, nullable=False),
    Column("rights", String, nullable=False),
    Column("made", Number, nullable=False),
    Column("expires", Number, nullable=False),
    Column("used", Number, nullable=False),
    sqlite_strict=True,
)
SECRET = frozenset({"account_secret", "desk_session", "desk_pending", "desk_try", "passkey", "desk_token"})
"""Tables whose rows no backup holds: a copy of a backup must open no desk."""
voice = Table(
    "voice",
    metadata,
    Column("signer", String, primary_key=True),
    Column("decision", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
word = Table(
    "word",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("predicate", String, nullable=False),
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
word_about = Table(
    "word_about",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("signer", String, primary_key=True),
    Column("word", String, primary_key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("word_about_word", word_about.c.signer, word_about.c.word)
merged = Table(
    "merged",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("entry", String, nullable=False),
    Column("leads", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
curated = Table(
    "curated",
    metadata,
    Column("feed", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("day", String, nullable=False),
    Column("heard", String, nullable=False),
    Column("cursor", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
act = Table(
    "act",
    metadata,
    Column("n", Number, primary_key=True, autoincrement=False),
    Column("line", String, nullable=False),
    Column("words", LargeBinary),
    Column("at", String, nullable=False),
    Column("who", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("undoes", Number, nullable=False),
    sqlite_strict=True,
)
Index("act_undoes", act.c.undoes)
act_open = Table(
    "act_open",
    metadata,
    Column("ticket", String, primary_key=True),
    Column("asked", LargeBinary, nullable=False),
    Column("at", String, nullable=False),
    Column("waits", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
block = Table(
    "block",
    metadata,
    Column("node", String, primary_key=True),
    Column("target", String, primary_key=True),
    Column("until", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("note", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
double = Table(
    "double",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("other_node", String, primary_key=True),
    Column("other_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("codes", String, nullable=False),
    Column("grade", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
Index("double_other", double.c.other_node, double.c.other_id)
Index("double_grade", double.c.grade, double.c.kind)
double_answer = Table(
    "double_answer",
    metadata,
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("other_node", String, primary_key=True),
    Column("other_id", String, primary_key=True),
    Column("answer", String, nullable=False),
    Column("until", String, nullable=False),
    Column("account", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
double_stand = Table(
    "double_stand",
    metadata,
    Column("feed", String, primary_key=True),
    Column("epoch", String, nullable=False),
    Column("trouble", String, nullable=False),
    Column("cursor", Number, nullable=False),
    Column("rules", Number, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
correspondent = Table(
    "correspondent",
    metadata,
    Column("address", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("lang", String, nullable=False),
    Column("agreed", String, nullable=False),
    Column("how", String, nullable=False),
    Column("ended", String, nullable=False),
    sqlite_strict=True,
)
letter = Table(
    "letter",
    metadata,
    Column("cause", String, primary_key=True),
    Column("address", String, nullable=False),
    Column("node", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("about", String, nullable=False),
    Column("made", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Number, nullable=False),
    Column("due", Number, nullable=False),
    Column("said", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_strict=True,
)
Index(
    "letter_due", letter.c.due, sqlite_where=letter.c.state == "waiting", postgresql_where=letter.c.state == "waiting"
)
mail_link = Table(
    "mail_link",
    metadata,
    Column("key", String, primary_key=True),
    Column("purpose", String, nullable=False),
    Column("address", String, nullable=False),
    Column("about", String, nullable=False),
    Column("expires", Number, nullable=False),
    sqlite_strict=True,
)
campaign = Table(
    "campaign",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("by", String, nullable=False),
    Column("made", String, nullable=False),
    sqlite_strict=True,
)
asked_record = Table(
    "asked_record",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("node", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("rev", Number, nullable=False),
    Column("answer", String, nullable=False),
    Column("note", String, nullable=False),
    Column("at", String, nullable=False),
    Column("done", String, nullable=False),
    sqlite_strict=True,
)
