"""Findings and criteria in English, the source of the other seven."""

FINDINGS = {
    "missing": "“{expected}” is missing. Add it.",
    "missing_one": "One of these is missing: {expected}. Add one.",
    "like": "Write it like this: {expected}. It says: {came}.",
    "whole": "Write a whole number. It says: {came}.",
    "yes_no": "Write true or false. It says: {came}.",
    "choice": "Choose one of these: {expected}. It says: {came}.",
    "too_long": "At most {expected} characters fit here; there are {came}. Make it shorter.",
    "too_many": "At most {expected} fit here; there are {came}. Take some out.",
    "too_few": "At least {expected} belong here; there are {came}.",
    "too_high": "At most {expected} is possible; it says {came}.",
    "too_low": "At least {expected} is needed; it says {came}.",
    "twice": "The same thing stands here twice. Take one out.",
    "blank": "There are no words here. Write them, or take the field out.",
    "words": "Say in which language these words are, and who wrote them.",
    "nobody": "This tells who a person is. Take it out; name the role instead.",
    "hidden_place": "This place is hidden, so the public must not see an address or a point. Take it out.",
    "area_place": "This place is shown as an area, so the public must not see the street or the exact point. Take"
    " it out.",
    "contact_in_text": "A mail address or telephone number stands in this text. Take it out.",
    "reference": "This leads to no record. Choose the record again. It says: {came}.",
    "code": "Use Latin letters, digits and signs such as - and _ only. It says: {came}.",
    "kind_unknown": "This kind of record is not known: {came}.",
    "form": "This does not have the form that belongs here: {expected}. It says: {came}.",
    "unsignable": "This cannot be signed: expected {expected}; it says: {came}.",
    "person.mail": "“{came}” looks like the mail address of a person. Everybody can read it, and copies stay when"
    " that person leaves. Use an address of the role, such as info@.",
    "person.phone": "{came} is a mobile number, perhaps somebody's own. Everybody can read it and call at night."
    " Use a number of the organization, or ask that person.",
    "person.name": "“{came}” looks like the name of a person. Everybody can read it, and search engines keep it."
    " Name the role.",
    "person.text": "“{came}” in this text looks like a way to reach one person. Everybody can read it. Move it to"
    " the contacts, under a role.",
    "place.shelter": "This looks like a place where people hide ({came}), and everybody can see exactly where it"
    " is. Who looks for them can read it too. Choose “hidden” or “area”.",
    "place.text": "This place is hidden, but the text seems to say where it is: “{came}”. Take it out.",
}
CRITERIA = {
    "structure": ("The structure is right", "Something must be fixed first."),
    "fresh": ("Confirmed in the last six months", "Confirm that it is still correct."),
    "review": ("Not past its day for review", "Look whether it is still correct, and set a new day."),
    "over": ("Not over while it is called active", "Its last day is past. End it, or change the day."),
    "checked": ("Somebody checked it against reality", "Ask somebody to check it by a call, a mail or a visit."),
    "numbers": ("Its register numbers were looked up", "Look up the number in the register, and say so."),
    "persons": ("Tells nothing of private persons", "Look at what seems to tell of a person or a hidden place."),
    "letters": ("Letters are what they look like", "Letters of two alphabets are mixed in a word of the name."),
    "described": ("Says in a few sentences what it is", "Write two or three sentences about it."),
    "reachable": ("Can be reached", "Add a mail address, a telephone number or a web page of the organization."),
    "opening": ("Says when", "Add opening hours or days."),
    "where": ("Says where", "Add the place, or the area it works in."),
    "whom": ("Says for whom", "Say who it is for."),
    "languages": (
        "Has its name in two languages",
        "Add the name in a second language. A machine's words do not count.",
    ),
    "terms": ("Says what it is about", "Choose one or more subjects."),
}
SHARED = {
    "must fix": "Must be fixed",
    "could be better": "Could be better",
    "accuracy": "Is it right?",
    "usefulness": "Does it help?",
    "met": "Met",
    "not met": "Not met",
    "not applicable": "Not applicable",
    "found": "Found: {came}",
    "not asked": "This kind of record does not say this, or keeps it hidden on purpose.",
    "title": "{title}: {sentence}",
    "cell": "sheet {sheet}, cell {cell}",
    "row": "cell {cell}",
}
