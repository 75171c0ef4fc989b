"""Drafts from a file, gathered by the partner who writes them.

A line that cannot be used is a `Bad` with its number and its reason; all other lines go on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from jisr_node.author import Faulty
from jisr_node.drafts import read_line

Draft = dict[str, Any]


@dataclass(frozen=True)
class Bad:
    """A line that was left out; `line` counts from 1."""

    line: int
    sentence: str


@dataclass
class Partner:
    """Who writes: `hub` is the label of the hub the node belongs to, `lines` the number of each draft's line."""

    label: str
    name: str
    country: str
    lang: str
    hub: str
    drafts: list[Draft] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """What a partner writes at one time, after it has read the others: new versions, references to records of others,
    and `{"delete": "local:…"}`."""

    label: str
    drafts: list[Draft]


class Unusable(Exception):
    """There is nothing to show in what was given; the sentence says why."""


def of_a_world(folder: Path, nodes: Sequence[Mapping[str, str]]) -> tuple[list[Partner], list[Turn]]:
    """The partners declared as `nodes`, with their `drafts.jsonl`, and what they write later, from `later.jsonl`.

    Raises Unusable when a line is none: the worlds are our own.
    """
    partners = {node["label"]: Partner(**node) for node in nodes}
    for line, label, draft in _read_whole(folder / "drafts.jsonl"):
        partners[label].drafts.append(draft)
        partners[label].lines.append(line)
    turns = groupby(_read_whole(folder / "later.jsonl"), key=itemgetter(1))
    return list(partners.values()), [Turn(label, [draft for _, _, draft in lines]) for label, lines in turns]


def _read_whole(file: Path) -> list[tuple[int, str, Draft]]:
    drafts, bad = _read(file)
    if bad:
        raise Unusable(f"{file}, line {bad[0].line}: {bad[0].sentence}.")
    return drafts


def of_a_file(file: Path, hubs: Sequence[tuple[str, str]]) -> tuple[list[Partner], list[Bad]]:
    """A partner for each label in a file from outside, dealt out in turn to `hubs`, (label, country) each.

    Raises Unusable when the file cannot be read or has no draft in it.
    """
    drafts, bad = _read(file)
    partners: dict[str, Partner] = {}
    for line, label, draft in drafts:
        if label not in partners:
            hub, country = hubs[len(partners) % len(hubs)]
            lang = draft["lang"] if isinstance(draft.get("lang"), str) else "en"
            name = _name(draft) or label
            partners[label] = Partner(label, name, _country(draft) or country, lang, hub)
        partners[label].drafts.append(draft)
        partners[label].lines.append(line)
    if not partners:
        why = f" Line {bad[0].line}: {bad[0].sentence}." if bad else ""
        raise Unusable(f"{file} holds no draft: expected JSON objects, one a line, each with `node`.{why}")
    return list(partners.values()), bad


def _read(file: Path) -> tuple[list[tuple[int, str, Draft]], list[Bad]]:
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}.") from None
    good, bad = [], []
    for number, line in enumerate(lines, 1):
        try:
            draft = read_line(line, first=number == 1)
        except Faulty as faulty:
            bad.append(Bad(number, str(faulty)))
            continue
        label = draft.get("node") if isinstance(draft, dict) else None
        if isinstance(draft, dict) and isinstance(label, str) and label:
            good.append((number, label, draft))
        elif draft is not None:
            bad.append(Bad(number, "/node: expected the label of the node that writes this; came none"))
    return good, bad


def kind(draft: Draft) -> str:
    """The type without family and major: service."""
    return str(draft.get("type", "")).rpartition("/")[0].rpartition(".")[2]


def title(draft: Draft) -> str:
    """What a record is called, in the language it was written in; its kind, and role, when it has no name."""
    words = draft.get("name") or draft.get("title") or {}
    if isinstance(words, dict):
        words = words.get(str(draft.get("lang"))) or next(iter(words.values()), "")
        words = words.get("value", "") if isinstance(words, dict) else words
    return str(words) or " ".join(filter(None, (kind(draft), str(draft.get("role", "")))))


def unmentioned(partner: Partner) -> Iterator[Draft]:
    """The drafts that no other draft of this partner refers to, services first."""
    text = json.dumps(partner.drafts)
    named = [draft for draft in partner.drafts if _local_id(draft)]
    alone = [draft for draft in named if json.dumps(f"local:{kind(draft)}/{_local_id(draft)}") not in text]
    yield from sorted(alone, key=lambda draft: kind(draft) != "service")


def _local_id(draft: Draft) -> str | None:
    source = draft.get("source")
    return source.get("local_id") if isinstance(source, dict) else None


def _name(draft: Draft) -> str | None:
    return title(draft) if kind(draft) == "organization" else None


def _country(draft: Draft) -> str | None:
    """The country an organization works in, or a place lies in."""
    area = draft.get("area")
    for part in area if isinstance(area, list) else []:
        code = str(part.get("code")) if isinstance(part, dict) else ""
        if code and str(part.get("scheme")).startswith("iso3166-") and re.fullmatch(r"[A-Z]{2}(-.+)?", code):
            return code[:2]
    return None
