"""The two secret files: signing.key (PEM, PKCS #8) stays with the node, the recovery sheet is kept elsewhere."""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from .. import recovery_words
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


def signing_pem(seed: bytes, passphrase: bytes | None = None) -> bytes:
    """The PEM file (RFC 8410) of a signing seed, encrypted if there is a passphrase."""
    from jisr_protocol.reader import private_keys

    return private_keys.pem(seed, passphrase)


def read_signing_key(path: Path) -> bytes:
    """The seed in a PEM file, or of what systemd hands over where there is none. Raises Mistaken. Warns on stderr when
    others may read the file."""
    from jisr_protocol.reader import private_keys

    place = private_keys.place(path)
    try:
        seed = private_keys.seed_of(place.read_bytes(), str(place), private_keys.passphrase)
    except FileNotFoundError:
        raise Mistaken(
            f"The signing key {path} is missing. Your records are safe in node.sqlite, but nothing can be signed. "
            "Put the file back from your backup; if there is none, keep the folder and take the node back with its "
            "recovery file: jisr-node recover FILE"
        ) from None
    except private_keys.KeyProblem as problem:
        raise Mistaken(str(problem)) from None
    if place == path and (sentence := private_keys.warning(place)):
        sys.stderr.write(sentence + "\n")
    return seed


def protect(folder: Path, passphrase: bytes | None) -> None:
    """Encrypt the signing key with this passphrase, or keep it without one. Raises Mistaken."""
    from jisr_protocol.reader import private_keys

    seed = read_signing_key(folder / SIGNING_KEY)
    private_keys.write(folder / SIGNING_KEY, private_keys.pem(seed, passphrase))


def _passphrase_of(folder: Path) -> bytes | None:
    """The passphrase that protects the key that signs, so that the next one is protected too."""
    from jisr_protocol.reader import private_keys

    file = folder / SIGNING_KEY
    if not file.is_file() or not private_keys.is_encrypted(file.read_bytes()):
        return None
    return private_keys.passphrase()


def write_next(folder: Path, seed: bytes) -> None:
    """Put the key that is to follow beside the one that signs; it takes its place by `take_next`."""
    drop_next(folder)
    write_secret(folder / NEXT_KEY, signing_pem(seed, _passphrase_of(folder)))


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
    """A page to print: the recovery key in groups of four, closed by check letters, and the same key in words."""
    letters = base64.b32encode(seed).decode().rstrip("=")
    groups = [letters[i : i + 4] for i in range(0, len(letters), 4)]
    rows = "\n".join("    " + " ".join(groups[i : i + 7]) for i in range(0, len(groups), 7))
    words = recovery_words.words_of(seed)
    lines = "\n".join("    " + " ".join(words[i : i + 6]) for i in range(0, len(words), 6))
    return f"""RECOVERY SHEET OF A JISR NODE

Node:     {name}
Address:  {node}
Made:     {created}

Recovery key:

{rows}
    check {_check(seed)}

The same key in words:

{lines}

Whoever holds this key decides for this node. With it you get the node back when the
computer is lost or the signing key is stolen. It is not needed for daily work.

1. Print this page, or copy the file to a stick. Keep it where you keep the statutes.
2. Remove the file from the computer that runs the node.
3. Say so:  jisr-node recovery-kept

Nobody can give you this key a second time.
"""


def read_recovery_sheet(text: str) -> bytes:
    """The seed on a sheet, however it was broken into lines, or of its words alone. Raises Mistaken when a letter or
    a word is wrong."""
    if recovery_words.WORD.fullmatch(text.split(maxsplit=1)[0].lower() if text.strip() else ""):
        return recovery_words.seed_of(text.split())
    body = re.search(r"Recovery key:\s*((?:[A-Z2-7]{4}\s+)+)check\s+([A-Z2-7]{4})", text)
    body = body or re.fullmatch(r"\s*((?:[A-Z2-7]{4}\s+){13})(?:CHECK\s+)?([A-Z2-7]{4})\s*", text.upper())
    if body is None:
        raise Mistaken(
            "This is not a recovery sheet: expected the words 'Recovery key:' and groups of four letters, "
            "or those groups alone, with the four check letters at the end, or the words alone. Nothing was changed."
        )
    letters = re.sub(r"\s", "", body[1])
    seed = base64.b32decode(letters + "=" * (-len(letters) % 8)) if len(letters) == 52 else b""
    if len(seed) != 32 or _check(seed) != body[2]:
        raise Mistaken("A letter of the recovery key is wrong: the check letters do not fit. Compare with the print.")
    return seed


def _check(seed: bytes) -> str:
    return base64.b32encode(recovery_words.check_bytes(seed)).decode()[:_CHECK_CHARACTERS]
