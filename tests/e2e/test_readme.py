"""The commands that the documents show are run, and say what the documents promise.

A block that is to be run stands between two comments, the second as often as wanted or left out:

    <!-- test: first steps -->
    ```sh
    sluice check
    ```
    <!-- expect: no errors -->

The blocks of a document are run in order by `sh -e`, each in the same empty folder, with the build's binaries in PATH
and as build/sluice. What a block prints must contain each text that is expected of it.
"""
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.process import spawn  # noqa: E402
from lib.servers import ROOT, SLUICE  # noqa: E402

BLOCK = re.compile(r"<!-- test: (?P<name>.+?) -->\s*\n```sh\n(?P<script>.*?)\n```[ \t]*\n"
                   r"(?P<expected>(?:\s*<!-- expect: .+? -->[ \t]*\n?)*)", re.S)


def blocks(text):
    """[(name, script, [expected text])] in order."""
    return [(m["name"], m["script"], re.findall(r"<!-- expect: (.+?) -->", m["expected"]))
            for m in BLOCK.finditer(text)]


def run_block(script, folder, environment):
    """Runs the block and what it left behind to their end; (exit status, everything it printed)."""
    process = spawn(["sh", "-e"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True, start_new_session=True)
    try:
        out, _ = process.communicate(script, timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        return None, out
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    return process.returncode, out


class Documents(unittest.TestCase):
    def run_document(self, path):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        found = blocks(text)
        self.assertEqual(len(found), text.count("<!-- test: "), "each test comment stands before a ```sh block")
        self.assertEqual(sum(len(expected) for _, _, expected in found), text.count("<!-- expect: "),
                         "each expect comment stands behind a tested block")
        if not found:
            self.skipTest(f"{os.path.relpath(path, ROOT)} has no tested blocks")
        binaries = os.path.dirname(os.path.abspath(SLUICE))
        with tempfile.TemporaryDirectory(prefix="sluice-docs-") as home:
            folder = os.path.join(home, "here")
            os.mkdir(folder)
            os.symlink(binaries, os.path.join(folder, "build"))
            environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": os.path.join(home, "config"),
                           "PATH": binaries + ":" + os.environ["PATH"]}
            for name, script, expected in found:
                status, out = run_block(script, folder, environment)
                with self.subTest(name):
                    self.assertEqual(status, 0, f"{script}\n---\n{out}")
                    for piece in expected:
                        self.assertIn(piece, out, script)

    def test_reader(self):
        text = ("a\n<!-- test: one -->\n```sh\necho 1\necho 2\n```\n<!-- expect: 1 -->\n<!-- expect: 2 -->\n\n"
                "```sh\nrm x\n```\n<!-- test: two -->\n```sh\nfalse\n```\n")
        self.assertEqual(blocks(text), [("one", "echo 1\necho 2", ["1", "2"]), ("two", "false", [])])


def add_documents():
    for path in sorted(glob.glob(os.path.join(ROOT, "*.md")) +
                       glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True)):
        name = re.sub(r"\W+", "_", os.path.splitext(os.path.relpath(path, ROOT))[0])
        setattr(Documents, f"test_{name}", lambda self, path=path: self.run_document(path))


add_documents()

if __name__ == "__main__":
    unittest.main()
