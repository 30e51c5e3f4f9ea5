"""plain-server with accounts of each role, and callers of each kind: what the tests of the server share."""
import http.client
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

PROGRAM = os.environ.get("PLAIN_SERVER", "build/tests/server/plain-server")
PASSWORD = "correct horse battery"
ROLES = ("viewer", "operator", "admin")


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json["error"]["message"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


class Caller:
    """Somebody who calls: headers of their own, the CSRF token where a browser would send it."""

    def __init__(self, server, headers=None, local=False):
        self.server, self.headers, self.local, self.csrf = server, dict(headers or {}), local, None

    def connection(self):
        if self.local:
            return UnixConnection(self.server.socket_path)
        return http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)

    def call(self, method, path, body=None, headers=None, raw=None):
        sent = {**self.headers, **(headers or {})}
        data = raw
        if body is not None:
            data = json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        sent = {name: value for name, value in sent.items() if value is not None}
        connection = self.connection()
        try:
            connection.request(method, path, body=data, headers=sent)
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def browse(self):
        """Takes what a page takes: the CSRF token of its session, and the Origin that a browser adds."""
        session = self.call("GET", "/api/v1/session").json
        self.headers["X-CSRF-Token"] = session["csrf"]
        self.headers["Origin"] = self.server.origin
        return session

    def login(self, user, password=PASSWORD):
        self.browse()
        answer = self.call("POST", "/api/v1/session", {"user": user, "password": password})
        if answer.status == 200:
            self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]
            self.headers["X-CSRF-Token"] = answer.json["csrf"]
        return answer


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
        """An account and a token of each role; the callers by name: "nobody", "viewer", "viewer token", …"""
        local = self.local()
        callers = {"nobody": Caller(self)}
        for role in reversed(ROLES):
            made = local.call("POST", "/api/v1/users", {"name": role, "role": role, "password": PASSWORD})
            assert made.status == 201, made
        for role in ROLES:
            callers[role] = Caller(self)
            answer = callers[role].login(role)
            assert answer.status == 200, answer
            token = local.call("POST", "/api/v1/tokens", {"name": role, "role": role})
            assert token.status == 201, token
            callers[role + " token"] = Caller(self, {"Authorization": "Bearer " + token.json["token"]})
        callers["nobody"].browse()
        return callers

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
