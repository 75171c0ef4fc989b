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
`coverage_day` what coverage was, day by day and theme by theme: numbers alone, which nothing brings back
`sealed_message` messages that wait for their nodes, sealed; of what was taken only the digest. No backup holds them
`usage_day`   how often a record was used here on a day; `mistake` what people say is wrong in one: no backup holds that
`search_entry` what is searched of each entry of the directory, and `search_source` the records it is made of;
              `search_due` records to look at again, `search_stand` how far the log was read: made anew from it, in no
              backup
`subscription` addresses that are told when the feed has grown, with the secret of each: no backup holds them
`reader`      who may read which audience; `used_assertion` and `access_token` are forgotten when they expire

`key_statement` holds the chains as they now are; `logged_statement` what stands in the hub's feed, also of chains whose
end a recovery replaced.
"""

from __future__ import annotations

from .authority import access_token, invitation, reader, request, told, used_assertion
from .columns import ORGANIZATION, Number, String, metadata
from .coverage import coverage_day
from .curation import curated, double, double_answer, double_stand, merged, voice, word, word_about
from .desk import (
    SECRET,
    account,
    account_secret,
    act,
    act_open,
    desk_pending,
    desk_session,
    desk_token,
    desk_try,
    passkey,
)
from .following import brake, braked, derived, left_out, peer, policy, pull, source, source_order, source_round
from .ledger import (
    entry,
    feed,
    generation,
    logged_statement,
    node,
    node_branch,
    node_entry,
    node_entry_aside,
    node_feed,
    node_feed_aside,
    node_touch,
    node_tree,
    nullified,
    record,
    stated,
    statement,
    unjudged,
)
from .letters import asked_record, campaign, correspondent, letter, mail_link
from .mailbox import sealed_message
from .search import SEARCH, search_due, search_entry, search_source, search_stand
from .takedown import ack, block, follower, guard, handled, held_back, hold, notice
from .usage import mistake, usage_day
from .webhooks import subscription

__all__ = [
    "ORGANIZATION",
    "SEARCH",
    "SECRET",
    "Number",
    "String",
    "access_token",
    "account",
    "account_secret",
    "ack",
    "act",
    "act_open",
    "asked_record",
    "block",
    "brake",
    "braked",
    "campaign",
    "correspondent",
    "coverage_day",
    "curated",
    "derived",
    "desk_pending",
    "desk_session",
    "desk_token",
    "desk_try",
    "double",
    "double_answer",
    "double_stand",
    "entry",
    "feed",
    "follower",
    "generation",
    "guard",
    "handled",
    "held_back",
    "hold",
    "invitation",
    "left_out",
    "letter",
    "logged_statement",
    "mail_link",
    "merged",
    "metadata",
    "mistake",
    "node",
    "node_branch",
    "node_entry",
    "node_entry_aside",
    "node_feed",
    "node_feed_aside",
    "node_touch",
    "node_tree",
    "notice",
    "nullified",
    "passkey",
    "peer",
    "policy",
    "pull",
    "reader",
    "record",
    "request",
    "sealed_message",
    "search_due",
    "search_entry",
    "search_source",
    "search_stand",
    "source",
    "source_order",
    "source_round",
    "stated",
    "statement",
    "subscription",
    "told",
    "unjudged",
    "usage_day",
    "used_assertion",
    "voice",
    "word",
    "word_about",
]
