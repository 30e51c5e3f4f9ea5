"""docs/internals/bad-inputs.md names every bad input that applies, and places that exist."""
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
APPLY = set(range(1, 102))


class BadInputs(unittest.TestCase):
    def rows(self):
        with open(os.path.join(ROOT, "docs/internals/bad-inputs.md"), encoding="utf-8") as f:
            for line in f:
                cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
                if len(cells) == 6 and re.match(r"\d", cells[1]):
                    first, _, last = cells[1].partition("–")
                    yield range(int(first), int(last or first) + 1), cells[3], cells[4]

    def test_every_number_once(self):
        numbers = [n for span, _, _ in self.rows() for n in span]
        self.assertEqual(sorted(numbers), sorted(APPLY))

    def test_every_place_exists(self):
        for span, outcome, where in self.rows():
            self.assertTrue(outcome)
            places = re.findall(r"(\S+) `([^`]+)`", where)
            self.assertTrue(places, where)
            for path, text in places:
                with self.subTest(f"{span}: {path}"), open(os.path.join(ROOT, path), encoding="utf-8") as f:
                    self.assertIn(text.replace("\\|", "|"), f.read())


if __name__ == "__main__":
    unittest.main()
