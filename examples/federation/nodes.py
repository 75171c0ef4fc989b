"""A node of the demo: made in a folder, filled with a partner's drafts, published, pushed over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jisr_hub.cli import setting_up
from jisr_node.app import Node
from jisr_node.app.beginning import KEYS
from jisr_node.errors import Mistaken
from jisr_node.outbox import PUBLIC, Published
from jisr_node.talking import Sent

from .hubs import Hub
from .partners import Bad, Draft, Partner, kind, title, unmentioned
from .worlds import Ids, resolved

NEWS = {
    "ar": "تجربة: كُتب هذا الخبر في عقدة، ووصل إلى القارئ عبر محورين",
    "da": "Prøve: denne nyhed er skrevet i en knude og gik gennem to knudepunkter til læseren",
    "en": "A try: this news was written in a node and went through two hubs to the reader",
    "es": "Prueba: esta noticia se escribió en un nodo y llegó al lector por dos centros",
    "fr": "Essai : cette nouvelle, écrite dans un nœud, est passée par deux relais jusqu’au lecteur",
    "nl": "Proef: dit bericht is in een knooppunt geschreven en kwam via twee hubs bij de lezer",
    "tr": "Deneme: bu haber bir düğümde yazıldı ve iki merkezden geçerek okura ulaştı",
}
ALERTS = {
    "ar": "تجربة: مغلق يوم الجمعة القادم",
    "da": "Prøve: lukket næste fredag",
    "en": "A try: closed next Friday",
    "es": "Prueba: cerrado el próximo viernes",
    "fr": "Essai : fermé vendredi prochain",
    "nl": "Proef: volgende vrijdag gesloten",
    "tr": "Deneme: gelecek cuma kapalı",
}


@dataclass
class Changes:
    """What one node changed: titles for people, ids for the proof. A partner may have too little to delete."""

    new: Draft
    new_id: str
    edited: Draft | None = None
    edited_id: str | None = None
    deleted: Draft | None = None
    deleted_id: str | None = None


class PartnerNode:
    """A partner and its node."""

    def __init__(self, partner: Partner, hub: Hub, folder: Path) -> None:
        self.partner, self.hub = partner, hub
        self.public_live = 0
        """How many public records the hub should hold of this node since the last push."""
        # raises Mistaken when the file names a country or language that is none
        self.node = Node.init(
            folder,
            name=partner.name,
            country=partner.country,
            lang=partner.lang,
            hub=hub.address,
            hub_id=hub.id,
            allow_private=True,
        )

    def fill(self) -> tuple[Published, list[Bad]]:
        """Import all drafts and publish; those that were left out go, and are named by their line in the file."""
        partner = self.partner
        refused = self.node.import_drafts(partner.drafts).refused
        bad = [Bad(partner.lines[each.line - 1], fault.sentence) for each in refused for fault in each.faults]
        out = {bad.line for bad in bad}
        partner.drafts = [d for line, d in zip(partner.lines, partner.drafts, strict=True) if line not in out]
        partner.lines = [line for line in partner.lines if line not in out]
        return self.node.publish(), bad

    async def introduce(self) -> setting_up.Candidate:
        """Let the operator of the hub admit this node from its key file."""
        assert self.node.folder is not None
        found = await setting_up.candidate(self.hub.folder, str(self.node.folder / KEYS))
        await setting_up.admit(self.hub.folder, found, self.partner.name)
        self.hub.home.add(found.id)
        return found

    async def push(self) -> Sent:
        """Deliver over HTTP. Raises the first error there was."""
        sent = await self.node.push()
        for _, error in sent.errors:
            raise error
        status = self.node.status()
        kept_back = sum(refused["feed"] == "public" for refused in status["refused"])
        self.public_live = status["records"].get("public", 0) - kept_back
        return sent

    def live(self) -> Iterator[tuple[str, str, int, str]]:
        """(node, id, rev, digest) of every public record as it stands signed: what everybody should hold of it."""
        for row in self.node.store.live(PUBLIC):
            yield (self.node.id, *row)

    def write(self, drafts: list[Draft], ids: Ids) -> list[tuple[str, Draft]]:
        """Sign a turn, with `ids` for references to others; return (what happened, draft) of each.

        Raises Mistaken when a draft does not fit.
        """
        told: list[tuple[str, Draft]] = []
        for draft in drafts:
            if "delete" in draft:
                gone = self.node.show(draft["delete"])["published"]
                self.node.delete(draft["delete"])
                told.append(("deleted", gone))
                continue
            known = self.name(draft) in ids
            taken = self.node.import_drafts([resolved(draft, ids)])
            for fault in (fault for each in taken.refused for fault in each.faults):
                raise Mistaken(f"{self.name(draft)}: {fault.sentence}")
            self.note([draft], ids)
            told.append(("edited" if known else "new", draft))
        self.node.publish()
        return told

    def note(self, drafts: list[Draft], ids: Ids) -> None:
        """Let others refer to these drafts, which are imported, by `node:<label>/<type>/<local id>`."""
        for draft in drafts:
            if draft.get("source", {}).get("local_id"):
                ids[self.name(draft)] = self.node.id, self.node.find(_local(draft))

    def name(self, draft: Draft) -> str:
        """<label>/<type>/<local id>"""
        return _local(draft).replace("local:", f"{self.partner.label}/", 1)

    def change(self) -> Changes:
        """Edit one record, delete one, write a new one, and sign all three."""
        words = NEWS.get(self.partner.lang, NEWS["en"])
        lang = self.partner.lang if self.partner.lang in NEWS else "en"
        published = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        new: Draft = {"type": "org.jisr.news/1", "lang": lang, "audience": "public", "title": words}
        free = list(self._free())
        done = Changes(new, self.node.import_drafts([{**new, "published": published}]).ids[0])
        if free:
            done.edited_id, done.edited = free[0]
            self.node.edit(done.edited_id, self._edited(done.edited))
        if len(free) > 1:
            done.deleted_id, done.deleted = free[-1]
            self.node.delete(done.deleted_id)
        self.node.publish()
        return done

    def _free(self) -> Iterator[tuple[str, Draft]]:
        """(id, draft) of public records that may go without leaving a gap in others."""
        public = {row["id"] for row in self.node.overview() if row["audience"] == "public"}
        for draft in unmentioned(self.partner):
            with suppress(Mistaken):  # it was left out
                record_id = self.node.find(_local(draft))
                if record_id in public:
                    yield record_id, draft

    def _edited(self, draft: Draft) -> Draft:
        if kind(draft) == "service":
            return {**draft, "alert": ALERTS.get(str(draft.get("lang")), ALERTS["en"])}
        return {**draft, "review_by": "2099-12-31"}

    def written(self) -> int:
        """How many records there are in this node, those for partners or for itself too."""
        return len(self.node.records())


def folder_name(number: int, label: str) -> str:
    """A folder for a label that came from outside."""
    plain = re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", label)
    return label if plain and not re.fullmatch(r"con|prn|aux|nul|(com|lpt)\d", label) else f"node-{number}"


def count(number: int, one: str, many: str | None = None) -> str:
    """1 record, 2 records."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def shown(drafts: list[Draft], most: int = 3) -> str:
    """Some records by name."""
    named = [f"“{title(draft)}”" for draft in drafts[:most]]
    more = len(drafts) - len(named)
    return (", ".join(named) or "no record") + (f" and {more} more" if more > 0 else "")


def _local(draft: Draft) -> str:
    return f"local:{kind(draft)}/{draft.get('source', {}).get('local_id', '')}"
