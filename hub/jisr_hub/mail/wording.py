"""What letters say, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jisr_protocol.pages.language import N_, Language

from .composing import Text
from .letters import BROKEN, DIGEST, REPORTED

STOP = N_("You get this letter because you agreed to it. To get no more, open this page:")


def text(kind: str, about: Mapping[str, Any], hub: str, language: Language, asked: Sequence[tuple[str, str]]) -> Text:
    """The text of a letter. `about` are its facts; `asked` are records and their links."""
    subject, paragraphs = _WRITERS.get(kind, _still_correct)(about, hub, language, asked)
    return Text(subject, paragraphs, language.direction, language.code)


_Said = tuple[str, list[str]]


def _digest(about: Mapping[str, Any], hub: str, language: Language, asked: Sequence[tuple[str, str]]) -> _Said:
    _, shown, stale, aside = language.gettext, int(about["shown"]), int(about["stale"]), int(about["aside"])
    lines = [
        language.ngettext("%(count)s record of yours is shown.", "%(count)s records of yours are shown.", shown)
        % {"count": language.number(shown)}
    ]
    if stale:
        lines.append(
            language.ngettext(
                "%(count)s was not confirmed in the last six months. Look whether it is still correct.",
                "%(count)s were not confirmed in the last six months. Look whether they are still correct.",
                stale,
            )
            % {"count": language.number(stale)}
        )
    if aside:
        lines.append(
            language.ngettext(
                "%(count)s entry is put aside and not shown. Your node says why: jisr-node status",
                "%(count)s entries are put aside and not shown. Your node says why: jisr-node status",
                aside,
            )
            % {"count": language.number(aside)}
        )
    return _("Your records at %(hub)s this week") % {"hub": hub}, lines


def _broken(about: Mapping[str, Any], hub: str, language: Language, asked: Sequence[tuple[str, str]]) -> _Said:
    _ = language.gettext
    return _("%(hub)s cannot read your records") % {"hub": hub}, [
        _("%(hub)s cannot fetch %(source)s any more.") % {"hub": hub, "source": about["source"]},
        _("What it says: %(says)s") % {"says": about["says"]},
        _("Nothing is lost: what was shown before is still shown. The hub tries again by itself."),
    ]


def _still_correct(about: Mapping[str, Any], hub: str, language: Language, asked: Sequence[tuple[str, str]]) -> _Said:
    _ = language.gettext
    lines = [
        _("%(hub)s shows what you wrote. Is it still correct? Open the page of each and answer with one button.")
        % {"hub": hub},
        *(f"{title}\n{link}" for title, link in asked),
        _("You need no password. Whoever has a link can answer, so pass it on only to who may."),
    ]
    return _("Is this still correct?"), lines


def _reported(about: Mapping[str, Any], hub: str, language: Language, asked: Sequence[tuple[str, str]]) -> _Said:
    _ = language.gettext
    where = (
        _("What they say is not in this letter. It waits for your node, sealed: jisr-node messages fetch")
        if about["sealed"]
        else _("What they say is not in this letter. Answer it, and the people of %(hub)s tell you.") % {"hub": hub}
    )
    lines = [
        _("A reader of %(hub)s reports a mistake in this:") % {"hub": hub},
        *(f"{title}\n{link}" for title, link in asked),
        where,
        _("Whatever else is reported today brings no other letter."),
    ]
    return _("Somebody reports a mistake"), lines


_WRITERS = {DIGEST: _digest, BROKEN: _broken, REPORTED: _reported}
