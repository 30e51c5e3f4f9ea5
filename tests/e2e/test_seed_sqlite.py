"""The seed case into SQLite."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import seed_case  # noqa: E402


class Seed(seed_case.SeedCase):
    path = "sqlite"


if __name__ == "__main__":
    unittest.main()
