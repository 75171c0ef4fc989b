"""Snapshots of a feed in the making, by their definition."""

from __future__ import annotations

import json
from typing import Any

from .entries import Line
from .feed import Feed
from .primitives import canonical, sha256
from .trees import frontier, state_tree

Lists = dict[str, list[Line]]


def lists_of(feed: Feed) -> Lists:
    """What stands in each list of a snapshot of all entries there are."""
    newest = {}
    for line in feed.lines:
        if line.column("op") in ("put", "del", "out"):
            newest[line.column("node"), line.column("id")] = line
    lifted = [line.column("id") for line in feed.lines if line.column("op") == "unhold"]
    statements = [line for line in feed.lines if line.column("op") == "statement"]
    return ({"statements": statements} if statements else {}) | {
        "guards": [
            line
            for line in feed.lines
            if line.column("op") == "erase" or (line.column("op") == "hold" and line.column("id") not in lifted)
        ],
        "keys": [line for line in feed.lines if line.column("op") in ("key", "recovery")],
        "parts": sorted((newest[place] for place in feed.live), key=_place),
        "tombstones": [line for line in newest.values() if line.column("op") in ("del", "out")],
    }


def take(feed: Feed, lists: Lists | None = None, bend: dict[str, Any] | None = None, lines: int = 4096) -> None:
    """Write a snapshot of all entries there are beside the feed, and name it in the head. `bend` replaces members."""
    folder = f"snap/{feed.epoch}-{feed.size}"
    manifest: dict[str, Any] = {
        "by": feed.writer.id,
        "epoch": feed.epoch,
        "frontier": [hashed.hex() for hashed in frontier([line.leaf for line in feed.lines])],
        "live": len(feed.live),
        "name": feed.name,
        "seq": feed.size,
        "state_root": state_tree(feed.rows)[0].hex(),
    }
    number = 0
    for name, chosen in sorted((lists or lists_of(feed)).items()):
        manifest[name] = []
        for first in range(0, len(chosen), lines):
            content = b"".join(line.raw + b"\n" for line in chosen[first : first + lines])
            path = f"{folder}/{number:03d}.ndjson"
            feed.beside[path] = content
            manifest[name].append(part(path, content))
            number += 1
    name_manifest(feed, canonical(manifest | (bend or {})) + b"\n")


def part(path: str, content: bytes) -> dict[str, Any]:
    return {"bytes": len(content), "count": content.count(b"\n"), "path": path, "sha256": sha256(content).hex()}


def name_manifest(feed: Feed, content: bytes) -> None:
    """Let the head name this manifest of the snapshot of all entries there are."""
    path = f"snap/{feed.epoch}-{feed.size}/manifest.json"
    feed.beside[path] = content
    feed.more["snap"] = {"path": path, "seq": feed.size, "sha256": sha256(content).hex()}


def manifest_of(feed: Feed) -> dict[str, Any]:
    """The manifest that the head names."""
    value: dict[str, Any] = json.loads(feed.beside[feed.more["snap"]["path"]])
    return value


def _place(line: Line) -> tuple[int, str, str]:
    node, id_ = line.column("node"), line.column("id")
    return int.from_bytes(sha256(f"{node}\n{id_}".encode())[:3], "big") >> 6, node, id_
