"""What is wrong while running is told: what, where, what to do; with its error.code and exit status. The cursor stands still,
and no secret is in anything that was printed or kept."""
import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import pymysql

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, hurried, target_document  # noqa: E402
from lib.process import free_port, wait_until  # noqa: E402
from lib.servers import MariaDB  # noqa: E402

ORDERS = ("--orders", "150", "--seed", "2")
SLOW = ("--fault", "slow=15", "--fault", "clamp=25")
SOURCE_SECRET = "canary-source-3f9a"
TARGET_SECRET = "canary-target-77c1"


def files(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(where, name)


class BadInput(RunCase):
    kind = MariaDB

    def begin(self, **options):
        sim = self.sim(*ORDERS, "--app-secret", SOURCE_SECRET)
        project = self.project(sim, **options)
        jst = hurried(sim)
        jst["params"]["app_secret"] = "${env:JST_SECRET}"
        project.write("connections/jst.json", jst)
        bi = self.db.connection
        bi["params"].update(user="other", password="${file:secrets/bi}")
        project.write("connections/bi.json", bi)
        os.mkdir(os.path.join(project.folder, "secrets"))
        project.write("secrets/bi", TARGET_SECRET + "\n")
        self.db.execute("DROP USER IF EXISTS other")
        self.db.execute(f"CREATE USER other IDENTIFIED BY '{TARGET_SECRET}'")
        self.db.execute("GRANT ALL ON bi.* TO other")
        self.printed = ""
        return sim, project

    def fails(self, project, error, *args, code=1, env=None, where=None):
        """The run fails so; nothing that it printed or kept has a secret in it."""
        env = {"JST_SECRET": SOURCE_SECRET, **(env or {})}
        for json in (True, False):
            result = project.run(*(args or ("run", "orders", "--patience", "300ms")), env=env, json=json)
            self.assertEqual(result.code, code, repr(result))
            self.assert_no_secret(project, result.out + result.err, env["JST_SECRET"])
            if json:
                found = result.json["error"]
                self.assertEqual(found["code"], error, repr(result))
                self.assertTrue(found["message"] and found["hint"], repr(result))
                if where:
                    self.assertRegex(found["message"], where)
            else:
                self.assertIn(found["hint"][:30], result.out + result.err, repr(result))
        return found

    def assert_no_secret(self, project, printed, *more):
        for secret in {SOURCE_SECRET, TARGET_SECRET, *more}:
            self.assertNotIn(secret, printed)
            for path in files(os.path.join(project.folder, ".sluice")):
                with open(path, "rb") as f:
                    self.assertNotIn(secret.encode(), f.read(), path)

    def works(self, sim, project):
        """Mended, it runs, and leaves no secret behind either."""
        result = project.run("run", "orders", env={"JST_SECRET": SOURCE_SECRET})
        self.assertEqual(result.code, 0, repr(result))
        self.assert_no_secret(project, result.out + result.err)
        self.assert_copy(sim, project)

    def stands(self, project, before):
        """The cursor is where it was, in the target and in what is shown."""
        row = self.checkpoint(project)
        self.assertEqual((row["cursor_at"], row["page"]), (before["cursor_at"], before["page"]))

    # ---- the source ----

    def test_missing_secret(self):
        _, project = self.begin()
        result = project.run("run", "orders", env={"JST_SECRET": ""})
        self.assertIn(result.code, (1, 2), repr(result))
        os.environ.pop("JST_SECRET", None)
        result = project.run("run", "orders")
        self.assertEqual((result.code, result.json["error"]["code"]), (2, "secret"), repr(result))
        self.assertIn("JST_SECRET", result.json["error"]["message"])
        os.remove(os.path.join(project.folder, "secrets/bi"))
        self.fails(project, "secret", code=2, where="secrets/bi")

    def test_wrong_signature(self):
        sim, project = self.begin()
        self.works(sim, project)
        before = self.checkpoint(project)
        sim.control(advance_ms=30000)
        self.fails(project, "signature", env={"JST_SECRET": "canary-wrong-1b2e"})
        self.assertLessEqual(sim.stats()["bad_signature"], 4)
        self.stands(project, before)

    def test_unknown_app_key(self):
        sim, project = self.begin()
        jst = project.read("connections/jst.json")
        jst["params"]["app_key"] = "99"
        project.write("connections/jst.json", jst)
        self.fails(project, "auth")

    def test_upstream_not_there(self):
        sim, project = self.begin()
        self.works(sim, project)
        before = self.checkpoint(project)
        jst = project.read("connections/jst.json")
        port = free_port()
        jst["params"]["base_url"] = f"http://127.0.0.1:{port}/router/qm"
        project.write("connections/jst.json", jst)
        self.fails(project, "network", where=f"127.0.0.1.*{port}")
        self.stands(project, before)
        jst["params"]["base_url"] = "http://no-such-host.invalid/router/qm"
        project.write("connections/jst.json", jst)
        self.fails(project, "network", where="no-such-host")
        self.stands(project, before)

    # ---- the target ----

    def test_unknown_column(self):
        sim, project = self.begin()
        self.db.execute(f"ALTER TABLE {TABLE} DROP COLUMN receiver_city")
        self.fails(project, "schema", where="receiver_city")
        self.assertEqual(self.db.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"], 0)
        self.db.execute(f"ALTER TABLE {TABLE} ADD COLUMN receiver_city TEXT")
        self.works(sim, project)

    def test_columns_that_change_under_a_run(self):
        """Dropped, renamed: the run ends with what is wrong, no row is lost, and goes on where the column is back."""
        changes = (("DROP COLUMN receiver_city", "ADD COLUMN receiver_city TEXT"),
                   ("RENAME COLUMN receiver_city TO city", "RENAME COLUMN city TO receiver_city"))
        for change, back in changes:
            with self.subTest(change):
                sim = self.sim("--orders", "600", "--seed", "4", *SLOW)
                project = self.project(sim, create=False)
                project.execute(f"DROP TABLE IF EXISTS {TABLE}, sluice_checkpoint")
                project.create_table()
                self.hold(sim, 12)
                process = project.start("run", "orders")
                wait_until(lambda: self.db.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"], process, 60, "rows")
                self.db.execute(f"ALTER TABLE {TABLE} {change}")
                self.release(sim)
                out, err = process.communicate(timeout=120)
                self.assertEqual(process.returncode, 1, out + err)
                self.assertIn("receiver_city", out + err)
                self.db.execute(f"ALTER TABLE {TABLE} {back}")
                self.works(sim, project)

    def test_a_collation_that_folds_keys(self):
        """Two ids that differ in case would be one row: refused before anything is written, until the column is mended.
        Ids of digits are safe under any collation."""
        folding = f"ALTER TABLE {TABLE} MODIFY id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL"
        sim, project = self.begin()
        self.db.execute(folding)
        self.works(sim, project)
        document = project.read("integrations/orders.target.json")
        field = next(row for row in document["request"] if row["field"] == "id")
        field["value"] = "No" + field["value"]
        project.write("integrations/orders.target.json", document)
        self.db.execute(f"DROP TABLE {TABLE}, sluice_checkpoint")
        project.create_table()
        self.db.execute(folding)
        hint = self.fails(project, "schema", where="utf8mb4_general_ci")["hint"]
        self.assertEqual(self.db.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"], 0)
        self.db.execute(hint)
        self.assertEqual(project.run("run", "orders", env={"JST_SECRET": SOURCE_SECRET}).code, 0)
        self.assertEqual(self.db.query(f"SELECT COUNT(*) AS n FROM {TABLE} WHERE id LIKE 'No%'")[0]["n"],
                         len(sim.truth()))

    def test_missing_table(self):
        sim, project = self.begin(create=False)
        error = self.fails(project, "schema", where="order_list_query")
        self.assertIn("ddl", error["hint"])
        project.create_table()
        self.works(sim, project)

    def test_missing_database(self):
        _, project = self.begin()
        bi = project.read("connections/bi.json")
        bi["params"]["database"] = "nowhere"
        project.write("connections/bi.json", bi)
        self.db.execute("GRANT ALL ON nowhere.* TO other")
        found = project.run("run", "orders", "--patience", "300ms", env={"JST_SECRET": SOURCE_SECRET})
        self.assertEqual(found.code, 1, repr(found))
        self.assertIn(found.json["error"]["code"], ("schema", "target", "config"), repr(found))
        self.assertIn("nowhere", found.json["error"]["message"])

    def test_timeout_of_a_target(self):
        _, project = self.begin()
        bi = project.read("connections/bi.json")
        for value in (0, "999ms", 3601, -1):
            bi["timeout"] = value
            project.write("connections/bi.json", bi)
            found = project.run("run", "orders", env={"JST_SECRET": SOURCE_SECRET})
            self.assertEqual(found.code, 2, repr(found))
            self.assertEqual(found.json["error"]["code"], "config", repr(found))
            self.assertIn("timeout", found.json["error"]["message"])

    def test_read_only_user(self):
        sim, project = self.begin()
        self.works(sim, project)
        before = self.checkpoint(project)
        sim.control(advance_ms=30000, new=3)
        self.db.execute("REVOKE ALL ON bi.* FROM other")
        self.db.execute("GRANT SELECT ON bi.* TO other")
        found = project.run("run", "orders", "--patience", "300ms", env={"JST_SECRET": SOURCE_SECRET})
        self.assertEqual(found.code, 1, repr(found))
        self.assertIn(found.json["error"]["code"], ("auth", "target"), repr(found))
        self.assertIn("denied", found.json["error"]["message"])
        self.stands(project, before)
        self.db.execute("GRANT ALL ON bi.* TO other")
        self.works(sim, project)

    def test_read_only_server(self):
        """A replica, or a server that somebody has locked for upkeep: it waits, ends, and goes on when that is over."""
        sim, project = self.begin()
        self.works(sim, project)
        before = self.checkpoint(project)
        sim.control(advance_ms=30000, new=3)
        self.db.execute("SET GLOBAL read_only = 1")
        self.fails(project, "target", where="read-only")
        self.stands(project, before)
        self.db.execute("SET GLOBAL read_only = 0")
        self.works(sim, project)

    def test_too_many_connections(self):
        sim, project = self.begin()
        self.works(sim, project)
        before = self.checkpoint(project)
        sim.control(advance_ms=30000, new=3)
        usual = self.db.query("SELECT @@max_connections AS n")[0]["n"]
        self.db.execute("SET GLOBAL max_connections = 10")
        with contextlib.ExitStack() as held:
            held.callback(self.db.execute, f"SET GLOBAL max_connections = {usual}")
            for _ in range(10):
                held.enter_context(self.db.connect(user="bi", password="bi-secret"))
            self.fails(project, "target", where="[Tt]oo many connections")
            self.stands(project, before)
        self.works(sim, project)

    def test_wrong_password(self):
        sim, project = self.begin()
        project.write("secrets/bi", "canary-wrong-password\n")
        error = self.fails(project, "auth")
        self.assertIn("other", error["message"])
        self.assert_no_secret(project, error["message"], "canary-wrong-password")
        project.write("secrets/bi", TARGET_SECRET)
        self.works(sim, project)

    def test_server_not_there(self):
        _, project = self.begin()
        bi = project.read("connections/bi.json")
        bi["params"]["port"] = free_port()
        project.write("connections/bi.json", bi)
        self.fails(project, "network", where=str(bi["params"]["port"]))

    def test_not_a_transactional_table(self):
        _, project = self.begin()
        env = {"JST_SECRET": SOURCE_SECRET}
        self.db.execute(f"ALTER TABLE {TABLE} ENGINE=MyISAM")
        result = project.run("check", "--online", env=env)
        self.assertIn("MyISAM", result.out + result.err, repr(result))
        self.run_ok(project, env=env)
        promise = self.status(project)["promise"]
        self.assertIn("at least once", promise)
        self.assertIn("MyISAM", promise)

    def test_a_checkpoint_table_that_was_altered(self):
        """It has to commit and to roll back with the rows."""
        _, project = self.begin()
        env = {"JST_SECRET": SOURCE_SECRET}
        self.run_ok(project, env=env)
        for change, word, back in (
                ("ENGINE=MyISAM", "MyISAM", "ENGINE=InnoDB"),
                ("CHANGE mapping mapped BIGINT", "sluice_checkpoint", "CHANGE mapped mapping BIGINT NOT NULL"),
                ("DROP PRIMARY KEY", "2 rows", "ADD PRIMARY KEY (project, integration)")):
            before = self.checkpoint(project)["epoch"]
            self.db.execute(f"ALTER TABLE sluice_checkpoint {change}")
            if "KEY" in change:
                self.db.execute("INSERT INTO sluice_checkpoint SELECT * FROM sluice_checkpoint")
            self.assertIn(word, self.run_failed(project, "schema", env=env)["message"])
            if "KEY" in change:
                self.db.execute("DELETE FROM sluice_checkpoint LIMIT 1")
            self.db.execute(f"ALTER TABLE sluice_checkpoint {back}")
            self.assertEqual(self.checkpoint(project)["epoch"], before)
            self.run_ok(project, env=env)

    # ---- what people type ----

    def test_unknown_integration(self):
        _, project = self.begin()
        self.fails(project, "usage", "run", "order", code=2, where="order")

    def test_broken_document(self):
        _, project = self.begin()
        project.write("integrations/orders.target.json", '{"api": "batchexecute",\n "request": [')
        self.fails(project, "config", code=2, where="orders.target.json:2")
        document = target_document()
        document["request"].pop()
        project.write("integrations/orders.target.json", document)
        self.fails(project, "config", code=2)

    def test_not_a_project(self):
        _, project = self.begin()
        os.remove(os.path.join(project.folder, "sluice.json"))
        shutil.rmtree(os.path.join(project.folder, "integrations"))
        result = project.run("run", "orders")
        self.assertEqual(result.code, 2, repr(result))
        self.assertIn("init", result.json["error"]["hint"])

    # ---- what works tells no secret either ----

    def test_nothing_tells_a_secret(self):
        sim, project = self.begin()
        self.works(sim, project)
        env = {"JST_SECRET": SOURCE_SECRET}
        for args in (("status",), ("runs", "orders"), ("log",), ("records", "orders", "--id", "900001"),
                     ("preview", "orders"), ("check", "--online"), ("ddl", "orders"), ("run", "orders", "--verbose"),
                     ("cursor", "orders"), ("connectors",)):
            for json in (True, False):
                result = project.run(*args, env=env, json=json)
                self.assertEqual(result.code, 0, repr(result))
                self.assert_no_secret(project, result.out + result.err)


class FullTablespace(RunCase):
    """InnoDB has no page left (1114): it waits, ends, and goes on when there is room."""

    space = "--innodb-data-file-path=ibdata1:12M;ibdata2:12M"
    kind = functools.partial(MariaDB, "--innodb-file-per-table=0", space)

    def fill(self):
        self.db.execute("CREATE TABLE filler (c LONGTEXT)")
        for size in (1 << 20, 1 << 14):
            with contextlib.suppress(pymysql.err.OperationalError):
                while True:
                    self.db.execute("INSERT INTO filler VALUES (REPEAT('x', %s))", (size,))

    def test_full(self):
        sim = self.sim(*ORDERS)
        project = self.project(sim)
        self.run_ok(project)
        self.fill()
        sim.control(new=1500)
        sim.control(advance_ms=30000)
        error = self.run_failed(project, "target", "run", "orders", "--patience", "300ms")
        self.assertIn("full", error["message"])
        self.assertLess(self.db.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"], len(sim.truth()))
        self.db.stop()
        self.db.extra += (self.space + ":autoextend",)
        self.db.start()
        self.run_ok(project)
        self.assert_copy(sim, project)


class FullDisk(RunCase):
    """A folder of its own on a small file system; only root can make one."""

    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix="sluice-full-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.folder], stderr=subprocess.PIPE,
                              text=True)
        if done.returncode:
            self.skipTest(f"no tmpfs: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", self.folder])

    def fill(self):
        path = os.path.join(self.folder, "filler")
        try:
            with open(path, "wb", buffering=0) as f:
                while True:
                    f.write(bytes(4096))
        except OSError:
            return path

    def test_state(self):
        sim = self.sim("--orders", "3000", "--seed", "2")
        project = self.project(sim)
        os.symlink(self.folder, os.path.join(project.folder, ".sluice"))
        error = self.run_failed(project, "disk")
        self.assertRegex(error["message"], "space|full")
        self.assertIn(".sluice", error["message"])
        subprocess.run(["mount", "-o", "remount,size=64m", self.folder], check=True)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_state_full_from_the_start(self):
        sim = self.sim(*ORDERS)
        project = self.project(sim)
        self.run_ok(project)
        cursor = project.run("cursor", "orders").json["cursor"]
        subprocess.run(["mount", "-o", "remount,size=8m", self.folder], check=True)
        shutil.copytree(os.path.join(project.folder, ".sluice"), self.folder, dirs_exist_ok=True)
        shutil.rmtree(os.path.join(project.folder, ".sluice"))
        os.symlink(self.folder, os.path.join(project.folder, ".sluice"))
        sim.control(advance_ms=5000, new=50)
        sim.control(advance_ms=2000)
        filler = self.fill()
        self.run_failed(project, "disk")
        if os.path.exists(filler):
            os.remove(filler)
        self.assertEqual(project.run("cursor", "orders").json["cursor"], cursor)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_sqlite_target(self):
        sim = self.sim("--orders", "3000", "--seed", "2")
        project = self.project(sim, create=False)
        project.database = os.path.join(self.folder, "bi.db")
        project.write("connections/bi.json", {"connector": "sqlite", "params": {"path": project.database}})
        project.create_table()
        result = project.run("run", "orders", "--patience", "500ms")
        self.assertEqual((result.code, result.json["error"]["code"]), (1, "disk"), repr(result))
        self.assertIn("bi.db", result.json["error"]["message"])
        subprocess.run(["mount", "-o", "remount,size=128m", self.folder], check=True)
        self.run_ok(project)
        self.assert_copy(sim, project)


if __name__ == "__main__":
    unittest.main()
