"""`sluice bundle`: no secret is in it, wherever one stood; what is unpacked elsewhere is a project again; nothing is
overwritten unasked, and what is missing is told."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, hurried  # noqa: E402
from lib.servers import SEED, Project  # noqa: E402
from lib.serving import Serving  # noqa: E402
from test_canaries import CONNECTOR, ODD, PLANT, Search, Secrets  # noqa: E402


def seed(name):
    with open(os.path.join(SEED, name), encoding="utf-8") as f:
        return f.read()


class Bundle(RunCase):
    def setUp(self):
        super().setUp()
        self.sim_ = self.sim("--orders", "60", "--seed", "3")
        self.shop = self.project(self.sim_)
        self.env = {}
        self.file = os.path.join(self.shop.home, "out.tar.gz")

    def bundle(self, *options, code=0, file=None, **how):
        done = self.shop.run("bundle", file or self.file, *options, env=self.env, **how)
        self.assertEqual(done.code, code, repr(done))
        return done.json

    def unpacked(self):
        """The folder that the bundle becomes, beside a copy of nothing else."""
        to = os.path.join(self.shop.home, "elsewhere")
        shutil.rmtree(to, ignore_errors=True)
        with tarfile.open(self.file) as tar:
            for member in tar:
                self.assertFalse(member.name.startswith("/") or ".." in member.name.split("/"), member.name)
            tar.extractall(to)
        (only,) = os.listdir(to)
        return os.path.join(to, only)

    def contents(self):
        """{path in the folder: bytes}"""
        with tarfile.open(self.file) as tar:
            return {m.name.split("/", 1)[1]: tar.extractfile(m).read() for m in tar if m.isfile()}

    def store(self, name, value):
        done = self.shop.run("secret", "set", name, stdin=value)
        self.assertEqual(done.code, 0, repr(done))
        return "${secret:%s}" % name

    # ---- secrets ----

    def plant(self, new, stored):
        """A secret wherever one can stand, and where people leave one."""
        shop, jst = self.shop, hurried(self.sim_)
        self.env.update(E0=new("environment", ODD), E1=new("in an address, by the environment"))
        for folder in ("maps", "secrets", "connectors/own"):
            os.makedirs(os.path.join(shop.folder, folder))
        with open(os.path.join(shop.folder, "secrets", "s"), "w", encoding="utf-8") as f:
            f.write(new("file") + "\n")
        shop.write("connectors/own/connector.json", {
            **CONNECTOR, "name": "own", "options": [*CONNECTOR["options"], {"name": "plain"}]})
        shop.write("connections/literal.json",
                   "{ // before it was %s\n 'connector': 'own', note: '%s', 'title': 'with %s', 'environment': '%s',"
                   " 'params': {'base_url': 'http://u:%s@127.0.0.1/x', 'key': '%s', 'plain': 'see %s',"
                   " 'pair': 'half ${env:E0} %s', 'unknown': '%s', 'nested': {'a': ['%s']}}} /* %s */" % (
                       new("comment"), new("unknown member"), stored, PLANT.decode(), new("account in an address"),
                       new("literal"), stored, new("half of a reference"), new("unknown parameter"),
                       new("nested unknown parameter"), new("comment behind")))
        shop.write("connections/query.json", {"connector": "own", "params": {
            "base_url": "http://127.0.0.1/x?token=" + new("query of an address"), "key": "${file:secrets/s}"}})
        shop.write("connections/nobody.json", {"connector": "nobodys", "params": {"a": new("unknown connector")}})
        shop.write("connections/refs.json", {"connector": "own", "params": {
            "base_url": "http://127.0.0.1/${env:E1}", "key": "Bearer " + self.store("a", stored)}})
        self.store("unused" + "x" * 40, new("unused in the store", ODD))
        for name in ("connections/jst.json.bak", "connections/.jst.json.swp", "integrations/note.txt", "maps/x.csv",
                     ".env", "connectors/own/key.pem"):
            shop.write(name, new(name))
        shop.write("connections/jst.json", jst)
        for name in ("env", "file"):  # what is known elsewhere, once more in documents
            value = self.env["E0"] if name == "env" else self.secrets["file"]
            shop.write(f"maps/{name}.json", [{"a_value": value, "a_label": PLANT.decode(), "b_value": "1"}])
        shop.write("integrations/orders.source.json", "// was %s\n" % stored + seed("orders.source.json"))
        self.settings(new)

    def settings(self, new):
        ca = {"type": "smtp", "from": "sluice@example.com", "to": ["ops@example.com"]}
        self.shop.write("sluice.json", {
            "name": "shop", "unknown": new("unknown setting"),
            "alerts": {"language": "en", "more": new("unknown of alerts"), "channels": {
                "d": {"type": "dingtalk", "webhook": "https://127.0.0.1:1/r?access_token=" + new("dingtalk"),
                      "secret": new("dingtalk key")},
                "w": {"type": "wecom", "webhook": "https://127.0.0.1:1/r?key=" + new("wecom")},
                "f": {"type": "feishu", "webhook": "https://127.0.0.1:1/hook/" + new("feishu"), "secret": new("feishu key")},
                "h": {"type": "webhook", "url": "https://127.0.0.1:1/" + new("hook"), "secret": new("hook key")},
                "m": {**ca, "url": "smtps://127.0.0.1:1", "user": new("mail user"), "password": new("mail password"),
                      "odd": new("unknown of a channel")},
                "n": {**ca, "url": f"smtps://u:{new('mail account')}@127.0.0.1:1"}}},
            "traces": {"otlp": f"http://u:{new('trace account')}@127.0.0.1:1/{new('trace path')}?k={new('trace query')}",
                       "headers": {"Authorization": "Bearer " + new("trace header"), "X-Key": new("trace key")},
                       "odd": new("unknown of traces")}})

    def save_versions(self, stored):
        """Two versions of a document with a secret in a comment; gives an API token."""
        with Serving(self.shop, env=self.env) as serving:
            for comment in ("first", "second"):
                got = serving.get("integrations/orders/metadata")
                text = got["source"]["text"].replace("{", "{ // %s %s\n" % (comment, stored), 1)
                serving.post("integrations/orders/metadata", {"base": got["version"], "source": text,
                                                              "comment": comment}, method="PUT")
            token = serving.post("tokens", {"name": "t", "role": "viewer"})["token"]
            self.assertEqual(serving.stop(), 0)
        return token

    def test_no_secret_is_in_it(self):
        self.secrets, search = Secrets(), Search()
        stored = self.secrets.new("store")
        search.made.append(self.save_versions(stored).encode())
        self.plant(self.secrets.new, stored)
        user = self.shop.run("user", "add", "ann", stdin=self.secrets.new("password of a user"))
        self.assertEqual(user.code, 0, repr(user))
        for words in (("run", "orders"), ("run", "literal"), ("check",)):
            self.shop.run(*words, env=self.env)
        told = self.bundle()
        told_too = self.shop.run("bundle", self.file, "--force", json=False, env=self.env)
        for name, data in self.contents().items():
            search.look("bundle", name, data)
            search.look("name", name, name)
        search.look("said", "json", json.dumps(told, ensure_ascii=False))
        search.look("said", "text", told_too.out + told_too.err)
        self.assertEqual("\n".join(search.leaks), "")
        self.assertIn("bundle", search.plants)
        self.assertGreater(len(self.secrets), 35)
        paths = set(self.contents())
        self.assertLessEqual({"connections/literal.json", "connections/query.json", "maps/env.json", "bundle/log.jsonl",
                              "connectors/own/connector.json", "bundle/status.json", "bundle/version.json"}, paths)
        self.assertTrue([p for p in paths if p.startswith(".sluice/versions/orders/")], paths)
        for path in paths:
            self.assertNotRegex(path, r"secrets/|users|tokens|\.bak|\.swp|\.txt$(?<!README\.txt)|\.pem|\.env|\.db")
        self.assertFalse([entry for entry in told["left_out"] if entry["missing"]], told)
        literals = {need["where"] for need in told["to_set"] if need["literal"]}
        self.assertNotIn("connections/refs.json: base_url", literals)
        self.assertLessEqual({"connections/literal.json: " + name for name in (
            "base_url", "key", "plain", "pair", "unknown", "nested")}, literals)

    # ---- moving ----

    def test_it_is_a_project_again_elsewhere(self):
        shop, literals = self.shop, {}
        account = self.sim_.connection["params"]
        jst = {**hurried(self.sim_), "params": dict(account)}
        literals["connections/jst.json: app_secret"] = account["app_secret"]
        jst["params"]["customer_id"] = "${env:CUSTOMER}"
        jst["params"]["app_key"] = self.store("key of 聚水潭", account["app_key"])
        shop.write("connections/jst.json", jst)
        shop.write("sluice.json", {"name": "订单 店", "listen": "127.0.0.1:0", "alerts": {"channels": {
            "ops": {"type": "dingtalk", "webhook": "https://127.0.0.1:1/robot", "secret": "SECcanary"}}}})
        literals["sluice.json: alerts.channels.ops.webhook"] = "https://127.0.0.1:1/robot"
        literals["sluice.json: alerts.channels.ops.secret"] = "SECcanary"
        self.env["CUSTOMER"] = account["customer_id"]
        self.assertEqual(shop.run("check", env=self.env).code, 0)
        self.env["LC_ALL"] = "C"
        told = self.bundle()

        there = Project(None, None, create=False)
        self.addCleanup(there.close)
        shutil.rmtree(there.folder)
        shutil.copytree(self.unpacked(), there.folder)
        self.assertNotEqual(there.run("check").code, 0)  # nothing is set yet
        env = {}
        with open(os.path.join(there.folder, "bundle", "bundle.json"), encoding="utf-8") as f:
            needs = json.load(f)["to_set"]
        self.assertEqual(needs, told["to_set"])
        for need in needs:
            self.assertIn(":", need["reference"], needs)
            kind, name = need["reference"][2:-1].split(":", 1)
            if kind == "env":
                env[name] = self.env[name]
                continue
            value = literals[need["where"]] if need["literal"] else account["app_key"]
            done = there.run("secret", "set", name, stdin=value)
            self.assertEqual(done.code, 0, repr(done))
        self.assertEqual(sum(need["literal"] for need in needs), len(literals), needs)
        checked = there.run("check", env=env)
        self.assertEqual((checked.code, checked.json["errors"]), (0, 0), repr(checked))
        self.assertEqual(there.run("status", env=env).code, 0)
        there.create_table()
        self.assertEqual(there.run("run", "orders", env=env).json["status"], "ok")
        self.assertEqual(len(there.table_rows()), len({row["id"] for row in self.sim_.truth()}))

    def test_documents_without_secrets_stay_as_they_are(self):
        os.makedirs(os.path.join(self.shop.folder, "documents"))
        self.shop.write("documents/source.json", "// ours\n" + seed("orders.source.json"))
        orders = self.shop.read("integrations/orders.json")
        orders["source"]["metadata"] = "../documents/source.json"
        self.shop.write("integrations/orders.json", orders)
        self.shop.write("connections/bi.json", {"connector": "sqlite", "params": {"path": "${env:HERE}"}})
        self.env["HERE"] = "order"  # a short word that documents are full of
        self.bundle()
        for path, data in self.contents().items():
            if path.startswith(("integrations/", "documents/")):
                with open(os.path.join(self.shop.folder, path), "rb") as f:
                    self.assertEqual(data, f.read(), path)
        self.assertIn("documents/source.json", self.contents())

    # ---- what is said ----

    def test_it_tells_state_and_log(self):
        self.run_ok(self.shop)
        self.bundle("--lines", "2")
        found = self.contents()
        self.assertEqual([json.loads(line)["event"] for line in found["bundle/log.jsonl"].splitlines()][-1], "run_ended")
        self.assertEqual(len(found["bundle/log.jsonl"].splitlines()), 2)
        self.assertEqual(json.loads(found["bundle/status.json"])["integrations"][0]["integration"], "orders")
        self.assertEqual(json.loads(found["bundle/version.json"])["name"], "sluice")
        self.assertIn("diagnostics", json.loads(found["bundle/check.json"]))
        self.assertIn(b"jst-app_secret", found["bundle/README.txt"])
        self.bundle("--lines", "0", "--force")
        self.assertNotIn("bundle/log.jsonl", self.contents())

    def test_names_that_are_taken(self):
        self.store("jst-app_secret", "of somebody else")
        told = self.bundle()
        self.assertEqual([need["reference"] for need in told["to_set"]], ["${secret:jst-app_secret-2}"])

    # ---- files ----

    def test_it_overwrites_nothing_unless_told(self):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write("mine")
        told = self.bundle(code=2)["error"]
        self.assertEqual(told["code"], "usage")
        self.assertIn("--force", told["hint"])
        with open(self.file, encoding="utf-8") as f:
            self.assertEqual(f.read(), "mine")
        self.bundle("--force")
        self.assertIn("sluice.json", self.contents())
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)
        self.assertEqual(sorted(os.listdir(self.shop.home)), ["out.tar.gz", "project"])

    def test_the_name_by_default(self):
        self.shop.write("sluice.json", {"name": "订单"})
        done = subprocess.run(self.shop.command("bundle"), cwd=self.shop.home, env=self.shop.environment(),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(json.loads(done.stdout)["file"], "订单-bundle.tar.gz")
        self.assertTrue(os.path.exists(os.path.join(self.shop.home, "订单-bundle.tar.gz")))

    def test_a_disk_that_is_full(self):
        def small():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        done = subprocess.run(self.shop.command("bundle", self.file), env=self.shop.environment(), capture_output=True,
                              text=True, timeout=60, preexec_fn=small)
        self.assertEqual((done.returncode, json.loads(done.stdout)["error"]["code"]), (1, "disk"), done)
        self.assertEqual(os.listdir(self.shop.home), ["project"])
        told = self.bundle(code=1, file=os.path.join(self.shop.home, "nowhere", "x.tar.gz"))
        self.assertEqual(told["error"]["code"], "disk")

    def test_what_cannot_be_had_is_told(self):
        folder = self.shop.folder
        self.shop.write("connections/broken.json", '{"connector": "mysql", "params": {"password": "hunter2')
        with open(os.path.join(self.shop.home, "outside.json"), "w", encoding="utf-8") as f:
            f.write("{}")
        os.makedirs(os.path.join(folder, "maps"))
        os.symlink(os.path.join(self.shop.home, "outside.json"), os.path.join(folder, "maps", "out.json"))
        os.symlink("nothing.json", os.path.join(folder, "maps", "dangling.json"))
        self.shop.write("maps/real.json", [])
        os.symlink("real.json", os.path.join(folder, "maps", "linked.json"))
        os.symlink(folder, os.path.join(folder, "maps", "round"))
        told = self.bundle(code=3)
        missing = {entry["path"] for entry in told["left_out"] if entry["missing"]}
        self.assertEqual(missing, {"connections/broken.json", "maps/out.json", "maps/dangling.json"})
        self.assertEqual(self.contents()["maps/linked.json"], b"[]")
        said = self.shop.run("bundle", self.file, "--force", json=False)
        self.assertIn("Missing", said.out)
        self.assertIn("maps/out.json", said.err)
        self.assertNotIn("hunter2", said.out + said.err + str(self.contents()))

    def test_a_project_that_serves(self):
        with Serving(self.shop) as serving:
            serving.until(lambda: serving.runs(), 60, "a run")
            self.bundle()
            self.assertEqual(serving.stop(), 0)
        self.assertEqual(sorted(os.listdir(os.path.join(self.unpacked()))),
                         ["bundle", "connections", "integrations", "sluice.json"])


if __name__ == "__main__":
    unittest.main()
