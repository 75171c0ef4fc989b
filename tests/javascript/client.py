"""The client in JavaScript where it runs: in Node, and in the machine's own browser; what it is asked is in judging.js.

in_node(node, "feeds", named, files)          whatever that function of judging.js gives
in_browser(page, "cases", given)              the same, in a page that `portal` gives
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Browser, Page

from jisr_protocol.inflate import inflate
from jisr_protocol.limits import PAGE_BYTES
from jisr_protocol.refusal import Refusal

ROOT = Path(__file__).resolve().parents[2]
CLIENT, JUDGING = ROOT / "protocol/javascript/jisr.js", Path(__file__).with_name("judging.js")
STORE = ROOT / "examples/portal/store.js"
VECTORS = ROOT / "protocol/vectors"
FEEDS: dict[str, dict[str, Any]] = {
    file.parent.name: json.loads(file.read_text("utf-8")) for file in sorted(VECTORS.glob("feeds/*/expect.json"))
}
OPERATIONS = frozenset(re.findall(r"^  (\w+): (?:async )?\(jisr", JUDGING.read_text("utf-8"), re.MULTILINE))
CASES: dict[str, dict[str, Any]] = {
    case["id"]: case | {"about": file["about"]}
    for file in (json.loads(path.read_text("utf-8")) for path in sorted(VECTORS.glob("*.json")))
    for case in file["cases"]
    if case["operation"] in OPERATIONS
}


def named() -> dict[str, dict[str, Any]]:
    """What a reader is told of each feed of the vectors."""
    return {name: {"before": told["before"], "now": told["now"]} for name, told in FEEDS.items()}


def files() -> dict[str, str]:
    """Every file of these feeds by its path, in base64, as a publisher answers over HTTP: at the path itself, without a
    coding; what stands compressed and cannot be undone stands as it is."""
    found: dict[str, str] = {}
    for file in sorted(VECTORS.glob("feeds/*/**/*")):
        if file.is_file() and file.name != "expect.json":
            path, content = str(file.relative_to(VECTORS / "feeds")), file.read_bytes()
            coding = {".zst": "zstd", ".gz": "gzip"}.get(file.suffix)
            if coding == "zstd":
                path, content = path.removesuffix(file.suffix), _undone(content, coding)
            found[path] = base64.b64encode(content).decode()
    return found


def _undone(content: bytes, coding: str) -> bytes:
    try:
        return inflate(content, coding, PAGE_BYTES)
    except Refusal:
        return content


def asked() -> list[list[Any]]:
    """The cases as judging.js wants them."""
    return [[name, case["operation"], case["input"], case["about"]] for name, case in CASES.items()]


def in_node(node: str, act: str, *given: Any, folder: Path) -> Any:
    """Run a function of judging.js in Node. `folder` is for links: Node knows a module by its name there."""
    links = {}
    for name, file in (("client", CLIENT), ("judging", JUDGING)):
        links[name] = folder / f"{name}.mjs"
        if not links[name].exists():
            links[name].write_bytes(file.read_bytes())
    said = json.dumps({name: str(link) for name, link in links.items()} | {"act": act, "given": given})
    program = [node, str(JUDGING.with_name("in_node.mjs"))]
    ran = subprocess.run(program, input=said, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


class Portal(BaseHTTPRequestHandler):
    """The few files of a portal, on an origin of their own."""

    files: ClassVar[dict[str, Path]] = {"jisr.js": CLIENT, "judging.js": JUDGING, "store.js": STORE}

    def do_GET(self) -> None:
        file = self.files.get(self.path.strip("/"))
        content = file.read_bytes() if file else b"<!doctype html><title>portal</title><link rel=icon href=data:>"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if file else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def portal(browser: Browser) -> Iterator[Page]:
    """A page of a portal: another origin than any hub's, and one that may use WebCrypto."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        page.close()
        server.shutdown()
        thread.join(20)


def in_browser(page: Page, act: str, *given: Any) -> Any:
    """Run the same function in a page."""
    modules = "Promise.all([import('/jisr.js'), import('/judging.js')])"
    return page.evaluate(f"([act, given]) => {modules}.then(([j, m]) => m[act](j, ...given))", [act, given])


def wrong_ends(ends: dict[str, Any]) -> list[str]:
    """Where a feed of the vectors did not end as its expect.json says: status, code, rows held, refusals."""
    wrong = []
    for name, told in FEEDS.items():
        end = ends[name]
        refused = {(one["seq"], one["code"]) for one in end["refused"]}
        expected = {(one["seq"], one["code"]) for one in told["refused"]}
        right = (
            (end["outcome"], end["code"]) == (told["exit"], told["code"])
            and end["first"] == (0 if told["before"] else None)
            and sorted(end["rows"]) == told["live"]
            and end["kept"] == end["rows"]
            and (told["exit"] or (refused <= expected and bool(refused) == bool(expected)))
        )
        if not right:
            wrong.append(f"{name}: {told['exit']} {told['code']}; came {end['outcome']} {end['sentence']}")
    return wrong


def wrong_cases(made: dict[str, Any]) -> list[str]:
    """Where a case did not come to what its vector says: the result, or the code of the refusal."""
    wrong = []
    for name, case in CASES.items():
        expected, came = case["expect"], made[name]
        if "refused" in expected:
            right = came.get("refused") == expected["refused"]["code"]
        else:
            right = came == expected
        if not right:
            wrong.append(f"{name} {case['comment']}: {expected}; came {came}")
    return wrong
