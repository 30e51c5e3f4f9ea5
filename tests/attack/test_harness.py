"""The kill harness itself: it lets a right program pass and finds planted bugs."""
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


class Harness(unittest.TestCase):
    def attack(self, bug, count=40):
        environment = {**os.environ, "SLUICE": os.path.join(HERE, "model.py"), "MODEL_BUG": bug, "PYTHONHASHSEED": "1"}
        return subprocess.run([sys.executable, os.path.join(HERE, "kill.py"), "--target", "sqlite", "--count", str(count),
                               "--orders", "3000", "--seed", "5"], env=environment, capture_output=True, text=True)

    def test_a_right_program_passes(self):
        done = self.attack("")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("attempted=40", done.stdout)

    def test_planted_bugs_are_found(self):
        for bug in ("state-first", "no-order"):
            with self.subTest(bug):
                done = self.attack(bug, 400)  # it ends with the first finding
                self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                self.assertRegex(done.stdout, r"FAILED \(seed 5\): after \d+ faults: ")


if __name__ == "__main__":
    unittest.main()
