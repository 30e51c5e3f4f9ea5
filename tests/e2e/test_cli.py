"""What people type and see: each command's ordinary way and its mistakes, one JSON object with --json, exit statuses,
help, completion, and the demo."""
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import hurried  # noqa: E402
from lib.process import end, free_port, spawn, wait_until  # noqa: E402
from lib.servers import ROOT, SEED, SLUICE, TABLE, Project, Result, Sim, compare  # noqa: E402

ENVIRONMENT = {**os.environ, "SLUICE_CONNECTORS": os.path.join(ROOT, "connectors"), "NO_COLOR": "1",
               "NO_PROXY": "127.0.0.1", "LC_ALL": "C"}


def sluice(*args, env=None, stdin=None, **options):
    """The command outside of a project."""
    done = subprocess.run([SLUICE, *args], input=stdin, text=True, capture_output=True, timeout=120,
                          env={**ENVIRONMENT, **(env or {})}, **options)
    return Result([SLUICE, *args], done.returncode, done.stdout, done.stderr)


class Words(unittest.TestCase):
    """The command line itself: no project, no server."""

    def commands(self):
        return sluice("help", "--json").json["commands"]

    def test_every_command_has_help_with_an_example(self):
        commands = self.commands()
        self.assertGreater(len(commands), 15)
        for command in commands:
            name = command["name"]
            with self.subTest(name):
                shown = sluice(name, "--help")
                self.assertEqual((shown.code, shown.err), (0, ""), repr(shown))
                self.assertIn("Example:", shown.out)
                self.assertIn(f"sluice {name}", command["example"])
                for option in command["options"]:
                    self.assertIn(f"--{option}", shown.out)
                self.assertEqual(sluice("help", name).out, shown.out)
                self.assertIn(f"  {name} ", sluice("--help").out)

    def test_examples_use_options_that_exist(self):
        for command in self.commands():
            for option in re.findall(r"--([a-z-]+)", command["example"]):
                self.assertIn(option, [*command["options"], "json"], command["name"])

    def test_the_manual_page_is_up_to_date(self):
        with open(os.path.join(ROOT, "docs", "man", "sluice.1"), encoding="utf-8") as f:
            self.assertEqual(sluice("help", "--man").out, f.read(), "sluice help --man > docs/man/sluice.1")

    def test_unknown_words(self):
        for args, message in ((["chek"], 'unknown command "chek" (did you mean "check"?)'),
                              (["run", "x", "--dry-rum"], "unknown option --dry-rum (did you mean --dry-run?)"),
                              (["run", "x", "-z"], "unknown option -z"),
                              (["run"], "run needs NAME"),
                              (["run", "a", "b"], 'run does not know what to do with "b"'),
                              (["run", "a", "--from"], "--from needs a value: T"),
                              (["run", "a", "--dry-run=1"], "--dry-run takes no value"),
                              (["version", "x"], 'version does not know what to do with "x"'),
                              (["completion", "fish"], 'completion is there for bash and zsh, not for "fish"'),
                              (["schema", "integraton"], 'there is no schema "integraton" (did you mean "integration"?)'),
                              (["secret", "lst"], 'unknown "secret lst" (did you mean "list"?)'),
                              (["secret", "set"], "secret set takes one NAME"),
                              (["user", "ad"], 'unknown "user ad" (did you mean "add"?)'),
                              (["user", "add"], "user add takes one NAME"),
                              (["init", "--start", "yesterday", "never-made"], "--start is \"yesterday\""),
                              ([], "no command was given")):
            with self.subTest(args):
                told = sluice(*args)
                self.assertEqual(told.code, 2, repr(told))
                self.assertIn(f"error: {message}", told.err)
                self.assertIn("hint: ", told.err)
                if not args:
                    continue
                told = sluice("--json", *args)
                self.assertEqual((told.code, told.err, len(told.jsons)), (2, "", 1), repr(told))
                self.assertEqual(told.json["error"]["code"], "usage")
                self.assertIn(message, told.json["error"]["message"])
                self.assertTrue(told.json["error"]["hint"])

    def test_options_stand_anywhere(self):
        for args in (["--json", "version"], ["version", "--json"], ["-C", "/nowhere", "version", "--json"],
                     ["--json", "--version"], ["--project=/nowhere", "version", "--json", "-q"], ["-C/nowhere", "--json", "version"]):
            with self.subTest(args):
                told = sluice(*args)
                self.assertEqual((told.code, told.json["name"]), (0, "sluice"), repr(told))

    def test_no_project(self):
        with tempfile.TemporaryDirectory() as empty:
            for args in (["check"], ["status"], ["run", "orders"], ["log"], ["secret", "list"], ["user", "list"]):
                with self.subTest(args):
                    told = sluice(*args, "-C", empty, "--json")
                    self.assertEqual((told.code, told.json["error"]["code"]), (2, "config"), repr(told))
                    self.assertIn("sluice init", told.json["error"]["hint"])
            self.assertEqual(os.listdir(empty), [])

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([SLUICE, "help"], stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not be written", done.stderr)

    def test_chinese(self):
        told = sluice("--help", env={"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN.UTF-8"})
        self.assertIn("离线检查", told.out)
        self.assertIn("--project", told.out)

    def test_connectors(self):
        listed = sluice("connectors", "--json").json["connectors"]
        self.assertEqual({c["name"] for c in listed}, {"jushuitan-open", "jushuitan-qimen", "mysql", "sqlite"})
        one = sluice("connectors", "jushuitan-qimen", "--json").json
        self.assertIn("jushuitan.order.list.query", [i["name"] for i in one["interfaces"]])
        self.assertTrue(next(p for p in one["params"] if p["name"] == "app_secret")["secret"])
        text = sluice("connectors", "jushuitan-qimen", "-v")
        self.assertIn("app_secret", text.out)
        self.assertIn("start_time", text.out)
        wrong = sluice("connectors", "jushuitan", "--json")
        self.assertEqual((wrong.code, wrong.json["error"]["code"]), (2, "config"), repr(wrong))

    def test_schemas(self):
        names = sluice("schema", "--json").json["schemas"]
        self.assertIn("integration", names)
        for name in names:
            with self.subTest(name):
                schema = sluice("schema", name).json
                self.assertIn("2020-12", schema["$schema"])

    def test_completion_for_bash(self):
        script = sluice("completion", "bash").out
        self.assertEqual(sluice("completion", "bash", "--json").json["script"], script)
        with tempfile.TemporaryDirectory() as home:
            os.mkdir(os.path.join(home, "integrations"))
            for name in ("orders.json", "orders.source.json", "销售.json"):
                open(os.path.join(home, "integrations", name), "w", encoding="utf-8").close()
            for words, offered in ((["ch"], {"check"}), (["run", "--dr"], {"--dry-run"}), (["-C", home, "run", ""], {"orders", "销售"}),
                                   (["--j"], {"--json"}), (["secret", ""], {"set", "list", "rm"}), (["user", ""], {"add", "list", "rm"}), (["help", "comp"], {"completion"})):
                with self.subTest(words):
                    line = " ".join(f"'{w}'" for w in ["sluice", *words])
                    done = subprocess.run(["bash", "--norc", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _sluice; "
                                           'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, timeout=60,
                                          env={**ENVIRONMENT, "PATH": os.path.dirname(SLUICE) + ":" + os.environ["PATH"]})
                    self.assertEqual(done.stderr, "")
                    self.assertEqual(set(done.stdout.split()), offered)

    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_completion_for_zsh(self):
        done = subprocess.run(["zsh", "-n", "/dev/stdin"], input=sluice("completion", "zsh").out, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Init(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.mkdtemp(prefix="sluice-init-")
        self.addCleanup(shutil.rmtree, self.home)
        self.folder = os.path.join(self.home, "my project")
        self.secrets = {"JST_APP_KEY": "1", "JST_APP_SECRET": "not-a-secret", "JST_CUSTOMER_ID": "2", "HOME": self.home,
                        "XDG_CONFIG_HOME": os.path.join(self.home, "config")}

    def sluice(self, *args, **options):
        return sluice(*args, env={**self.secrets, **options.pop("env", {})}, **options)

    def read(self, name):
        with open(os.path.join(self.folder, name), "rb") as f:
            return f.read()

    def test_the_seed_case(self):
        made = self.sluice("init", self.folder, "--json")
        self.assertEqual(made.code, 0, repr(made))
        for name in made.json["files"]:
            self.assertTrue(os.path.exists(os.path.join(self.folder, name)), name)
        for name in ("orders.source.json", "orders.target.json"):
            with open(os.path.join(SEED, name), "rb") as f:
                self.assertEqual(self.read("integrations/" + name), f.read())
        ignored = self.read(".gitignore").decode()
        self.assertIn(".sluice", ignored)
        before = {name: self.read(name) for name in made.json["files"]}
        again = self.sluice("init", self.folder, "--json")
        self.assertEqual((again.code, again.json["error"]["code"]), (2, "usage"), repr(again))
        self.assertEqual({name: self.read(name) for name in before}, before)

    def test_what_check_says_of_it(self):
        self.sluice("init", self.folder)
        missing = sluice("check", "-C", self.folder, env={"HOME": self.home, "XDG_CONFIG_HOME": self.home})
        self.assertEqual(missing.code, 2, repr(missing))
        self.assertRegex(missing.out, r"(?m)^connections/jst\.json:\d+:\d+: error: .*JST_APP_SECRET")
        self.assertRegex(missing.out, r"(?m)^connections/bi\.json:\d+:\d+: error: .*sluice secret set bi")
        stored = self.sluice("secret", "set", "bi", "-C", self.folder, stdin="hush-hush-hush\n")
        self.assertEqual(stored.code, 0, repr(stored))
        full = self.sluice("check", "-C", self.folder)
        self.assertEqual((full.code, full.err), (0, ""), repr(full))
        self.assertIn("no errors", full.out)

    def test_a_ready_made_connection(self):
        path = os.path.join(self.home, "connection.json")
        for document, start in (({"connector": "jushuitan-qimen", "params": {"base_url": "http://127.0.0.1:1/"}}, None),
                                ({"connection": {"connector": "jushuitan-qimen", "params": {}}, "from": "2026-10-01 00:00:00"}, "2026-10-01 00:00:00")):
            shutil.rmtree(self.folder, ignore_errors=True)
            with open(path, "w", encoding="utf-8") as f:
                json.dump(document, f)
            made = self.sluice("init", self.folder, "--sqlite", "--connection", path, "--json")
            self.assertEqual(made.code, 0, repr(made))
            self.assertEqual(json.loads(self.read("connections/jst.json")), document.get("connection", document))
            self.assertIn(b"sqlite", self.read("connections/bi.json"))
            if start:
                self.assertIn(f'"start": "{start}"', self.read("integrations/orders.json").decode())
        with open(path, "w", encoding="utf-8") as f:
            f.write('{"params": {}}')
        wrong = self.sluice("init", os.path.join(self.home, "other"), "--connection", path, "--json")
        self.assertEqual((wrong.code, wrong.json["error"]["code"]), (2, "config"), repr(wrong))
        self.assertFalse(os.path.exists(os.path.join(self.home, "other")))

    def test_users(self):
        self.sluice("init", self.folder)

        def user(*words, stdin="correct horse battery\n"):
            return self.sluice("user", *words, "-C", self.folder, "--json", stdin=stdin)

        self.assertEqual(user("list").json, {"users": []})
        self.assertEqual((user("add", "bob", "--role", "viewer").code, user("add", "ann").code), (1, 0))
        self.assertEqual(user("add", "bob", "--role", "viewer").json, {"name": "bob", "done": "added"})
        self.assertEqual(user("add", "bob").json, {"name": "bob", "done": "changed"})
        self.assertEqual([(u["name"], u["role"]) for u in user("list").json["users"]], [("ann", "admin"), ("bob", "viewer")])
        for words, stdin, code, said in ((("add", "cy"), "short\n", 2, "usage"), (("add", "a/b"), None, 2, "usage"),
                                         (("add", "cy"), "", 2, "usage"), (("add", "cy", "--role", "king"), None, 2, "usage"),
                                         (("rm", "ann"), None, 1, "conflict"), (("rm", "cy"), None, 2, "usage"),
                                         (("add", "ann", "--role", "viewer"), None, 1, "conflict")):
            with self.subTest(words):
                done = user(*words, **({} if stdin is None else {"stdin": stdin}))
                self.assertEqual((done.code, done.json["error"]["code"]), (code, said), repr(done))
                self.assertTrue(done.json["error"]["hint"])
        path = os.path.join(self.folder, ".sluice", "users.json")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertNotIn(b"correct horse", self.read(".sluice/users.json"))
        os.chmod(path, 0o644)
        loose = user("list")
        self.assertEqual((loose.code, loose.json["error"]["code"]), (2, "config"), repr(loose))
        os.chmod(path, 0o600)
        self.assertEqual((user("rm", "bob").code, user("rm", "ann").code), (0, 0))

    def test_secrets(self):
        self.sluice("init", self.folder)
        value = "correct-horse-battery"
        for command, stdin in ((("secret", "set", "bi"), value + "\n"), (("secret", "list"), None), (("secret", "list", "--json"), None),
                               (("check",), None), (("secret", "rm", "bi"), None)):
            done = self.sluice(*command, "-C", self.folder, stdin=stdin)
            self.assertEqual(done.code, 0, repr(done))
            self.assertNotIn(value, done.out + done.err)
            if command == ("secret", "list", "--json"):
                self.assertEqual(done.json, {"secrets": ["bi"]})
        for root, _, names in os.walk(self.home):
            for name in names:
                with open(os.path.join(root, name), "rb") as f:
                    self.assertNotIn(value.encode(), f.read(), name)
        empty = self.sluice("secret", "set", "bi", "-C", self.folder, "--json", stdin="\n")
        self.assertEqual((empty.code, empty.json["error"]["code"]), (2, "usage"), repr(empty))
        gone = self.sluice("secret", "rm", "bi", "-C", self.folder, "--json")
        self.assertEqual((gone.code, gone.json["error"]["code"]), (2, "usage"), repr(gone))


class Seed(unittest.TestCase):
    """The seed case into SQLite; the simulator is one for the class."""

    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--orders", "300", "--seed", "3")
        cls.addClassCleanup(cls.sim.close)
        cls.sim.control(advance_ms=2000)

    def project(self, **options):
        project = Project(self.sim, None, **options)
        self.addCleanup(project.close)
        project.write("connections/jst.json", hurried(self.sim))
        return project

    def done(self, project, *args, code=0, **options):
        result = project.run(*args, **options)
        self.assertEqual(result.code, code, repr(result))
        return result

    def error(self, project, code, status, *args, **options):
        """The command fails with this error.code and exit status; one JSON object, with a hint."""
        result = self.done(project, *args, code=status, **options)
        self.assertEqual(len(result.jsons), 1, repr(result))
        found = result.json["error"]
        self.assertEqual(found["code"], code, repr(result))
        self.assertTrue(found["message"] and found["hint"], repr(result))
        return found

    # ---- check ----

    def test_check(self):
        project = self.project()
        found = self.done(project, "check").json
        self.assertTrue(found["ok"])
        self.assertEqual((found["errors"], found["integrations"]), (0, 1))
        for diagnostic in found["diagnostics"]:
            self.assertEqual(set(diagnostic), {"file", "line", "column", "severity", "what", "remedy", "nearest"})
        self.assertTrue(self.done(project, "check", "orders").json["ok"])
        wrong = project.run("check", "order")
        self.assertEqual(wrong.code, 2, repr(wrong))

    def test_check_points_at_mistakes(self):
        project = self.project()
        text = '{\n  "title": "x",\n  "source": { "connecton": "jst", "connection": "jst", "metadata": "orders.source.json" },\n' \
               '  "target": { "connection": "b", "metadata": "orders.target.json" }\n}\n'
        project.write("integrations/orders.json", text)
        found = self.done(project, "check", code=2).json
        self.assertFalse(found["ok"])
        near = {d["nearest"]: d for d in found["diagnostics"] if d["nearest"]}
        self.assertEqual((near["connection"]["file"], near["connection"]["line"]), ("integrations/orders.json", 3))
        told = self.done(project, "check", code=2, json=False)
        self.assertRegex(told.out, r"integrations/orders\.json:3:\d+: \w+: .*did you mean \"connection\"\?")
        self.assertRegex(told.out, r"integrations/orders\.json:4:\d+: error: ")
        self.error(project, "config", 2, "run", "orders")

    def test_check_online(self):
        project = self.project()
        found = self.done(project, "check", "--online").json
        online = found["online"][0]
        self.assertTrue(online["source"]["ok"] and online["target"]["ok"], found)
        self.assertGreater(online["source"]["records"], 0)
        self.assertTrue(online["target"]["server"].lower().startswith("sqlite"), online)
        self.assertNotIn(self.sim.hello["app_secret"], json.dumps(found))

    def test_check_online_finds_a_column_that_is_not_there(self):
        project = self.project()
        with sqlite3.connect(project.database) as db:
            db.execute(f"ALTER TABLE {TABLE} DROP COLUMN remark")
        found = self.done(project, "check", "--online", code=1).json
        self.assertTrue(any("remark" in d["what"] and d["severity"] == "error" for d in found["diagnostics"]), found)
        self.error(project, "schema", 1, "run", "orders")

    def test_check_online_finds_a_field_that_no_record_has(self):
        project = self.project()
        document = project.read("integrations/orders.target.json")
        next(f for f in document["request"] if f["field"] == "remark")["value"] = "{remarks}"
        project.write("integrations/orders.target.json", document)
        found = self.done(project, "check", "--online").json
        self.assertTrue(any("remark" in d["what"] and d["severity"] == "warning" for d in found["diagnostics"]), found)

    def test_check_online_finds_rows_that_the_table_refuses(self):
        project = self.project(create=False)
        project.create_table({"receiver_state": "TEXT NOT NULL"})
        found = self.done(project, "check", "--online", code=1).json
        told = [d for d in found["diagnostics"] if "receiver_state" in d["what"] and "dead letters" in d["what"]]
        self.assertEqual([d["severity"] for d in told], ["error"], found)
        text = self.done(project, "run", "orders", code=3, json=False)
        self.assertEqual(text.err.count(" warn dead letter "), 5, repr(text))
        self.assertIn("more dead letters", text.err)
        self.assertIn("wait as dead letters", text.out)
        again = self.done(project, "run", "orders", "--from", "2000-01-01", "--to", "2100-01-01", code=3, json=False)
        self.assertEqual(again.err.count(" warn dead letter "), 0, repr(again))  # each was told
        self.assertIn("wait as dead letters", again.out)
        letters = self.done(project, "records", "orders", "--state", "error").json["records"]
        self.assertTrue(all("receiver_state" in letter["reason"] for letter in letters), letters)
        one = self.done(project, "records", "orders", "--id", letters[0]["target_id"]).json
        self.assertEqual(one["dead_letters"][0]["target_id"], letters[0]["target_id"])
        listed = self.done(project, "drop", "orders", code=2).json
        self.assertEqual((len(listed["records"]), listed["error"]["code"]), (len(letters), "usage"))
        self.assertEqual(self.done(project, "drop", "orders", "--id", letters[0]["target_id"]).json["dropped"], 1)
        self.assertEqual(len(self.done(project, "records", "orders", "--state", "dropped").json["records"]), 1)
        self.assertEqual(self.done(project, "status").json["integrations"][0]["dead"], len(letters) - 1)

    # ---- failures ----

    def test_a_missing_secret(self):
        project = self.project()
        connection = {**self.sim.connection, "params": {**self.sim.connection["params"], "app_secret": "${env:NO_SUCH_VARIABLE}"}}
        project.write("connections/jst.json", connection)
        self.assertIn("NO_SUCH_VARIABLE", self.error(project, "secret", 2, "run", "orders", "--patience", "1s")["message"])
        self.assertIn("NO_SUCH_VARIABLE", self.error(project, "secret", 2, "preview", "orders")["message"])
        self.done(project, "check", code=2)

    def test_a_wrong_secret(self):
        project = self.project()
        connection = {**self.sim.connection, "params": {**self.sim.connection["params"], "app_secret": "wrong-secret"}}
        project.write("connections/jst.json", connection)
        for command in (("run", "orders", "--patience", "1s"), ("preview", "orders")):
            found = self.error(project, "signature", 1, *command)
            self.assertNotIn("wrong-secret", json.dumps(found))
        online = self.done(project, "check", "--online", code=1).json["online"][0]
        self.assertEqual(online["source"]["error"]["code"], "signature")

    def test_nobody_listens(self):
        project = self.project()
        address = f"http://127.0.0.1:{free_port()}/router/qm"
        connection = {**self.sim.connection, "params": {**self.sim.connection["params"], "base_url": address}}
        project.write("connections/jst.json", connection)
        self.error(project, "network", 1, "run", "orders", "--patience", "300ms")
        self.error(project, "network", 1, "preview", "orders", "--patience", "300ms")
        text = self.done(project, "run", "orders", "--patience", "300ms", code=1, json=False)
        self.assertRegex(text.err, r"(?m)^error: ")
        self.assertRegex(text.err, r"(?m)^hint: ")
        ddl = self.done(project, "ddl", "orders", "--patience", "300ms").json
        self.assertEqual((ddl["sample_rows"], ddl["sample_error"]["code"]), (0, "network"))
        self.assertIn("CREATE TABLE", ddl["sql"])

    def test_no_table(self):
        project = self.project(create=False)
        self.error(project, "schema", 1, "run", "orders", "--patience", "1s")

    def test_wrong_usage(self):
        project = self.project()
        for args in (("run", "order"), ("run", "orders", "--from", "2026-11-01"), ("run", "orders", "--from", "x", "--to", "2026-11-01"),
                     ("run", "orders", "--from", "2026-11-02", "--to", "2026-11-01"), ("run", "orders", "--patience", "soon"),
                     ("run", "orders", "--remedy", "--from", "2026-11-01", "--to", "2026-11-02"), ("preview", "orders", "-n", "0"),
                     ("replay", "orders"), ("cursor", "orders", "--set", "noon"), ("records", "orders", "--state", "bad"),
                     ("retry", "orders"), ("drop", "orders"), ("run", "../orders")):
            with self.subTest(args):
                self.error(project, "usage", 2, *args)
        self.assertIn('"orders"', self.error(project, "usage", 2, "run", "ordres")["hint"])

    # ---- the ordinary way ----

    def test_preview_shows_what_a_run_writes(self):
        project = self.project()
        truth = {row["id"]: row for row in self.sim.truth()}
        found = self.done(project, "preview", "orders", "-n", "40").json
        self.assertTrue(found["statement"].startswith(f"REPLACE INTO {TABLE} ("), found["statement"])
        self.assertNotIn(self.sim.hello["app_secret"], json.dumps(found))
        self.assertIn("jushuitan.order.list.query", found["request"])
        fates = {row["fate"] for row in found["rows"]}
        self.assertEqual(fates, {"rows", "filtered"})
        for row in found["rows"]:
            if row["fate"] == "filtered":
                self.assertIsNone(row["mapped"])
                continue
            self.assertEqual(row["mapped"], {k: v if v is None else str(v) for k, v in truth[row["mapped"]["id"]].items()})
        self.assertEqual(project.table_rows(), [])
        text = self.done(project, "preview", "orders", "-n", "1", json=False).out
        self.assertIn(" │ ", text)
        self.assertIn("REPLACE INTO", text)

    def test_ddl_creates_the_table(self):
        project = self.project(create=False)
        shown = self.done(project, "ddl", "orders").json
        self.assertFalse(shown["created"])
        self.assertGreater(shown["sample_rows"], 0)
        self.assertIn("CREATE TABLE", self.done(project, "ddl", "orders", json=False).out)
        self.assertTrue(self.done(project, "ddl", "orders", "--create").json["created"])
        self.assertEqual(self.done(project, "run", "orders").json["status"], "ok")
        self.assertEqual(compare(self.sim.truth(), project.table_rows()), "")

    def test_run_and_what_is_known_of_it(self):
        project = self.project()
        self.assertIsNone(self.done(project, "status", "orders").json["integrations"][0]["cursor"])
        self.assertEqual(self.done(project, "runs", "orders").json["runs"], [])
        self.assertEqual(self.done(project, "records", "orders").json["records"], [])
        summary = self.done(project, "run", "orders").json
        self.assertEqual(set(summary), {
            "integration", "status", "from", "to", "cursor", "windows", "calls", "throttled", "retries", "pages", "records",
            "folded", "filtered", "repeats", "rows", "dead", "missing_found", "removed", "bytes", "duration_ms", "verified",
            "error"})
        self.assertEqual((summary["status"], summary["records"], summary["verified"]), ("ok", 300, True))
        self.assertEqual(compare(self.sim.truth(), project.table_rows()), "")

        status = self.done(project, "status").json["integrations"][0]
        self.assertEqual((status["cursor"], status["dead"], status["gaps"]), (summary["cursor"], 0, 0))
        self.assertEqual(status["last_run"], summary)
        self.assertTrue(status["path"])
        self.assertIn("exactly once", status["promise"])
        self.assertEqual(self.done(project, "cursor", "orders").json["cursor"], summary["cursor"])
        runs = self.done(project, "runs", "orders").json["runs"]
        self.assertEqual([(r["kind"], r["status"], r["summary"]) for r in runs], [("main", "ok", summary)])
        self.assertIn("300 records", self.done(project, "runs", "orders", json=False).out)

        events = self.done(project, "log", "orders", "-n", "1000").jsons
        names = [e["event"] for e in events]
        self.assertEqual((names[0], names[-1]), ("run_started", "run_ended"))
        self.assertTrue({"page", "commit", "window_done"} <= set(names), names)
        self.assertEqual(events[-1]["summary"], summary)
        self.assertEqual(len(self.done(project, "log", "-n", "2").jsons), 2)
        self.assertIn("run_ended", self.done(project, "log", json=False).out)

    def test_records(self):
        project = self.project()
        self.done(project, "run", "orders")
        raw = {str(r["o_id"]): r for r in self.sim.raw()}
        truth = self.sim.truth()
        row = next(r for r in truth if r["items_oi_id"])
        for name in (str(row["o_id"]), row["id"]):
            with self.subTest(name):
                found = self.done(project, "records", "orders", "--id", name).json["records"]
                self.assertEqual(len(found), 1)
                record = found[0]
                self.assertEqual((record["id"], record["state"], record["run"]), (str(row["o_id"]), "done", 1))
                self.assertEqual(record["raw"].keys(), raw[record["id"]].keys())
                self.assertIn(row["id"], [mapped["id"] for mapped in record["mapped"]])
                self.assertEqual({t["id"] for t in record["target"]}, {mapped["id"] for mapped in record["mapped"]})
                self.assertIn("jushuitan.order.list.query", record["call"])
                self.assertNotIn(self.sim.hello["app_secret"], json.dumps(record))
        text = self.done(project, "records", "orders", "--id", row["id"], json=False).out
        self.assertIn("fetched ", text)
        self.assertEqual(len(self.done(project, "records", "orders", "-n", "7").json["records"]), 7)
        states = {r["state"] for r in self.done(project, "records", "orders", "--state", "filtered", "-n", "5").json["records"]}
        self.assertEqual(states, {"filtered"})
        self.assertEqual(self.done(project, "records", "orders", "--state", "error").json["records"], [])
        missing = self.done(project, "records", "orders", "--id", "1", code=2).json
        self.assertEqual((missing["records"], missing["dead_letters"], missing["error"]["code"]), ([], [], "usage"))

    def test_replay_restores_what_was_lost(self):
        project = self.project()
        summary = self.done(project, "run", "orders").json
        with sqlite3.connect(project.database) as db:
            db.execute(f"DELETE FROM {TABLE} WHERE rowid % 2")
        calls = self.sim.stats()["calls"]
        replayed = self.done(project, "replay", "orders", "--from", "2000-01-01", "--to", "2100-01-01").json
        self.assertEqual((replayed["status"], replayed["rows"], replayed["calls"]), ("ok", summary["rows"], 0))
        self.assertEqual(self.sim.stats()["calls"], calls)
        self.assertEqual(compare(self.sim.truth(), project.table_rows()), "")

    def test_cursor_moves(self):
        project = self.project()
        summary = self.done(project, "run", "orders").json
        middle = sorted(str(r["modified"]) for r in self.sim.raw())[150]
        moved = self.done(project, "cursor", "orders", "--set", middle).json
        self.assertEqual((moved["moved"], moved["before"], moved["cursor"][:19]), (True, summary["cursor"], middle.replace(" ", "T")))
        self.assertFalse(moved["skips"])
        again = self.done(project, "run", "orders").json
        self.assertEqual(again["from"], moved["cursor"])
        self.assertGreaterEqual(again["records"], 150)
        self.assertLess(again["records"], 300)
        self.assertEqual(compare(self.sim.truth(), project.table_rows()), "")
        fresh = self.project()
        self.done(fresh, "cursor", "orders", "--set", middle)
        self.assertLess(self.done(fresh, "run", "orders").json["records"], 300)

    def test_a_cursor_that_moves_forward_tells_what_it_skips(self):
        project = self.project()
        self.done(project, "cursor", "orders", "--set", "2020-01-01")
        self.assertTrue(self.done(project, "cursor", "orders", "--set", "2021-01-01").json["skips"])
        self.done(project, "cursor", "orders", "--set", "2020-01-01")
        text = self.done(project, "cursor", "orders", "--set", "2021-01-01", json=False).out
        self.assertIn('run orders --from "2020-01-01 00:00:00" --to "2021-01-01 00:00:00"', text)

    def test_a_cursor_in_the_future_is_no_cursor(self):
        """Neither a person nor a clock that was wrong makes runs end well that read nothing for years."""
        project = self.project()
        before = self.done(project, "run", "orders").json["cursor"]
        error = self.error(project, "usage", 2, "cursor", "orders", "--set", "2099-01-01")
        self.assertIn("in the future", error["message"])
        self.assertEqual(self.done(project, "cursor", "orders").json["cursor"], before)
        with sqlite3.connect(project.database) as db:
            db.execute("UPDATE sluice_checkpoint SET cursor_at = unixepoch('2099-01-01')")
        for _ in range(2):
            error = self.error(project, "config", 2, "run", "orders")
            self.assertIn("the cursor stands at 2099-01-01 08:00:00", error["message"])
            self.assertIn("cursor orders --set", error["hint"])
        self.done(project, "cursor", "orders", "--set", before)
        self.done(project, "run", "orders")
        self.assertEqual(compare(self.sim.truth(), project.table_rows()), "")

    def test_a_backfill_leaves_the_cursor(self):
        project = self.project()
        times = sorted(str(r["modified"]) for r in self.sim.raw())
        summary = self.done(project, "run", "orders", "--from", times[0], "--to", times[99]).json
        self.assertEqual(summary["from"][:19], times[0].replace(" ", "T"))
        self.assertEqual(summary["records"], sum(t <= times[99] for t in times))
        self.assertEqual(self.done(project, "run", "orders").json["records"], 300)

    def test_a_dry_run_writes_nothing(self):
        project = self.project()
        summary = self.done(project, "run", "orders", "--dry-run").json
        self.assertEqual((summary["status"], summary["records"]), ("ok", 300))
        self.assertEqual(project.table_rows(), [])
        self.assertEqual(self.done(project, "runs", "orders").json["runs"], [])
        self.assertIn("dry run", self.done(project, "run", "orders", "--dry-run", json=False).out)

    def test_a_remedy(self):
        project = self.project()
        self.done(project, "run", "orders")
        summary = self.done(project, "run", "orders", "--remedy").json
        self.assertEqual((summary["status"], summary["missing_found"]), ("ok", 0))

    def test_the_summary_in_words(self):
        project = self.project()
        rows = len(self.sim.truth())
        told = self.done(project, "run", "orders", json=False, env={"LC_ALL": "C"}).out
        self.assertRegex(told, rf"^orders: read 300 records on \d+ pages and wrote {rows} rows in .* s\.\n")
        self.assertIn("Every window was shown to be complete.", told)
        told = self.done(project, "run", "orders", json=False, env={"LC_ALL": "zh_CN.UTF-8"}).out
        self.assertIn("每个时间窗口都已核对完整", told)

    def test_a_held_integration(self):
        project = self.project()
        self.sim.control(fault="slow", value=60000)
        try:
            process = project.start("run", "orders", json=False)
            log = os.path.join(project.folder, ".sluice", "sluice.jsonl")

            def begun():
                try:
                    with open(log, encoding="utf-8") as f:
                        return "run_started" in f.read()
                except FileNotFoundError:
                    return False
            wait_until(begun, process, 60, "the run")
            self.error(project, "conflict", 1, "cursor", "orders", "--set", "2026-01-01")
            self.error(project, "conflict", 1, "run", "orders")
            self.assertEqual(end(process), 130)
            process.communicate()
        finally:
            self.sim.control(fault="slow", value=False)
        self.assertEqual(self.done(project, "run", "orders").json["records"], 300)

    # ---- on a terminal ----

    def on_terminal(self, project, *args, env=None):
        """(status, everything that a terminal got)"""
        ours, theirs = pty.openpty()
        process = project.start(*args, json=False, env={"TERM": "xterm", "LC_ALL": "C", **(env or {})}, stdout=theirs, stderr=theirs, text=False)
        os.close(theirs)
        out = b""
        try:
            while select.select([ours], [], [], 60)[0]:
                out += os.read(ours, 65536)
        except OSError:
            pass
        os.close(ours)
        return process.wait(60), out.decode()

    def test_the_live_line(self):
        project = self.project()
        self.sim.control(fault="slow", value=700)
        try:
            status, text = self.on_terminal(project, "run", "orders")
        finally:
            self.sim.control(fault="slow", value=False)
        self.assertEqual(status, 0, text)
        live = re.findall(r"\r\x1b\[K([^\r\n]+)", text)
        self.assertTrue(live, text)
        for word in (" → ", "%", "pages ", "rows ", "/s", "quota left "):
            self.assertTrue(any(word in line for line in live), (word, live))
        self.assertTrue(all(len(line) < 80 for line in live), live)
        self.assertIn("orders: read 300 records", text)

    def test_colour(self):
        project = self.project()
        self.done(project, "run", "orders")
        self.assertIn("\x1b[1m", self.on_terminal(project, "status", env={"NO_COLOR": ""})[1])
        self.assertNotIn("\x1b[", self.on_terminal(project, "status", env={"NO_COLOR": "1"})[1])
        self.assertNotIn("\x1b[", self.on_terminal(project, "status", "--no-color", env={"NO_COLOR": ""})[1])
        self.assertNotIn("\x1b[", self.done(project, "status", json=False).out)

    def test_following_the_log(self):
        project = self.project()
        process = project.start("log", "-f", "-n", "0")
        try:
            self.done(project, "run", "orders")
            text = b""
            while b"run_ended" not in text or not text.endswith(b"\n"):
                self.assertTrue(select.select([process.stdout], [], [], 60)[0], text)
                text += os.read(process.stdout.fileno(), 65536)
        finally:
            end(process)
            process.communicate()
        events = [json.loads(line)["event"] for line in text.splitlines()]
        self.assertEqual((events[0], events[-1]), ("run_started", "run_ended"))


class Demo(unittest.TestCase):
    def test_it_is_a_perfect_copy_and_leaves_nothing_running(self):
        with tempfile.TemporaryDirectory(prefix="sluice-demo-") as home:
            folder = os.path.join(home, "kept")
            env = {"HOME": home, "TMPDIR": home}
            done = sluice("demo", "--orders", "300", "--keep", folder, "--json", env=env)
            self.assertEqual((done.code, len(done.jsons)), (0, 1), repr(done))
            self.assertTrue(done.json["equal"])
            self.assertEqual((done.json["orders"], done.json["run"]["status"]), (300, "ok"))
            with sqlite3.connect(os.path.join(folder, "bi.db")) as db:
                self.assertEqual(db.execute(f"SELECT count(*) FROM {TABLE}").fetchone()[0], done.json["rows"])
            with open(os.path.join(folder, "connections", "jst.json"), encoding="utf-8") as f:
                port = int(re.search(r"127\.0\.0\.1:(\d+)", f.read()).group(1))
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            text = sluice("demo", "--orders", "200", env=env)
            self.assertEqual(text.code, 0, repr(text))
            self.assertIn("nothing is missing", text.out)
            self.assertEqual(os.listdir(home), ["kept"])

    def on_terminal(self, home, answer, until=None, then=b""):
        """The demo as a person sees it: answers the question, and types `then` when `until` was printed; None in place
        of one of them closes the terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(ENVIRONMENT, HOME=home, TMPDIR=home, TERM="dumb", LC_ALL="C.UTF-8")
            os.execv(SLUICE, [SLUICE, "demo", "--orders", "100"])
        seen, asked = b"", False
        deadline = time.monotonic() + 90
        try:
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.3)[0]:
                    try:
                        seen += os.read(terminal, 65536)
                    except OSError:
                        break  # the other side is closed
                if b"[Y/n]" in seen and not asked:
                    asked = True
                    if answer is None:
                        break
                    os.write(terminal, answer)
                if until and until(seen):
                    if then is None:
                        break
                    os.write(terminal, then)
                    until = None
            else:
                os.kill(pid, signal.SIGKILL)
                self.fail(seen[-2000:].decode("utf-8", "replace"))
        finally:
            os.close(terminal)
            ended = os.pidfd_open(pid)
            in_time = select.select([ended], [], [], 30)[0]
            os.close(ended)
            if not in_time:
                os.kill(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return status, seen.decode("utf-8", "replace")

    def test_on_a_terminal_it_offers_to_go_on(self):
        for answer in (b"n\n", b"no\n", b"\x04", b"\x03", None):
            with self.subTest(answer), tempfile.TemporaryDirectory(prefix="sluice-demo-") as home:
                status, seen = self.on_terminal(home, answer)
                self.assertEqual(status, 1 if answer is None else 0, seen[-2000:])  # 1: what it said found no reader
                self.assertIn("nothing is missing", seen)
                self.assertNotIn("The dashboard is at", seen)
                self.assertEqual(os.listdir(home), [])

    def test_it_goes_on_until_it_is_interrupted(self):
        with tempfile.TemporaryDirectory(prefix="sluice-demo-") as home:
            answers = []

            def moves(seen):
                """A later run has brought new orders."""
                at = re.search(rb"The dashboard is at (http://[0-9.:]+)", seen)
                if not at:
                    return False
                with urllib.request.urlopen(at.group(1).decode() + "/api/v1/integrations/orders/runs", timeout=10) as answer:
                    answers.append(json.load(answer)["runs"])
                return any(run["kind"] == "main" and run["summary"] and run["summary"]["rows"] for run in answers[-1][:-1])

            status, seen = self.on_terminal(home, b"\n", moves, b"\x03")
            self.assertEqual(status, 0, seen[-2000:])
            self.assertTrue(answers)
            self.assertEqual(os.listdir(home), [])

    def test_it_ends_with_its_terminal(self):
        with tempfile.TemporaryDirectory(prefix="sluice-demo-") as home:
            status, seen = self.on_terminal(home, b"y\n", lambda seen: b"The dashboard is at" in seen, None)
            self.assertEqual(status, 1, seen[-2000:])  # what it said at the end found no reader
            self.assertEqual(os.listdir(home), [])

    def test_without_the_simulator(self):
        with tempfile.TemporaryDirectory() as home:
            done = sluice("demo", "--json", env={"SLUICE_SIM": "/nowhere/sluice-sim", "TMPDIR": home})
            self.assertNotEqual(done.code, 0, repr(done))
            self.assertTrue(done.json["error"]["message"], repr(done))


if __name__ == "__main__":
    unittest.main()
