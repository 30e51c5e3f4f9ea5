"""plain-server with accounts of each role, and callers of each kind: what the tests of the server share."""
import json
import os
import select
import shutil
import socket
import sys
import tempfile
from urllib.parse import urlsplit

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from lib import process  # noqa: E402
from lib.callers import Caller, people  # noqa: E402

PROGRAM = os.environ.get("PLAIN_SERVER", "build/tests/server/plain-server")


class Plain:
    def __init__(self, *arguments, listen="127.0.0.1:0", origin=None):
        self.dir = tempfile.mkdtemp(prefix="plain-")
        self.arguments, self.listen, self.given_origin = arguments, listen, origin
        self.socket_path = os.path.join(self.dir, "serve.sock")
        self.process = None
        try:
            self.start()
        except RuntimeError:
            self.close()
            raise

    def start(self):
        self.errors = open(os.path.join(self.dir, "stderr"), "a+")
        self.process = process.spawn([PROGRAM, self.dir, self.listen, *self.arguments], stdout=-1, stderr=self.errors)
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise RuntimeError(f"plain-server: {self.log()}")
        self.url = json.loads(line)["url"]
        self.port = urlsplit(self.url).port
        self.origin = self.given_origin or self.url

    def log(self):
        with open(os.path.join(self.dir, "stderr"), encoding="utf-8") as f:
            return f.read()

    def stop(self):
        status = process.end(self.process)
        self.process.stdout.close()
        self.errors.close()
        return status

    def close(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def local(self):
        return Caller(self, local=True)

    def people(self):
        return people(self)

    def talk(self, data, until=b"", seconds=10):
        """Sends bytes as they are; what came back until the other end closes, or `until` was seen."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as s:
            try:
                s.sendall(data)
                got = b""
                while not until or until not in got:
                    piece = s.recv(65536)
                    if not piece:
                        break
                    got += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
            return got
