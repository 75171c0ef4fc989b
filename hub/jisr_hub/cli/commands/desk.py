"""The commands that do what pages of the desk do: blocks, letters, campaigns, sources, portals that
are told, and questions of duplicates."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..shell import HERE, AsJson, Folder, confirm, run, say

blocks_app = typer.Typer(no_args_is_help=True, help="Lists of blocks: shown, handed on, taken in from another hub.")
letters_app = typer.Typer(no_args_is_help=True, help="Who gets letters of this hub, and what became of them.")
campaign_app = typer.Typer(no_args_is_help=True, help="Asking people whether their records are still correct.")
reports_app = typer.Typer(no_args_is_help=True, help="Mistakes that readers report, and what they did not find.")
source_app = typer.Typer(no_args_is_help=True, help="Where records come from: how it goes, stopping, trying again.")
subscriptions_app = typer.Typer(no_args_is_help=True, help="Portals that are told when the public feed has grown.")
pair_app = typer.Typer(no_args_is_help=True, help="Two records that may be one: what is answered, when nobody can say.")
Name = Annotated[str, typer.Argument(help="How lists name it.")]
Source = Annotated[str, typer.Argument(help="A node's or hub's identifier.")]
Record = Annotated[str, typer.Argument(help="A record: its address, or <node>/<id>.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Why = Annotated[str, typer.Option("--reason", help="Why, in a few words.")]


class State(StrEnum):
    """What became of a letter."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    GIVEN_UP = "given up"
    WITHDRAWN = "withdrawn"


def _act(folder: Path, as_json: bool, sentence: str, kind: str, subject: str, reason: str = "", **members: Any) -> None:
    from .. import acting

    value = run(acting.act(folder, kind, subject, reason, **members))
    say(dict(value), as_json, sentence)


# Blocks


@blocks_app.command("list")
def blocks_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what is blocked, until when and why."""
    import orjson

    from .. import desk_lists

    value = orjson.loads(run(desk_lists.blocks(folder, desk_lists.AS_JSON)))
    say(value, as_json, desk_lists.rows(value["blocks"], "node", "record", "until", "reason", otherwise="None."))


@blocks_app.command("export")
def blocks_export(
    file: Annotated[Path, typer.Argument(help="Where to write the list: NAME.json or NAME.csv.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the list of blocks into a file, for another hub. No note is in it."""
    from .. import desk_lists

    form = desk_lists.AS_CSV if file.suffix.lower() == ".csv" else desk_lists.AS_JSON
    file.write_text(run(desk_lists.blocks(folder, form)), "utf-8", newline="")
    say({"file": str(file), "form": form}, as_json, f"The list of blocks is in {file}.")


@blocks_app.command("import")
def blocks_import(
    file: Annotated[Path, typer.Argument(help="A list of blocks: JSON, or a table (CSV).")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Block what the list names; without it, it is only shown.")
    ] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what a list of blocks would do here; with --yes do it, an act for each line."""
    from .. import desk_lists

    value = run(desk_lists.take_in(folder, file, sure=yes))
    shown = desk_lists.rows(value["lines"], "does", "subject", "until", "why", otherwise="The list is empty.")
    done = f"{len(value['blocked'])} blocks were made." if yes else "Nothing was changed. Add --yes to block these."
    say(value, as_json, f"{shown}\n{done}")


# Letters


@letters_app.command("list")
def letters_list(
    state: Annotated[State | None, typer.Option(help="Only letters in this state.")] = None,
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the newest letters: what waits, was sent, was refused or given up, and how often it was tried."""
    from .. import desk_lists

    value = run(desk_lists.letters(folder, most, state.value if state else ""))
    names = ("name", "at", "state", "kind", "address", "tries", "said")
    say(value, as_json, desk_lists.rows(value["letters"], *names, otherwise="No letters."))


@letters_app.command("people")
def letters_people(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show who agreed to get letters, about which node, and how they agreed."""
    from .. import desk_lists

    value = run(desk_lists.letters(folder, 1, ""))["people"]
    shown = desk_lists.rows(value, "name", "address", "node", "lang", "agreed", "how", otherwise="Nobody yet.")
    say({"people": value}, as_json, shown)


@letters_app.command("agree")
def letters_agree(
    address: Annotated[str, typer.Argument(help="Their mail address.")],
    how: Annotated[str, typer.Option(help="How they agreed, such as: by telephone.")],
    node: Annotated[str, typer.Option(help="About which node; hub for people of this hub.")] = "hub",
    lang: Annotated[str, typer.Option(help="In which language, such as fr.")] = "en",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write down that somebody agreed to get letters. The audit log has no address."""
    _act(folder, as_json, f"{address} gets letters.", "correspond", node, does="agree", address=address, lang=lang,
         how=how)  # fmt: skip


@letters_app.command("end")
def letters_end(
    name: Name,
    forget: Annotated[bool, typer.Option("--forget", help="Leave nothing of their address here.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write to somebody no more; what waits for them is withdrawn."""
    does = "forget" if forget else "end"
    done = f"{name} is forgotten here." if forget else f"{name} gets no more letters."
    _act(folder, as_json, done, "correspond", f" {name}", does=does)


@letters_app.command("retry")
def letters_retry(name: Name, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Send a letter again that was refused or given up."""
    _act(folder, as_json, f"The letter {name} is sent again in the next round.", "letter_retry", name)


# Campaigns


@campaign_app.command("list")
def campaign_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what was asked and answered, and the answers that somebody has to look at."""
    from .. import desk_lists

    value = run(desk_lists.campaigns(folder))
    asked = desk_lists.rows(value["campaigns"], "id", "made", "name", "asked", "answered", otherwise="None yet.")
    opened = desk_lists.rows(value["open"], "at", "answer", "subject", "note", otherwise="No answer waits.")
    say(value, as_json, f"{asked}\n\n{opened}")


@campaign_app.command("begin")
def campaign_begin(
    name: Annotated[str, typer.Argument(help="What you call it; people see it.")],
    node: Annotated[str, typer.Option(help="Only records of this node.")] = "",
    type_: Annotated[str, typer.Option("--type", help="Only records of this type.")] = "",
    months: Annotated[int, typer.Option(min=1, help="Not confirmed for so many months.")] = 6,
    yes: Yes = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Ask the people behind records whether these are still correct: a letter to each who agreed."""
    if not yes:
        confirm(f"Send letters for {name}?", "Nothing was sent. Add --yes to send the letters.")
    _act(folder, as_json, f"The letters of {name} wait to be sent.", "campaign", "", name=name, node=node, type=type_,
         months=months, by="command")  # fmt: skip


@campaign_app.command("looked-at")
def campaign_looked_at(
    answer: Annotated[str, typer.Argument(help="The answer, as `campaign list` names it.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that you have looked at an answer."""
    _act(folder, as_json, "Nobody is asked to look at this answer any more.", "looked_at", answer)


# Reports


@reports_app.command("list")
def reports_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what readers report as wrong or did not find, the oldest first."""
    from .. import desk_lists

    value = run(desk_lists.reports(folder))
    lines = []
    for one in value["reports"]:
        lines.append(f"{one['subject']}  {one['at'][:10]}  {one['what']}")
        lines += [f"    {words}" for words in (one["words"], one["reply"] and f"answer to: {one['reply']}") if words]
    say(value, as_json, "\n".join(lines) or "No report waits.")


@reports_app.command("done")
def reports_done(
    report: Annotated[str, typer.Argument(help="The report, as `reports list` names it.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say that you have looked at a report. Nothing of it is kept."""
    _act(folder, as_json, "The report is deleted.", "report_done", report)


# Sources


@source_app.command("list")
def source_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show every node and hub that records come from, the one that needs somebody most first."""
    from .. import desk_lists

    value = run(desk_lists.sources(folder))
    lines = []
    for one in value["sources"]:
        how = [f"{way['way']} {way['level']} {way['outcome']}".rstrip() for way in one["directions"]]
        how += [f"{len(one['alarms'])} alarms"] if one["alarms"] else []
        brake = one["brake"]
        how += [f"dropped {brake['leaving']} of {brake['live']}"] if brake and not brake["released"] else []
        lines.append(f"{one['id']}  {one['name']}  {', '.join(how)}")
    say(value, as_json, "\n".join(lines) or "None yet.")


@source_app.command("look")
def source_look(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say that what a source has ended or renamed all at once is meant; the alarm ends."""
    from .. import desk_lists

    found = run(desk_lists.look(folder, source))
    say({"source": source, "alarms": found}, as_json, f"{found} alarms of {source} were looked at.")


@source_app.command("stop")
def source_stop(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Ask a source no more until it is resumed; what came of it stays."""
    _act(folder, as_json, f"{source} is not asked any more.", "source_stop", source)


@source_app.command("resume")
def source_resume(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Ask a source again, at once."""
    _act(folder, as_json, f"{source} is asked again.", "source_resume", source)


@source_app.command("retry")
def source_retry(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Ask a source now, whatever pause it has."""
    _act(folder, as_json, f"{source} is asked in the next round.", "source_retry", source)


@source_app.command("keep")
def source_keep(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Keep what another hub's feed has dropped; you are asked again when it drops more."""
    _act(folder, as_json, f"What {source} dropped stays here.", "brake_keep", source)


@source_app.command("ask")
def source_ask(source: Source, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Take back `keep`: what another hub's feed has dropped waits for a decision again."""
    _act(folder, as_json, f"What {source} dropped waits for a decision.", "brake_ask", source)


@source_app.command("release")
def source_release(source: Source, yes: Yes = False, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Let what another hub's feed has dropped leave here too, in its next round."""
    if not yes:
        confirm(f"Let go what {source} dropped?", "Nothing was changed. Add --yes to let these records go.")
    _act(folder, as_json, f"What {source} dropped leaves here in the next round.", "brake_release", source)


# Subscriptions


@subscriptions_app.command("list")
def subscriptions_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show who is told when the public feed has grown, and how it goes."""
    from .. import desk_lists

    value = run(desk_lists.subscriptions(folder))
    names = ("id", "host", "state", "failed", "why")
    say(value, as_json, desk_lists.rows(value["subscriptions"], *names, otherwise="None yet."))


@subscriptions_app.command("retry")
def subscriptions_retry(subscription: Name, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Call a portal now that failed, or ask one anew that was switched off."""
    _act(folder, as_json, "The portal is called in the next round.", "subscription_retry", subscription)


@subscriptions_app.command("end")
def subscriptions_end(subscription: Name, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Tell a portal no more. It may subscribe anew."""
    _act(folder, as_json, "The portal is not told any more.", "subscription_end", subscription)


# Pairs


@pair_app.command("answer")
def pair_answer(
    one: Record,
    other: Record,
    said: Annotated[Literal["unsure", "later"], typer.Argument(help="Nobody can say; or ask again on a day.")],
    until: Annotated[str, typer.Option(help="With later: the day, YYYY-MM-DD.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer about two records without deciding; `say same` and `say not-same` decide."""
    when = f"asked again on {until}" if said == "later" else "not asked again"
    _act(folder, as_json, f"Kept as {said}: {when}.", "answer", f"{one} {other}", answer=said, until=until)


@pair_app.command("answers")
def pair_answers(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show what was answered with unsure or later, to come back to it."""
    from .. import desk_lists

    value = run(desk_lists.answers(folder))
    lines = [f"{one['answer']}  {one['until']}  {' '.join(one['records'])}" for one in value["answers"]]
    say(value, as_json, "\n".join(lines) or "None.")


@pair_app.command("ask")
def pair_ask(one: Record, other: Record, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Take an answer back: the two records are in the queue again."""
    _act(folder, as_json, "The two records are in the queue again.", "unanswer", f"{one} {other}")


@pair_app.command("split")
def pair_split(record: Record, reason: Why = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say of a record that it is not the same as any other of its entry. `acts undo` joins it again."""
    _act(folder, as_json, f"{record} is out of its entry.", "split", record, reason)
