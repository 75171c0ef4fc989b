"""Drafts: kept at every change, apart from what is published; two windows, undo, history, translations, trash."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from jisr_node.app import Node
from jisr_node.editing import drafting, versions
from jisr_node.editing.drafting import ASIDE, MERGED, SAVED, UNCHANGED, Drafting
from jisr_node.editing.fields import Writing
from jisr_node.editing.tasks import TASKS, Step
from jisr_node.editing.translating import GOOD, MACHINE, MISSING, OUTDATED, translations
from jisr_node.errors import Declined, Mistaken

from .conftest import NOW, SETTINGS, organization, seeded

WRITING = Writing("ar", "MA", "fr")
WORDS = TASKS["organization"].steps[0]


@pytest.fixture
def work(node: Node) -> Drafting:
    return node.drafting


@pytest.fixture
def held(node: Node) -> str:
    """A published organization with a French name by a machine and a Dutch one by a person."""
    names = {"ar": "دار", "fr": "Maison", "nl": "Huis"}
    origins = {"ar": "author", "fr": "machine", "nl": "human"}
    name = {lang: {"value": words, "origin": origins[lang]} for lang, words in names.items()}
    taken = node.import_drafts([organization("dar", name=name, purpose="نعلم")])
    node.publish(now=NOW)
    return taken.ids[0]


def type_in(work: Drafting, record_id: str, made_of: str = "", step: Step = WORDS, **values: str) -> drafting.Saved:
    opened = work.open(record_id)
    shown = step.values(opened.record, WRITING) | values
    return work.save(record_id, step, shown, [f.code for f in step.fields], made_of or opened.seen, WRITING, NOW)


def name(record: dict[str, Any], lang: str = "ar") -> str:
    return str(record["name"][lang]["value"])


def test_a_draft_is_kept_and_nothing_that_is_published_changes(node: Node, work: Drafting, held: str) -> None:
    before = node.records()
    saved = type_in(work, held, name="بيت")
    assert (saved.outcome, name(work.open(held).record)) == (SAVED, "بيت")
    assert node.records() == before
    assert not node.store.changes()
    assert [one.id for one in work.all()] == [held]
    assert type_in(work, held).outcome == UNCHANGED
    assert node.reopened().drafting.open(held).record == work.open(held).record


def test_a_new_draft_is_no_record_until_it_is_published(node: Node, work: Drafting, held: str) -> None:
    task = TASKS["service"]
    new = work.begin(task, WRITING, "CC-BY-4.0", NOW, held)
    assert work.begin(task, WRITING, "CC-BY-4.0", NOW, held) == new, "one that is empty is taken again"
    assert len(node.overview()) == 1
    type_in(work, new, step=task.steps[0], name="دروس")
    assert work.begin(task, WRITING, "CC-BY-4.0", NOW, held) != new
    opened = work.accept(new, work.open(new).seen, NOW)
    node.publish(only=[new], now=NOW)
    work.published(opened, NOW)
    assert name(node.show(new)["published"]) == "دروس"
    assert node.store.draft(new) is None
    assert work.history(new)[0].version.kind == drafting.PUBLISHED


def test_only_what_was_asked_for_is_published(node: Node, work: Drafting, held: str) -> None:
    other = node.import_drafts([organization("b")]).ids[0]
    type_in(work, held, name="بيت")
    opened = work.accept(held, work.open(held).seen, NOW)
    assert node.publish(only=[held], now=NOW).count == 1
    work.published(opened, NOW)
    assert [change.id for change in node.store.changes()] == [other]


def test_nothing_is_published_that_nobody_looked_at(work: Drafting, node: Node, held: str) -> None:
    looked_at = work.open(held).seen
    type_in(work, held, name="بيت")
    with pytest.raises(Declined, match="another window"):
        work.accept(held, looked_at, NOW)
    assert not node.store.changes()
    type_in(work, held, founded="long ago")
    with pytest.raises(Mistaken, match="Your draft is kept"):
        work.accept(held, work.open(held).seen, NOW)
    assert not node.store.changes()


def test_what_another_window_writes_while_one_publishes_stays_a_draft(work: Drafting, node: Node, held: str) -> None:
    type_in(work, held, name="بيت")
    opened = work.accept(held, work.open(held).seen, NOW)
    type_in(work, held, purpose="آخر")
    node.publish(only=[held], now=NOW)
    work.published(opened, NOW)
    assert name(node.show(held)["published"]) == "بيت"
    assert work.open(held).draft


def test_what_an_import_changed_since_a_draft_was_begun_is_not_lost(work: Drafting, node: Node, held: str) -> None:
    type_in(work, held, name="بيت")
    content = node.show(held)["published"] | {"purpose": "من جدول", "founded": "2011"}
    node.edit(held, content)
    node.publish(now=NOW)
    with pytest.raises(Declined, match="Both changes are kept"):
        work.accept(held, work.open(held).seen, NOW)
    record = work.open(held).record
    assert (name(record), record["founded"], record["purpose"]["ar"]["value"]) == ("بيت", "2011", "من جدول")
    opened = work.accept(held, work.open(held).seen, NOW)
    node.publish(only=[held], now=NOW)
    work.published(opened, NOW)
    assert node.show(held)["published"]["founded"] == "2011"


def test_two_windows_that_change_different_things_both_stand(work: Drafting, held: str) -> None:
    made_of = work.open(held).seen
    type_in(work, held, made_of, name="بيت")
    base = WORDS.values(work.open(held).published or {}, WRITING)
    shown = [f.code for f in WORDS.fields]
    saved = work.save(held, WORDS, base | {"purpose": "آخر"}, shown, made_of, WRITING, NOW)
    record = work.open(held).record
    assert (saved.outcome, name(record), record["purpose"]["ar"]["value"]) == (MERGED, "بيت", "آخر")


def test_two_windows_that_change_the_same_lose_nothing(work: Drafting, held: str) -> None:
    made_of = work.open(held).seen
    type_in(work, held, made_of, name="one")
    saved = type_in(work, held, made_of, name="two")
    assert saved.outcome == ASIDE
    assert name(work.open(held).record) == "one"
    texts = [name(json.loads(past.version.content)) for past in work.history(held)]
    assert texts == ["two", "one", "دار"]
    work.go_back(held, saved.n, NOW)
    assert name(work.open(held).record) == "two"
    assert type_in(work, held, made_of, name="دار").outcome == UNCHANGED, "a window that says what it saw says nothing"


def test_undo_goes_back_step_by_step_and_is_a_version_too(work: Drafting, held: str) -> None:
    for words in ("b", "a2", "b2"):
        type_in(work, held, name=words)
    seen = []
    while work.undo(held, NOW) is not None:
        seen.append(name(work.open(held).record))
    assert seen == ["a2", "b", "دار"]
    type_in(work, held, name="new")
    work.undo(held, NOW)
    assert name(work.open(held).record) == "دار"
    assert len(work.history(held)) == 4 + 3 + 2
    assert work.undo("0d2ae7c5-9c98-4202-98c5-c924183959c7", NOW) is None
    with pytest.raises(Mistaken):
        work.go_back(held, 99, NOW)


def test_the_history_says_what_changed(work: Drafting, held: str) -> None:
    type_in(work, held, name="بيت")
    newest = work.history(held)[0]
    assert newest.stands
    assert [(one.path, one.lang, one.before, one.after) for one in newest.changes] == [(("name",), "ar", "دار", "بيت")]


def test_only_so_many_versions_are_kept(work: Drafting, held: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "MOST_VERSIONS", 5)
    for number in range(9):
        type_in(work, held, name=str(number))
    assert len(work.history(held)) == 5
    assert name(work.open(held).record) == "8"


def states(work: Drafting, record_id: str) -> dict[str, str]:
    record = work.open(record_id).record
    found = translations(record, "name", ("fr", "nl", "es"), work.written(record_id))
    return {one.lang: one.state for one in found}


def test_a_changed_text_makes_its_translations_outdated_and_changing_it_back_good(work: Drafting, held: str) -> None:
    assert states(work, held) == {"fr": MACHINE, "nl": GOOD, "es": MISSING}
    type_in(work, held, name="بيت")
    assert states(work, held) == {"fr": OUTDATED, "nl": OUTDATED, "es": MISSING}
    type_in(work, held, name="دار")
    assert states(work, held) == {"fr": MACHINE, "nl": GOOD, "es": MISSING}


def translate(work: Drafting, record_id: str, lang: str, words: str, *read: str, made_of: str = "") -> drafting.Saved:
    return work.translate(record_id, lang, {"name": words}, read, made_of or work.open(record_id).seen, NOW)


def test_one_language_leaves_the_words_and_states_of_the_others_alone(work: Drafting, held: str) -> None:
    type_in(work, held, name="بيت")
    before = work.open(held).record["name"]
    translate(work, held, "fr", "La maison")
    after = work.open(held).record["name"]
    assert after["fr"] == {"value": "La maison", "origin": "human"}
    assert {lang: after[lang] for lang in ("ar", "nl")} == {lang: before[lang] for lang in ("ar", "nl")}
    assert states(work, held) == {"fr": GOOD, "nl": OUTDATED, "es": MISSING}
    translate(work, held, "es", "Casa")
    translate(work, held, "nl", "")
    assert states(work, held) == {"fr": GOOD, "nl": MISSING, "es": GOOD}


def test_words_that_nobody_touched_keep_their_origin_and_a_reader_makes_them_a_persons(
    work: Drafting, held: str
) -> None:
    assert translate(work, held, "fr", "Maison").outcome == UNCHANGED
    assert work.open(held).record["name"]["fr"]["origin"] == "machine"
    translate(work, held, "fr", "Maison", "name")
    assert work.open(held).record["name"]["fr"]["origin"] == "human"
    type_in(work, held, name="بيت")
    assert translate(work, held, "nl", "Huis", "name").outcome == UNCHANGED
    assert states(work, held)["nl"] == GOOD, "somebody says that it is still right"


def test_a_translation_put_aside_changes_no_state(work: Drafting, held: str) -> None:
    made_of = work.open(held).seen
    type_in(work, held, name="بيت")
    assert translate(work, held, "fr", "La maison", made_of=made_of).outcome == ASIDE
    assert states(work, held)["fr"] == OUTDATED


def test_the_trash_brings_back_what_was_deleted(node: Node, work: Drafting, held: str) -> None:
    node.trash.delete(held, NOW)
    assert [(gone.id, gone.deleted, gone.waits) for gone in node.trash.all()] == [(held, True, True)]
    assert node.trash.restore(held, NOW), "not published yet: called off at once"
    assert node.show(held)["delete"] is False
    node.trash.delete(held, NOW)
    node.publish(now=NOW)
    (gone,) = node.trash.all()
    assert (gone.waits, gone.back, name(gone.record)) == (False, True, "دار")
    assert not node.trash.restore(held, NOW), "published: it is a draft again"
    assert not node.trash.all()
    opened = work.accept(held, work.open(held).seen, NOW)
    node.publish(only=[held], now=NOW)
    work.published(opened, NOW)
    assert node.show(held)["published"]["rev"] == 3


def test_what_was_deleted_by_command_comes_back_from_the_feed(node: Node, work: Drafting, held: str) -> None:
    node.delete(held)
    node.publish(now=NOW)
    assert [gone.back for gone in node.trash.all()] == [True]
    node.trash.restore(held, NOW)
    assert name(work.open(held).record) == "دار"


def test_what_ended_can_go_on(node: Node, work: Drafting, held: str) -> None:
    node.trash.end(held, NOW)
    node.publish(now=NOW)
    (gone,) = node.trash.all()
    assert (gone.deleted, gone.record["status"]) == (False, "ended")
    node.trash.restore(held, NOW)
    assert work.open(held).record["status"] == "active"


def test_a_draft_that_is_thrown_away_leaves_what_is_published(node: Node, work: Drafting, held: str) -> None:
    type_in(work, held, name="بيت")
    work.drop(held, NOW)
    assert name(work.open(held).record) == "دار"
    new = work.begin(TASKS["news"], WRITING, "CC-BY-4.0", NOW)
    work.drop(new, NOW)
    assert [gone.id for gone in node.trash.all()] == [new]
    node.trash.restore(new, NOW)
    assert work.open(new).draft
    work.drop(new, NOW)
    node.trash.forget(new)
    assert not node.trash.all()
    with pytest.raises(Mistaken):
        work.open(new)
    with pytest.raises(Mistaken, match="erase"):
        node.trash.forget(held)


def test_an_erased_record_leaves_no_byte_of_its_drafts(tmp_path: Any) -> None:
    with Node.init(tmp_path / "node", now=NOW, random_bytes=seeded("erase"), **SETTINGS) as node:
        work = node.drafting
        kept = node.import_drafts([organization("a"), organization("b")]).ids
        node.publish(now=NOW)
        for record_id in kept:
            type_in(work, record_id, name="sesame-secret")
        node.erase(kept[0], now=NOW + timedelta(seconds=5))
        assert not work.history(kept[0])
        assert [one.id for one in work.all()] == [kept[1]]
        assert not node.trash.all()
        node.erase(None, now=NOW + timedelta(seconds=9))
    assert not [path for path in (tmp_path / "node").rglob("*") if path.is_file() and b"sesame" in path.read_bytes()]


def test_too_much_is_refused_and_what_was_saved_stays(work: Drafting, held: str) -> None:
    type_in(work, held, name="بيت")
    with pytest.raises(Declined, match="262144"):
        type_in(work, held, purpose="x" * 300_000)
    assert name(work.open(held).record) == "بيت"
