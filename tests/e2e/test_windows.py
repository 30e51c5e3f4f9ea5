"""The proof of each window: what was there, what was read, what became of it. The sums are those of the run; nothing is lost
from them when the program is killed."""
import os
import random
import sys
import unittest
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402
from lib.process import pause  # noqa: E402


class Windows(RunCase):
    def windows(self, project):
        shown = project.run("runs", "orders", "--windows", "-n", "1000")
        self.assertEqual(shown.code, 0, repr(shown))
        return shown.json["windows"]

    def assert_balanced(self, windows):
        for w in windows:
            self.assertTrue(w["verified"], w)
            self.assertEqual((w["total_before"], w["total_after"]), (w["ids"], w["ids"]), w)
            self.assertEqual(w["records"], w["folded"] + w["filtered"] + w["repeats"] + w["dead_records"] + w["shaped"], w)
            if w["whole"]:
                self.assertGreaterEqual(w["records"], w["ids"], w)

    def test_check_warns_when_nothing_is_read_twice(self):
        words = "lag and overlap are both 0"
        sim = self.sim("--orders", "10")
        for overlap, warned in (("0s", True), ("1m", False)):
            checked = self.project(sim, overlap=overlap).run("check")
            self.assertEqual(checked.code, 0, repr(checked))
            self.assertEqual(words in repr(checked), warned, repr(checked))

    def test_without_start_the_first_cursor_is_of_the_source_clock(self):
        hour_ago = datetime.now(timezone(timedelta(hours=8))) - timedelta(hours=1)
        sim = self.sim("--orders", "50", "--start", hour_ago.strftime("%Y-%m-%d %H:%M:%S"))
        project = self.project(sim)
        document = project.read("integrations/orders.json")
        del document["start"]
        project.write("integrations/orders.json", document)
        self.run_ok(project)
        sim.control(advance_ms=600000)
        sim.control(new=5)
        sim.control(advance_ms=1200000)
        self.assertEqual(self.run_ok(project)["records"], 5)

    def test_windows_add_up_to_the_run(self):
        sim = self.sim("--orders", "2000", "--days", "20", "--seed", "3")
        project = self.project(sim)
        summary = self.run_ok(project)
        found = self.windows(project)
        self.assertEqual(len(found), summary["windows"])
        self.assertEqual(summary["windows"], 3)
        self.assert_balanced(found)
        for name in ("records", "folded", "filtered", "repeats", "rows", "dead", "pages"):
            self.assertEqual(sum(w[name] for w in found), summary[name], name)
        self.assertEqual([w["from"] for w in found], sorted((w["from"] for w in found), reverse=True))
        self.assertEqual({w["run"] for w in found}, {1})
        self.assertEqual({w["purpose"] for w in found}, {"main"})
        status = self.status(project)
        self.assertEqual(status["windows_open"], 0)
        self.assertEqual(status["windows"], found[:3])

    def test_folded_records_count_to_their_window(self):
        """Each page repeats a row, and the last one of the page before."""
        sim = self.sim("--orders", "600", "--days", "20", "--seed", "3", "--fault", "dup")
        project = self.project(sim)
        summary = self.run_ok(project)
        found = self.windows(project)
        self.assertGreater(summary["folded"], 0)
        for name in ("records", "folded", "filtered", "rows"):
            self.assertEqual(sum(w[name] for w in found), summary[name], name)

    def test_not_verified_and_made_good(self):
        """230 orders of one second are more than a page, and no total tells how many there are."""
        sim = self.sim("--orders", "2000", "--seed", "3", "--fault", "nototal")
        project = self.project(sim)
        self.assertFalse(self.run_ok(project)["verified"])
        found = [w for w in self.windows(project) if not w["verified"]]
        self.assertTrue(found)
        self.assertTrue(all(w["why"] for w in found), found)
        self.assertIsNone(found[0]["total_after"])
        status = self.status(project)
        self.assertEqual(status["windows_open"], len(found))
        self.assertIn("not verified", project.run("status", "orders", json=False).out)
        sim.control(fault="nototal", value=False)
        self.assertTrue(self.run_ok(project)["verified"])
        status = self.status(project)
        self.assertEqual((status["windows_open"], status["gaps"]), (0, 0))
        self.assertIn("all verified", project.run("status", "orders", json=False).out)

    def test_killed_at_random_times(self):
        sim = self.sim("--orders", "1500", "--seed", "4", "--days", "20", "--fault", "slow=10", "--fault", "clamp=25")
        project = self.project(sim)
        chance = random.Random(5)
        for _ in range(8):
            process = project.start("run", "orders")
            pause(process, chance.uniform(0.05, 0.6))
            process.kill()
            process.communicate()
        summary = self.run_ok(project)
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)
        found = self.windows(project)
        self.assertEqual(len({w["position"] for w in found}), len(found))
        self.assert_balanced(found)


if __name__ == "__main__":
    unittest.main()
