"""Prometheus itself judges the figures: promtool reads the text and the alert rules, a server scrapes the text and
answers for it, and every expression of the rules and of the dashboard names metrics that exist."""
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402
from lib.collector import Collector  # noqa: E402
from lib.process import end, free_port, spawn, wait_until  # noqa: E402
from lib.servers import ROOT, SLUICE  # noqa: E402

FIGURES = os.path.join(os.path.dirname(os.path.abspath(SLUICE)), "tests", "test_watch_metrics")
RULES = os.path.join(ROOT, "packaging", "prometheus", "sluice.rules.yml")
DASHBOARD = os.path.join(ROOT, "packaging", "grafana", "sluice.json")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: sluice
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def figures():
    """A text with every family in it, of two integrations, one with a name full of traps."""
    return subprocess.run([FIGURES, "text"], check=True, capture_output=True, timeout=60).stdout


@unittest.skipUnless(shutil.which("prometheus") and shutil.which("promtool"), "no prometheus")
class Judged(RunCase):
    def check(self, *args, **options):
        done = subprocess.run(["promtool", "check", *args], capture_output=True, text=True, timeout=60, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_promtool_has_nothing_to_say_of_the_text(self):
        self.assertEqual(self.check("metrics", input=figures().decode()), "")

    def test_promtool_accepts_the_rules(self):
        self.assertIn("11 rules found", self.check("rules", RULES))

    def serve(self, text):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_address[1]

    def prometheus(self, target):
        folder = tempfile.mkdtemp(prefix="prometheus-")
        self.addCleanup(shutil.rmtree, folder, True)
        config = os.path.join(folder, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as f:
            f.write(CONFIG.format(rules=RULES, port=target))
        port = free_port()
        process = spawn(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
        self.addCleanup(end, process)
        return process, port

    def query(self, port, expression):
        address = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with OPENER.open(address, timeout=10) as reply:
                return json.load(reply)["data"]["result"]
        except (OSError, ValueError):
            return None

    def values(self, port, expression, label="integration"):
        return {r["metric"].get(label, ""): float(r["value"][1]) for r in self.query(port, expression)}

    def test_a_server_scrapes_the_figures(self):
        process, port = self.prometheus(self.serve(figures()))
        odd = 'a "b\\c\n聚'
        wait_until(lambda: self.query(port, "sluice_rows_total"), process, 60, "figures in Prometheus")
        self.assertEqual(self.values(port, "sluice_rows_total"), {"orders": 100, odd: 90})
        self.assertEqual(self.values(port, "sluice_freshness_seconds"), {"orders": 61.5, odd: 61.5})
        self.assertEqual(self.values(port, "sluice_quota_used_ratio"), {"orders": 0.75, odd: 0.75})
        self.assertEqual(self.values(port, "sluice_token_expires_seconds"), {"orders": 3600})
        self.assertEqual(self.values(port, "sluice_batch_duration_seconds_count"), {"orders": 2, odd: 2})
        self.assertEqual(self.values(port, 'sluice_runs_total{integration="orders"}', "status"),
                         {"ok": 1, "partial": 0, "failed": 0, "interrupted": 0})
        self.assertEqual(self.values(port, "sum(up)"), {"": 1})
        self.assertLess(self.values(port, "time() - process_start_time_seconds", "")[""], 3600)
        wait_until(lambda: self.query(port, 'ALERTS{alertname="SluiceDeadLetters"}'), process, 60, "an alert")

    def every_second(self):
        project = self.project(self.sim("--orders", "300"))
        orders = project.read("integrations/orders.json")
        orders["source"]["crontab"] = "@every 1s"
        project.write("integrations/orders.json", orders)
        return project

    def start_serve(self, project):
        serve = project.start("serve", "--listen", "127.0.0.1:0", stderr=subprocess.DEVNULL)
        self.addCleanup(serve.stdout.close)
        self.addCleanup(end, serve)
        return serve, json.loads(serve.stdout.readline())["url"].rstrip("/")

    def get(self, url, path):
        with OPENER.open(f"{url}/api/v1/{path}", timeout=10) as reply:
            return json.load(reply)

    def test_charts_outlive_a_restart(self):
        """The points of the dashboard's charts hold every row that was written, before and after a restart."""
        project = self.every_second()
        edges = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (-60, 600)]

        def charted(url):
            series = self.get(url, "integrations/orders/series?names=rows,calls&from={}&to={}".format(*edges))
            self.assertEqual(len(series["at"]), len(series["rows"]))
            return sum(v or 0 for v in series["rows"])
        serve, url = self.start_serve(project)
        wait_until(lambda: self.get(url, "overview")["totals"]["rows_today"] >= 300, serve, 60, "rows of today")
        self.assertEqual(end(serve), 0)
        first = len(project.table_rows())
        serve, url = self.start_serve(project)
        self.assertGreaterEqual(charted(url), first)
        row, = self.get(url, "overview")["integrations"]
        self.assertGreaterEqual(row["rows_today"], first)
        self.assertEqual((len(row["spark"]), sum(row["spark"]) >= first), (24, True))

    def test_serve_is_scraped(self):
        """serve runs a schedule every second; what Prometheus says of it is what the run says of itself."""
        collector = Collector(self)
        project = self.every_second()
        project.write("sluice.json", {"traces": {"otlp": collector.address}})
        serve, url = self.start_serve(project)
        process, port = self.prometheus(urllib.parse.urlsplit(url).port)
        wait_until(lambda: (self.query(port, "sluice_rows_total > 0") and
                            self.query(port, 'sluice_runs_total{status="ok"} > 1')), process, 120, "rows of serve")
        with OPENER.open(f"{url}/metrics", timeout=10) as reply:
            self.assertEqual(self.check("metrics", input=reply.read().decode()), "")
        self.assertGreaterEqual(self.values(port, "sluice_rows_total")["orders"], len(project.table_rows()))
        self.assertEqual(self.values(port, 'sluice_windows_total{verified="false"}'), {"orders": 0})
        self.assertEqual(self.values(port, "sluice_integrations", ""), {"": 1})
        self.assertGreater(self.values(port, "sluice_batch_duration_seconds_count")["orders"], 0)
        self.assertGreaterEqual(self.values(port, "sluice_freshness_seconds")["orders"], 0)
        wait_until(lambda: self.query(port, "sluice_trace_spans_sent_total > 0"), process, 60, "traces of serve")
        self.assertEqual(end(serve), 0)
        self.assertEqual(collector.wrong, [])
        self.assertGreater(len(collector.named("run")), 1)

    def test_what_is_asked_for_exists(self):
        known = set(re.findall(r"^# TYPE (\S+)", figures().decode(), re.M))
        with open(DASHBOARD, encoding="utf-8") as f:
            panels = json.load(f)["panels"]
        asked = [t["expr"] for p in panels for t in p["targets"]]
        with open(RULES, encoding="utf-8") as f:
            asked.append(re.sub(r"#.*|alert: .*|summary: .*|description: .*", "", f.read()))
        names = {re.sub(r"_bucket$", "", n) for e in asked for n in re.findall(r"\b(?:sluice|process)_\w+", e)}
        self.assertGreater(len(names), 10)
        self.assertEqual(names - known, set())


if __name__ == "__main__":
    unittest.main()
