"""Why two records may be of one thing, in words: a sentence for each code of curation/likeness.py, and its weight."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from jisr_protocol.pages.language import N_, Language

from ...curation.likeness import Grade, Reason


class Weight(StrEnum):
    """How much one reason says, as a class of the page."""

    MUCH = "much"
    SOME = "some"
    AGAINST = "against"


WEIGHTS: Mapping[Weight, str] = {
    Weight.MUCH: N_("says much"),
    Weight.SOME: N_("says something"),
    Weight.AGAINST: N_("speaks against it"),
}
GRADES: Mapping[Grade, str] = {
    Grade.STRONG: N_("strong"),
    Grade.WORTH_A_LOOK: N_("worth a look"),
    Grade.UNSURE: N_("unsure"),
}
SENTENCES: Mapping[str, str] = {
    "same_name": N_("The same name"),
    "like_name": N_("Names that are nearly the same"),
    "same_name_in_two_scripts": N_("The same name in two scripts"),
    "acronym": N_("The letters of the one name are those of the other"),
    "part_of_name": N_("The one name is a part of the other"),
    "names_in_two_scripts": N_("Names in two scripts, which cannot be compared"),
    "other_name": N_("Different names"),
    "same_phone": N_("The same phone"),
    "same_mail": N_("The same mail address"),
    "same_domain": N_("The same website"),
    "same_page": N_("The same page"),
    "same_identifier": N_("The same number of a register"),
    "shared_by_many": N_("Shared by many, so it says little"),
    "elsewhere": N_("In different places"),
    "within_metres": N_("This many metres apart"),
    "same_street": N_("The same street and number"),
    "same_town": N_("The same town"),
    "same_area": N_("The same area"),
    "same_location": N_("The same place"),
    "other_identifier": N_("Different numbers of one register"),
    "same_organization": N_("Given by the same organization"),
    "like_organization": N_("Given by organizations that may be one"),
    "one_has_ended": N_("One of them has ended"),
}
_MUCH = frozenset(
    {
        *("same_name", "same_name_in_two_scripts", "same_phone", "same_mail", "same_domain", "same_page"),
        *("same_identifier", "same_street", "same_location", "same_organization", "within_metres"),
    }
)


def told(reason: Reason, language: Language) -> tuple[str, tuple[str, ...], Weight, str]:
    """(sentence, values as they stand in the records, weight, the weight in words)."""
    weight = Weight.AGAINST if not reason.speaks_for else Weight.MUCH if reason.code in _MUCH else Weight.SOME
    sentence = language.gettext(SENTENCES.get(reason.code, reason.code))
    return sentence, tuple(dict.fromkeys(filter(None, reason.values))), weight, language.gettext(WEIGHTS[weight])
