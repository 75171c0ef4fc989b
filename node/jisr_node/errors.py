"""What can go wrong at a node, by whose move is next.

    NodeError               str() is a sentence for a person: what happened, whether anything is lost, what to do
      Mistaken              the command or its arguments do not fit; nothing was done
      Declined              the node itself refuses, to keep something safe
        Busy                another process is writing in the same folder
        Unscrubbed          erased and signed, but bytes may still lie in a file of the folder
        Unwritable          the disk is full, write-protected or damaged
        Contradiction       a hub holds another history than this folder; nothing may be signed until that is cleared
      HubRefused            the hub understood and says no; `code` and `retry` are its problem document's
      HubUnreachable        no answer, or "not now"; the same command later will do

A draft that does not fit is not an error of the node: see author.Fault.
"""

from __future__ import annotations


class NodeError(Exception):
    """The base of all of them."""


class Mistaken(NodeError):
    """Something was asked that cannot be done."""


class Declined(NodeError):
    """The node will not do this."""


class Busy(Declined):
    """Raised when the writing lock is not free within some seconds."""

    def __init__(self) -> None:
        super().__init__(
            "Another jisr-node is writing in this folder at the moment. Nothing was changed by this command. "
            "Wait until the other one is done, then give the command again."
        )


class Unscrubbed(Declined):
    """Raised when something is erased and signed, and another process keeps its bytes from being cleared."""

    def __init__(self) -> None:
        super().__init__(
            "It is erased, and that is signed. But another jisr-node is reading in this folder, so bytes of it may "
            "still lie in a file here. Stop the other one, or wait; then see that this says no more of it: "
            "jisr-node status"
        )


class Unwritable(Declined):
    """Raised when the disk is full, write-protected or damaged; the transaction left no trace."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"node.sqlite could not be written or read ({reason}). Nothing of this command was kept; all that was "
            "done before is safe. Make room on the disk, or check that the folder may be written, and try again."
        )


class Contradiction(Declined):
    """Raised, and remembered, when publishing on would say two things for one position."""


class HubRefused(NodeError):
    """The hub's problem document (RFC 9457), as far as a node acts on it. `next` comes with seq_gap."""

    def __init__(self, code: str, sentence: str, *, retry: str = "never", next: int | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry = retry
        self.next = next


class HubUnreachable(NodeError):
    """`retry_after` is in seconds, None when the hub named no time."""

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
