"""Every act of the desk: its code, the right it needs, whether a reason must be given, and its work.

A new act is a function in works/ and a line here. A code is never given to another act: it stands in the audit log.
An act can be undone when its work says by what (`bench.Result.undo`); those that can never be stand with `final`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .bench import Work, nothing
from .roles import Right
from .works import asking, doubles, holding, letters, nodes, noticing, peers, reports, saying, sources, subscriptions


@dataclass(frozen=True)
class Act:
    """One kind of act. `reason` must be given; `final` cannot be undone; what is `unsaid` of its members stands in no
    log: an act that waits for a second person has none."""

    kind: str
    right: Right
    work: Work = nothing
    reason: bool = False
    final: bool = False
    unsaid: frozenset[str] = frozenset()


_ALL = (
    # nodes
    Act("admit", Right.ADMIT, nodes.admit),
    Act("refuse", Right.ADMIT, nodes.refuse),
    Act("ask_again", Right.ADMIT, nodes.ask_again),
    Act("invite", Right.ADMIT, nodes.invite),
    Act("bound", Right.ADMIT, nodes.bound),
    Act("withdraw", Right.ADMIT, nodes.withdraw, reason=True),
    Act("quota", Right.ADMIT, nodes.quota),
    Act("domain", Right.ADMIT, final=True),
    # out of sight
    Act("hold", Right.HOLD, holding.hold),
    Act("unhold", Right.HOLD, holding.unhold),
    Act("again", Right.HOLD, holding.again),
    Act("block", Right.BLOCK, holding.block, reason=True),
    Act("unblock", Right.BLOCK, holding.unblock),
    Act("erase", Right.ERASE, reason=True, final=True),
    Act("notice_accept", Right.ERASE, noticing.accept, reason=True, final=True),
    Act("notice_decline", Right.HOLD, noticing.decline, reason=True, final=True),
    # words about records
    Act("say", Right.CURATE, saying.say),
    Act("take_back", Right.CURATE, saying.take_back),
    Act("set_aside_word", Right.CURATE, saying.set_aside, reason=True),
    Act("answer", Right.CURATE, doubles.answer),
    Act("unanswer", Right.CURATE, doubles.unanswer),
    Act("split", Right.CURATE, doubles.split),
    Act("unsplit", Right.CURATE, doubles.unsplit),
    Act("hear", Right.PEERS, saying.hear),
    Act("map_term", Right.CURATE, asking.map_term),
    # letters
    Act("campaign", Right.CURATE, asking.campaign, final=True),
    Act("report_done", Right.CURATE, reports.done, final=True),
    Act("looked_at", Right.CURATE, asking.looked_at, final=True),
    Act("correspond", Right.CURATE, letters.correspond, final=True, unsaid=frozenset({"address", "how"})),
    Act("letter_retry", Right.CURATE, letters.retry, final=True),
    # other hubs and what is fetched
    Act("peer_add", Right.PEERS, peers.add),
    Act("follower_add", Right.PEERS, peers.add_follower),
    Act("follower_remove", Right.PEERS, peers.remove_follower),
    Act("source_stop", Right.PEERS, sources.stop),
    Act("source_resume", Right.PEERS, sources.resume),
    Act("source_retry", Right.PEERS, sources.retry, final=True),
    Act("source_look", Right.PEERS, sources.look, final=True),
    Act("brake_release", Right.PEERS, sources.release, final=True),
    Act("brake_keep", Right.PEERS, sources.keep),
    Act("brake_ask", Right.PEERS, sources.ask),
    Act("subscription_retry", Right.PEERS, subscriptions.retry, final=True),
    Act("subscription_end", Right.PEERS, subscriptions.end, final=True),
    Act("policy", Right.BLOCK, final=True),
    Act("view", Right.BLOCK, final=True),
    Act("reader", Right.ADMIT, final=True),
    # by commands alone
    Act("key", Right.KEYS, final=True),
    Act("rebase", Right.REBASE, final=True),
    Act("account", Right.ACCOUNTS, final=True),
    Act("log_loss", Right.KEYS, reason=True, final=True),
    # by people for themselves, at a page or by a command
    Act("token_make", Right.LOOK, final=True),
    Act("token_end", Right.LOOK, final=True),
    Act("passkey_add", Right.LOOK, final=True),
    Act("passkey_remove", Right.LOOK, final=True),
)
ACTS: Mapping[str, Act] = MappingProxyType({act.kind: act for act in _ALL})
