"""The compressed forms of immutable files, made beside the publishing of them.

Pages and parts stand as `.zst` (forms.py). What is dearer or less often asked for, their `.gz` and the forms of
manifests, generations and policies, is made here: once, at the lowest priority, where nobody waits for it. Until it
stands, a reader gets another form.

Erasure takes away first what the other forms are made of; here a form is written first, then one looks whether that
still stands. So whatever comes between, no form outlives its file.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from jisr_protocol import paths
from jisr_protocol.head import Head

from ..ports import Pages
from . import forms
from .pages import Layout
from .standing import of_snapshot

try:
    # a sixteenth of the time of zlib's usual 6, for a tenth more bytes (measured on pages of services)
    from isal import igzip

    _gzip: Callable[[bytes], bytes] = functools.partial(igzip.compress, compresslevel=2, mtime=0)
except ImportError:  # it has no wheel for this machine
    _gzip = functools.partial(gzip.compress, compresslevel=3, mtime=0)
LOWEST_PRIORITY = 19
_PACK: Mapping[str, Callable[[bytes], bytes]] = {
    forms.ZSTD: forms.compress,
    ".gz": _gzip,
}


def immutable_files(pages: Pages, head: Head, layout: Layout, before: Head | None = None) -> Iterator[str]:
    """The immutable files that a head promises, in the order of the log; with `before`, those that one of its epoch
    did not promise yet."""
    same = before is not None and (before.epoch, before.floor, before.gens) == (head.epoch, head.floor, head.gens)
    for _, _, path in layout.pages(head.size, before.size if before is not None and same else 0):
        yield path
    if head.gens is not None:
        yield str(head.gens["path"])
    if head.policy is not None:
        yield paths.policy(head.policy["sha256"])
    if head.snap is not None and (before is None or before.snap != head.snap):
        yield from (expected.path for expected in of_snapshot(pages, head))


def pack(pages: Pages, files: Iterable[str], ended: Callable[[], bool] = lambda: False) -> int:
    """Make the compressed forms that these files lack, until it is to be `ended`; how many were made. What is gone
    meanwhile is passed over."""
    made = 0
    for path in files:
        if ended():
            break
        for suffix, compress in _PACK.items():
            source = forms.source(pages, path)
            if source is None or pages.stands(path + suffix) or (content := forms.read(pages, path)) is None:
                continue
            pages.write(path + suffix, compress(content))
            made += 1
            if not pages.stands(source):
                pages.remove(path + suffix)
    if made:
        pages.flush()
    return made


def last_in_line() -> None:
    """Let this thread, for good, wait for everything else this machine has to do, where the system can (Linux)."""
    if hasattr(os, "setpriority") and threading.current_thread() is not threading.main_thread():
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
