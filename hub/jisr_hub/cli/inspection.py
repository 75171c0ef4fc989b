"""Looking at a hub from outside its serving: status, rebuild, judging again; `check` stands in checking.py."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jisr_protocol import identifiers

from .. import config
from ..app.folder import PUBLIC, gate_of, now, read_identity, read_seen
from ..ports import Member, Said
from ..publish.feed import Publisher
from ..storage.curation import SqlCuration
from ..storage.fence import FileFence
from ..storage.folder import FolderPages
from ..storage.rebuild import rebuild_records
from ..storage.search import SqlDocuments
from ..storage.sql import SqlLedger
from . import mirroring, pulling
from .changing import by_itself
from .checking import check as check
from .setting_up import alone, check_there, opened, why_fenced


async def status(folder: Path) -> dict[str, Any]:
    """The hub's facts as one JSON object."""
    check_there(folder)
    settings = config.read(folder)
    who = read_identity(folder, settings)
    async with opened(folder) as ledger:
        published = await ledger.published()
        members = await ledger.members()
        async with ledger.reading() as view:
            size, live_count = view.size, await view.live()
        nodes = [await _node(ledger, member.node) | _ways(member, who.id) for member in members]
        peers = await ledger.peers()
        pulls = await ledger.pulls()
        notices = await ledger.notices()
        fenced = await why_fenced(folder, ledger)
    return {
        "id": who.id,
        "name": settings.name,
        "size": size,
        "live": live_count,
        "fenced": fenced,
        "mirror": mirroring.facts(folder, settings, published.head if published else None),
        "seen_ahead": read_seen(folder).warning(published.head if published else None),
        "published": published.head.size if published else 0,
        "state_root": published.head.state_root if published else None,
        "head_time": identifiers.to_instant(published.head.time) if published else None,
        "nodes": nodes,
        "advice": [_advice(said) for said in notices if not said.guards],
        "pulls": [asdict(pull) for pull in pulls],
        "peers": [{name: getattr(p, name) for name in p.__dataclass_fields__} for p in peers],
    }


def _ways(member: Member, here: str) -> dict[str, str]:
    return {"name": member.name, "home": member.home_hub(here), "upstream": member.upstream}


async def _node(ledger: SqlLedger, node: str) -> dict[str, Any]:
    feeds = {}
    for name in identifiers.FEED_AUDIENCES:
        log = await ledger.node_log(node, name)
        if log.epoch is not None:
            waiting = await ledger.judged(node, name)
            feeds[name] = {
                "size": log.frontier.size,
                "quarantined": [
                    {"seq": k.seq, "code": k.code, "pointer": k.pointer, "detail": k.detail} for k in waiting
                ],
            }
    return {"node": node, "feeds": feeds}


def _advice(said: Said) -> dict[str, Any]:
    """A notice that binds nobody here: the operator decides."""
    n = said.notice
    wanted = {"by": n.by, "node": n.node, "ids": list(n.targets), "max_rev": n.max_rev}
    return {**wanted, "action": n.action, "basis": n.envelope.value["basis"], "at": said.at}


def status_words(value: dict[str, Any]) -> str:
    """The facts for a person."""
    lines = [
        f"{value['name']}  {value['id']}",
        f"{value['live']} live records in {value['size']} entries; published up to {value['published']}",
        "",
    ]
    if value["mirror"]:
        lines[2:2] = [mirroring.words(value["mirror"])]
    if value["fenced"]:
        lines[2:2] = ["", f"FENCED  {value['fenced']}"]
    if value["seen_ahead"]:
        lines[2:2] = ["", f"WARN  {value['seen_ahead']}"]
    for node in value["nodes"]:
        waiting = sum(len(feed["quarantined"]) for feed in node["feeds"].values())
        where = f"by way of {node['upstream']}" if node["upstream"] else "admitted here"
        lines.append(f"node  {node['name'] or node['node']}  {where}" + (f"  {waiting} quarantined" if waiting else ""))
    for said in value["advice"]:
        lines.append(
            f"asked  {said['by']} asks to {said['action']} {', '.join(said['ids'])} of {said['node']}: "
            f"{said['basis']}. It binds nobody here; to do it: jisr-hub erase"
        )
    for peer in value["peers"]:
        seen = f"{peer['last_outcome'] or 'not asked yet'} {peer['last_at']}"
        lines.append(f"peer  {peer['name']}  {seen}  {peer['last_detail']}".rstrip())
    lines += pulling.lines(value["pulls"])
    return "\n".join(lines)


async def rebuild(folder: Path) -> dict[str, Any]:
    """Delete records, pages and head and compute them from the log. The hub must not be serving."""
    check_there(folder)
    who = read_identity(folder, config.read(folder))
    async with alone(folder) as ledger:
        settings = config.read(folder)
        gate = gate_of(folder, settings, who, ledger)
        await gate.check()
        await rebuild_records(ledger)
        curation = SqlCuration(ledger, who.id)
        await curation.rebuild_begun(identifiers.to_instant(now())[:10])
        await SqlDocuments(ledger, curation).forget()
        shutil.rmtree(folder / PUBLIC, ignore_errors=True)
        fence = FileFence(config.fence_file(folder, settings))
        publisher = Publisher(who, ledger, FolderPages(folder / PUBLIC), now, fence=fence)
        await publisher.begin()
        head = await publisher.publish_again()
    return {"entries": head.size, "live": head.live, "state_root": head.state_root}


async def rejudge(folder: Path) -> dict[str, Any]:
    """Judge every quarantined entry of every admitted node again. The hub must not be serving."""
    judged = admitted = 0
    async with by_itself(folder) as running:
        for member in await running.ledger.members():
            for name in identifiers.FEED_AUDIENCES:
                outcome = await running.hub.rejudge(member.node, name)
                judged += len(outcome.kept)
                admitted += len(outcome.kept) - len(outcome.quarantined)
    return {"judged": judged, "admitted": admitted}
