"""From the arguments to the end: where it works, what it shows, and that nothing is left running however it ends."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stamina.instrumentation import set_on_retry_hooks

from jisr_hub.cli.setting_up import SettingUpError
from jisr_node.errors import NodeError

from . import partners, worlds
from .hubs import Hub, NotServing, ports, quick_settings
from .narration import Narrator
from .story import NotAgreed, Story
from .worlds import World

DONE, FAILED, USAGE, STOPPED = 0, 1, 64, 130


def run(asked: argparse.Namespace) -> int:
    """The whole demo; returns its exit status."""
    narrator = Narrator(stderr=asked.json)
    quick_settings()
    set_on_retry_hooks(())  # it would write its log to stdout
    try:
        shown = worlds.outside(asked.data) if asked.data else worlds.world(asked.world or worlds.WORLDS[0])
        free = ports(len(shown.hubs), asked.port)
        with working_folder(asked.dir) as folder:
            return asyncio.run(tell(asked, narrator, folder, free, shown))
    except (partners.Unusable, OSError) as error:
        print(f"{error} Nothing is left running.", file=sys.stderr)
        return USAGE
    except asyncio.CancelledError:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return STOPPED


async def tell(asked: argparse.Namespace, narrator: Narrator, folder: Path, free: list[int], shown: World) -> int:
    """The whole demo in a folder; whatever ends it, the hubs are stopped."""
    hubs = [
        Hub(label, worlds.HUBS[label][0], label, worlds.HUBS[label][1], folder / f"hub-{label.lower()}", port)
        for label, port in zip(shown.hubs, free, strict=True)
    ]
    story = Story(folder, hubs, shown.links, shown.reader, narrator)
    narrator.say(shown.title)
    one_end_only()
    status = DONE
    try:
        async with story.begin():
            for each in shown.bad:
                story.left_out(each)
            try:
                await show(story, shown)
            except (NotAgreed, NodeError, SettingUpError) as error:
                narrator.tell("failed", str(error))
                status = FAILED
            if asked.json:
                print(json.dumps(story.summary()), flush=True)
            if status == DONE and not asked.once:
                # a program compares what the nodes signed, so nothing is added to it
                await stay(story, [] if asked.json else shown.meanings)
    except NotServing as error:
        narrator.tell("failed", str(error))
        status = FAILED
    finally:
        story.close()
    return status


async def show(story: Story, shown: World) -> None:
    await story.publish(shown.partners)
    await story.agree()
    await story.read()
    story.show_one()
    if shown.later:
        await story.turns(shown.later)
    else:
        await story.change()
    await story.read_again()
    if shown.portal:
        story.portal()
    story.table()


async def stay(story: Story, meanings: list[tuple[str, str, str]]) -> None:
    story.narrator.say(f"All of it lies in {story.folder}. It runs until Ctrl-C.")
    with suppress(asyncio.CancelledError):
        await story.explain(meanings)
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
        raise partners.Unusable(f"{asked} is not empty: expected a new folder, and it was left as it is.")
    asked.mkdir(parents=True, exist_ok=True)
    yield asked.resolve()
