"""What others made and the hub hands out stands as vendor.toml says: whose, which version, under what licence."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from jisr_hub.web.page import VENDOR

FOLDER = Path(__file__).resolve().parents[2] / "hub" / "jisr_hub" / "web" / "static" / "vendor"


def told() -> dict[str, dict[str, Any]]:
    return tomllib.loads((FOLDER / "vendor.toml").read_text(encoding="utf-8"))


def test_every_file_has_its_digest_its_version_and_its_licence() -> None:
    digests: dict[str, str] = {}
    for package in told().values():
        files = package["files"]
        assert package["version"] and package["licence"] and package["licence_file"] in files
        digests |= files
    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in FOLDER.iterdir()}
    del found["vendor.toml"]
    assert found == digests


def test_only_what_is_told_is_handed_out() -> None:
    assert set(VENDOR) <= {name for package in told().values() for name in package["files"]}
