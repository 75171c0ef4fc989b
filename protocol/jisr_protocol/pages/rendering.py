"""Templates and static files of pages: jinja2 with autoescape, one environment for each language.

    assets = Assets("jisr_node.web")
    whole = environment("jisr_node.web", load_language("ar", "jisr_node.web"), assets)
    whole.get_template("office/home.html").render(…)

A package's own templates come first, then those here: `frame.html`, which every page extends in the end, and
`parts.html`, its small parts.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from .language import NAMES, Language, direction_of

# Embeddings, overrides and isolates (UAX 9 §2); the plain marks U+200E, U+200F and U+061C do no harm.
_DIRECTION_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
_STATIC = files("jisr_protocol.pages").joinpath("static")

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8",
        "json": "application/json",
        "svg": "image/svg+xml",
    }
)
"""What a static file is, by the end of its name."""


class Assets:
    """Static files: those here and those of one other package."""

    def __init__(self, package: str) -> None:
        self._folders = (_STATIC, files(package).joinpath("static"))
        self.read = cache(self._read)
        """Give a file's bytes and the short digest that its address carries. Raises FileNotFoundError."""

    def address(self, name: str) -> str:
        """Give the address of a file, which changes with its content."""
        return f"/static/{name}?v={self.read(name)[1]}"

    def _read(self, name: str) -> tuple[bytes, str]:
        for folder in self._folders:
            if (file := folder.joinpath(name)).is_file():
                content = file.read_bytes()
                return content, sha256(content).hexdigest()[:12]
        raise FileNotFoundError(name)


def media_type(name: str) -> str:
    """Say what a static file is. Raises KeyError for an end that no static file has."""
    return MEDIA_TYPES[name.rsplit(".", 1)[-1]]


def _undirected(value: Any) -> Any:
    """Take the characters that turn or isolate direction out of whatever a template writes.

    Elements isolate what they hold, but a stray U+2069 inside one ends that, and a title knows no elements.
    """
    return value.translate(_DIRECTION_CONTROLS) if isinstance(value, str) else value


def environment(package: str, language: Language, assets: Assets) -> Environment:
    """Make the environment of a package's templates in one language; `_()` and `ngettext()` are bound to it."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("jisr_protocol.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_undirected,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # install_gettext_callables is added by the i18n extension, so jinja2's types do not know it.
    made.install_gettext_callables(language.gettext, language.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.globals |= {
        "language": language,
        "languages": tuple((code, name, direction_of(code)) for code, name in NAMES.items()),
        "asset": assets.address,
    }
    return made
