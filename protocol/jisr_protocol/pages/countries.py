"""Countries of ISO 3166-1, by their codes and by their names in the eight languages, as CLDR has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from babel import Locale

from .language import NAMES

_NONE = frozenset(["EU", "EZ", "UN", "XA", "XB", "XK", "ZZ", "QO", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"])
"""What CLDR lists beside countries: groups, private codes, and what ISO only keeps from being given to others."""


@cache
def names(lang: str) -> Mapping[str, str]:
    """Code → name in one language."""
    territories = {str(code): str(name) for code, name in Locale.parse(lang).territories.items()}
    return MappingProxyType({code: name for code, name in territories.items() if len(code) == 2 and code.isalpha()
                             and code not in _NONE})  # fmt: skip


def codes(folded: Callable[[str], str]) -> dict[str, str]:
    """Folded code, or folded name in any of the languages → code."""
    found: dict[str, str] = {}
    for lang in NAMES:
        for code, name in names(lang).items():
            found.setdefault(folded(name), code)
            found.setdefault(folded(code), code)
    return found
