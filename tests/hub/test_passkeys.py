"""Passkeys: what opens the desk, and each thing that must not, with a device that can lie."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jisr_hub.desk import passkeys, sessions
from jisr_hub.desk.denied import Denied, Why
from jisr_hub.desk.door import Visitor
from jisr_hub.desk.passkeys import Ceremonies
from jisr_hub.desk.roles import Role
from jisr_hub.storage.passkeys import SqlPasskeys
from tests.hub.authenticator import PRESENT, VERIFIED, Device, raw
from tests.hub.desk_world import NETWORK, DeskWorld, desk_world
from tests.hub.test_desk_web import COOKIE, HUB, browser, sign_in

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    async with desk_world(tmp_path / "hub.sqlite") as world:
        await world.add("desk-one", Role.OPERATOR)
        await world.add("desk-two")
        yield world


@pytest.fixture
async def client(world: DeskWorld) -> AsyncIterator[httpx.AsyncClient]:
    async with browser(world) as client:
        yield client


@pytest.fixture
def device() -> Device:
    return Device(HUB)


def ceremonies(world: DeskWorld, address: str = HUB) -> Ceremonies:
    return Ceremonies(SqlPasskeys(world.ledger.database), world.door, address, "Hub")


async def visitor(world: DeskWorld, name: str = "desk-one") -> Visitor:
    found = await world.door.visitor(await world.door.begin(name, "password"))
    assert found is not None
    return found


async def added(world: DeskWorld, device: Device, name: str = "desk-one", label: str = "الهاتف") -> None:
    here, who = ceremonies(world), await visitor(world, name)
    await here.add(who, label, device.make(await here.to_add(who)))


def options(page: str) -> str:
    found = re.search(r'data-options="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


# What opens the desk


async def test_a_passkey_is_added_opens_the_desk_and_is_removed(client: Any, device: Device) -> None:
    await sign_in(client, "desk-one")
    page = await client.get("/desk/passkeys/add")
    form = {"label": " الهاتف ", "credential": device.make(options(page.text))}
    assert (await client.post("/desk/passkeys/add", data=form)).headers["location"] == "/desk/passkeys"
    assert "<bdi>الهاتف</bdi>" in (await client.get("/desk/passkeys")).text
    await client.post("/desk/sign-out", data={})
    assert (await client.get("/desk")).status_code == 303
    asked = options((await client.get("/desk/passkey")).text)
    assert "desk-one" not in asked and json.loads(asked)["allowCredentials"] == [], "who is asked is told to nobody"
    done = await client.post("/desk/passkey", data={"credential": device.sign(asked)})
    assert done.headers["location"] == "/desk"
    assert "desk-one" in (await client.get("/desk")).text
    text = (await client.get("/desk/passkeys")).text
    assert "Last used" in text
    (id_,) = re.findall(r'name="id" value="([^"]*)"', text)
    assert (await client.post("/desk/passkeys/remove", data={"id": id_})).status_code == 303
    asked = options((await client.get("/desk/passkey")).text)
    refused = await client.post("/desk/passkey", data={"credential": device.sign(asked)})
    assert (refused.status_code, html.escape(Why.PASSKEY.value) in refused.text) == (403, True)


async def test_a_passkey_confirms_under_a_new_token(world: DeskWorld, client: Any, device: Device) -> None:
    await added(world, device)
    await sign_in(client, "desk-one")
    world.clock.pass_(sessions.FRESH_SECONDS)
    assert (await client.get("/desk/passkeys/add")).status_code == 403, "adding one needs who was there just now"
    assert "/desk/confirm/passkey" in (await client.get("/desk/confirm")).text
    before = client.cookies[COOKIE]
    asked = options((await client.get("/desk/confirm/passkey")).text)
    assert len(json.loads(asked)["allowCredentials"]) == 1
    assert (await client.post("/desk/confirm/passkey", data={"credential": device.sign(asked)})).status_code == 303
    assert client.cookies[COOKIE] != before and await world.door.visitor(before) is None
    assert (await client.get("/desk/passkeys/add")).status_code == 200


async def test_an_account_has_several_passkeys_and_not_without_end(world: DeskWorld) -> None:
    here = ceremonies(world)
    for number in range(passkeys.MOST):
        await added(world, Device(HUB, id=b"device %d" % number))
    held = await here.kept.of("desk-one")
    assert len({one.id for one in held}) == passkeys.MOST
    with pytest.raises(Denied, check=lambda denied: denied.why is Why.MANY_PASSKEYS):
        await here.to_add(await visitor(world))
    await added(world, Device(HUB, id=b"of another"), "desk-two")


@pytest.mark.parametrize(
    ("address", "possible"),
    [
        *(("https://hub.example", True), ("https://hub.example:8443", True), ("http://localhost:8470", True)),
        *(("http://hub.example", False), ("http://127.0.0.1:8470", False), ("https://hub", False)),
    ],
)
async def test_the_page_offers_passkeys_only_where_browsers_have_them(
    world: DeskWorld, address: str, possible: bool
) -> None:
    async with browser(world, address) as client:
        assert ("/desk/passkey" in (await client.get("/desk/sign-in")).text) is possible


async def test_only_the_pages_of_passkeys_may_run_the_one_script(world: DeskWorld, client: Any) -> None:
    await sign_in(client, "desk-one")
    for path in ("/desk/passkey", "/desk/confirm/passkey", "/desk/passkeys/add"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.endswith("; script-src 'self'") and "default-src 'none'" in policy
        assert re.findall(r"<script[^>]*>", answer.text) == [
            f'<script src="{one}" defer>' for one in re.findall(r'src="(/static/passkey\.js[^"]*)"', answer.text)
        ]
    assert "script" not in (await client.get("/desk/passkeys")).headers["content-security-policy"]


# What must not


LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://hub.example.evil.example"},
    "the plain origin": {"origin": "http://hub.example"},
    "another port": {"origin": "https://hub.example:444"},
    "another host's key": {"host": "evil.example"},
    "a challenge of its own": {"challenge": b"c" * 32},
    "an empty challenge": {"challenge": b""},
    "nobody was there": {"flags": 0},
    "nobody was recognised": {"flags": PRESENT},
    "no presence": {"flags": VERIFIED},
}


async def refused(doing: Any, why: Why = Why.PASSKEY) -> None:
    with pytest.raises(Denied) as denied:
        await doing
    assert denied.value.why is why


@pytest.mark.parametrize("lie", [*LIES, "the other kind"])
async def test_no_passkey_is_kept_of_a_device_that_lies(world: DeskWorld, device: Device, lie: str) -> None:
    here, who = ceremonies(world), await visitor(world)
    for name, value in LIES.get(lie, {"kind": "webauthn.get"}).items():
        setattr(device, name, value)
    await refused(here.add(who, "phone", device.make(await here.to_add(who))))
    assert not await here.kept.of("desk-one")


@pytest.mark.parametrize(
    "lie", [*LIES, "the other kind", "another key", "a spoilt signature", "an unknown passkey", "another person"]
)
async def test_no_session_begins_by_a_device_that_lies(world: DeskWorld, device: Device, lie: str) -> None:
    await added(world, device)
    here = ceremonies(world)
    more = {
        "the other kind": {"kind": "webauthn.create"},
        "another key": {"key": Device(HUB).key},
        "a spoilt signature": {"spoil": True},
        "an unknown passkey": {"id": b"unknown"},
        "another person": {"handle": b"x" * 32},
    }
    for name, value in (LIES | more)[lie].items():
        setattr(device, name, value)
    asked, kept = await here.to_sign_in(NETWORK)
    await refused(here.sign_in(device.sign(asked), kept))
    who = await visitor(world)
    await refused(here.confirm(who, device.sign(await here.to_confirm(who))))


async def test_a_challenge_is_worth_one_answer_for_five_minutes(world: DeskWorld, device: Device) -> None:
    await added(world, device)
    here = ceremonies(world)
    asked, kept = await here.to_sign_in(NETWORK)
    credential = device.sign(asked)
    assert await here.sign_in(credential, kept)
    await refused(here.sign_in(credential, kept))
    asked, kept = await here.to_sign_in(NETWORK)
    spoilt = device.sign(asked).replace('"public-key"', '"private-key"')
    await refused(here.sign_in(spoilt, kept))
    await refused(here.sign_in(device.sign(asked), kept)), "a failed answer uses it up too"
    asked, kept = await here.to_sign_in(NETWORK)
    world.clock.pass_(passkeys.PENDING_SECONDS)
    await refused(here.sign_in(device.sign(asked), kept))


async def test_a_challenge_is_for_one_browser_and_one_purpose(world: DeskWorld, device: Device) -> None:
    await added(world, device)
    here, who, other = ceremonies(world), await visitor(world), await visitor(world)
    asked, _ = await here.to_sign_in(NETWORK)
    await refused(here.sign_in(device.sign(asked), "the token of another browser"))
    asked, kept = await here.to_sign_in(NETWORK)
    await refused(here.confirm(who, device.sign(asked)))
    await refused(here.sign_in(device.sign(await here.to_confirm(who)), kept))
    await refused(here.confirm(other, device.sign(await here.to_confirm(who))))
    added_ = Device(HUB, id=b"a new one")
    await refused(here.add(other, "phone", added_.make(await here.to_add(who))))


async def test_a_passkey_of_somebody_else_confirms_nothing(world: DeskWorld, device: Device) -> None:
    await added(world, device, "desk-two")
    here, who = ceremonies(world), await visitor(world)
    device.handle = None
    await refused(here.confirm(who, device.sign(await here.to_confirm(who))))
    assert not await here.kept.remove("desk-one", (await here.kept.of("desk-two"))[0].id), "nor can they remove it"
    await refused(here.add(who, "phone", device.make(await here.to_add(who))))
    assert [one.account for one in await here.kept.of("desk-two")] == ["desk-two"], "nor take it over"


async def test_a_copy_is_noticed_and_opens_nothing_any_more(world: DeskWorld, client: Any, device: Device) -> None:
    device.count = 5
    await added(world, device)
    here = ceremonies(world)
    copy = Device(HUB, id=device.id, key=device.key, count=5, handle=device.handle)
    for one in (device, device, copy):
        asked, kept = await here.to_sign_in(NETWORK)
        doing = here.sign_in(one.sign(asked), kept)
        if one is copy:
            await refused(doing, Why.COPIED)
        else:
            assert await doing
    asked, kept = await here.to_sign_in(NETWORK)
    await refused(here.sign_in(device.sign(asked), kept), Why.COPIED), "the true one too: nobody knows which it is"
    await sign_in(client, "desk-one")
    assert "There may be a copy of this passkey" in (await client.get("/desk/passkeys")).text


async def test_a_count_without_a_signature_holds_no_passkey(world: DeskWorld, device: Device) -> None:
    """Else whoever knows the id, which is no secret, could lock its owner out."""
    device.count = 5
    await added(world, device)
    here = ceremonies(world)
    asked, kept = await here.to_sign_in(NETWORK)
    await refused(here.sign_in(Device(HUB, id=device.id, count=1).sign(asked), kept))
    asked, kept = await here.to_sign_in(NETWORK)
    assert await here.sign_in(device.sign(asked), kept)


async def test_who_signs_in_at_the_provider_keeps_no_passkey_here(world: DeskWorld, device: Device) -> None:
    await world.add("desk-three", subject="https://id.example|17")
    who = await world.door.visitor(await world.door.come_from_provider("https://id.example|17"))
    assert who is not None
    here = ceremonies(world)
    await refused(here.to_add(who), Why.PROVIDER_ONLY)
    await refused(here.add(who, "phone", device.make(await here.to_add(await visitor(world)))), Why.PROVIDER_ONLY)


@pytest.mark.parametrize("label", ["", "   ", "x" * 61, "a\u202eb", "a\nb", "\0"])
async def test_a_name_that_is_none_is_refused_with_a_sentence(world: DeskWorld, device: Device, label: str) -> None:
    here, who = ceremonies(world), await visitor(world)
    await refused(here.add(who, label, device.make(await here.to_add(who))), Why.LABEL)


async def test_passkeys_end_with_the_password_that_was_seen_and_with_the_account(
    world: DeskWorld, device: Device
) -> None:
    await added(world, device)
    await world.accounts.keep_password("desk-one", "", end=True)
    assert not await ceremonies(world).kept.of("desk-one")
    await added(world, device, "desk-two")
    await world.accounts.remove("desk-two")
    assert await ceremonies(world).kept.get(device_id(device)) is None


def device_id(device: Device) -> str:
    return str(json.loads(device.sign(json.dumps({"rpId": "x", "challenge": ""})))["id"])


async def test_a_flood_of_beginnings_is_told_to_wait(client: Any) -> None:
    codes = [(await client.get("/desk/passkey")).status_code for _ in range(51)]
    assert codes == [200] * 50 + [429]
    answer = await client.get("/desk/passkey", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, Why.CROSS_SITE.value in answer.text) == (403, True)


WHATEVER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PARTS = ["id", "rawId", "type", "response"]
INNER = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(part=st.sampled_from([*PARTS, *INNER]), value=WHATEVER, cut=st.none() | st.integers(0, 400))
async def test_no_credential_does_anything_but_open_or_be_refused(
    world: DeskWorld, part: str, value: Any, cut: int | None
) -> None:
    here, who, device = ceremonies(world), await visitor(world), Device(HUB)
    made = device.make(await here.to_add(who))
    for whole, doing in (
        (made, lambda text: here.add(who, "phone", text)),
        (made, lambda text: here.confirm(who, text)),
    ):
        credential = json.loads(whole)
        place = credential if part in PARTS else credential["response"]
        place[part] = value
        with contextlib.suppress(Denied):
            await doing(json.dumps(credential)[:cut])
    for one in await here.kept.of("desk-one"):
        assert one.label == "phone" and await here.kept.remove("desk-one", one.id)


def test_ids_are_written_as_browsers_write_them() -> None:
    assert raw(device_id(Device(HUB))) == Device(HUB).id
