"""Servers that do not play by the rules: bytes on a socket, as a script says, for each connection anew.

    with Hostile(lambda link: link.send(b"HTTP/1.1 200 OK\\r\\n\\r\\n")) as server: …server.port…

The script runs in a thread of its own for each connection; when it returns, the connection is closed. A peer that goes
away ends the script quietly."""
import socket
import threading
import time


class Link:
    """One connection: send, read a request, wait."""

    def __init__(self, sock, server):
        self.sock, self.server = sock, server
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *parts):
        for part in parts:
            self.sock.sendall(part)

    def request(self):
        """An HTTP request, head and body; empty when the peer sent none."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.sock.recv(65536)
            if not more:
                return data
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            more = self.sock.recv(65536)
            if not more:
                break
            body += more
        return head + b"\r\n\r\n" + body

    def read(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise ConnectionError("the peer went away")
            data += more
        return data

    def idle(self, seconds):
        """Waits until the server ends, at most so long; false when it has ended."""
        return not self.server.ended.wait(seconds)

    def drip(self, data, seconds):
        """A byte at a time."""
        for i in range(len(data)):
            self.send(data[i:i + 1])
            if not self.idle(seconds):
                return


class Hostile:
    def __init__(self, script):
        self.script, self.connections = script, 0
        self.ended = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        self.links = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.ended.is_set():
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            self.links.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            with sock:
                self.script(Link(sock, self))
        except (OSError, ConnectionError, ValueError):
            pass

    def close(self):
        self.ended.set()
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        deadline = time.monotonic() + 5
        for sock in self.links:
            if time.monotonic() < deadline:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
