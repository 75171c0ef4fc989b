"""Private keys at rest, for programs that sign: a PEM file (PKCS #8) that its owner alone may read.

It may be encrypted with a passphrase, which never stands on a command line. It is taken, in this order, from
  JISR_KEY_PASSPHRASE_FILE   a file, of which the first line counts
  $CREDENTIALS_DIRECTORY/jisr.passphrase   what systemd hands over (LoadCredential=)
  JISR_KEY_PASSPHRASE        the environment
  a question                 on a terminal
The key itself may come as a credential too, $CREDENTIALS_DIRECTORY/jisr.signing-key, where the folder holds none.
"""

from __future__ import annotations

import base64
import getpass
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

CREDENTIAL_KEY = "jisr.signing-key"
CREDENTIAL_PASSPHRASE = "jisr.passphrase"
PASSPHRASE_FILE = "JISR_KEY_PASSPHRASE_FILE"
PASSPHRASE = "JISR_KEY_PASSPHRASE"
_PASSPHRASE_BYTES = 1024


# What stands before the seed in an Ed25519 key without a passphrase (RFC 8410 section 7). Read and written here, it
# spares a node the ten megabytes of the library that is needed for all others.
_BEFORE_SEED = bytes.fromhex("302e020100300506032b657004220420")
_PLAIN = re.compile(rb"-----BEGIN PRIVATE KEY-----\s+([A-Za-z0-9+/]{64})\s+-----END PRIVATE KEY-----\s*")


class KeyProblem(ValueError):
    """A key cannot be read; the sentence says why and what to do. Nothing was changed."""


def pem(seed: bytes, passphrase: bytes | None = None) -> bytes:
    """The PEM file (RFC 8410) of a signing seed, encrypted if there is a passphrase."""
    if not passphrase:
        body = base64.b64encode(_BEFORE_SEED + seed)
        return b"-----BEGIN PRIVATE KEY-----\n" + body + b"\n-----END PRIVATE KEY-----\n"
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    how = serialization.BestAvailableEncryption(passphrase)
    return Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how
    )


def is_encrypted(content: bytes) -> bool:
    """Whether a PEM file asks for a passphrase."""
    return b"ENCRYPTED PRIVATE KEY" in content


def seed_of(content: bytes, name: str, passphrase: Callable[[], bytes | None]) -> bytes:
    """The signing seed of a PEM file; `passphrase` is asked only where it is encrypted. Raises KeyProblem."""
    if (plain := _PLAIN.fullmatch(content)) and (body := base64.b64decode(plain[1])).startswith(_BEFORE_SEED):
        return body[len(_BEFORE_SEED) :]
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    said = passphrase() if is_encrypted(content) else None
    if is_encrypted(content) and not said:
        raise KeyProblem(
            f"{name} is protected by a passphrase, and none was given. Nothing was changed. Name a file that holds it "
            f"in {PASSPHRASE_FILE}, or give the command on a terminal."
        )
    try:
        key = serialization.load_pem_private_key(content, password=said)
    except ValueError as error:
        if said:
            raise KeyProblem(f"The passphrase does not open {name}. Nothing was changed. Try again.") from None
        raise KeyProblem(
            f"{name} is not a key that can be read ({error}). Nothing was changed. Put it back from your backup."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(f"{name} holds another kind of key; expected Ed25519. Put the file back from your backup.")
    return key.private_bytes_raw()


def place(file: Path, environment: Mapping[str, str] = os.environ) -> Path:
    """Where the key is: the file, or what systemd handed over where there is none."""
    handed = environment.get("CREDENTIALS_DIRECTORY")
    if handed and not file.exists() and (Path(handed) / CREDENTIAL_KEY).is_file():
        return Path(handed) / CREDENTIAL_KEY
    return file


def passphrase(environment: Mapping[str, str] = os.environ, *, ask: bool = True) -> bytes | None:
    """The passphrase as it is given; None where nobody gives one. Raises KeyProblem for a file that cannot be read."""
    handed = environment.get("CREDENTIALS_DIRECTORY")
    files = [environment.get(PASSPHRASE_FILE), str(Path(handed) / CREDENTIAL_PASSPHRASE) if handed else None]
    if files[1] is not None and not Path(files[1]).is_file():
        files[1] = None
    for file in files:
        if file:
            try:
                with open(file, "rb") as opened:
                    return opened.read(_PASSPHRASE_BYTES).split(b"\n")[0].rstrip(b"\r") or None
            except OSError as error:
                raise KeyProblem(f"{file}, which should hold the passphrase: {error.strerror}.") from None
    if environment.get(PASSPHRASE):
        return environment[PASSPHRASE].encode()
    if ask and sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass("Passphrase of the signing key: ").encode() or None
    return None


def warning(file: Path) -> str:
    """What to say when others than its owner may read a key; "" when all is well, or where systems know no owners."""
    if os.name != "posix":
        return ""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return ""
    if not mode & 0o077:
        return ""
    return (
        f"WARNING: {file} can be read by other users of this computer (mode {mode:04o}), and whoever reads it can sign "
        f"in your name. Close it: chmod 600 {file}"
    )


def write(file: Path, content: bytes) -> None:
    """Put a key file in the place of what is there: whole or not at all, for its owner alone, durable on return."""
    part = file.with_name(file.name + ".part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    os.replace(part, file)
