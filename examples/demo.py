#!/usr/bin/env python3
"""A federation at work, on this machine: run by `python3 run.py demo`.

    python3 run.py demo                      the world of examples/tangier, until Ctrl-C
    python3 run.py demo --data FILE.jsonl    drafts from outside: a node for each `node` label
    python3 run.py demo --once --json        ends by itself; the last line of stdout is one JSON summary

Two hubs run as programs of their own and follow each other; the nodes push to them over HTTP; a reader follows one
hub and proves everything. All of it lies in a temporary folder that goes at the end, or in --dir, which stays.

Exit: 0 all was equal and verified (or stopped by Ctrl-C after that) · 1 something did not hold · 64 wrong arguments,
a file that cannot be read, a port that is taken · 130 stopped before the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from federation import partners as drafts
from federation.hubs import Hub, NotServing, ports, quick_settings
from federation.narration import Narrator
from federation.story import NotAgreed, Story

from jisr_hub.setting_up import SettingUpError
from jisr_node.errors import NodeError

WORLD = Path(__file__).resolve().parent / "tangier"
HUBS = (("MA", "Jisr Maroc", "fr"), ("NL", "Jisr Nederland", "nl"))
DONE, FAILED, USAGE, STOPPED = 0, 1, 64, 130


class Arguments(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(USAGE, f"{message}. Nothing was started. See: python3 run.py demo --help\n")


def arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = Arguments(prog="python3 run.py demo", description="Two hubs, some nodes and a reader at work.")
    parser.add_argument("--once", action="store_true", help="end when all is verified, instead of staying")
    parser.add_argument("--json", action="store_true", help="one JSON summary on stdout, all words on stderr")
    parser.add_argument("--data", type=Path, metavar="FILE.jsonl", help="drafts instead of the world of Tangier")
    parser.add_argument("--port", type=int, help="the first hub's port, the second has the next; else any free ones")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="a new folder to work in, kept at the end")
    return parser.parse_args(given)


def main(given: Sequence[str]) -> int:
    asked = arguments(given)
    narrator = Narrator(stderr=asked.json)
    quick_settings()
    try:
        if asked.data:
            found, bad = drafts.of_a_file(asked.data, [(label, label) for label, _, _ in HUBS])
        else:
            found, bad = drafts.of_a_world(WORLD)
        free = ports(len(HUBS), asked.port)
        with working_folder(asked.dir) as folder:
            return asyncio.run(tell(asked, narrator, folder, free, found, bad))
    except (drafts.Unusable, OSError) as error:
        print(f"{error} Nothing is left running.", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return STOPPED


async def tell(
    asked: argparse.Namespace,
    narrator: Narrator,
    folder: Path,
    free: list[int],
    found: list[drafts.Partner],
    bad: list[drafts.Bad],
) -> int:
    """The whole demo in a folder; whatever ends it, the hubs are stopped."""
    hubs = [
        Hub(label, name, label, lang, folder / f"hub-{label.lower()}", port)
        for (label, name, lang), port in zip(HUBS, free, strict=True)
    ]
    story = Story(folder, hubs, narrator)
    one_end_only()
    status = DONE
    try:
        async with story.begin():
            for each in bad:
                story.left_out(each)
            try:
                await show(story, found)
            except (NotAgreed, NodeError, SettingUpError) as error:
                narrator.tell("failed", str(error))
                status = FAILED
            if asked.json:
                print(json.dumps(story.summary()), flush=True)
            if status == DONE and not asked.once:
                await stay(story)
    except NotServing as error:
        narrator.tell("failed", str(error))
        status = FAILED
    finally:
        story.close()
    return status


async def show(story: Story, found: list[drafts.Partner]) -> None:
    await story.publish(found)
    await story.agree()
    await story.read()
    story.show_one()
    await story.change()
    await story.read_again()
    story.table()


async def stay(story: Story) -> None:
    story.narrator.say(f"All of it lies in {story.folder}. It runs until Ctrl-C.")
    with suppress(asyncio.CancelledError):
        await story.stay()
    story.narrator.say("Stopping the hubs ...")


def one_end_only() -> None:
    """Every way to be asked to stop cancels this task once; a second one does not break the tidying up."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    asked: list[None] = []

    def stop() -> None:
        if task is not None and not asked:
            asked.append(None)
            task.cancel()

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # Windows has no such handlers; there asyncio.run cancels on Ctrl-C
        with suppress(NotImplementedError, AttributeError):
            loop.add_signal_handler(getattr(signal, name), stop)


@contextmanager
def working_folder(asked: Path | None) -> Iterator[Path]:
    """A temporary folder, removed at the end, or the one asked for, which must be new or empty."""
    if asked is None:
        with tempfile.TemporaryDirectory(prefix="jisr-demo-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    if asked.exists() and (not asked.is_dir() or any(asked.iterdir())):
        raise drafts.Unusable(f"{asked} is not empty: expected a new folder, and it was left as it is.")
    asked.mkdir(parents=True, exist_ok=True)
    yield asked.resolve()


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except asyncio.CancelledError:
        print("Stopped; nothing is left running.", file=sys.stderr)
        raise SystemExit(STOPPED) from None
