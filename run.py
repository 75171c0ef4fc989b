"""One command from a fresh checkout: needs Python 3.11 and pip, nothing else.

    python3 run.py demo            hubs, nodes and a reader at work, until Ctrl-C; --world NAME for another world
    python3 run.py test [ARGS]     all tests; ARGS go to pytest
    python3 run.py bench [ARGS]    how fast it is on this machine
    python3 run.py soak [ARGS]     ten minutes of mixed load on a hub, or --minutes N: memory, open files, tasks
    python3 run.py pack [FILE]     jisr-node in one file for this system: dist/jisr-node.pyz

The first run makes `.venv` here and installs the pinned, hashed packages of requirements/ into it; later runs
start at once, until a pin changes. Packages come from the index this machine is set up for (uv where it is
present, else uv fetched by pip, else pip). What this file says goes to stderr, so stdout stays the program's.

Exit: the program's own code · 64 unknown command · 69 installing failed · 130 stopped while installing.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python gets a sentence, not a traceback
    raise SystemExit(
        f"Jisr needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Nothing was changed. If a newer one is installed, name it: python3.11 run.py ..."
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "jisr-stamp.json"
PINS = ROOT / "requirements"
# the Python that installs; one in a venv without pip hands over to the one it was made from
HOST = sys.executable if find_spec("pip") else getattr(sys, "_base_executable", sys.executable)
DISTRIBUTIONS = ("protocol", "node", "hub")

# What each command runs, and which packages it needs; `dev` contains `run`.
COMMANDS = {
    "demo": ("run", [str(ROOT / "examples" / "demo.py")]),
    "test": ("dev", ["-m", "pytest"]),
    "bench": ("dev", ["-m", "bench.run"]),
    "soak": ("run", ["-m", "tests.soak.run"]),
    "pack": ("run", [str(ROOT / "packing.py")]),
}
LISTS = {"run": ("node.txt", "hub.txt", "build.txt"), "dev": ("dev.txt",)}

# What to tell, and the words in an installer's output that point to it; the first that fits is told.
CAUSES = {
    "The disk is full: about 500 MB are needed in this folder, and some in the temporary folder.": (
        "no space left",
        "errno 28",
        "os error 28",
        "not enough space",
    ),
    """The package index gave a file that is not the one we pinned, so it was not installed.
If you use a mirror, ask who keeps it.""": ("do not match the hashes", "hash mismatch"),
    """This Python has no pip, and uv is not installed either. Install one of them
(Debian, Ubuntu: apt install python3-pip), then run the same command again.""": ("no module named pip",),
    """The package index could not be reached, or lacks a package we pinned. Check the line, the proxy
(HTTPS_PROXY) or the mirror in pip's settings, then run the same command again.""": (
        "max retries",
        "newconnectionerror",
        "name resolution",
        "failed to fetch",
        "error sending request",
        "timed out",
        "sslerror",
        "certificate",
        "no matching distribution",
        "no versions of",
        "not found in the package registry",
    ),
}


class InstallError(Exception):
    """One way of installing failed; carries what it printed."""


def say(sentence: str) -> None:
    """Tell the person what happens, on stderr."""
    print(sentence, file=sys.stderr, flush=True)


def run(command: list[str | Path]) -> None:
    """Run an installer step quietly; raise InstallError with its output when it fails."""
    # uv would trust only its own list of authorities; offices with a proxy have theirs in the system's
    environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise InstallError(str(error)) from error
    if done.returncode:
        raise InstallError(f"{done.stdout}\n{done.stderr}".strip())


def fingerprint() -> str:
    """Hash everything that decides what must be installed, and where."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in [*sorted(PINS.glob("*.txt")), *(ROOT / name / "pyproject.toml" for name in DISTRIBUTIONS)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def stands(needed: str) -> bool:
    """Tell whether an earlier run installed what is needed and nothing changed since."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    fitting = [{"pins": fingerprint(), "packages": packages} for packages in (needed, "dev")]
    return PYTHON.exists() and stamp in fitting


def make_venv() -> None:
    """Make `.venv` unless there is one with a Python that runs and is new enough."""
    probe: list[str | Path] = [PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if PYTHON.exists():
        try:
            return run(probe)
        except InstallError:
            say("The .venv here does not work or is older than Python 3.11: making it anew.")
    else:
        say("Making .venv, a place for packages inside this folder (delete it at any time).")
    # without pip: Debian's Python cannot put it there, and nobody needs it there
    return run([HOST, "-m", "venv", "--clear", "--without-pip", VENV])


def with_uv(uv: str) -> Callable[[list[str | Path]], None]:
    # not compiled: of all that lies in the packages a third is ever loaded, and whoever loads it first compiles it
    return lambda what: run([uv, "pip", "install", "--quiet", "--python", PYTHON, *what])


def with_pip(what: list[str | Path]) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    run([HOST, "-m", "pip", "--python", str(PYTHON), "install", *quiet, *what])


def installers() -> Iterator[tuple[str, Callable[[list[str | Path]], None]]]:
    """Yield the ways to install, best first; the next one is asked for when one has failed."""
    found = shutil.which("uv")
    if found:
        yield "uv", with_uv(found)
    else:
        try:
            with_pip(["--require-hashes", "-r", PINS / "uv.txt"])
            yield "uv, fetched by pip", with_uv(str(BIN / ("uv.exe" if os.name == "nt" else "uv")))
        except InstallError:
            pass  # no wheel for this machine, or no index: pip itself comes next and says which
    yield "pip", with_pip


def install(needed: str, way: Callable[[list[str | Path]], None]) -> None:
    """Install the pinned packages, then our three distributions as they lie here."""
    for name in LISTS[needed]:
        way(["--require-hashes", "-r", PINS / name])
    ours: list[str | Path] = []
    for name in DISTRIBUTIONS:
        ours += ["--editable", ROOT / name]
    # their dependencies are pinned above, and so is the build backend
    way(["--no-deps", "--no-build-isolation", *ours])


def prepare(needed: str) -> None:
    """Bring `.venv` to what the command needs. Safe to repeat; the stamp is written last."""
    if stands(needed):
        return
    make_venv()
    STAMP.unlink(missing_ok=True)
    failure = InstallError("no way to install")
    for name, way in installers():
        say(f"Installing the pinned packages with {name} (once; some seconds to two minutes) ...")
        try:
            install(needed, way)
        except InstallError as error:
            failure = error
            say(f"That did not work with {name}.")
            continue
        STAMP.write_text(json.dumps({"pins": fingerprint(), "packages": needed}), encoding="utf-8")
        return
    raise failure


def explain(output: str) -> str:
    """Turn what an installer printed into what to do; the last lines of the output stay below it."""
    known = [cause for cause, marks in CAUSES.items() if any(mark in output.lower() for mark in marks)]
    unknown = "Installing failed for a reason this file does not know; above are the installer's last words."
    sentence = known[0] if known else unknown
    last = "\n".join(f"  | {line[:160]}" for line in output.splitlines()[-6:])
    return f"{last}\n{sentence}\nNothing outside .venv was changed; the same command goes on from here."


def become(arguments: list[str]) -> int:
    """Run Python of `.venv` in our place: its exit code and Ctrl-C are then its own."""
    environment = {**os.environ, "VIRTUAL_ENV": str(VENV), "PYTHONUTF8": "1"}
    environment["PATH"] = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment.pop("PYTHONHOME", None)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # dozens of processes start below: let them share what is compiled
    if os.name != "nt":
        sys.stderr.flush()
        os.execve(PYTHON, [str(PYTHON), *arguments], environment)
    # Windows has no exec that keeps the console: wait instead, and let the child answer Ctrl-C
    child = subprocess.Popen([PYTHON, *arguments], env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        asked = bool(arguments) and arguments[0] in ("-h", "--help", "help")
        say(str(__doc__) if asked or not arguments else f"There is no command {arguments[0]!r}.\n\n{__doc__}")
        return 0 if asked else 64
    needed, program = COMMANDS[arguments[0]]
    if arguments[0] != "demo":
        os.chdir(ROOT)  # arguments of all but the demo are places in the checkout; the demo gets paths as typed
    if arguments == ["test"]:
        # all of it: on every core, and one more, as tests wait for what they start; who has none left takes another's
        arguments = ["test", "-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal"]
    try:
        prepare(needed)
    except (InstallError, OSError) as error:
        say(explain(str(error)))
        return 69
    except KeyboardInterrupt:
        say("\nStopped while installing. Nothing is lost: the same command goes on from here.")
        return 130
    return become([*program, *arguments[1:]])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
