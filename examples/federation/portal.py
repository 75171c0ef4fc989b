"""A Danish portal: one page made of a reader's verified copy, and a sentence that sums it up."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .coverage import Record, short_type, uncovered

LANG = "da"
KINDS = {
    "organization": ("organisation", "organisationer"),
    "service": ("tilbud", "tilbud"),
    "opportunity": ("frivilligopgave", "frivilligopgaver"),
    "need": ("behov", "behov"),
    "fund": ("pulje", "puljer"),
    "project": ("projekt", "projekter"),
    "event": ("aktivitet", "aktiviteter"),
    "alliance": ("netværk", "netværk"),
    "news": ("nyhed", "nyheder"),
}
"""What the page shows, in this order, one and many."""
RIGHT_TO_LEFT = ("ar",)


def summary(records: Iterable[Record]) -> str:
    """How many of each kind, in Danish."""
    found = Counter(short_type(record) for record in records)
    named = [f"{found[kind]} {one if found[kind] == 1 else many}" for kind, (one, many) in KINDS.items() if found[kind]]
    return ", ".join(named)


def page(records: Iterable[Record], *, title: str, fresh: str) -> str:
    """The whole page in HTML. Names stand in Danish where somebody gave them, else in the language of their author."""
    everything = list(records)
    parts = []
    for kind, (_, many) in KINDS.items():
        lines = [_line(record) for record in everything if short_type(record) == kind]
        if lines:
            parts.append(f"<h2>{many.capitalize()} ({len(lines)})</h2>\n<ul>\n" + "\n".join(sorted(lines)) + "\n</ul>")
    lacking = [_line(record) for record in uncovered(everything)]
    if lacking:
        parts.append("<h2>Her mangler der indsatser</h2>\n<ul>\n" + "\n".join(lacking) + "\n</ul>")
    return (
        f'<!doctype html>\n<html lang="{LANG}">\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f"<h1>{html.escape(title)}</h1>\n<p>Læst og efterprøvet {html.escape(fresh)}: hver post bærer sin forfatters "
        "underskrift.</p>\n" + "\n".join(parts) + "\n</html>\n"
    )


def _line(record: Record) -> str:
    lang, text = words(record)
    direction = ' dir="rtl"' if lang in RIGHT_TO_LEFT else ""
    machine = " (maskinoversat)" if text.get("origin") == "machine" else ""
    return f'<li><bdi lang="{html.escape(lang)}"{direction}>{html.escape(text["value"])}</bdi>{machine}</li>'


def words(record: Record) -> tuple[str, dict[str, Any]]:
    """(language, text) of a record's name or title: Danish, else its author's."""
    named = record.get("name") or record.get("title") or {}
    lang = LANG if LANG in named else str(record["lang"])
    return lang, named.get(lang) or {"value": str(record["type"])}
