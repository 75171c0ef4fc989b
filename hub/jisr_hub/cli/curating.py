"""`jisr-hub say`, `undo`, `curation` and `merged`: what this hub says of records, whose word it accepts, and what the
merged directory comes to."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from jisr_protocol import identifiers

from .. import config
from ..app.folder import now, read_identity
from ..curation.merging import Entry, Value, address
from ..curation.words import MAPS
from ..storage.curation import ACCEPT, SqlCuration
from .acting import act
from .setting_up import SettingUpError, opened

_LISTED = 1000


@contextlib.asynccontextmanager
async def _looking(folder: Path) -> AsyncIterator[SqlCuration]:
    """The merged directory as the log is now."""
    async with opened(folder) as ledger:
        curation = SqlCuration(ledger, read_identity(folder, config.read(folder)).id)
        await curation.follow(_today())
        yield curation


def _today() -> str:
    return identifiers.to_instant(now())[:10]


# Saying


async def say(
    folder: Path, predicate: str, records: Sequence[str], reason: str = "", **members: Any
) -> Mapping[str, Any]:
    """Say something of records; what it was, and the entries they are in now."""
    return await act(folder, "say", "", reason, predicate=predicate, records=list(records), **members)


async def correct(folder: Path, record: str, pointer: str, value: str, reason: str) -> Mapping[str, Any]:
    """Say what should stand in a member of a record. The value is JSON, or else words."""
    try:
        meant = orjson.loads(value)
    except orjson.JSONDecodeError:
        meant = value
    return await say(folder, "corrects", [record], reason, pointer=pointer, value=meant)


async def term(folder: Path, own: str, core: str, match: str, reason: str) -> Mapping[str, Any]:
    """Say which term of a core scheme a term of a node's own stands for; each is written `scheme/code`."""
    mapping = {"from": _concept(own), "to": _concept(core), "match": match}
    return await say(folder, MAPS, [], reason, mapping=mapping)


def _concept(said: str) -> dict[str, str]:
    scheme, cut, code = said.partition("/")
    if not cut:
        raise SettingUpError(f"Nothing was said. Expected a term as scheme/code, came {said}.")
    return {"scheme": scheme, "code": code}


async def undo(folder: Path, which: str, reason: str) -> Mapping[str, Any]:
    """Take back a word of this hub; one of another hub does not count here any more, and that is said with a reason."""
    async with _looking(folder) as curation:
        named = [word for word in await curation.said() if which and word.key[1].startswith(which)]
    theirs = len(named) == 1 and named[0].by != curation.own
    if theirs and not reason:
        raise SettingUpError(
            f"Nothing was changed. That is the word of {named[0].by}; this hub cannot take it back, only say that it "
            "does not count here. Add a --reason, which everybody may read."
        )
    return await act(folder, "set_aside_word" if theirs else "take_back", which, reason)


def said_words(value: Mapping[str, Any]) -> str:
    """What was said, for a person."""
    lines = [f"{value['predicate']} {value['assertion']}: {value['done']}."]
    for record, entry in value["entries"].items():
        if not entry:
            lines.append(f"  {record} is not shown.")
        elif entry != record:
            lines.append(f"  {record} leads to {entry}.")
        else:
            lines.append(f"  {record} is an entry.")
    if value["done"] == "said":
        lines.append(f"  Take it back with: jisr-hub undo {value['assertion'][:8]}")
    return "\n".join(lines)


# Whose word counts


async def decide(folder: Path, signer: str, decision: str) -> Mapping[str, Any]:
    """Accept or ignore what a hub or partner says of records, from now on."""
    return await act(folder, "hear", signer, decision=decision)


async def listed(folder: Path) -> dict[str, Any]:
    """{"signers": {id: decision}, "words": [...], "terms": {term: what it stands for}}: every word that stands, and
    whether its signer is heard."""
    async with _looking(folder) as curation:
        voices, decisions = await curation.voices(), await curation.decisions()
        words = [
            {
                "assertion": word.key[1],
                "signer": word.by,
                "own": word.by == curation.own,
                "heard": voices.rank(word.by) is not None,
                "predicate": word.predicate,
                "subjects": ["/".join(key) for key in word.subjects],
                "modified": word.modified,
                "reason": word.reason,
            }
            for word in await curation.said()
        ]
        terms = {
            "/".join(own): {"to": "/".join(one.to), "match": one.match, "by": one.by, "assertion": one.word}
            for own, one in (await curation.mappings(_today())).items()
        }
    return {"signers": decisions, "words": words, "terms": terms}


def decided_words(value: Mapping[str, Any]) -> str:
    """The decision for a person."""
    verb = "counts here" if value["decision"] == ACCEPT else "does not count here"
    return (
        f"What {value['signer']} says of records {verb} from now on: {value['words']} words, {value['worked_out']} "
        "entries were worked out anew. What this hub says itself counts before it."
    )


def listed_words(value: dict[str, Any]) -> str:
    """The list for a person."""
    lines = [f"{signer}  {decision}" for signer, decision in value["signers"].items()]
    for word in value["words"]:
        heard = "own" if word["own"] else "counts" if word["heard"] else "not accepted"
        about = " ".join(word["subjects"])
        lines.append(
            f"{word['assertion']}  {word['modified']}  {word['predicate']}  {heard}  {about}  by {word['signer']}"
        )
    lines += [f"{own} stands for {one['to']} ({one['match']}), by {one['by']}" for own, one in value["terms"].items()]
    return "\n".join(lines) or "Nothing was said of any record, and nobody's word is accepted."


# Looking


async def merged(folder: Path, name: str) -> dict[str, Any]:
    """One entry with the source of each field; without a name the entries by their addresses."""
    async with _looking(folder) as curation:
        if not name:
            found: dict[str, Any] = {}
            async for part in curation.entries(_today()):
                found |= {
                    one.address: {"type": one.type, "records": len(one.records), "name": _name(one)} for one in part
                }
                if len(found) >= _LISTED:
                    break
            return {"entries": dict(list(found.items())[:_LISTED])}
        key = await curation.find(name)
        entry = await curation.entry(key, _today()) if key is not None else None
        if entry is None:
            raise SettingUpError(f"Nothing is shown under {name}. See: jisr-hub merged")
        return {"entry": msgspec.to_builtins(entry)}


def merged_words(value: dict[str, Any]) -> str:
    """An entry, or the list of them, for a person."""
    if "entries" in value:
        lines = [
            f"{name}  {one['type']}  {one['records']} record(s)  {one['name']}"
            for name, one in value["entries"].items()
        ]
        return "\n".join(lines) or "The directory is empty."
    return "\n".join(_lines(msgspec.convert(value["entry"], Entry)))


def _lines(entry: Entry) -> list[str]:
    lines = [f"{entry.address}  {entry.type}"]
    lines += [f"  also {name}" for name in entry.also]
    for source in entry.records:
        lines.append(
            f"  record {source.node}/{source.id} rev {source.rev}, confirmed {source.confirmed}, {source.licence}"
        )
    for name, one in entry.fields.items():
        lines.append(f"{name}: {_value(one.shown)}")
        lines += [f"  not shown: {_value(other)}" for other in one.others]
    for remark in entry.remarks:
        what = " ".join(filter(None, (remark.predicate, remark.method, remark.pointer)))
        lines.append(f"{what}, by {remark.by} on {remark.at} ({remark.word}) {_reason(remark.reason)}".rstrip())
    for apart in entry.apart:
        pair = " and ".join(address(key) for key in apart.pair)
        lines.append(f"left apart: {pair}, said to be one in {apart.word[1]}, but: {apart.why}")
    return lines


def _value(one: Value) -> str:
    text = one.value["value"] if isinstance(one.value, dict) and "value" in one.value else one.value
    written = text if isinstance(text, str) else orjson.dumps(text, option=orjson.OPT_SORT_KEYS).decode()
    told = [f"{address((node, record_id))} on {at}" for node, record_id, at in one.sources]
    for correction in one.corrections:
        older = "; the author has written it anew since" if correction.older else ""
        told.append(f"corrected by {correction.by} on {correction.at} ({correction.word}){older}")
    return f"{written}  [{', '.join(told)}]"


def _reason(reason: Any) -> str:
    return " / ".join(str(text.get("value", "")) for text in reason.values())


def _name(entry: Entry) -> str:
    names = [one for field, one in entry.fields.items() if field.startswith(("name/", "title/"))]
    return str(names[0].shown.value.get("value", "")) if names else ""
