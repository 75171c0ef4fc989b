"""Cases of docs/spec/limits.md: bodies that inflate within their limits, or do not."""

from __future__ import annotations

import zlib

from .cases import CaseFile, bytes_of
from .primitives import sha256

# raw deflate of 200,000 zero bytes, kept as bytes because compressors differ
ZEROS = bytes.fromhex("edc13101000000c2a0f54f6d067fa0") + bytes(193) + bytes.fromhex("80d700")
LINE = b'{"op":"mark","seq":0}\n'
MAGIC = bytes.fromhex("28b52ffd")


def gzip(content: bytes, crc: int | None = None) -> bytes:
    """One gzip member that stores its content as it is (RFC 1952, RFC 1951 section 3.2.4)."""
    stored = b"\x01" + len(content).to_bytes(2, "little") + (len(content) ^ 0xFFFF).to_bytes(2, "little") + content
    return _gzip_member(stored, zlib.crc32(content) if crc is None else crc, len(content))


def _gzip_member(deflated: bytes, crc: int, size: int) -> bytes:
    head = bytes.fromhex("1f8b08000000000000ff")
    return head + deflated + crc.to_bytes(4, "little") + size.to_bytes(4, "little")


def zstd(*blocks: bytes, window: int = 0x50, size: int | None = None) -> bytes:
    """One zstd frame of ready blocks (RFC 8878): a window descriptor, or a stated content size of four bytes."""
    if size is not None:
        return MAGIC + b"\xa0" + size.to_bytes(4, "little") + b"".join(blocks)
    return MAGIC + b"\x00" + bytes([window]) + b"".join(blocks)


def raw_block(content: bytes, *, last: bool = True) -> bytes:
    return (len(content) << 3 | last).to_bytes(3, "little") + content


def repeated_block(byte: bytes, times: int, *, last: bool = True) -> bytes:
    """One byte many times: 131,072 at most."""
    return (times << 3 | 2 | last).to_bytes(3, "little") + byte


def make() -> CaseFile:
    file = CaseFile("limits", "Operation inflate: an encoded body and a limit → the SHA-256 of what it holds.")
    _sound(file)
    _too_large(file)
    _unsupported(file)
    _broken(file)
    return file


def _sound(file: CaseFile) -> None:
    for comment, encoding, body in (
        ("nothing is encoded", "", LINE),
        ("identity", "identity", LINE),
        ("gzip", "gzip", gzip(LINE)),
        ("gzip by its old name", "x-gzip", gzip(LINE)),
        ("zstd", "zstd", zstd(raw_block(LINE))),
        ("zstd that states its size", "zstd", zstd(raw_block(LINE), size=len(LINE))),
        ("zstd of two blocks", "zstd", zstd(raw_block(LINE[:5], last=False), raw_block(LINE[5:]))),
        ("zstd with a window of exactly 8 MiB", "zstd", zstd(raw_block(LINE), window=0x68)),
    ):
        result = {"bytes": len(LINE), "sha256": sha256(LINE).hex()}
        given = {"body": bytes_of(body), "encoding": encoding, "limit_bytes": 1000}
        file.valid("LIM-4", "inflate", comment, given, result)


def _too_large(file: CaseFile) -> None:
    zeros = zlib.crc32(bytes(200_000))
    many = b"".join(repeated_block(b"\x00", 131_072, last=False) for _ in range(8)) + raw_block(b"")
    for comment, encoding, body, limit in (
        ("larger than the limit, nothing encoded", "", LINE * 100, 1000),
        ("larger than the limit by one byte", "gzip", gzip(b"x" * 1001), 1000),
        ("more than a hundred times what was sent, gzip", "gzip", _gzip_member(ZEROS, zeros, 200_000), 10**6),
        ("more than a hundred times what was sent, zstd", "zstd", zstd(repeated_block(b"\x00", 131_072)), 10**6),
        ("a bomb that states a small size is judged by what it gives", "zstd", zstd(many), 10**5),
        ("a zstd window of 16 MiB", "zstd", zstd(raw_block(LINE), window=0x70), 1000),
    ):
        given = {"body": bytes_of(body), "encoding": encoding, "limit_bytes": limit}
        file.invalid("LIM-4", "inflate", comment, given, "inflate_limit")


def _unsupported(file: CaseFile) -> None:
    for comment, encoding in (
        ("an encoding that nobody has to know", "br"),
        ("raw deflate", "deflate"),
        ("two encodings", "gzip, zstd"),
        ("one encoding twice", "gzip, gzip"),
    ):
        given = {"body": bytes_of(LINE), "encoding": encoding, "limit_bytes": 1000}
        file.invalid("LIM-5", "inflate", comment, given, "encoding_unsupported")


def _broken(file: CaseFile) -> None:
    for comment, encoding, body in (
        ("gzip cut off", "gzip", gzip(LINE)[:-1]),
        ("gzip with a wrong checksum", "gzip", gzip(LINE, crc=0)),
        ("no gzip at all", "gzip", LINE),
        ("two gzip members", "gzip", gzip(LINE) + gzip(LINE)),
        ("something after gzip's end", "gzip", gzip(LINE) + b"x"),
        ("zstd cut off", "zstd", zstd(raw_block(LINE))[:-1]),
        ("no zstd at all", "zstd", LINE),
        ("two zstd frames", "zstd", zstd(raw_block(LINE)) * 2),
        ("zstd without a last block", "zstd", zstd(raw_block(LINE, last=False))),
        ("zstd whose stated size is not what comes", "zstd", zstd(raw_block(LINE), size=len(LINE) + 1)),
    ):
        given = {"body": bytes_of(body), "encoding": encoding, "limit_bytes": 1000}
        file.invalid("LIM-6", "inflate", comment, given, "encoding_broken")
