"""The commands by which an operator decides what is taken, shown in which feed, and read by whom; see decisions.py."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from ..shell import HERE, AsJson, Folder, confirm, run, say
from .peers import peer_app

policy_app: typer.Typer = typer.Typer(no_args_is_help=True, help="What this hub takes into its public feed.")
view_app: typer.Typer = typer.Typer(no_args_is_help=True, help="Feeds beside the public one, each with a part of it.")
reader_app: typer.Typer = typer.Typer(no_args_is_help=True, help="Who may read the restricted feeds.")

PolicyFile = Annotated[Path, typer.Argument(help="A policy file; see docs/spec/policies.md.")]
Yes = Annotated[bool, typer.Option("--yes", help="You have seen how much would leave.")]


@policy_app.command("show")
def show(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Print the policy that is in place."""
    from .. import decisions

    value = run(decisions.show(folder))
    say(value, as_json, decisions.show_words(value))


@policy_app.command("check")
def check(file: PolicyFile, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Say what a policy would change; nothing is."""
    from .. import decisions

    value = run(decisions.check(folder, file))
    say(value, as_json, decisions.effect_words(value))


@policy_app.command("use")
def use(file: PolicyFile, yes: Yes = False, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Put a policy in place: what does not fit leaves the public feed, what fits now enters."""

    _decide(folder, file, "", yes, as_json)


@peer_app.command("policy")
def peer_policy(
    peer: Annotated[str, typer.Argument(help="The peer's identifier.")],
    file: PolicyFile,
    yes: Yes = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what is taken from a peer: what does not fit leaves, what fits now enters."""

    _decide(folder, file, peer, yes, as_json)


@peer_app.command("release")
def peer_release(
    peer: Annotated[str, typer.Argument(help="The peer's identifier.")],
    yes: Yes = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let go what a peer's feed has dropped, after you have looked."""
    from .. import acting, decisions

    waiting = run(decisions.waiting(folder, peer))
    sentence = f"{waiting.leaving} of {waiting.live} records taken from {peer} leave this hub's feed."
    if not yes:
        confirm(f"{sentence} Let them go?", f"Nothing was changed. {sentence} Add --yes if this is meant.")
    run(acting.noted(folder, "policy", peer, "", lambda: decisions.release(folder, peer), release=waiting.leaving))
    say({"peer": peer, "leaving": waiting.leaving, "live": waiting.live}, as_json, sentence)


def _decide(folder: Any, file: Path, peer: str, yes: bool, as_json: bool) -> None:
    """Carry out what needs the operator's word only when much would leave."""
    from .. import acting, decisions

    def work(sure: bool) -> Any:
        use = partial(decisions.use, folder, file, peer=peer, sure=sure)
        return run(acting.noted(folder, "policy", peer, "", use, file=file.name))

    try:
        value = work(yes)
    except decisions.NeedsTheOperator as much:
        confirm(f"{much}\nPut this policy in place?", f"Nothing was changed. {much} Add --yes if this is meant.")
        value = work(True)
    say(value, as_json, decisions.effect_words(value))


@view_app.command("add")
def view_add(
    name: Annotated[str, typer.Argument(help="Small letters, digits and hyphens, such as services-ma.")],
    file: Annotated[Path | None, typer.Argument(help="A policy file; without it, everything of the audience.")] = None,
    audience: Annotated[str, typer.Option(help="public, partners or hub.")] = "public",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Add a feed with a part of what this hub holds, or give the one of this name another policy."""
    from .. import acting, decisions

    adding = partial(decisions.add_view, folder, name, file, audience)
    value = run(acting.noted(folder, "view", name, "", adding, audience=audience))
    words = f"The feed {name} is served at {value['address']}" + (" with a token." if audience != "public" else ".")
    say(value, as_json, words)


@view_app.command("list")
def view_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Print the feeds beside the public one."""
    from .. import decisions

    views = run(decisions.views(folder))
    lines = [f"{one['name']}  {one['audience']}  {one['policy'] or 'everything'}  {one['address']}" for one in views]
    say({"views": views}, as_json, "\n".join(lines) or "There are none.")


@view_app.command("remove")
def view_remove(
    name: Annotated[str, typer.Argument(help="The feed's name.")], folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Serve a feed no longer. What was published of it stays in the hub's folder until you delete it."""
    from .. import acting, decisions

    kept = run(acting.noted(folder, "view", name, "", partial(decisions.remove_view, folder, name), remove=True))
    say({"name": name, "kept": kept}, as_json, f"The feed {name} is served no longer. Its files are still in {kept}.")


@reader_app.command("add")
def reader_add(
    source: Annotated[str, typer.Argument(help="An identifier known here, or an address, a folder, a keys.json.")],
    audience: Annotated[str, typer.Option(help="partners or hub.")],
    yes: Annotated[bool, typer.Option("--yes", help="You have compared the identifier with the reader.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Let a node or a hub read a restricted feed with a token of its own key."""
    from .. import acting, decisions

    ring = run(decisions.keys_of(folder, source))
    if not yes and ring.id != source:
        asked = f"The reader is\n\n    {ring.id}\n\nDoes it say the same?"
        confirm(asked, f"Nothing was changed. Compare this identifier with the reader and add --yes: {ring.id}")
    adding = partial(decisions.add_reader, folder, ring, audience)
    run(acting.noted(folder, "reader", ring.id, "", adding, audience=audience))
    say({"id": ring.id, "audience": audience}, as_json, f"{ring.id} may read what is for {audience}.")


@reader_app.command("remove")
def reader_remove(
    id: Annotated[str, typer.Argument(help="The reader's identifier.")],
    audience: Annotated[str, typer.Option(help="partners or hub.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take a right to read back; tokens that are out end at once."""
    from .. import acting, decisions

    removing = partial(decisions.remove_reader, folder, id, audience)
    run(acting.noted(folder, "reader", id, "", removing, audience=audience, remove=True))
    say({"id": id, "audience": audience}, as_json, f"{id} may not read what is for {audience} any more.")


@reader_app.command("list")
def reader_list(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Print who may read which restricted feed."""
    from .. import decisions

    readers = run(decisions.readers(folder))
    lines = [f"{one['id']}  {one['audience']}  since {one['since']}" for one in readers]
    say({"readers": readers}, as_json, "\n".join(lines) or "There are none.")
