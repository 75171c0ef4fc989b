"""HSDS packages: the same drafts from CSV files and from JSON, twice is once, and no name of a person."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jisr_node.app import Node
from jisr_node.cli import run
from jisr_node.importing import hsds

NOW = datetime(2026, 3, 3, tzinfo=UTC)
EXAMPLES = "interop/hsds-3.0/examples"


def zipped(tables: dict[str, list[dict[str, object]]]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("datapackage.json", "{}")
        for name, rows in tables.items():
            text = io.StringIO()
            writer = csv.DictWriter(text, sorted({key for row in rows for key in row}))
            writer.writeheader()
            writer.writerows(rows)
            archive.writestr(f"data/{name}", text.getvalue())
    out.seek(0)
    return out


@pytest.mark.parametrize("name", ["service_full.json", "organization_full.json", "tabular.json", "tabular.zip"])
def test_the_examples_of_the_specification_become_records(shared: Path, name: str) -> None:
    content = (shared / EXAMPLES / name.replace(".zip", ".json")).read_bytes()
    file = zipped(json.loads(content)) if name.endswith("zip") else io.BytesIO(content)
    tables = hsds.read(file)
    assert tables is not None
    drafts = hsds.Package(tables, "GB").drafts()
    assert drafts and "Persona" not in json.dumps(drafts)
    with Node.in_memory(now=NOW, name="A", country="GB", lang="en") as node:
        taken = node.import_drafts(drafts)
        kinds = {one["type"].split(".")[2].partition("/")[0] for one in node.overview()}
        assert {"organization"} <= kinds and [fault for one in taken.refused for fault in one.faults] == []
        again = node.import_drafts(drafts)
        assert (again.added, again.changed) == (0, 0)


@pytest.mark.parametrize(
    "content", [b"{}", b"[]", b"[1]", b'{"contents": 3}', b"{", b'{"type": "org.jisr.service/1"}', b"a,b"]
)
def test_what_is_no_package_is_none(content: bytes) -> None:
    assert hsds.read(io.BytesIO(content)) is None


def test_the_command_takes_a_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Node.init(tmp_path / "n", name="A", country="NL", lang="nl", recovery=tmp_path / "r").close()
    tables: dict[str, list[dict[str, object]]] = {
        "organizations.csv": [{"id": "o1", "name": "Taalpunt", "email": "info@taalpunt.example"}],
        "services.csv": [{"id": "s1", "organization_id": "o1", "name": "Taalles", "status": "active"}],
        "phones.csv": [
            {"id": "p1", "service_id": "s1", "number": "053 4 83 83 83"},
            {"id": "p2", "service_id": "s1", "number": "x"},
        ],
    }
    (tmp_path / "package.zip").write_bytes(zipped(tables).read())
    assert run(["import", str(tmp_path / "package.zip"), "--dir", str(tmp_path / "n")]) == 0
    out, err = capsys.readouterr()
    assert "2 added" in out and "phones p2, number: 'x' cannot be read" in err
    assert run(["import", str(tmp_path / "package.zip"), "--dir", str(tmp_path / "n")]) == 0
    assert "2 unchanged" in capsys.readouterr().out
