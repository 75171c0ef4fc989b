"""Checking: jisr-node check, and the hints that follow an import."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..app import Node
from ..errors import Mistaken
from .shell import HERE, Exit, Folder, Json, count, day, print_json

if TYPE_CHECKING:
    from jisr_protocol.quality.findings import Finding

    from ..checking import Checked

Lang = Annotated[str, typer.Option("--lang", help="ar, da, en, es, fr, nl, tr or zgh; else the language of this node.")]


def check(lang: Lang = "", folder: Folder = HERE, as_json: Json = False) -> None:
    """Say what must be fixed in your records and what could be better, all of it. Nothing is changed."""
    from jisr_protocol.quality.words import LANGUAGES

    if lang and lang not in LANGUAGES:
        raise Mistaken(f"--lang: expected one of {', '.join(LANGUAGES)}; came {lang!r}. Nothing was changed.")
    with Node.open(folder) as node:
        checked, own = node.check(), node.settings.lang
    if as_json:
        print_json([_value(one) for one in checked])
    else:
        for line in lines(checked, lang or own.partition("-")[0]):
            typer.echo(line)
    if any(one.verdict.must_fix for one in checked):
        raise typer.Exit(Exit.REFUSED)


def lines(checked: Sequence[Checked], lang: str) -> Iterator[str]:
    """Everything, by cause, in one language; at its end by which validator, and when."""
    from jisr_protocol.quality import VERSION
    from jisr_protocol.quality.findings import MUST_FIX, grouped
    from jisr_protocol.quality.words import sentence, shared

    names = {one.id: one.name for one in checked}
    found = [(one.id, finding) for one in checked for finding in one.verdict.findings]
    for group in grouped(found).values():
        first = group[0][1]
        yield f"{shared(first.level, lang)} ({len(group)}): {sentence(first, lang) if _alike(group) else first.code}"
        for record_id, finding in group:
            said = "" if _alike(group) else f": {sentence(finding, lang)}"
            yield f"  {names[record_id]}  {record_id}  {finding.pointer or '/'}{said}"
    must = sum(finding.level == MUST_FIX for _, finding in found)
    days = day(checked[0].verdict.day) + ", " if checked else ""
    yield (
        f"{count(len(checked), 'record')}: {must} to fix, {len(found) - must} could be better "
        f"({days}validator {VERSION}, the same as at the hub)."
    )


def hints(node: Node, ids: Collection[str]) -> list[str]:
    """What in these records seems to tell of a person or of a hidden place, with the consequence: before anything is
    signed, while it can still be taken out without a trace."""
    from jisr_protocol.quality.words import told

    lang = node.settings.lang.partition("-")[0]
    checked = node.check(ids) if ids else []
    said = [
        f"! {told(finding, lang, one.name)} [{finding.pointer}]"
        for one in checked
        for finding in one.verdict.findings
        if finding.harms
    ]
    if said:
        said.append(
            f"{count(len(said), 'hint')} about persons or hidden places. Nothing is signed yet. What is meant to be "
            "public may stay; else correct it with jisr-node edit before jisr-node publish."
        )
    return said


def _alike(group: Sequence[tuple[str, Finding]]) -> bool:
    return len({(finding.expected, finding.came) for _, finding in group}) == 1


def _value(one: Checked) -> dict[str, Any]:
    findings = [
        {name: getattr(finding, name) for name in finding.__struct_fields__} for finding in one.verdict.findings
    ]
    about = {"id": one.id, "name": one.name, "waits": one.waits, "validator": one.verdict.version}
    return {**about, "day": one.verdict.day, "findings": findings}
