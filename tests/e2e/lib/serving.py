"""`sluice serve` as tests use it: started on a free port, asked over its socket, ended in order or not."""
import http.client
import json
import os
import signal
import socket
import time
import urllib.parse

from .process import end, pause


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket of the file system."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000]}"


class Serving:
    """serve on the project. The context ends it; stop() in order, kill() without."""

    def __init__(self, project, *options, env=None):
        self.project, self.options, self.env = project, options, env
        self.log = os.path.join(project.home, "serve.err")
        self.start()

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = self.project.start("serve", "--listen", "127.0.0.1:0", *self.options, env=self.env, stderr=log)
        line = self.process.stdout.readline()
        if not line.startswith("{") or "url" not in json.loads(line):
            raise RuntimeError(f"serve did not start: {line}{self.said()}")
        self.url = json.loads(line)["url"]

    def said(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()

    def ask(self, method, path, body=None, timeout=60):
        """A call over the socket, as an admin. Query parameters stand in the path."""
        link = UnixConnection(os.path.join(self.project.folder, ".sluice", "serve.sock"), timeout)
        try:
            link.request(method, urllib.parse.quote(path, safe="/?&=%:+,-"), None if body is None else json.dumps(body),
                         {"Content-Type": "application/json"})
            reply = link.getresponse()
            return Answer(reply.status, reply.read().decode())
        finally:
            link.close()

    def get(self, path):
        """What a path of /api/v1 answers, which goes well."""
        answer = self.ask("GET", "/api/v1/" + path)
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer}")
        return answer.json

    def post(self, path, body=None, method="POST"):
        answer = self.ask(method, "/api/v1/" + path, body or {})
        if answer.status not in (200, 201, 202):
            raise AssertionError(f"{method} {path}: {answer}")
        return answer.json

    def row(self, name="orders"):
        return next(row for row in self.get("overview")["integrations"] if row["name"] == name)

    def until(self, condition, seconds=30, what="a condition"):
        """The first true answer of condition()."""
        deadline = time.monotonic() + seconds
        while True:
            answer = condition()
            if answer:
                return answer
            if not pause(self.process, 0.05):
                raise RuntimeError(f"{what}: serve ended with {self.process.returncode}: {self.said()}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: not after {seconds} s; {self.row()}; {self.said()[-2000:]}")

    def job(self, answer, seconds=60):
        """The summary of a job that was asked for, once it has ended."""
        path = f"jobs/{answer['job']}"
        return self.until(lambda: self.get(path)["state"] == "ended" and self.get(path), seconds, path)["summary"]

    def runs(self, name="orders"):
        return self.get(f"integrations/{name}/runs?limit=1000")["runs"]

    def stop(self):
        """Ends it in order; its exit status."""
        status = end(self.process, signal.SIGTERM, 20)
        self.process.stdout.close()
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        elif not self.process.stdout.closed:
            self.process.stdout.close()
