"""run.py: installs once, says what to do when it cannot, and otherwise is the program it starts."""

import importlib.util
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with run.py and the pins, whose demo is a stub, without .venv."""
    shutil.copy(ROOT / "run.py", tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    for name in ("protocol", "node", "hub"):
        (tmp_path / name).mkdir()
        shutil.copy(ROOT / name / "pyproject.toml", tmp_path / name)
    (tmp_path / "examples").mkdir()
    return tmp_path


@pytest.fixture
def run(checkout: Path) -> ModuleType:
    """run.py of that checkout as a module."""
    spec = importlib.util.spec_from_file_location("run_of_the_checkout", checkout / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def installed(run: ModuleType) -> ModuleType:
    """The checkout after a first run: a `.venv` (empty) and its stamp."""
    run.make_venv()
    run.STAMP.write_text(json.dumps({"pins": run.fingerprint(), "packages": "run"}))
    return run


def test_a_new_checkout_must_be_prepared(run: ModuleType) -> None:
    assert not run.stands("run")


def test_a_prepared_checkout_starts_at_once(installed: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "run", lambda command: pytest.fail(f"started {command}"))
    installed.prepare("run")


def test_a_changed_pin_prepares_again(installed: ModuleType) -> None:
    (installed.PINS / "dev.txt").write_text("")
    assert not installed.stands("run")


def test_a_moved_checkout_prepares_again(installed: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "ROOT", installed.ROOT.parent / "elsewhere")
    shutil.copytree(installed.VENV.parent, installed.ROOT, symlinks=True)
    assert not installed.stands("run")


def test_what_the_tests_need_is_enough_for_the_demo_but_not_the_other_way(installed: ModuleType) -> None:
    assert not installed.stands("dev")
    installed.STAMP.write_text(json.dumps({"pins": installed.fingerprint(), "packages": "dev"}))
    assert installed.stands("run")


def test_a_broken_stamp_prepares_again(installed: ModuleType) -> None:
    installed.STAMP.write_text("[]")
    assert not installed.stands("run")


def test_the_next_way_is_tried_when_one_fails(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def broken(what: list[str]) -> None:
        raise run.InstallError("no such uv")

    monkeypatch.setattr(run, "installers", lambda: iter([("uv", broken), ("pip", done.append)]))
    run.prepare("run")
    assert run.stands("run")
    assert ["--require-hashes", "-r", run.PINS / "hub.txt"] in done
    assert done[-1][:2] == ["--no-deps", "--no-build-isolation"]


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "The disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "not the one we pinned"),
        ("python: No module named pip", "has no pip"),
        ("Retrying: NewConnectionError('refused')", "could not be reached"),
        ("something nobody foresaw", "does not know"),
    ],
)
def test_a_failed_installation_says_what_to_do(
    run: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    sentence: str,
) -> None:
    def broken(what: list[str]) -> None:
        raise run.InstallError(output)

    monkeypatch.setattr(run, "installers", lambda: iter([("pip", broken)]))
    assert run.main(["demo"]) == 69
    said = capsys.readouterr()
    assert sentence in said.err
    assert output in said.err
    assert "the same command goes on from here" in said.err
    assert said.out == ""
    assert not run.stands("run")


def test_stopping_the_installation_leaves_no_stamp(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(what: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "installers", lambda: iter([("pip", stopped)]))
    assert run.main(["demo"]) == 130
    assert not run.stands("run")


def test_an_unknown_command_is_told_which_there_are(checkout: Path) -> None:
    done = subprocess.run([sys.executable, "run.py", "dmeo"], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "no command 'dmeo'" in done.stderr
    assert "python3 run.py demo" in done.stderr


def test_arguments_output_and_exit_code_are_the_programs(installed: ModuleType) -> None:
    (installed.ROOT / "examples/demo.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(7)\n")
    command = [sys.executable, "run.py", "demo", "--once", "--json"]
    done = subprocess.run(command, cwd=installed.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "['--once', '--json']\n", "")


def test_the_demo_runs_where_the_person_stands(installed: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> None:
    (installed.ROOT / "examples/demo.py").write_text("import os\nprint(os.getcwd())\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere").resolve()
    command = [sys.executable, str(installed.ROOT / "run.py"), "demo"]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.stdout == f"{elsewhere}\n"


def test_ctrl_c_reaches_the_program_once(installed: ModuleType) -> None:
    (installed.ROOT / "examples/demo.py").write_text(
        "import sys, time\n"
        "try:\n    print('up', flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    print('stopping', flush=True)\n    time.sleep(0.3)\n    sys.exit(5)\n"
    )
    command = [sys.executable, "run.py", "demo"]
    with subprocess.Popen(command, cwd=installed.ROOT, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == "up\n"
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "stopping\n"
    assert program.returncode == 5
