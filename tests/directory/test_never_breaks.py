"""Nothing that somebody writes into a record, an address or a form breaks a public page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from hypothesis import example, given
from hypothesis import strategies as st

from jisr_hub.curation.merging import address
from jisr_hub.web.public.asked import NAMES as ASKED
from jisr_hub.web.public.structured import TYPES
from jisr_protocol.pages.language import NAMES
from tests.directory.whole import whole
from tests.hub.memory_directory import NODE, identifier, record

ENTRY = f"/directory/{address((NODE, identifier(1)))}"
MATCHES = ENTRY.replace("directory", "matches")
BESIDE = tuple(f"{ENTRY}/{name}" for name in ("refer", "refer/sheet", "contact", "report"))
PAGES = (
    *("/", "/directory", "/directory?view=map", "/directory?q=a&near=a&open=now", ENTRY, *BESIDE),
    *("/directory/missing?q=a", "/coverage", "/coverage?theme=health", "/coverage.csv", "/v1/coverage", "/matrix"),
    *("/matrix.csv", "/formats", "/sitemap.xml", MATCHES, f"/v1{MATCHES}"),
)
FORMS = ("/directory/missing", f"{ENTRY}/report")
NAMED = (*ASKED, "lang", "page", "view", "in", "said", "x")
_keys = st.sampled_from(("scheme", "code", "name", "label", "role", "value", "ar", "latitude", "longitude", "free"))
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys | st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)
_maps = st.dictionaries(_keys, _json, max_size=5)
_values = _json | _maps | st.lists(_maps | _json, max_size=3)
_members = st.sampled_from(
    (
        *("name", "title", "description", "schedule", "opening_hours", "contact_points", "cost", "languages", "terms"),
        *("area", "admin_codes", "municipality", "addresses", "coordinates", "privacy", "at", "location", "period"),
        *("lang", "status", "kind", "modified", "expires", "deadline", "organization", "referral", "population"),
        *("assured", "links", "capacity", "countries", "amount", "for_whom", "eligibility", "how_to_apply", "window"),
    )
)


@given(
    st.sampled_from(sorted(TYPES)),
    st.dictionaries(_members, _values, max_size=6),
    st.lists(st.sampled_from(PAGES), min_size=2, max_size=2),
    st.sampled_from(list(NAMES)),
)
@example("service", {"schedule": 10**25}, [ENTRY], "en")  # more digits than a decimal is rounded with
@example("service", {"terms": [{"role": []}]}, ["/coverage"], "en")
def test_no_record_whatever_breaks_a_page(kind: str, members: dict[str, Any], paths: list[str], lang: str) -> None:
    reader = whole([record(1, kind, **members), record(2, "location")])
    for path in paths:
        answer = reader.get(path, headers={"accept-language": lang})
        assert answer.status_code == 200 or (answer.status_code == 404 and MATCHES in path), path


@given(
    st.sampled_from(PAGES),
    st.lists(st.tuples(st.sampled_from(NAMED), st.text() | st.sampled_from(("1", "health"))), max_size=4),
)
@example("/coverage/entries", [("theme", "health"), ("area", "a:b"), ("page", "٣")])
@example("/coverage", [("page", "²")])
def test_no_address_whatever_breaks_a_page(path: str, asked: list[tuple[str, str]]) -> None:
    reader = whole([record(1, area=[{"scheme": "iso3166-1", "code": "MA"}])])
    answer = reader.get(path.partition("?")[0] + "?" + urlencode(asked, errors="surrogatepass"), follow_redirects=False)
    assert answer.status_code in (200, 301, 400, 404)


@given(
    st.sampled_from(FORMS),
    st.binary(max_size=200)
    | st.dictionaries(st.sampled_from(("what", "words", "reply", "agreed")), st.text()).map(
        lambda fields: urlencode(fields, errors="surrogatepass").encode()
    ),
)
@example(FORMS[0], b"words=%ff%00")
@example(FORMS[1], b"what=hours&words=%e2%80%ae")
def test_no_form_whatever_breaks_a_page(path: str, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = whole([record(1)]).post(path, content=body, headers=headers, follow_redirects=False)
    assert answer.status_code in (303, 422)
