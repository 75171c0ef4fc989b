"""What the answers of the source's form mean in Jisr's terms: one table per question.

The form is not part of the source, so a label is mapped only where its words leave no doubt. A label that is in no
table here is counted by `drafts.py` and listed in the report.
"""

from __future__ import annotations

# question 1: labels that ask for nothing
NO_DOCUMENTS = "No Requirement"

# question 2 and 3: labels that exclude nobody; all others become terms with the role `situation`
EXCLUDES_NOBODY = {"No restriction", "Open to all"}

# question 4: how the help reaches people. "Referrals only" is no way of reaching people (see REFERRAL_ONLY);
# "All the above" points at a list that the source does not have.
DELIVERY: dict[str, list[str]] = {
    "Walk-in": ["on_site"],
    "Outreach": ["outreach"],
    "Walk-in & Outreach": ["on_site", "outreach"],
    "Hotline and follow up home visit": ["remote", "outreach"],
    "Outreach Information hotline": ["outreach", "remote"],
    "Referrals only": [],
}
REFERRAL_ONLY = "Referrals only"
POINTS_ELSEWHERE = "All the above"
# who may simply come: such an answer and "Referral required: Yes" exclude each other
WALK_IN = {"Walk-in", "Walk-in & Outreach", POINTS_ELSEWHERE}

# question 5: coverage that is an area by itself; any other needs the name of the place to mean something
COUNTRYWIDE = "Countrywide"
PART_OF_COUNTRY = {"North", "Central", "South"}
GOVERNORATE_OF_PLACE = "Governorate where the service is located"

# ISO 3166-2 codes of the governorates, by the name the source uses before "Governorate"
GOVERNORATES = {
    "Ajlun": "JO-AJ",
    "Al Balqa": "JO-BA",
    "Amman": "JO-AM",
    "Aqaba": "JO-AQ",
    "Irbid": "JO-IR",
    "Jarash": "JO-JA",
    "Karak": "JO-KA",
    "Maan": "JO-MN",
    "Madaba": "JO-MD",
    "Mafraq": "JO-MA",
    "Tafileh": "JO-AT",
    "Zarqa": "JO-AZ",
}

# question 7
DAYS: dict[str, list[str]] = {
    "Sun-Thurs": ["SU", "MO", "TU", "WE", "TH"],
    "Mon-Thurs  and Sat": ["MO", "TU", "WE", "TH", "SA"],
    "Mondays only": ["MO"],
    "Tuesdays only": ["TU"],
    "Thursdays only": ["TH"],
    "Saturdays only": ["SA"],
    "Sundays only": ["SU"],
}

# questions 8 and 9
ALWAYS_OPEN = "Always open"
NEVER_CLOSED = "Never closed"

# question 10
CHANNELS = {
    "Email on a per case basis": "email",
    "IA Form": "form",
    "RAIS": "rais",
    "Telephone on a per case basis": "phone",
}
NOT_ACCEPTED = "Referrals not accepted"
NOT_REQUIRED = "Referral is not required"

# question 12: days until an answer; "Case by case basis" stays in words
RESPONSE_DAYS = {"One day": 1, "One week": 7, "One month": 30}

# Where the Arabic half says something else than the English one. "Open to all" stands beside "serious medical
# condition", "Outreach" beside "referred people only", and so on: an Arabic reader would be sent away from a door
# that is open. The Arabic label of these answers is not taken over.
ARABIC_CONTRADICTS = {
    (3, "Open to all"),
    (4, "Outreach"),
    (4, "Walk-in & Outreach"),
    (4, "All the above"),
    (4, "Outreach Information hotline"),
}

# The Arabic half of every row of this activity speaks of activity 5604. This name is a translation made for this
# converter by a program and says so in its origin.
OWN_ARABIC_NAMES = {5575: "فرص التعليم"}
