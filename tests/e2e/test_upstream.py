"""An upstream in trouble, as all who call it share it: the circuit of a connection, its share of retries, certificates
that are not accepted, and what `status` says of it. And a target that is waited for can be left with Ctrl-C."""
import http.server
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, compare, hurried  # noqa: E402
from lib.process import free_port, wait_until  # noqa: E402
from lib.servers import MariaDB, MySQL  # noqa: E402

PROCESSES = 6


class Gate:
    """Stands before the simulator. Shut, it answers every call with 503 and counts it."""

    def __init__(self, test, sim, shut):
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with gate.lock:
                    gate.calls += 1
                    shut = gate.shut
                    gate.refused += shut
                answer = b"" if shut else gate.forward(self.path, body)
                self.send_response(503 if shut else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.lock, self.shut, self.calls, self.refused, self.sim = threading.Lock(), shut, 0, 0, sim
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)

    def forward(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.sim.hello['port']}{path}", body)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as reply:
            return reply.read()

    def connection(self):
        document = hurried(self.sim)
        document["params"] = {**document["params"], "base_url": f"http://127.0.0.1:{self.server.server_port}/router/qm"}
        return document


class Lagging(Gate):
    """While `behind`, it answers as it answered first: a copy of the upstream that is not up to date."""

    def __init__(self, test, sim):
        self.behind, self.first = False, {}
        super().__init__(test, sim, False)

    def forward(self, path, body):
        page = urllib.parse.parse_qs(body.decode())["page_index"][0]
        if self.behind and page in self.first:
            return self.first[page]
        answer = super().forward(path, body)
        self.first.setdefault(page, answer)
        return answer


def events(project, kind):
    try:
        with open(os.path.join(project.folder, ".sluice", "sluice.jsonl"), encoding="utf-8") as f:
            return [e for e in map(json.loads, f) if e["event"] == kind]
    except FileNotFoundError:
        return []


class Behind(RunCase):
    def test_replay_takes_the_newest_version_wherever_it_was_read(self):
        """An upstream that lags shows older versions later: of those the journal's newest is not its last."""
        for options in ({}, {"guard": "modified"}):
            with self.subTest(options):
                sim = self.sim("--orders", "40", "--seed", "7", "--plain", "--days", "1")
                gate = Lagging(self, sim)
                project = self.project(sim, overlap="30d", **options)
                project.write("connections/jst.json", gate.connection())
                self.run_ok(project)
                first = self.status(project)["cursor"]
                sim.control(edit=sorted({int(row["o_id"]) for row in sim.truth()})[:5])
                truth = sim.truth()
                wait_until(lambda: self.run_ok(project) and compare(truth, project.table_rows()) == "", sim.process, 30,
                           "the edits")
                gate.behind = True
                self.run_ok(project)
                project.execute(f"DELETE FROM {TABLE}")
                for range_to in (first, "2100-01-01"):
                    self.run_ok(project, "replay", "orders", "--from", "2000-01-01", "--to", range_to)
                    self.assert_copy(sim, project)


class Upstream(RunCase):
    def gated(self, shut, names=("orders",)):
        sim = self.sim("--orders", "300", "--seed", "5")
        gate = Gate(self, sim, shut)
        project = self.project(sim)
        project.write("connections/jst.json", gate.connection())
        for name in names[1:]:
            project.write(f"integrations/{name}.json", project.read("integrations/orders.json"))
        return sim, gate, project

    def test_an_outage_is_no_storm(self):
        names = ["orders"] + [f"again{i}" for i in range(1, PROCESSES)]
        sim, gate, project = self.gated(True, names)
        running = [project.start("run", name) for name in names]
        # five failures open the circuit, calls under way then may fail too, and then it is one probe at a time
        wait_until(lambda: gate.refused >= 8 and len(events(project, "circuit")) >= PROCESSES, running[0], 50, "probes")
        down = self.status(project)["upstream_down"]
        self.assertGreaterEqual(down["failures"], 5)
        self.assertLessEqual(gate.refused, 5 + PROCESSES + 4)
        words = project.run("status", "orders", json=False)
        self.assertIn("calls failed in a row", words.out)
        gate.shut = False
        for process in running:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, out + err)
        self.assertIsNone(self.status(project)["upstream_down"])
        self.assertIn(False, [e["open"] for e in events(project, "circuit")])
        self.assert_copy(sim, project)

    def test_a_run_gives_up_and_the_next_try_is_told(self):
        sim, gate, project = self.gated(True)
        failed = self.run_failed(project, "remote", timeout=120)
        self.assertIn("given up after", failed["message"])
        self.assertLessEqual(gate.refused, 15)
        status = self.status(project)
        self.assertEqual((status["retry"]["failures"], status["retry"]["code"]), (1, "remote"))
        self.assertIsNotNone(status["retry"]["next"])
        self.assertIn("after 1 failures", project.run("status", json=False).out)
        gate.shut = False
        self.run_ok(project)
        self.assertIsNone(self.status(project)["retry"])
        self.assert_copy(sim, project)

    def test_errors_of_the_request_do_not_open_it(self):
        sim, gate, project = self.gated(False)
        document = gate.connection()
        document["params"]["app_secret"] = "not-the-secret"
        project.write("connections/jst.json", document)
        for _ in range(7):
            self.run_failed(project, "signature")
        status = self.status(project)
        self.assertIsNone(status["upstream_down"])
        self.assertEqual(status["retry"]["failures"], 7)
        self.assertIsNone(status["retry"]["next"])
        self.assertIn("stays in error", project.run("status", json=False).out)
        self.assertEqual(gate.calls, 7)
        project.write("connections/jst.json", gate.connection())
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_a_certificate_that_is_not_accepted_is_told_at_once(self):
        project = self.project(self.sim("--orders", "1"))
        key, cert = (os.path.join(project.home, name) for name in ("key.pem", "cert.pem"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                        "-subj", "/CN=localhost"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        gate = Gate(self, None, True)
        gate.server.socket = context.wrap_socket(gate.server.socket, server_side=True)
        gate.server.handle_error = lambda *_: None
        document = hurried(project.sim)
        document["params"]["base_url"] = f"https://127.0.0.1:{gate.server.server_port}/router/qm"
        project.write("connections/jst.json", document)
        failed = self.run_failed(project, "auth", timeout=20)
        self.assertIn("certificate", failed["message"])
        self.assertEqual(events(project, "retry"), [])


class Target(RunCase):
    kind = MariaDB

    def test_tls_that_the_target_does_not_offer_is_told_at_once(self):
        project = self.project(self.sim("--orders", "1"))
        document = self.db.connection
        document["params"]["tls"] = "require"
        project.write("connections/bi.json", document)
        self.run_failed(project, "auth", timeout=20)
        self.assertEqual(events(project, "retry"), [])

    def test_a_wait_for_the_target_can_be_left(self):
        sim = self.sim("--orders", "50")
        project = self.project(sim)
        document = self.db.connection
        document["params"]["port"] = free_port()
        project.write("connections/bi.json", document)
        for signo in (signal.SIGTERM, signal.SIGINT):
            seen = len(events(project, "retry"))
            process = project.start("run", "orders")
            wait_until(lambda: len(events(project, "retry")) > seen, process, 30, "a retry")
            process.send_signal(signo)
            out, err = process.communicate(timeout=20)
            self.assertEqual(process.returncode, 130, out + err)
            self.assertEqual(json.loads(out)["status"], "interrupted", out + err)
        project.write("connections/bi.json", self.db.connection)
        self.run_ok(project)
        self.assert_copy(sim, project)


class MysqlWithTls(RunCase):
    kind = MySQL

    def test_tls_is_preferred_whoever_signed_the_certificate(self):
        sim = self.sim("--orders", "20")
        project = self.project(sim)
        self.run_ok(project)
        accepted = self.db.query("SHOW GLOBAL STATUS LIKE 'Ssl_finished_accepts'")[0]["Value"]
        self.assertGreater(int(accepted), 0)
        self.assert_copy(sim, project)


class MysqlWithoutTls(RunCase):
    kind = staticmethod(lambda: MySQL("--tls-version="))

    def test_the_password_does_not_go_as_it_stands(self):
        """The server refuses a password in the clear; it gives its key to one who asks."""
        sim = self.sim("--orders", "20")
        project = self.project(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)


if __name__ == "__main__":
    unittest.main()
