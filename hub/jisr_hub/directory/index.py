"""The index of the directory in memory: documents in, hits and counts out. Pure; the time is an argument.

    index.put(doc, key, document, now)       take a document, in place of what had its number
    index.drop(doc)                          forget it
    index.find(query, now)                   a page of hits, and counts over all of them

Every word and every code has the set of documents it stands in (docs.py); a query is those sets, cut and counted.
What is asked for stands in this order: documents that have most of the words in their names, whole words before
beginnings of words; then what was confirmed or changed last; then by a hash of the key. So the order is the same in
every process and over every database. It takes about a kilobyte of memory an entry.
"""

from __future__ import annotations

import hashlib
import heapq
import sys
from array import array
from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import chain, islice

from jisr_hub.directory.asking import Term, points_of, terms
from jisr_hub.directory.docs import Docs, members
from jisr_hub.directory.document import Document
from jisr_hub.directory.hours import Hours
from jisr_hub.directory.points import Point, Points
from jisr_hub.directory.vocabulary import Vocabulary
from jisr_hub.directory.words import words
from jisr_hub.ports import Key
from jisr_hub.ports.search import DEEPEST, FACETS, LONGEST_PAGE, NEAR, NEW, Found, Hit, Query
from jisr_protocol import identifiers
from jisr_protocol.opening import Declared

MOST_COUNTED = 100
"""Codes of a facet that are counted in an answer, the most frequent ones."""
_FACETS = ("type", *FACETS)
_FEW = 2000
_TALLIES = 64
_ONE_BY_ONE = 256
"""A set of so many documents is counted faster one by one than as bits."""
_NAMED = 1 << 31
_MONTH = timedelta(days=365.25 / 12)
_BANDS = ("good", "careful", "harm")
_MINUTES, _HASH_BITS, _DOC_BITS = 1 << 27, 36, 26


class Index:
    """All documents. One task changes it and asks it."""

    def __init__(self, declared: tuple[Declared, ...] = ()) -> None:
        self.hours, self.points, self.vocabulary = Hours(declared), Points(), Vocabulary()
        self._keys: list[Key | None] = []
        self._words: list[array[int]] = []
        self._codes_of: list[tuple[str, ...]] = []
        self._ranks: list[int] = []
        self._last: list[str] = []
        self._live = Docs(often=True)
        self._order: list[int] = []
        self._codes: dict[str, dict[str, Docs]] = {name: {} for name in (*_FACETS, "remote")}
        self._places: dict[str, Docs] = {}
        self._places_of: dict[int, tuple[str, ...]] = {}
        self._concepts: dict[int, tuple[tuple[str, str], ...]] = {}
        self._labels: dict[str, list[str]] | None = None
        """Word → codes whose labels have it; None where code lists have changed since it was asked for."""
        self._expires: dict[int, str] = {}
        self._ending: list[tuple[str, int]] = []
        self._tallies: dict[tuple[int, tuple[str, ...]], dict[str, tuple[tuple[str, int], ...]]] = {}
        self._bands: dict[str, Docs] = {}
        self._bands_of: date | None = None
        self._edges = ("", "", "")
        """Of today: later than this is in the future, from here it is young, from here not old."""

    def __len__(self) -> int:
        return self._live.count

    # Changing

    def put(self, doc: int, key: Key, made: Document) -> None:
        """Take a document, in place of what had its number."""
        self.drop(doc)
        self._tallies.clear()
        while len(self._keys) <= doc:
            self._keys.append(None)
            self._words.append(array("I"))
            self._codes_of.append(())
            self._ranks.append(0)
            self._last.append("")
        self._keys[doc], self._last[doc] = (sys.intern(key[0]), key[1]), made.last
        self._words[doc] = self._take_words(doc, made)
        self._codes_of[doc] = tuple(sys.intern(code) for code in made.codes)
        for name, code in map(_cut, self._codes_of[doc]):
            self._codes[name].setdefault(code, Docs(often=True)).add(doc)
        self._ranks[doc] = _rank(key, made.last) << _DOC_BITS | doc
        insort(self._order, self._ranks[doc])
        self.hours.put(doc, made.hours)
        self.points.put(doc, made.points)
        if made.places:
            self._places_of[doc] = made.places
            for place in made.places:
                self._places.setdefault(place, Docs()).add(doc)
        if made.concepts:
            self._concepts[doc], self._labels = made.concepts, None
        if made.expires:
            self._expires[doc] = made.expires
            heapq.heappush(self._ending, (made.expires, doc))
        self._live.add(doc)
        if self._bands:
            self._bands[_band(made.last, *self._edges)].add(doc)

    def drop(self, doc: int) -> None:
        """Forget a document; safe to call twice."""
        if doc >= len(self._keys) or self._keys[doc] is None:
            return
        self._tallies.clear()
        for number in self._words[doc]:
            self.vocabulary.drop(number & ~_NAMED, doc)
        for name, code in map(_cut, self._codes_of[doc]):
            _leave(self._codes[name], code, doc)
        for place in self._places_of.pop(doc, ()):
            _leave(self._places, place, doc)
        del self._order[bisect_left(self._order, self._ranks[doc])]
        self.hours.drop(doc)
        self.points.drop(doc)
        if self._concepts.pop(doc, None) is not None:
            self._labels = None
        self._expires.pop(doc, None)
        self._keys[doc], self._words[doc], self._codes_of[doc], self._last[doc] = None, array("I"), (), ""
        self._live.drop(doc)
        for band in self._bands.values():
            band.drop(doc)

    def _take_words(self, doc: int, made: Document) -> array[int]:
        taken, vocabulary = array("I"), self.vocabulary
        for text, named in ((made.name, True), (made.text, False)):
            for word in text.split():
                number = vocabulary.number(word)
                vocabulary.add(number, doc, named=named)
                taken.append(number | _NAMED if named else number)
        return taken

    # Asking

    def preparing(self, query: Query) -> Iterator[None]:
        """What a query needs worked out before it is answered, step by step."""
        if query.open_at is not None:
            yield from self.hours.preparing(query.open_at.astimezone(UTC).date())

    def find(self, query: Query, now: datetime) -> Found:
        """Answer a query as of `now` (aware)."""
        self._expire(now)
        asked = terms(query.words, self.vocabulary, self._explained)
        start = query.near if query.near is not None else self._place(query.place)
        base = self._live.bits()
        for term in asked:
            base &= term.anywhere
        if query.open_at is not None:
            base &= self.hours.open(query.open_at)
        if query.remote is not None:
            base &= self._either("remote", ("yes" if query.remote else "no",))
        if query.within_km is not None and (start is not None or query.place):
            near = self.points.within(start, query.within_km) if start is not None else {}
            base &= _bits_of(near)
        chosen = {name: codes for name, codes in {"type": query.types, **query.facets}.items() if codes}
        cuts = {name: self._either(name, codes) for name, codes in chosen.items()}
        hits = base
        for cut in cuts.values():
            hits &= cut
        facets = self._tallied(hits, tuple(name for name in _FACETS if name not in cuts))
        for name in cuts:
            among = base
            for other, cut in cuts.items():
                among &= cut if other != name else -1
            facets |= self._tallied(among, (name,))
        fresh = {band: count for band, bits in self._fresh(now).items() if (count := (bits & hits).bit_count())}
        offset, limit = max(0, min(query.offset, DEEPEST)), max(0, min(query.limit, LONGEST_PAGE))
        docs = islice(self._ordered(hits, asked, query.order, start), offset, offset + limit)
        shown = tuple(self._hit(doc, asked, start) for doc in docs)
        nearly = tuple(word for term in asked for word in term.instead)
        return Found(hits.bit_count(), shown, facets, fresh, nearly, start)

    def _hit(self, doc: int, asked: list[Term], start: Point | None) -> Hit:
        key = self._keys[doc]
        assert key is not None
        has = {number & ~_NAMED for number in self._words[doc]}
        matched = dict.fromkeys(
            self.vocabulary.words[number] for term in asked for number in term.numbers if number in has
        )
        distance = self.points.distance(doc, start) if start is not None else None
        return Hit(*key, distance, tuple(matched), any(term.instead for term in asked), self.points.of(doc))

    # Sets

    def _either(self, facet: str, codes: Iterable[str]) -> int:
        bits = 0
        for code in codes:
            docs = self._codes.get(facet, {}).get(code)
            bits |= docs.bits() if docs is not None else 0
        return bits

    def _explained(self, word: str) -> int:
        """The documents with a term whose label in a code list has this word."""
        if self._labels is None:
            self._labels = defaultdict(list)
            for code, label in (one for some in self._concepts.values() for one in some):
                for each in label.split():
                    self._labels[each].append(code)
        bits, meant = 0, self._labels.get(word, ())
        for facet in ("theme", "audience", "what") if meant else ():
            bits |= self._either(facet, meant)
        return bits

    def _tallied(self, among: int, names: tuple[str, ...]) -> dict[str, tuple[tuple[str, int], ...]]:
        """How many of these documents there are with each code of these facets: what is asked for again, as for the
        next page, is remembered until something changes."""
        if (among, names) in self._tallies:
            return dict(self._tallies[among, names])
        counts: dict[str, dict[str, int]] = {name: {} for name in names}
        if among.bit_count() <= _FEW:
            codes = Counter(chain.from_iterable(self._codes_of[doc] for doc in members(among)))
            for (name, code), count in ((_cut(whole), count) for whole, count in codes.items()):
                if name in counts:
                    counts[name][code] = count
        else:
            counts = {name: _counts(self._codes[name], among) for name in names}
        found = {name: tuple(sorted(some.items(), key=_most_first)[:MOST_COUNTED]) for name, some in counts.items()}
        if len(self._tallies) >= _TALLIES:
            self._tallies.clear()
        self._tallies[among, names] = found
        return dict(found)

    def _place(self, name: str) -> Point | None:
        """The middle of what lies in a place of this name; None where nothing does, or what does has no point."""
        folded = " ".join(words(name))
        docs = self._places.get(folded)
        if docs is None and folded:
            begun = sorted(place for place in self._places if place.startswith(folded))
            docs = self._places[begun[0]] if begun else None
        return self.points.middle(members(docs.bits())) if docs is not None else None

    def _expire(self, now: datetime) -> None:
        """What has expired leaves the public view; who asks first notices."""
        moment = identifiers.to_instant(now)
        while self._ending and self._ending[0][0] <= moment:
            ended, doc = heapq.heappop(self._ending)
            if self._expires.get(doc) == ended:
                self.drop(doc)

    def _fresh(self, now: datetime) -> dict[str, int]:
        """The documents of each band of freshness, as the pages call them (jisr_protocol.pages.freshness)."""
        today = now.astimezone(UTC).date()
        if self._bands_of != today:
            newest = identifiers.to_instant(now + timedelta(minutes=10))
            self._edges = newest, str(_before(today, 6)), str(_before(today, 24))
            self._bands, self._bands_of = {band: Docs(often=True) for band in _BANDS}, today
            for doc in members(self._live.bits()):
                self._bands[_band(self._last[doc], *self._edges)].add(doc)
        return {band: docs.bits() for band, docs in self._bands.items()}

    # Order

    def _ordered(self, hits: int, asked: list[Term], order: str, start: Point | None) -> Iterator[int]:
        if order == NEAR and start is not None:
            yield from self._nearest(hits, start)
        elif order == NEW or not asked:
            yield from self._newest(hits)
        else:
            for tier in points_of(hits, asked):
                yield from self._newest(tier)

    def _newest(self, hits: int) -> Iterator[int]:
        """These documents by their ranks."""
        if hits.bit_count() <= _FEW:
            yield from (rank & (1 << _DOC_BITS) - 1 for rank in sorted(self._ranks[doc] for doc in members(hits)))
            return
        among = hits.to_bytes((hits.bit_length() + 7) >> 3, "little")
        for rank in self._order:
            doc = rank & (1 << _DOC_BITS) - 1
            if doc >> 3 < len(among) and among[doc >> 3] >> (doc & 7) & 1:
                yield doc

    def _nearest(self, hits: int, start: Point) -> Iterator[int]:
        """What is near first; what has no place comes last."""
        given, left = set[int](), hits
        for ring in self.points.rings(start):
            among = _bits_of(ring) & left
            for doc in sorted(members(among), key=lambda doc: (ring[doc], self._ranks[doc])):
                given.add(doc)
                yield doc
            left &= ~among
            if not left:
                return
        yield from self._newest(left)


def _leave(sets: dict[str, Docs], name: str, doc: int) -> None:
    docs = sets[name]
    docs.drop(doc)
    if not docs.count:
        del sets[name]


def _bits_of(docs: Iterable[int]) -> int:
    found = Docs()
    for doc in sorted(docs):
        found.add(doc)
    return found.bits()


def _counts(sets: dict[str, Docs], among: int) -> dict[str, int]:
    """How many documents each set has among these."""
    found, asked = {}, among.to_bytes((among.bit_length() + 7) >> 3, "little")
    end = len(asked) << 3
    for code, docs in sets.items():
        few = docs.few()
        if few is None or len(few) > _ONE_BY_ONE:
            count = (docs.bits() & among).bit_count()
        else:
            count = sum(asked[doc >> 3] >> (doc & 7) & 1 for doc in few if doc < end)
        if count:
            found[code] = count
    return found


def _cut(code: str) -> tuple[str, str]:
    facet, _, rest = code.partition("=")
    return facet, rest


def _most_first(one: tuple[str, int]) -> tuple[int, str]:
    return -one[1], one[0]


def _rank(key: Key, last: str) -> int:
    """Smaller is newer; what changed in one minute stands in the order of a hash of its key."""
    try:
        minute = int(identifiers.from_instant(last).timestamp()) // 60
    except ValueError:
        minute = 0
    mark = int.from_bytes(hashlib.blake2b("/".join(key).encode(), digest_size=8).digest(), "big")
    return _MINUTES - minute << _HASH_BITS | mark >> 64 - _HASH_BITS


def _before(day: date, months: int) -> date:
    return day - timedelta(days=int(months * _MONTH / timedelta(days=1)))


def _band(last: str, newest: str, young: str, old: str) -> str:
    if not last or last > newest:
        return "careful"
    return "good" if last[:10] >= young else "careful" if last[:10] >= old else "harm"
