"""Reading again: orders that become visible later than lag and overlap cover are found by a tier, counted, and told. Reading
again moves no cursor, finds nothing where nothing was missed, and leaves the quota to others."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402

TIERS = [{"every": "1h", "back": "1d"}, {"every": "1d", "back": "7d"}]


class Reread(RunCase):
    def start(self, *options, reread=TIERS, **integration):
        self.simulator = self.sim("--orders", "600", "--seed", "5", "--days", "3", *options)
        self.folder = self.project(self.simulator, reread=reread, lag="5s", overlap="30s", **integration)
        self.source(lambda document: document.pop("omissionRemedy"))
        return self.run_ok(self.folder)

    def source(self, change):
        """Changes the source document; gives what `change` gives."""
        document = self.folder.read("integrations/orders.source.json")
        answer = change(document)
        self.folder.write("integrations/orders.source.json", document)
        return answer

    def advance(self, seconds):
        self.simulator.control(advance_ms=seconds * 1000)

    def miss(self, n=4, late=600):
        """Edits n orders that show only after the runs have passed them; their ids."""
        ids = sorted({int(row["o_id"]) for row in self.simulator.truth()})[:n]
        self.advance(60)
        self.simulator.control(fault="late", value=late)
        self.simulator.control(edit=ids)
        self.simulator.control(fault="late", value=False)
        self.advance(120)
        self.run_ok(self.folder)
        self.advance(late)
        return ids

    def rows_of(self, ids):
        return sum(int(row["o_id"]) in ids for row in self.simulator.truth())

    def purposes(self):
        return [w["purpose"] for w in self.folder.run("runs", "orders", "--windows").json["windows"]]

    def test_a_tier_finds_what_came_late(self):
        self.start()
        ids = self.miss()
        summary = self.run_ok(self.folder)
        self.assertEqual(summary["missing_found"], 0)
        found = self.folder.run("audit", "orders").json
        self.assertEqual({f["record"] for f in found["findings"] if f["kind"] == "stale"}, {str(i) for i in ids})
        self.advance(3600)
        result = self.folder.run("run", "orders")
        summary = result.json
        self.assertEqual((result.code, summary["missing_found"]), (0, self.rows_of(ids)), repr(result))
        self.assertIn("missed", result.err)
        self.assertIn("overlap", result.err)
        self.assertEqual(self.purposes()[0], "reread")
        self.assert_copy(self.simulator, self.folder)
        self.assertEqual(self.folder.run("audit", "orders").json["findings"], [])
        status = self.status(self.folder)
        self.assertEqual(status["found_missing"], self.rows_of(ids))
        late = status["lateness"]
        self.assertEqual(late["late"], len(ids), status)
        self.assertGreater(late["overlap_needed_s"], 30)
        self.assertGreaterEqual(late["max_s"], 600)
        told = self.folder.run("status", "orders", json=False).out
        self.assertIn("more than the 30 s declared", told)
        log = self.folder.run("log", "orders", "-n", "1000").out
        self.assertIn('"found_missing"', log)

    def test_found_once(self):
        self.start()
        ids = self.miss()
        first = self.run_ok(self.folder, "run", "orders", "--reread")
        self.assertEqual(first["missing_found"], self.rows_of(ids))
        again = self.run_ok(self.folder, "run", "orders", "--reread")
        self.assertEqual(again["missing_found"], 0)
        self.assertEqual(self.status(self.folder)["found_missing"], self.rows_of(ids))
        self.assertGreater(again["records"], 100)
        self.assert_copy(self.simulator, self.folder)

    def test_when_they_are_due(self):
        self.start()
        self.assertEqual(set(self.purposes()), {"main"})
        cursor = self.run_ok(self.folder)["cursor"]
        self.assertEqual(set(self.purposes()), {"main"})
        self.advance(3600)
        summary = self.run_ok(self.folder)
        self.assertEqual(self.purposes()[:2], ["reread", "main"])
        self.assertGreater(summary["cursor"], cursor)
        self.assertEqual(summary["missing_found"], 0)
        self.run_ok(self.folder)
        self.assertEqual(self.purposes()[0], "main")
        self.advance(86400)
        self.run_ok(self.folder, "run", "orders", "--no-reread")
        self.assertEqual(self.purposes()[0], "main")
        before = self.purposes().count("reread")
        self.run_ok(self.folder)
        self.assertEqual(self.purposes().count("reread"), before + 2)
        self.assert_copy(self.simulator, self.folder)

    def test_the_remedy_is_one_of_them(self):
        self.start(reread=[])
        self.source(lambda document: document.update(omissionRemedy={"crontab": "@every 20h", "takeOverRequest": [
            {"field": "start_time", "type": "string", "value": "{{DAYS_AGO_3|datetime}}"}]}))
        ids = self.miss()
        self.assertNotIn("remedy", self.purposes())
        self.advance(86400)
        summary = self.run_ok(self.folder)
        self.assertIn("remedy", self.purposes())
        self.assertEqual(summary["missing_found"], self.rows_of(ids))
        self.assert_copy(self.simulator, self.folder)
        count = self.purposes().count("remedy")
        self.run_ok(self.folder)
        self.assertEqual(self.purposes().count("remedy"), count)

    def test_overlap_meets_late_orders_and_measures_them(self):
        self.start()
        document = self.folder.read("integrations/orders.json")
        self.folder.write("integrations/orders.json", {**document, "overlap": "15m"})
        ids = self.miss(late=300)
        self.run_ok(self.folder)
        self.assert_copy(self.simulator, self.folder)
        status = self.status(self.folder)
        self.assertEqual((status["found_missing"], status["lateness"]["late"]), (0, len(ids)), status)
        self.assertIn("of the 900 s declared", self.folder.run("status", "orders", json=False).out)

    def test_a_first_run_and_a_backfill_are_not_late(self):
        self.start()
        self.assertIsNone(self.status(self.folder)["lateness"])
        self.run_ok(self.folder, "run", "orders", "--from", self.simulator.hello["from"], "--to",
                    self.simulator.hello["to"])
        late = self.status(self.folder)["lateness"]
        self.assertIn(late and late["late"], (None, 0))
        self.simulator.control(advance_ms=10000, new=5)
        self.advance(60)
        self.run_ok(self.folder)
        late = self.status(self.folder)["lateness"]
        self.assertEqual((late["records"] >= 5, late["late"], late["p999_s"]), (True, 0, 0))

    def test_it_takes_half_of_the_quota(self):
        sim = self.simulator = self.sim("--orders", "1200", "--seed", "5", "--days", "3", "--qps", "40")
        self.folder = self.project(sim, quota=True, reread=TIERS[1:], lag="5s", overlap="30s")
        self.folder.write("connections/jst.json", {**sim.connection, "limits": {"requests": 20, "per": "1s"}})
        main = self.run_ok(self.folder)
        again = self.run_ok(self.folder, "run", "orders", "--reread")
        calls = again["calls"] - 2
        self.assertGreater(calls, 8)
        self.assertGreater(again["duration_ms"] / calls, 1.6 * main["duration_ms"] / main["calls"])
        self.assertEqual(sim.stats()["refused"], 0)

    def test_wrong_usage(self):
        self.start()
        for args in (("--reread", "--remedy"), ("--reread", "--no-reread"),
                     ("--reread", "--from", "2026-11-01", "--to", "2026-11-02")):
            self.assertEqual(self.folder.run("run", "orders", *args).code, 2)


if __name__ == "__main__":
    unittest.main()
