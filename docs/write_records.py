"""Write docs/records.md from the schemas: `python docs/write_records.py`; a test holds the two equal."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jisr_protocol import schema

PAGE = Path(__file__).parent / "records.md"
PARTS = (
    "label address coordinates area term link identifier contact_point schedule operating_hours occasion period "
    "capacity places referral money money_range quantity cost provision document image skill language_skill party "
    "concept assured source"
)
INTRODUCTION = """\
# Record types

Written by `docs/write_records.py` from the schemas in `protocol/schemas/`, which are normative.

A record is one flat JSON object. Its `type` names the kind and the major, `org.jisr.service/1`, and its schema is
`protocol/schemas/service/1.json`. Members no schema names are kept and passed on; types without a schema are relayed.

- Text for people is localised: `{"ar": {"value": "…", "origin": "author"}, "fr": {"value": "…", "origin": "human"}}`.
  `origin` is `author`, `human` (a translator) or `machine`.
- A reference to another record is `<uuid>` for a record of the same node, `jisr:…/<uuid>` for another's.
- Numbers are whole. Money, quantities and coordinates are decimal numbers in strings, such as `"1250.50"`.
- An instant is `YYYY-MM-DDTHH:MM:SSZ` in UTC, a date `YYYY-MM-DD`. Times on a clock are local, beside the IANA name
  of their zone.
- Contact points name a role, never a private person; a record about a person is never public and names nobody.
"""


def main() -> None:
    PAGE.write_text(page(), "utf-8")


def page() -> str:
    """Return the whole of docs/records.md."""
    parts = [INTRODUCTION, _section("Members every record has", schema.common()["$defs"]["record"])]
    parts += [_type(name) for name in schema.types()]
    parts.append("## Shared parts\n")
    parts += [_part(name) for name in PARTS.split()]
    return "\n".join(parts)


def _type(name: str) -> str:
    document = schema.document(name)
    facts = [f"Default audience: `{document['x-jisr-default-audience']}`."]
    facts += [f"{label}: {document[key]}." for key, label in _NAMES.items() if key in document]
    return _section(f"`{name}`", document, " ".join([document["description"], *facts]))


_NAMES = {"x-hsds": "HSDS", "x-schema-org": "schema.org"}


def _section(title: str, document: Mapping[str, Any], introduction: str = "") -> str:
    needed = set(document.get("required", ()))
    lines = [f"## {title}", "", introduction or document["description"], ""]
    lines += ["| member | required | form | meaning | HSDS | schema.org |", "|---|---|---|---|---|---|"]
    for name, part in document["properties"].items():
        if (name == "type" and "const" in part) or "nobody" in part.get("$ref", ""):
            continue
        cells = [f"`{name}`", "yes" if name in needed else "", _form(part), part.get("description", "")]
        lines.append(_row(cells + [part.get(key, "") for key in _NAMES]))
    lines += _rules(document)
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _rules(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what a table cannot: choices of members, and names that are refused."""
    rules = [document, *document.get("allOf", [])]
    for choice in (rule["anyOf"] for rule in rules if "anyOf" in rule):
        yield "\nAt least one of " + ", ".join(f"`{branch['required'][0]}`" for branch in choice) + " is there."
    refused = [name for name, part in document["properties"].items() if "nobody" in part.get("$ref", "")]
    if refused:
        yield "\nRefused members: " + ", ".join(f"`{name}`" for name in refused) + "."


def _part(name: str) -> str:
    """Return a shared part and its members, as a list."""
    part = schema.common()["$defs"][name]
    lines = [f"### {name}", "", part["title"][0].upper() + part["title"][1:] + ". " + part.get("description", ""), ""]
    for member, inner in part.get("properties", {}).items():
        if "nobody" not in inner.get("$ref", ""):
            needed = " (required)" if member in part.get("required", ()) else ""
            lines.append(f"- `{member}`{needed}: {_form(inner)}. {inner.get('description', '')}".rstrip())
    if "properties" in part:
        lines += _rules(part)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _form(part: dict[str, Any]) -> str:
    """Say in a few words what stands there."""
    name = part.get("$ref", "").rpartition("/")[2]
    if name in PARTS.split():
        return f"[{name}](#{name})"
    if name:
        return _form(schema.common()["$defs"][name])
    if part.get("type") == "array":
        return f"list of at most {part['maxItems']}: {_form(part['items'])}"
    if "allOf" in part:
        return _form(part["allOf"][0])
    if "properties" in part:
        return "; ".join(f"`{member}` {_form(inner)}" for member, inner in part["properties"].items())
    return str(part.get("title", "as in every record" if "maxItems" in part or "minItems" in part else "any value"))


if __name__ == "__main__":
    main()
