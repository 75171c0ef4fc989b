"""What happens to an entry between arrival and the log: a list of named steps (docs/spec/ingest.md).

    limits · canonical · proof      of a whole push: it is refused, and nothing is stored
    erased · authority · attested · signature · rev · schema · policy
                                of an entry: it is quarantined with its reason, the rest proceeds
    append      all of it in one transaction

Pure: everything an entry is judged against is handed in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from jisr_protocol import entry as entries
from jisr_protocol import live, notice, push, schema, statement, validity
from jisr_protocol.authority import Standing
from jisr_protocol.entry import Entry
from jisr_protocol.keys import KeyRing, PublicKey
from jisr_protocol.limits import PER_NODE_DAY, PER_NODE_HOUR, REV_JUMP
from jisr_protocol.live import Order
from jisr_protocol.push import Extension, NodeLog, Opened, Push
from jisr_protocol.refusal import Refusal, refuse
from jisr_protocol.statement import Verified
from jisr_protocol.validity import Source

from . import log
from .nullification import Reckoning
from .ports import Draft, Erasure, Held, Kept, Key, Member, Position, Remembered, Told
from .ports.notices import HeldBack
from .takedown import holding

_PLAIN_MEMBERS = frozenset({"at", "jws", "op", "seq"})
NOTICES = ("erase", "hold", "unhold")
RESTRICTED = ("partners", "hub")
"""The feeds of a node that never show in the public one."""
UNHASHED = frozenset(
    {"signature_invalid", "header_invalid", "key_unknown", "key_revoked", "crit_unknown", "stub_without_cause"}
)
"""Codes of refusals for what the head's hash does not cover: a stranger may have bent it on the way, so the true line
is taken when it comes later, and asked for."""
UNTOLD = datetime(1970, 1, 1, tzinfo=UTC)
"""No notice is taken by whoever does not say what time it is."""
POLICY = "policy"
"""Why a record left, as its `out` entry says it."""
Policy = Callable[[Entry], str | None]
"""None when the record may pass, else the reason why not."""


def _unproven(_: Entry) -> Source | None:
    return None


def pass_all(_: Entry) -> str | None:
    """The policy of a hub that takes every record of its admitted nodes."""
    return None


@dataclass
class Known:
    """What was found of lines before their steps come, of each as it stands, by its bytes."""

    fitting: set[bytes] = field(default_factory=set)
    """Their records fit their schema."""
    signed: Mapping[bytes, str] = field(default_factory=dict)
    """Puts that need no key but the one of this kid, which signed them, and fit their schema (proving.py)."""

    def fits(self, entry: Entry) -> bool:
        return entry.raw in self.fitting or entry.raw in self.signed

    def signed_by(self, entry: Entry, verifiers: Mapping[str, PublicKey]) -> bool:
        """Whether the signature of an entry was found good under one of these keys, and it asks for nothing unknown."""
        kid = self.signed.get(entry.raw)
        return kid is not None and any(key.kid == kid and not key.revoked for key in verifiers.values())


@dataclass
class Bench:
    """What a batch of one writer is judged against; `held` moves along as entries are taken."""

    node: str
    name: str
    epoch: str
    ring: KeyRing
    held: dict[Key, Held]
    elsewhere: dict[Key, Held]
    policy: Policy = pass_all
    verifiers: dict[str, dict[str, PublicKey]] = field(default_factory=dict)
    known_statements: set[str] = field(default_factory=set)
    via: bytes | None = None
    home: bool = True
    bases: Sequence[Mapping[str, Any]] = ()
    """The earlier epochs of the writer's log that the one now told goes on from."""
    sources: Mapping[int, Position] = field(default_factory=dict)
    """Where in the writer's log the newer rev stands that is held, by the position of the entry it overtook."""
    guards: dict[Key, int | None] = field(default_factory=dict)
    """Up to which rev records are kept out, 0 for none; they too move along."""
    holds: dict[Key, int | None] = field(default_factory=dict)
    """Up to which rev records are held back, 0 for none; they move along as guards do."""
    last_notice: tuple[int, str] | None = None
    """(n, digest) of the writer's newest notice about itself in this feed."""
    newest_revs: Mapping[str, int] = field(default_factory=dict)
    """The highest rev held of what the notices of the batch name."""
    now: datetime = UNTOLD
    standing: Standing | None = None
    """How the writer is attested; None where nobody asks for it. It moves along when the writer names another home."""
    home_said: tuple[int, str] | None = None
    """(n, digest) of the newest word of the writer about its home hub."""
    moved: Callable[[Verified], Standing | None] | None = None
    """What its standing is once it has said this of its home; None where such a word does not count."""
    waited: bool = False
    """Whether the batch comes from what waited: then a stub in it was made here, by an erasure."""
    known: Known = field(default_factory=lambda: Known())
    place: Callable[[Entry], Source | None] = _unproven
    """Where an entry stands in its writer's own feed, where that is proven here."""

    def take_reckoning(self, reckoned: Reckoning) -> None:
        """Judge against what counts after a change of keys."""
        self.held |= reckoned.held(self.name)
        for other in ("public", *RESTRICTED):
            if other != self.name:
                self.elsewhere |= reckoned.held(other)
        self.guards = {key: reckoned.guards.get(key, 0) if key[0] == self.node else g for key, g in self.guards.items()}
        self.last_notice = reckoned.last_notices.get(self.name)

    def guarded(self, entry: Entry) -> bool:
        """Whether a guard keeps this put, del or stub out."""
        return guarded(self.guards, entry.node or "", entry.id or "", entry.rev or 0)

    @functools.cached_property
    def any_lost(self) -> bool:
        """Whether the writer ever lost a key: only then does the place of a record matter."""
        return any(state.last is not None or state.key.revoked for state in self.ring.keys.values())

    def keys(self, kind: str) -> dict[str, PublicKey]:
        if kind not in self.verifiers:
            self.verifiers[kind] = self.ring.verifiers(kind)
        return self.verifiers[kind]


@dataclass
class Outcome:
    """What a batch comes to: the node's log, the hub's entries without positions, the records as they then are."""

    kept: list[Kept] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    remembered: dict[tuple[str, str, str], Remembered] = field(default_factory=dict)
    erasures: list[Erasure] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    """What the writer said of its home hub."""
    back: list[HeldBack] = field(default_factory=list)
    """The content of puts that a hold keeps back."""
    duplicates: int = 0

    def keep(self, entry: Entry, line: bytes | None, refusal: Refusal | None = None) -> None:
        """Note an entry of the node's log; `line` where the hub's own feed does not hold its content."""
        hashed = push.line_hash(entry.raw)
        if refusal is None:
            self.kept.append(Kept(entry.seq, entry.leaf, line, line_hash=hashed))
        else:
            detail = f"expected {refusal.expected}; came {refusal.came}"
            self.kept.append(Kept(entry.seq, entry.leaf, line, refusal.code, refusal.pointer, detail, hashed))

    def finish(self, reckoned: Reckoning | None) -> None:
        """Put what a change of keys comes to right after the statement that brought it, which every reader needs."""
        if reckoned is None:
            return
        said = [place for place, draft in enumerate(self.drafts) if draft.op in ("key", "recovery")]
        place = said[-1] + 1 if said else 0
        self.drafts[place:place] = reckoned.drafts
        self.remembered = {**reckoned.remembered, **self.remembered}

    def without(self, unwanted: Callable[[Kept], bool]) -> Outcome:
        """The same without entries of the node's log that need not be kept again."""
        self.kept = [kept for kept in self.kept if not unwanted(kept)]
        return self

    @property
    def quarantined(self) -> list[Kept]:
        return [kept for kept in self.kept if kept.code]


# Steps of a whole push


def limits_and_canonical(opened: Opened, held_lines: Mapping[int, bytes], known: Known) -> Push:
    """Steps 1 and 2: PUSH-1, PUSH-8, CAN, ENT. What is held already is known by its hash and not read again.

    A record that has just been read is held against its schema at once, in half the time, while the processor has it
    at hand; `known` remembers it for its step.
    """

    def read(line: bytes) -> Entry:
        if line in known.signed:
            return entries.parse_checked(line)
        entry = entries.parse(line)
        type_name, thing = entry.type or "", entry.thing
        if entry.op == "put" and thing and schema.known(type_name) and schema.accepts(type_name, thing.value):
            known.fitting.add(line)
        return entry

    return opened.read(held_lines, read)


def admitted(member: Member | None, node: str) -> Member:
    """ING-1: only the operator lets a node in; coming by way of a peer is not enough."""
    if member is None or member.upstream:
        refuse("ING-1", "", expected="a node that this hub has admitted", came=node)
        return Member(node, "", "", PER_NODE_HOUR, PER_NODE_DAY, "")
    return member


def proof(pushed: Push, held: NodeLog, leaves: dict[int, bytes], *, node: str, name: str, now: datetime) -> Extension:
    """Step 3: a slice of the node's own log (PUSH-2 to PUSH-7)."""
    return push.check(pushed, held, leaves, node=node, name=name, now=now)


# Steps of one entry


def erased(bench: Bench, entry: Entry) -> None:
    """Step 4, ING-11: what was erased does not come back, late or by another way; a later rev is lawful."""
    if bench.guarded(entry):
        refuse("ING-11", "/record/rev", expected="nothing that was erased", came=f"rev {entry.rev}")


def authority(bench: Bench, entry: Entry) -> None:
    """Step 5, ING-2: a node writes only under its own identifier."""
    if entry.node != bench.node:
        refuse("ING-2", "/record/node", expected=bench.node, came=entry.node)


def attested(bench: Bench, entry: Entry) -> None:
    """Step 6, AUTH-1 to AUTH-6: new records only of nodes that are attested, within their bounds; the rest proceeds."""
    if entry.op == "put" and bench.standing is not None:
        bench.standing.check(entry.thing.value if entry.thing else {})


def signature(bench: Bench, entry: Entry) -> None:
    """Step 7: SIG-1 to SIG-5 under the node's own keys, crit (ENT-6). The hub trusts nobody's word for it (PEER-1)."""
    verifiers: Mapping[str, PublicKey] = bench.keys(entry.thing.kind if entry.thing else "")
    if not bench.any_lost and bench.known.signed_by(entry, verifiers):
        return
    if bench.any_lost:
        src = bench.place(entry)
        check_counts(bench.ring, entry, src or entry.src)
        verifiers = validity.verifiers(bench.ring, entry, verifiers, src)
    try:
        entries.accepted(entry, verifiers, bench.node)
    except Refusal as refusal:
        if bench.home or not refusal.rule.startswith("SIG-"):
            raise
        refuse("PEER-1", refusal.pointer, expected=refusal.expected, came=refusal.came)


def check_counts(ring: KeyRing, entry: Entry, src: Source | None) -> None:
    """KEY-10: what stands beyond the last good place of a lost key counts in nothing."""
    kid = validity.kid_of(entry.thing.jws) if entry.thing is not None else None
    if src is not None and validity.lost(ring) and not validity.counts(ring, kid, src):
        refuse("KEY-10", "/jws", expected="a place at which this key was good", came=f"{list(src)} by {kid}")


def rev(bench: Bench, entry: Entry) -> None:
    """Step 8: ING-3 to ING-5: the rev rises, an equal one is the same digest, it does not jump."""
    number, digest = entry.rev or 0, entry.digest or ""
    before = bench.held.get((bench.node, entry.id or ""))
    held_rev, held_digest = (before.rev, before.digest) if before else (None, None)
    order = live.order(number, digest, held_rev, held_digest)
    if order is Order.FALLS and not _was_overtaken(bench, entry):
        refuse("ING-3", "/record/rev", expected=f"more than {held_rev}", came=number)
    if order is Order.CONTRADICTS:
        refuse("ING-4", "/record/rev", expected=f"the digest {held_digest} of this rev", came=digest)
    if bench.home and number - (held_rev or 0) > REV_JUMP:
        refuse("ING-5", "/record/rev", expected=f"at most {REV_JUMP} more than {held_rev or 0}", came=number)


def _was_overtaken(bench: Bench, entry: Entry) -> bool:
    """What is held comes from a later place of the same log: the node only gives back what this hub had lost."""
    source = bench.sources.get(entry.seq)
    if source is None or source[0] != bench.name or source[2] <= entry.seq:
        return False
    epoch, seq = source[1:]
    return epoch == bench.epoch or any(epoch == base["epoch"] and seq < base["size"] for base in bench.bases)


def fits_schema(bench: Bench, entry: Entry) -> None:
    """Step 9: ING-7 the audience is the feed's; ING-6 the record fits its type; ING-9 a later major waits."""
    value = entry.thing.value if entry.thing else {}
    if value.get("audience") != bench.name:
        refuse("ING-7", "/record/audience", expected=bench.name, came=value.get("audience"))
    type_name = entry.type or ""
    if entry.op != "put":
        return
    if not schema.known(type_name):
        if schema.known(f"{type_name.rpartition('/')[0]}/1"):
            refuse("ING-9", "/record/type", expected="a major version known here", came=type_name)
        return
    if not bench.known.fits(entry) and not schema.accepts(type_name, value):
        faults = schema.errors(type_name, value)
        first = faults[0] if faults else None
        refuse(
            "ING-6",
            "/record" + (first.pointer if first else ""),
            expected="; ".join(f.message for f in faults) or "a record of its type",
            came=f"{len(faults)} faults",
        )


def policy(bench: Bench, entry: Entry) -> None:
    """Step 10, ING-8: this hub's own policy."""
    if reason := bench.policy(entry):
        refuse("ING-8", "/record", expected=reason, came=entry.type)


STEPS: tuple[tuple[str, Callable[[Bench, Entry], None]], ...] = (
    ("erased", erased),
    ("authority", authority),
    ("attested", attested),
    ("signature", signature),
    ("rev", rev),
    ("schema", fits_schema),
    ("policy", policy),
)


def judge(bench: Bench, batch: Iterable[Entry]) -> Outcome:
    """Take a batch of one writer through the steps; nothing is stored and nothing is lost."""
    outcome = Outcome()
    for entry in batch:
        try:
            _take(bench, entry, outcome)
        except Refusal as refusal:
            if refusal.rule == "ING-8":
                leave(bench, entry, outcome)
            # what was erased is not kept as evidence either
            gone = refusal.code == "erased" and entry.gone is None
            outcome.keep(entry, entries.write_stub(entry, "erased") if gone else entry.raw, refusal)
    return outcome


def leave(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """What was shown of a record whose newest rev the policy keeps out is shown no longer."""
    key = (entry.node or "", entry.id or "")
    before = bench.held.get(key)
    if bench.name == "public" and before is not None and before.live and before.rev < (entry.rev or 0):
        outcome.drafts.append(log.out_draft(*key, before.rev, before.digest, before.type, POLICY))
        bench.held[key] = Held(before.rev, before.digest, before.type, False)
        outcome.remembered[(*key, bench.name)] = Remembered(*key, bench.name, bench.held[key])


def touched(batch: Iterable[Entry]) -> set[Key]:
    """The records that a batch says something of."""
    return {(entry.node or "", entry.id or "") for entry in batch if entry.op in ("put", "del")}


def still_bent(again: Iterable[Entry]) -> Callable[[Kept], bool]:
    """Tells which of the entries judged again are no better than what is held."""
    positions = {entry.seq for entry in again}
    return lambda kept: kept.seq in positions and kept.code in UNHASHED


def _take(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    if entry.gone is not None:
        _take_stub(bench, entry, outcome)
    elif entry.op in ("put", "del"):
        for _name, step in STEPS:
            step(bench, entry)
        _take_record(bench, entry, outcome)
    elif entry.op in NOTICES:
        _take_notice(bench, entry, outcome)
    elif entry.op in ("key", "recovery"):
        _take_statement(bench, entry, outcome)
    elif entry.op == "statement" and entry.type == statement.HOME and bench.moved is not None:
        _take_home(bench, entry, outcome)
    else:
        outcome.keep(entry, entry.raw)
        if bench.name == "public" and entry.op not in entries.KNOWN_OPS:
            carry(
                bench.known_statements, outcome, log.draft(entry, src=("public", bench.epoch, entry.seq), via=bench.via)
            )


def carry(known: set[str], outcome: Outcome, draft: Draft) -> None:
    """ENT-8: what this version does not know goes on as it came, once, for what a later version makes of it."""
    mark = log.once(draft)
    if mark is not None and mark not in known:
        known.add(mark)
        outcome.drafts.append(draft)


def _take_record(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    key = (bench.node, entry.id or "")
    before = bench.held.get(key)
    public = bench.name == "public"
    if before is not None and before.rev >= (entry.rev or 0):
        outcome.duplicates += 1
        outcome.keep(entry, entry.raw)
        return
    narrowed = public and entry.op == "put" and _narrowed(bench, key, entry.rev or 0)
    shown = public and entry.op == "put" and not narrowed
    if shown and holding.held(bench.holds, *key, entry.rev or 0):
        shown, narrowed = False, True
        outcome.back.append(holding.kept_back(entry, _drafted(bench, entry)))
    now_held = Held(entry.rev or 0, entry.digest or "", entry.type or "", shown)
    bench.held[key] = now_held
    outcome.remembered[(*key, bench.name)] = Remembered(*key, bench.name, now_held)
    if public and not narrowed:
        outcome.drafts.append(_drafted(bench, entry))
        plain = len(entry.parts) == 5 and entry.parts.keys() > _PLAIN_MEMBERS
        outcome.keep(entry, None if plain else entry.raw)
        return
    outcome.keep(entry, entry.raw)
    if not public:
        _leaves_public(bench, entry, outcome)


def _drafted(bench: Bench, entry: Entry) -> Draft:
    return log.draft(entry, src=("public", bench.epoch, entry.seq), via=bench.via)


def _narrowed(bench: Bench, key: tuple[str, str], rev: int) -> bool:
    """The author has taken this record out of public sight since: its restricted feed came first."""
    elsewhere = bench.elsewhere.get(key)
    return elsewhere is not None and elsewhere.rev > rev


def _leaves_public(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """A rev held in another audience takes any lower public one out of the feed (pitfall: narrowed audience)."""
    key = (bench.node, entry.id or "")
    public = bench.elsewhere.get(key)
    if public is not None and public.live and public.rev < (entry.rev or 0):
        gone = Held(public.rev, public.digest, public.type, False)
        bench.elsewhere[key] = gone
        outcome.remembered[(*key, "public")] = Remembered(*key, "public", gone)
        outcome.drafts.append(log.out_draft(*key, public.rev, public.digest, public.type, "audience"))


def _take_statement(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """A key statement the chain has taken (push.check did) enters the hub's feed once, by whatever feed it came."""
    statement = entry.thing
    accepted = next((s for s in bench.ring.statements if statement and s.digest == statement.digest), None)
    if accepted is None or statement is None:
        refuse("ING-2", f"/{entry.op}", expected="a statement of the node's own chain", came=entry.digest)
        return
    outcome.keep(entry, entry.raw)
    if accepted.digest in bench.known_statements:
        return
    bench.known_statements.add(accepted.digest)
    src = (bench.name, bench.epoch, entry.seq)
    # this line's own signature is in no hash; the chain's was verified
    outcome.drafts.append(log.draft(entry, src=src, via=bench.via, jws=accepted.jws))


def _take_home(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """What a node says of its home hub in its own feed counts from this position on, and is passed on once."""
    if entry.thing is None or entry.node != bench.node or bench.moved is None:
        refuse("ING-2", "/statement/subject", expected=bench.node, came=entry.node)
        return
    said = statement.verified(statement.of(entry.thing), bench.ring, now=bench.now)
    outcome.keep(entry, entry.raw)
    held = bench.home_said
    if held is not None and (said.statement.n, said.statement.digest) != held and said.statement.n <= held[0]:
        return  # an older word, told again
    bench.standing = bench.moved(said)
    if held is None or said.statement.n > held[0]:
        bench.home_said = (said.statement.n, said.statement.digest)
        src = (bench.name, bench.epoch, entry.seq)
        outcome.drafts.append(log.draft(entry, src=src, via=bench.via))
        outcome.told.append(Told(said.statement, said.kid))


def _take_stub(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """ING-12: a stub keeps its place without content, once an erasure that takes it out is known."""
    if bench.waited:
        erased(bench, entry)
    authority(bench, entry)
    if not bench.guarded(entry):
        refuse("ING-12", "/gone", expected="content, or an erase entry of the same log", came=entry.gone)
    outcome.keep(entry, entry.raw)
    _remember_stub(bench, entry, outcome)


def _remember_stub(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    key = (bench.node, entry.id or "")
    before = bench.held.get(key)
    if before is None or (entry.rev or 0) > before.rev:
        bench.held[key] = Held(entry.rev or 0, entry.digest or "", entry.type or "", False)
        outcome.remembered[(*key, bench.name)] = Remembered(*key, bench.name, bench.held[key])


def _take_notice(bench: Bench, entry: Entry, outcome: Outcome) -> None:
    """NTC-7: a notice of the node itself in its own log is acted on; a hold by what it says in public alone."""
    said = own_notice(bench, entry)
    outcome.keep(entry, entry.raw)
    src, target = (bench.name, bench.epoch, entry.seq), entry.id or ""
    outcome.erasures.append(Erasure(said, target, log.draft(entry, src=src, via=bench.via), bench.name))
    if said.action == "erase":
        guard(bench.guards, said, target)
        _take_from_sight(bench, said, target)
        _give_cause(bench, outcome)
    elif bench.name == "public":
        holding.move(bench.holds, said, target, bench.now)


def own_notice(bench: Bench, entry: Entry) -> notice.Notice:
    """The notice of an entry, checked to be the writer's own and to go on from its last one (NTC-1 to NTC-7)."""
    if entry.node != bench.node:
        refuse("ING-2", "/notice/node", expected=bench.node, came=entry.node)
    said = notice.target(entry)
    notice.check_binds(said, own_feed=True, home=None)
    src = bench.place(entry)
    check_counts(bench.ring, entry, src or entry.src)
    notice.verified(
        said, bench.ring, now=bench.now, keys=validity.verifiers(bench.ring, entry, bench.keys("notice"), src)
    )
    notice.judge(said, bench.last_notice, bench.newest_revs.get(entry.id or "", 0))
    bench.last_notice = (said.n, said.envelope.digest)
    return said


def guarded(guards: Mapping[Key, int | None], node: str, record_id: str, rev: int) -> bool:
    """Whether one of these guards keeps this rev out."""
    return live.reaches(guards.get((node, record_id), 0), rev) or live.reaches(guards.get((node, notice.ALL), 0), rev)


def guard(guards: dict[Key, int | None], said: notice.Notice, target: str) -> None:
    """What an erasure keeps out from now on, also of this batch."""
    key = (said.node, target)
    before = guards.get(key, 0)
    guards[key] = None if before is None or said.max_rev is None else max(before, said.max_rev)


def _take_from_sight(bench: Bench, said: notice.Notice, target: str) -> None:
    for (node, record_id), held in bench.held.items():
        if node == said.node and target in (record_id, notice.ALL) and live.reaches(said.max_rev, held.rev):
            bench.held[node, record_id] = Held(held.rev, held.digest, held.type, False)


def _give_cause(bench: Bench, outcome: Outcome) -> None:
    """Stubs that were put aside and that an erasure takes out are no fault any more."""
    for place, kept in enumerate(outcome.kept):
        stub = entries.parse(kept.line) if kept.code == "stub_without_cause" and kept.line else None
        if stub is not None and bench.guarded(stub):
            outcome.kept[place] = Kept(kept.seq, kept.leaf, kept.line, line_hash=kept.line_hash)
            _remember_stub(bench, stub, outcome)
