"""tools/lint against planted violations: each rule fires where it must, and only there."""
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OPENING = "/* What this is for. */\n"
USED = OPENING + "int main(void)\n{\n    return used();\n}\n"


class Lint(unittest.TestCase):
    def lint(self, files):
        """Runs over a tree of {path: text} and answers its findings as {(path, line, rule)}."""
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                with open(os.path.join(root, path), "w", encoding="utf-8") as f:
                    f.write(text)
            done = subprocess.run([os.path.join(ROOT, "tools", "lint"), "--root", root, "--rules-only"],
                                  capture_output=True, text=True)
        found = set()
        for line in done.stdout.splitlines()[:-1]:
            path, number, rule, _ = line.split(":", 3)
            found.add((path, int(number), rule.strip()))
        self.assertEqual(done.returncode, 1 if found else 0, done.stdout + done.stderr)
        return found

    def assert_found(self, files, *findings):
        self.assertEqual(self.lint(files), set(findings))

    def in_c(self, body, *findings, path="src/meta/a.c"):
        """Findings (line, rule) of one C file, whose first line is its opening comment."""
        self.assert_found({path: OPENING + body}, *((path, line, rule) for line, rule in findings))

    def test_a_clean_tree(self):
        self.assert_found({"src/app/main.c": USED, "src/base/a.c": OPENING + "int used(void)\n{\n    return 1;\n}\n",
                           "README.md": "Hello\n"})

    def test_includes_look_down(self):
        self.in_c('#include "base/str.h"\n#include "meta/doc.h"\n')
        self.in_c('#include "run/run.h"\n', (2, "floors"))
        self.in_c('#include "db/sqlite.h"\n', (2, "floors"), path="src/net/a.c")
        self.in_c('#include "run/run.h"\n', (2, "floors"), path="src/sink/a.h")
        self.in_c('#include "shape/shape.h"\n', (2, "floors"), path="src/sink/a.c")
        self.in_c('#include "nowhere/run.h"\n', (2, "floors"))
        self.in_c('#include "base/str.h"\n#include "meta/doc.h"\n', (3, "floors"), path="sim/a.c")

    def test_a_library_has_one_home(self):
        self.in_c("#include <sqlite3.h>\n", path="src/db/sqlite.c")
        self.in_c("#include <sqlite3.h>\n", (2, "library"), path="src/db/mysql.c")
        self.in_c("#include <yyjson.h>\n", (2, "library"), path="src/base/map.c")
        self.in_c("#include <curl/curl.h>\n", (2, "library"), path="src/run/a.c")
        self.in_c("#include <leveldb/c.h>\n", (2, "library"))
        self.in_c("#include <sys/stat.h>\n#include <stdio.h>\n")

    def test_lengths(self):
        self.in_c("static int f(void)\n{\n" + "    x();\n" * 77 + "}\n")
        self.in_c("static int f(void)\n{\n" + "    x();\n" * 78 + "}\n", (2, "function-length"))
        self.in_c("\n" * 799)
        self.in_c("\n" * 800, (1, "file-length"))

    def test_parameters(self):
        self.in_c("static int f(int a, int b, int c, int d, int e)\n{\n}\n")
        self.in_c("static int f(int a, int b, int c, int d, int e, struct errinfo *ei)\n{\n}\n")
        self.in_c("static int f(int a, int b, int c, int d, int e, ...)\n{\n}\n")
        self.in_c("static int f(int a, int (*b)(int, int, int), int c, int d, int e)\n{\n}\n")
        self.in_c("static int f(int a, int b,\n    int c, int d, int e, int f)\n{\n}\n", (2, "parameters"))

    def test_banned_calls(self):
        for call in ("strcpy", "sprintf", "atoi", "strtok", "system", "alloca", "sscanf", "strncpy", "gets"):
            self.in_c(f"static int f(void)\n{{\n    {call}(a);\n}}\n", (4, "banned"))
        self.in_c('static int f(void)\n{\n    log_system(a); /* strcpy(a) */\n    p->system(b);\n    x("atoi(1)");\n}\n')
        nap = "sle" + "ep"
        self.in_c(f"static int f(void)\n{{\n    u{nap}(1);\n}}\n", (4, "banned"), path="tests/unit/test_a.c")
        self.assert_found({"tests/e2e/test_a.py": f"import time\ntime.{nap}(1)\n"}, ("tests/e2e/test_a.py", 2, "banned"))

    def test_a_file_opens_with_its_purpose(self):
        self.assert_found({"src/meta/a.c": "int x;\n"}, ("src/meta/a.c", 1, "opening"))

    def test_no_forward_declarations(self):
        self.in_c("static int f(int a);\n", (2, "forward"))
        self.in_c("static int (*const table[])(int) = {a, b};\nint g(int a);\n")

    def test_no_mutable_globals(self):
        self.in_c("static int n;\n", (2, "global"))
        self.in_c("static struct str *all[4] = {0};\n", (2, "global"))
        self.in_c("static const int n = 1;\nstatic const struct a t[] = {{1}, {2}};\n")
        self.in_c("static int n;\n", path="src/base/log.c")

    def test_single_use(self):
        f = OPENING + "int used(void)\n{\n    return 1;\n}\n"
        self.assert_found({"src/base/a.c": f, "src/base/a.h": "int used(void);\n"}, ("src/base/a.c", 2, "singleuse"))
        self.assert_found({"src/base/a.c": f, "src/base/a.h": "int used(void);\n#define U() used()\n"})
        self.assert_found({"src/base/a.c": f, "src/base/a.h": "int used(void);\n", "src/app/main.c": USED})
        self.assert_found({"src/base/a.c": f, "src/app/main.c": OPENING + "/* used */\n"},
                          ("src/base/a.c", 2, "singleuse"))

    def test_words_of_work_left_undone(self):
        for word in ("TO" "DO", "FIX" "ME", "not im" "plemented", "for n" "ow"):
            self.assert_found({"docs/a.md": f"x\n{word} y\n"}, ("docs/a.md", 2, "unfinished"))

    def test_long_pages(self):
        self.assert_found({"README.md": "x\n" * 400})
        self.assert_found({"README.md": "x\n" * 401}, ("README.md", 1, "document"))
        self.assert_found({"docs/adr/0001-a.md": "x\n" * 81}, ("docs/adr/0001-a.md", 1, "document"))
        self.assert_found({"bench/notes.md": "x\n" * 801}, ("bench/notes.md", 1, "document"))

    def test_waivers(self):
        waiver = "/* lint: " "allow(banned) nothing else does it */"
        self.in_c(f"static int f(void)\n{{\n    {waiver}\n    system(a);\n}}\n")
        self.in_c(f"static int f(void)\n{{\n    system(a); {waiver}\n}}\n")
        self.in_c(f"{waiver}\nstatic int f(void)\n{{\n    system(a);\n}}\n", (2, "waiver"), (5, "banned"))
        self.in_c("static int f(void)\n{\n    system(a); /* lint: " "allow(banned) */\n}\n", (4, "waiver"))


if __name__ == "__main__":
    unittest.main()
