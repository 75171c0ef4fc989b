"""What a hub writes into its log: one list of codes, and how a line looks.

A code never changes its meaning; programs may wait for it. Beside it stand facts by name: identifiers, counts, codes of
refusals, paths. Never what a record says, and never a key: of a foreign error only its kind and place are written,
since its words may quote what somebody sent.

On a terminal a line is for people; elsewhere it is one JSON object: {"at","code","level","says", facts…}.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections import Counter
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog

from jisr_protocol.refusal import Refusal

EVENTS = {
    "hub.started": "The hub takes connections.",
    "readiness.unread": "The database could not be asked for what /readyz tells; the rest of it is told.",
    "metrics.unmeasured": "The database could not be asked for the numbers of /metrics; the others are told.",
    "publish.failed": "No new head could be signed or written; the last one stays, and it is tried again.",
    "verifiers.ended": "A process beside the writer ended; the writer does its work meanwhile, and another one starts.",
    "duplicates.begun": "All records are read into the index of likely duplicates.",
    "duplicates.progress": "So many of so many records were compared with all others.",
    "duplicates.ready": "The index of likely duplicates is whole and follows every change from now on.",
    "duplicates.full": "The index of likely duplicates takes more memory than `duplicates_mb` allows; it ended.",
    "duplicates.failed": "Likely duplicates could not be looked for; it is tried again.",
    "curation.failed": "The merged directory could not be brought up to the log; it is tried again.",
    "survey.failed": "Coverage and matches could not be counted anew; the last ones stay, and it is tried again.",
    "search.failed": "What is searched could not be brought up to the log; what is found stays, and it is tried again.",
    "fence.behind": "The database is older than what this hub has published; nothing is signed until it is rebased.",
    "head.unread": "This process could not learn what another one has published; it is tried again.",
    "lead.ended": "This process does not publish or follow peers any more; it or another one takes over soon.",
    "push.refused": "A node's push was refused as a whole; nothing of it was stored, and the node was told why.",
    "peer.failed": "A round with a peer ended in an error of ours; the next one comes.",
    "peer.refused": "An entry of a peer's feed was refused and left out; the rest was taken.",
    "acks.undelivered": "A peer could not be told what became of its notices; it is told in the next round.",
    "acks.untaken": "A peer did not take what it was told of its notices; it is told again in the next round.",
    "desk.mark": "The mark of the audit log could not be read or written; what was done is in the log.",
    "desk.log_ends_early": "The audit log ends before its mark: lines are gone, or an older database was put back.",
    "desk.signed_in": "Somebody has signed in to the desk.",
    "desk.password": "Somebody has set the password of an account by a one-time link.",
    "desk.passkey_added": "Somebody has added a passkey.",
    "desk.passkey_refused": "A passkey was not accepted; the reason is in the line.",
    "desk.passkey_copied": "A passkey counted backwards: there may be a copy of it, and it opens nothing any more.",
    "desk.wrong": "A password at the desk was wrong, or the account is not there.",
    "desk.stranger": "The provider has signed in somebody who has no account here.",
    "desk.provider": "The provider of sign-ins did not answer, or not as it should; nobody was signed in by it.",
    "erasure.again": "An older database was put back; what was erased since is erased from it again.",
    "erasure.done": "What was erased is in no file of the database any more; what remains elsewhere is named.",
    "erasure.left": "What was erased is gone from all answers and still in a file; this is tried again.",
    "messages.deleted": "Sealed messages that were taken or over are in no file of the database any more.",
    "webhook.failed": "Subscribers could not be called; the next round tries again.",
    "webhook.off": "A subscriber is not called any more: it failed for days, or said that it is gone.",
    "usage.failed": "What was counted could not be written down; it stays in memory, and this is tried again.",
    "usage.lost": "Pages were not counted: too many records at a time, or nothing could be written down for long.",
    "messages.left": "Sealed messages are gone from all answers and still in a file; this is tried again.",
    "attestation.failed": "Statements about nodes could not be renewed; the next round tries again.",
    "block.not_renewed": "A block could not be said anew; the next round tries again, days before it ends.",
    "block.renewed": "This hub has said its blocks anew.",
    "desk.act": "Somebody did something here, or tried to; the audit log has it under this number.",
    "attestation.renewed": "This hub has signed its statements about nodes anew.",
    "history.failed": "How a round ended could not be noted or written down; the sync itself went on.",
    "judging.failed": "Entries that came in bulk could not be judged; they wait, and it is tried again.",
    "history.lost": "The database was away for so long that some rounds were not written down; no record is missing.",
    "key.open": "A private key file can be read by others; the sentence says how to close it.",
    "mail.failed": "Letters could not be written or sent for an error of ours; the next round tries again.",
    "mail.undelivered": "A letter was refused by its server for good, or given up after days.",
    "mirror.behind": "The copy of the feed in the bucket could not be brought up to date; it is tried again.",
    "mirror.refused": "The bucket shows more than this hub, or another feed; nothing is put there for now.",
    "mirror.done": "The copy of the feed in the bucket is up to date again.",
    "node.moved": "A node has named another home; its records are taken by way of it from now on.",
    "nodehead.unmet": "What is shown of a node does not add up to what it signs; nothing is said of its completeness.",
    "notices.unanswered": "What became of notices could not be worked out; the next round tries again.",
    "packing.failed": "Compressed forms of published files, or their copy, could not be made; it is tried again.",
    "policy.failed": "A changed policy could not be carried out whole; the next round goes on.",
    "pull.done": "A node's registered feed was fetched; the outcome says how that ended.",
    "round.failed": "Asking one source ended in an error of ours; the others go on, and the next round comes.",
    "standby.asked": "Pages for people are read from the standby.",
    "standby.away": "The standby does not answer or is behind; pages for people are read from the primary.",
    "token.refused": "Somebody asked for a token to read a restricted feed and did not get one.",
    "view.behind": "A feed beside the public one has a ledger older than what it published; it signs nothing.",
    "view.failed": "A feed beside the public one could not be brought up to date; the others go on; it is tried again.",
    "witness.cosigned": "This hub has cosigned a head of a hub it follows.",
    "witness.fork": "A hub showed this witness two histories; the evidence is kept.",
    "witness.silent": "A witness did not cosign a head in time; publishing went on.",
    "request.unstored": "A request could not be stored, for lack of room or of the database; the sender may try again.",
    "request.failed": "A request met an error of ours; nothing was stored, and the sender may try again.",
    "server.said": "A word of the HTTP server itself.",
}
told: Counter[str] = Counter()
"""How often each code was written since the process started."""
_LONGEST = 500
"""Characters of a fact; what is longer is cut, so that no line carries a document."""


def set_up(stream: TextIO | None = None, level: str = "info") -> None:
    """Write events of this level and above to `stream` (stderr): for people on a terminal, else as JSON lines."""
    out = stream or sys.stderr
    render: Any = structlog.dev.ConsoleRenderer(exception_formatter=_plain) if out.isatty() else _json
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True, key="at"),
            _told,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level.upper(), 20)),
        logger_factory=lambda *_: structlog.PrintLogger(stream or sys.stderr),  # wherever stderr leads by then
        cache_logger_on_first_use=False,
    )
    server = logging.getLogger("uvicorn")
    server.handlers, server.propagate = [_Server()], False
    server.setLevel(logging.WARNING)


def _told(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the sentence of the code; keep every fact short; of an error only what cannot quote anybody."""
    event["says"] = EVENTS.get(event["event"], "")
    if event["says"]:
        told[event["event"]] += 1
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    elif isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = describe(error)
        event["where"] = [f"{f.filename.rpartition('jisr_')[2]}:{f.lineno} {f.name}" for f in _frames(error)]
    return {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in event.items()}


def describe(error: BaseException) -> str:
    """An error in words that quote nobody: its kind, and its sentence where that is ours or the system's."""
    kind = type(error).__name__
    if isinstance(error, Refusal):
        return f"{kind} {error.rule} {error.code}"
    if isinstance(error, BaseExceptionGroup):
        return f"{kind}: " + "; ".join(describe(each) for each in error.exceptions[:5])
    if isinstance(error, OSError):
        return f"{kind}: {error.strerror or ''} {error.filename or ''}".rstrip(": ")
    return f"{kind}: {error}" if type(error).__module__.startswith("jisr") else kind


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    if isinstance(error, BaseExceptionGroup) and error.exceptions and (inner := _frames(error.exceptions[0])):
        return inner
    return traceback.extract_tb(error.__traceback__)[-8:]


def _plain(stream: TextIO, _exc_info: Any) -> None:
    """Nothing: `_told` has told what may be told."""


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    event["code"] = event.pop("event")
    return orjson.dumps(event, default=str, option=orjson.OPT_SORT_KEYS).decode()


class _Server(logging.Handler):
    """Words of uvicorn as events."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower() if record.levelname.lower() in ("warning", "error", "critical") else "info"
        kind = describe(record.exc_info[1]) if record.exc_info and record.exc_info[1] else ""
        words = record.getMessage() if not kind else str(record.msg).partition("\n")[0]
        getattr(structlog.get_logger(), level)("server.said", words=words, **({"error": kind} if kind else {}))
