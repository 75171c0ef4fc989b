#!/usr/bin/env python3
"""Turn services.jsonl into drafts for `jisr-node import` and `demo --data`; see README.md beside this file.

    python3 examples/services_ar_en/convert.py IN OUT.jsonl [--as-of YYYY-MM-DD]

The report for people goes to stderr; the last line of stdout is one JSON object with the counts. The same input
and the same --as-of give the same bytes. OUT is written beside its place and renamed, so it is whole or untouched.

Exit: 0 every line was used · 1 some lines were left out, the rest is in OUT · 64 nothing was written.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import IO, Any

from drafts import Draft, ServiceDraft, location, location_id, organization
from rows import Row, read_rows
from texts import Tally, slug

# The periods of the source ended in 2014 and 2015. A fixed day, not today's, so that the bytes stay the same.
AS_OF = "2026-01-01"
DONE, PARTIAL, NOTHING_WRITTEN = 0, 1, 64


class Conversion:
    """All drafts of one input, grouped by partner in the order in which partners appear."""

    def __init__(self, as_of: str) -> None:
        self.as_of = as_of
        self.tally = Tally()
        self.refused: list[tuple[int, str]] = []
        self.labels: dict[str, str] = {}
        self.organizations: dict[str, Draft] = {}
        self.locations: dict[str, dict[str, Draft]] = {}
        self.services: dict[str, dict[str, Draft]] = {}

    def read(self, file: IO[bytes]) -> None:
        for row in read_rows(file):
            if isinstance(row, Row):
                self.add(row)
            else:
                self.refused.append(row)

    def add(self, row: Row) -> None:
        partner = self.partner(row.partner)
        services = self.services[partner]
        if row.local_id in services:
            sentence = f"id and activity: expected a pair that is new for {row.partner}, came {row.local_id!r} again"
            self.refused.append((row.line, sentence))
            return
        self.add_location(partner, row)
        services[row.local_id] = ServiceDraft(partner, row, self.tally, self.as_of).build()

    def partner(self, name: str) -> str:
        """Return the label of the partner's node: a slug of its trimmed name, made unique by a hash if need be."""
        if name not in self.labels:
            label = slug(name)
            if label in self.organizations:
                label = slug(f"{name} {name}", most=len(label) + 7)
            self.labels[name] = label
            self.organizations[label] = organization(label, name)
            self.locations[label], self.services[label] = {}, {}
        return self.labels[name]

    def add_location(self, partner: str, row: Row) -> None:
        places = self.locations[partner]
        key = location_id(row)
        if key not in places:
            places[key] = location(partner, row, self.tally)
        elif places[key]["name"]["en"]["value"] != row.place.en:
            self.tally.leave("en.locationName", "another spelling of a place at the same point", row.place.en)

    def drafts(self) -> list[Draft]:
        """Return every draft; what a draft refers to stands before it."""
        found: list[Draft] = []
        for partner, first in self.organizations.items():
            found += [first, *self.locations[partner].values(), *self.services[partner].values()]
        return found

    def counts(self) -> dict[str, Any]:
        services = sum(map(len, self.services.values()))
        return {
            "partners": len(self.labels),
            "organizations": len(self.organizations),
            "services": services,
            "locations": sum(map(len, self.locations.values())),
            "lines": services + len(self.refused),
            "refused": len(self.refused),
            "unmapped": by_field(self.tally),
            "opening": dict(sorted(self.tally.opening.items())),
            "closing": dict(sorted(self.tally.closing.items())),
            "arabic": dict(sorted(self.tally.arabic.items())),
            "shortened_coordinates": self.tally.shortened_coordinates,
            "as_of": self.as_of,
        }


def by_field(tally: Tally) -> dict[str, int]:
    found: Counter[str] = Counter()
    for (field, _, _), times in tally.unmapped.items():
        found[field] += times
    return dict(sorted(found.items()))


def report(conversion: Conversion) -> str:
    """Return the report for a person: what was made, and by line and value what was left out and why."""
    counts = conversion.counts()
    made = "{services} services of {partners} partners at {locations} places".format(**counts)
    found = [f"{counts['lines']} lines: {made}. Statuses are as of {conversion.as_of}."]
    for number, sentence in conversion.refused:
        found.append(f"line {number} is left out. {sentence}")
    for name, part in (("Opening times", "opening"), ("Closing times", "closing"), ("Arabic labels", "arabic")):
        figures = ", ".join(f"{what} {times}" for what, times in counts[part].items())
        found.append(f"{name}: {figures or 'none'}.")
    shorter = counts["shortened_coordinates"]
    found.append(f"Coordinates cut to 8 decimals, about a millimetre: at {shorter} places.")
    found.append(f"Not mapped: {sum(counts['unmapped'].values())} values in {len(counts['unmapped'])} fields.")
    for field, total in counts["unmapped"].items():
        found.append(f"  {field}: {total}")
        values = sorted((key, times) for key, times in conversion.tally.unmapped.items() if key[0] == field)
        found += [f"    {times} x {shortened(value)} ({reason})" for (_, reason, value), times in values]
    return "\n".join(found)


def shortened(value: str) -> str:
    return json.dumps(value if len(value) <= 160 else value[:157] + "...", ensure_ascii=False)


def write(drafts: list[Draft], out: Path) -> None:
    # A crash before the rename leaves the old OUT as it was; the half file beside it is overwritten next time.
    half = out.with_name(out.name + ".half")
    with half.open("w", encoding="utf-8", newline="\n") as file:
        for draft in drafts:
            file.write(json.dumps(draft, ensure_ascii=False, separators=(",", ":")) + "\n")
        file.flush()
        os.fsync(file.fileno())
    half.replace(out)


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Turn services.jsonl into drafts.")
    parser.add_argument("source", metavar="IN", type=Path, help="services.jsonl")
    parser.add_argument("out", metavar="OUT.jsonl", type=Path, help="the drafts, one a line")
    parser.add_argument(
        "--as-of",
        type=lambda text: datetime.date.fromisoformat(text).isoformat(),
        default=AS_OF,
        metavar="YYYY-MM-DD",
        help="the day by which a service is planned, active or ended (default %(default)s)",
    )
    try:
        return parser.parse_args(argv)
    except SystemExit as stop:
        raise SystemExit(NOTHING_WRITTEN if stop.code else 0) from None


def main(argv: list[str]) -> int:
    options = arguments(argv)
    conversion = Conversion(options.as_of)
    try:
        with options.source.open("rb") as file:
            conversion.read(file)
        if options.out.exists() and options.out.samefile(options.source):
            raise OSError(f"{options.out} is the input itself; name another file for the drafts")
        if drafts := conversion.drafts():
            write(drafts, options.out)
    except OSError as error:
        print(f"Nothing was written: {error}.", file=sys.stderr)
        return NOTHING_WRITTEN
    print(report(conversion), file=sys.stderr)
    if not drafts:
        print(f"Nothing was written: no line of {options.source} could be used.", file=sys.stderr)
    print(json.dumps(conversion.counts(), ensure_ascii=False))
    if not drafts:
        return NOTHING_WRITTEN
    return PARTIAL if conversion.refused else DONE


if __name__ == "__main__":
    # the report carries Arabic, whatever the terminal's encoding
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
