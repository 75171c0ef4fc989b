"""Makes every file of this folder, the same bytes each time.

    python3 protocol/vectors/make.py            writes here, beside this file
    python3 protocol/vectors/make.py FOLDER     writes there; a test compares both
    python3 protocol/vectors/make.py --spec     writes the worked examples into docs/spec; a test compares those too

Needs the package `cryptography` and nothing of Jisr: see maker/.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from maker import (
    ack_cases,
    authority_cases,
    bent_feeds,  # noqa: F401 - it fills feeds.CASES
    bundle_cases,
    canonical_cases,
    completeness_cases,
    entry_cases,
    evidence_cases,
    examples,
    feed,
    feeds,
    good_feeds,  # noqa: F401 - and so does this
    head_cases,
    identifier_lists,
    kept_feeds,  # noqa: F401 - and this
    key_cases,
    limit_cases,
    log_cases,
    matching_cases,
    notice_cases,
    packed_feeds,  # noqa: F401 - and this
    policy_cases,
    problem_cases,
    push_cases,
    sealed_cases,
    signed_cases,
    snapshot_cases,
    token_cases,
    tree_cases,
    usage_cases,
    witness_cases,
)

HERE = Path(__file__).resolve().parent


FILES = (
    canonical_cases.make,
    identifier_lists.make_odd,
    key_cases.make,
    signed_cases.make,
    entry_cases.make,
    log_cases.make_pages,
    log_cases.make_live,
    tree_cases.make_merkle,
    tree_cases.make_state,
    snapshot_cases.make,
    head_cases.make,
    head_cases.make_capabilities,
    push_cases.make,
    notice_cases.make,
    completeness_cases.make,
    token_cases.make,
    ack_cases.make,
    policy_cases.make,
    authority_cases.make_statements,
    authority_cases.make_authority,
    evidence_cases.make,
    witness_cases.make,
    limit_cases.make,
    problem_cases.make,
    bundle_cases.make,
    sealed_cases.make,
    matching_cases.make,
    usage_cases.make,
)


def main(folder: Path) -> None:
    """Write everything below `folder`."""
    for make in FILES:
        file = make()
        _json(folder / f"{file.family}.json", file.content)
    for name, text in identifier_lists.make().items():
        _text(folder / "identifiers" / name, text)
    _feeds(folder / "feeds")


def write_examples(folder: Path) -> None:
    """Put each worked example into its place: the fenced block below `<!-- example: name -->`."""
    for file in sorted(folder.glob("*.md")):
        _text(
            file,
            re.sub(
                r"(?<=<!-- example: )([a-z-]+)( -->\n```text\n).*?\n(?=```)",
                _example,
                file.read_text("utf-8"),
                flags=re.DOTALL,
            ),
        )


def _example(place: re.Match[str]) -> str:
    return f"{place[1]}{place[2]}{examples.EXAMPLES[place[1]]()}\n"


def _feeds(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for case in feeds.CASES:
        made = case.make()
        place = folder / case.name
        feed.write(made.files, place / "feed")
        if made.before is not None:
            feed.write(made.before, place / "before")
        _json(place / "expect.json", case.expectation(made))


def _json(path: Path, value: object) -> None:
    # escapes keep invisible and right-to-left characters visible
    _text(path, json.dumps(value, ensure_ascii=True, indent=1, sort_keys=True) + "\n")


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--spec"]:
        write_examples(HERE.parent.parent / "docs" / "spec")
    elif len(sys.argv) > 2 or any(argument.startswith("-") for argument in sys.argv[1:]):
        sys.exit(__doc__)
    else:
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
