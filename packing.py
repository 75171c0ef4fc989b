"""`python3 run.py pack`: jisr-node in one file, for computers of this kind with the same Python.

    python3 run.py pack                 writes dist/jisr-node.pyz
    python3 dist/jisr-node.pyz          opens the pages; the first start unpacks into the person's cache folder, once

What goes in is what was installed and tested here: the packages pinned in requirements/node.txt as they lie in `.venv`,
our two distributions as they lie in the checkout, and nothing else. Compiled packages bind the file to this system and
Python.
"""

import hashlib
import platform
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TARGET = ROOT / "dist" / "jisr-node.pyz"
START = '''\
"""Unpacks this file once into the person's cache folder, beside older ones, then runs what is there."""

import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

DIGEST, VERSION = {digest!r}, {version!r}


def folder():
    usual = {{"win32": os.environ.get("LOCALAPPDATA"), "darwin": "~/Library/Caches"}}.get(sys.platform)
    base = os.environ.get("JISR_CACHE") or usual or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "jisr-node" / DIGEST


if sys.version_info[:2] != VERSION:
    sys.exit("This file needs Python %d.%d; this is %s. Nothing was changed." % (*VERSION, sys.version.split()[0]))
place = folder()
if not place.is_dir():
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=place.parent))
    with zipfile.ZipFile(sys.argv[0]) as packed:
        packed.extractall(aside)
    try:
        os.replace(aside, place)
    except OSError:  # another start was first
        shutil.rmtree(aside, ignore_errors=True)
sys.path[0] = str(place)
from jisr_node.cli import main

main()
'''


def pinned() -> Iterator[tuple[str, Path]]:
    """The files of every pinned package that is installed here: the path inside, and where it lies."""
    for name in re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements" / "node.txt").read_text(), re.MULTILINE):
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # a package of another system
        for file in found.files or []:
            if ".." not in file.parts and "__pycache__" not in file.parts and file.locate().is_file():
                yield file.as_posix(), Path(str(file.locate()))


def ours() -> Iterator[tuple[str, Path]]:
    """The files of our two distributions, the schemas inside the package as in a wheel."""
    for package in (ROOT / "protocol" / "jisr_protocol", ROOT / "node" / "jisr_node"):
        for file in sorted(package.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                yield file.relative_to(package.parent).as_posix(), file
    schemas = ROOT / "protocol" / "schemas"
    for file in sorted(schemas.glob("*/*.json")):
        yield f"jisr_protocol/schemas/{file.relative_to(schemas).as_posix()}", file


def pack(target: Path) -> Path:
    """Write the file, in one step. The same checkout and packages give the same name of the unpacked folder."""
    files = dict(sorted([*pinned(), *ours()]))
    digest = hashlib.sha256(f"{platform.platform()} {sys.version}".encode())
    for name, file in files.items():
        digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_suffix(".new")
    with aside.open("wb") as whole:
        whole.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, file in files.items():
                packed.write(file, name)
            packed.writestr("__main__.py", START.format(digest=digest.hexdigest()[:16], version=sys.version_info[:2]))
    aside.chmod(0o755)
    return aside.replace(target)


if __name__ == "__main__":
    made = pack(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
    print(f"{made} ({made.stat().st_size / 1e6:.0f} MB). Start it with: python3 {made}")
