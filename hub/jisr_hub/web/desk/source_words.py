"""The sentences of the pages of sources: how rounds end, what they do now, why entries were not taken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jisr_protocol.pages.language import N_

from ...desk import alarms
from ...following import history

OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "verified": N_("Everything was read and checked"),
        "braked": N_("Read; much of it is gone there and waits for you"),
        "waiting": N_("The rest comes in the next round"),
        "throttled": N_("Its server asks for a pause"),
        "temporary": N_("Its server does not answer"),
        "unreachable": N_("Its server does not answer"),
        "stale": N_("What it shows is out of date"),
        "broken": N_("What came is damaged or not complete"),
        "diverged": N_("What came does not add up"),
        "contradicted": N_("It contradicts what it signed before"),
        "forbidden": N_("Its address leads where this hub does not go"),
        "refused": N_("This hub does not take what it signs"),
        "failed": N_("This hub made a mistake; nothing was lost"),
        "unwitnessed": N_("Too few witnesses have signed it"),
    }
)
"""Any other is a problem code of a push, and `refused` is said of it."""
STAGES: Mapping[str, str] = MappingProxyType(
    {
        "asking": N_("Asking whether there is news"),
        "fetching": N_("Reading and checking"),
        "taking": N_("Taking it in"),
    }
)
CAUSES: Mapping[str, str] = MappingProxyType(
    {
        "schema_invalid": N_("Something in the record is missing or not as expected"),
        "signature_invalid": N_("The signature does not fit what was signed"),
        "key_revoked": N_("It is signed with a key that does not count any more"),
        "key_unknown": N_("It is signed with a key that is not known here"),
        "nullified": N_("It is signed with a key that was lost before"),
        "not_attested": N_("The home hub of this node does not answer for it"),
        "attestation_lapsed": N_("The home hub of this node does not answer for it any more"),
        "constraint_violated": N_("This node may not speak for that"),
        "policy_refused": N_("The rules of this hub do not take such records"),
        "rev_not_increasing": N_("It is older than what is held"),
        "rev_jump": N_("Its number jumps too far ahead"),
        "equivocation": N_("Two different versions have the same number"),
        "type_unknown": N_("This kind of record is not known here yet"),
        "audience_mismatch": N_("It is in the wrong feed for those who may read it"),
        "erased": N_("It was erased and does not come back"),
        "hops_exceeded": N_("It came by way of too many hubs"),
        "not_authoritative": N_("Another node writes this record"),
    }
)
"""By problem code; a code without a line here is said by its title in the catalogue of problems."""

ALARMS: Mapping[str, str] = {
    alarms.CONTRADICTS: N_("It contradicts what it said before"),
    alarms.BRAKE: N_("Much is gone there at once"),
    history.EMPTIED: N_("Its publisher has ended everything"),
    history.MUCH_GONE: N_("Its publisher has ended much at once"),
    history.CREPT: N_("Its publisher has ended much within a day, in small rounds"),
    history.RENAMED: N_("More than half has other names"),
    alarms.ACKS: N_("Its word about notices is overdue"),
    alarms.BROKEN: N_("It could not be read for a day or longer"),
    alarms.FAILS: N_("It could not be read the last time"),
    alarms.STALE: N_("Nothing came from it for a month or longer"),
}
"""What needs somebody, by kind (desk/alarms.py)."""
