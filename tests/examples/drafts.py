"""Complete a draft as a node does at import, so that a schema can judge it; ids and salt are made up here."""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from jisr_protocol import schema

NODE = "jisr:" + "a" * 52
NOW = "2026-11-01T08:00:00Z"
LICENCE = "CC-BY-4.0"

Draft = dict[str, Any]


def read(path: Path) -> list[Draft]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def kind(draft: Draft) -> str:
    """The name of the type without its authority and major: `service` for `org.jisr.service/1`."""
    return str(draft["type"]).removeprefix("org.jisr.").removesuffix("/1")


def name(draft: Draft) -> tuple[str, str]:
    """What a reference of the same node can call it by: its type's name and its local id."""
    return kind(draft), draft.get("source", {}).get("local_id", draft.get("id", ""))


def identifier(node: str, of: tuple[str, str]) -> str:
    digest = hashlib.sha256("\n".join((node, *of)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=5))


def references(value: Any) -> list[tuple[str, str]]:
    """Every `local:<type name>/<local id>` in a draft."""
    if isinstance(value, dict):
        return [found for part in value.values() for found in references(part)]
    if isinstance(value, list):
        return [found for part in value for found in references(part)]
    if isinstance(value, str) and value.startswith("local:"):
        first, _, second = value.removeprefix("local:").partition("/")
        return [(first, second)]
    return []


def complete(draft: Draft, lang: str = "en") -> Draft:
    """The record a node would make of a draft: references resolved, defaults filled in, `node` its own."""
    node = draft["node"]

    def resolved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: resolved(part) for key, part in value.items()}
        if isinstance(value, list):
            return [resolved(part) for part in value]
        return identifier(node, references(value)[0]) if references(value) else value

    given = {
        "id": identifier(node, name(draft)),
        "rev": 1,
        "salt": "A" * 22,
        "created": NOW,
        "modified": NOW,
        "status": "active",
        "licence": LICENCE,
        "lang": lang,
        "audience": schema.default_audience(draft["type"]),
    }
    return {**given, **resolved(draft), "node": NODE}
