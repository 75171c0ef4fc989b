"""The hub's log: every line has a listed code, and no line carries what a record says, or a key."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from jisr_hub import events
from jisr_hub.app.serving import application
from jisr_protocol.refusal import Refusal
from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub, some_author

ROOT = Path(__file__).resolve().parents[2]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
CANARY = "canary-Zm9ydHktdHdv"


def logged_codes(source: str) -> list[str | None]:
    """The codes of the log calls in a source; None for one that is no literal."""
    found: list[str | None] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LEVELS:
            continue
        of = ast.unparse(node.func.value)
        if of in ("_log", "structlog.get_logger()"):
            first = node.args[0] if node.args else None
            found.append(first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None)
    return found


def test_every_log_call_uses_a_listed_code_and_every_code_is_used() -> None:
    used = {"server.said"}  # by the handler in events.py
    for file in sorted((ROOT / "hub" / "jisr_hub").rglob("*.py")):
        codes = logged_codes(file.read_text(encoding="utf-8"))
        assert set(codes) <= set(events.EVENTS), (file.name, codes)
        used |= {code for code in codes if code}
    assert used == set(events.EVENTS)


def test_a_planted_call_without_a_code_is_found() -> None:
    source = '_log.info("something happened", a=1)\n_log.error(f"x{y}")\nother.info("no log")\n'
    assert logged_codes(source) == ["something happened", None]


def test_the_operators_page_lists_each_code() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for code, sentence in events.EVENTS.items():
        assert f"| `{code}` | {sentence} |" in page, code


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What is logged while the test runs, as a server's stderr would get it."""
    stream = io.StringIO()
    server = logging.getLogger("uvicorn")
    before = server.handlers, server.propagate, server.level
    events.set_up(stream)
    yield stream
    structlog.reset_defaults()
    server.handlers, server.propagate, server.level = before


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_code_and_sentence(out: io.StringIO) -> None:
    structlog.get_logger().warning("erasure.again", targets=3)
    [line] = lines(out)
    assert line.pop("at").endswith("Z")
    assert line == {
        "code": "erasure.again", "level": "warning", "says": events.EVENTS["erasure.again"], "targets": 3,
    }  # fmt: skip


def test_on_a_terminal_it_is_for_people() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    events.set_up(stream)
    try:
        structlog.get_logger().error("publish.failed", exc_info=ValueError(CANARY))
    finally:
        structlog.reset_defaults()
    assert "publish.failed" in stream.getvalue() and CANARY not in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


@pytest.mark.parametrize(
    "error",
    [
        ValueError(CANARY),
        Refusal("SIG-5", "/jws", "a signature", CANARY),
        ExceptionGroup("group", [KeyError(CANARY)]),
        RuntimeError(f"[parameters: {CANARY}]"),
    ],
)
def test_an_error_is_told_by_kind_and_place_not_in_words_that_quote(out: io.StringIO, error: Exception) -> None:
    try:
        raise error
    except type(error):
        structlog.get_logger().exception("request.failed", path="/v1/ping")
    assert CANARY not in out.getvalue()
    [line] = lines(out)
    assert type(error).__name__ in line["error"]
    assert any("test_events" in place for place in line["where"])


def test_words_of_the_system_and_of_the_server_are_told(out: io.StringIO) -> None:
    structlog.get_logger().error("publish.failed", exc_info=OSError(28, "No space left on device", "/hub/public"))
    logging.getLogger("uvicorn.error").error("[Errno 98] address in use")
    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    first, second, third = lines(out)
    assert first["error"] == "OSError: No space left on device /hub/public"
    assert (second["code"], second["words"]) == ("server.said", "[Errno 98] address in use")
    assert (third["words"], third["error"]) == ("Exception in ASGI application", "ValueError")


def test_a_hub_logs_neither_content_nor_key(tmp_path: Path, out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushes that are refused in every way we have, and a ledger that fails while it holds a record."""
    hub = KeptHub(tmp_path / "hub").fill(some_author())
    author = Author("canary")
    author.put("one", name={"ar": {"origin": "author", "value": CANARY}})
    body = author.push()
    address = f"/v1/nodes/{author.id}/feeds/public/log"
    known = some_author()
    known_address = f"/v1/nodes/{known.id}/feeds/public/log"
    known.put("late", name={"ar": {"origin": "author", "value": CANARY}})
    whole = known.push()

    async def failing(_self: object, change: Any, *_: object) -> int:
        raise RuntimeError(f"could not insert {change.drafts!r}")

    with TestClient(application(hub.folder), raise_server_exceptions=False) as client:
        assert client.post(address, content=body).status_code == 403
        for bent in (
            whole.replace(CANARY.encode(), b"other"),
            whole[:-20],
            CANARY.encode(),
            whole.replace(b"jws", b"jwx"),
        ):
            assert client.post(known_address, content=bent).status_code >= 400
        monkeypatch.setattr("jisr_hub.storage.sql.SqlLedger.store", failing)
        assert client.post(known_address, content=whole).status_code == 500
    told = out.getvalue()
    codes = {line["code"] for line in lines(out)}
    assert {"push.refused", "request.failed"} <= codes
    secret = (hub.folder / "signing.key").read_text().splitlines()[1]
    assert CANARY not in told and secret not in told
