"""Cases of docs/spec/policies.md: the form of a policy, how a head names it, which records it keeps out."""

from __future__ import annotations

from typing import Any

from . import entries
from .cases import Case, CaseFile, bytes_of
from .primitives import Writer, canonical, sha256

SERVICE, NEWS = "org.jisr.service/1", "org.jisr.news/1"
PLAIN: dict[str, Any] = {"allow": {}, "deny": {}, "id": "public-7", "version": 7}


def make() -> CaseFile:
    file = CaseFile(
        "policies",
        "Operation policy: the bytes of a file → how a head names it. Operation policy_named: what a head says, the "
        "bytes of the file → its version. Operation policy_judge: a policy, a record, its author's home hub, that "
        "hub's countries, the author's marks → it stands in the feed, or a refusal.",
    )
    _forms(file)
    _named(file)
    _judged(file)
    return file


def _file(value: Any) -> bytes:
    return canonical({"policy": value}) + b"\n"


def _name(raw: bytes, id: str = "public-7") -> dict[str, str]:
    return {"id": id, "sha256": sha256(raw).hex()}


def _forms(file: CaseFile) -> None:
    node, hub = Writer("node").id, Writer("hub").id
    full = {
        "countries": ["MA", "ES"], "hubs": [hub], "languages": ["ar", "nl-BE", "zgh"], "marks": ["reviewed"],
        "nodes": [node], "types": [SERVICE, NEWS],
    }  # fmt: skip
    for comment, value in (
        ("a policy that takes everything", PLAIN),
        ("every member, allowed", PLAIN | {"allow": full}),
        ("every member, denied", PLAIN | {"deny": full}),
        ("the same on both sides", PLAIN | {"allow": full, "deny": full}),
        ("a member nobody knows beside the four", PLAIN | {"comment": "for the portal of Enschede"}),
        ("1,000 types", PLAIN | {"deny": {"types": [f"org.example.t{n}/1" for n in range(1000)]}}),
    ):
        raw = _file(value)
        file.valid("POL-1", "policy", comment, {"bytes": bytes_of(raw)}, {"named": _name(raw)})
    for comment, pointer, value in (
        ("no allow", "/policy", {name: PLAIN[name] for name in ("deny", "id", "version")}),
        ("a deny that is a list", "/policy/deny", PLAIN | {"deny": []}),
        ("no version", "/policy", {name: PLAIN[name] for name in ("allow", "deny", "id")}),
        ("version 0", "/policy/version", PLAIN | {"version": 0}),
        ("an id without a version", "/policy/id", PLAIN | {"id": "public"}),
        ("a policy that is a list", "", []),
    ):
        file.invalid("POL-1", "policy", comment, {"bytes": bytes_of(_file(value))}, "malformed", pointer)
    file.invalid("POL-1", "policy", "no line feed", {"bytes": bytes_of(_file(PLAIN)[:-1])}, "malformed")
    for comment, pointer, side in (
        ("a member that is not known here", "/policy/allow/sizes", {"sizes": ["small"]}),
        ("an empty list", "/policy/allow/types", {"types": []}),
        ("a list of 1,001 items", "/policy/allow/types", {"types": [f"org.example.t{n}/1" for n in range(1001)]}),
        ("an item twice", "/policy/allow/countries", {"countries": ["MA", "MA"]}),
        ("a country in small letters", "/policy/allow/countries", {"countries": ["ma"]}),
        ("a word where a list stands", "/policy/allow/countries", {"countries": "MA"}),
        ("a type without its major", "/policy/allow/types", {"types": ["org.jisr.service"]}),
        ("an address where an identifier stands", "/policy/allow/nodes", {"nodes": ["https://node.example"]}),
        ("a name where a hub's identifier stands", "/policy/allow/hubs", {"hubs": ["MA"]}),
        ("a language in capitals", "/policy/allow/languages", {"languages": ["AR"]}),
        ("a mark with a space", "/policy/allow/marks", {"marks": ["well known"]}),
    ):
        given = {"bytes": bytes_of(_file(PLAIN | {"allow": side}))}
        file.invalid("POL-2", "policy", comment, given, "malformed", pointer)
    for comment, value in (
        ("an id of another version", PLAIN | {"id": "public-6"}),
        ("a version that only the end of the id's number tells", PLAIN | {"id": "public-17"}),
    ):
        file.invalid("POL-3", "policy", comment, {"bytes": bytes_of(_file(value))}, "malformed", "/policy/id")


def _named(file: CaseFile) -> None:
    raw, other = _file(PLAIN), _file(PLAIN | {"deny": {"types": [NEWS]}})
    file.valid("POL-5", "policy_named", "as the head says", _given(raw, _name(raw)), {"version": 7})
    file.invalid("POL-5", "policy_named", "another file", _given(other, _name(raw)), "hash_mismatch")
    named = _name(raw, "public-8")
    file.invalid("POL-5", "policy_named", "another id", _given(raw, named), "hash_mismatch", "/policy/id")


def _given(raw: bytes, named: dict[str, str]) -> Case:
    return {"bytes": bytes_of(raw), "named": named}


def _judged(file: CaseFile) -> None:
    writer, hub = Writer("node"), Writer("hub").id
    other = Writer("other").id
    text = {"ar": {"origin": "author", "value": "سوق"}, "nl-BE": {"origin": "human", "value": "markt"}}
    plain = entries.record(writer, "a", lang="ar", type=SERVICE)
    here = plain | {"addresses": [{"country": "MA"}, {"country": "ES"}], "name": text}
    area = plain | {"coverage": {"areas": [{"code": "ES-CN", "scheme": "iso3166-2"}]}}
    code = plain | {"areas": [{"code": "MA", "scheme": "hcp"}]}
    many = plain | {"countries": ["BI", "RW"]}
    for comment, stands, record, allow, deny in (
        ("no list says anything", True, plain, {}, {}),
        ("its type is allowed", True, plain, {"types": [NEWS, SERVICE]}, {}),
        ("its type is not allowed", False, plain, {"types": [NEWS]}, {}),
        ("its type is denied", False, plain, {}, {"types": [SERVICE]}),
        ("another type is denied", True, plain, {}, {"types": [NEWS]}),
        ("another major of its type is denied", True, plain, {}, {"types": ["org.jisr.service/2"]}),
        ("allowed and denied", False, plain, {"types": [SERVICE]}, {"types": [SERVICE]}),
        ("its author is allowed", True, plain, {"nodes": [writer.id]}, {}),
        ("another author is allowed", False, plain, {"nodes": [other]}, {}),
        ("its author is denied", False, plain, {}, {"nodes": [writer.id]}),
        ("its home hub is allowed", True, plain, {"hubs": [hub]}, {}),
        ("its home hub is denied", False, plain, {}, {"hubs": [hub]}),
        ("another home hub is allowed", False, plain, {"hubs": [other]}, {}),
        ("one of its two countries is allowed", True, here, {"countries": ["ES"]}, {}),
        ("one of its two countries is denied", False, here, {}, {"countries": ["ES"]}),
        ("neither of its countries is allowed", False, here, {"countries": ["NL"]}, {}),
        ("an area of the country", True, area, {"countries": ["ES"]}, {}),
        ("a code of another scheme is no country", True, code, {}, {"countries": ["MA"]}),
        ("a list of countries", True, many, {"countries": ["RW"]}, {}),
        ("no country of its own, that of its home hub", True, plain, {"countries": ["FR"]}, {}),
        ("a country of its own outranks that of its home hub", False, here, {"countries": ["FR"]}, {}),
        ("no country of its own, that of its home hub is denied", False, plain, {}, {"countries": ["FR"]}),
        ("its language is allowed", True, plain, {"languages": ["ar"]}, {}),
        ("a text in a language that is allowed", True, here, {"languages": ["nl"]}, {}),
        ("a text in a language that is denied", False, here, {}, {"languages": ["nl"]}),
        ("its language is a region of none that is allowed", False, here, {"languages": ["nl-NL"]}, {}),
        ("its author's mark is allowed", True, plain, {"marks": ["reviewed"]}, {}),
        ("its author's mark is denied", False, plain, {}, {"marks": ["reviewed"]}),
        ("another mark is allowed", False, plain, {"marks": ["verified"]}, {}),
        ("one list is met and one is not", False, here, {"countries": ["MA"], "types": [NEWS]}, {}),
        ("both lists are met", True, here, {"countries": ["MA"], "types": [SERVICE]}, {}),
    ):
        given = {
            "bytes": bytes_of(_file(PLAIN | {"allow": allow, "deny": deny})),
            "home": hub,
            "home_countries": ["FR"],
            "marks": ["reviewed"],
            "record": record,
        }
        if stands:
            file.valid("POL-4", "policy_judge", comment, given, {"stands": True})
        else:
            file.invalid("POL-4", "policy_judge", comment, given, "policy_refused", "/record")
