"""Feeds beside the public one: what enters and leaves them, on both databases (POL-4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from jisr_hub.ports import Change
from jisr_hub.storage.memory import MemoryPages
from jisr_hub.takedown.erasure import Erasures
from jisr_protocol import policy as policies
from jisr_protocol.policy import Policy
from jisr_protocol.reader.follow import follow
from jisr_protocol.reader.store import Copy
from tests.hub.author import Author, record_id
from tests.hub.viewed import ViewedHub, viewed_hub

pytestmark = pytest.mark.anyio
MA = policies.write("ma", 1, allow={"countries": ["MA"]})
ES = policies.write("ma", 2, allow={"countries": ["ES"]})


def of(country: str) -> dict[str, object]:
    """Members that put a record into a country."""
    return {"x_place": {"country": country}}


async def _labels(hub: ViewedHub, name: str, author: Author, *labels: str) -> set[str]:
    held = await hub.live_of(name)
    return {label for label in labels if (author.id, record_id(label)) in held}


async def _follow(hub: ViewedHub, name: str, folder: Path) -> dict[tuple[str, str], tuple[int, str]]:
    """What a reader of the view holds, after it followed its files."""
    result = await follow(hub.files_of(name, folder / name), folder / f"{name}.copy", now=hub.clock)
    assert result.outcome == 0, result.sentence
    assert result.refused == []
    with Copy(folder / f"{name}.copy") as copy:
        return {(c.node, c.id): (c.rev or 0, c.digest) for c in copy.changes() if c.op == "put"}


async def test_a_view_holds_what_its_policy_takes_and_follows_every_change(place: Path | str, tmp_path: Path) -> None:
    author = Author("dar")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        author.put("here", **of("MA"))
        author.put("there", **of("ES"))
        await hub.push(author)
        await hub.view("ma", MA)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there") == {"here"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        start = len(author.feed().lines)
        author.put("here", **of("ES"))
        author.put("there", **of("MA"))
        author.put("more", **of("MA"))
        await hub.push(author, start)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"there", "more"}
        start = len(author.feed().lines)
        author.delete("more")
        await hub.push(author, start)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"there"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        await hub.view("ma", ES)
        await hub.round()
        assert await _labels(hub, "ma", author, "here", "there", "more") == {"here"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        head = hub.publisher_of("ma").head
        assert head is not None
        assert (head.name, head.policy) == ("ma", ES.named)
        stands = (tmp_path / "ma" / "policy" / f"{ES.sha256}.json").read_bytes()
        assert policies.named_by(head.policy, stands).id == "ma-2"
        assert await hub.round() == 0


async def test_a_changed_policy_of_the_hub_brings_in_and_out_and_its_followers_need_no_resync(
    place: Path | str, tmp_path: Path
) -> None:
    author = Author("dar")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        author.put("here", **of("MA"))
        author.put("there", **of("ES"))
        await hub.push(author)
        first = await hub.publish()
        assert first.policy is None
        await hub.place(MA)
        assert await _public(hub, author, "here", "there") == {"here"}
        start = len(author.feed().lines)
        author.put("here", **of("ES"))  # its newest rev does not fit any more, so the older one goes too
        author.put("late", **of("ES"))
        answer = await hub.push(author, start)
        assert [kept.code for kept in answer.quarantined] == ["policy_refused"] * 2
        assert await _public(hub, author, "here", "there", "late") == set()
        await hub.place(ES)
        assert await _public(hub, author, "here", "there", "late") == {"here", "there", "late"}
        hub.publisher.policy = hub.policies.published()
        head = await hub.publish()
        assert head.policy == ES.named
        revs = [e.rev for e in await hub.log() if e.op == "put" and e.id == record_id("here")]
        assert revs == sorted(revs)
        result = await follow(hub.write_out(tmp_path / "public"), tmp_path / "copy", now=hub.clock)
        assert (result.outcome, result.refused) == (0, []), result.sentence
        await hub.place(None)
        assert await _public(hub, author, "here", "there", "late") == {"here", "there", "late"}
        size = len(await hub.lines())
        await hub.applying.run()
        assert len(await hub.lines()) == size, "carrying out again changes nothing"


async def _public(hub: ViewedHub, author: Author, *labels: str) -> set[str]:
    held = await hub.live()
    return {label for label in labels if (author.id, record_id(label)) in held}


async def test_what_was_erased_is_in_no_file_of_any_view(place: Path | str, tmp_path: Path) -> None:
    author = Author("dar")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        author.put("secret", name={"ar": {"origin": "author", "value": CANARY}}, **of("MA"))
        author.put("plain", **of("MA"))
        author.put("inner", name={"ar": {"origin": "author", "value": CANARY}}, audience="partners")
        for feed in ("public", "partners"):
            await hub.push(author, feed=feed)
        await hub.view("ma", MA)
        await hub.view("partners", audience="partners")
        await hub.publish()
        await hub.round()
        assert [CANARY in _bytes(hub, name) for name in ("ma", "partners")] == [True, True]
        erasures = Erasures(hub.hub, hub.clock, Outside(), Outside())
        erasures.beside = hub.views
        for label, notice in (("secret", NOTICE), ("inner", NOTICE.replace("1", "2"))):
            await erasures.erase(author.id, record_id(label), 1, id=notice, basis="asked for")
        for name in ("ma", "partners"):
            assert all(CANARY.encode() not in e.raw for e in await hub.log_of(name))
        await hub.round()
        await hub.round()
        hub.clock.pass_time(hours=2)
        await hub.round()
        assert [CANARY in _bytes(hub, name) for name in ("ma", "partners")] == [False, False]
        assert await _labels(hub, "ma", author, "secret", "plain") == {"plain"}
        assert await _follow(hub, "ma", tmp_path) == await hub.live_of("ma")
        assert [e.op for e in await hub.log_of("ma")].count("erase") == 1, "nothing is said of what was never there"
        await erasures.scrub()
        if isinstance(place, Path):
            for file in (place.parent / "views").iterdir():
                assert CANARY.encode() not in file.read_bytes(), file
        start = len(author.feed().lines)
        author.put("secret", name={"ar": {"origin": "author", "value": "again"}}, **of("MA"))
        await hub.push(author, start)
        await hub.round()
        assert await _labels(hub, "ma", author, "secret", "plain") == {"secret", "plain"}, "a later rev is lawful"


CANARY = "کناری-7781"
NOTICE = "5d2c1f3e-0000-4000-8000-000000000001"


class Outside:
    """Neither a file outside the database nor copies of peers."""

    def read(self) -> list[bytes]:
        return []

    def append(self, lines: Sequence[bytes]) -> None:
        pass

    async def erase(self, erasures: object) -> None:
        pass


def _bytes(hub: ViewedHub, name: str) -> str:
    pages = hub.views.shown[name].room.pages
    assert isinstance(pages, MemoryPages)
    plain = [zstandard.ZstdDecompressor().decompressobj().decompress(c) if p.endswith(".zst") else c
             for p, c in pages.files.items()]  # fmt: skip
    return b"\n".join(plain).decode(errors="replace")


async def test_a_record_that_changes_its_audience_is_stale_nowhere(place: Path | str, tmp_path: Path) -> None:
    """Public, then partners, then hub, then public again: at each moment it stands in one feed (pitfall 18d)."""
    author = Author("dar")
    names = ("public", "partners", "hub")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        for name in names[1:]:
            await hub.view(name, audience=name)
        before = ""
        for audience in ("public", "partners", "hub", "public", "partners"):
            starts = {name: len(author.feed(name).lines) if name in author.feeds else 0 for name in names}
            if before:
                author.delete("one", audience=before)
            author.put("one", audience=audience)
            for name in names:  # as the node sends them: the feed that is left first, whatever its name
                if name in author.feeds:
                    await hub.push(author, min(starts[name], len(author.feed(name).lines)), feed=name)
                await hub.round()
            shown = [name for name in names[1:] if await _labels(hub, name, author, "one")]
            shown += ["public"] if await _public(hub, author, "one") else []
            assert shown == [audience]
            before = audience
        for name in names[1:]:
            assert await _follow(hub, name, tmp_path) == await hub.live_of(name)


async def test_narrowing_takes_the_public_version_out_before_its_tombstone_has_come(place: Path | str) -> None:
    author = Author("dar")
    async with viewed_hub(place) as hub:
        await hub.admit(author)
        await hub.view("all")
        await hub.view("partners", audience="partners")
        await hub.view("hub", audience="hub")
        author.put("one")
        await hub.push(author)
        await hub.round()
        author.put("one", audience="partners")
        await hub.push(author, feed="partners")
        await hub.round()
        assert [await _labels(hub, name, author, "one") for name in ("all", "partners", "hub")] == [
            set(), {"one"}, set(),
        ]  # fmt: skip
        author.put("one", audience="hub")
        await hub.push(author, feed="hub")
        await hub.round()
        assert [await _labels(hub, name, author, "one") for name in ("all", "partners", "hub")] == [
            set(), set(), {"one"},
        ]  # fmt: skip
        assert await hub.round() == 0


async def test_a_view_whose_follower_dies_between_any_two_steps_comes_to_the_same(tmp_path: Path) -> None:
    author = Author("dar")
    async with viewed_hub(tmp_path / "hub.sqlite") as hub:
        await hub.admit(author)
        for number in range(30):
            author.put(f"r{number}", **of("MA" if number % 3 else "ES"))
        await hub.push(author)
        await hub.view("ma", MA)
        ledger = hub.views.shown["ma"].room.ledger
        real, died = ledger.store, 0
        for step in range(1, 40):
            calls = 0

            async def store(change: Change, number: Any, last: int = step) -> int:
                nonlocal calls
                calls += 1
                if calls >= last:
                    raise OSError("the power went")
                return await real(change, number)

            ledger.store = store  # it fails at that call
            await hub.view("ma", policies.write("ma", step + 10, allow={"countries": ["MA" if step % 2 else "ES"]}))
            await hub.round()
            ledger.store = real  # the power is back
            if calls < step:
                break
            died += 1
            await hub.round()
            wanted = {f"r{n}" for n in range(30) if bool(n % 3) == bool(step % 2)}
            assert await _labels(hub, "ma", author, *(f"r{n}" for n in range(30))) == wanted
        assert died >= 2


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(("put", "delete", "policy", "own", "round", "push")),
        st.integers(0, 4),
        st.sampled_from(("MA", "ES", "NL")),
    ),
    max_size=25,
)


@given(RECORDS)
@settings(max_examples=25)
def test_whatever_happens_a_view_is_what_its_policy_takes_of_the_hub(tmp_path_factory: Any, steps: list[Any]) -> None:
    """Property: live set of the view = a plain recomputation over the hub's live set = what a reader holds (POL-4)."""
    asyncio.run(_story(tmp_path_factory.mktemp("story"), steps))


async def _story(folder: Path, steps: list[tuple[str, int, str]]) -> None:
    author, sent, version = Author("dar"), 0, 1
    policy: Policy | None = None
    async with viewed_hub(folder / "hub.sqlite") as hub:
        await hub.admit(author)
        author.feed()
        await hub.view("some")
        for verb, number, country in [*steps, ("push", 0, ""), ("round", 0, "")]:
            label = f"r{number}"
            version += 1
            if verb == "put":
                author.put(label, **of(country))
            elif verb == "delete" and label in author.revs:
                author.delete(label)
            elif verb == "policy":
                policy = policies.write("some", version, allow={"countries": [country]})
                await hub.view("some", policy)
            elif verb == "own":
                await hub.place(policies.write("own", version, deny={"countries": [country]}))
            elif verb == "push":
                await hub.push(author, sent)
                sent = len(author.feed().lines)
            elif verb == "round":
                await hub.round()
        lines = {(e.node, e.id, e.rev): e for e in await hub.log() if e.op == "put"}
        wanted = {}
        for key, (rev, digest) in (await hub.live()).items():
            thing = lines[(*key, rev)].thing
            assert thing is not None
            own = hub.policies.of("own")
            assert own is None or policies.judge(own, thing.value, hub.policies.facts(hub.id)) is None
            if policy is None or policies.judge(policy, thing.value, hub.policies.facts(hub.id)) is None:
                wanted[key] = (rev, digest)
        assert await hub.live_of("some") == wanted
        assert await _follow(hub, "some", folder) == wanted
