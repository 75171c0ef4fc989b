#!/usr/bin/env python3
"""A federation at work, on this machine: run by `python3 run.py demo`.

    python3 run.py demo                      the world of examples/tangier, until Ctrl-C
    python3 run.py demo --world burundi      another of the four, or `all`: five hubs, everybody
    python3 run.py demo --data FILE.jsonl    drafts from outside: a node for each `node` label
    python3 run.py demo --once --json        ends by itself; the last line of stdout is one JSON summary

The hubs run as programs of their own and follow each other; the nodes push to them over HTTP; a reader follows one
hub and proves everything. All of it lies in a temporary folder that goes at the end, or in --dir, which stays.

Exit: 0 all was equal and verified (or stopped by Ctrl-C after that) · 1 something did not hold · 64 wrong arguments,
a file that cannot be read, a port that is taken · 130 stopped before the end.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

USAGE, STOPPED = 64, 130
WORLDS = ("tangier", "enschede", "burundi", "alliance", "all")


class Arguments(argparse.ArgumentParser):
    """Wrong arguments end with 64, as everywhere in Jisr."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{message}. Nothing was started. See: python3 run.py demo --help\n")


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="python3 run.py demo", description="Some hubs, nodes and a reader at work.")
    parser.add_argument("--once", action="store_true", help="end when all is verified, instead of staying")
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout, all words on stderr")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--world", choices=WORLDS, help="which world to show, `all` for the four in one; else tangier")
    what.add_argument("--data", type=Path, metavar="FILE.jsonl", help="drafts instead of a world")
    parser.add_argument("--port", type=int, help="the first hub's port, the others have the next; else any free ones")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="a new folder to work in, kept at the end")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    asked = arguments(given)
    try:
        from federation.running import run  # takes two seconds, in which somebody may type Ctrl-C

        return run(asked)
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return STOPPED


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
