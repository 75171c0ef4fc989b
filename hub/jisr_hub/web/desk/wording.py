"""What the desk calls acts and how they ended."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jisr_protocol.pages.language import N_

from ...desk.acts import By
from ...desk.chain import Outcome

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "admit": N_("Let a node in"),
        "refuse": N_("Refuse a node"),
        "ask_again": N_("Have a node wait again"),
        "invite": N_("Invite a partner"),
        "bound": N_("Set what a node may speak for"),
        "withdraw": N_("Answer for a node no more"),
        "quota": N_("Set how much a node may send"),
        "domain": N_("Look at a domain"),
        "hold": N_("Hold back"),
        "unhold": N_("Show again"),
        "again": N_("Hold back again"),
        "block": N_("Block"),
        "unblock": N_("End a block"),
        "erase": N_("Erase"),
        "notice_accept": N_("Do what a notice asks"),
        "notice_decline": N_("Decline a notice"),
        "say": N_("Say something of records"),
        "take_back": N_("Take back what was said"),
        "set_aside_word": N_("Leave another hub's word aside"),
        "answer": N_("Answer whether two are the same"),
        "unanswer": N_("Take an answer back"),
        "split": N_("Divide an entry"),
        "unsplit": N_("Join an entry again"),
        "hear": N_("Decide whose word counts"),
        "peer_add": N_("Follow a hub"),
        "follower_add": N_("Ask a hub to confirm notices"),
        "follower_remove": N_("Ask a hub no more"),
        "map_term": N_("Say what a term means"),
        "campaign": N_("Ask whether records are correct"),
        "looked_at": N_("Look at an answer"),
        "report_done": N_("Look at a report of a mistake"),
        "correspond": N_("Write down who gets letters"),
        "letter_retry": N_("Send a letter again"),
        "source_stop": N_("Read a source no more"),
        "source_resume": N_("Read a source again"),
        "source_retry": N_("Read a source now"),
        "source_look": N_("Say that a large change is meant"),
        "brake_release": N_("Let what a hub dropped go here too"),
        "brake_keep": N_("Keep what a hub dropped"),
        "brake_ask": N_("Ask again about what a hub dropped"),
        "subscription_retry": N_("Call a portal now"),
        "subscription_end": N_("Tell a portal no more"),
        "policy": N_("Change what is taken"),
        "view": N_("Change a feed"),
        "reader": N_("Change who may read"),
        "key": N_("Change a key"),
        "rebase": N_("Go on after an older database"),
        "account": N_("Change an account"),
        "log_loss": N_("Say that the end of this log is gone"),
        "token_make": N_("Make a token"),
        "token_end": N_("End an API token"),
        "passkey_add": N_("Add a passkey"),
        "passkey_remove": N_("Remove a passkey"),
    }
)
"""A kind without words here is shown by its code."""
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        Outcome.DONE.value: N_("done"),
        Outcome.REFUSED.value: N_("refused"),
        Outcome.FAILED.value: N_("failed"),
        Outcome.ASKED.value: N_("waits for a second person"),
        Outcome.DECLINED.value: N_("declined"),
        Outcome.INTERRUPTED.value: N_("interrupted"),
    }
)
WAYS: Mapping[str, str] = MappingProxyType(
    {By.PAGE.value: N_("at the desk"), By.TOKEN.value: N_("by a program"), By.COMMAND.value: N_("by a command")}
    | {By.LETTER.value: N_("by a letter")}
)
PREDICATES: Mapping[str, str] = MappingProxyType(
    {
        "same_as": N_("the same as"),
        "not_same_as": N_("not the same as"),
        "suppressed": N_("not shown"),
        "assured": N_("checked"),
        "disputed": N_("doubted"),
        "corrects": N_("corrected"),
        "maps_term": N_("a term explained"),
    }
)
