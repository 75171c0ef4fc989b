"""The lists of docs/spec/identifiers.md: one name a line, valid and invalid, a comment before each group."""

from __future__ import annotations

from .cases import CaseFile
from .primitives import Key, Writer, epoch, salt, sha256, uuid

Groups = list[tuple[str, list[str]]]


def make() -> dict[str, str]:
    """Texts by file name: `<form>.valid.txt` and `<form>.invalid.txt`."""
    texts = {}
    for form, rule, valid, invalid in _forms():
        for verdict, groups in (("valid", valid), ("invalid", invalid)):
            lines = [f"# {rule}: {verdict} values of the form '{form}', one a line"]
            for comment, values in groups:
                lines += ["", f"# {comment}", *values]
            texts[f"{form}.{verdict}.txt"] = "\n".join(lines) + "\n"
    return texts


def _forms() -> list[tuple[str, str, Groups, Groups]]:
    node, kid, hashed, salted = Writer("node").id, Key("node").kid, sha256(b"x").hex(), salt("a")
    return [
        (
            "node",
            "ID-1",
            [
                ("the hash of a first key statement", [node, Writer("hub", role="hub").id]),
                ("any 52", ["jisr:" + "a" * 52]),
            ],
            [
                ("another length", [node[:-1], node + "a", "jisr:"]),
                ("capitals", [node.upper(), "JISR:" + node[5:]]),
                ("characters that base32 has not", [node[:-1] + "1", node[:-1] + "8", node[:-1] + "é"]),
                ("no prefix, another prefix", [node[5:], "did:" + node[5:], "jisr:/" + node[6:]]),
                ("padding", [node + "===="]),
                ("an address", ["https://example.org/"]),
            ],
        ),
        (
            "uuid",
            "ID-2",
            [
                (
                    "any version",
                    [uuid("a"), "00000000-0000-0000-0000-000000000000", "0190a5b2-7c3d-8e4f-9a1b-2c3d4e5f6071"],
                )
            ],
            [
                ("capitals", [uuid("a").upper()]),
                (
                    "braces, a prefix, no hyphens",
                    ["{" + uuid("a") + "}", "urn:uuid:" + uuid("a"), uuid("a").replace("-", "")],
                ),
                ("another length", [uuid("a")[:-1], uuid("a") + "0"]),
                ("a letter that is no digit", ["g" + uuid("a")[1:]]),
            ],
        ),
        (
            "instant",
            "ID-3",
            [("instants", ["2026-09-01T10:02:11Z", "1970-01-01T00:00:00Z"]), ("a leap day", ["2028-02-29T23:59:59Z"])],
            [
                ("no such day or time", ["2027-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-09-01T24:00:00Z"]),
                ("a leap second", ["2016-12-31T23:59:60Z"]),
                ("an offset", ["2026-09-01T10:02:11+00:00", "2026-09-01T10:02:11+01:00"]),
                ("no zone", ["2026-09-01T10:02:11"]),
                ("fractions of a second, no seconds", ["2026-09-01T10:02:11.5Z", "2026-09-01T10:02Z"]),
                ("other separators, small letters", ["2026-09-01 10:02:11Z", "2026-09-01t10:02:11z"]),
                ("Arabic digits", ["٢٠٢٦-09-01T10:02:11Z"]),
                ("a date", ["2026-09-01"]),
            ],
        ),
        (
            "epoch",
            "ID-4",
            [("a number and eight characters", [epoch(1), epoch(42), "999999999-aaaaaaaa"])],
            [
                ("no number, zero, a leading zero", ["-aaaaaaaa", "0-aaaaaaaa", "01-aaaaaaaa"]),
                ("ten digits", ["1000000000-aaaaaaaa"]),
                ("another length", ["1-aaaaaaa", "1-aaaaaaaaa", "1"]),
                ("capitals, digits that base32 has not", ["1-AAAAAAAA", "1-aaaaaaa1"]),
            ],
        ),
        (
            "digest",
            "ID-5",
            [("SHA-256", [hashed, "0" * 64])],
            [
                ("capitals", [hashed.upper()]),
                ("another length", [hashed[:-1], hashed + "0"]),
                ("a prefix", ["sha256:" + hashed]),
            ],
        ),
        (
            "kid",
            "ID-6",
            [("thumbprints", [kid, "A" * 43])],
            [
                ("padding", [kid + "="]),
                ("bits that mean nothing are not zero", ["A" * 42 + "B"]),
                ("another length", [kid[:-1], kid + "A"]),
                ("the other base64 alphabet", ["+" + kid[1:], "/" + kid[1:]]),
            ],
        ),
        (
            "salt",
            "ID-7",
            [("128 bits", [salted, "A" * 22])],
            [
                ("padding", [salted + "=="]),
                ("bits that mean nothing are not zero", ["A" * 21 + "B"]),
                ("another length", [salted[:-1], salted + "A"]),
            ],
        ),
        (
            "type",
            "ID-8",
            [("ours and others'", ["org.jisr.service/1", "example.tree/3", "a.b/9999", "a-b.c-d.0/1"])],
            [
                (
                    "no major, major zero, a leading zero",
                    ["org.jisr.service", "org.jisr.service/0", "org.jisr.service/01"],
                ),
                ("a minor", ["org.jisr.service/1.2"]),
                ("five digits", ["org.jisr.service/10000"]),
                ("no dot", ["service/1"]),
                ("capitals, a first digit", ["org.jisr.Service/1", "1org.jisr/1"]),
                ("more than 120 characters", ["a." + "b" * 117 + "/1"]),
            ],
        ),
        (
            "feed",
            "ID-9",
            [("names", ["public", "partners", "hub", "a", "a1-b"]), ("32 characters", ["a" * 32])],
            [
                ("capitals, a first digit or hyphen", ["Public", "1a", "-a"]),
                ("33 characters", ["a" * 33]),
                ("other characters", ["a_b", "a.b", "a/b", "é"]),
            ],
        ),
        (
            "audience",
            "ID-11",
            [("the four", ["public", "partners", "hub", "local"])],
            [("others", ["Public", "private", "all", "node"])],
        ),
    ]


def make_odd() -> CaseFile:
    """Values that no line of text can hold: line ends, empty text, other JSON types."""
    file = CaseFile("identifiers", "Operation form: a JSON value and the name of a form → whether it fits.")
    for rule, form, comment, value in (
        ("ID-10", "count", "none", 0),
        ("ID-10", "count", "the most", 2**53 - 1),
        ("ID-10", "rev", "the first", 1),
    ):
        file.valid(rule, "form", comment, {"form": form, "value": value}, {})
    node = Writer("node").id
    for rule, form, comment, value in (
        ("ID-1", "node", "a line feed after it", node + "\n"),
        ("ID-1", "node", "a space before it", " " + node),
        ("ID-1", "node", "empty", ""),
        ("ID-1", "node", "null", None),
        ("ID-2", "uuid", "a number", 5),
        ("ID-3", "instant", "seconds since 1970", 1788257331),
        ("ID-3", "instant", "a line feed after it", "2026-09-01T10:02:11Z\n"),
        ("ID-4", "epoch", "a list", ["1-aaaaaaaa"]),
        ("ID-5", "digest", "a line feed after it", "0" * 64 + "\n"),
        ("ID-10", "count", "below none", -1),
        ("ID-10", "count", "a truth value", True),
        ("ID-10", "count", "a text", "1"),
        ("ID-10", "rev", "zero", 0),
        ("ID-10", "rev", "too large", 2**53),
        ("ID-11", "audience", "null", None),
    ):
        file.invalid(rule, "form", comment, {"form": form, "value": value}, "malformed")
    return file
