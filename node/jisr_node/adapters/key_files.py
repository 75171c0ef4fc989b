"""The two secret files: signing.key (PEM, PKCS #8) stays with the node, the recovery sheet is kept elsewhere."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path

from ..errors import Declined, Mistaken

SIGNING_KEY = "signing.key"
NEXT_KEY = "signing.key.next"
"""The key that is to follow, until the change of keys is committed."""
_CHECK_CHARACTERS = 4


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, where the system knows such a thing; durable when it returns.

    Raises Declined if it exists: a key is never overwritten.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Declined(f"{path} exists already and was left as it is. Choose another, empty folder.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def signing_pem(seed: bytes) -> bytes:
    """The PEM file (RFC 8410) of a signing seed."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_signing_key(path: Path) -> bytes:
    """The seed in a PEM file. Raises Mistaken when there is none."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError:
        raise Mistaken(
            f"The signing key {path} is missing. Your records are safe in node.sqlite, but nothing can be signed. "
            "Put the file back from your backup; if there is none, keep the folder and use the recovery file."
        ) from None
    except ValueError as error:
        raise Mistaken(
            f"{path} is not a key that can be read ({error}). Nothing was changed. Put it back from your backup."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Mistaken(f"{path} holds another kind of key; expected Ed25519. Put the file back from your backup.")
    return key.private_bytes_raw()


def write_next(folder: Path, seed: bytes) -> None:
    """Put the key that is to follow beside the one that signs; it takes its place by `take_next`."""
    drop_next(folder)
    write_secret(folder / NEXT_KEY, signing_pem(seed))


def drop_next(folder: Path) -> None:
    """Nothing came of it."""
    (folder / NEXT_KEY).unlink(missing_ok=True)


def take_next(folder: Path) -> None:
    """The next key is the one that signs from now on."""
    os.replace(folder / NEXT_KEY, folder / SIGNING_KEY)


def settle_next(folder: Path, is_active: Callable[[bytes], bool]) -> None:
    """Finish or forget a change of keys that was cut off: what the node's own chain says was committed."""
    if not (folder / NEXT_KEY).is_file():
        return
    if is_active(read_signing_key(folder / NEXT_KEY)):
        take_next(folder)
    else:
        drop_next(folder)


def recovery_name(node: str) -> str:
    """The name of a node's recovery sheet: recovery-<first letters of its identifier>.txt"""
    return f"recovery-{node.removeprefix('jisr:')[:8]}.txt"


def recovery_sheet(name: str, node: str, created: str, seed: bytes) -> str:
    """A page to print: the recovery key in groups of four, each line closed by check letters."""
    letters = base64.b32encode(seed).decode().rstrip("=")
    groups = [letters[i : i + 4] for i in range(0, len(letters), 4)]
    rows = "\n".join("    " + " ".join(groups[i : i + 7]) for i in range(0, len(groups), 7))
    return f"""RECOVERY SHEET OF A JISR NODE

Node:     {name}
Address:  {node}
Made:     {created}

Recovery key:

{rows}
    check {_check(seed)}

Whoever holds this key decides for this node. With it you get the node back when the
computer is lost or the signing key is stolen. It is not needed for daily work.

1. Print this page, or copy the file to a stick. Keep it where you keep the statutes.
2. Remove the file from the computer that runs the node.
3. Say so:  jisr-node recovery-kept

Nobody can give you this key a second time.
"""


def read_recovery_sheet(text: str) -> bytes:
    """The seed on a sheet, however it was broken into lines. Raises Mistaken when a letter is wrong."""
    body = re.search(r"Recovery key:\s*((?:[A-Z2-7]{4}\s+)+)check\s+([A-Z2-7]{4})", text)
    body = body or re.fullmatch(r"\s*((?:[A-Z2-7]{4}\s+){13})(?:CHECK\s+)?([A-Z2-7]{4})\s*", text.upper())
    if body is None:
        raise Mistaken(
            "This is not a recovery sheet: expected the words 'Recovery key:' and groups of four letters, "
            "or those groups alone, with the four check letters at the end. Nothing was changed."
        )
    letters = re.sub(r"\s", "", body[1])
    seed = base64.b32decode(letters + "=" * (-len(letters) % 8)) if len(letters) == 52 else b""
    if len(seed) != 32 or _check(seed) != body[2]:
        raise Mistaken("A letter of the recovery key is wrong: the check letters do not fit. Compare with the print.")
    return seed


def _check(seed: bytes) -> str:
    return base64.b32encode(hashlib.sha256(b"jisr-recovery-sheet\x00" + seed).digest()).decode()[:_CHECK_CHARACTERS]
