"""A hub whose ledger stands in PostgreSQL: the same commands, the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jisr_hub.app.opening import open_hub
from jisr_hub.cli import setting_up
from jisr_protocol import keys
from tests import postgres
from tests.faults.processes import free_port
from tests.hub.author import Author
from tests.hub.hub_in_memory import run
from tests.hub.test_cli import Command, jisr_hub

__all__ = ["jisr_hub"]
INIT = ("--name", "Hub Maroc", "--country", "ma")


@pytest.fixture
def postgres_address(postgres_server: str) -> Iterator[str]:
    """Of an empty database, as operators have one made for their hub."""
    with postgres.database(postgres_server, empty=True) as address:
        yield address


@pytest.fixture
def filled(jisr_hub: Command, tmp_path: Path, postgres_address: str) -> Path:
    """A hub with forty records of a node, published."""
    hub, node, author = tmp_path / "hub", tmp_path / "node", Author("dar")
    assert jisr_hub("init", hub, *INIT, "--database", postgres_address).status == 0
    author.puts(40)
    author.delete("r7")
    node.mkdir()
    (node / "keys.json").write_bytes(keys.write_file(author.ring))
    assert jisr_hub("admit", node, "--name", "Dar", "--yes", "--dir", hub).status == 0

    async def push() -> None:
        running = await open_hub(hub)
        await running.hub.push(author.id, "public", author.push(0))
        await running.publisher.publish()
        await running.close()

    author.now = setting_up.now()
    run(push())
    return hub


def test_what_is_stored_is_proven_and_computed_again_from_the_log(jisr_hub: Command, filled: Path) -> None:
    before = jisr_hub("status", "--dir", filled, "--json").json
    assert (before["size"], before["live"], before["published"]) == (44, 39, 44)
    checked = jisr_hub("check", "--dir", filled, "--json")
    assert (checked.status, checked.json["faults"]) == (0, [])
    rebuilt = jisr_hub("rebuild", "--dir", filled, "--json").json
    assert rebuilt["state_root"] == before["state_root"]
    assert jisr_hub("check", "--dir", filled, "--json").json["faults"] == []
    assert not (filled / "hub.sqlite").exists()


def test_a_database_holds_one_hub(jisr_hub: Command, filled: Path, tmp_path: Path, postgres_address: str) -> None:
    second = tmp_path / "second"
    refused = jisr_hub("init", second, *INIT, "--database", postgres_address)
    assert (refused.status, "another hub's ledger" in refused.err) == (1, True)
    assert [file.name for file in second.iterdir()] == []
    assert jisr_hub("status", "--dir", filled, "--json").json["size"] == 44


def test_a_database_that_is_not_there_is_a_sentence(jisr_hub: Command, tmp_path: Path) -> None:
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    said = jisr_hub("init", tmp_path / "hub", *INIT, "--database", nowhere)
    assert said.status == 1
    assert "database cannot be reached" in said.err and "Nothing of this was kept" in said.err
    assert list((tmp_path / "hub").iterdir()) == []
