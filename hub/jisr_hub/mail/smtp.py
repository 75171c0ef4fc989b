"""The operator's own mail server, over aiosmtplib: encrypted, or on this machine.

One of three ways out beside the guarded client: it goes only where hub.json leads. The password stands in the
environment alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage

import aiosmtplib

from .sending import Later, Refused

SECONDS = 60.0
_OUR_FAULT = frozenset({500, 501, 502, 503, 504, 530, 534, 535, 538})
"""Final answers that are about how we speak or who we are, not about the letter: the operator mends that."""


@dataclass(frozen=True)
class Server:
    """Where letters go. `encrypted` is "tls" from the first byte, "starttls" before anything is said, or "" for a
    server on this machine."""

    host: str
    port: int
    encrypted: str
    user: str = ""
    password: str = ""

    async def send(self, message: EmailMessage, to: str) -> None:
        """Send one letter in a connection of its own. Raises Later and Refused."""
        try:
            await aiosmtplib.send(
                message.as_bytes(),
                sender=str(message["From"].addresses[0].addr_spec),
                recipients=[to],
                hostname=self.host,
                port=self.port,
                use_tls=self.encrypted == "tls",
                start_tls=self.encrypted == "starttls",
                username=self.user or None,
                password=self.password or None,
                timeout=SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _judged(error.recipients[0].code, error.recipients[0].message) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _judged(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Later(type(error).__name__) from error


def _judged(code: int, words: str) -> Later | Refused:
    said = f"{code} {words}"
    return Refused(said) if 500 <= code < 600 and code not in _OUR_FAULT else Later(said)
