"""An upstream that misbehaves, fault by fault and all at once. After the faults have ended and one more ordinary run:
nothing missing, nothing stale, nothing twice, no call refused; what could not be shown to be complete was recorded as a
gap, told, and closed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402


class Faults(RunCase):
    def faulty(self, *faults, orders=400, seed="3", **integration):
        """The simulator with these faults on, and a project on it."""
        options = [word for fault in faults for word in ("--fault", fault)]
        sim = self.sim("--orders", str(orders), "--seed", seed, *options)
        return sim, self.project(sim, **integration)

    def stop(self, sim, *faults):
        for fault in faults:
            sim.control(fault=fault.split("=")[0], value=False)

    def settle(self, sim, project, *faults, advance_ms=20000):
        """The faults end, time passes, an ordinary run follows: then the copy is perfect and no gap is left."""
        self.stop(sim, *faults)
        sim.control(advance_ms=advance_ms)
        summary = self.run_ok(project)
        self.assertTrue(summary["verified"], summary)
        self.assertEqual(self.status(project)["gaps"], 0)
        self.assertEqual(sim.stats()["refused"], 0)
        self.assert_copy(sim, project)
        return summary

    def told(self, result, project):
        """A run that is not verified says so, and has recorded what it could not show to be complete."""
        summary = result.json
        self.assertEqual((result.code, summary["status"]), (0, "ok"), repr(result))
        gaps = self.status(project)["gaps"]
        if summary["verified"]:
            self.assertEqual(gaps, 0, repr(result))
        else:
            self.assertGreater(gaps, 0, repr(result))
            self.assertIn("gap", result.err)
        return summary

    # ---- all at once ----

    def test_all_at_once(self):
        faults = ("drift=3", "late=4", "clamp=25", "http500=0.1", "cut=0.05", "dup", "nototal")
        sim, project = self.faulty(*faults, orders=1200, lag="3s", overlap="3s")
        for _ in range(3):
            self.told(project.run("run", "orders"), project)
            sim.control(advance_ms=2500)
        stats = sim.stats()
        self.assertGreater(stats["errors_injected"], 0)
        self.assertGreater(stats["cuts"], 0)
        self.assertGreater(stats["edits"], 0)
        self.assertEqual(stats["refused"], 0, stats)
        self.settle(sim, project, *faults)

    # ---- records that move ----

    def test_drift(self):
        sim, project = self.faulty("drift=5", "clamp=20")
        self.told(project.run("run", "orders"), project)
        self.assertGreater(sim.stats()["edits"], 20)
        self.settle(sim, project, "drift")

    def test_late(self):
        sim, project = self.faulty("late=6", lag="4s", overlap="4s")
        self.run_ok(project)
        for _ in range(3):
            sim.control(new=5, edit=[900001])
            sim.control(advance_ms=3000)
            self.run_ok(project)
        self.settle(sim, project, "late")

    def test_dup(self):
        sim, project = self.faulty("dup", "clamp=30")
        summary = self.told(project.run("run", "orders"), project)
        self.assertGreater(summary["folded"], 0)
        self.assert_copy(sim, project)
        self.settle(sim, project, "dup")

    # ---- replies that say less than they should ----

    def test_clamp(self):
        sim, project = self.faulty("clamp=25", orders=1000)
        summary = self.run_ok(project)
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)
        self.assertLess(sim.stats()["calls"], 120)

    def test_nototal(self):
        sim, project = self.faulty("nototal")
        self.told(project.run("run", "orders"), project)
        self.assert_copy(sim, project)
        self.settle(sim, project, "nototal")

    def test_has_next_that_ends_too_early(self):
        sim, project = self.faulty("lie-hasnext=early")
        self.assertTrue(self.run_ok(project)["verified"])
        self.assert_copy(sim, project)

    def test_has_next_that_never_ends(self):
        sim, project = self.faulty("lie-hasnext=forever")
        self.assertTrue(self.run_ok(project)["verified"])
        self.assert_copy(sim, project)
        self.assertLess(sim.stats()["calls"], 60)

    def test_has_next_lies_and_there_are_no_totals(self):
        for lie in ("early", "forever"):
            with self.subTest(lie):
                sim, project = self.faulty(f"lie-hasnext={lie}", "nototal", orders=150)
                self.told(project.run("run", "orders"), project)
                self.settle(sim, project, "lie-hasnext", "nototal")

    # ---- replies that are broken ----

    def test_http500(self):
        sim, project = self.faulty("http500=0.3", "clamp=25")
        summary = self.run_ok(project)
        self.assertEqual(summary["retries"], sim.stats()["errors_injected"])
        self.assertGreater(summary["retries"], 0)
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)

    def test_cut(self):
        sim, project = self.faulty("cut=0.3", "clamp=25")
        summary = self.run_ok(project)
        self.assertEqual(summary["retries"], sim.stats()["cuts"])
        self.assertGreater(summary["retries"], 0)
        self.assert_copy(sim, project)

    def test_garbage(self):
        sim, project = self.faulty("garbage=0.3", "clamp=25")
        summary = self.run_ok(project)
        self.assertGreater(summary["retries"], 0)
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)

    def test_nothing_but_garbage_ends_with_what_came(self):
        sim, project = self.faulty("garbage=1")
        error = self.run_failed(project, "remote", "run", "orders", "--patience", "1s")
        self.assertIn("attempts", error["message"])
        self.assertEqual(project.table_rows(), [])
        self.settle(sim, project, "garbage")

    def test_ctrl(self):
        sim, project = self.faulty("ctrl")
        self.assertTrue(self.run_ok(project)["verified"])
        self.stop(sim, "ctrl")
        self.assertEqual(len(project.table_rows()), len(sim.truth()))
        self.assertEqual({row["id"] for row in project.table_rows()}, {row["id"] for row in sim.truth()})

    # ---- ways to answer ----

    def test_slow(self):
        sim, project = self.faulty("slow=150")
        self.assertTrue(self.run_ok(project)["verified"])
        self.assert_copy(sim, project)

    def test_bareroot(self):
        sim, project = self.faulty("bareroot")
        self.assertTrue(self.run_ok(project)["verified"])
        self.assert_copy(sim, project)

    def test_a_clock_that_is_off(self):
        for skew in (1500, -1500):
            with self.subTest(skew):
                sim, project = self.faulty(f"skew={skew}")
                summary = self.run_ok(project)
                self.assertTrue(summary["verified"])
                self.assertLessEqual(sim.stats()["errors"], 1)
                sim.control(new=3)
                sim.control(advance_ms=2000)
                again = self.run_ok(project)
                self.assertEqual(again["retries"], 0)
                self.assert_copy(sim, project)

    def test_a_dry_run_begins_by_the_clock_of_the_source_too(self):
        sim, project = self.faulty("skew=-700")
        document = project.read("integrations/orders.json")
        project.write("integrations/orders.json", {key: document[key] for key in document if key != "start"})
        for args in (("--dry-run",), (), ("--dry-run",)):
            summary = self.run_ok(project, "run", "orders", *args)
            self.assertLessEqual(summary["from"], summary["to"], args)


if __name__ == "__main__":
    unittest.main()
