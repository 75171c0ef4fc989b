"""What docs/portal.md says of scripts is so: its lines run in Node, its attributes are those of the element."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from jisr_hub.web import reference
from tests.in_thread import InThread
from tests.javascript.client import CLIENT, FEEDS, ROOT, VECTORS

TEXT = (ROOT / "docs/portal.md").read_text("utf-8")


class Files(InThread):
    """A folder, as any web server gives it out."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def __init__(self, folder: Path) -> None:
        handler = partial(self.Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"


def test_the_lines_for_scripts_run(tool: Callable[[str], str], tmp_path: Path) -> None:
    [code] = re.findall("```js\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "jisr.js").write_bytes(CLIENT.read_bytes())
    feed = VECTORS / "feeds/hub-of-two"
    with Files(feed) as files:
        now = f"new Date('{FEEDS['hub-of-two']['now']}')"
        code = code.replace('"https://hub.example/feeds/public/"', f'"{files.address}/feed/", {{ now: () => {now} }}')
        (tmp_path / "page.js").write_text(code.replace("org.jisr.service", "org.jisr.news"))
        ran = subprocess.run([tool("node"), "page.js"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "everything the publisher signs is here and verified 3", ran.stderr


def test_what_the_page_says_of_the_tag_is_so() -> None:
    script = Path(reference.__file__).with_name("static").joinpath("embed.js").read_text("utf-8")
    [tag] = re.findall("<jisr-directory (.*?)>", TEXT)
    for name in {*re.findall(r'(\w+)="', tag), "view", "search"}:
        assert f'"{name}"' in script.partition("observedAttributes")[2].partition("]")[0]
    for name in re.findall(r"`(--jisr-\w+)`", TEXT):
        assert f"var({name}" in script
