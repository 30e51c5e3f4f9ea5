"""Proxies that do to a connection what networks do: cut it, stop it, let it drip, answer nonsense.

    with Loop() as loop:
        wire = Wire(loop, MYSQL, db.port)
        wire.plan([Fault("commit-after"), Fault("rst", side=DOWN, at=700)])
        ... run against wire.port ...
        wire.plan([]); wire.taken()  # what really struck: {"commit-after": 1, "rst": 1}

The faults of a plan come one after another, each counted from where the one before it struck: `at` bytes on one side, or
the `at`-th COMMIT, answer or connection, from 0. For MySQL the framing of packets is followed (no TLS, no compression),
so that COMMIT is seen before it is passed on. What a fault strikes is decided by the plan alone; which moment of a run
that is depends on timing.

Kinds, and where `at` counts:

    commit-before  COMMITs  the COMMIT is not passed on, the connection is cut
    commit-after   COMMITs  the server answers that it has committed; the answer is kept, the connection cut
    commit-late    COMMITs  the client is cut off, and the COMMIT reaches the server `seconds` later
    rst, fin       bytes    a cut, even in the middle of a packet
    stall          bytes    nothing passes on that side for `seconds`; the connection stays open
    drip           bytes    the next bytes pass one to three at a time
    refuse         connections  closed before anything passes
    garbage        MySQL: connections, instead of the greeting; HTTP: answers, instead of the answer
"""
import asyncio
import socket
import struct
import threading
from collections import Counter, deque
from dataclasses import dataclass

from lib.process import free_port, release_port

UP, DOWN = "up", "down"
MYSQL, HTTP = "mysql", "http"
COMMIT_KINDS = ("commit-before", "commit-after", "commit-late")
BYTE_KINDS = ("rst", "fin", "stall", "drip")
COMMIT = b"\x03COMMIT"
CHUNK = 1 << 16
DRIP_BYTES = 60
UPSTREAM_LIMIT_S = 10  # how long a late COMMIT waits for its answer

GREETINGS = (b"\x00" * 40, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\x00\x0a", b"\x05\x00\x00\x00\xff\x10\x04#0")
ANSWERS = (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
           b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 26\r\n\r\n<html>please log in</html>",
           b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\": [1,", b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
           b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", b"\x16\x03\x01 not HTTP\r\n\r\n")


@dataclass
class Fault:
    kind: str
    at: int = 0
    side: str = DOWN
    seconds: float = 0.0  # of a stall, or of a COMMIT's delay
    reset: bool = True    # a cut around COMMIT: RST, or FIN
    text: bytes = b""     # garbage


async def later(seconds):
    await asyncio.sleep(seconds)  # lint: allow(banned) the delay is the fault


class Loop:
    """One thread that moves the bytes of all proxies. Use as a context."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call(self._cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def _cancel(self):
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Cut(Exception):
    """The link ends. Its sockets are closed when nobody waits for them any more."""


class Link:
    """One connection of a client, and ours to the server behind it."""

    def __init__(self, wire, client, server):
        self.wire, self.client, self.server = wire, client, server
        self.held = b""          # the beginning of a packet that is too short to be told
        self.body = 0            # bytes of the present packet that are still to come
        self.fresh = True        # HTTP: the next bytes down begin an answer
        self.keep_answer = None  # the fault that waits for the answer to COMMIT
        self.reset = False       # ends with RST
        self.late = None         # (packet, seconds): what the server still gets when the client is gone

    def cut(self, reset):
        self.reset = reset
        raise Cut

    def close(self):
        _close(self.client, self.reset)
        if self.late:
            self.wire.spawn(self.deliver(*self.late))
        else:
            _close(self.server, self.reset)

    async def send(self, side, data):
        loop = self.wire.loop.loop
        await loop.sock_sendall(self.server if side == UP else self.client, data)

    # ---- what passes ----

    async def pump(self, side):
        source = self.client if side == UP else self.server
        while True:
            data = await self.wire.loop.loop.sock_recv(source, CHUNK)
            if not data:
                raise Cut
            if side == DOWN:
                await self.down(data)
            elif self.wire.kind == MYSQL:
                await self.packets(data)
            else:
                self.fresh = True
                await self.bytes(UP, data)

    async def down(self, data):
        if self.keep_answer:
            await self.committed(data)
        elif self.fresh and self.wire.kind == HTTP:
            self.fresh = False
            fault = self.wire.due("garbage")
            if fault:
                await self.send(DOWN, fault.text)
                self.cut(False)
        await self.bytes(DOWN, data)

    async def committed(self, data):
        """An answer to COMMIT: kept back when it says that the server has committed."""
        fault, self.keep_answer = self.keep_answer, None
        if data[4:5] == b"\x00":
            self.wire.struck(fault)
            self.cut(fault.reset)

    async def packets(self, data):
        data = self.held + data
        self.held, at, start = b"", 0, 0
        while at < len(data):
            if self.body:
                n = min(self.body, len(data) - at)
                at += n
                self.body -= n
                continue
            rest = data[at:at + 4 + len(COMMIT)]
            length = int.from_bytes(rest[:3], "little")
            if len(rest) < 4 or len(rest) < 4 + min(length, len(COMMIT)):
                self.held = data[at:]
                break
            if length == len(COMMIT) and rest[4:] == COMMIT:
                await self.bytes(UP, data[start:at])
                start = at
                await self.commit(rest)
            at += 4
            self.body = length
        await self.bytes(UP, data[start:at])

    async def commit(self, packet):
        fault = self.wire.commit_due()
        if not fault:
            return
        if fault.kind == "commit-after":
            self.keep_answer = fault
            return
        self.wire.struck(fault)
        if fault.kind == "commit-late":
            self.late = (packet, fault.seconds)
        self.cut(fault.reset)

    async def deliver(self, packet, seconds):
        loop = self.wire.loop.loop
        try:
            await later(seconds)
            await loop.sock_sendall(self.server, packet)
            await asyncio.wait_for(loop.sock_recv(self.server, CHUNK), UPSTREAM_LIMIT_S)
        except (OSError, asyncio.TimeoutError):
            pass
        finally:
            _close(self.server, False)

    async def bytes(self, side, data):
        while data:
            fault, n = self.wire.byte_due(side, len(data))
            if n:
                await self.send(side, data[:n])
                data = data[n:]
            if fault:
                data = await self.strike(fault, side, data)

    async def strike(self, fault, side, data):
        if fault.kind == "stall":
            await later(fault.seconds)
            return data
        if fault.kind == "drip":
            n = 0
            while n < min(len(data), DRIP_BYTES):
                step = 1 + n % 3
                await self.send(side, data[n:n + step])
                n += step
                await later(0.001)
            return data[n:]
        return self.cut(fault.kind == "rst")


class Wire:
    """A proxy in front of 127.0.0.1:upstream, which listens on `port`."""

    def __init__(self, loop, kind, upstream):
        self.loop, self.kind, self.upstream = loop, kind, upstream
        self.done = Counter()
        self.faults = deque()
        self.count = 0  # COMMITs, answers, connections or bytes since the last fault
        self.links = set()
        self.tasks = set()
        self.port = free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self.listener.setblocking(False)
        loop.call(self._open())

    # ---- from the attack's thread ----

    def plan(self, faults):
        """What is to come from now on; nothing of what was planned before."""
        self.loop.call(self._plan(list(faults)))

    def taken(self):
        """What has struck since this was asked last, by kind."""
        return self.loop.call(self._taken())

    def close(self):
        self.loop.call(self._close())

    async def _plan(self, faults):
        self.faults = deque(faults)
        self.count = 0

    async def _taken(self):
        done, self.done = self.done, Counter()
        return done

    async def _open(self):
        self.spawn(self._accept())

    async def _close(self):
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.listener.close()
        release_port(self.port)

    # ---- in the loop ----

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def struck(self, fault):
        self.done[fault.kind] += 1

    def _next(self):
        self.count = 0
        return self.faults.popleft()

    def _counted(self, *kinds):
        """The first fault, when it is of these kinds and its turn has come."""
        if not self.faults or self.faults[0].kind not in kinds:
            return None
        self.count += 1
        return self._next() if self.count > self.faults[0].at else None

    def due(self, *kinds):
        fault = self._counted(*kinds)
        if fault:
            self.struck(fault)
        return fault

    def commit_due(self):
        return self._counted(*COMMIT_KINDS)

    def byte_due(self, side, n):
        """(fault or None, how many of n bytes pass before it)."""
        if not self.faults or self.faults[0].kind not in BYTE_KINDS or self.faults[0].side != side:
            return None, n
        left = self.faults[0].at - self.count
        if left >= n:
            self.count += n
            return None, n
        fault = self._next()
        self.struck(fault)
        return fault, left

    async def _accept(self):
        while True:
            client, _ = await self.loop.loop.sock_accept(self.listener)
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.spawn(self._serve(client))

    async def _serve(self, client):
        fault = self.due("refuse", "garbage") if self.kind == MYSQL else self.due("refuse")
        if fault:
            if fault.kind == "garbage":
                await self.loop.loop.sock_sendall(client, fault.text)
            _close(client, fault.kind == "refuse")
            return
        server = socket.socket()
        server.setblocking(False)
        link = Link(self, client, server)
        try:
            await self.loop.loop.sock_connect(server, ("127.0.0.1", self.upstream))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._both(link)
        except OSError:
            pass
        finally:
            link.close()

    async def _both(self, link):
        """Until one side ends; the other is ended with it."""
        sides = [asyncio.ensure_future(link.pump(side)) for side in (UP, DOWN)]
        try:
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for side in sides:
                side.cancel()
            for end in await asyncio.gather(*sides, return_exceptions=True):
                if not isinstance(end, (Cut, OSError, asyncio.CancelledError)):
                    raise end


def _close(link, reset):
    """RST, or FIN for both directions."""
    try:
        if reset:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            link.shutdown(socket.SHUT_RDWR)
    except OSError:  # it is closed already
        pass
    link.close()
