"""A mail server on this machine that can be told to fail: aiosmtpd behind a socket of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Faulty:
    """Takes letters. `faults` are used up one a letter: an answer such as "451 later", or "drop" after DATA, before
    (`drop`) or after (`taken, then drop`) the letter was taken."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.taken: list[EmailMessage] = []
        self.to: list[list[str]] = []
        self.tried = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tried += 1
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "drop":
            return self._drop(server)
        if fault and not fault.startswith("taken"):
            return fault
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message: Any = message_from_bytes(content, policy=policy.default)
        self.taken.append(message)
        self.to.append(list(envelope.rcpt_tos))
        return self._drop(server) if fault else "250 taken"

    def _drop(self, server: SMTP) -> str:
        server.transport.abort()
        return "250 nobody hears this"


class _AnyPort(Controller):
    """On whatever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server() -> Iterator[tuple[Faulty, int]]:
    """A server and its port."""
    faulty = Faulty()
    controller = _AnyPort(faulty, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield faulty, controller.port
    finally:
        controller.stop()
