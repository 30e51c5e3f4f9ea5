"""Traces of runs, as a collector gets them: one span for the run, each window, page and batch, whole and linked. A
collector that is down, slow to come back or unwilling costs a run nothing."""
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402
from lib.collector import Collector  # noqa: E402
from lib.process import free_port  # noqa: E402


def inside(inner, outer):
    return (int(outer["startTimeUnixNano"]) <= int(inner["startTimeUnixNano"]) and
            int(inner["endTimeUnixNano"]) <= int(outer["endTimeUnixNano"]))


class Traces(RunCase):
    def traced(self, address, orders=300, **traces):
        project = self.project(self.sim("--orders", str(orders)))
        project.write("sluice.json", {"name": "shop", "traces": {"otlp": address, **traces}})
        return project

    def test_a_run_is_one_trace(self):
        collector = Collector(self)
        project = self.traced(collector.address + "/", headers={"X-Key": "${env:TRACE_KEY}"})
        os.environ["TRACE_KEY"] = "canary-7181"
        self.addCleanup(os.environ.pop, "TRACE_KEY", None)
        summary = self.run_ok(project)
        self.assertEqual(collector.wrong, [])
        self.assertEqual(collector.headers.get("X-Key"), "canary-7181")
        self.assertEqual((collector.resource["service.name"], collector.resource["service.namespace"]),
                         ("sluice", "shop"))
        self.assertEqual({s["name"] for s in collector.spans}, {"run", "window", "page", "batch"})
        self.assertEqual(len({s["spanId"] for s in collector.spans}), len(collector.spans))
        self.assertEqual(len({s["traceId"] for s in collector.spans}), 1)
        run, = collector.named("run")
        windows = {s["spanId"]: s for s in collector.named("window")}
        self.assertNotIn("parentSpanId", run)
        self.assertEqual((run["attributes"]["sluice.records"], run["attributes"]["sluice.kind"], run["status"]["code"]),
                         (summary["records"], "main", 1))
        self.assertEqual(len(windows), summary["windows"])
        self.assertEqual(len(collector.named("page")), summary["calls"])
        self.assertEqual(sum(s["attributes"]["sluice.rows"] for s in collector.named("batch")), summary["rows"])
        for span in list(windows.values()) + collector.named("batch"):
            self.assertEqual(span["parentSpanId"], run["spanId"])
            self.assertTrue(inside(span, run), (span, run))
        for span in collector.named("page"):
            self.assertTrue(inside(span, windows[span["parentSpanId"]]), span)
            self.assertEqual(span["attributes"]["sluice.window"],
                             windows[span["parentSpanId"]]["attributes"]["sluice.window"])
        self.assertTrue(all(w["attributes"]["sluice.verified"] and w["status"]["code"] == 1 for w in windows.values()))
        self.assertTrue(all(s["attributes"]["sluice.run"] == 1 for s in collector.spans))
        self.assertNotIn("canary-7181", json.dumps(collector.spans))
        self.assert_copy(project.sim, project)

    def test_a_failed_run_says_so(self):
        collector = Collector(self)
        project = self.traced(collector.address)
        project.execute("DROP TABLE order_list_query")
        self.run_failed(project, "schema")
        self.assertEqual(collector.wrong, [])
        run, = collector.named("run")
        self.assertEqual((run["status"]["code"], run["attributes"]["error.type"]), (2, "schema"))
        self.assertTrue(run["status"]["message"])

    def test_a_collector_in_trouble_is_tried_again(self):
        collector = Collector(self)
        collector.trouble = 1
        project = self.traced(collector.address)
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertEqual(len(collector.named("run")), 1)
        self.assertNotIn("traces", result.err)
        self.assertGreaterEqual(collector.requests, 2)

    def test_a_collector_that_is_down_costs_nothing(self):
        project = self.traced(f"http://127.0.0.1:{free_port()}")
        began = time.monotonic()
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("did not reach the collector", result.err)
        self.assert_copy(project.sim, project)

    def test_a_collector_that_refuses(self):
        collector = Collector(self)
        collector.status = 400
        project = self.traced(collector.address)
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertIn("traces are dropped: the collector answers with status 400", result.err)
        self.assertEqual(result.err.count("traces are dropped"), 1)

    def test_what_is_written_wrong(self):
        project = self.project(self.sim("--orders", "1"))
        for traces, said in (({"otlp": "ftp://x"}, "it is not an address"), ({}, "otlp"), ([], "is an object"),
                             ({"otlp": "http://x", "headers": {"a b": "c"}}, "the name of a header"),
                             ({"otlp": "http://x", "headers": {"a": "b\nc"}}, "a text of one line"),
                             ({"otlp": "http://x", "headers": {"Authorization": "Bearer abcdef"}}, "literal secret")):
            project.write("sluice.json", {"traces": traces})
            result = project.run("check")
            self.assertIn(said, result.out + result.err, repr(result))
            self.assertNotIn("abcdef", result.out + result.err)
        project.write("sluice.json", {"traces": {"otlp": "http://x", "headers": {"A": "${env:NOWHERE_TO_BE_FOUND}"}}})
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertIn("no traces are sent", result.err)


if __name__ == "__main__":
    unittest.main()
