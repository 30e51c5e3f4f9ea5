"""A database server that refuses what it is told to refuse: a proxy before a real one, which answers statements itself
with an error, as if the server had said so, or cuts the connection there.

    with Refusing(db.port) as wire:
        wire.refuse(r"^UPDATE sluice_checkpoint", 1213, times=1)
        …wire.port…; wire.struck

The connection must be without TLS. Only statements as text (COM_QUERY) and their preparation are looked at."""
import re
import socket
import struct
import threading

from .hostile import Hostile

STATEMENTS = (0x03, 0x16)  # COM_QUERY, COM_STMT_PREPARE
CUT = 0


class Rule:
    def __init__(self, pattern, code, times, skip, then):
        self.pattern, self.code, self.left, self.skip, self.then = re.compile(pattern, re.S), code, times, skip, then


class Refusing(Hostile):
    """port: where to connect. struck: the statements that were refused, in order."""

    def __init__(self, upstream):
        super().__init__(self._connection)
        self.upstream, self.rules, self.struck, self.lock = upstream, [], [], threading.Lock()

    def refuse(self, pattern, code, times=1 << 30, skip=0, then=None):
        """The first `skip` statements that match go through, then `times` get the error (CUT: the line to the
        server is cut), and `then` is called before the client sees it."""
        with self.lock:
            self.rules.append(Rule(pattern, code, times, skip, then))

    def relent(self):
        with self.lock:
            self.rules.clear()

    def _judge(self, statement):
        """The rule that strikes, or None."""
        with self.lock:
            for rule in self.rules:
                if rule.left <= 0 or not rule.pattern.search(statement):
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                rule.left -= 1
                self.struck.append(statement)
                return rule
        return None

    @staticmethod
    def _back(server, link):
        try:
            while data := server.recv(65536):
                link.sock.sendall(data)
        except OSError:
            pass
        if link.cutting:
            return  # the client is told when all has been done
        try:
            link.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _connection(self, link):
        link.cutting = False
        with socket.create_connection(("127.0.0.1", self.upstream)) as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._back, args=(server, link), daemon=True).start()
            try:
                while True:
                    head = link.read(4)
                    body = link.read(int.from_bytes(head[:3], "little"))
                    rule = None
                    if head[3] == 0 and body[:1] and body[0] in STATEMENTS:
                        rule = self._judge(body[1:].decode("utf-8", "replace"))
                    if rule is None:
                        server.sendall(head + body)
                        continue
                    if rule.code == CUT:
                        link.cutting = True
                        server.shutdown(socket.SHUT_RDWR)
                    if rule.then:
                        rule.then()
                    if rule.code == CUT:
                        return
                    error = b"\xff" + struct.pack("<H", rule.code) + b"#HY000" + b"refused by the test"
                    link.send(len(error).to_bytes(3, "little") + b"\x01" + error)
            finally:
                try:
                    server.shutdown(socket.SHUT_RDWR)  # which a close alone does not do while the other thread reads
                except OSError:
                    pass
