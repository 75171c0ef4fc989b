"""Reading the rest of a page that is not whole yet comes to what reading all of it does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jisr_protocol import entry as entries
from jisr_protocol.limits import PAGE_ENTRIES
from jisr_protocol.page_walk import rest_of_page
from jisr_protocol.refusal import Refusal

NODE = "jisr:q7fcndhyxixup6iqtyfvrg7cfhhjumgazcx7ted6rsbdgabffvsa"


def line(seq: int) -> bytes:
    named = {"node": NODE, "id": "1f7a6a38-59ed-4025-9170-0c41cf397b5c", "rev": 1, "digest": "0" * 64}
    return entries.write_out(seq=seq, at="2026-06-01T00:00:00Z", type="org.jisr.news/1", **named) + b"\n"


@given(st.integers(0, 3), st.integers(1, 40), st.integers(0, 45))
def test_it_is_the_end_of_the_whole(number: int, width: int, held: int) -> None:
    first = number * PAGE_ENTRIES
    body = b"".join(line(first + n) for n in range(width))
    rest = rest_of_page(body, first, width, first + held)
    if 0 < held <= width:
        assert rest is not None
        assert [e.raw for e in rest] == [e.raw for e in entries.parse_lines(body)][held:]
    else:
        assert rest is None or held > width


def test_a_whole_page_and_one_of_which_nothing_is_held_are_read_whole() -> None:
    body = b"".join(line(n) for n in range(PAGE_ENTRIES))
    assert rest_of_page(body, 0, PAGE_ENTRIES, 255) is None
    assert rest_of_page(body[: len(body) // 2], 0, 128, 0) is None


@pytest.mark.parametrize("what", ["one fewer", "one more", "swapped", "no line feed", "other entries", "not canonical"])
def test_what_does_not_look_right_is_judged_as_a_whole(what: str) -> None:
    lines = [line(n) for n in range(10)]
    bent = {
        "one fewer": lines[1:],
        "one more": [*lines, line(10)],
        "swapped": [lines[1], lines[0], *lines[2:]],
        "no line feed": [*lines[:-1], lines[-1].rstrip(b"\n")],
        "other entries": [*lines[:9], line(11)],
        "not canonical": [*lines[:9], lines[9].replace(b'"op":', b'"op": ')],
    }[what]
    assert rest_of_page(b"".join(bent), 0, 10, 8) is None
    if what in ("no line feed", "not canonical"):
        with pytest.raises(Refusal):
            entries.parse_lines(b"".join(bent))
