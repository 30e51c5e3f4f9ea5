"""Runs one file of unittest tests for CTest: runner.py test_x.py [unittest option…]. Exit status 0: all passed,
1: failed, 77: every test was skipped (the reasons are printed)."""
import importlib
import os
import sys
import unittest

SKIPPED = 77


def main(path, options):
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = os.path.dirname(os.path.abspath(path))
    sys.path[0] = here
    if folder != here:
        sys.path.insert(0, folder)
    module = importlib.import_module(os.path.splitext(os.path.basename(path))[0])
    program = unittest.main(module=module, argv=[path, *options], exit=False, verbosity=2)
    result = program.result
    for test, reason in result.skipped:
        print(f"skipped: {test}: {reason}")
    if not result.wasSuccessful():
        return 1
    if result.skipped and len(result.skipped) >= result.testsRun:
        return SKIPPED
    return 0 if result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
