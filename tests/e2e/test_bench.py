"""The benchmark measures what it says: each way leaves the table that the simulator's truth holds (bench/run ends with 1
where one does not), and each has its figure. How fast they are is nobody's business here."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.servers import ROOT  # noqa: E402


class Race(unittest.TestCase):
    def test_every_way_ends_with_the_truth(self):
        done = subprocess.run([os.path.join(ROOT, "bench/run"), "--race", "--rows", "300", "--repeats", "1", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout)
        told = json.loads(done.stdout.splitlines()[-1])
        self.assertGreater(told["rows"], 100)
        self.assertEqual(set(told["rows_per_second"]), {"sluice", "keeping", "LOAD DATA", "python"})
        self.assertTrue(all(n > 0 for n in told["rows_per_second"].values()), told)


if __name__ == "__main__":
    unittest.main()
