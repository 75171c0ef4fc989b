"""HTTP as the hub speaks it: uvicorn's protocol with two differences.

What is no HTTP gets a problem document too; and neither the head of a request nor what follows a body may go on without
end, since the parser keeps both in memory.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .problem_documents import document

UNFINISHED_BYTES = 64 * 1024
"""How much may come that is neither body nor the end of anything."""
LINGER_SECONDS = 2.0
"""How long a refused sender may go on into the void, so that it comes to read the answer."""


class Http(HttpToolsProtocol):
    """One connection."""

    _unfinished_bytes = 0
    _moved = False
    _within = False
    _refused = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._moved = False
        super().data_received(data)
        self._unfinished_bytes = 0 if self._moved else self._unfinished_bytes + len(data)
        if self._unfinished_bytes > UNFINISHED_BYTES and not self._refused:
            self._refuse("too_large", f"the head of the request is longer than {UNFINISHED_BYTES} bytes")

    # uvicorn's types say None; asyncio, which calls it, reads whether the line stays open
    def eof_received(self) -> bool:  # type: ignore[override]
        """The sender has closed its side: it may still hear the answer, and hears it when it stopped in the middle."""
        if self._within:
            self._refuse("malformed", "expected the whole request; came its beginning")
        return self._refused or (self.cycle is not None and not self.cycle.response_complete)

    def on_message_begin(self) -> None:
        self._within = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._moved = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._moved, self._within = True, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse("malformed", "expected an HTTP request (RFC 9112); came something else")

    def _refuse(self, code: str, detail: str) -> None:
        """Answer, unless an answer is on its way already, and close the connection a little later."""
        self._refused = True
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            answer = document(code, detail)
            head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
            line = b"HTTP/1.1 %d \r\n%bconnection: close\r\n\r\n" % (answer.status_code, head)
            self.transport.write(line + bytes(answer.body))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
