"""A running hub serves coverage and goals of what its ledger holds."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import pytest

from jisr_hub.app.serving import application
from tests.hub.author import Author
from tests.hub.kept_hub import KeptHub

pytestmark = pytest.mark.anyio
EN = {"accept-language": "en"}


def author() -> Author:
    made = Author("house")
    terms = [{"scheme": "jisr-focus", "code": "debt", "role": "focus"}]
    area = [{"scheme": "nuts", "code": "NL329"}]
    made.add(made.sign(made.value("one", rev=1, type="org.jisr.organization/1", terms=terms, area=area)))
    return made


@pytest.fixture
def kept(tmp_path: Path) -> KeptHub:
    return KeptHub(tmp_path / "hub").fill(author())


async def test_a_hub_serves_what_its_ledger_comes_to(kept: KeptHub) -> None:
    app = application(kept.folder)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub.example", headers=EN) as client:
            page = await client.get("/coverage", params={"theme": "debt", "in": "nuts:NL32"})
            assert page.status_code == 200 and ">Thin<" in page.text
            cells = (await client.get("/v1/coverage", params={"theme": "debt"})).json()["cells"]
            assert [(cell["area"]["code"], cell["state"], cell["organizations"]) for cell in cells] == [
                ("NL", "thin", 1)
            ]
            entries = await client.get("/coverage/entries", params={"theme": "debt", "area": "nuts:NL329"})
            assert "1 entry" in entries.text and entries.headers["content-type"].startswith("text/html")
            for path in (
                "/coverage",
                "/coverage.csv",
                "/coverage.pdf",
                "/matrix",
                "/matrix.csv",
                "/static/coverage.css",
            ):
                assert (await client.get(path)).status_code == 200, path
            assert 'href="/coverage' in (await client.get("/")).text
