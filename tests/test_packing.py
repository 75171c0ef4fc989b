"""jisr-node in one file: it runs with nothing but a Python, unpacks once, and says which Python it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import packing


def start(file: Path, cache: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """Run the file as a Python without packages runs it; how long it took, in seconds."""
    began = time.monotonic()
    command = [sys.executable, "-I", "-S", str(file), *arguments]
    environment = {"JISR_CACHE": str(cache), "PATH": os.environ.get("PATH", "")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    return done, time.monotonic() - began


def test_one_file_is_a_whole_node(tmp_path: Path, figure: Callable[..., None]) -> None:
    file, cache = packing.pack(tmp_path / "jisr-node.pyz"), tmp_path / "cache"
    first, unpacking = start(
        file, cache, "init", str(tmp_path / "node"), "--name", "Dar", "--country", "MA", "--lang", "ar"
    )
    assert first.returncode == 0, first.stderr
    [place] = (cache / "jisr-node").iterdir()
    assert not list(place.glob("jisr_hub*")), "the hub is not in it"
    assert (place / "jisr_node" / "web" / "templates" / "office" / "home.html").is_file()
    again, seconds = start(file, cache, "list", "--dir", str(tmp_path / "node"), "--json")
    assert again.returncode == 0, again.stderr
    assert list((cache / "jisr-node").iterdir()) == [place], "it is unpacked once"
    figure(f"{file.stat().st_size / 1e6:.0f} MB; first start {unpacking:.1f} s, later {seconds:.1f} s")


def test_another_python_gets_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "start.py"
    file.write_text(packing.START.format(digest="none", version=(3, 9)), encoding="utf-8")
    done, _ = start(file, tmp_path / "cache")
    assert done.returncode == 1
    assert done.stderr.startswith("This file needs Python 3.9; this is ")
    assert not (tmp_path / "cache").exists()
