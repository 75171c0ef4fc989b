"""What can happen in the world, one thing at a time. Every step reads its decisions off one number, 0 being nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from jisr_hub import log as hub_log
from jisr_hub.ports import Change, Held, Remembered
from jisr_node.errors import HubRefused, HubUnreachable
from jisr_protocol import entry as entries
from jisr_protocol import envelope, identifiers
from jisr_protocol import head as heads
from jisr_protocol.limits import HUB_HEAD_HOURS

from .actors import Death, HubActor, NodeActor, Numbers, Site, Trouble, at_once
from .check import hold

if TYPE_CHECKING:
    from .world import World

AUDIENCES = ("public", "public", "partners", "hub", "local")
WORDS = ("جمعية الأمل", "Maison des jeunes", "Huis van de Wijk", "ⴰⵙⵏⵓⵍⴼⵓ", "Casa de todos", "Dar Chabab")
ORGANIZATION = "org.jisr.organization/1"
OF_TOMORROW = "org.example.raft/1"
LATER_MAJOR = "org.jisr.service/2"
LATE = {"seq_gap", "head_older", "key_revoked"}
"""What a hub may answer to an old push: it begins behind a gap, its head is older than the one held, or it was signed
by a key that has been retired since."""

MISDATED = {"clock_skew", "head_older"}
"""And to one whose head was dated by a clock gone wrong."""

Step = Callable[["World", Numbers], None]


def happen(world: World, numbers: Numbers) -> None:
    """Let the one thing happen that these decisions say."""
    kind = numbers.pick(len(_TABLE))
    world.seen[_TABLE[kind].__name__] = world.seen.get(_TABLE[kind].__name__, 0) + 1
    _TABLE[kind](world, numbers)


def nothing(world: World, numbers: Numbers) -> None:
    """Time passes without anything; what a failing run shrinks to."""


# People at nodes


def _draft(world: World, numbers: Numbers, audience: str) -> dict[str, Any]:
    text = f"{numbers.one_of(WORDS)} {world.steps}"
    return {"type": ORGANIZATION, "name": text, "audience": audience}


def _does(world: World, actor: NodeActor, act: Callable[[], Any]) -> bool:
    """Do something at a node that may die of it; say whether it was committed."""
    try:
        act()
    except Death as death:
        world.dies(actor, death)
        return str(death) == "committed, and nobody told"
    return True


def add(world: World, numbers: Numbers) -> None:
    """A person writes one to three new records."""
    actor = numbers.one_of(world.nodes)
    audiences = [numbers.one_of(AUDIENCES) for _ in range(1 + numbers.pick(3))]
    drafts = [
        {**_draft(world, numbers, audience), "source": {"local_id": f"{world.steps}-{i}"}}
        for i, audience in enumerate(audiences)
    ]
    if _does(world, actor, lambda: actor.node.import_drafts(drafts)):
        for draft, audience in zip(drafts, audiences, strict=True):
            found = actor.node.find(f"local:organization/{draft['source']['local_id']}")
            actor.wanted[found] = audience
        world.note(f"{actor.label} adds {len(drafts)}: {', '.join(audiences)}", "added")


def _record(actor: NodeActor, numbers: Numbers) -> str | None:
    known = [id_ for id_ in actor.wanted if id_ not in actor.newer]
    return numbers.one_of(known) if known else None


def edit(world: World, numbers: Numbers) -> None:
    """A person changes a record: its words, or who may see it."""
    actor = numbers.one_of(world.nodes)
    record_id = _record(actor, numbers)
    if record_id is None:
        return
    audience = numbers.one_of((actor.wanted[record_id], *AUDIENCES))
    draft = _draft(world, numbers, audience)
    if _does(world, actor, lambda: actor.node.edit(record_id, draft)):
        world.note(f"{actor.label} edits {record_id} for {audience}", "edited")
        actor.wanted[record_id] = audience


def narrow(world: World, numbers: Numbers) -> None:
    """A person takes a public record back to fewer readers."""
    actor = numbers.one_of(world.nodes)
    public = [id_ for id_, a in actor.wanted.items() if a == "public" and id_ not in actor.newer]
    if not public:
        return
    record_id, audience = numbers.one_of(public), numbers.one_of(("partners", "hub", "local"))
    if _does(world, actor, lambda: actor.node.edit(record_id, _draft(world, numbers, audience))):
        world.note(f"{actor.label} narrows {record_id} to {audience}", "narrowed")
        actor.wanted[record_id] = audience


def delete(world: World, numbers: Numbers) -> None:
    actor = numbers.one_of(world.nodes)
    record_id = _record(actor, numbers)
    if record_id is not None and _does(world, actor, lambda: actor.node.delete(record_id)):
        world.note(f"{actor.label} deletes {record_id}", "deleted")
        del actor.wanted[record_id]


def end(world: World, numbers: Numbers) -> None:
    actor = numbers.one_of(world.nodes)
    record_id = _record(actor, numbers)
    if record_id is not None:
        _does(world, actor, lambda: actor.node.end(record_id))
        world.note(f"{actor.label} ends {record_id}", "ended")


def revive(world: World, numbers: Numbers) -> None:
    """A person writes again what was deleted and published as such: its rev goes on rising. Else one is deleted."""
    actor = numbers.one_of(world.nodes)
    gone = [r.id for r in actor.node.store.records() if r.content is None and r.id not in actor.wanted]
    if not gone:
        delete(world, numbers)
        return
    record_id, audience = numbers.one_of(gone), numbers.one_of(AUDIENCES)
    if _does(world, actor, lambda: actor.node.edit(record_id, _draft(world, numbers, audience))):
        world.note(f"{actor.label} revives {record_id} for {audience}", "revived")
        actor.wanted[record_id] = audience


def publish(world: World, numbers: Numbers) -> None:
    actor = numbers.one_of(world.nodes)
    _publish(world, actor)


def _publish(world: World, actor: NodeActor) -> None:
    _does(world, actor, lambda: actor.node.publish(now=actor.now()))
    world.note(f"{actor.label} publishes", "published")


def push(world: World, numbers: Numbers) -> None:
    """A node brings its feeds to its home over a line that may be bad."""
    actor = numbers.one_of(world.nodes)
    _push(world, actor, numbers)


def _push(world: World, actor: NodeActor, numbers: Numbers) -> None:
    trouble = numbers.one_of(("none", "none", "none", "lost", "answer lost", "twice", "delayed", "public lost"))
    world.note(f"{actor.label} pushes ({trouble})", f"push {trouble}")
    refused = world.push(actor, trouble)
    allowed = MISDATED if actor.clock_was_wrong else set()
    hold(set(refused) <= allowed, f"{actor.label}'s push is refused: {refused}")


def sync(world: World, numbers: Numbers) -> None:
    actor = numbers.one_of(world.nodes)
    _publish(world, actor)
    _push(world, actor, numbers)


def late(world: World, numbers: Numbers) -> None:
    """An old push arrives: once more, or for the first time, in whatever order."""
    if world.bag:
        arrive(world, numbers.pick(len(world.bag)))


def arrive(world: World, number: int) -> None:
    hub, node, feed, body = world.bag[number]
    try:
        world.deliver(hub, node, feed, body)
        world.note(f"an old push of {node[:12]} ({feed}) arrives at {hub.label}", "late push taken")
    except HubRefused as refused:
        world.note(f"an old push of {node[:12]} ({feed}) is refused: {refused}", f"late push refused: {refused.code}")
        hold(refused.code in LATE | MISDATED, f"{hub.label} refuses an old push: {refused}")
    except HubUnreachable:
        pass


def stranger(world: World, numbers: Numbers) -> None:
    """Somebody who saw a node's lines brings them before the node does, one bit of one signature changed."""
    actor = numbers.one_of(world.nodes)
    feed, hub = actor.node.store.feed("public"), world.home_of(actor.node.id)
    held = at_once(hub.ledger.node_log(actor.node.id, "public")).frontier.size
    if feed is None or held == 0 or feed.size == held:
        return
    body = actor.node.next_push("public", held)
    head, *lines = (body or b"").split(b"\n")
    places = [i for i, line in enumerate(lines) if b'"op":"put"' in line or b'"op":"del"' in line]
    if not places:
        return
    place = numbers.one_of(places)
    before, mark, rest = lines[place].partition(b'"jws":"')
    at = rest.index(b"..") + 2 + numbers.pick(80)
    lines[place] = before + mark + rest[:at] + (b"A" if rest[at : at + 1] != b"A" else b"B") + rest[at + 1 :]
    world.bent.add((actor.node.id, held + place))
    try:
        world.deliver(hub, actor.node.id, "public", b"\n".join((head, *lines)))
        world.note(f"a stranger bends entry {held + place} of {actor.label}", "bent by a stranger")
    except HubRefused as refused:
        hold(refused.code in MISDATED, f"{hub.label} refuses a stranger's push: {refused}")
    except HubUnreachable:
        pass


def rotate(world: World, numbers: Numbers) -> None:
    """A node adds a signing key and retires its old one, when it has published."""
    actor = numbers.one_of(world.nodes)
    if actor.node.store.feed("public") is not None and len(actor.identities) < 4:
        _does(world, actor, actor.rotate)
        if actor.node.identity.key.kid not in actor.node.identity.ring.keys:
            raise AssertionError("the key in use is one of the ring")
        world.note(f"{actor.label} rotates its key", "rotated")


def tomorrow(world: World, numbers: Numbers) -> None:
    """A node of a later version writes what nobody here knows: a type, a member, a later major, an op."""
    actor = numbers.one_of(world.nodes)
    if actor.node.store.feed("public") is None:
        return
    what = numbers.pick(4)
    if what == 0:
        _does(world, actor, lambda: actor.write_unknown_op(world.steps))
        world.note(f"{actor.label} writes an unknown op", "unknown op")
        return
    fresh = identifiers_from(world, actor)
    old = [id_ for id_ in actor.newer if id_ not in actor.waiting]
    record_id = numbers.one_of(old) if old and what == 1 else fresh
    if what == 3:
        actor.waiting.add(record_id)
    type_name = LATER_MAJOR if what == 3 else OF_TOMORROW
    before = dict(actor.newer), dict(actor.wanted)
    try:
        actor.write_newer(type_name, record_id, extra=bool(numbers.pick(2)))
    except Death as death:
        actor.newer, actor.wanted = before
        if str(death) == "committed, and nobody told":
            actor.newer[record_id] = actor.newer.get(record_id, 0) + 1
            actor.wanted[record_id] = "public"
        world.dies(actor, death)
    world.note(f"{actor.label} writes {type_name}", "later major" if what == 3 else "unknown type")


def identifiers_from(world: World, actor: NodeActor) -> str:
    """A record id of the world's own chance."""
    digits = actor.chance.randbytes(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


# Hubs and readers


def publish_hub(world: World, numbers: Numbers) -> None:
    hub = numbers.one_of(world.hubs)
    world.note(f"{hub.label} publishes", "hub published")
    world.publish_hub(hub)


def follow(world: World, numbers: Numbers) -> None:
    """A hub asks a peer."""
    hub, peer = numbers.one_of(world.edges)
    world.follow(hub, peer, _trouble(peer, numbers))


def minute(world: World, numbers: Numbers) -> None:
    """A hub publishes and another follows it, as they do all the time."""
    hub, peer = numbers.one_of(world.edges)
    world.publish_hub(peer)
    world.follow(hub, peer, _trouble(peer, numbers))


def read(world: World, numbers: Numbers) -> None:
    reader = numbers.one_of(world.readers)
    if numbers.pick(2):
        world.publish_hub(reader.hub)
    world.read(reader, _trouble(reader.hub, numbers))


def _trouble(hub: HubActor | Site, numbers: Numbers) -> Trouble:
    """A line may be cut at the n-th file, miss or bend pages once, or serve an old head, once or for good."""
    kind = numbers.one_of(("none", "none", "none", "cut", "missing", "flipped", "stale", "stuck"))
    shown = hub.pages.shown
    if kind in ("stale", "stuck"):
        if not shown:
            return Trouble()
        return Trouble(kind, old_head=shown[numbers.pick(len(shown))])
    return Trouble(kind, numbers.pick(64) if kind == "flipped" else numbers.pick(4))


def roll_back(world: World, numbers: Numbers) -> None:
    """A hub signs anew, dated now, a head for less than a reader has seen: the reader keeps what it has, and proof."""
    reader = numbers.one_of([reader for reader in world.readers if not isinstance(reader.hub, Site)])
    seen = world.checker.copies.get(reader.file)
    smaller = [h for h in map(heads.parse, reader.hub.pages.shown) if seen is not None and h.size < seen.size]
    if not smaller:
        return
    old, hub = numbers.one_of(smaller), reader.hub
    later = max(heads.parse(raw).time for raw in hub.pages.shown) + timedelta(seconds=1)
    forged = heads.write(
        hub.identity.key,
        by=old.by,
        name=old.name,
        epoch=old.epoch,
        size=old.size,
        live=old.live,
        log_root=bytes.fromhex(old.log_root),
        state_root=bytes.fromhex(old.state_root),
        time=later,
        valid_for=timedelta(hours=HUB_HEAD_HOURS),
        next_in=timedelta(minutes=5),
    )
    trouble = Trouble("stuck", old_head=forged.raw)
    world.read_rollback(reader, trouble)


def lie(world: World, numbers: Numbers) -> None:
    """A hub invents what an author never signed: it bends a record of its node, under its own id or a new one."""
    if not world.liars:
        return
    hub = world.liars[0]
    _publish(world, world.nodes[-1])
    world.push(world.nodes[-1], "none")
    puts = [n for n in hub.ledger._s.entries if n.draft.op == "put" and n.draft.digest not in hub.forged]
    if not puts:
        return
    genuine = entries.parse(numbers.one_of(puts).line)
    value = dict(genuine.thing.value) if genuine.thing else {}
    value["status"] = "ended"
    if numbers.pick(2):
        value["id"] = identifiers_from(world, world.nodes[-1])
    else:
        # above all the author has said so far: what the liar then refuses of the author is the liar's own affair
        value["rev"] += 1 + numbers.pick(3)
    held = at_once(hub.ledger.held("public", [(value["node"], value["id"])])).get((value["node"], value["id"]))
    if held is not None and held.rev >= value["rev"]:
        return
    body = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    bent = envelope.Envelope("record", genuine.thing.jws if genuine.thing else "", body, value)
    line = entries.parse(entries.write("put", bent, seq=0, at=genuine.at))
    hub.forged.add(bent.digest)
    draft = hub_log.draft(line, src=genuine.src or ("public", "", 0))
    now_held = Held(value["rev"], bent.digest, value["type"], True)
    remembered = Remembered(value["node"], value["id"], "public", now_held)
    change = Change(identifiers.to_instant(hub.now()), [draft], [remembered])
    try:
        at_once(hub.ledger.store(change, hub_log.number))
    except Death as death:
        world.dies(hub, death)
    world.note(f"{hub.label} bends {value['id']}", "lied")


# What befalls them


def node_dies(world: World, numbers: Numbers) -> None:
    """A node will die at one of its next durable steps, or is started anew at once."""
    actor = numbers.one_of(world.nodes)
    if numbers.pick(4):
        actor.life.left = numbers.pick(8)
    else:
        actor.restart()


def hub_dies(world: World, numbers: Numbers) -> None:
    hub = numbers.one_of(world.hubs)
    if numbers.pick(4):
        hub.life.left = numbers.pick(12)
    else:
        hub.start()


def reader_dies(world: World, numbers: Numbers) -> None:
    numbers.one_of(world.readers).life.left = numbers.pick(5)


def disk_full(world: World, numbers: Numbers) -> None:
    """The n-th file a hub writes from now on does not fit; the process goes on and tries again later."""
    numbers.one_of(world.hubs).pages.room = numbers.pick(6)


def time_passes(world: World, numbers: Numbers) -> None:
    hours = numbers.one_of((0.001, 0.01, 0.2, 1, 13, 30, 24 * 8))
    world.move_clock(timedelta(hours=hours))
    world.note(f"{hours} hours pass", "time passed")


def battery_empty(world: World, numbers: Numbers) -> None:
    """A node's clock goes wrong by an hour, days or years; the next time it is set right."""
    actor = numbers.one_of(world.nodes)
    hours = numbers.one_of((1, -1, 30, -30, 24 * 400, -24 * 9000))
    actor.wrong = timedelta() if actor.wrong else timedelta(hours=hours)
    actor.clock_was_wrong = True
    world.note(f"{actor.label}'s clock is wrong by {actor.wrong}", "battery empty")


def clock_is_set(world: World, numbers: Numbers) -> None:
    world.move_clock(-timedelta(seconds=1 + numbers.pick(200)))
    world.note("the clock steps back", "clock back")


_TABLE: tuple[Step, ...] = (
    *(nothing, add, sync, minute, read, edit, narrow, delete, publish, push, publish_hub, follow),
    *(add, add, sync, sync, sync, sync, minute, minute, minute, edit, edit, narrow, read, read, push, late, late),
    *(time_passes, end, revive, revive, rotate, tomorrow, tomorrow, node_dies, hub_dies, hub_dies, reader_dies),
    *(clock_is_set, disk_full, lie, lie, roll_back, stranger, stranger, battery_empty),
)
