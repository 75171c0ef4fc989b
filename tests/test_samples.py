"""The samples that an operator copies: systemd's own tool reads the units, and compose.yaml has only keys that exist.

No container is started here; what is checked of compose.yaml is its form, by the part of the compose specification
that it uses, and what keeps a hub safe in it.
"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "docs" / "samples"
INSTALLED = "/srv/jisr/.venv/bin/jisr-hub"


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units beside each other, with a program that is there in the place of the one an operator installs."""
    here = Path(sys.executable).with_name("jisr-hub")
    for sample in sorted(SAMPLES.glob("jisr-hub*")):
        text = sample.read_text(encoding="utf-8").replace(INSTALLED, str(here))
        name = sample.name.replace("@.", "@8470.")
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def analyze(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_systemd_reads_every_unit_without_a_word(units: Path, tool: Callable[[str], str]) -> None:
    analyzer, files = tool("systemd-analyze"), sorted(units.iterdir())
    assert [file.name for file in files] == [
        "jisr-hub-backup.service", "jisr-hub-backup.timer", "jisr-hub.service", "jisr-hub@8470.service",
    ]  # fmt: skip
    done = analyze(analyzer, "verify", "--man=no", *files)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    (units / "jisr-hub.service").write_text("[Service]\nExecStart=/no/such/program\nProtectSytem=strict\n")
    broken = analyze(analyzer, "verify", "--man=no", units / "jisr-hub.service")
    assert broken.returncode != 0 and "ProtectSytem" in broken.stderr, "a planted misspelling is found"


@pytest.mark.parametrize("name", ["jisr-hub.service", "jisr-hub@8470.service"])
def test_the_service_is_closed_in(
    units: Path, tool: Callable[[str], str], name: str, figure: Callable[..., None]
) -> None:
    """systemd's own measure: 10 is a service without any bound, below 2 is "OK"."""
    done = analyze(tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", units / name)
    assert done.returncode == 0, done.stdout
    [said] = re.findall(r"Overall exposure level for .*", done.stdout)
    figure(said)


def test_both_services_differ_in_the_port_alone() -> None:
    one, several = ((SAMPLES / f"jisr-hub{end}.service").read_text().splitlines() for end in ("", "@"))
    only_one = [line for line in one if line not in several and not line.startswith("#")]
    assert only_one == ["Description=Jisr hub", f"ExecStart={INSTALLED} serve --dir /srv/jisr/my-hub"]


def test_the_backup_command_does_what_it_says(tmp_path: Path) -> None:
    """As systemd gives it to the shell: a new file each time, and the oldest go."""
    text = (SAMPLES / "jisr-hub-backup.service").read_text()
    [take] = re.findall(r"^ExecStart=/bin/sh -c '(.*)'$", text, re.MULTILINE)
    [prune] = re.findall(r"^ExecStartPost=/bin/sh -c '(.*)'$", text, re.MULTILINE)
    program = tmp_path / "jisr-hub"
    program.write_text('#!/bin/sh\ntouch "$2"\n')
    program.chmod(0o755)
    for number in range(40):
        (tmp_path / f"hub-old{number:02d}.tar").touch()
    for command in (take, prune):
        here = command.replace("$$", "$").replace("%%", "%").replace(INSTALLED, str(program))
        subprocess.run(["sh", "-c", here.replace("/srv/backups", str(tmp_path))], check=True, timeout=30)
    left = sorted(path.name for path in tmp_path.glob("hub-*.tar"))
    assert len(left) == 30 and re.fullmatch(r"hub-20\d{6}T\d{6}Z\.tar", left[0])


# Compose

_TEXT: dict[str, Any] = {"type": "string"}
_WORDS: dict[str, Any] = {"type": "array", "items": _TEXT, "uniqueItems": True}
_COMMAND: dict[str, Any] = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
_TIME: dict[str, Any] = {"type": "string", "pattern": r"^([0-9]+(us|ms|s|m|h))+$"}


def _only(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": required or [], "additionalProperties": False,
    }  # fmt: skip


_SERVICE = {
    **_only(
        image=_TEXT,
        build=_only(["context"], context=_TEXT, dockerfile=_TEXT),
        restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
        depends_on={
            "type": "object",
            "additionalProperties": _only(
                ["condition"],
                condition={"enum": ["service_started", "service_healthy", "service_completed_successfully"]},
            ),
        },
        environment={"type": "object", "additionalProperties": {"type": ["string", "number", "null"]}},
        command=_COMMAND,
        volumes=_WORDS,
        ports={"type": "array", "items": {"type": "string", "pattern": r"^([0-9.]+:)?[0-9]+:[0-9]+$"}},
        healthcheck=_only(
            ["test"],
            test={"type": "array", "items": _TEXT, "prefixItems": [{"enum": ["CMD", "CMD-SHELL", "NONE"]}]},
            interval=_TIME,
            timeout=_TIME,
            start_period=_TIME,
            retries={"type": "integer"},
        ),
        read_only={"type": "boolean"},
        tmpfs=_WORDS,
        cap_drop=_WORDS,
        security_opt=_WORDS,
        shm_size={"type": "string", "pattern": r"^[0-9]+(b|k|kb|m|mb|g|gb)$"},
        stop_grace_period=_TIME,
    ),
    "anyOf": [{"required": ["image"]}, {"required": ["build"]}],
}
COMPOSE = _only(
    ["services"],
    name={"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
    services={"type": "object", "additionalProperties": _SERVICE, "minProperties": 1},
    volumes={"type": "object", "additionalProperties": _only()},
)


def faults(found: Any) -> Iterator[str]:
    """What is wrong with a compose file: its form, and names that lead nowhere."""
    for error in Draft202012Validator(COMPOSE).iter_errors(found):
        yield f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"
    for name, service in found.get("services", {}).items():
        for other in service.get("depends_on", {}):
            wanted = found["services"].get(other, {})
            if not wanted or "healthcheck" not in wanted:
                yield f"{name} waits for {other}, which does not say how it is"
        for volume in service.get("volumes", []):
            if not volume.startswith((".", "/")) and volume.split(":")[0] not in found.get("volumes", {}):
                yield f"{name} uses the volume {volume}, which is not declared"


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SAMPLES / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_the_compose_file_has_the_form_of_one(compose: dict[str, Any]) -> None:
    assert list(faults(compose)) == []


@pytest.mark.parametrize(
    ("bend", "fault"),
    [
        (lambda f: f["services"]["hub"].update(restarts="always"), "restarts"),
        (lambda f: f["services"]["hub"].update(restart="sometimes"), "sometimes"),
        (lambda f: f["services"]["hub"]["healthcheck"].update(interval="often"), "often"),
        (lambda f: f["services"]["hub"].update(depends_on={"databse": {"condition": "service_healthy"}}), "databse"),
        (lambda f: f["services"]["hub"]["volumes"].append("other:/x"), "not declared"),
        (lambda f: f.update(servces={}), "servces"),
        (lambda f: [f["services"]["hub"].pop(key) for key in ("image", "build")], "not valid under any"),
    ],
)
def test_a_planted_fault_is_found(compose: dict[str, Any], bend: Callable[[Any], Any], fault: str) -> None:
    bent = copy.deepcopy(compose)
    bend(bent)
    assert any(fault in said for said in faults(bent)), list(faults(bent))


def test_the_hub_in_compose_is_closed_in(compose: dict[str, Any]) -> None:
    hub, database = compose["services"]["hub"], compose["services"]["database"]
    assert all(port.startswith("127.0.0.1:") for port in hub["ports"]) and "ports" not in database
    assert hub["read_only"] and hub["cap_drop"] == ["ALL"] and hub["security_opt"] == ["no-new-privileges:true"]
    assert "it was not run there" in (SAMPLES / "compose.yaml").read_text()


def test_settings_in_compose_are_settings_of_a_hub(compose: dict[str, Any]) -> None:
    from jisr_hub.config import Settings

    names = {name.removeprefix("JISR_HUB_").lower() for name in compose["services"]["hub"]["environment"]}
    assert names <= Settings.model_fields.keys()


def test_the_dockerfile_copies_what_is_there_and_runs_as_nobody_much(compose: dict[str, Any]) -> None:
    build = compose["services"]["hub"]["build"]
    assert (SAMPLES / build["context"]).resolve() == ROOT
    text = (ROOT / build["dockerfile"]).read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in line.split()), line
    assert "--require-hashes" in text
    assert re.search(r"^USER (?!root)\w+$", text, re.MULTILINE)
    assert text.index("USER jisr") < text.index("ENTRYPOINT")
