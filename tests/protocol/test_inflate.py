"""Rules LIM-4, LIM-5 and LIM-6: a body inflates within its limits, whole and once, or is refused."""

import gzip
import random
import subprocess
import sys
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol.inflate import RATIO_FREE_BYTES, ZSTD_WINDOW_BYTES, Inflater, inflate
from jisr_protocol.limits import INFLATE_RATIO
from jisr_protocol.refusal import Refusal, switched_off

MIB = 1024 * 1024
PAGE = b"".join(b'{"op":"put","seq":%d,"x":"%x"}\n' % (i, i * 7919**9) for i in range(4000))


def zstd(body: bytes, *, stated: bool = True, **settings: int) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=stated, **settings).compress(body)


def zstd_zeros(size_mib: int, *, stated: bool) -> bytes:
    size = size_mib * MIB if stated else -1
    stream = zstandard.ZstdCompressor(write_content_size=stated).compressobj(size=size)
    return b"".join(stream.compress(bytes(MIB)) for _ in range(size_mib)) + stream.flush()


def gzip_zeros(size_mib: int) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(stream.compress(bytes(MIB)) for _ in range(size_mib)) + stream.flush()


ENCODERS = {"gzip": gzip.compress, "zstd": zstd, "identity": bytes}
encodings = pytest.mark.parametrize("encoding", ENCODERS)
compressions = pytest.mark.parametrize("encoding", ["gzip", "zstd"])


def refused(body: bytes, encoding: str, limit_bytes: int = MIB) -> Refusal:
    with pytest.raises(Refusal) as caught:
        inflate(body, encoding, limit_bytes)
    return caught.value


@encodings
@pytest.mark.parametrize("body", [b"", b"x", PAGE])
def test_what_was_encoded_comes_back(encoding: str, body: bytes) -> None:
    assert inflate(ENCODERS[encoding](body), encoding, MIB) == body


def test_zstd_without_a_stated_size_comes_back() -> None:
    assert inflate(zstd(PAGE, stated=False), "zstd", MIB) == PAGE


@pytest.mark.parametrize("name", ["GZIP", "x-gzip", " gzip "])
def test_names_of_encodings_ignore_case_space_and_the_old_prefix(name: str) -> None:
    assert inflate(gzip.compress(PAGE), name, MIB) == PAGE


@encodings
def test_exactly_the_limit_passes_and_one_byte_more_is_refused(encoding: str) -> None:
    body = ENCODERS[encoding](PAGE)
    assert inflate(body, encoding, len(PAGE)) == PAGE
    assert refused(body, encoding, len(PAGE) - 1).rule == "LIM-4"


@compressions
def test_a_small_body_denser_than_the_ratio_is_refused(encoding: str) -> None:
    dense = bytes(RATIO_FREE_BYTES // 2)
    refusal = refused(ENCODERS[encoding](dense), encoding)
    assert refusal.rule == "LIM-4"
    assert str(INFLATE_RATIO) in refusal.expected


@compressions
def test_without_its_ratio_rule_a_dense_body_would_pass(encoding: str) -> None:
    with switched_off("LIM-4"):
        assert inflate(ENCODERS[encoding](bytes(MIB)), encoding, 2 * MIB) == bytes(MIB)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(("zstd", zstd_zeros(64, stated=True)), id="zstd with a stated size"),
        pytest.param(("zstd", zstd_zeros(64, stated=False)), id="zstd without one"),
        pytest.param(("gzip", gzip_zeros(64)), id="gzip"),
    ],
)
def test_a_bomb_is_refused_even_below_a_generous_limit(bomb: tuple[str, bytes]) -> None:
    encoding, body = bomb
    assert refused(body, encoding, 1024 * MIB).rule == "LIM-4"
    assert refused(body, encoding, MIB).rule == "LIM-4"


BOMBS = {
    "33 kB of zstd to 1 GiB": ("zstd", lambda: zstd_zeros(1024, stated=True)),
    "the same, its size not stated": ("zstd", lambda: zstd_zeros(1024, stated=False)),
    "261 kB of gzip to 256 MiB": ("gzip", lambda: gzip_zeros(256)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_memory_stays_small_while_a_bomb_is_refused(bomb: str) -> None:
    encoding, make = BOMBS[bomb]
    outcome, grown_mib = measured(make(), encoding)
    assert outcome == "LIM-4"
    assert grown_mib <= 12


def test_the_measure_of_memory_sees_a_bomb_go_off() -> None:
    outcome, grown_mib = measured(zstd_zeros(64, stated=True), "zstd", "LIM-4")
    assert outcome == "inflated"
    assert grown_mib >= 64


def measured(body: bytes, encoding: str, *rules_off: str) -> tuple[str, int]:
    """Inflate in a fresh process; how it went, and by how many MiB its memory grew."""
    arguments = [sys.executable, "-c", MEASURE, encoding, *rules_off]
    outcome, grown_mib = subprocess.run(arguments, input=body, capture_output=True, check=True).stdout.split()
    return outcome.decode(), int(grown_mib)


MEASURE = """
import resource, sys, zstandard
from jisr_protocol.inflate import inflate
from jisr_protocol.refusal import Refusal, switched_off

def peak_mib():
    # the peak of getrusage is inherited from the parent on Linux, the one of /proc is this program's own
    if sys.platform == "linux":
        return int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 // 1024

encoding, *rules_off = sys.argv[1:]
body = sys.stdin.buffer.read()
inflate(zstandard.ZstdCompressor().compress(b"warm"), "zstd", 4)
before = peak_mib()
outcome = "inflated"
try:
    with switched_off(*rules_off):
        inflate(body, encoding, 2 * 1024 * 1024)
except Refusal as refusal:
    outcome = refusal.rule
print(outcome, peak_mib() - before)
"""


def test_a_stream_of_empty_blocks_ends_at_the_limit_of_sent_bytes() -> None:
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    inflater = Inflater("gzip", 10_000)
    inflater.feed(stream.compress(b"") + stream.flush(zlib.Z_SYNC_FLUSH))
    empty_blocks = 1000 * b"\x00\x00\x00\xff\xff"
    assert [inflater.feed(empty_blocks) for _ in range(2)] == [b"", b""]
    with pytest.raises(Refusal) as caught:
        inflater.feed(empty_blocks)
    assert caught.value.rule == "LIM-4"


def test_a_zstd_window_above_8_mib_is_refused_by_its_own_name() -> None:
    settings = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    body = compressor.compress(PAGE) + compressor.flush()
    refusal = refused(body, "zstd")
    assert refusal.rule == "LIM-4"
    assert str(ZSTD_WINDOW_BYTES) in refusal.expected


@pytest.mark.parametrize("encoding", ["br", "deflate", "compress", "gzip, zstd", "gzip,gzip", "identity, gzip"])
def test_unknown_and_stacked_encodings_are_refused(encoding: str) -> None:
    refusal = refused(gzip.compress(PAGE), encoding)
    assert (refusal.rule, refusal.code) == ("LIM-5", "encoding_unsupported")
    assert encoding in refusal.came


@compressions
def test_a_stream_cut_off_anywhere_is_refused(encoding: str) -> None:
    whole = ENCODERS[encoding](PAGE)
    for kept in {0, 1, 5, 17, len(whole) // 2, len(whole) - 1}:
        assert refused(whole[:kept], encoding).rule == "LIM-6"


@compressions
def test_without_its_rule_a_cut_stream_would_pass(encoding: str) -> None:
    with switched_off("LIM-6"):
        assert PAGE.startswith(inflate(ENCODERS[encoding](PAGE)[:-20], encoding, MIB))


@compressions
@pytest.mark.parametrize("garbage", [b"\x00", b"{}", b"\x1f\x8b\x08"])
def test_anything_after_the_end_is_refused(encoding: str, garbage: bytes) -> None:
    assert refused(ENCODERS[encoding](PAGE) + garbage, encoding).rule == "LIM-6"


@compressions
def test_a_second_member_or_frame_is_refused(encoding: str) -> None:
    encode = ENCODERS[encoding]
    assert refused(encode(b"one") + encode(b"two"), encoding).rule == "LIM-6"


@compressions
def test_a_second_frame_in_a_later_piece_is_refused_too(encoding: str) -> None:
    inflater = Inflater(encoding, MIB)
    assert inflater.feed(ENCODERS[encoding](b"one")) == b"one"
    with pytest.raises(Refusal) as caught:
        inflater.feed(ENCODERS[encoding](b"two"))
    assert caught.value.rule == "LIM-6"


def test_a_flipped_bit_is_refused() -> None:
    body = bytearray(gzip.compress(PAGE))
    body[-6] ^= 1  # in the checksum: nothing else in the stream is wrong
    assert refused(bytes(body), "gzip").rule == "LIM-6"
    framed = bytearray(zstandard.ZstdCompressor(write_checksum=True).compress(PAGE))
    framed[-1] ^= 1
    assert refused(bytes(framed), "zstd").rule == "LIM-6"


def test_plain_text_called_compressed_is_refused() -> None:
    assert refused(PAGE, "gzip").rule == "LIM-6"
    assert refused(PAGE, "zstd").rule == "LIM-6"


@encodings
@pytest.mark.parametrize("piece_bytes", [1, 100, 4096])
def test_the_size_of_the_pieces_changes_nothing(encoding: str, piece_bytes: int) -> None:
    body = ENCODERS[encoding](PAGE)
    inflater = Inflater(encoding, MIB)
    pieces = [inflater.feed(body[at : at + piece_bytes]) for at in range(0, len(body), piece_bytes)]
    inflater.finish()
    assert b"".join(pieces) == PAGE


@given(body=st.binary(max_size=3000), encoding=st.sampled_from(["gzip", "zstd"]), seed=st.integers(0, 10**9))
def test_damaged_streams_are_returned_whole_or_refused(body: bytes, encoding: str, seed: int) -> None:
    chance = random.Random(seed)
    damaged = bytearray(ENCODERS[encoding](body))
    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    assert returned_or_refused(bytes(damaged), encoding, limit_bytes=4000)


@given(st.binary(max_size=400), st.sampled_from(["gzip", "zstd", "identity"]))
def test_no_bytes_do_anything_but_return_or_refuse(body: bytes, encoding: str) -> None:
    assert returned_or_refused(body, encoding, limit_bytes=300)


def returned_or_refused(body: bytes, encoding: str, limit_bytes: int) -> bool:
    try:
        return len(inflate(body, encoding, limit_bytes)) <= limit_bytes
    except Refusal as refusal:
        return refusal.rule in ("LIM-4", "LIM-6")
