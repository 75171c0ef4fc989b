"""The languages of a record side by side, each with its state; words of a translator are kept as theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from ...app import Node
from . import writing_words
from .rim import Denied, Why, long_form
from .room import Endpoint, Room, Visit, Way
from .shown import common, put_aside
from .writing import FORM_BYTES

if TYPE_CHECKING:
    from ...editing.drafting import Saved


class Languages(Room):
    """One page, a language at a time."""

    def ways(self) -> dict[Way, Endpoint]:
        return {
            Way("GET", "/records/{id}/languages"): self.languages,
            Way("POST", "/records/{id}/languages", most_bytes=FORM_BYTES): self.translate,
        }

    async def languages(self, request: Request, visit: Visit) -> Response:
        def look(node: Node) -> dict[str, Any]:
            return self._languages(node, visit, request.path_params["id"], request.query_params.get("in", ""))

        return self.rim.show(request, "write_languages.html", visit, **await visit.office.ask(look))

    def _languages(self, node: Node, visit: Visit, record_id: str, chosen: str) -> dict[str, Any]:
        from ...editing.fields import words_in
        from ...editing.parts import SPOKEN
        from ...editing.tasks import task_of
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
            **common(node, visit, opened),
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
        values, record_id = dict(await long_form(request)), request.path_params["id"]
        if values.get("end") != "end" or not values.get("in"):
            raise Denied(Why.FORM)
        words = {key[6:]: value for key, value in values.items() if key.startswith("words.")}
        read = [key[5:] for key in values if key.startswith("read.")]

        def work(node: Node) -> tuple[Saved, dict[str, Any]]:
            now = visit.office.now()
            saved = node.drafting.translate(record_id, values["in"], words, read, values.get("seen", ""), now)
            return saved, put_aside(node, visit, node.drafting.open(record_id), saved)

        saved, aside = await visit.office.ask(work)
        if saved.outcome == "aside":
            return self.rim.show(request, "write_aside.html", visit, 409, **aside, step="")
        return self.rim.go(f"/records/{record_id}/languages?{urlencode({'in': values['in']})}")


def _worst(states: list[str]) -> str:
    return next((state for state in ("outdated", "machine", "missing") if state in states), "good")
