"""Writing a record: choose a task, one page at a time with the public page beside it, kept at every change; languages
side by side, what was changed when, two windows. Publishing stands in publishing.py.

The form works without a script; write.js sends it after a pause and says when it was kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jisr_protocol.pages.facts import facts_of
from jisr_protocol.pages.language import N_, NAMES, Language
from jisr_protocol.pages.text import Text, choose
from jisr_protocol.pages.vocabulary import kind_word, status_word

from ...app import Node
from . import writing_words
from .rim import Denied, Why, body_of
from .room import Call, Endpoint, Nav, Room, Visit, Way

if TYPE_CHECKING:
    from ...editing.differing import Difference
    from ...editing.drafting import Opened, Saved
    from ...editing.fields import Writing as By
    from ...editing.tasks import Step

FIELDS = 3000
FORM_BYTES = 512 * 1024
ORGANIZATION, LOCATION = "org.jisr.organization/1", "org.jisr.location/1"
SAID: Mapping[str, str] = {
    "merged": N_("It was changed in another window too. Both changes are kept: look at them here."),
    "back": N_("This is the earlier version again. Nothing is lost: the other one stands in what was changed."),
    "nothing": N_("There is nothing earlier to go back to."),
    "restored": N_("It is back. Look at it and publish it, so that others see it again."),
}


class Writing(Room):
    """The pages of a record while it is written."""

    nav = Nav("/records/new", N_("Write"), 10)

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/records/new"): self.choose,
            Way("POST", "/records/new"): self.begin,
            Way("GET", "/records/{id}", script=True): self.form,
            Way("POST", "/records/{id}", script=True, most_bytes=FORM_BYTES): self.keep,
            Way("GET", "/records/{id}/languages"): self.languages,
            Way("POST", "/records/{id}/languages", most_bytes=FORM_BYTES): self.translate,
            Way("GET", "/records/{id}/history"): self.history,
            Way("POST", "/records/{id}/back"): self.back,
        }

    def calls(self, node: Node, language: Language, now: datetime) -> list[Call]:
        if not (count := len(node.store.drafts())):
            return []
        sentence = language.ngettext("%(count)s draft is not published.", "%(count)s drafts are not published.", count)
        return [
            Call(40, sentence % {"count": language.number(count)}, "/records/new", language.gettext("Go on writing"))
        ]

    # Choosing

    async def choose(self, request: Request, visit: Visit) -> Response:
        """Tasks, drafts, and records that can be written on."""

        def look(node: Node) -> dict[str, Any]:
            drafts = node.drafting.all()
            begun = {draft.id for draft in drafts}
            return {
                "drafts": [(draft.id, name_of(draft, visit.language)) for draft in drafts],
                "records": [(row["id"], row["name"] or "") for row in node.overview() if row["id"] not in begun],
                "closable": [
                    (row["id"], row["name"] or "") for row in node.overview() if row["type"] in (ORGANIZATION, LOCATION)
                ],
                "lang": node.settings.lang,
                "known": any(row["type"] == ORGANIZATION for row in node.overview())
                or any(draft.type == ORGANIZATION for draft in drafts),
            }

        return self.rim.show(
            request,
            "write_new.html",
            visit,
            **await visit.office.ask(look),
            tasks=writing_words.TASKS,
            closed=writing_words.CLOSED,
            names=NAMES,
        )

    async def begin(self, request: Request, visit: Visit) -> Response:
        """A new draft of a task, in the language that somebody writes in."""
        from ...editing.fields import Writing as By
        from ...editing.tasks import TASKS

        asked = dict(await fields(request))
        task = TASKS.get(asked.get("task", ""))
        if task is None or asked.get("lang", "") not in NAMES:
            raise Denied(Why.FORM)

        def work(node: Node) -> str:
            ours = [row["id"] for row in node.overview() if row["type"] == ORGANIZATION]
            ours += [draft.id for draft in node.store.drafts() if draft.type == ORGANIZATION]
            by = By(asked["lang"], node.settings.country, visit.language.code)
            now = visit.office.now()
            return node.drafting.begin(task, by, node.settings.licence, now, ours[0] if ours else None)

        return self.rim.go(f"/records/{await visit.office.ask(work)}")

    # The form

    async def form(self, request: Request, visit: Visit) -> Response:
        asked = request.query_params

        def look(node: Node) -> dict[str, Any]:
            return self._page(
                node, visit, request.path_params["id"], asked.get("step", ""), frozenset(asked.getlist("add"))
            )

        said = SAID.get(asked.get("said", ""), "")
        return self.rim.show(request, "write.html", visit, **await visit.office.ask(look), said=said)

    async def keep(self, request: Request, visit: Visit) -> Response:
        """Keep what was typed; then lead on, or tell the script. What both windows changed is asked about."""
        values = dict(await fields(request))
        if values.pop("end", "") != "end":
            raise Denied(Why.FORM)  # the end of the form is missing, so fields may be
        act, seen, code = values.pop("act", "keep"), values.pop("seen", ""), values.pop("step", "")
        shown, record_id = values.pop("shown", "").split(), request.path_params["id"]

        def work(node: Node) -> tuple[Saved, bool, str, dict[str, Any]]:
            opened = node.drafting.open(record_id)
            step = step_of(opened, code)
            by, now = writing(node, opened, visit), visit.office.now()
            before = step.values(opened.record, by).keys()
            saved = node.drafting.save(record_id, step, values, shown, seen, by, now)
            after = node.drafting.open(record_id)
            # rows that went have shifted the others, so the page must be made anew before it is sent again
            again = saved.outcome == "merged" or not before <= step.values(after.record, by).keys()
            return saved, again, said_at(node, saved.at, visit.language), self._aside(node, visit, after, saved)

        saved, again, at, aside = await visit.office.ask(work)
        if request.headers.get("accept", "").startswith("application/json"):
            said = visit.language.gettext("Saved at %(time)s.") % {"time": at}
            told = {"outcome": saved.outcome, "seen": saved.seen, "said": said, "again": again}
            return JSONResponse(told, 409 if saved.outcome == "aside" else 200)
        if saved.outcome == "aside":
            return self.rim.show(request, "write_aside.html", visit, 409, **aside, step=code)
        return self.rim.go(_next(record_id, code, act, "merged" if saved.outcome == "merged" else ""))

    def _aside(self, node: Node, visit: Visit, opened: Opened, saved: Saved) -> dict[str, Any]:
        if saved.outcome != "aside":
            return {}
        past = next(one for one in node.drafting.history(opened.id) if one.version.n == saved.n)
        return {
            "id": opened.id,
            "name": name_of(opened, visit.language),
            "n": saved.n,
            "changes": [in_words(one, visit.language) for one in past.changes],
        }

    def _page(self, node: Node, visit: Visit, record_id: str, code: str, add: frozenset[str]) -> dict[str, Any]:
        from ...editing.judging import beside
        from ...editing.tasks import task_of
        from . import drawing, widgets

        opened = node.drafting.open(record_id)
        task, language = task_of(opened.type), visit.language
        common = self.common(node, visit, opened)
        if task is None:
            return {
                **common,
                "steps": [],
                "widgets": [],
                "step": "",
                "shown": "",
                "map": None,
                "terms": [],
                "elsewhere": [],
            }
        step, by = step_of(opened, code), writing(node, opened, visit)
        verdict = node.drafting.judge(record_id, visit.office.now())
        told = beside(verdict.findings, step.fields, step.values(opened.record, by))
        # an empty form is not full of faults
        told = [one for one in told if opened.n > 1 or opened.published or not one.finding.code.startswith("missing")]
        maker = widgets.Maker(by, language, told, names_of(node, language), add)
        steps = [(one.code, language.gettext(writing_words.STEPS[one.code])) for one in task.steps]
        if step.code == "closed":
            steps.append(("closed", language.gettext(writing_words.STEPS["closed"])))
        return {
            **common,
            "steps": steps,
            "step": step.code,
            "next": _after([one for one, _ in steps], step.code),
            "shown": " ".join(field.code for field in step.fields),
            "widgets": maker.widgets(step.fields, opened.record),
            "terms": widgets.suggestions(language) if step.code == "subjects" else [],
            "map": drawing.drawn(opened.record, others(node, record_id)) if step.code == "map" else None,
        }

    def common(self, node: Node, visit: Visit, opened: Opened) -> dict[str, Any]:
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

    # Languages

    async def languages(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> dict[str, Any]:
            return self._languages(node, visit, request.path_params["id"], request.query_params.get("in", ""))

        return self.rim.show(request, "write_languages.html", visit, **await visit.office.ask(look))

    def _languages(self, node: Node, visit: Visit, record_id: str, chosen: str) -> dict[str, Any]:
        from ...editing.fields import words_in
        from ...editing.tasks import SPOKEN, task_of
        from ...editing.translating import texts_of, translations

        opened, language = node.drafting.open(record_id), visit.language
        task, written = task_of(opened.type), node.drafting.written(record_id)
        source = str(opened.record.get("lang", ""))
        members = texts_of(field for step in (task.steps if task else ()) for field in step.fields)
        texts = [one for one in members if words_in(opened.record.get(one.code), source)]
        found = {one.code: translations(opened.record, one.code, SPOKEN, written) for one in texts}
        states: dict[str, list[str]] = {}
        for rows in found.values():
            for row in rows:
                states.setdefault(row.lang, []).append(row.state)
        chosen = chosen if chosen in states else next(iter(states), "")
        return {
            **self.common(node, visit, opened),
            "source": source,
            "source_name": language.language_name(source) or source,
            "chosen": chosen,
            "chosen_name": language.language_name(chosen) or chosen,
            "states": [
                (lang, language.language_name(lang) or lang, language.gettext(writing_words.STATES[_worst(each)]))
                for lang, each in states.items()
            ],
            "texts": [
                {
                    "member": one.code,
                    "label": writing_words.label(one.code, language),
                    "long": one.long,
                    "words": words_in(opened.record.get(one.code), source),
                    "row": row,
                    "state": language.gettext(writing_words.STATES[row.state]),
                }
                for one in texts
                for row in found[one.code]
                if row.lang == chosen
            ],
        }

    async def translate(self, request: Request, visit: Visit) -> Response:
        values, record_id = dict(await fields(request)), request.path_params["id"]
        if values.get("end") != "end" or not values.get("in"):
            raise Denied(Why.FORM)
        words = {key[6:]: value for key, value in values.items() if key.startswith("words.")}
        read = [key[5:] for key in values if key.startswith("read.")]

        def work(node: Node) -> tuple[Saved, dict[str, Any]]:
            now = visit.office.now()
            saved = node.drafting.translate(record_id, values["in"], words, read, values.get("seen", ""), now)
            return saved, self._aside(node, visit, node.drafting.open(record_id), saved)

        saved, aside = await visit.office.ask(work)
        if saved.outcome == "aside":
            return self.rim.show(request, "write_aside.html", visit, 409, **aside, step="")
        return self.rim.go(f"/records/{record_id}/languages?{urlencode({'in': values['in']})}")

    # What was changed

    async def history(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> dict[str, Any]:
            opened, language = node.drafting.open(request.path_params["id"]), visit.language
            past = [
                {
                    "n": one.version.n,
                    "at": said_at(node, one.version.at, language, day=True),
                    "kind": language.gettext(writing_words.KINDS[one.version.kind.partition(" ")[0]]),
                    "stands": one.stands,
                    "changes": [in_words(change, language) for change in one.changes],
                }
                for one in node.drafting.history(opened.id)
            ]
            return {**self.common(node, visit, opened), "past": past}

        return self.rim.show(request, "write_history.html", visit, **await visit.office.ask(look))

    async def back(self, request: Request, visit: Visit) -> Response:
        """Undo one step, or go back to a version that is kept."""
        record_id, number = request.path_params["id"], dict(await fields(request)).get("n", "")
        if number and not (number.isascii() and number.isdigit() and len(number) < 10):
            raise Denied(Why.FORM)

        def work(node: Node) -> int | None:
            now = visit.office.now()
            return node.drafting.go_back(record_id, int(number), now) if number else node.drafting.undo(record_id, now)

        said = "back" if await visit.office.ask(work) is not None else "nothing"
        return self.rim.go(f"/records/{record_id}?said={said}")


async def fields(request: Request) -> list[tuple[str, str]]:
    """The fields of a form that may be long. Raises Denied (FORM, LARGE)."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Denied(Why.FORM)
    try:
        raw = (await body_of(request)).decode("ascii")
        found = parse_qsl(raw, keep_blank_values=True, max_num_fields=FIELDS, errors="strict")
    except ValueError as error:
        raise Denied(Why.FORM) from error
    if len(dict(found)) != len(found):
        raise Denied(Why.FORM)
    return found


def writing(node: Node, opened: Opened, visit: Visit) -> By:
    """Who writes a record, for its forms."""
    from ...editing.fields import Writing as By

    return By(str(opened.record.get("lang", node.settings.lang)), node.settings.country, visit.language.code)


def step_of(opened: Opened, code: str) -> Step:
    """A step of a record's forms. Raises Denied (NOWHERE)."""
    from ...editing.tasks import step_of as found

    step = found(opened.type, code)
    if step is None:
        raise Denied(Why.NOWHERE)
    return step


def name_of(opened: Opened, language: Language) -> str:
    """What a record is called in the reader's language, or its kind while it has no name."""
    text = choose(opened.record.get("name") or opened.record.get("title"), language.code, opened.record.get("lang", ""))
    return text.value if text else kind_word(opened.type, language)


def names_of(node: Node, language: Language) -> dict[str, list[tuple[str, str]]]:
    """What a form can point to: our organizations and places, drafts too."""
    rows = {row["id"]: (row["type"], row["name"] or row["id"]) for row in node.overview()}
    rows |= {draft.id: (draft.type, name_of(draft, language)) for draft in node.drafting.all()}
    return {
        word: [(one, name) for one, (kind, name) in rows.items() if kind == type_name]
        for word, type_name in (("organization", ORGANIZATION), ("location", LOCATION))
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


def _next(record_id: str, code: str, act: str, said: str) -> str:
    """Where a saved form leads: another row, another page, the look before it is published, or the same page."""
    verb, _, what = act.partition(":")
    if verb == "go" and what in ("publish", "languages"):
        return f"/records/{record_id}/{what}"
    asked = {"step": what if verb == "step" else code, **({"said": said} if said else {})}
    if verb == "add":
        return f"/records/{record_id}?{urlencode({**asked, 'add': what})}#f-{what.replace('.', '-')}"
    return f"/records/{record_id}?{urlencode(asked)}"


def _after(codes: list[str], code: str) -> str:
    place = codes.index(code) + 1
    return codes[place] if place < len(codes) else ""


def _worst(states: list[str]) -> str:
    return next((state for state in ("outdated", "machine", "missing") if state in states), "good")
