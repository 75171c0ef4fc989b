"""The house stands: sources clean, pins hashed and without addresses, wheels complete, nothing POSIX-only."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = ("protocol", "node", "hub")
LISTS = ("dev", "node", "hub", "reader", "build", "uv", "provider")


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # uv would trust only its own list of certificate authorities, see run.py
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def settings(place: str = "") -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / place / "pyproject.toml").read_text(encoding="utf-8"))


# --- the sources -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tool", [("ruff", "check", "--output-format", "concise"), ("mypy", "--no-error-summary")], ids=lambda tool: tool[0]
)
def test_the_sources_are_clean(tool: tuple[str, ...]) -> None:
    done = run(sys.executable, "-m", *tool)
    assert done.returncode == 0, f"{' '.join(tool)} says:\n{done.stdout}{done.stderr}"


def tracked() -> list[Path]:
    """The files that git keeps, and those it would keep if they were added now."""
    done = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    assert done.returncode == 0, f"not a git checkout: {done.stderr}"
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


# [l] for l: so that this file does not itself name what it forbids
ADDRESSES = re.compile(
    r"index-ur[l]|/simpl[e]/|files\.pythonhoste[d]|pypi\.or[g]/"
    r"|registry\s*=\s*\"http|\"resolved\":\s*\"http"
)
MACHINE = re.compile(r"(?<![\w./-])/(roo[t]|hom[e]/\w+|wor[k]|User[s]/\w+)/[\w.]|[A-Z]:\\User[s]\\|/op[t]/py")


def tells_of_this_machine(text: str) -> list[str]:
    found = [*ADDRESSES.finditer(text), *MACHINE.finditer(text)]
    return [f"line {text.count(chr(10), 0, hit.start()) + 1}: {hit.group()}" for hit in found]


def test_no_file_names_a_registry_or_a_place_of_this_machine() -> None:
    found = {}
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        if hits := tells_of_this_machine(text):
            found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "--index-" + "url x",
        "https://pypi.or" + "g/p",
        'cd "/ro' + 'ot/x"',
        "in /ho" + "me/ana/x",
        "x C:\\Us" + "ers\\a",
    ],
)
def test_a_planted_address_is_found(text: str) -> None:
    assert tells_of_this_machine(f"one\n{text}")[0].startswith("line 2")


# --- the pins --------------------------------------------------------------------------------------------


RIMS = ("reader", "pages")
"""Of the protocol: what an extra of the same name brings."""


def pins(name: str) -> list[str]:
    """Each requirement of a list as one line, its hashes included."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return text.replace("\\\n", " ").splitlines()


def canonical(name: str) -> str:
    """PEP 503: jsonschema_rs, PyNaCl -> jsonschema-rs, pynacl"""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[;=<>! ]", name.strip())[0]).lower()


def declared(place: str, *extras: str) -> set[str]:
    """The direct requirements of a distribution and some of its extras, ours left out."""
    project = settings(place)["project"]
    names = list(project["dependencies"])
    for extra in extras:
        names += project["optional-dependencies"][extra]
    return {canonical(name) for name in names} - {"jisr-protocol", "jisr-node", "jisr-hub"}


@pytest.mark.parametrize("name", LISTS)
def test_every_requirement_is_pinned_and_hashed_and_nothing_else_is_said(name: str) -> None:
    assert pins(name)
    line = re.compile(r"[a-z0-9.-]+==[^\s;]+( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+")
    assert [pin for pin in pins(name) if not line.fullmatch(pin.strip())] == []


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        (
            "dev",
            lambda: (
                declared("", "dev") | declared("protocol", *RIMS) | declared("node", "sheets") | declared("hub", "s3")
            ),
        ),
        ("reader", lambda: declared("protocol", "reader")),
        ("node", lambda: declared("node", "sheets") | declared("protocol", *RIMS)),
        ("hub", lambda: declared("hub") | declared("protocol", *RIMS)),
        ("build", lambda: {"hatchling"}),
    ],
)
def test_the_pins_hold_all_that_is_declared(name: str, needed) -> None:
    missing = needed() - {canonical(pin) for pin in pins(name)}
    assert not missing, f"run `python3 requirements/refresh.py`: {name}.txt lacks {sorted(missing)}"


def test_the_shorter_lists_agree_with_the_tested_one() -> None:
    tested = {canonical(pin): pin.split()[0] for pin in pins("dev")}
    for name in ("reader", "node", "hub", "build"):
        for pin in pins(name):
            assert pin.split()[0] == tested[canonical(pin)], f"run `python3 requirements/refresh.py`: {name}.txt"


def test_the_eight_packages_of_the_commission_are_pinned() -> None:
    asked = {"starlette", "pydantic", "jsonschema", "authlib", "cryptography", "aiosqlite", "hypothesis", "pytest"}
    assert asked <= {canonical(pin) for pin in pins("dev")}


# --- what a source imports, its distribution must bring --------------------------------------------------


def imported(source: str) -> set[str]:
    """The top names of all absolute imports."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).split(".")[0])
    return names


def sources(place: str, rim: str) -> list[Path]:
    """Sources of a distribution; of the protocol either the core or one of its rims."""
    package = ROOT / place / f"jisr_{place}"
    if rim:
        return sorted((package / rim).rglob("*.py"))
    beside = [package / name for name in RIMS] if place == "protocol" else []
    return [path for path in sorted(package.rglob("*.py")) if not any(map(path.is_relative_to, beside))]


@pytest.mark.parametrize(
    ("place", "rim", "brought"),
    [
        ("protocol", "", lambda: declared("protocol")),
        ("protocol", "reader", lambda: declared("protocol", "reader")),
        ("protocol", "pages", lambda: declared("protocol", "pages")),
        ("node", "", lambda: declared("node", "s3", "sheets") | declared("protocol", *RIMS)),
        ("hub", "", lambda: declared("hub", "s3") | declared("protocol", *RIMS)),
    ],
    ids=["protocol", "protocol[reader]", "protocol[pages]", "node", "hub"],
)
def test_a_distribution_declares_what_it_imports(place: str, rim: str, brought) -> None:
    owners = packages_distributions()
    strangers = {}
    for path in sources(place, rim):
        for name in imported(path.read_text(encoding="utf-8")) - sys.stdlib_module_names:
            owner = {canonical(owner) for owner in owners.get(name, [name])}
            if not name.startswith("jisr_") and not owner & brought():
                strangers.setdefault(name, path.name)
    assert strangers == {}, f"add to {place}/pyproject.toml: {strangers}"


# --- wheels ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Build the three wheels and give the names of the files in each."""
    folder = tmp_path_factory.mktemp("wheels")
    for place in DISTRIBUTIONS:
        done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT / place)
        assert done.returncode == 0, done.stderr
    return {place: set(zipfile.ZipFile(next(folder.glob(f"jisr_{place}-*.whl"))).namelist()) for place in DISTRIBUTIONS}


@pytest.mark.parametrize("place", DISTRIBUTIONS)
def test_a_wheel_holds_every_file_of_its_package_and_only_those(wheels: dict[str, set[str]], place: str) -> None:
    kept = {path for path in tracked() if path.is_relative_to(ROOT / place / f"jisr_{place}")}
    expected = {path.relative_to(ROOT / place).as_posix() for path in kept}
    if place == "protocol":
        schemas = {path for path in tracked() if path.is_relative_to(ROOT / "protocol/schemas")}
        schemas = {path for path in schemas if "examples" not in path.parts}
        expected |= {f"jisr_protocol/{path.relative_to(ROOT / 'protocol').as_posix()}" for path in schemas}
    notes = {name for name in wheels[place] if ".dist-info/" in name}
    assert wheels[place] - notes == expected
    assert any(name.endswith("entry_points.txt") for name in notes)
    assert any(name.endswith("licenses/LICENSE") for name in notes)


def test_the_protocol_wheel_holds_the_schemas(wheels: dict[str, set[str]]) -> None:
    assert "jisr_protocol/schemas/organization/1.json" in wheels["protocol"]


@pytest.mark.parametrize("place", DISTRIBUTIONS)
def test_each_console_script_leads_to_a_function(place: str) -> None:
    for name, target in settings(place)["project"]["scripts"].items():
        module, _, function = target.partition(":")
        done = run(sys.executable, "-c", f"from {module} import {function}; assert callable({function})")
        assert done.returncode == 0, f"{name}: {done.stderr}"


# --- Windows and macOS -----------------------------------------------------------------------------------

POSIX_ONLY = {
    *("fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop", "crypt", "nis", "spwd"),
    *(
        "os.fork",
        "os.getuid",
        "os.geteuid",
        "os.getgid",
        "os.chown",
        "os.fchown",
        "os.fchmod",
        "os.mkfifo",
        "os.statvfs",
    ),
    *("os.O_DIRECTORY", "os.O_NOFOLLOW", "os.killpg", "os.setsid", "os.getpgid", "os.nice", "os.sync", "os.uname"),
    *("signal.SIGKILL", "signal.SIGHUP", "signal.SIGUSR1", "signal.SIGUSR2", "signal.SIGALRM", "signal.alarm"),
    *("socket.AF_UNIX", "asyncio.open_unix_connection", "asyncio.start_unix_server"),
}


def posix_only(source: str) -> set[str]:
    """Modules and members that Python lacks on Windows."""
    tree = ast.parse(source)
    members = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            members |= {f"{node.module}.{alias.name}" for alias in node.names}
    return (imported(source) | members) & POSIX_ONLY


def test_protocol_and_node_import_nothing_that_windows_lacks() -> None:
    paths = [path for rim in ("", *RIMS) for path in sources("protocol", rim)] + sources("node", "")
    assert {p.name: found for p in paths if (found := posix_only(p.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "source", ["import fcntl", "def f():\n    from pwd import getpwnam", "os.fork()", "from signal import SIGKILL"]
)
def test_a_planted_posix_import_is_found(source: str) -> None:
    assert posix_only(source)


TARGETS = {
    "windows": ("x86_64-pc-windows-msvc", "win_amd64"),
    "macos": ("aarch64-apple-darwin", "macosx_14_0_arm64"),
}


def resolve_from_wheels(pinned: Path, system: str, into: Path) -> subprocess.CompletedProcess[str]:
    """Ask the configured index whether every pin has a wheel for a system; nothing is installed."""
    uv = shutil.which("uv")
    for_uv, for_pip = TARGETS[system]
    if uv:
        command = [uv, "pip", "install", "--python", sys.executable, "--python-platform", for_uv]
    elif run(sys._base_executable, "-m", "pip", "--version").returncode == 0:
        command = [sys._base_executable, "-m", "pip", "install", "--no-deps", "--platform", for_pip]
    else:
        pytest.skip("neither uv nor pip is here to look up wheels for other systems")
    command += ["--dry-run", "--python-version", "3.11", "--only-binary", ":all:", "--target", str(into)]
    done = run(*command, "--require-hashes", "-r", pinned)
    unreachable = r"Failed to fetch|error sending request|Max retries|NewConnectionError|client error \(Connect\)"
    if done.returncode and re.search(unreachable, done.stderr):
        pytest.skip("the package index is not reachable: wheels for other systems were not looked up")
    return done


@pytest.mark.parametrize("system", TARGETS)
def test_the_node_resolves_from_wheels(system: str, tmp_path: Path) -> None:
    """Nothing is compiled on an NGO's machine."""
    done = resolve_from_wheels(ROOT / "requirements" / "node.txt", system, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_package_without_a_wheel_for_windows_is_found(tmp_path: Path) -> None:
    pin = next(pin for pin in pins("hub") if canonical(pin) == "uvloop")
    (tmp_path / "planted.txt").write_text(re.sub(r" ; [^-]+", " ", pin))
    assert resolve_from_wheels(tmp_path / "planted.txt", "macos", tmp_path / "macos").returncode == 0
    assert resolve_from_wheels(tmp_path / "planted.txt", "windows", tmp_path / "windows").returncode != 0
