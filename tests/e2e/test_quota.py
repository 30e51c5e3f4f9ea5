"""The upstream's quota, 8 calls a second, is never overstepped: not within a run, not by runs one after the other, not by
one that follows a run that was killed."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402
from lib.process import wait_until  # noqa: E402


class Quota(RunCase):
    def test_no_call_is_refused_at_8_a_second(self):
        sim = self.sim("--orders", "500", "--qps", "8", "--fault", "clamp=20")
        project = self.project(sim, quota=True)
        killed = project.start("run", "orders")
        wait_until(lambda: sim.stats()["served"] >= 8, killed, 30, "eight pages")
        killed.kill()
        killed.communicate()
        calls = 0
        for _ in range(3):
            summary = self.run_ok(project)
            self.assertEqual(summary["throttled"], 0)
            self.assertTrue(summary["verified"])
            calls += summary["calls"]
        self.assertGreater(calls, 20)
        self.assertEqual(sim.stats()["refused"], 0, sim.stats())
        self.assert_copy(sim, project)

    def test_two_integrations_share_the_quota_of_their_connection(self):
        sim = self.sim("--orders", "300", "--qps", "8", "--fault", "clamp=20")
        project = self.project(sim, quota=True)
        project.write("integrations/again.json", project.read("integrations/orders.json"))
        both = [project.start("run", name) for name in ("orders", "again")]
        for process in both:
            out, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(sim.stats()["refused"], 0, sim.stats())
        self.assert_copy(sim, project)

    def test_a_quota_that_is_lower_than_declared_is_obeyed(self):
        sim = self.sim("--orders", "200", "--qps", "4", "--fault", "clamp=20")
        project = self.project(sim, quota=True)
        project.write("connections/jst.json", {**sim.connection, "limits": {"requests": 20, "per": "1s"}})
        summary = self.run_ok(project)
        self.assertGreater(summary["throttled"], 0)
        self.assertEqual(summary["throttled"], sim.stats()["refused"])
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)


if __name__ == "__main__":
    unittest.main()
