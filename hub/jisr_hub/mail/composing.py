"""A letter as a message: plain text in the reader's language, and headers that nothing from outside can break.

Plain text, for it reads well everywhere and holds nothing that could be loaded from elsewhere. In languages that run
from right to left each line says so itself (U+200F), also where it begins with a Latin name.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

SUBJECT_CHARACTERS = 120
_AS_WRITTEN = SMTP.clone(refold_source="none")
"""A long address in List-Unsubscribe stays one address; by default it would be broken into encoded words."""
_RIGHT_TO_LEFT_MARK = "\u200f"


class Text(msgspec.Struct, frozen=True):
    """What a letter says: subject, paragraphs, and addresses of the web under what they are for."""

    subject: str
    paragraphs: Sequence[str]
    direction: str
    lang: str


def compose(
    text: Text, *, cause: str, to: str, sender: str, sender_name: str, stop: str, stop_words: str, at: datetime
) -> EmailMessage:
    """The message. `stop` is the address under which one click ends all letters (RFC 8058); the same cause gives the
    same Message-ID, by which a mailbox knows a letter that came twice."""
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=_AS_WRITTEN)
    message["From"] = f"{quoted(sender_name)} <{sender}>"
    message["To"] = to
    message["Subject"] = plain(text.subject, SUBJECT_CHARACTERS)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{hashlib.sha256(cause.encode()).hexdigest()[:40]}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_raw("List-Unsubscribe", f"<{plain(stop, 900)}>")
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    lines = [line for paragraph in (*text.paragraphs, f"{stop_words}\n{stop}") for line in (*paragraph.split("\n"), "")]
    body = "\n".join(_line(line, text.direction) for line in lines)
    message.set_content(body, subtype="plain", charset="utf-8", cte="base64")
    message["Content-Language"] = text.lang
    return message


def plain(text: str, most: int) -> str:
    """Words of others as one line of a header: no line ends, no control or direction signs, bounded."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def quoted(name: str) -> str:
    """A name before an address, as a quoted string (RFC 5322 §3.2.4)."""
    return '"' + plain(name, 80).replace("\\", "").replace('"', "'") + '"'


def _line(line: str, direction: str) -> str:
    mark = direction == "rtl" and line and not line.startswith(("http://", "https://"))
    return f"{_RIGHT_TO_LEFT_MARK}{line}" if mark else line
