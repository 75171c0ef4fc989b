"""`jisr-hub duplicates`: what is live is compared, and what the operator denied is not asked again."""

from jisr_hub.cli.doubles import Read
from tests.curation.test_candidates import organization, phone, taken

HUB = "jisr:" + "a" * 52
DENIED = {
    "type": "org.jisr.assertion/1",
    "id": "492a26de-854e-4ad2-89d3-6a1ba4231e30",
    "node": HUB,
    "rev": 1,
    "status": "active",
    "created": "2026-02-03T09:15:00Z",
    "modified": "2026-06-10T14:30:00Z",
    "lang": "en",
    "audience": "public",
    "licence": "CC-BY-4.0",
    "salt": "Nbc92OFk6hbURVKBu7hhuw",
    "predicate": "not_same_as",
}


def read(*more: dict[str, object]) -> Read:
    one, two = (organization("Amal", n, node="jisr:" + "b" * 52, contact_points=phone("+212539123456")) for n in (1, 2))
    found = Read(HUB, "2026-11-22")
    for record in (one, two):
        found.take(record)
    subjects = ["/".join(taken(record).key) for record in (one, two)]
    for word in more:
        found.take({**DENIED, "subjects": subjects, **word})
    return found


def pairs(found: Read) -> int:
    return sum(len(some) for _, some in found.index.every(found.denied))


def test_what_this_hub_said_is_not_the_same_is_not_asked_again() -> None:
    assert pairs(read()) == 1
    assert pairs(read({})) == 0


def test_another_hubs_word_and_one_that_has_ended_do_not_count() -> None:
    assert pairs(read({"node": "jisr:" + "c" * 52})) == 1
    assert pairs(read({"until": "2026-11-21"})) == 1
    assert pairs(read({"predicate": "same_as"})) == 1
