"""What a table of sentences calls its checks: each says of a world that was shown what no single record says."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from examples.federation.coverage import uncovered
from tests.federation.shown_world import Record, Shown

ASSOCIATIONS = ("nour-boughaz", "tarik-jeunesse")
SIX = {"humanitas", "schuldhulpmaatje", "lsta", "leger-des-heils", "smn", "iot"}


def roles(record: Record, role: str) -> set[str]:
    """The codes of a record's terms in a role."""
    return {term["code"] for term in record.get("terms", []) if term["role"] == role}


def texts(value: Any) -> list[dict[str, Any]]:
    """Every localised text in a record, as {language: {value, origin}}."""
    if isinstance(value, list):
        return [found for item in value for found in texts(item)]
    if not isinstance(value, dict):
        return []
    if value and all(isinstance(part, dict) and "origin" in part for part in value.values()):
        return [value]
    return [found for item in value.values() for found in texts(item)]


# Tangier


def partners_in_six_countries(shown: Shown) -> None:
    organizations = {name.split("/")[0] for name in shown.public if name.split("/")[1] == "organization"}
    assert {shown.countries[label] for label in organizations} >= {"MA", "NL", "BE", "FR", "ES", "DK"}


def a_danish_portal_reads(shown: Shown) -> None:
    assert '<html lang="da">' in shown.page
    for called in ("broen/organization/broen", "broen/opportunity/sommer", "broen/news/dansk"):
        record = shown.public[called]
        assert (record.get("name") or record["title"])["da"]["value"] in shown.page
    assert "جمعية نور البوغاز" in shown.page
    for record in shown.own.values():
        if record["audience"] != "public" and "name" in record:
            assert record["name"][record["lang"]]["value"] not in shown.page


def associations_say_who_they_are(shown: Shown) -> None:
    for label in ASSOCIATIONS:
        mine = {name.split("/")[1]: record for name, record in shown.public.items() if name.split("/")[0] == label}
        organization = next(r for n, r in shown.public.items() if n.startswith(f"{label}/organization/"))
        assert organization["purpose"] and roles(organization, "focus") and roles(organization, "competence")
        assert len({point["role"] for point in organization["contact_points"]}) >= 2
        assert {"service", "event", "project"} <= set(mine)


def fridays_are_split_and_ramadan_has_its_hours(shown: Shown) -> None:
    hours = shown.public["nour-boughaz/organization/nour"]["opening_hours"]
    assert hours["timezone"] == "Africa/Casablanca"
    friday = [hour for hour in hours["operating_hours"] if hour["label"] == "normal" and hour["days"] == ["FR"]]
    assert [len(hour["intervals"]) for hour in friday] == [2]
    assert any(
        hour["label"] == "ramadan" and hour["valid_from"] < hour["valid_to"] for hour in hours["operating_hours"]
    )


def a_referral_finds_another_organization(shown: Shown) -> None:
    """Whoever receives people in the quarter finds a service of another node that takes referrals from a partner."""
    here = shown.public["tarik-jeunesse/service/accueil-quartier"]
    fitting = [
        service
        for service in shown.of("service")
        if service["node"] != here["node"]
        and service.get("referral", {}).get("accepted")
        and {"partner", "anyone"} & set(service["referral"]["who_may_refer"])
        and "women" in roles(service, "focus")
    ]
    assert len({service["node"] for service in fitting}) >= 2
    for service in fitting:
        assert service["referral"]["channel"] and service["referral"]["response_days"] >= 0
        assert shown.refer(service, service["organization"]) is not None


def needs_of_money_goods_and_expertise_name_who_needs_them(shown: Shown) -> None:
    needs = [need for need in shown.of("need") if "MA-TNG" in {area.get("code") for area in need.get("area", [])}]
    assert {need["kind"] for need in needs} >= {"funding", "material", "professional"}
    for need in needs:
        organization = shown.refer(need, need["organization"])
        assert organization is not None and organization["contact_points"]


def an_area_without_efforts_is_found(shown: Shown) -> None:
    lacking = [area["code"] for indicator in uncovered(shown.public.values()) for area in indicator["area"]]
    assert "MA-FAH" in lacking
    assert "MA-TNG" not in lacking


# All


def no_volunteer_is_public_or_has_a_name(shown: Shown) -> None:
    volunteers = [record for name, record in shown.own.items() if name.split("/")[1] == "volunteer"]
    assert volunteers
    for record in volunteers:
        assert record["audience"] in ("partners", "local")
        assert not {"name", "source", "contact_points", "email", "phone"} & set(record)
        assert (record["node"], record["id"]) not in shown.anywhere
        assert record["skills"] and record["wishes"] and record["expires"]


def an_offer_answers_a_need(shown: Shown) -> None:
    answered = [
        (offer, shown.refer(offer, link["target"]))
        for offer in shown.of("offer")
        for link in offer.get("links", [])
        if link["rel"] == "answers"
    ]
    assert answered
    for offer, need in answered:
        assert need is not None and need["type"] == "org.jisr.need/1" and need["node"] != offer["node"]


def members_are_confirmed_from_both_sides(shown: Shown) -> None:
    confirmed = [record for record in shown.of("membership") if record["side"] == "alliance" and "confirms" in record]
    assert confirmed
    for record in confirmed:
        claim = shown.refer(record, record["confirms"])
        assert claim is not None and claim["side"] == "subject" and claim["role"] == record["role"]
        assert claim["node"] == (shown.refer(record, record["subject"]) or {}).get("node")
        assert shown.refer(claim, claim["alliance"]) == shown.refer(record, record["alliance"]) is not None


# Enschede


def the_answered_need_is_met(shown: Shown) -> None:
    assert shown.first_drafts["m-pact/need/kinderfietsen"]["met"] == "no"
    need = shown.public["m-pact/need/kinderfietsen"]
    assert (need["met"], need["rev"]) == ("fully", 2)


def every_goal_has_an_activity(shown: Shown) -> None:
    goals = Counter(
        goal for kind in ("event", "service") for record in shown.of(kind) for goal in roles(record, "goal")
    )
    assert {"meeting", "buddy", "day-activity", "education", "goods"} <= set(goals)


def vacancies_are_open_to_asylum_seekers(shown: Shown) -> None:
    found = [
        vacancy
        for vacancy in shown.of("opportunity")
        for group in vacancy.get("eligible_groups", [])
        if group["group"] == "asylum_seekers" and group["allowed"] and {"ar", "en", "tr"} <= set(group["legal_note"])
    ]
    assert len(found) >= 2


def volunteers_organisations_and_municipality_each_need_three_things(shown: Shown) -> None:
    found = {(need.get("for_whom", {}).get("nl", {}).get("value"), need["kind"]) for need in shown.of("need")}
    whom = ("Vrijwilligers", "Organisaties", "De gemeente")
    assert {(who, kind) for who in whom for kind in ("funding", "venue", "knowledge")} <= found


# Burundi


def the_home_hub_is_in_the_netherlands(shown: Shown) -> None:
    assert {shown.hubs[label] for label, country in shown.countries.items() if country == "BI"} == {"NL"}


def fifty_people_came(shown: Shown) -> None:
    project = shown.public["care-burundi/project/orientation"]
    assert project["reach"]["people"] == 50
    assert [partner["role"] for partner in project["partners"]] == ["facilitator"]


def every_group_has_a_plan(shown: Shown) -> None:
    network = shown.public["care-burundi/alliance/reseau"]
    groups = [alliance for alliance in shown.of("alliance") if alliance.get("parent") == network["id"]]
    assert len(groups) >= 3
    for group in groups:
        assert group["kind"] == "thematic_group" and {"fr", "nl"} <= set(group["action_plan"])


def every_partner_says_its_capacity(shown: Shown) -> None:
    for label in ("care-burundi", "collines-solidaires", "epargne-femmes", "semences-de-paix"):
        found = [record for name, record in shown.public.items() if name.startswith(f"{label}/organization/")]
        assert [bool(record["capacity"][0]["as_of"]) for record in found] == [True]


def projects_have_periods_and_partners(shown: Shown) -> None:
    projects = [record for record in shown.of("project") if record.get("countries") == ["BI"]]
    assert len(projects) >= 5
    for project in projects:
        assert project["period"]["from"] < project["period"]["until"] and project["partners"]


def the_lead_became_a_facilitator(shown: Shown) -> None:
    assert shown.first_drafts["care-burundi/membership/care-reseau"]["role"] == "lead"
    membership = shown.public["care-burundi/membership/care-reseau"]
    assert (membership["role"], membership["rev"]) == ("facilitator", 2)
    network = shown.public["care-burundi/alliance/reseau"]
    coordinator = shown.refer(network, network["coordinator"])
    assert coordinator is not None and coordinator["node"] != network["node"]


# The alliance


def six_organizations_form_the_alliance(shown: Shown) -> None:
    alliance = shown.public["vrijwilligersalliantie/alliance/alliantie"]
    found = [record for record in shown.of("membership") if record["side"] == "subject"]
    mine = [record for record in found if shown.refer(record, record["alliance"]) == alliance]
    by_id = {record["id"]: name.split("/")[0] for name, record in shown.public.items()}
    assert {by_id[record["id"]] for record in mine} == SIX
    confirmed = {record.get("confirms", "").rpartition("/")[2] for record in shown.of("membership")}
    assert {record["id"] for record in mine} <= confirmed


def five_pilots_name_five_municipalities(shown: Shown) -> None:
    pilots = [
        record
        for name, record in shown.public.items()
        if name.startswith("vrijwilligersalliantie/project/") and record.get("pilot")
    ]
    assert len({pilot["municipality"]["code"] for pilot in pilots}) == len(pilots) == 5


def all_six_use_the_shared_form(shown: Shown) -> None:
    form = shown.public["vrijwilligersalliantie/standard/intake"]
    adopters = [shown.refer(form, reference) for reference in form["adopters"]]
    by_id = {record["id"]: name.split("/")[0] for name, record in shown.public.items()}
    assert {by_id[adopter["id"]] for adopter in adopters if adopter} == SIX
    assert (form["version"], form["state"], form["rev"]) == ("1.0", "in_use", 2)
    kinds = {r["kind"] for n, r in shown.public.items() if n.startswith("vrijwilligersalliantie/standard/")}
    assert kinds == {"form", "method", "data_format", "quality_mark"}


def every_pilot_says_what_it_needs(shown: Shown) -> None:
    pilots = {r["id"] for n, r in shown.public.items() if n.startswith("vrijwilligersalliantie/project/pilot-")}
    needs = [need for need in shown.of("need") if need.get("project") in pilots]
    assert {need["project"] for need in needs} == pilots
    assert all(need["kind"] == "funding" and need["amount"]["currency"] == "EUR" for need in needs)


def texts_are_in_dutch_and_turkish(shown: Shown) -> None:
    """What people read stands in both, and a translation says what made it."""
    for label, own in (("vrijwilligersalliantie", "nl"), ("iot", "tr")):
        mine = [record for name, record in shown.public.items() if name.split("/")[0] == label]
        for record in mine:
            words = [record[member] for member in ("title", "summary", "description", "purpose") if member in record]
            for text in words:
                assert {"nl", "tr"} <= set(text), record
            for text in texts(record):
                assert {lang for lang, each in text.items() if each["origin"] == "author"} <= {own}


CHECKS: dict[str, Callable[[Shown], None]] = {
    name: check
    for name, check in list(globals().items())
    if callable(check) and getattr(check, "__annotations__", {}).get("shown") is Shown
}
"""Every check of this file, by its name."""
