"""`jisr-hub duplicates`: the live records that may be of one thing, with reasons.

What the operator said not to be the same stays out.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jisr_protocol import entry as entries

from .. import config
from ..app.folder import now, read_identity
from ..curation import words
from ..curation.candidates import Candidate, Index, Pair, crowded, pair
from ..curation.profiles import Key, Profile, profile
from .setting_up import SettingUpError, check_there, opened

Progress = Callable[[int, int], None]


class Read:
    """The live records of a hub as they are compared, and the pairs its operator said are not the same."""

    def __init__(self, hub: str, today: str) -> None:
        self.index = Index()
        self.denied: set[Pair] = set()
        self._hub, self._today = hub, today

    def take(self, record: dict[str, Any]) -> None:
        """Take in one live record."""
        if record.get("type") == words.TYPE:
            self._word(record)
        elif (profiled := profile(record)) is not None:
            self.index.put(profiled)

    def _word(self, record: dict[str, Any]) -> None:
        word = words.word_of(record, "")
        if word is None or word.by != self._hub or word.predicate != words.NOT_SAME or not word.holds(self._today):
            return
        subjects = sorted(word.subjects)
        self.denied.update(pair(one, other) for one in subjects for other in subjects if one < other)


async def duplicates(folder: Path, record: str, progress: Progress) -> dict[str, Any]:
    """Find what may be double: {"records", "pairs", "crowded"}, of one record (its id, or node/id) or of all.

    Raises SettingUpError where there is no such record. Nothing is changed.
    """
    check_there(folder)
    today = now().date().isoformat()
    read = Read(read_identity(folder, config.read(folder)).id, today)
    async with opened(folder) as ledger, ledger.reading() as view:
        total, done = await view.live(), 0
        async for lines in view.puts():
            for line in lines:
                said = entries.parse(line)
                if said.thing is not None:
                    read.take(said.thing.value)
            done += len(lines)
            progress(done, total)
    if record:
        key = _asked(read.index, record)
        found = [(key, read.index.candidates(key, read.denied))]
    else:
        found = list(read.index.every(read.denied, progress))
    graded = {pair(key, candidate.key): candidate.grade for key, some in found for candidate in some}
    warned = crowded(graded)
    pairs = [
        _fact(read.index, key, candidate)
        for key, some in found
        for candidate in some
        if "too_many" not in (warned.get(key), warned.get(candidate.key))
    ]
    crowd = [{"record": "/".join(key), "warning": said} for key, said in sorted(warned.items())]
    pairs.sort(key=lambda each: (-each["sure"], each["records"]))
    return {"records": len(read.index), "pairs": pairs, "crowded": crowd}


def _asked(index: Index, record: str) -> Key:
    node, slash, id = record.rpartition("/")
    found = [key for key in index.every_key() if key[1] == id and (not slash or key[0] == node)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingUpError(f"{len(found)} nodes have a record {id}. Name it with its node: jisr:…/{id}")
    raise SettingUpError(
        f"there is no live organization, service or location {record} here. `jisr-hub duplicates` without "
        "a name looks at all of them"
    )


def _fact(index: Index, key: Key, candidate: Candidate) -> dict[str, Any]:
    reasons = [
        {"code": reason.code, "values": list(reason.values), "for": reason.speaks_for} for reason in candidate.reasons
    ]
    both = [key, candidate.key]
    return {
        "grade": candidate.grade.word,
        "sure": int(candidate.grade),
        "records": ["/".join(each) for each in both],
        "names": [_shown(index.profile(each)) for each in both],
        "reasons": reasons,
    }


def _shown(profiled: Profile | None) -> str:
    return profiled.names[0].shown if profiled else ""


def words_of(value: dict[str, Any]) -> str:
    """The pairs for a person, surest first."""
    lines = [f"{len(value['pairs'])} pairs among {value['records']} records. Nothing was joined."]
    for each in value["pairs"]:
        lines += ["", each["grade"].replace("_", " ")]
        lines += [f"  {name}  {record}" for name, record in zip(each["names"], each["records"], strict=True)]
        for reason in each["reasons"]:
            sign = "+" if reason["for"] else "-"
            lines.append(f"  {sign} {reason['code'].replace('_', ' ')}  {' · '.join(reason['values'])}".rstrip())
    for each in value["crowded"]:
        much = "more than 50" if each["warning"] == "too_many" else "more than 20"
        lines.append(f"WARN  {each['record']} is like {much} others: look at where they come from")
    return "\n".join(lines)
