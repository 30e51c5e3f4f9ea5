"""Documents that are wrong: `check` names the file and the mistake, with status 2, soon, and tells no secret; nothing is
made on the disk. The numbers are those of docs/internals/bad-inputs.md."""
import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, target_document  # noqa: E402

SECRET = "canary-config-9a10"
SLUICE, JST, ORDERS = "sluice.json", "connections/jst.json", "integrations/orders.json"
SOURCE, TARGET = "integrations/orders.source.json", "integrations/orders.target.json"


def changed(document, **members):
    return {**document, **members}


def url(value):
    return lambda project: (JST, with_param(project, "base_url", value))


def with_param(project, name, value):
    document = project.read(JST)
    document["params"][name] = value
    return document


def member(path, **members):
    return lambda project: (path, changed(project.read(path), **members))


def text(path, content):
    return lambda project: (path, content)


def column(value):
    """A target column whose value is this."""
    def make(_):
        document = target_document()
        document["request"][1] = {**document["request"][1], "value": value}
        return TARGET, document
    return make


DOCUMENTS = [  # number, name, what is written where
    (71, "no byte", text(ORDERS, "")),
    (71, "blanks", text(SLUICE, " \n")),
    (71, "binary", text(SOURCE, "\x7fELF\x02\x01\x01\0\0\0\0")),
    (71, "100 MiB", text(SOURCE, "[" + " " * (100 << 20) + "]")),
    (72, "a key twice", text(ORDERS, '{"source": 1, "source": 2}')),
    (72, "another type", member(ORDERS, source=5)),
    (73, "deep", text(SOURCE, "[" * 100000 + "]" * 100000)),
    (74, "less than nothing", member(ORDERS, lag="-5s")),
    (74, "more than there is", member(ORDERS, overlap="9223372036854775808s")),
    (74, "a number without a unit", member(ORDERS, lag="5 parsecs")),
    (75, "no such zone", member(SLUICE, timezone="Mars/Olympus")),
    (75, "a zone that is a path", member(SLUICE, timezone="../../../etc/passwd")),
    (77, "another scheme", url("file:///etc/passwd")),
    (77, "a port that is none", url("http://127.0.0.1:65536/x")),
    (77, "a tab", url("http://127.0.0.1\t/x")),
    (78, "a secret that is missing", url("${env:NO_SUCH_VARIABLE_HERE}")),
    (78, "a secret's file that is missing", url("${file:secrets/none}")),
    (79, "a document outside", member(ORDERS, source={"connection": "jst", "metadata": "../../../../etc/passwd"})),
    (80, "half a file", text(TARGET, '{"api": "batchexecute", "request": [{"fie')),
    (81, "an expression 10,000 deep", column("_function " + "(" * 10000 + "1" + ")" * 10000)),
    (81, "an expression that does not end", column("_function IF(1, 2")),
]


class BadConfig(RunCase):
    def begin(self):
        sim = self.sim("--orders", "3", "--app-secret", SECRET)
        project = self.project(sim)
        self.assertEqual(project.run("check").code, 0)
        return project

    def fails(self, project, path):
        begun = time.monotonic()
        result = project.run("check", timeout=60)
        self.assertEqual(result.code, 2, repr(result)[:3000])
        self.assertLess(time.monotonic() - begun, 20)
        self.assertNotIn(SECRET, result.out + result.err)
        said = json.dumps(result.json, ensure_ascii=False)
        self.assertIn(os.path.basename(path), said, said[:3000])
        self.assertFalse(os.path.exists(os.path.join(project.folder, ".sluice/state.db")))
        return said

    def test_documents(self):
        project = self.begin()
        for number, name, make in DOCUMENTS:
            with self.subTest(f"{number}: {name}"):
                path, document = make(project)
                before = project.read(path)
                project.write(path, document)
                try:
                    self.fails(project, path)
                finally:
                    project.write(path, before)
        self.assertEqual(project.run("check").code, 0)

    def test_keys_that_nobody_knows(self):
        """72: told, with the one that was meant; the rest counts."""
        project = self.begin()
        for name in ("overlapp", "Overlap"):
            with self.subTest(name):
                before = project.read(ORDERS)
                project.write(ORDERS, {**before, name: "5m"})
                found = [d for d in project.run("check").json["diagnostics"] if name in d["what"]]
                self.assertEqual([d["nearest"] for d in found], ["overlap"], found)
                project.write(ORDERS, before)

    def test_files_that_are_none(self):
        """79: a device, a pipe, a folder, a link to nowhere in the place of a document."""
        project = self.begin()
        path = os.path.join(project.folder, SOURCE)
        kept = open(path, "rb").read()
        for name, make in (("a device", lambda: os.symlink("/dev/zero", path)), ("a pipe", lambda: os.mkfifo(path)),
                           ("a folder", lambda: os.mkdir(path)), ("a link to nowhere", lambda: os.symlink("/no/where", path))):
            with self.subTest(name):
                os.remove(path)
                make()
                try:
                    self.fails(project, "orders.")  # named where it is, or where it is asked for
                finally:
                    if os.path.isdir(path):
                        os.rmdir(path)
                    elif os.path.lexists(path):
                        os.remove(path)
                    with open(path, "wb") as f:
                        f.write(kept)

    def test_secrets(self):
        """78: an empty secret is refused, the newline at a file's end is not part of it."""
        project = self.begin()
        os.mkdir(os.path.join(project.folder, "secrets"))
        document = project.read(JST)
        document["params"]["app_secret"] = "${file:secrets/app}"
        project.write(JST, document)
        project.write("secrets/app", "")
        self.assertEqual(project.run("run", "orders").code, 2)
        project.write("secrets/app", SECRET + "\n")
        self.run_ok(project)

    def test_a_regular_expression_that_explodes(self):
        """81: it ends with an error of that record, soon."""
        project = self.begin()
        document = target_document()
        row = next(r for r in document["request"] if r["field"] == "shop_name")
        row["value"] = "_function REGEXP_REPLACE('" + "a" * 40 + "b', '(a+)+(a+)+(a+)+$', 'x')"
        project.write(TARGET, document)
        begun = time.monotonic()
        result = project.run("run", "orders", timeout=60)
        self.assertIn(result.code, (0, 2, 3), repr(result)[:3000])
        self.assertLess(time.monotonic() - begun, 30)

    def test_names(self):
        """76: names of columns and tables that are odd are quoted, those that cannot be are refused."""
        project = self.begin()
        for name in ("a`b", "select", "trailing ", "x" * 65, "a\0b"):
            with self.subTest(name):
                document = target_document()
                document["request"].append({"field": name, "value": "{o_id}"})
                project.write(TARGET, document)
                result = project.run("check", timeout=60)
                self.assertEqual(result.code, 2, repr(result)[:2000])  # main_sql does not have it
                self.assertIn("orders.target.json", json.dumps(result.json))


if __name__ == "__main__":
    unittest.main()
