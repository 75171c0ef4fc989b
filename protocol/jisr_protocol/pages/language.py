"""The eight languages of the interface: their words, dates and numbers, and the choice for one reader.

English is the source: every message in code and templates is an English sentence, so English has no
catalogue. The other seven have `<code>/LC_MESSAGES/*.po` in each folder of catalogues, a file a room of pages: the
words that all pages share stand in `locale/` here, those of hub and node in folders of theirs. They are read into
memory once; nothing is compiled to disk. Each file states its `Plural-Forms` (Babel's default order for Arabic
differs from the one gettext translators use) and whether a speaker has read it (`X-Jisr-Reviewed: yes` or `no`); a
page in a language of which somebody has not read every file says so.

    reader = load_language(negotiate(query, cookie, accept_language), "jisr_node.web")
    reader.gettext("Languages")
    reader.date(datetime(2026, 3, 3, tzinfo=UTC))      # "3 March 2026"
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from types import MappingProxyType

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from jisr_protocol.limits import INTEGER_MAX

SOURCE = "en"
SHARED = "jisr_protocol.pages"
"""The package whose catalogues hold the words that all pages share."""
RIGHT_TO_LEFT = frozenset({"ar"})

# How each language calls itself, in the order of the switch.
NAMES: Mapping[str, str] = MappingProxyType(
    {
        "ar": "العربية",
        "zgh": "ⵜⴰⵎⴰⵣⵉⵖⵜ",
        "fr": "Français",
        "nl": "Nederlands",
        "es": "Español",
        "da": "Dansk",
        "tr": "Türkçe",
        "en": "English",
    }
)

# Browsers also name the spoken varieties; their readers are served the written language.
VARIETIES: Mapping[str, str] = MappingProxyType(
    {"ary": "ar", "arb": "ar", "apc": "ar", "arz": "ar", "ber": "zgh", "tzm": "zgh", "shi": "zgh", "rif": "zgh"}
)

# CLDR writes "March 3, 2026" for plain English; this interface writes the day first.
_ENGLISH = Locale.parse("en")
_SAME_LANGUAGE: Mapping[str, str] = MappingProxyType({"prs": "fa_AF", "kmr": "ku", "arb": "ar"})
"""Tags by which people's languages are written here too, as the lists of names know them."""
_LOCALES: Mapping[str, str] = MappingProxyType({"en": "en_GB"})

_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_REVIEWED = re.compile(r'^"X-Jisr-Reviewed: *(yes|no) *\\n"$', re.MULTILINE)
_RANGES_READ = 40


def N_(message: str) -> str:
    """Mark an English message for extraction where it is only looked up later; returns it unchanged."""
    return message


@dataclass(frozen=True)
class Language:
    """One language of the interface. Immutable, safe to share between requests."""

    code: str
    name: str
    direction: str
    reviewed: bool
    locale: Locale
    translations: NullTranslations

    @property
    def comma(self) -> str:
        """Give what separates words in a row, with its space."""
        return "، " if self.code == "ar" else ", "

    @property
    def colon(self) -> str:
        """Give what stands between a label and what it labels, with its spaces; French has one before it too."""
        return "\u00a0: " if self.code == "fr" else ": "

    def gettext(self, message: str) -> str:
        """Give the message in this language, or the English one where the catalogue lacks it."""
        return self.translations.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Give the form of the message that this language uses for `number`."""
        return self.translations.ngettext(singular, plural, number)

    def date(self, day: date | datetime) -> str:
        """Write a day in words: "3 March 2026". An instant is taken in UTC."""
        if isinstance(day, datetime):
            day = day.astimezone(UTC).date()
        return format_date(day, "long", locale=self.locale)

    def moment(self, instant: datetime) -> str:
        """Write an instant in words, to the minute, in UTC: "3 March 2026, 14:05 UTC"."""
        clock = format_time(instant.astimezone(UTC), "HH:mm", locale=self.locale)
        return f"{self.date(instant)}{self.comma}{clock} UTC"

    def number(self, number: int) -> str:
        """Write a number with this language's separators, in the digits 0 to 9; plain where no record may hold it."""
        return format_decimal(number, locale=self.locale) if abs(number) <= INTEGER_MAX else str(number)

    def listing(self, words: Sequence[str]) -> str:
        """Join words as a sentence does: "a, b and c". No words give an empty string."""
        return format_list(words, locale=self.locale)

    def language_name(self, tag: str) -> str | None:
        """Name another language in this one, else in itself, else in English; None when the tag is not known."""
        known = _SAME_LANGUAGE.get(tag.lower(), tag).replace("-", "_")
        for code in (known, primary(known)):
            found = self.locale.languages.get(code) or _in_itself(code) or _ENGLISH.languages.get(code)
            if found:
                return str(found)
        return None

    def country_name(self, code: str) -> str | None:
        """Name a country by its ISO 3166-1 code in this language, else in English; None when it is not known."""
        return self.locale.territories.get(code.upper()) or _ENGLISH.territories.get(code.upper())


@lru_cache(maxsize=512)
def _in_itself(code: str) -> str | None:
    """What a language calls itself."""
    try:
        return Locale.parse(code).languages.get(code)
    except (ValueError, UnknownLocaleError):
        return None


def primary(tag: str) -> str:
    """Give the primary subtag of a language tag in lower case: "fr" of "fr-MA"."""
    return tag.replace("_", "-").split("-", 1)[0].lower()


def catalogues(code: str, *packages: str) -> Mapping[str, str]:
    """Give the text of each file of a language by its room ("desk" for desk.po) in the `locale` folders of these
    packages; none for the source."""
    found = [one for package in packages for one in _files(files(package).joinpath("locale", code, "LC_MESSAGES"))]
    return {one.name.removesuffix(".po"): one.read_text(encoding="utf-8") for one in found}


def _files(folder: Traversable) -> list[Traversable]:
    found = [one for one in folder.iterdir() if one.name.endswith(".po")] if folder.is_dir() else []
    return sorted(found, key=lambda one: one.name)


def is_reviewed(texts: Iterable[str]) -> bool:
    """Say whether the header of every file states that a speaker has read it. Silence means no."""
    return all((found := _REVIEWED.search(text)) is not None and found[1] == "yes" for text in texts)


@cache
def load_language(code: str, *packages: str) -> Language:
    """Read one language: the shared words and those of these packages. Raises OSError or babel's PoFileError: pages
    without their words are not shown."""
    locale = Locale.parse(_LOCALES.get(code, code))
    translations, reviewed = NullTranslations(), True
    if code != SOURCE:
        texts = catalogues(code, SHARED, *packages).values()
        translations, reviewed = _compiled(code, texts), is_reviewed(texts)
    return Language(code, NAMES[code], direction_of(code), reviewed, locale, translations)


def direction_of(code: str) -> str:
    """Say in which direction a language of the interface is written: "rtl" or "ltr"."""
    return "rtl" if code in RIGHT_TO_LEFT else "ltr"


def _compiled(code: str, texts: Iterable[str]) -> GNUTranslations:
    whole, *more = [read_po(BytesIO(text.encode()), locale=code, abort_invalid=True) for text in texts]
    for message in (message for room in more for message in room if message.id):
        whole[message.id] = message
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return GNUTranslations(compiled)


def negotiate(query: str | None, cookie: str | None, accept_language: str | None, default: str = SOURCE) -> str:
    """Choose the language code for a reader: what they asked for, then what they chose before, then what
    their browser prefers (RFC 9110 §12.5.4), then the default. Anything unknown counts as absent."""
    for asked in (query, cookie):
        if asked is not None and asked in NAMES:
            return asked
    return _preferred(accept_language or "") or default


def _preferred(header: str) -> str | None:
    """Find the best known language of an Accept-Language header; None when it names none."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(",", _RANGES_READ)[:_RANGES_READ]:
        tag, _, parameter = part.strip().partition(";")
        weight = _WEIGHT.fullmatch(parameter.strip()) if parameter else None
        code = VARIETIES.get(primary(tag.strip()), primary(tag.strip()))
        quality = float(weight[1]) if weight else 1.0
        if code in NAMES and quality > 0 and (weight or not parameter):
            weighed.append((quality, code))
    return max(weighed, key=lambda one: one[0])[1] if weighed else None
