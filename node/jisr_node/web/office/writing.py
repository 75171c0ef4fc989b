"""Writing a record: choose a task, one page at a time with the public page beside it, kept at every change; two
windows. Its languages, versions and publishing have rooms of their own.

The form works without a script; write.js sends it after a pause and says when it was kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jisr_protocol.pages.language import N_, NAMES, Language
from jisr_protocol.pages.vocabulary import kind_word

from ...app import Node
from . import writing_words
from .rim import Denied, Why, long_form
from .room import Call, Endpoint, Nav, Room, Visit, Way
from .shown import LOCATION, ORGANIZATION, common, name_of, names_of, others, put_aside, said_at, writing

if TYPE_CHECKING:
    from ...editing.drafting import Opened, Saved
    from ...editing.tasks import Step

FORM_BYTES = 512 * 1024
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
                "records": [
                    (row["id"], row["name"] or kind_word(row["type"], visit.language))
                    for row in node.overview()
                    if row["id"] not in begun
                ],
                "closable": [
                    (row["id"], row["name"] or kind_word(row["type"], visit.language))
                    for row in node.overview()
                    if row["type"] in (ORGANIZATION, LOCATION)
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
            tasks=[(code, *said) for code, said in writing_words.TASKS.items()],
            together=[(code, *said) for code, said in writing_words.TOGETHER.items()],
            closed=writing_words.CLOSED,
            names=NAMES,
        )

    async def begin(self, request: Request, visit: Visit) -> Response:
        """A new draft of a task, in the language that somebody writes in."""
        asked = dict(await long_form(request))
        if (
            asked.get("task", "") not in {**writing_words.TASKS, **writing_words.TOGETHER}
            or asked.get("lang", "") not in NAMES
        ):
            raise Denied(Why.FORM)
        return self.rim.go(await begun(visit, asked["task"], asked["lang"]))

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
        values = dict(await long_form(request))
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
            return saved, again, said_at(node, saved.at, visit.language), put_aside(node, visit, after, saved)

        saved, again, at, aside = await visit.office.ask(work)
        if request.headers.get("accept", "").startswith("application/json"):
            said = visit.language.gettext("Saved at %(time)s.") % {"time": at}
            told = {"outcome": saved.outcome, "seen": saved.seen, "said": said, "again": again}
            return JSONResponse(told, 409 if saved.outcome == "aside" else 200)
        if saved.outcome == "aside":
            return self.rim.show(request, "write_aside.html", visit, 409, **aside, step=code)
        return self.rim.go(_next(record_id, code, act, "merged" if saved.outcome == "merged" else ""))

    def _page(self, node: Node, visit: Visit, record_id: str, code: str, add: frozenset[str]) -> dict[str, Any]:
        from ...editing.judging import beside
        from ...editing.tasks import task_of
        from . import drawing, widgets

        opened = node.drafting.open(record_id)
        task, language = task_of(opened.type), visit.language
        page = common(node, visit, opened)
        if task is None:
            return {
                **page,
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
            **page,
            "steps": steps,
            "step": step.code,
            "next": _after([one for one, _ in steps], step.code),
            "shown": " ".join(field.code for field in step.fields),
            "widgets": maker.widgets(step.fields, opened.record),
            "terms": widgets.suggestions(language) if step.code == "subjects" else [],
            "map": drawing.drawn(opened.record, others(node, record_id)) if step.code == "map" else None,
        }


async def begun(visit: Visit, code: str, lang: str) -> str:
    """Begin a record of a task, written in this language, or take up one that was begun and is empty yet; the address
    of its form."""
    from ...editing.fields import Writing as By
    from ...editing.tasks import TASKS

    def work(node: Node) -> str:
        ours = [row["id"] for row in node.overview() if row["type"] == ORGANIZATION]
        ours += [draft.id for draft in node.store.drafts() if draft.type == ORGANIZATION]
        by = By(lang, node.settings.country, visit.language.code)
        now = visit.office.now()
        return node.drafting.begin(TASKS[code], by, node.settings.licence, now, ours[0] if ours else None)

    return f"/records/{await visit.office.ask(work)}"


def step_of(opened: Opened, code: str) -> Step:
    """A step of a record's forms. Raises Denied (NOWHERE)."""
    from ...editing.tasks import step_of as found

    step = found(opened.type, code)
    if step is None:
        raise Denied(Why.NOWHERE)
    return step


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
