"""`sluice serve` as others see it: every route of its document with every kind of caller, the bad inputs of the HTTP layer
on routes that do real work, secrets, and the socket for commands."""
import os
import socket
import unittest

from lib.callers import LEVEL, Caller, check_document, operations, people
from lib.process import end, free_port, wait_until
from lib.servers import Project, Sim

CANARY = "canary-5f1c-app-secret"
# The least role of every route. A route that is added, or gets another role, has to be written here as well.
ROUTES = {
    "none": """
        GET /healthz
        GET /readyz
        GET /metrics
        GET /api/v1/openapi.json
        GET/POST/DELETE /api/v1/session
        POST /api/v1/setup""",
    "viewer": """
        GET /api/v1/events
        GET /api/v1/overview
        GET /api/v1/status
        GET /api/v1/integrations/{name}
        GET /api/v1/jobs/{id}
        GET /api/v1/integrations/{name}/runs
        GET /api/v1/integrations/{name}/series
        GET /api/v1/integrations/{name}/windows
        GET /api/v1/integrations/{name}/records
        GET /api/v1/integrations/{name}/records/{id}
        GET /api/v1/integrations/{name}/export
        GET /api/v1/integrations/{name}/dead
        GET /api/v1/integrations/{name}/dead/{id}
        GET /api/v1/integrations/{name}/fields
        GET /api/v1/integrations/{name}/metadata
        POST /api/v1/integrations/{name}/metadata/check
        GET /api/v1/integrations/{name}/metadata/versions
        GET /api/v1/integrations/{name}/metadata/versions/{version}
        GET /api/v1/connections
        GET /api/v1/alerts
        GET /api/v1/alerts/history
        GET /api/v1/alerts/rules
        GET /api/v1/alerts/channels
        GET /api/v1/alerts/silences
        GET /api/v1/log
        GET /api/v1/check
        GET /api/v1/connectors
        GET /api/v1/connectors/{name}
        GET /api/v1/schemas/{name}""",
    "operator": """
        POST /api/v1/integrations/{name}/run
        POST /api/v1/integrations/{name}/stop
        POST /api/v1/integrations/{name}/pause
        POST /api/v1/integrations/{name}/resume
        POST /api/v1/integrations/{name}/replay
        POST /api/v1/integrations/{name}/audit
        PUT /api/v1/integrations/{name}/dead/{id}
        POST /api/v1/integrations/{name}/retry
        POST /api/v1/integrations/{name}/drop
        POST /api/v1/integrations/{name}/check
        POST /api/v1/integrations/{name}/ddl
        POST /api/v1/integrations/{name}/fields/accept
        POST /api/v1/integrations/{name}/metadata/preview
        POST /api/v1/connections/{name}/test
        POST /api/v1/alerts/channels/{name}/test
        POST /api/v1/alerts/silences
        DELETE /api/v1/alerts/silences/{id}""",
    "admin": """
        GET/POST /api/v1/users
        PUT/DELETE /api/v1/users/{name}
        GET/POST /api/v1/tokens
        DELETE /api/v1/tokens/{id}
        GET /api/v1/audit
        POST /api/v1/integrations/{name}/cursor
        PUT /api/v1/integrations/{name}/metadata
        POST /api/v1/integrations/{name}/metadata/rollback
        PUT /api/v1/connections/{name}/secrets/{param}""",
}


class Serve:
    def __init__(self, project, *options):
        self.project, self.port = project, free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.socket_path = os.path.join(project.folder, ".sluice", "serve.sock")
        self.errors = open(os.path.join(project.home, "stderr"), "w+", encoding="utf-8")
        self.process = project.start("serve", "--listen", f"127.0.0.1:{self.port}", *options, json=False,
                                     stdout=self.errors, stderr=self.errors)
        wait_until(self.answers, self.process, 30, "sluice serve")

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def log(self):
        with open(self.errors.name, encoding="utf-8") as f:
            return f.read()

    def close(self):
        status = end(self.process)
        self.errors.close()
        return status


class Routes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--orders", "20")
        cls.addClassCleanup(cls.sim.close)
        cls.project = Project(cls.sim, enabled=False)
        cls.addClassCleanup(cls.project.close)
        connection = cls.sim.connection
        connection["params"]["app_secret"] = CANARY
        cls.project.write("connections/jst.json", connection)
        cls.serve = Serve(cls.project)
        cls.addClassCleanup(cls.serve.close)
        cls.callers = people(cls.serve)
        cls.document = Caller(cls.serve, local=True).call("GET", "/api/v1/openapi.json").json

    def fill(self, path):
        return path.replace("{name}", "orders").replace("{", "").replace("}", "")

    def test_document(self):
        check_document(self, self.document)
        self.assertGreater(len(list(operations(self.document))), 40)

    def test_every_route_is_known_with_its_role(self):
        wanted = {(method, path): role for role, lines in ROUTES.items() for methods, path in
                  (line.split() for line in lines.strip().splitlines()) for method in methods.split("/")}
        found = {(method, path): operation["x-role"] for method, path, operation in operations(self.document)}
        self.assertEqual(found, wanted)

    def test_whoever_may_not_is_refused_everywhere(self):
        seen = 0
        for method, path, operation in operations(self.document):
            least = LEVEL[operation["x-role"]]
            for who, caller in self.callers.items():
                if LEVEL[who.split()[0]] >= least:
                    continue
                with self.subTest(method=method, path=path, who=who):
                    answer = caller.call(method, self.fill(path), {} if "requestBody" in operation else None)
                    self.assertEqual(answer.status, 401 if who == "nobody" else 403, answer)
                    self.assertEqual(answer.json["error"]["code"], "auth")
                    seen += 1
        self.assertGreater(seen, 100)

    def test_whoever_may_look_is_answered(self):
        for method, path, operation in operations(self.document):
            if method != "GET" or path == "/api/v1/events":
                continue
            least = LEVEL[operation["x-role"]]
            for who, caller in self.callers.items():
                if LEVEL[who.split()[0]] < least:
                    continue
                with self.subTest(path=path, who=who):
                    answer = caller.call("GET", self.fill(path))
                    self.assertIn(answer.status, (200, 400, 404, 503), answer)
                    if answer.status >= 400:
                        self.assertEqual(set(answer.json["error"]), {"code", "message", "hint"})
                    self.assertNotIn(CANARY.encode(), answer.body)

    def test_whoever_may_change_is_let_through(self):
        """As far as the body, which is wrong, so that nothing is changed."""
        for method, path, operation in operations(self.document):
            for who, caller in self.callers.items():
                if method == "GET" or LEVEL[who.split()[0]] < LEVEL[operation["x-role"]]:
                    continue
                with self.subTest(method=method, path=path, who=who):
                    answer = caller.call(method, self.fill(path), {"never_heard_of": 1})
                    self.assertEqual(answer.status, 400, answer)

    def test_methods_that_a_route_does_not_have(self):
        described = {}
        for method, path, _ in operations(self.document):
            described.setdefault(path, set()).add(method)
        for path, methods in described.items():
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - methods:
                answer = self.callers["admin"].call(method, self.fill(path))
                self.assertEqual(answer.status, 405, (method, path, answer))
                self.assertEqual({m for m in answer.headers["Allow"].split(", ") if m != "HEAD"}, methods)

    def test_numbers_names_and_ids_out_of_range(self):
        viewer = self.callers["viewer token"]
        for path, item in self.document["paths"].items():
            for p in item.get("get", {}).get("parameters", ()):
                if p["in"] == "query" and p["schema"].get("type") == "integer":
                    beyond = [str(p["schema"]["maximum"] + 1)] if "maximum" in p["schema"] else []
                    below = [str(p["schema"]["minimum"] - 1)] if "minimum" in p["schema"] else []
                    for value in (*beyond, *below, "x", "", "1e3", "0x10", "18446744073709551616"):
                        answer = viewer.call("GET", f"{self.fill(path)}?{p['name']}={value}")
                        self.assertIn(answer.status, (400, 403), (path, p["name"], value, answer))
        for name in ("-1", "18446744073709551616", "..%2F..%2Fetc%2Fpasswd", "%3Cscript%3E", "x" * 300, "nothing"):
            for path in ("/api/v1/integrations/{}", "/api/v1/integrations/{}/runs", "/api/v1/integrations/{}/metadata"):
                answer = viewer.call("GET", path.format(name))
                self.assertIn(answer.status, (400, 404), (path, name, answer))

    def test_what_is_sent_wrongly_is_refused_by_every_route(self):
        admin = self.callers["admin token"]
        for method, path, operation in operations(self.document):
            if method == "GET":
                continue
            for raw, headers, status in (("{", {}, 400), ("[]", {}, 400), ('{"never_heard_of":1}', {}, 400),
                                         ('{"a":1}', {"Content-Type": "text/plain"}, 415),
                                         ("a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
                                         ("[" * 5000, {}, 400), ('{"a":"' + "x" * (5 << 20) + '"}', {}, 413)):
                with self.subTest(method=method, path=path, raw=raw[:20]):
                    answer = admin.call(method, self.fill(path), raw=raw, headers=headers)
                    self.assertEqual(answer.status, status, answer)

    def test_files(self):
        path = "/api/v1/integrations/orders/export?format="
        for fmt, kind in (("csv", "text/csv"), ("json", "application/json")):
            for state in ("", "&state=error"):
                answer = self.callers["viewer token"].call("GET", path + fmt + state)
                self.assertEqual((answer.status, answer.headers["Content-Type"].split(";")[0]), (200, kind), answer)
                self.assertEqual(answer.headers["Content-Disposition"], f"attachment; filename*=UTF-8''orders.{fmt}")
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        answer = self.callers["viewer token"].call("GET", path + "csv&before=x")
        self.assertEqual((answer.status, answer.headers["Content-Type"].split(";")[0]), (400, "application/json"))
        self.assertIsNone(answer.headers["Content-Disposition"])
        self.assertEqual(self.callers["nobody"].call("GET", path + "csv").status, 401)

    def test_secrets_are_nowhere(self):
        told = self.serve.log().encode()
        for folder, _, names in os.walk(os.path.join(self.project.folder, ".sluice")):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        told += f.read()
        for secret in (CANARY, "correct horse battery", self.callers["admin token"].headers["Authorization"].split()[1],
                       self.callers["admin"].headers["Cookie"].split("=")[1]):
            self.assertNotIn(secret.encode(), told)


if __name__ == "__main__":
    unittest.main()
