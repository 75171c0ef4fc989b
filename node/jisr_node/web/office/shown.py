"""What every page of a record shows while it is written: its name, its public page, what it can point to, when it was
kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jisr_protocol.pages.facts import facts_of
from jisr_protocol.pages.language import Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import kind_word, status_word

from ...app import Node
from . import writing_words
from .room import Visit

if TYPE_CHECKING:
    from ...editing.differing import Difference
    from ...editing.drafting import Opened, Saved
    from ...editing.fields import Writing as By

ORGANIZATION, LOCATION = "org.jisr.organization/1", "org.jisr.location/1"


def common(node: Node, visit: Visit, opened: Opened) -> dict[str, Any]:
    """What every page of a record shows."""
    language = visit.language
    return {
        "id": opened.id,
        "seen": opened.seen,
        "name": name_of(opened, language),
        "kind": kind_word(opened.type, language),
        "draft": opened.draft,
        "published": opened.published is not None,
        "saved": said_at(node, opened.saved_at, language) if opened.saved_at else "",
        "preview": preview(node, opened, language),
    }


def put_aside(node: Node, visit: Visit, opened: Opened, saved: Saved) -> dict[str, Any]:
    """What another window changed at the same place, to be asked about; {} when nothing was put aside."""
    if saved.outcome != "aside":
        return {}
    past = next(one for one in node.drafting.history(opened.id) if one.version.n == saved.n)
    return {
        "id": opened.id,
        "name": name_of(opened, visit.language),
        "n": saved.n,
        "changes": [in_words(one, visit.language) for one in past.changes],
    }


def writing(node: Node, opened: Opened, visit: Visit) -> By:
    """Who writes a record, for its forms."""
    from ...editing.fields import Writing as By

    return By(str(opened.record.get("lang", node.settings.lang)), node.settings.country, visit.language.code)


def name_of(opened: Opened, language: Language) -> str:
    """What a record is called in the reader's language, or its kind while it has no name."""
    text = choose(opened.record.get("name") or opened.record.get("title"), language.code, opened.record.get("lang", ""))
    return text.value if text else kind_word(opened.type, language)


def names_of(node: Node, language: Language) -> dict[str, list[tuple[str, str]]]:
    """What a form can point to: what is ours, drafts too."""
    rows = {row["id"]: (row["type"], row["name"] or row["id"]) for row in node.overview()}
    rows |= {draft.id: (draft.type, name_of(draft, language)) for draft in node.drafting.all()}
    return {
        word: [(one, name) for one, (kind, name) in rows.items() if kind == f"org.jisr.{word}/1"]
        for word in ("organization", "location", "project", "fund")
    }


def others(node: Node, record_id: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Our other places that have a point: (name, coordinates)."""
    held = [record for record in node.records() if record["type"] == LOCATION and record["id"] != record_id]
    return [
        (next(iter(record["name"].values()))["value"], record["coordinates"])
        for record in held
        if "coordinates" in record
    ]


def preview(node: Node, opened: Opened, language: Language) -> dict[str, Any]:
    """A draft as its public page shows it."""
    record = {**opened.record, "node": node.id}
    author = record.get("lang", "")
    described = (choose(record.get(name), language.code, author) for name in ("description", "summary", "purpose"))
    names = {(node.id, one): Text(name) for every in names_of(node, language).values() for one, name in every}
    told = {name: member for name, member in record.items() if name not in ("description", "summary", "purpose")}
    unknown = language.gettext("A record of others")
    return {
        "kind": kind_word(opened.type, language),
        "status": status_word(record.get("status"), language),
        "name": choose(record.get("name") or record.get("title"), language.code, author),
        "description": next((text for text in described if text), None),
        "facts": facts_of(told, language, names, lambda _, one: f"/records/{one}", unknown),
        "audience": writing_words.value("audience", str(record.get("audience")), language),
        "consequence": writing_words.consequence("audience", str(record.get("audience")), language),
    }


def in_words(change: Difference, language: Language) -> dict[str, str]:
    """A difference as a label, a language, and both sides."""
    steps = [writing_words.label(step, language) for step in change.path if not step.isdigit()]
    member = next((step for step in reversed(change.path) if not step.isdigit()), "")
    lang = language.language_name(change.lang) or change.lang
    return {
        "label": " – ".join(steps) + (f" ({lang})" if lang else ""),
        "lang": change.lang,
        "before": writing_words.value(member, change.before, language),
        "after": writing_words.value(member, change.after, language),
        "same": "yes" if change.origin else "",
    }


def said_at(node: Node, at: str, language: Language, *, day: bool = False) -> str:
    """When something was kept, on the clock of the node's country: 14:05, with the date where that is wanted."""
    from ...editing.fields import Writing as By

    if not at:
        return ""
    try:
        zone: Any = ZoneInfo(By("", node.settings.country).default("@timezone"))
    except ZoneInfoNotFoundError:
        zone = None
    moment = datetime.fromisoformat(at)
    local = moment.astimezone(zone) if zone else moment
    clock = f"{local:%H:%M}"
    return f"{language.date(local.date())}{language.comma}{clock}" if day else clock
