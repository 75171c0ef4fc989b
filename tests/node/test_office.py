"""The node's pages without a browser: who is let in, what comes first, that nothing is lost, and that no node of a host
sees another."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_node import cli, recovery_words
from jisr_node.adapters import key_files
from jisr_node.app import Node, beginning, first
from jisr_node.app.lobby import Lobby
from jisr_node.app.office import Office
from jisr_node.errors import Mistaken
from jisr_node.first_answers import Answers
from jisr_node.web.office import rim

from .conftest import NOW, seeded
from .office_world import ANSWERS, OfficeWorld, begun, office_world, served

FIELDS = {"name": "دار", "country": "MA", "purpose": "نساعد", "contact": "info@dar.example", "hub": ""}


class Visitor:
    """A browser without a screen: cookies kept, every page of one node."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = httpx.Client(base_url=address, follow_redirects=True, timeout=30)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers=headers)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        return self.client.post(path, data=fields or {}, headers={"Origin": self.address, **headers})


@pytest.fixture
def visitor() -> Iterator[Callable[[str], Visitor]]:
    made: list[Visitor] = []

    def one(address: str) -> Visitor:
        made.append(Visitor(address))
        return made[-1]

    yield one
    for each in made:
        each.client.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfficeWorld]:
    with office_world(tmp_path_factory.mktemp("offices")) as world:
        yield world


def words_on(page: str) -> list[str]:
    return re.findall(r'<li><bdi class="code">([a-z]+)</bdi></li>', page)


# The door


def test_a_link_opens_once_and_only_by_a_button_where_it_was_sent(
    world: OfficeWorld, visitor: Callable[[str], Visitor]
) -> None:
    link = world.link("whole")
    one, other = visitor(world.address), visitor(world.address)
    for _ in range(2):
        assert "Come in" in one.get(link).text, "to look at a link uses nothing up"
    assert one.post(link).url.path == "/"
    assert one.get(link).url.path == "/", "the back button leads home"
    refused = other.post(link)
    assert refused.status_code == 404
    assert rim.Why.LINK.value in refused.text
    assert other.get("/").status_code == 401
    assert one.post("/leave").url.path == "/left"
    assert one.get("/").status_code == 401


def test_at_ones_own_computer_a_link_opens_at_once_and_not_again(
    tmp_path: Path, visitor: Callable[[str], Visitor]
) -> None:
    lobby = Lobby(tmp_path / "mine", now=lambda: NOW, random_bytes=seeded("own"))
    with served(lobby) as address:
        link = f"/open/{lobby.link()}"
        mine, stranger = visitor(address), visitor(address)
        assert mine.get(link).url.path == "/begin"
        assert mine.get(link).url.path == "/begin", "a reload"
        assert stranger.get(link).status_code == 404


@pytest.mark.parametrize("passed", [timedelta(days=8), timedelta(days=400)])
def test_a_link_and_a_session_end_with_their_time(tmp_path: Path, passed: timedelta) -> None:
    moment = [NOW]
    lobby = Lobby(tmp_path, now=lambda: moment[0], random_bytes=seeded("time"))
    early, late = lobby.link(), lobby.link()
    session = lobby.opened(early)
    assert session is not None
    moment[0] = NOW + passed
    assert lobby.opened(late) is None
    assert (lobby.office(session) is not None) == (passed < timedelta(days=90))
    lobby.close()


def test_the_files_of_doors_open_nothing(tmp_path: Path) -> None:
    lobby = Lobby(tmp_path, now=lambda: NOW, random_bytes=seeded("files"))
    link = lobby.link()
    for file in (tmp_path / "doors").iterdir():
        assert link not in file.name + file.read_text()
        for guess in (file.name, file.name.partition("-")[2], f".{file.name.partition('-')[2]}"):
            assert lobby.opened(guess) is None
    assert os.name == "nt" or (tmp_path / "doors").stat().st_mode & 0o077 == 0
    lobby.shut()
    assert lobby.opened(link) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_only_our_own_pages_send_forms(
    world: OfficeWorld, visitor: Callable[[str], Visitor], headers: dict[str, str], status: int
) -> None:
    one = visitor(world.address)
    one.post(world.link("whole"))
    assert one.post("/send", **headers).status_code == status


def test_every_page_says_that_nothing_else_may_be_loaded_and_every_address_is_guarded(
    world: OfficeWorld, visitor: Callable[[str], Visitor]
) -> None:
    one, nobody = visitor(world.address), visitor(world.address)
    one.post(world.link("whole"))
    for path in ("/", "/records/new", "/hub", "/nowhere", "/begin", "/recovery"):
        answer = one.get(path)
        assert answer.status_code < 500
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        if path != "/nowhere":
            assert nobody.get(path).status_code == 401, path
    assert one.get("/static/../signing.key").status_code in (404, 421)
    assert one.get("/static/nothing.css").status_code == 404
    assert one.client.put("/hub").status_code == 405


def test_what_breaks_is_a_page_in_a_sentence(
    world: OfficeWorld, visitor: Callable[[str], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = visitor(world.address)
    one.post(world.link("whole"))

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Node, "overview", broken)
    answer = one.get("/", **{"Accept-Language": "nl"})
    assert answer.status_code == 503
    assert "Er ging iets mis in dit programma" in answer.text
    assert "a bug" not in answer.text


@pytest.mark.parametrize("body", [b"name=%FF", b"a=1&a=2", b"x" * 70_000, b"{}", b"=&=&="])
def test_a_form_that_is_none_is_turned_away(world: OfficeWorld, visitor: Callable[[str], Visitor], body: bytes) -> None:
    one = visitor(world.address)
    one.post(world.link("whole"))
    kind = "application/json" if body == b"{}" else "application/x-www-form-urlencoded"
    answer = one.client.post("/hub", content=body, headers={"Origin": world.address, "Content-Type": kind})
    assert answer.status_code in (400, 413, 422)


# Five questions, the sheet, the first form


def hidden(text: str) -> dict[str, str]:
    """What the page's form sends without being asked."""
    return dict(re.findall(r'<input type="hidden" name="(seen|step|shown|end)" value="([^"]*)"', text))


def choice(text: str, name: str) -> str:
    """The value that a list of the page has chosen."""
    [found] = re.findall(rf'<select id="f-{name}" name="{name}".*?</select>', text, re.DOTALL)
    [value] = re.findall(r'<option value="([^"]*)" selected', found)
    return str(value)


def test_from_nothing_to_a_published_service(tmp_path: Path, visitor: Callable[[str], Visitor]) -> None:
    lobby = Lobby(tmp_path / "mine", now=lambda: NOW, random_bytes=seeded("whole"))
    with served(lobby) as address:
        one = visitor(address)
        one.get(f"/open/{lobby.link()}")
        wrong = one.post("/begin", {**FIELDS, "contact": "call us", "hub": "https://"})
        assert wrong.status_code == 422
        assert wrong.text.count("aria-invalid") == 2
        assert "نساعد" in one.get("/begin").text, "what was right is kept"
        sheet = one.post("/begin", FIELDS)
        assert sheet.url.path == "/recovery"
        assert one.get("/").url.path == "/recovery", "nothing comes before the sheet"
        assert one.get("/begin").url.path == "/recovery", "there is no second beginning"
        words = words_on(sheet.text)
        [file] = (tmp_path / "mine").glob("recovery-*.txt")
        assert recovery_words.seed_of(words) == key_files.read_recovery_sheet(file.read_text(encoding="utf-8"))
        assert one.post("/recovery/words", {"word1": words[0], "word2": words[0]}).status_code == 422
        assert file.exists()
        with Node.open(tmp_path / "mine") as node:
            first_, second = recovery_words.asked(node.id)
        right = {"word1": words[first_ - 1].upper(), "word2": f" {words[second - 1]} "}
        form = one.post("/recovery/words", right)
        assert form.url.path.startswith("/records/"), "the editor is open for the first service"
        assert not file.exists()
        typed = {**hidden(form.text), "name": "دروس", "description": "دروس للكبار", "act": "go:publish"}
        looked = one.post(form.url.path, {**typed, "organization": choice(form.text, "organization")})
        assert looked.url.path.endswith("/publish")
        done = one.post(looked.url.path, hidden(looked.text))
        assert done.status_code == 200 and "دروس" in one.get("/").text
    with Node.open(tmp_path / "mine") as node:
        assert sorted(record["type"] for record in node.records()) == ["org.jisr.organization/1", "org.jisr.service/1"]
        assert node.recovery_place == beginning.KEPT


def test_what_is_written_is_kept_while_it_is_written(world: OfficeWorld, visitor: Callable[[str], Visitor]) -> None:
    one = visitor(world.address)
    one.post(world.link("new"))
    assert one.post("/begin/keep", {"name": "Half a name", "country": "NL"}).status_code == 204
    again = visitor(world.address)
    again.post(world.link("new"))
    assert 'value="Half a name"' in again.get("/begin").text


class Killed(BaseException):
    """The process ends here."""


def begin(folder: Path, seed: str) -> None:
    """What the office does after the five answers, and again at every start."""
    first.start(folder, ANSWERS.settings(), NOW, seeded(seed))
    with Node.open(folder) as node:
        first.settle_answers(node, folder)


STEPS = ["make", "rename 0", "rename 1", "rename 2", "rename 3", "take", "unlink"]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_in_the_middle_makes_keys_once_and_loses_nothing(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "node"
    first.hold_answers(folder, ANSWERS)

    def kill(*_: object, **__: object) -> None:
        raise Killed

    renamed: list[object] = []
    replace = os.replace

    def some(source: Path, target: Path) -> None:
        if len(renamed) == int(step.split()[1]):
            raise Killed
        renamed.append(target)
        replace(source, target)

    with monkeypatch.context() as patch:
        if step == "make":
            patch.setattr(beginning, "_begin", kill)
        elif step.startswith("rename"):
            patch.setattr(first.os, "replace", some)
        elif step == "take":
            patch.setattr(Node, "import_drafts", kill)
        else:
            patch.setattr(Path, "unlink", kill)
        with pytest.raises(Killed):
            begin(folder, "one")
    seen = set(folder.glob("**/keys.json"))
    before = {place.read_bytes() for place in seen} if step != "make" else set()
    begin(folder, "two")
    with Node.open(folder) as node:
        assert [row["name"] for row in node.overview()] == [ANSWERS.name]
        assert first.sheet_of(node) is not None
    assert not (folder / first.MAKING).exists()
    assert not (folder / first.ANSWERS).exists()
    assert before <= {(folder / "keys.json").read_bytes()}, "the keys that were whole stay"


def test_a_node_that_is_there_is_never_made_again(tmp_path: Path) -> None:
    begun(tmp_path)
    keys = (tmp_path / "keys.json").read_bytes()
    first.start(tmp_path, ANSWERS.settings(), NOW, seeded("another"))
    assert (tmp_path / "keys.json").read_bytes() == keys


# The answers and the words


@pytest.mark.parametrize(
    ("contact", "point"),
    [
        ("info@dar.example", {"role": "general", "email": "info@dar.example"}),
        ("+212 539-00 00 00", {"role": "general", "phone": "+212539000000"}),
        ("00212 (539) 000000", {"role": "general", "phone": "+212539000000"}),
        ("+٢١٢٥٣٩٠٠٠٠٠٠", {"role": "general", "phone": "+212539000000"}),
        ("0539000000", {}),
        ("the reception", {}),
    ],
)
def test_a_contact_is_a_mail_address_or_a_number(contact: str, point: dict[str, str]) -> None:
    assert Answers(contact=contact).contact_point() == point


@given(st.dictionaries(st.sampled_from([*FIELDS, "lang"]), st.text(max_size=40) | st.none() | st.integers()))
def test_whatever_is_answered_is_either_right_or_named(fields: dict[str, object]) -> None:
    answers = Answers.of(fields)
    faults = answers.faults()
    assert set(faults) <= set(FIELDS)
    if not faults:
        assert answers.contact_point()
        assert answers.organization()["name"]
    assert Answers.of(json.loads(json.dumps(answers.as_fields()))) == answers


@given(st.binary(min_size=32, max_size=32))
def test_the_words_of_a_key_give_it_back(seed: bytes) -> None:
    words = recovery_words.words_of(seed)
    assert len(words) == recovery_words.COUNT == 17
    assert recovery_words.seed_of([word.upper() for word in words]) == seed
    assert key_files.read_recovery_sheet("  \n".join(words)) == seed
    assert key_files.read_recovery_sheet(key_files.recovery_sheet("Dar", "jisr:x", "2026-09-01", seed)) == seed


@pytest.mark.parametrize("place", range(17))
def test_a_wrong_word_is_noticed(place: int) -> None:
    words = recovery_words.words_of(bytes(range(32)))
    changed = [*words]
    changed[place] = "babab" if words[place] != "babab" else "babad"
    with pytest.raises(Mistaken, match="does not fit"):
        recovery_words.seed_of(changed)
    with pytest.raises(Mistaken):
        recovery_words.seed_of(words[:place])
    changed[place] = "hello"
    with pytest.raises(Mistaken, match=f"word {place + 1}"):
        recovery_words.seed_of(changed)


@given(st.from_regex(r"jisr:[a-z2-7]{52}", fullmatch=True))
def test_two_different_words_are_asked_for(node: str) -> None:
    one, two = recovery_words.asked(node)
    assert 1 <= one < two <= recovery_words.COUNT


# Several nodes in one process


def test_no_hosted_node_sees_another(tmp_path: Path, visitor: Callable[[str], Visitor]) -> None:
    lobby = Lobby(tmp_path, several=True, now=lambda: NOW, random_bytes=seeded("host"))
    names = {"dar": "House One", "bayt": "House Two"}
    for name in names:
        lobby.add(name)
    with served(lobby) as address:
        people = {name: visitor(address) for name in names}
        for name, called in names.items():
            people[name].post(f"/open/{lobby.link(name)}")
            people[name].post("/begin", {**FIELDS, "name": called})
        for name, called in names.items():
            shown = people[name].get("/recovery").text
            assert called in shown
            assert all(other not in shown for other in names.values() if other != called)
        keys = {name: (tmp_path / name / "keys.json").read_bytes() for name in names}
        assert len(set(keys.values())) == 2
        # a token of one is nothing in the folder of another
        token = next(cookie.value for cookie in people["dar"].client.cookies.jar if cookie.name == "jisr_node")
        assert token is not None
        stolen = visitor(address)
        for forged in (token.replace("dar.", "bayt."), token.replace("dar.", "."), f"../dar{token[3:]}", "bayt.", ""):
            stolen.client.cookies.set("jisr_node", forged)
            assert stolen.get("/recovery").status_code == 401, forged
            stolen.client.cookies.clear()
        shutil.rmtree(tmp_path / "dar" / "doors")
        assert people["dar"].get("/recovery").status_code == 401
        assert people["bayt"].get("/recovery").status_code == 200


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "-a", "a-", "x" * 41, "dar\n", "ⴰ"])
def test_a_name_that_could_lead_elsewhere_is_no_node(tmp_path: Path, name: str) -> None:
    lobby = Lobby(tmp_path, several=True, now=lambda: NOW, random_bytes=seeded("names"))
    with pytest.raises(Mistaken):
        lobby.add(name)
    with pytest.raises(Mistaken):
        lobby.link(name)
    assert list(tmp_path.iterdir()) == []


def test_an_umbrella_adds_lists_and_shuts_nodes_by_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path / "host")

    def said(*arguments: str) -> dict[str, object]:
        assert cli.run(["host", folder, *arguments, "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    added = said("--add", "dar", "--address", "https://nodes.example/")
    link = str(added["link"])
    assert link.startswith("https://nodes.example/open/dar.")
    assert said("--list") == {"nodes": ["dar"]}
    lobby = Lobby(tmp_path / "host", several=True)
    assert lobby.waits(link.rpartition("/")[2])
    said("--shut", "dar")
    assert not lobby.waits(link.rpartition("/")[2])
    assert cli.run(["host", folder, "--link", "nobody"]) == 64
    assert cli.run(["host", folder, "--add", "../dar"]) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["host"]


def test_a_hosted_node_that_nobody_asks_is_closed_and_the_next_question_opens_it(tmp_path: Path) -> None:
    begun(tmp_path)
    office = Office(tmp_path, now=lambda: NOW)

    async def story() -> list[str]:
        said = [await office.ask(lambda node: node.settings.name)]
        office.rest(3600.0)
        assert office._node is not None, "somebody asked just now"
        before = {thread.name for thread in threading.enumerate()}
        office.rest(0.0)
        assert office._node is None
        pools = office._hand, office._road
        office.rest(0.0)
        assert (office._hand, office._road) == pools, "what rests is left alone"
        assert any(name.startswith("node") for name in before)
        going = asyncio.create_task(office.ask(lambda node: time.sleep(0.2) or node.settings.country))
        await asyncio.sleep(0.05)
        office.rest(0.0)
        return [*said, await going]

    try:
        assert asyncio.run(story()) == [ANSWERS.name, "MA"]
        assert office._node is not None, "what is going on is not closed"
    finally:
        office.close()
