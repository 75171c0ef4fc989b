"""The eight languages: catalogues whole and sound, plurals, dates in words, and the choice for a reader.

There are three places of catalogues: what all pages share, the hub's and the node's. `faults` judges the files of a
language in one place by their texts alone, so that each fault it must find can be planted.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from gettext import c2py  # the plural expressions as gettext itself reads them
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import PoFileError, read_po
from hypothesis import given
from hypothesis import strategies as st

from jisr_hub.web.language import load_languages
from jisr_protocol.pages.language import NAMES, SOURCE, catalogues, is_reviewed, negotiate

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    "shared": ROOT / "protocol" / "jisr_protocol" / "pages",
    "hub": ROOT / "hub" / "jisr_hub",
    "node": ROOT / "node" / "jisr_node",
}
PLACES = {"shared": "jisr_protocol.pages", "hub": "jisr_hub.web", "node": "jisr_node.web"}
TRANSLATED = tuple(code for code in NAMES if code != SOURCE)
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}

# Words that are the same in English and in the language. Nothing else may equal its English message.
SAME: dict[str, dict[str, set[str]]] = {
    "shared": {
        "fr": {
            "Alliance",
            "Alliances",
            "Association",
            "Budget",
            "Camp",
            "Centre",
            "Conditions",
            "Contact",
            "Documents",
            "Programme",
            "Ramadan",
            "Service",
            "Services",
            "Transport",
            "Version",
        },
        "es": {"No"},
        "nl": {"Budget", "Contact", "Partners", "Per", "Platform", "Project", "Ramadan", "Website", "week"},
        "da": {"Alliance", "Budget", "Platform", "Ramadan", "Standard", "Transport", "Version"},
        "tr": {"Form", "Platform"},
    },
    "hub": {
        "fr": {"Licence", "Pages"},
    },
    "node": {
        "fr": {"Messages"},
        "nl": {"School"},
    },
}

PLURALS = {
    "ar": ("nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"),
    "fr": "nplurals=2; plural=(n > 1);",
    "tr": "nplurals=1; plural=0;",
} | dict.fromkeys(("nl", "es", "da", "zgh"), "nplurals=2; plural=(n != 1);")

SCRIPTS = {"ar": re.compile("[\u0620-\u064a]"), "zgh": re.compile("[\u2d30-\u2d67]")}
# Babel guesses at a line with a lost quote and drops a letter; here such a line is a fault.
_LINE = re.compile(r'(?:(?:msgid|msgid_plural|msgstr|msgstr\[\d\]) )?"(?:\\.|[^"\\])*"|#.*|')
_HEADER = re.compile(r'^"([A-Za-z-]+): (.*)\\n"$', re.MULTILINE)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_BARE_PERCENT = re.compile(r"%(?!\(\w+\)s|%)")
_UNWANTED = re.compile("[<>&\u202a-\u202e\u2066-\u2069\u200e\u200f]")


@cache
def used(place: str) -> dict[str, str | None]:
    """Every message of a place's sources and templates: the English one, and its plural where it has one. The shared
    words are used by all."""
    return {
        english: plural for one in (SOURCES if place == "shared" else [place]) for english, plural in _own(one).items()
    }


@cache
def _own(place: str) -> dict[str, str | None]:
    methods = [("**.py", "python"), ("**.html", "jinja2")]
    found = [message for _, _, message, _, _ in extract_from_dir(SOURCES[place], method_map=methods, keywords=KEYWORDS)]
    return {
        (message if isinstance(message, str) else message[0]): (None if isinstance(message, str) else message[1])
        for message in found
    }


@cache
def shared(code: str) -> frozenset[str]:
    """The English messages that stand in the shared catalogue."""
    texts = catalogues(code, PLACES["shared"]).values()
    return frozenset(english_of(one) for text in texts for one in read_po(BytesIO(text.encode())) if one.id)


def english_of(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def faults(place: str, code: str, texts: Mapping[str, str]) -> list[str]:
    """Judge all files of a language in a place together, each the text of a room. One sentence a fault, with the
    English message and what to do; empty when they are sound."""
    found: list[str] = []
    rooms: dict[str, list[Message]] = {}
    for room, text in texts.items():
        name = f"{code}/{room}"
        broken = [number for number, line in enumerate(text.split("\n"), 1) if not _LINE.fullmatch(line)]
        if broken:
            return [f"{name}: cannot be read: lines {broken}"]
        try:
            read = read_po(BytesIO(text.encode()), locale=code, abort_invalid=True)
        except (PoFileError, ValueError) as problem:
            return [f"{name}: cannot be read: {problem}"]
        rooms[name] = [message for message in read if message.id]
        found += _header_faults(code, name, text)
        if read.obsolete:
            found.append(f"{name}: {len(read.obsolete)} obsolete messages; remove them")
    found += _set_faults(place, code, rooms)
    return found + [f for messages in rooms.values() for one in messages for f in _message_faults(place, code, one)]


def _header_faults(code: str, room: str, text: str) -> Iterator[str]:
    headers = dict(_HEADER.findall(text.split("\n\n", 1)[0]))
    wanted = {"Language": code, "Plural-Forms": PLURALS[code], "Content-Type": "text/plain; charset=utf-8"}
    for name, value in wanted.items():
        if headers.get(name) != value:
            yield f"{room}: header {name} should be {value!r}, is {headers.get(name)!r}"
    if headers.get("X-Jisr-Reviewed") not in ("yes", "no"):
        yield f"{room}: header X-Jisr-Reviewed should say yes or no, is {headers.get('X-Jisr-Reviewed')!r}"


def _set_faults(place: str, code: str, rooms: Mapping[str, list[Message]]) -> Iterator[str]:
    here: dict[str, Message] = {}
    rooms_of: dict[str, list[str]] = {}
    for room, messages in rooms.items():
        for message in messages:
            here[english_of(message)] = message
            rooms_of.setdefault(english_of(message), []).append(room)
    elsewhere = frozenset() if place == "shared" else shared(code)
    for english, plural in used(place).items():
        if english not in here:
            if english not in elsewhere and (place != "shared" or english in _own("shared")):
                yield f"{code}: missing: {english!r}; add it with its translation"
        elif (plural is not None) != here[english].pluralizable:
            yield f"{code}: singular and plural differ from the source: {english!r}"
    for english, named in rooms_of.items():
        if english not in used(place):
            yield f"{named[0]}: unused: {english!r}; remove it"
        if len(all_rooms := named + ["the shared words"] * (english in elsewhere)) > 1:
            yield f"{code}: doubled: {english!r} stands in {' and '.join(all_rooms)}; keep one"
    for english in SAME[place].get(code, set()) - {one.id for one in here.values() if one.string == one.id}:
        yield f"{code}: {english!r} stands in SAME but is not the same any more; remove it there"


def _message_faults(place: str, code: str, message: Message) -> Iterator[str]:
    english = [message.id] if isinstance(message.id, str) else list(message.id)
    forms = [message.string] if isinstance(message.string, str) else list(message.string)
    if message.fuzzy:
        yield f"{code}: fuzzy: {english[0]!r}; check it and remove the mark"
    plural = c2py(PLURALS[code].split("plural=", 1)[1].rstrip(";"))
    # Babel refuses a form too many and fills up missing ones with nothing, which is found as empty.
    reached = [plural(number) for number in range(1000)] if message.pluralizable else []
    for index, form in enumerate(forms):
        # A form for one number only ("two days") may say it without the figure.
        spare = {"count"} if reached.count(index) == 1 else set()
        yield from _form_faults(place, code, english, form or "", spare)


def _form_faults(place: str, code: str, english: list[str], form: str, spare: set[str]) -> Iterator[str]:
    if not form.strip():
        yield f"{code}: empty: {english[0]!r}"
        return
    wanted, has = set(_PLACEHOLDER.findall(english[-1])), set(_PLACEHOLDER.findall(form))
    if not wanted - spare <= has <= wanted or ("%" in english[-1] and _BARE_PERCENT.search(form)):
        yield f"{code}: placeholders of {english[0]!r} should be {sorted(wanted)}, are {sorted(has)} in {form!r}"
    if form in english and form not in SAME[place].get(code, set()):
        yield f"{code}: untranslated: {form!r}; translate it, or add it to SAME when the word is the same"
    words = _PLACEHOLDER.sub("", form)
    if code in SCRIPTS and re.search(r"[^\W\d_]", words) and not SCRIPTS[code].search(words):
        yield f"{code}: {english[0]!r} is not written in the language's script: {form!r}"
    if _UNWANTED.search(form):
        yield f"{code}: {english[0]!r} carries markup or direction marks: {form!r}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_says_everything_once_and_soundly(code: str, place: str) -> None:
    assert faults(place, code, catalogues(code, PLACES[place])) == []


@pytest.mark.parametrize(("place", "some"), [("shared", "shared"), ("hub", "desk"), ("node", "office")])
def test_every_language_has_the_same_rooms(place: str, some: str) -> None:
    rooms = {code: list(catalogues(code, PLACES[place])) for code in TRANSLATED}
    assert some in rooms["nl"]
    assert rooms == dict.fromkeys(TRANSLATED, rooms["nl"])
    assert catalogues(SOURCE, *PLACES.values()) == {}


def test_the_messages_of_sources_and_templates_are_found() -> None:
    assert {"Skip to the content", "Organization", "Yesterday", "Sign in"} <= set(used("shared"))
    assert "Sign in" not in used("node")
    assert used("hub")["%(count)s record"] == "%(count)s records"


def test_the_exceptions_stay_few() -> None:
    for place, same in SAME.items():
        assert set(same) <= set(TRANSLATED)
        assert all(len(words) * 12 < len(used(place)) for words in same.values())


PLANTED = [
    ("missing", 'msgid "Yesterday"\nmsgstr "Gisteren"\n', ""),
    ("doubled", 'msgid "Sign in"', 'msgid "Yesterday"\nmsgstr "Gisteren"\n\nmsgid "Sign in"'),
    ("empty", 'msgstr "Gisteren"', 'msgstr ""'),
    ("untranslated", 'msgstr "Gisteren"', 'msgstr "Yesterday"'),
    ("fuzzy", 'msgid "Yesterday"', '#, fuzzy\nmsgid "Yesterday"'),
    ("unused", 'msgid "Yesterday"', 'msgid "Nobody says this"\nmsgstr "Dat zegt niemand"\n\nmsgid "Yesterday"'),
    ("placeholders", "Nagekeken op %(date)s", "Nagekeken"),
    ("placeholders", "Nagekeken op %(date)s", "Nagekeken op %(datum)s"),
    ("placeholders", "Nagekeken op %(date)s", "Nagekeken op %(date)"),
    ("placeholders", "%(count)s dagen geleden", "dagen geleden"),
    ("empty", 'msgstr[1] "%(count)s dagen geleden"\n', ""),
    ("more translations", 'dagen geleden"\n', 'dagen geleden"\nmsgstr[2] "%(count)s dagen terug"\n'),
    ("empty", 'msgstr[1] "%(count)s dagen geleden"', 'msgstr[1] ""'),
    ("untranslated", "%(count)s dagen geleden", "%(count)s days ago"),
    ("singular and plural", 'msgid_plural "%(count)s days ago"\nmsgstr[0]', "msgstr"),
    ("markup", 'msgstr "Gisteren"', 'msgstr "<b>Gisteren</b>"'),
    ("markup", 'msgstr "Gisteren"', 'msgstr "Gisteren\u202e"'),
    ("header Plural-Forms", "plural=(n != 1);", "plural=(n > 1);"),
    ("header Language", '"Language: nl', '"Language: de'),
    ("header X-Jisr-Reviewed", '"X-Jisr-Reviewed: no\\n"\n', ""),
    ("obsolete", 'msgid "Yesterday"', '#~ msgid "Old"\n#~ msgstr "Oud"\n\nmsgid "Yesterday"'),
    ("not the same any more", 'msgstr "Website"', 'msgstr "Webstek"'),
    ("cannot be read", 'msgstr "Gisteren"', 'msgstr Gisteren"'),
    ("cannot be read", 'msgstr "Gisteren"', 'msgstr "Gisteren'),
    ("cannot be read", 'msgstr "Gisteren"', 'msgstring "Gisteren"'),
]


@pytest.mark.parametrize(("fault", "sound", "bad"), PLANTED)
def test_a_planted_fault_is_found(fault: str, sound: str, bad: str) -> None:
    place, room = next(
        (place, room) for place in PLACES for room, text in catalogues("nl", PLACES[place]).items() if sound in text
    )
    texts = catalogues("nl", PLACES[place])
    planted = {**texts, room: texts[room].replace(sound, bad, 1)}
    assert any(fault in found for found in faults(place, "nl", planted))


@pytest.mark.parametrize(("code", "word"), [("ar", "أمس"), ("zgh", "ⴰⵙⵙⵏⵏⴰⵟ")])
def test_latin_letters_alone_do_not_pass_for_arabic_or_tifinagh(code: str, word: str) -> None:
    sound = catalogues(code, PLACES["shared"])
    texts = {room: text.replace(f'msgstr "{word}"', 'msgstr "assennad"') for room, text in sound.items()}
    assert any("script" in found for found in faults("shared", code, texts))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        *((0, "لا توجد سجلات"), (1, "سجل واحد"), (2, "سجلان"), (3, "3 سجلات"), (10, "10 سجلات")),
        *((11, "11 سجلًا"), (99, "99 سجلًا"), (100, "100 سجل"), (102, "102 سجل"), (103, "103 سجلات")),
        (111, "111 سجلًا"),
    ],
)
def test_arabic_counts_in_six_forms(number: int, said: str) -> None:
    arabic = load_languages()["ar"]
    form = arabic.ngettext("%(count)s record", "%(count)s records", number)
    assert form % {"count": number} == said


@pytest.mark.parametrize(
    ("code", "none", "one", "two"),
    [
        ("fr", "0 fiche", "1 fiche", "2 fiches"),
        ("nl", "0 vermeldingen", "1 vermelding", "2 vermeldingen"),
        ("tr", "0 kayıt", "1 kayıt", "2 kayıt"),
        ("en", "0 records", "1 record", "2 records"),
    ],
)
def test_other_languages_count_in_their_own_way(code: str, none: str, one: str, two: str) -> None:
    language = load_languages()[code]
    forms = [language.ngettext("%(count)s record", "%(count)s records", n) % {"count": n} for n in (0, 1, 2)]
    assert forms == [none, one, two]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        *(("ar", "3 مارس 2026"), ("fr", "3 mars 2026"), ("nl", "3 maart 2026"), ("es", "3 de marzo de 2026")),
        *(("da", "3. marts 2026"), ("tr", "3 Mart 2026"), ("en", "3 March 2026"), ("zgh", "3 ⵎⴰⵕⵚ 2026")),
    ],
)
def test_a_date_is_written_in_words(code: str, said: str) -> None:
    language = load_languages()[code]
    assert language.date(date(2026, 3, 3)) == said
    moment = language.moment(datetime(2026, 3, 3, 14, 5, tzinfo=UTC))
    assert moment.startswith(said)
    assert moment.endswith("14:05 UTC")


def test_only_arabic_runs_from_right_to_left() -> None:
    assert {code: language.direction for code, language in load_languages().items()} == dict.fromkeys(NAMES, "ltr") | {
        "ar": "rtl"
    }


def test_the_eight_languages_call_themselves_by_their_own_names() -> None:
    assert sorted(load_languages()) == sorted(["ar", "fr", "nl", "es", "da", "tr", "en", "zgh"])
    assert load_languages()["zgh"].name == "ⵜⴰⵎⴰⵣⵉⵖⵜ"
    assert load_languages()["nl"].language_name("fr-MA") == "Frans"
    assert load_languages()["nl"].language_name("qqq") is None
    assert load_languages()["tr"].country_name("MA") == "Fas"


def test_a_language_counts_as_reviewed_when_every_file_says_yes() -> None:
    text = catalogues("nl", PLACES["hub"])["jisr"]
    read = text.replace("X-Jisr-Reviewed: no", "X-Jisr-Reviewed: yes")
    assert not is_reviewed([text.replace('"X-Jisr-Reviewed: no\\n"\n', "")])
    assert not is_reviewed([text.replace("X-Jisr-Reviewed: no", "X-Jisr-Reviewed: maybe")])
    assert is_reviewed([read])
    assert not is_reviewed([read, text])
    assert load_languages()[SOURCE].reviewed


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_language_object_knows_what_its_files_say_of_review(code: str) -> None:
    texts = catalogues(code, PLACES["shared"], PLACES["hub"]).values()
    assert load_languages()[code].reviewed == is_reviewed(texts)


@pytest.mark.parametrize(
    ("query", "cookie", "header", "chosen"),
    [
        (None, None, None, "en"),
        ("nl", "fr", "ar", "nl"),
        (None, "fr", "ar", "fr"),
        ("xx", None, "ar", "ar"),
        ("xx", "yy", "zz", "en"),
        ("AR", None, None, "en"),
        (None, None, "ar-MA,ar;q=0.9,fr;q=0.8", "ar"),
        (None, None, "fr;q=0.5, nl;q=0.9, en;q=0.1", "nl"),
        (None, None, "de, nl-BE;q=0.7, fr;q=0.7", "nl"),
        (None, None, "ary-Arab-MA", "ar"),
        (None, None, "shi-Tfng, fr;q=0.9", "zgh"),
        (None, None, "ZGH", "zgh"),
        (None, None, "fr;q=0, *", "en"),
        (None, None, "fr;q=nan, tr;q=0.1", "tr"),
        (None, None, "fr;q=9, tr;q=0.1", "tr"),
        (None, None, ",;,q=1,;q=,", "en"),
    ],
)
def test_a_reader_gets_the_best_language(
    query: str | None, cookie: str | None, header: str | None, chosen: str
) -> None:
    assert negotiate(query, cookie, header) == chosen


def test_a_hub_may_serve_another_language_by_default() -> None:
    assert negotiate(None, None, "de", default="ar") == "ar"


@given(st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_no_header_and_no_query_leads_out_of_the_eight(
    query: str | None, cookie: str | None, header: str | None
) -> None:
    assert negotiate(query, cookie, header) in NAMES
