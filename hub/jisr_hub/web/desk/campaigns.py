"""Campaigns at the desk: whom to ask whether records are still correct, what came, and who agreed to get letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from jisr_protocol import identifiers, schema
from jisr_protocol.pages.language import N_, NAMES
from jisr_protocol.pages.vocabulary import kinds_word

from ...desk.acts import Acts
from ...desk.bench import Asking, CannotAct
from ...desk.denied import Denied, Why
from ...desk.door import Visitor
from ...desk.roles import Right
from ...desk.works.asking import MONTHS_MOST, plan
from ...desk.works.letters import OURS
from ...mail.campaigns import Asked, Choice
from ...mail.letters import UNDELIVERED, letter_name, name_of
from ...ports import Clock
from ..letters import ANSWERS
from ..page import reader_language
from .acts import actor_of
from .rim import Endpoint, Rim, Way, form_of, may

LETTERS_SHOWN = 100
STATES = {
    "waiting": N_("waits"),
    "sent": N_("sent"),
    "refused": N_("refused by its server"),
    "given up": N_("given up after days"),
    "withdrawn": N_("withdrawn"),
}


class Asks:
    """Each method is an endpoint behind the rim."""

    def __init__(self, rim: Rim, asking: Asking, acts: Acts, clock: Clock, default_language: str) -> None:
        self.rim, self._asking, self._acts, self._clock = rim, asking, acts, clock
        self._default = default_language

    def ways(self) -> dict[Way, Endpoint]:
        """Everybody looks; asking and consent are for curators."""
        return {
            Way("GET", "/desk/campaigns", Right.LOOK): self.campaigns,
            Way("GET", "/desk/campaigns/preview", Right.CURATE): self.preview,
            Way("GET", "/desk/letters", Right.CURATE): self.letters,
            Way("POST", "/desk/letters/agree", Right.CURATE): self.agree,
            Way("POST", "/desk/letters/end", Right.CURATE): self.end,
            Way("POST", "/desk/letters/retry", Right.CURATE): self.retry,
        }

    async def campaigns(self, request: Request, visitor: Visitor | None) -> Response:
        """What was asked and answered, what somebody has to look at, and the form of a new one."""
        language = reader_language(request, self._default)
        rows = []
        for one in await self._asking.campaigns.all():
            asked = await self._asking.campaigns.asked(one.id)
            rows.append((one, identifiers.from_instant(one.made), _counts(asked)))
        waiting = [await self._open(one, language.code) for one in await self._asking.campaigns.open()]
        return self.rim.show(
            request,
            "campaigns.html",
            visitor,
            rows=rows,
            waiting=waiting,
            answers=dict(ANSWERS),
            types=[(name, kinds_word(name, language)) for name in schema.types() if not schema.about_persons(name)],
            may_ask=may(visitor, Right.CURATE),
            most=MONTHS_MOST,
        )

    async def preview(self, request: Request, visitor: Visitor | None) -> Response:
        """Who would be asked: how many, and each by name. Nothing is sent."""
        language = reader_language(request, self._default)
        asked = {name: request.query_params.get(name, "").strip()[:200] for name in ("name", "node", "type")}
        months = request.query_params.get("months", "6")
        if not months.isascii() or not months.isdigit() or not 1 <= int(months[:6]) <= MONTHS_MOST:
            raise Denied(Why.FORM)
        today = identifiers.to_instant(self._clock())[:10]
        found = await plan(self._asking, Choice(asked["node"], asked["type"], int(months)), today, language.code)
        return self.rim.show(
            request, "campaign_preview.html", visitor, plan=found, found=len(found.records), months=months, chosen=asked
        )

    async def letters(self, request: Request, visitor: Visitor | None) -> Response:
        """Who agreed to get letters, and what became of the last ones."""
        return await self._letters(request, visitor, "")

    async def _letters(self, request: Request, visitor: Visitor | None, sentence: str) -> Response:
        people = [
            (one, name_of(one.address), identifiers.from_instant(one.agreed))
            for one in await self._asking.box.correspondents()
        ]
        letters = await self._asking.box.letters(LETTERS_SHOWN)
        shown = [
            (one, STATES[one.state], identifiers.from_instant(one.at or one.made),
             letter_name(one) if one.state in UNDELIVERED else "")
            for one in letters
        ]  # fmt: skip
        return self.rim.show(
            request, "letters.html", visitor, 422 if sentence else 200,
            people=people, letters=shown, languages_offered=list(NAMES.items()), sentence=sentence,
        )  # fmt: skip

    async def agree(self, request: Request, visitor: Visitor | None) -> Response:
        """Keep that somebody agreed, with the date and how."""
        address, node, lang, how = await form_of(request, "address", "node", "lang", "how")
        subject = f"{node.strip() or OURS} {name_of(address.strip())}"
        members = {"address": address, "lang": lang, "how": how}
        return await self._correspond(request, visitor, subject, does="agree", **members)

    async def end(self, request: Request, visitor: Visitor | None) -> Response:
        """Write to somebody no more; with `forget` nothing of their address stays."""
        who, what = await form_of(request, "who", "what")
        held = [one for one in await self._asking.box.correspondents() if name_of(one.address) == who]
        subject = f"{(held[0].node if held else '') or OURS} {who}"
        return await self._correspond(request, visitor, subject, does="forget" if what == "forget" else "end")

    async def retry(self, request: Request, visitor: Visitor | None) -> Response:
        """Send a letter again that did not arrive."""
        (letter,) = await form_of(request, "letter")
        return await self._acted(request, visitor, "letter_retry", letter)

    async def _correspond(self, request: Request, visitor: Visitor | None, subject: str, **members: str) -> Response:
        return await self._acted(request, visitor, "correspond", subject, **members)

    async def _acted(
        self, request: Request, visitor: Visitor | None, kind: str, subject: str, **members: str
    ) -> Response:
        try:
            await self._acts.do(actor_of(visitor), kind, subject, **members)
        except CannotAct as error:
            said = reader_language(request, self._default).gettext(error.sentence)
            return await self._letters(request, visitor, said % error.values if error.values else said)
        return self.rim.go("/desk/letters")

    async def _open(self, one: Asked, lang: str) -> dict[str, Any]:
        title = ""
        found = [old for old in await self._asking.records.old(one.node, lang) if old.key == (one.node, one.id)]
        if found:
            title = found[0].title
        return {
            "subject": f"{one.campaign}/{one.node}/{one.id}",
            "record": f"{one.node}/{one.id}",
            "title": title or one.id,
            "answer": ANSWERS[one.answer],
            "note": one.note,
            "at": identifiers.from_instant(one.at),
        }


def _counts(asked: Sequence[Asked]) -> Mapping[str, int]:
    counts = {"asked": len(asked), **dict.fromkeys(ANSWERS, 0)}
    for one in asked:
        if one.answer:
            counts[one.answer] += 1
    return counts
