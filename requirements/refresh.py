"""Pin what the three distributions and their tests need: `python3 requirements/refresh.py` (needs uv).

Writes, beside this file, one list per person who installs: `dev.txt` (tests and demo), `node.txt`, `hub.txt`,
`reader.txt` (a portal), and for run.py `build.txt` (the build backend) and `uv.txt` (the installer). `provider.txt`
is a real provider of sign-ins, which tests/hub/test_desk_canaille.py installs apart. Every line is pinned and hashed
for all platforms, and no line names an index: whoever installs uses the index their machine is set up for.

Pins that still fit are kept; with `--upgrade` all move to the newest versions. dev.txt is made first and the
others follow its pins, so that what is tested is what is installed.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = ("jisr-protocol", "jisr-node", "jisr-hub")
SOURCES = {
    "dev.txt": ["pyproject.toml", "--extra", "dev"],
    "reader.txt": ["protocol/pyproject.toml", "--extra", "reader"],
    "node.txt": ["node/pyproject.toml", "--extra", "sheets"],
    "hub.txt": ["hub/pyproject.toml"],
    "build.txt": ["requirements/build.in"],
    "uv.txt": ["requirements/uv.in"],
    "provider.txt": ["requirements/provider.in"],
}


def compile_list(name: str, more: list[str]) -> int:
    """Pin one list; return uv's exit code."""
    command = ["uv", "pip", "compile", *SOURCES[name], "--output-file", f"requirements/{name}"]
    command += ["--generate-hashes", "--universal", "--python-version", "3.11", "--quiet"]
    command += ["--no-header", "--no-annotate"]
    for distribution in OURS:
        command += ["--no-emit-package", distribution]
    if name not in ("dev.txt", "provider.txt"):  # the provider never stands beside ours
        command += ["--constraint", "requirements/dev.txt"]
    print(f"pinning requirements/{name}", flush=True)
    return subprocess.run(command + more, cwd=HERE.parent, check=False).returncode


def drop_notes(name: str) -> None:
    """Keep only pins and hashes: uv's own comments repeat what the pyproject files say."""
    path = HERE / name
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    path.write_text("\n".join(lines) + "\n")


def main() -> int:
    for name in SOURCES:
        code = compile_list(name, sys.argv[1:])
        if code:
            print(f"requirements/{name} could not be made; it is as it was.", file=sys.stderr)
            return code
        drop_notes(name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
