"""The words of coverage in a reader's language: states, themes, areas, and the sentences that come first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jisr_hub.directory.areas import COUNTRY, Area
from jisr_hub.directory.coverage import QUIET, AreaTold, Coverage, State
from jisr_hub.directory.efforts import UNMAPPED
from jisr_protocol import core_terms
from jisr_protocol.core_terms import FOCUS
from jisr_protocol.pages.language import N_, Language
from jisr_protocol.pages.text import Text, choose

STATES: Mapping[State, str] = {
    "covered": N_("Covered"),
    "thin": N_("Thin"),
    "none": N_("None reported"),
    "nobody": N_("Nobody reports here"),
    QUIET: N_("Too few to show"),
}
MEANINGS: Mapping[State, str] = {
    "covered": N_("At least two organizations are active, and one was confirmed within two years."),
    "thin": N_("Something is active, but only one organization, or nothing that was confirmed within two years."),
    "none": N_("Somebody reports from this area, and nothing active on this theme."),
    "nobody": N_("Nobody reports from this area, so we do not know. It does not mean that there is no help."),
    QUIET: N_("A small number could lead to a person or a hidden place, so it is not shown, whatever it is."),
}


def state_word(state: State, language: Language) -> str:
    """A state in one or a few words."""
    return language.gettext(STATES[state])


def theme_word(theme: str, language: Language) -> str:
    """A theme as the core list calls it."""
    if theme == UNMAPPED:
        return language.gettext("Not mapped yet")
    word = core_terms.label(FOCUS, theme, language.code)
    return word[:1].upper() + word[1:]


def area_word(told: AreaTold, language: Language) -> Text:
    """What an area is called: a country by its name in the language, another by the words of records, else its code."""
    scheme, code = told.area
    country = language.country_name(code) if scheme == COUNTRY else None
    return Text(country, language.code) if country else choose(told.name, language.code) or Text(code)


def sentences(coverage: Coverage, areas: Iterable[AreaTold], theme: str, language: Language) -> list[str]:
    """What comes first: where nobody reports, and how a theme stands where somebody does."""
    _ = language.gettext
    shown = list(areas)
    states = [coverage.cell(told.area, theme).state for told in shown] if theme else []
    nobody = states.count("nobody") if theme else sum(not told.reporters for told in shown)
    numbers = {"count": language.number(nobody), "all": language.number(len(shown))}
    found = [_("In %(count)s of %(all)s areas nobody reports.") % numbers] if shown else []
    if theme and shown:
        counts = {state: language.number(states.count(state)) for state in ("covered", "thin", "none")}
        words = {"theme": theme_word(theme, language), **counts}
        found.insert(0, _("%(theme)s: %(covered)s covered, %(thin)s thin, %(none)s with none reported.") % words)
    if coverage.placeless:
        left = language.number(coverage.placeless)
        found.append(_("Entries that name no area, and count nowhere: %(count)s.") % {"count": left})
    return found


def spelled(area: Area) -> str:
    """An area as addresses name it."""
    return ":".join(area)


def read_area(said: str) -> Area:
    """What `spelled` wrote; ("", …) for anything else."""
    scheme, _, code = said.partition(":")
    return scheme, code
