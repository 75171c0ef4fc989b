"""Cases of docs/spec/authority.md: statements one by one, anchors, and what statements come to together."""

from __future__ import annotations

from typing import Any

from .cases import Case, CaseFile, bytes_of
from .feed import NOW
from .key_cases import chain_of
from .primitives import Key, Writer, canonical, digest, salt, uuid
from .statements import EXPIRES, Anchor, said, signed

AT = "2026-05-01T12:00:00Z"
LEAP = 1_000_000
NODE, HUB, OTHER = Writer("node"), Writer("hub", role="hub"), Writer("other hub", role="hub")


def make_statements() -> CaseFile:
    file = CaseFile(
        "statements",
        "Operation statement: a signed statement, its signer's key statements, the time → what it says. Operation "
        "statement_order: a statement, (n, digest) of the newest one held under the same key → how it stands to it.",
    )
    _forms(file)
    _signers(file)
    _orders(file)
    return file


def _given(value: dict[str, Any], by: Writer) -> Case:
    return {"now": NOW, "statements": chain_of(by.statements), "thing": bytes_of(signed(value, by)[0])}


def _told(value: dict[str, Any]) -> Case:
    found = digest("statement", canonical(value))
    return {"by": value["by"], "digest": found, "n": value["n"], "subject": value["subject"], "type": value["type"]}


def _forms(file: CaseFile) -> None:
    bounded = {"countries": ["MA", "NL"], "organizations": [uuid("a")], "types": ["org.jisr.service"]}
    home = said("home", NODE.id, NODE.id, home=HUB.id)
    for comment, value, by in (
        ("a node, by its home hub", said("node", HUB.id, NODE.id), HUB),
        ("a node with bounds", said("node", HUB.id, NODE.id, constraints=bounded), HUB),
        ("a node that may speak for nothing", said("node", HUB.id, NODE.id, constraints={"types": []}), HUB),
        ("a home, by the node itself", home, NODE),
        ("a domain", said("domain", HUB.id, NODE.id), HUB),
        ("a withdrawal", said("withdrawal", HUB.id, NODE.id, n=2), HUB),
        ("a type nobody knows", said("donor", HUB.id, NODE.id, x=1), HUB),
        ("a member nobody knows", said("node", HUB.id, NODE.id, x=1), HUB),
    ):
        file.valid("STMT-1", "statement", comment, _given(value, by), _told(value))
    for comment, pointer, name, changed in (
        ("a number of 0", "n", "node", {"n": 0}),
        ("an id that is none", "id", "node", {"id": "1"}),
        ("a type without a version", "type", "node", {"type": "org.jisr.node"}),
        ("an end before its beginning", "expires", "node", {"expires": "2026-04-20T08:00:00Z"}),
        ("a country of three letters", "constraints", "node", {"constraints": {"countries": ["MAR"]}}),
        ("a type with its version", "constraints", "node", {"constraints": {"types": ["org.jisr.service/1"]}}),
        ("an organization by name", "constraints", "node", {"constraints": {"organizations": ["Dar"]}}),
        ("bounds that are a list", "constraints", "node", {"constraints": []}),
        ("a domain with a port", "domain", "domain", {"domain": "dar.ma:443"}),
        ("a domain in capitals", "domain", "domain", {"domain": "Dar.MA"}),
        ("an address as a domain", "domain", "domain", {"domain": "127.0.0.1"}),
        ("a withdrawal without a reason", "reason", "withdrawal", {"reason": ""}),
        ("a subject that is none", "subject", "node", {"subject": "dar-chabab.ma"}),
    ):
        value = said(name, HUB.id, NODE.id) | changed
        file.invalid("STMT-1", "statement", comment, _given(value, HUB), "malformed", f"/statement/{pointer}")
    for name, missing in (("node", "expires"), ("node", "name"), ("node", "by"), ("withdrawal", "of")):
        value = said(name, HUB.id, NODE.id)
        del value[missing]
        given = _given(value, HUB)
        file.invalid("STMT-1", "statement", f"a {name} without {missing}", given, "malformed", "/statement")


def _signers(file: CaseFile) -> None:
    value = said("node", HUB.id, NODE.id)
    given = _given(value, OTHER)
    file.invalid("STMT-2", "statement", "in a hub's name, by another", given, "not_authoritative", "/statement/by")
    home = said("home", HUB.id, NODE.id, home=HUB.id)
    comment = "a home that a hub declares for a node"
    file.invalid("STMT-2", "statement", comment, _given(home, HUB), "not_authoritative", "/statement/by")
    ahead = said("node", HUB.id, NODE.id, issued="2026-05-01T08:10:00Z")
    given = _given(ahead, HUB) | {"now": "2026-05-01T08:00:00Z"}
    file.valid("STMT-3", "statement", "issued ten minutes ahead", given, _told(ahead))
    given = given | {"now": "2026-05-01T07:59:59Z"}
    file.invalid("STMT-3", "statement", "issued later than that", given, "clock_skew", "/statement/issued")


def _orders(file: CaseFile) -> None:
    fifth = said("node", HUB.id, NODE.id, n=5)
    same = digest("statement", canonical(fifth))

    def given(value: dict[str, Any], held: list[Any] | None) -> Case:
        return {"held": held, "thing": bytes_of(signed(value, HUB)[0])}

    for comment, held, order in (
        ("the first", None, "rises"),
        ("after the third", [3, "0" * 64], "rises"),
        ("the very same", [5, same], "same"),
    ):
        file.valid("STMT-4", "statement_order", comment, given(fifth, held), {"order": order})
    for comment, held in (("before the sixth", [6, "0" * 64]), ("another with its number", [5, "0" * 64])):
        file.invalid("STMT-4", "statement_order", comment, given(fifth, held), "statement_old", "/statement/n")
    far = given(said("node", HUB.id, NODE.id, n=LEAP + 1), None)
    file.invalid("STMT-4", "statement_order", "a first number too high", far, "statement_old", "/statement/n")


def make_authority() -> CaseFile:
    file = CaseFile(
        "authority",
        "Operation anchor: an anchor file → its identifier and keys. Operation attest: anchors trusted, statements "
        "held (each with its signer's key statements, or null for an anchor's), the homes that are assumed, a node, an "
        "instant, a record → by whom the node is attested, until when, within which bounds, or why it may not.",
    )
    _anchors(file)
    _chains(file)
    _bounds(file)
    return file


def _anchors(file: CaseFile) -> None:
    for comment, anchor in (("two of three", Anchor()), ("one of one", Anchor("small", threshold=1, keys=1))):
        kids = sorted(key.kid for key in anchor.keys)
        result = {"id": anchor.id, "kids": kids, "threshold": anchor.value["threshold"]}
        file.valid("AUTH-7", "anchor", comment, {"bytes": bytes_of(anchor.file)}, result)
    twice = [Key("anchor 0").jwk, Key("anchor 0").jwk]
    for comment, pointer, anchor in (
        ("a key twice", "/jwks", Anchor(jwks=twice)),
        ("four of three", "/threshold", Anchor(threshold=4)),
        ("none of three", "/threshold", Anchor(threshold=0)),
        ("a key that is none", "/jwks", Anchor(jwks=[{"crv": "Ed25519", "kty": "OKP", "x": "A" * 43}])),
        ("a salt too short", "/salt", Anchor(salt=salt("a")[:-1])),
    ):
        file.invalid("AUTH-7", "anchor", comment, {"bytes": bytes_of(anchor.file)}, "malformed", f"/anchor{pointer}")
    given = {"bytes": bytes_of(canonical(Anchor().value) + b"\n")}
    file.invalid("AUTH-7", "anchor", "an anchor without its member", given, "malformed")


RECORD = {"id": uuid("record"), "node": NODE.id, "type": "org.jisr.service/1"}


_Said = tuple[dict[str, Any], tuple[Key | Writer, ...]]
"""A statement's value, and the keys that sign it."""


def _attest(
    held: list[_Said],
    *anchors: Anchor,
    assumed: Writer | None = HUB,
    record: dict[str, Any] = RECORD,
    at: str = AT,
) -> Case:
    found = []
    for value, keys in held:
        for key, raw in zip(keys, signed(value, *keys), strict=True):
            chain = chain_of(key.statements) if isinstance(key, Writer) else None
            found.append({"keys": chain, "thing": bytes_of(raw)})
    return {
        "anchors": [bytes_of(anchor.file) for anchor in anchors],
        "assumed": {NODE.id: assumed.id} if assumed else {},
        "at": at,
        "node": NODE.id,
        "record": record,
        "statements": found,
    }


def _holds(by: Writer = HUB, until: str = EXPIRES, **bounds: Any) -> Case:
    return {"by": by.id, "constraints": bounds, "until": until}


def _chains(file: CaseFile) -> None:
    anchor = Anchor()
    a, b, c = anchor.keys
    node = (said("node", HUB.id, NODE.id), (HUB,))
    hub = said("hub", anchor.id, HUB.id)
    moved = (said("home", NODE.id, NODE.id, home=OTHER.id), (NODE,))
    elsewhere = (said("node", OTHER.id, NODE.id), (OTHER,))
    soon = said("hub", anchor.id, HUB.id, expires="2026-05-05T00:00:00Z")
    gone = said("withdrawal", anchor.id, HUB.id, of="org.jisr.hub/1")
    again = (said("node", HUB.id, NODE.id, n=3), (HUB,))
    withdrawn = (said("withdrawal", HUB.id, NODE.id, n=2), (HUB,))
    for comment, given, result in (
        ("its home hub, where no anchor is trusted", _attest([node]), _holds()),
        ("anchor, hub, node", _attest([node, (hub, (a, c))], anchor), _holds()),
        ("all three keys", _attest([(hub, (a, b, c)), node], anchor), _holds()),
        ("the hub ends before the node", _attest([node, (soon, (a, b))], anchor), _holds(until=soon["expires"])),
        ("a second before the end", _attest([node], at="2026-05-20T07:59:59Z"), _holds()),
        ("another hub's word beside it", _attest([node, elsewhere]), _holds()),
        ("moved by its own word", _attest([node, moved, elsewhere]), _holds(OTHER)),
        ("attested again after a withdrawal", _attest([node, withdrawn, again]), _holds()),
        ("one key of the anchor withdraws: not enough", _attest([node, (hub, (a, b)), (gone, (c,))], anchor), _holds()),
    ):
        file.valid("AUTH-1", "attest", comment, given, result)
    for comment, given in (
        ("nobody", _attest([])),
        ("a hub that no anchor knows", _attest([node], anchor)),
        ("an anchor that is not trusted", _attest([node, (said("hub", anchor.id, HUB.id), ())], Anchor("other"))),
    ):
        file.invalid("AUTH-1", "attest", comment, given, "not_attested", "/record/node")
    for comment, keys in (("one key only", (a,)), ("one key twice", (a, a))):
        given = _attest([node, (hub, keys)], anchor)
        file.invalid("AUTH-3", "attest", f"an anchor's word: {comment}", given, "not_attested", "/record/node")
    wide = said("hub", anchor.id, HUB.id, constraints={})
    given = _attest([node, (hub, (a,)), (wide, (b,))], anchor)
    comment = "two keys of an anchor, two different contents"
    file.invalid("AUTH-3", "attest", comment, given, "not_attested", "/record/node")
    for comment, given in (
        ("it has expired", _attest([node], at=EXPIRES)),
        ("it was withdrawn", _attest([node, withdrawn])),
        ("its home hub has expired", _attest([node, (soon, (a, b))], anchor, at="2026-05-05T00:00:00Z")),
        ("its home hub was withdrawn", _attest([node, (hub, (a, b)), (gone, (b, c))], anchor)),
    ):
        file.invalid("AUTH-2", "attest", comment, given, "attestation_lapsed", "/record/node")
    for comment, given in (
        ("by another hub than its home", _attest([elsewhere])),
        ("by a hub, where no home is known", _attest([node], assumed=None)),
        ("by the home hub that it left", _attest([node, moved])),
    ):
        file.invalid("AUTH-6", "attest", comment, given, "not_attested", "/record/node")


def _bounds(file: CaseFile) -> None:
    anchor = Anchor()
    a, b, _ = anchor.keys

    def given(record: dict[str, Any], *, of_hub: dict[str, Any] | None = None, **bounds: Any) -> Case:
        held: list[_Said] = [(said("node", HUB.id, NODE.id, constraints=bounds), (HUB,))]
        if of_hub is None:
            return _attest(held, record=RECORD | record)
        hub = (said("hub", anchor.id, HUB.id, constraints=of_hub), (a, b))
        return _attest([*held, hub], anchor, record=RECORD | record)

    addresses = {"addresses": [{"country": "MA"}, {"country": "NL"}]}
    organization = {"type": "org.jisr.organization/1"}
    for comment, record, bounds in (
        ("its own country", {"addresses": [{"country": "MA"}]}, {"countries": ["MA"]}),
        ("no country at all", {}, {"countries": ["MA"]}),
        ("one of its types", {}, {"types": ["org.jisr.event", "org.jisr.service"]}),
        ("its own organization", organization, {"organizations": [RECORD["id"]]}),
        ("of its own organization", {"organization": uuid("a")}, {"organizations": [uuid("a")]}),
        ("of another node's organization", {"organization": f"{OTHER.id}/{uuid('b')}"}, {"organizations": []}),
    ):
        file.valid("AUTH-4", "attest", comment, given(record, **bounds), _holds(**bounds))
    for comment, pointer, record, bounds in (
        ("another country", "addresses/1/country", addresses, {"countries": ["MA"]}),
        ("a project in another country", "countries/0", {"countries": ["FR"]}, {"countries": ["MA"]}),
        ("another type", "type", {}, {"types": ["org.jisr.event"]}),
        ("no type at all", "type", {}, {"types": []}),
        ("another organization", "id", organization, {"organizations": [uuid("a")]}),
        ("for another organization", "organization", {"organization": uuid("b")}, {"organizations": [uuid("a")]}),
    ):
        file.invalid("AUTH-4", "attest", comment, given(record, **bounds), "constraint_violated", f"/record/{pointer}")
    narrow = given({}, of_hub={"countries": ["MA"], "types": ["org.jisr.event"]}, countries=["MA", "NL"])
    comment = "within the node's bounds, beyond its hub's"
    file.invalid("AUTH-4", "attest", comment, narrow, "constraint_violated", "/record/type")
    both = given({}, of_hub={"countries": ["MA", "ES"]}, countries=["MA", "NL"], types=["org.jisr.service"])
    file.valid("AUTH-4", "attest", "both bounds", both, _holds(countries=["MA"], types=["org.jisr.service"]))
