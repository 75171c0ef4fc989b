"""The public directory pages: eight languages, directions, hostile text, and an answer to every address."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from jisr_hub.curation.merging import address as address_of
from jisr_hub.ports.directory import Directory
from jisr_hub.web.language import load_languages
from jisr_hub.web.public import not_found, routes
from jisr_protocol.pages.language import NAMES
from tests.hub.memory_directory import NODE, NOW, OTHER_NODE, MemoryDirectory, identifier, record

SENTENCES = {
    "ar": "لم يراجع هذه الترجمةَ بعدُ متحدثٌ باللغة.",
    "fr": "Cette traduction n’a pas encore été relue",
    "nl": "Deze vertaling is nog niet nagekeken",
    "es": "Esta traducción aún no ha sido revisada",
    "da": "Denne oversættelse er endnu ikke læst igennem",
    "tr": "henüz gözden geçirilmedi",
    "zgh": "ⵜⴰⵙⵓⵖⵍⵜ ⴰⴷ",
}
HEADINGS = {
    "ar": "كل السجلات",
    "fr": "Toutes les fiches",
    "nl": "Alle vermeldingen",
    "es": "Todas las fichas",
    "da": "Alle poster",
    "tr": "Tüm kayıtlar",
    "en": "All records",
    "zgh": "ⴰⴽⴽⵯ ⵜⵉⴽⴰⵔⴹⵉⵡⵉⵏ",
}


def client(directory: Directory, **settings: Any) -> TestClient:
    """Serve a directory; an error inside a page is raised here, so no test can mistake it for an answer."""
    app = Starlette(routes=routes(directory, clock=lambda: NOW, **settings), exception_handlers={404: not_found})
    return TestClient(app, headers={"accept-language": "en"})


POLICY = "content-security-policy"


def address(number: int, node: str = NODE) -> str:
    return f"/directory/{node}/{identifier(number)}"


def entry(number: int, node: str = NODE) -> str:
    return f"/directory/{address_of((node, identifier(number)))}"


class Elements(HTMLParser):
    """All start tags of a page with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def words(page: str) -> str:
    """What a person reads of a page, spaces folded."""
    body = page[page.index("<body>") :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("code", NAMES)
def test_the_records_of_an_author_for_whom_nobody_speaks_are_labelled(code: str) -> None:
    label = load_languages()[code].gettext("Attestation lapsed")
    for page in ("/directory", address(1)):
        shown = [
            words(client(MemoryDirectory([record(1)], lapsed=lapsed)).get(page, params={"lang": code}).text)
            for lapsed in (False, True)
        ]
        assert [label in text for text in shown] == [False, True]


@pytest.mark.parametrize("code", NAMES)
def test_each_language_has_its_page(code: str) -> None:
    answer = client(MemoryDirectory([record(1)])).get("/directory", params={"lang": code})
    html = Elements(answer.text).named("html")[0]
    assert answer.status_code == 200
    assert (html["lang"], html["dir"]) == (code, "rtl" if code == "ar" else "ltr")
    assert answer.headers["content-language"] == code
    assert HEADINGS[code] in answer.text
    assert all(name in answer.text for name in NAMES.values())


@pytest.mark.parametrize("code", SENTENCES)
def test_a_language_that_no_speaker_reviewed_says_so(code: str) -> None:
    answer = client(MemoryDirectory()).get("/directory", params={"lang": code})
    assert not load_languages()[code].reviewed, "a reviewed language leaves SENTENCES"
    assert SENTENCES[code] in answer.text


def test_english_is_the_source_and_carries_no_note() -> None:
    assert "has not been reviewed" not in client(MemoryDirectory()).get("/directory?lang=en").text


def test_the_choice_of_language_is_remembered_and_can_be_changed() -> None:
    reader = client(MemoryDirectory())
    assert 'lang="nl"' in reader.get("/directory", headers={"accept-language": "nl"}).text
    chosen = reader.get("/directory?lang=tr")
    assert "HttpOnly" in chosen.headers["set-cookie"]
    assert "SameSite=lax" in chosen.headers["set-cookie"]
    assert '<html lang="tr"' in reader.get("/directory").text
    assert '<html lang="fr"' in reader.get("/directory?lang=fr").text
    assert '<html lang="fr"' in reader.get("/directory?lang=nonsense").text


def test_a_hub_may_speak_another_language_by_default() -> None:
    reader = client(MemoryDirectory(), default_language="ar")
    assert '<html lang="ar"' in reader.get("/directory", headers={"accept-language": "de"}).text


def test_links_keep_a_language_that_stands_in_the_address() -> None:
    page = client(MemoryDirectory([record(number) for number in range(60)])).get("/directory?lang=da").text
    inner = [str(link["href"]) for link in Elements(page).named("a") if not str(link["href"]).startswith("#")]
    own = [link for link in inner if link != "/feeds/public/head.json" and "lang=" not in link]
    assert own == []


def test_an_address_of_before_leads_on_for_good() -> None:
    reader = client(MemoryDirectory([record(1, "need")]))
    for old, new in (
        ("/directory?type=org.jisr.need/1", "/directory?type=need"),
        ("/directory?page=2&type=org.jisr.need/1&lang=fr", "/directory?type=need&lang=fr&page=2"),
    ):
        answer = reader.get(old, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (301, new)


def test_the_front_page_tells_the_facts_of_the_hub() -> None:
    directory = MemoryDirectory([record(1), record(2, node=OTHER_NODE)], hub_name="Hub of the North")
    page = client(directory).get("/").text
    assert "Hub of the North" in words(page)
    assert "2 records · 2 partners publish here · Last published: 6 March 2026, 12:00 UTC" in words(page)
    assert 'href="/feeds/public/head.json">Feed for machines</a>' in page


def test_a_hub_that_published_nothing_says_so() -> None:
    said = words(client(MemoryDirectory(published_at=None)).get("/").text)
    assert "Last published: Not yet" in said
    assert "There is nothing here yet. When a partner publishes a record, it appears here." in said


def test_a_line_says_name_type_author_and_freshness() -> None:
    directory = MemoryDirectory([record(1, name={"en": {"value": "Buddy project", "origin": "author"}})])
    said = words(client(directory).get("/directory").text)
    assert "Buddy project Service Written by: دار الجسر 3 days ago Changed on 3 March 2026" in said


def test_a_name_in_the_readers_language_comes_first_and_a_machines_words_are_marked() -> None:
    names = {
        "ar": {"value": "مرافقة", "origin": "author"},
        "fr": {"value": "Accompagnement", "origin": "human"},
        "nl": {"value": "Begeleiding", "origin": "machine"},
    }
    reader = client(MemoryDirectory([record(1, name=names)]))
    french, dutch, danish = (reader.get(f"/directory?lang={code}").text for code in ("fr", "nl", "da"))
    assert '<span lang="fr" dir="auto">Accompagnement</span>' in french
    assert "traduit par une machine" not in french
    assert "Begeleiding vertaald door een machine" in words(dutch)
    assert '<span lang="ar" dir="auto">مرافقة</span>' in danish


def test_the_authors_own_name_stands_beside_a_translation() -> None:
    names = {"ar": {"value": "دار الفتاة", "origin": "author"}, "fr": {"value": "Dar Al Fatat", "origin": "human"}}
    said = words(client(MemoryDirectory([record(1, name=names)])).get(address(1) + "?lang=fr").text)
    assert "Dar Al Fatat دار الفتاة" in said


def test_a_node_without_an_organization_is_named_by_its_identifier_isolated() -> None:
    page = client(MemoryDirectory([record(1)], author_name=None)).get("/directory").text
    assert f'<bdi class="code">{NODE[:13]}…</bdi>' in page


@pytest.mark.parametrize(
    ("members", "level", "said"),
    [
        ({"modified": "2026-03-06T11:00:00Z"}, "good", "Today Changed on 6 March 2026"),
        ({"modified": "2026-03-05T23:00:00Z"}, "good", "Yesterday Changed on 5 March 2026"),
        ({"modified": "2026-02-28T11:00:00Z"}, "good", "6 days ago"),
        ({"modified": "2026-02-27T11:00:00Z"}, "good", "Less than 6 months old Changed on 27 February 2026"),
        ({"modified": "2025-09-01T00:00:00Z"}, "careful", "More than 6 months old"),
        ({"modified": "2024-03-01T00:00:00Z"}, "harm", "More than 2 years old"),
        ({"modified": "2026-03-06T12:05:00Z"}, "good", "Today"),
        ({"modified": "2031-01-01T00:00:00Z"}, "careful", "Dated in the future Changed on 1 January 2031"),
        (
            {"modified": "2024-01-01T00:00:00Z", "assured": {"by": NODE, "at": "2026-03-03"}},
            "good",
            "3 days ago Checked on 3 March 2026",
        ),
        ({"modified": "long ago"}, "careful", "Age unknown"),
    ],
)
def test_freshness_is_told_in_words_with_its_date(members: dict[str, Any], level: str, said: str) -> None:
    page = client(MemoryDirectory([record(1, **members)])).get("/directory").text
    assert said in words(page)
    assert f'class="age {level}"' in page


def test_a_paused_record_says_so_and_an_active_one_does_not() -> None:
    reader = client(MemoryDirectory([record(1, status="paused")]))
    assert "Paused" in words(reader.get("/directory").text)
    assert "Paused" not in words(client(MemoryDirectory([record(1)])).get("/directory").text)


def test_the_list_turns_by_twenty_and_loses_none() -> None:
    reader = client(MemoryDirectory([record(number) for number in range(50)]))
    pages = [reader.get(f"/directory?page={number}").text for number in (1, 2, 3)]
    listed = [re.findall(r'href="/directory/a{16}\.([0-9a-f-]{36})"', page) for page in pages]
    assert [len(part) for part in listed] == [20, 20, 10]
    assert len({one for part in listed for one in part}) == 50
    assert 'rel="next"' in pages[0]
    assert 'rel="prev"' not in pages[0]
    assert 'rel="next"' not in pages[2]
    assert "50 records · Page 3 of 3" in words(pages[2])


def test_the_list_narrows_to_one_type_and_turns_within_it() -> None:
    records = [record(number) for number in range(60)] + [record(100 + n, "need") for n in range(3)]
    reader = client(MemoryDirectory(records))
    services, needs = reader.get("/directory?type=service").text, reader.get("/directory?type=need").text
    assert "60 records · Page 1 of 3" in words(services)
    assert "?type=service&amp;page=2" in services
    assert "Needs 3 records" in words(needs)
    assert words(needs) == words(reader.get("/directory?type=org.jisr.need/1").text)


def test_a_type_of_somebody_elses_is_listed_under_its_own_name() -> None:
    reader = client(MemoryDirectory([record(1) | {"type": "org.example.garden/2"}]))
    page = reader.get("/directory").text
    assert "<bdi>org.example.garden/2</bdi>" in page
    narrowed = reader.get("/directory?type=org.example.garden%2F2")
    assert narrowed.status_code == 200
    assert "1 record" in words(narrowed.text)


def test_a_type_nobody_uses_gives_an_empty_list() -> None:
    answer = client(MemoryDirectory([record(1)])).get("/directory?type=grant")
    assert answer.status_code == 200
    assert "0 records" in words(answer.text)
    assert "Nothing here answers all of this." in answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(("page=0", 400), ("page=-1", 400), ("page=two", 400), ("page=1.5", 400), ("page=٢", 400)),
        *(("page=", 400), ("page=" + "9" * 400, 400), ("page=%00", 400), ("page=2", 404), ("page=999999", 404)),
        *(("type=<script>", 400), ("type=../x", 400), ("type=%ff%fe", 400), ("type=" + "a." * 5000, 400)),
        *(("lang=xx", 200), ("lang=%00", 200), ("lang=../../etc/passwd", 200), ("page=1&page=1", 200)),
        *(("&&&=%zz", 200), ("type=", 200), ("colour=blue", 200)),
    ],
)
def test_a_strange_query_gets_a_clear_page(query: str, status: int) -> None:
    answer = client(MemoryDirectory([record(1)])).get(f"/directory?{query}")
    assert answer.status_code == status
    assert len(Elements(answer.text).named("h1")) == 1
    assert all("src" in one for one in Elements(answer.text).named("script"))
    if status != 200:
        assert "Nothing is lost. Show all records" in words(answer.text)


@pytest.mark.parametrize(
    "path",
    [
        *(address(2), address(1, OTHER_NODE), f"/directory/{NODE}/1", f"/directory/nobody/{identifier(1)}"),
        *(f"/directory/{NODE}/%00", f"/directory/{NODE.upper()}/{identifier(1)}"),
        *("/nowhere", "/directory/a", "//evil.example/x", "/static/", "/static/../page.py", "/%ff"),
    ],
)
def test_what_is_not_here_is_said_in_the_readers_language(path: str) -> None:
    reader = client(MemoryDirectory([record(1)]))
    answer = reader.get(path, headers={"accept-language": "nl"})
    assert answer.status_code == 404
    assert '<html lang="nl" dir="ltr">' in answer.text
    assert "Alle vermeldingen tonen" in answer.text
    assert "evil" not in answer.text


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "{{ 7 * 7 }}{% raw %}",
    "%(date)s %s %d %",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_wherever_it_stands(text: str) -> None:
    localised = {"en": {"value": text, "origin": "author"}}
    bad = record(
        1,
        name=localised,
        description=localised,
        alert=localised,
        terms=[{"scheme": text, "code": text, "role": text}],
        contact_points=[{"role": text, "email": text, "phone": text, "url": text}],
        websites=[text],
        acronym=text,
        kind=text,
        licence=text,
        lang=text,
        status=text,
        links=[{"rel": text, "target": text}],
        assured={"by": text, "at": text},
    )
    reader = client(MemoryDirectory([bad], hub_name=text, author_name=text, via=(text,)))
    for path in ("/directory", address(1)):
        page = reader.get(path).text
        elements = Elements(page)
        assert [script for script in elements.named("script") if "src" not in script] == linked_data(page)
        assert not elements.named("img")
        assert "49" not in words(page)
        assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
        assert all(
            re.match(r"[?#/]|https?://|tel:|mailto:", str(a["href"]))
            for tag in ("a", "link")
            for a in elements.named(tag)
        )


def linked_data(page: str) -> list[dict[str, str]]:
    """The JSON-LD of a page, as the start tags that may hold it; what it says must be JSON."""
    said = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert all(json.loads(one)["@context"] == "https://schema.org" for one in said)
    return [{"type": "application/ld+json"}] * len(said)


def isolated(page: str, needle: str) -> bool:
    """Say whether every place of a text that is seen stands directly in an element with a direction of its own."""
    page = re.sub(r"<script.*?</script>", "", page)
    opened = re.findall(r"<(\w+)([^<>]*)>[^<>]*" + re.escape(needle), page)
    return bool(opened) and all(tag in ("bdi", "pre") or "dir=" in attributes for tag, attributes in opened)


def test_marks_that_turn_direction_are_not_written_and_the_name_is_isolated() -> None:
    name = {"en": {"value": "\u2069\u202ecod.exe", "origin": "author"}}
    directory = MemoryDirectory([record(1, name=name, description=name)], author_name="\u2067cod.exe")
    for path in ("/directory", address(1)):
        page = client(directory).get(path).text
        title = re.search(r"<title>(.*)</title>", page)
        assert title is not None
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", page)
        # A title knows no elements: first strong isolate … pop directional isolate do the same there.
        assert path == "/directory" or title[1].startswith("&#x2068;cod.exe&#x2069; – ")
        assert isolated(page.replace(title[0], ""), "cod.exe")


def test_the_whole_record_shows_marks_that_turn_direction_as_escapes() -> None:
    page = client(MemoryDirectory([record(1, colour="\u202egreen")])).get(address(1)).text
    assert "\\u202egreen" in page


def test_the_check_for_isolation_can_fail() -> None:
    assert not isolated("<p>cod.exe</p>", "cod.exe")
    assert not isolated("<p>nothing</p>", "cod.exe")


def test_a_record_shows_its_facts_and_where_it_came_from() -> None:
    directory = MemoryDirectory(
        [
            record(
                1,
                organization=identifier(2),
                cost={"free": True},
                languages=["ar", "zgh", "fr"],
                description={"en": {"value": "We help.\nEvery day.", "origin": "author"}},
                links=[{"rel": "part_of", "target": identifier(3)}],
                assured={"by": NODE, "at": "2026-03-05", "method": "visit"},
                colour="green",
            ),
            record(2, "organization", name={"en": {"value": "Bridge House", "origin": "author"}}),
        ],
        via=("jisr:" + "h" * 52,),
    )
    page = client(directory).get(address(1)).text
    said = words(page)
    assert "We help. Every day." in said
    assert "Cost: Free of charge" in said
    assert "Languages: Arabic, Standard Moroccan Tamazight and French" in said
    assert f'<a href="{entry(2)}"><span lang="en" dir="auto">Bridge House</span></a>' in page
    assert "Part of A record that this hub does not show" in said
    assert f"Written by دار الجسر {NODE}" in said
    assert "Last checked 5 March 2026, by a visit Last changed 3 March 2026, 09:30 UTC" in said
    assert "Received here 6 March 2026, 12:00 UTC Came by way of jisr:hhh" in said
    assert "Fingerprint of the content: sha256:000" in said
    assert '"colour": "green"' in said


def test_a_record_straight_from_its_author_says_so() -> None:
    assert "Straight from its author" in client(MemoryDirectory([record(1)])).get(address(1)).text


def test_a_text_that_is_only_there_in_another_language_says_which() -> None:
    text = {"ar": {"value": "نص", "origin": "author"}}
    reader = client(MemoryDirectory([record(1, description=text)]))
    assert "This text is only there in: Arabic." in words(reader.get(address(1)).text)
    assert "هذا النص متوفر" not in reader.get(address(1) + "?lang=ar").text


def test_every_page_forbids_what_it_does_not_need() -> None:
    reader = client(MemoryDirectory([record(1)]))
    for path in ("/directory", address(1), "/nowhere", "/directory?page=0", "/static/jisr.css"):
        headers = reader.get(path).headers
        assert re.match("default-src 'self'; script-src '(self|none)'; object-src 'none'", headers[POLICY])
        assert "unsafe" not in headers[POLICY]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert reader.get("/directory").headers["vary"] == "Accept-Language, Cookie, Accept-Encoding"


def test_the_style_sheet_is_kept_for_ever_under_the_address_of_its_content() -> None:
    reader = client(MemoryDirectory())
    linked = str(Elements(reader.get("/directory").text).named("link")[1]["href"])
    assert "immutable" in reader.get(linked).headers["cache-control"]
    assert "immutable" not in reader.get("/static/jisr.css?v=old").headers["cache-control"]
    assert reader.get(linked).headers["content-type"] == "text/css; charset=utf-8"


def test_a_page_has_its_landmarks_one_first_heading_and_named_navigations() -> None:
    reader = client(MemoryDirectory([record(number) for number in range(60)]))
    for path in ("/directory", address(1), "/nowhere"):
        elements = Elements(reader.get(path).text)
        assert [len(elements.named(tag)) for tag in ("header", "main", "footer", "h1", "title")] == [1] * 5
        assert elements.named("a")[0]["href"] == "#content"
        assert elements.named("main")[0]["id"] == "content"
        assert all(nav.get("aria-label") for nav in elements.named("nav"))
        assert not any("style" in attributes for _, attributes in elements.found)


def test_nothing_on_a_page_is_asked_from_another_host() -> None:
    page = client(MemoryDirectory([record(1)])).get(address(1)).text
    loaded = [link for link in Elements(page).named("link") if link["rel"] not in ("canonical", "alternate")]
    assert all(str(link["href"]).startswith("/static/") for link in loaded)
    assert re.findall(' src="([^"]*)"', page) == re.findall(' src="(/static/[^"]*)"', page)
