"""The index in memory says what a plain look at every document says, whatever came and went before."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from jisr_hub.directory.docs import Docs, members
from jisr_hub.directory.document import Document
from jisr_hub.directory.index import Index
from jisr_hub.directory.points import distance_km
from jisr_hub.ports.search import Query

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WORDS = [f"{start}{end}" for start in ("dar", "amal", "nour", "maison", "huis") for end in ("", "a", "en", "s", "tje")]


def made(rng: random.Random) -> Document:
    codes = [f"type={rng.choice(('service', 'event'))}"]
    codes += [f"theme=x:{number}" for number in range(9) if rng.random() < 0.2]
    codes += [f"language={tag}" for tag in ("ar", "fr", "nl") if rng.random() < 0.4]
    name, text = set(rng.choices(WORDS, k=2)), set(rng.choices(WORDS, k=3))
    points = ((rng.uniform(-60, 60), rng.uniform(-179, 179), True),) if rng.random() < 0.7 else ()
    last = f"20{rng.choice((23, 25, 26))}-0{rng.randrange(1, 10)}-15T10:00:00Z"
    return Document(" ".join(sorted(name)), " ".join(sorted(text - name)), tuple(codes), points, {}, last)


def answers(document: Document, query: Query) -> bool:
    words = f"{document.name} {document.text}".split()
    chosen = {"type": query.types, **query.facets}
    return all(any(word.startswith(one) for word in words) for one in query.words.split()) and all(
        any(f"{name}={code}" in document.codes for code in codes) for name, codes in chosen.items() if codes
    )


@pytest.mark.parametrize("seed", range(3))
def test_hits_and_counts_are_those_of_a_plain_look(seed: int) -> None:
    rng, index, held = random.Random(seed), Index(), dict[int, Document]()
    for turn in range(1500):
        doc = rng.randrange(400)
        if rng.random() < 0.25:
            index.drop(doc)
            held.pop(doc, None)
        else:
            held[doc] = made(rng)
            index.put(doc, ("node", str(doc)), held[doc])
        if turn % 50:
            continue
        words = " ".join(rng.choice(WORDS)[: rng.randrange(3, 7)] for _ in range(rng.randrange(3)))
        facets = {"theme": ("x:1", "x:2")} if rng.random() < 0.5 else {}
        types = ("event",) if rng.random() < 0.5 else ()
        query = Query(words, types, facets, limit=100)
        found, hits = index.find(query, NOW), [one for one in held.values() if answers(one, query)]
        if found.nearly:
            continue
        assert found.total == len(hits) == sum(found.fresh.values())
        assert len({hit.id for hit in found.hits}) == min(100, len(hits))
        others = [one for one in held.values() if answers(one, Query(words, types))]
        counted = Counter(code[6:] for one in others for code in one.codes if code.startswith("theme="))
        assert dict(found.facets["theme"]) == counted
        spoken = Counter(code[9:] for one in hits for code in one.codes if code.startswith("language="))
        assert dict(found.facets["language"]) == spoken


def test_every_page_together_is_every_hit_once_in_one_order() -> None:
    rng, index, again = random.Random(5), Index(), Index()
    held = {number: made(rng) for number in range(300)}
    for number, document in held.items():
        index.put(number, ("node", str(number)), document)
    for place, (number, document) in enumerate(reversed(held.items())):  # other numbers in another process
        again.put(place, ("node", str(number)), document)
    for query in (Query("dar"), Query("nour amal"), Query(order="new"), Query(near=(35.0, -5.0), order="near")):
        pages = [index.find(replace(query, offset=7 * page, limit=7), NOW) for page in range(50)]
        ids = [hit.id for page in pages for hit in page.hits]
        assert len(ids) == len(set(ids)) == pages[0].total
        whole = [
            hit.id for page in range(3) for hit in again.find(replace(query, offset=100 * page, limit=100), NOW).hits
        ]
        assert whole == ids


def test_the_nearest_come_first_and_what_has_no_place_last() -> None:
    rng, index = random.Random(9), Index()
    held = {str(number): made(rng) for number in range(300)}
    for number, (id_, document) in enumerate(held.items()):
        index.put(number, ("node", id_), document)
    start = (10.0, 179.9)  # across the date line
    found = index.find(Query(near=start, order="near", limit=100), NOW)
    told = [hit.distance_km for hit in found.hits]
    near = sorted(distance_km(start, one.points[0][:2]) for one in held.values() if one.points)
    assert told == [round(distance, 1) for distance in near[:100]]
    within = index.find(Query(near=start, within_km=3000.0), NOW)
    assert within.total == sum(distance <= 3000 for distance in near)
    last = index.find(Query(near=start, order="near", offset=len(near), limit=100), NOW)
    assert last.hits and all(hit.distance_km is None for hit in last.hits)


def test_a_word_that_leaves_is_forgotten() -> None:
    index = Index()
    index.put(0, ("node", "a"), Document("xanadouce", "autre", ("type=service",)))
    index.put(0, ("node", "a"), Document("nouveau", "autre", ("type=event",)))
    assert index.vocabulary.find("xanadouce") is None and index.find(Query("xanadouce"), NOW).total == 0
    index.drop(0)
    index.drop(0)
    assert (len(index), index.find(Query(), NOW).facets["type"]) == (0, ())


def test_a_set_is_the_same_few_or_many() -> None:
    rng, docs, plain = random.Random(3), Docs(often=True), set[int]()
    for _ in range(4000):
        doc = rng.randrange(900)
        if rng.random() < 0.4:
            docs.drop(doc)
            plain.discard(doc)
        else:
            docs.add(doc)
            plain.add(doc)
        if rng.random() < 0.02:
            assert list(members(docs.bits())) == sorted(plain) and docs.count == len(plain)
