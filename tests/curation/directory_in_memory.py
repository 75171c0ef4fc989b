"""The merged directory in memory, kept up to date change by change, for tests that hold it against one from scratch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from jisr_hub.curation.clusters import Reach, begins, reach
from jisr_hub.curation.directory import settle
from jisr_hub.curation.merging import Entry, Record, address
from jisr_hub.curation.words import Voices, Word
from jisr_hub.ports import Key


class Directory:
    """The merged directory of records and words in memory, kept up to date."""

    def __init__(self, voices: Voices, today: str) -> None:
        self.voices, self.today = voices, today
        self.entries: dict[str, Entry] = {}
        self.settled = 0
        self._live: dict[Key, Record] = {}
        self._words: dict[Key, Word] = {}
        self._about: dict[Key, set[Key]] = defaultdict(set)
        self._addresses: dict[Key, str] = {}

    def take(
        self,
        *,
        records: Iterable[Record] = (),
        gone: Iterable[Key] = (),
        words: Iterable[Word] = (),
        silent: Iterable[Key] = (),
    ) -> None:
        """Take records and words that came or changed, and the names of those that went."""
        starts = {*gone}
        for key in gone:
            self._live.pop(key, None)
        for record in records:
            self._live[record.key] = record
            starts.add(record.key)
        changed: list[Word] = []
        for key in silent:
            changed += self._forget(key)
        for word in words:
            changed += [*self._forget(word.key), word]
            self._words[word.key] = word
            for key in word.subjects:
                self._about[key].add(word.key)
        self._settle(starts | begins(changed))

    def hear(self, voices: Voices) -> None:
        """Hear other signers from now on."""
        changed = self.voices.accepted ^ voices.accepted
        self.voices = voices
        self._settle(begins(word for word in self._words.values() if word.by in changed))

    def wake(self, today: str) -> None:
        """Go on to another day: what begins or ends to hold is settled."""
        before, self.today = self.today, today
        starts = begins(word for word in self._words.values() if word.holds(before) != word.holds(today))
        first = min(before, today)  # who dated something later than that is shown otherwise
        ahead = {name for name, entry in self.entries.items() if _latest(entry) > first}
        self._settle(starts | {key for key, name in self._addresses.items() if name in ahead})

    def _forget(self, key: Key) -> list[Word]:
        before = self._words.pop(key, None)
        if before is None:
            return []
        for subject in before.subjects:
            self._about[subject].discard(key)
        return [before]

    def _settle(self, starts: Collection[Key]) -> None:
        found = self._walk(starts)
        for key in found.keys:
            self.entries.pop(self._addresses.pop(key, ""), None)
        entries = settle(found, self._live, self.voices, self.today)
        self.settled += len(entries)
        by_address = {name: entry for entry in entries for name in (entry.address, *entry.also)}
        for key in found.keys:
            if (entry := by_address.get(address(key))) is not None:
                self._addresses[key] = entry.address
                self.entries[entry.address] = entry

    def _walk(self, starts: Collection[Key]) -> Reach:
        walk = reach(starts, self.voices)
        try:
            wanted = next(walk)
            while True:
                wanted = walk.send(self._found(wanted))
        except StopIteration as ended:
            found: Reach = ended.value
            return found

    def _found(self, keys: Iterable[Key]) -> Sequence[Word]:
        named = {word for key in keys for word in self._about.get(key, ())}
        named |= {key for key in keys if key in self._words}
        return [self._words[key] for key in sorted(named)]


def _latest(entry: Entry) -> str:
    values = (value for one in entry.fields.values() for value in (one.shown, *one.others))
    return max([one.confirmed for one in entry.records] + [at for value in values for _, _, at in value.sources])
