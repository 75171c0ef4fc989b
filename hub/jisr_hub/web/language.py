"""The languages of the hub's pages and letters: the shared words and the hub's own catalogues."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from jisr_protocol.pages.language import NAMES, Language, load_language

PACKAGE = "jisr_hub.web"


@cache
def load_languages() -> Mapping[str, Language]:
    """Read all catalogues. Raises OSError or babel's PoFileError: a hub without its words does not start."""
    return MappingProxyType({code: load_language(code, PACKAGE) for code in NAMES})
