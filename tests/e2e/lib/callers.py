"""Who calls a server: nobody, accounts and tokens of each role, the owner of the socket; and what its OpenAPI document
says there is to call. A server here is anything with `port`, `origin` and `socket_path`."""
import http.client
import json
import socket

PASSWORD = "correct horse battery"
ROLES = ("viewer", "operator", "admin")
LEVEL = {"none": 0, "nobody": 0, "viewer": 1, "operator": 2, "admin": 3}


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


def people(server):
    """An account and a token of each role; the callers by name: "nobody", "viewer", "viewer token", …"""
    local = Caller(server, local=True)
    callers = {"nobody": Caller(server)}
    for role in reversed(ROLES):
        made = local.call("POST", "/api/v1/users", {"name": role, "role": role, "password": PASSWORD})
        assert made.status == 201, made
    for role in ROLES:
        callers[role] = Caller(server)
        answer = callers[role].login(role)
        assert answer.status == 200, answer
        token = local.call("POST", "/api/v1/tokens", {"name": role, "role": role})
        assert token.status == 201, token
        callers[role + " token"] = Caller(server, {"Authorization": "Bearer " + token.json["token"]})
    callers["nobody"].browse()
    return callers


def operations(document):
    """(method, path, operation) of everything that the document describes."""
    for path, item in document["paths"].items():
        for method in ("get", "post", "put", "delete"):
            if method in item:
                yield method.upper(), path, item[method]


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def check_document(test, document):
    """The document is one of OpenAPI 3.1, strictly: every operation whole, every reference there."""
    test.assertEqual(document["openapi"], "3.1.0")
    test.assertTrue(document["info"]["title"] and document["info"]["version"])
    ids = set()
    for method, path, operation in operations(document):
        test.assertNotIn(operation["operationId"], ids)
        ids.add(operation["operationId"])
        named = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
        test.assertEqual(named, declared, path)
        for p in operation["parameters"]:
            test.assertIn(p["in"], ("path", "query"))
            test.assertTrue(p["required"] or p["in"] == "query")
            test.assertTrue(p["description"] and isinstance(p["schema"], dict), (path, p))
        test.assertTrue(operation["summary"])
        test.assertIn(operation["x-role"], LEVEL)
        test.assertIn("default", operation["responses"])
        test.assertTrue(any(status.startswith("2") for status in operation["responses"]), (method, path))
    for ref in references(document):
        kind, name = ref.split("/")[-2:]
        test.assertIn(name, document["components"][kind], ref)
