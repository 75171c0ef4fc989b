"""A poor line: 64 kbit/s, 400 ms each way, 2 % of packets lost, and cut at chosen bytes.

    with poor_line(Line(faster=8)) as line:
        line.kind                            "two network namespaces …", or "a TCP relay on loopback …"
        line.serve(folder)                   a CutServer at the far end;  line.near(work) runs work at the near end
        line.cut_at([1000, 50_000])          every connection is reset when so many bytes came over the line
        line.measure()                       what the line really does: rate, round trip, loss

With root and a TUN device the line is a relay of IP packets between two namespaces of our own: the kernels at both ends
do all that TCP does on such a line. Without, it is a relay of TCP streams with a rate, a delay, stalls and resets,
which says nothing about lost packets. Everything is taken away at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import os
import queue
import random
import secrets
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

from tests.federation.cut_server import CutServer

T = TypeVar("T")
FAR, NEAR = "10.78.0.1", "10.78.0.2"
BUFFER_BYTES = 24_000
"""What waits before the line; more is dropped, as a router does."""
_TUNSETIFF, _TUN_NO_PI = 0x400454CA, 0x1001


@dataclass(frozen=True)
class Line:
    """What the line is asked to be. `faster` is how many times faster everything runs, for a short test."""

    bits_per_second: float = 64_000
    delay_seconds: float = 0.4
    loss: float = 0.02
    faster: float = 1.0
    seed: int = 4

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.bits_per_second / 8 * self.faster

    @property
    def delay(self) -> float:
        return self.delay_seconds / self.faster


@dataclass(frozen=True)
class Measured:
    """What the line does: bytes a second, seconds there and back, share of packets lost (None where none can be)."""

    rate: float
    round_trip: float
    loss: float | None


class Relay:
    """Carries IP packets between two TUN devices as the line would. Runs in a thread of its own."""

    def __init__(self, line: Line, far: int, near: int) -> None:
        self._line, self._ends = line, (far, near)
        self._chance = random.Random(line.seed)
        self._free_at = [0.0, 0.0]
        self._waiting: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self.cuts: list[int] = []
        self.made = 0
        """How many cuts there were."""
        self.carried = 0
        """Payload bytes of TCP that came to the near end, again or not."""
        self._flows: set[bytes] = set()
        self._dead: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = max(0.0, min(0.05, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.05
            for end in select.select(self._ends, [], [], wait)[0]:
                with contextlib.suppress(BlockingIOError):
                    self._enter(self._ends.index(end), os.read(end, 4096))
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, toward, packet = heapq.heappop(self._waiting)
                self._leave(toward, packet)

    def _enter(self, side: int, packet: bytes) -> None:
        """A packet at one end: it waits for its turn, takes its time, and may be lost."""
        if packet[0] >> 4 != 4:
            return
        now, rate = time.monotonic(), self._line.rate
        begins = max(now, self._free_at[side])
        if (begins - now) * rate > BUFFER_BYTES:
            return
        self._free_at[side] = begins + len(packet) / rate
        if self._chance.random() < self._line.loss:
            return
        self._count += 1
        heapq.heappush(self._waiting, (self._free_at[side] + self._line.delay, self._count, 1 - side, packet))

    def _leave(self, toward: int, packet: bytes) -> None:
        if packet[9] != socket.IPPROTO_TCP:
            self._put(toward, packet)
            return
        flow, payload = _flow(packet, toward), _payload(packet)
        if toward == 1:
            self._flows.add(flow)
            self.carried += payload if flow not in self._dead else 0
            while self.cuts and self.carried >= self.cuts[0]:
                self.cuts.pop(0)
                self.made += 1
                self._dead |= self._flows
                self._put(1, _reset(packet, *_numbers(packet)))  # right, if nothing was lost just before
        if flow not in self._dead:
            self._put(toward, packet)
        elif toward == 0:  # it says what it waits for: that is what a reset must name
            seq, acknowledged = _numbers(packet)
            self._put(1, _reset(_turned(packet), acknowledged, seq))
            self._put(0, _reset(packet, seq, acknowledged))

    def _put(self, toward: int, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._ends[toward], packet)


def _flow(packet: bytes, toward: int) -> bytes:
    """A name of the connection, the same in both directions."""
    at = (packet[0] & 15) * 4
    ports = packet[at : at + 4]
    return ports if toward == 1 else ports[2:] + ports[:2]


def _payload(packet: bytes) -> int:
    at = (packet[0] & 15) * 4
    return len(packet) - at - (packet[at + 12] >> 4) * 4


def _numbers(packet: bytes) -> tuple[int, int]:
    """(sequence, acknowledged)."""
    found: tuple[int, int] = struct.unpack_from("!II", packet, (packet[0] & 15) * 4 + 4)
    return found


def _turned(packet: bytes) -> bytes:
    """The addresses and ports of a packet the other way round."""
    at = (packet[0] & 15) * 4
    ports = packet[at + 2 : at + 4] + packet[at : at + 2]
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:at] + ports + packet[at + 4 :]


def _reset(packet: bytes, seq: int, acknowledged: int) -> bytes:
    """A TCP reset on the way of this packet (RFC 9293 section 3.5.2)."""
    at = (packet[0] & 15) * 4
    tcp = packet[at : at + 4] + struct.pack("!IIBBHHH", seq, acknowledged, 5 << 4, 0x14, 0, 0, 0)
    ends = packet[12:20]
    checked = _sum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", checked) + tcp[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + tcp


def _sum(content: bytes) -> int:
    total = sum(struct.unpack(f"!{len(content) // 2}H", content))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class TunnelLine:
    """Two namespaces with a relay between them."""

    kind = "two network namespaces with a relay of packets between them"

    def __init__(self, line: Line) -> None:
        self.line = line
        self.names = [f"jisr{secrets.token_hex(3)}{end}" for end in ("far", "near")]
        self._open: list[int] = []
        try:
            for name, own, other in zip(self.names, (FAR, NEAR), (NEAR, FAR), strict=True):
                _ip("netns", "add", name)
                self._open.append(self.inside(name, _tun))
                _ip("-n", name, "addr", "add", own, "peer", other, "dev", "tun0")
                _ip("-n", name, "link", "set", "tun0", "mtu", "1400", "up")
                _ip("-n", name, "link", "set", "lo", "up")
            self.relay = Relay(line, *self._open)
        # a Ctrl-C too leaves no namespace on the machine
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if hasattr(self, "relay"):
            self.relay.stop()
        for descriptor in self._open:
            os.close(descriptor)
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def inside(self, name: str, work: Callable[[], T]) -> T:
        """Do something in a namespace, in a thread of its own: only that thread goes there."""
        came: list[Any] = []

        def run() -> None:
            try:
                with open(f"/run/netns/{name}") as namespace:
                    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0x40000000):
                        raise OSError(ctypes.get_errno(), "setns")
                came.append(work())
            # for whoever waits for this thread
            except BaseException as error:
                came.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if isinstance(came[0], BaseException):
            raise came[0]
        result: T = came[0]
        return result

    def far(self, work: Callable[[], T]) -> T:
        return self.inside(self.names[0], work)

    def near(self, work: Callable[[], T]) -> T:
        return self.inside(self.names[1], work)

    def serve(self, folder: Path, **options: Any) -> CutServer:
        return self.far(lambda: CutServer(folder, place=(FAR, 8080), **options))

    def address(self, server: CutServer) -> str:
        return server.address

    def cut_at(self, places: list[int]) -> None:
        """Cut the line each time so many bytes more came over it in all, counted from now."""
        self.relay.cuts = sorted(self.relay.carried + place for place in places)

    @property
    def made(self) -> int:
        return self.relay.made

    def measure(self) -> Measured:
        """With UDP: nothing repeats what is lost."""
        far, near = (inside(_datagrams) for inside in (self.far, self.near))
        far.bind((FAR, 9000))
        near.bind((NEAR, 9000))
        try:
            return Measured(self._rate(far, near), self._round_trip(far, near), self._loss(far, near))
        finally:
            far.close()
            near.close()

    def _rate(self, far: socket.socket, near: socket.socket) -> float:
        count = int(4 * self.line.rate / 1000)

        def send() -> None:
            began = time.monotonic()
            for number in range(count):
                far.sendto(bytes(972), (NEAR, 9000))
                time.sleep(max(0.0, began + number / count * 3 - time.monotonic()))  # a third faster than it is taken

        threading.Thread(target=send).start()
        came = _came(near, self.line.delay + 2)
        first, last = came[0][0], came[-1][0]
        return (len(came) - 1) * 1000 / (1 - self.line.loss) / (last - first)

    def _round_trip(self, far: socket.socket, near: socket.socket) -> float:
        took = []
        for _ in range(9):
            began = time.monotonic()
            near.sendto(b"?", (FAR, 9000))
            if _came(far, 3 * self.line.delay, most=1):
                far.sendto(b"!", (NEAR, 9000))
                if came := _came(near, 3 * self.line.delay, most=1):
                    took.append(came[0][0] - began)
        return median(took)

    def _loss(self, far: socket.socket, near: socket.socket) -> float:
        count = 1000
        came = 0
        for _ in range(count):
            far.sendto(b"x", (NEAR, 9000))
            time.sleep(40 / self.line.rate)
        came = len(_came(near, 2 * self.line.delay + 1))
        return 1 - came / count


def _came(at: socket.socket, seconds: float, most: int = 10**6) -> list[tuple[float, int]]:
    """(when, bytes) of the packets that come, until none comes for so long."""
    found: list[tuple[float, int]] = []
    at.settimeout(seconds)
    with contextlib.suppress(TimeoutError):
        while len(found) < most:
            content = at.recv(4096)
            found.append((time.monotonic(), len(content)))
    return found


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    return made


def _tun() -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH14x", b"tun0", _TUN_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class StreamLine:
    """Without root: a relay of TCP streams on loopback."""

    kind = "a TCP relay on loopback with rate, delay, stalls and resets (no packet is lost)"

    def __init__(self, line: Line) -> None:
        self.line = line
        self._chance = random.Random(line.seed)
        self._cuts: list[int] = []
        self.made = self._carried = 0
        self._free_at = 0.0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._target: tuple[str, int] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # who waits for a connection wakes up
        self._listener.close()
        self._reset()

    def near(self, work: Callable[[], T]) -> T:
        return work()

    def serve(self, folder: Path, **options: Any) -> CutServer:
        server = CutServer(folder, **options)
        host, _, port = server.address.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        return server

    def address(self, server: CutServer) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_at(self, places: list[int]) -> None:
        """Cut every connection each time so many bytes more came over the line in all, counted from now."""
        self._cuts = sorted(self._carried + place for place in places)

    def measure(self) -> Measured:
        """Through the relay itself: a server that answers one byte with many."""
        answering = socket.create_server(("127.0.0.1", 0))
        self._target = answering.getsockname()[:2]
        count = int(4 * self.line.rate)

        def answer() -> None:
            with answering.accept()[0] as connection:
                connection.recv(1)
                connection.sendall(b"!")
                connection.recv(1)
                connection.sendall(bytes(count))

        threading.Thread(target=answer, daemon=True).start()
        with socket.create_connection(self._listener.getsockname()) as asking:
            began = time.monotonic()
            asking.sendall(b"?")
            asking.recv(1)
            round_trip = time.monotonic() - began
            asking.sendall(b"?")
            came, first = 0, 0.0
            while came < count:
                came += len(asking.recv(65536))
                first = first or time.monotonic()
            rate = count / (time.monotonic() - first)
        answering.close()
        return Measured(rate, round_trip, None)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._target or ("127.0.0.1", 1))
                except OSError:
                    near.close()
                    continue
                self._pairs.append((near, far))
                threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, down: bool) -> None:
        """Read as fast as the line takes it; what was read is delivered in order, each piece when it has arrived."""
        waiting: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._deliver, args=(waiting, target, down), daemon=True).start()
        arrives = 0.0
        with contextlib.suppress(OSError):
            while piece := source.recv(1400):
                with self._lock:
                    if down:
                        self._free_at = max(time.monotonic(), self._free_at) + len(piece) / self.line.rate
                    stall = 1.0 / self.line.faster if self._chance.random() < self.line.loss / 4 else 0.0
                    leaves = self._free_at if down else time.monotonic()
                arrives = max(arrives, leaves + self.line.delay + stall)
                waiting.put((arrives, piece))
                if down:
                    time.sleep(max(0.0, leaves - time.monotonic()))
        waiting.put((arrives, b""))

    def _deliver(self, waiting: queue.SimpleQueue[tuple[float, bytes]], target: socket.socket, down: bool) -> None:
        with contextlib.suppress(OSError):
            while True:
                arrives, piece = waiting.get()
                time.sleep(max(0.0, arrives - time.monotonic()))
                if not piece:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(piece)
                if down:
                    self._count(len(piece))

    def _count(self, size: int) -> None:
        with self._lock:
            self._carried += size
            due = [cut for cut in self._cuts if cut <= self._carried]
            self._cuts, self.made = self._cuts[len(due) :], self.made + len(due)
        if due:
            self._reset()

    def _reset(self) -> None:
        pairs, self._pairs = self._pairs, []
        for one in (one for pair in pairs for one in pair):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RD)  # who reads from it just now wakes up
            one.close()


def may_tunnel() -> bool:
    """Whether this machine lets us make namespaces and TUN devices."""
    if os.name != "posix" or shutil.which("ip") is None or not os.path.exists("/dev/net/tun") or os.geteuid() != 0:
        return False
    name = f"jisr{secrets.token_hex(3)}try"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made


@contextlib.contextmanager
def poor_line(line: Line, *, tunnel: bool | None = None) -> Iterator[TunnelLine | StreamLine]:
    """The best poor line that this machine allows; `tunnel` False asks for the relay of streams."""
    made: TunnelLine | StreamLine
    made = TunnelLine(line) if (may_tunnel() if tunnel is None else tunnel) else StreamLine(line)
    try:
        yield made
    finally:
        made.close()
