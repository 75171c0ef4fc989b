"""What calls of the desk for programs share: what each needs, its body, its answer, and who acts by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response

from ..desk.acts import Actor, By
from ..desk.roles import Right
from ..desk.tokens import Bearer
from .api import body
from .problem_documents import document

BODY_BYTES = 64 * 1024
LIST_BYTES = 512 * 1024
INTEGER_DIGITS = 15
Answering = Callable[[Request, Bearer], Awaitable[Response]]


@dataclass(frozen=True)
class Call:
    """One call: which right it needs before anything is read; an act needs its own besides."""

    method: str
    path: str
    right: Right
    answering: Answering


def actor_of(bearer: Bearer) -> Actor:
    """A token was confirmed when it was made (docs/decisions/0064)."""
    return Actor(bearer.account.name, bearer.account.role, True, By.TOKEN, bearer.rights)


async def read(request: Request, form: type[msgspec.Struct], most_bytes: int = BODY_BYTES) -> Any:
    """The body in this form, or the answer to what is none."""
    raw = await body(request, most_bytes)
    try:
        asked = msgspec.json.decode(raw or b"{}", type=form)
        text = orjson.dumps(msgspec.to_builtins(asked)).decode()
    except (msgspec.DecodeError, UnicodeError, RecursionError, TypeError, orjson.JSONEncodeError) as error:
        return document("malformed", f"expected a JSON object of this call: {error}")
    if not is_plain(text) or "\\u00" in text:
        return document("malformed", "expected text without control characters")
    return asked


def is_plain(text: str) -> bool:
    """Whether this is text without control characters."""
    return all(letter >= " " or letter in "\n\t" for letter in text) and "\x7f" not in text


def number(text: str | None, otherwise: int) -> int | None:
    """None for what is no whole number."""
    if text is None:
        return otherwise
    return int(text) if text.isascii() and text.isdigit() and len(text) <= INTEGER_DIGITS else None


def as_json(value: Any, status: int = 200) -> Response:
    """An answer that nothing keeps."""
    content = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    return Response(content + b"\n", status, {"Cache-Control": "no-store"}, "application/json")
