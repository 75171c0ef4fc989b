"""Feeds whose pages stand compressed alone, as in the folder of a hub. The streams are made by hand, of stored blocks:
what a compressor makes of the same bytes differs from one of its releases to the next."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from .feeds import Made, bent, case, good, made, page, replace, sized, small

Pack = Callable[[bytes], bytes]
_BLOCK = 32 * 1024


def gzip(content: bytes) -> bytes:
    """One member (RFC 1952) of stored blocks (RFC 1951 section 3.2.4)."""
    made, blocks = bytearray(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), _blocks(content)
    for number, block in enumerate(blocks, start=1):
        size = len(block).to_bytes(2, "little")
        made += bytes([number == len(blocks)]) + size + bytes(byte ^ 0xFF for byte in size) + block
    return bytes(made) + zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")


def zstd(content: bytes) -> bytes:
    """One frame (RFC 8878) of raw blocks, which states its size and has no checksum."""
    made, blocks = bytearray(b"\x28\xb5\x2f\xfd\xa0" + len(content).to_bytes(4, "little")), _blocks(content)
    for number, block in enumerate(blocks, start=1):
        made += (len(block) << 3 | (number == len(blocks))).to_bytes(3, "little") + block
    return bytes(made)


def _blocks(content: bytes) -> list[bytes]:
    return [content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK)] or [b""]


def _packed(files: dict[str, bytes], path: str, suffix: str, pack: Pack) -> None:
    files[path + suffix] = pack(files.pop(path))


@good("page-gzip-alone", "A page stands with .gz after its name, and not without.", "PATH-3")
def _page_gzip() -> Made:
    feed = small()
    files = made(feed)
    _packed(files.files, page(feed), ".gz", gzip)
    return files


@good("page-zstd-alone", "Two pages: one stands with .zst after its name, one with .gz.", "PATH-3")
def _page_zstd() -> Made:
    feed = sized(257)
    files = made(feed)
    _packed(files.files, page(feed, 0), ".zst", zstd)
    _packed(files.files, page(feed, 1), ".gz", gzip)
    return files


@case("page-gzip-cut", "A page that stands compressed alone ends in the middle.", "LIM-6", 21, "encoding_broken")
def _page_cut() -> Made:
    feed = small()
    return bent(feed, lambda files: _packed(files, page(feed), ".gz", lambda content: gzip(content)[:-9]))


@case("page-zstd-other", "What stands compressed is not what the head says.", "READ-5", 21, "root_mismatch")
def _page_other() -> Made:
    feed = small()

    def change(files: dict[str, bytes]) -> None:
        replace(files, page(feed), "Marché", "Marchà")
        _packed(files, page(feed), ".zst", zstd)

    return bent(feed, change)
