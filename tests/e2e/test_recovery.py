"""What breaks off comes back: the program killed, its state lost, the target set back, gone, stopped or taken over. In the
end the table is what a perfect copy holds, and every run in between said what it did."""
import os
import random
import shutil
import signal
import subprocess
import sys
import unittest
from datetime import datetime

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, compare, seed_statement, target_document  # noqa: E402
from lib.process import pause, wait_until  # noqa: E402
from lib.servers import MariaDB, Project, Result  # noqa: E402

SLOW = ("--fault", "slow=15", "--fault", "clamp=25")


class Recovery(RunCase):
    """On MariaDB; the class below repeats what concerns SQLite as well."""

    kind = MariaDB

    def rows(self, project):
        return project.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"]

    def wait_for_rows(self, project, process, n=1):
        wait_until(lambda: self.rows(project) >= n, process, 60, f"{n} rows")

    def kill(self, process):
        process.kill()
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def cursor(self, project):
        shown = project.run("cursor", "orders")
        self.assertEqual(shown.code, 0, repr(shown))
        return shown.json["cursor"]

    def orders(self, sim, n):
        """Ids of n orders, known to the simulator."""
        return sorted(int(order["o_id"]) for order in sim.raw())[:n]

    def keep_copy(self):
        for table in (TABLE, "sluice_checkpoint"):
            self.db.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")

    def set_back(self):
        for table in (TABLE, "sluice_checkpoint"):
            self.db.execute(f"DELETE FROM {table}")
            self.db.execute(f"INSERT INTO {table} SELECT * FROM old_{table}")

    # ---- the program ----

    def test_killed_at_every_stage(self):
        sim = self.sim("--orders", "1500", "--seed", "4", *SLOW)
        project = self.project(sim)
        for _ in range(2):
            self.hold(sim, 28)
            seen = sim.stats()["served"]
            for stage in (
                    lambda: os.path.exists(os.path.join(project.folder, ".sluice")),
                    lambda: sim.stats()["served"] > seen,
                    lambda: project.query("SHOW TABLES LIKE 'sluice_checkpoint'"),
                    lambda: self.rows(project) > 0,
                    lambda: sim.stats()["served"] > seen + 20):
                process = project.start("run", "orders")
                wait_until(stage, process, 60, "the stage")
                self.kill(process)
        self.release(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_killed_at_random_times(self):
        dice = random.Random(8)
        sim = self.sim("--orders", "800", "--seed", "6", *SLOW)
        project, ids = self.project(sim), self.orders(sim, 300)
        for _ in range(12):
            process = project.start("run", "orders")
            if pause(process, dice.uniform(0.02, 0.6)):
                process.kill()
            process.communicate()
            if process.returncode == 0:
                sim.control(advance_ms=2000, edit=dice.sample(ids, 20))
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_killed_with_a_plain_insert_doubles_nothing(self):
        sim = self.sim("--orders", "1000", "--seed", "4", *SLOW)
        project = self.project(sim, create=False)
        project.write("integrations/orders.target.json",
                      target_document(seed_statement().replace("REPLACE INTO", "INSERT INTO")))
        project.create_table({"id": "VARCHAR(64) NOT NULL"})
        for n in range(3):
            self.hold(sim, 12 + 4 * n)  # a kill that comes late has all these pages written, and they are read again
            written = self.rows(project)
            process = project.start("run", "orders")
            self.wait_for_rows(project, process, written + 1)
            self.kill(process)
        self.release(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_terminated(self):
        for signo in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signo):
                sim = self.sim("--orders", "1500", "--seed", "4", *SLOW)
                project = self.project(sim, create=False)
                project.execute(f"DROP TABLE IF EXISTS {TABLE}, sluice_checkpoint")
                project.create_table()
                self.hold(sim, 12)
                process = project.start("run", "orders")
                self.wait_for_rows(project, process)
                process.send_signal(signo)
                out, err = process.communicate(timeout=20)
                self.assertEqual(process.returncode, 130, out + err)
                self.assertIn('"status":"interrupted"', out.replace(" ", ""))
                self.assertLess(self.rows(project), len(sim.truth()))
                self.release(sim)
                summary = self.run_ok(project)
                self.assertTrue(summary["verified"])
                self.assert_copy(sim, project)

    def test_two_at_a_time_of_one_project(self):
        sim = self.sim("--orders", "1000", *SLOW)
        project = self.project(sim)
        self.hold(sim, 12)
        first = project.start("run", "orders")
        self.wait_for_rows(project, first)
        error = self.run_failed(project, "conflict")
        self.assertIn(str(first.pid), error["message"] + error["hint"])
        self.release(sim)
        out, err = first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0, out + err)
        self.assert_copy(sim, project)

    def test_two_projects_on_one_target(self):
        """A copy of the folder, as after a move to another machine: the one that claimed the target last goes on."""
        sim = self.sim("--orders", "1000", *SLOW)
        project = self.project(sim)
        self.hold(sim, 12)
        first = project.start("run", "orders")
        self.wait_for_rows(project, first)
        self.hold(sim, 1000)
        other = Project(sim, self.db, create=False)
        self.addCleanup(other.close)
        for name in ("sluice.json", "connections/jst.json", "integrations/orders.json"):
            other.write(name, project.read(name))
        self.run_ok(other)
        self.release(sim)
        out, err = first.communicate(timeout=60)
        self.assertEqual(first.returncode, 1, out + err)
        self.assertIn('"code":"conflict"', out.replace(" ", ""))
        self.assert_copy(sim, other)

    def test_a_copy_of_the_state_that_worked_meanwhile(self):
        """Both copies have the same journal up to where they parted. What the one has read and not written is older than
        what the other wrote: it stays out, and the one goes on from the other's cursor."""
        sim = self.sim("--orders", "400", "--seed", "4", "--fault", "clamp=25")
        project = self.project(sim, overlap="10s")
        self.run_ok(project)
        self.keep_copy()
        other = Project(sim, self.db, create=False)
        self.addCleanup(other.close)
        shutil.rmtree(other.folder)
        shutil.copytree(project.folder, other.folder)
        sim.control(edit=self.orders(sim, 300))
        sim.control(advance_ms=60000)
        with self.db.connect() as holder, holder.cursor() as cursor:
            cursor.execute(f"LOCK TABLES {TABLE} READ")
            served = sim.stats()["served"]
            process = project.start("run", "orders")
            wait_until(lambda: sim.stats()["served"] >= served + 12, process, 60, "pages")
            self.kill(process)
            self.db.end_sessions()
        sim.control(edit=self.orders(sim, 300), advance_ms=60000)
        sim.control(fault="clamp", value=False)
        self.run_ok(other)
        self.assert_copy(sim, other)
        sim.control(advance_ms=3600000)
        self.run_ok(other)
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assert_copy(sim, project)
        self.assertIn("another copy", result.err)
        self.set_back()  # to before the other worked: what it wrote is in no page of this journal
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_target_that_cannot_keep_the_checkpoint(self):
        """The state keeps it then: told beforehand and by status; kills may write a row twice, and REPLACE does not show."""
        sim = self.sim("--orders", "800", "--seed", "9", *SLOW)
        project = self.project(sim)
        self.db.execute("CREATE USER poor@'%' IDENTIFIED BY 'poor-secret'")
        self.addCleanup(self.db.execute, "DROP USER poor@'%'")
        self.db.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON bi.{TABLE} TO poor@'%'")
        bi = project.read("connections/bi.json")
        bi["params"].update(user="poor", password="poor-secret")
        project.write("connections/bi.json", bi)
        checked = project.run("check", "orders", "--online", json=False)
        self.assertEqual(checked.code, 0, repr(checked))
        self.assertIn("cannot keep the checkpoint", checked.out + checked.err)
        self.assertIn("at least once", checked.out)
        for n in range(3):
            self.hold(sim, 9 + 3 * n)  # as above
            written = self.rows(project)
            process = project.start("run", "orders")
            self.wait_for_rows(project, process, written + 1)
            self.kill(process)
        self.release(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)
        self.assertEqual(project.query("SHOW TABLES LIKE 'sluice_checkpoint'"), [])
        self.assertIn("at least once", self.status(project)["promise"])
        sim.control(advance_ms=5000, edit=self.orders(sim, 3))
        sim.control(advance_ms=2000)
        self.assertLess(self.run_ok(project)["records"], 100)
        self.assert_copy(sim, project)

    def test_target_where_no_table_may_be_made(self):
        """All tables may be read and written, but the checkpoint's does not exist; once a person has made it, it counts."""
        sim = self.sim("--orders", "100", "--seed", "9")
        project = self.project(sim)
        self.db.execute("CREATE USER poor@'%' IDENTIFIED BY 'poor-secret'")
        self.addCleanup(self.db.execute, "DROP USER poor@'%'")
        self.db.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON bi.* TO poor@'%'")
        rich = project.read("connections/bi.json")
        poor = project.read("connections/bi.json")
        poor["params"].update(user="poor", password="poor-secret")
        project.write("connections/bi.json", poor)
        for made, promise in ((False, "at least once"), (True, "exactly once")):
            if made:
                project.write("connections/bi.json", rich)
                self.assertIn("exactly once", project.run("check", "orders", "--online", json=False).out)
                self.run_ok(project)
                project.write("connections/bi.json", poor)
            checked = project.run("check", "orders", "--online", json=False)
            self.assertEqual(checked.code, 0, repr(checked))
            self.assertIn(promise, checked.out)
            self.run_ok(project)
            self.assert_copy(sim, project)
            self.assertIn(promise, self.status(project)["promise"])
            self.assertEqual(len(project.query("SHOW TABLES LIKE 'sluice_checkpoint'")), int(made))

    # ---- its state ----

    def test_state_deleted(self):
        sim = self.sim("--orders", "600", "--seed", "4")
        project = self.project(sim)
        cursor = self.run_ok(project)["cursor"]
        shutil.rmtree(os.path.join(project.folder, ".sluice"))
        sim.control(advance_ms=5000, edit=self.orders(sim, 3))
        sim.control(advance_ms=2000)
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertIn("cursor is taken over", result.err)
        self.assertEqual(result.json["from"], cursor)
        self.assertLess(result.json["records"], 100)
        self.assert_copy(sim, project)

    def test_state_deleted_with_a_plain_insert_doubles_nothing(self):
        sim = self.sim("--orders", "600", "--seed", "4")
        project = self.project(sim, create=False, overlap="1h")
        project.write("integrations/orders.target.json",
                      target_document(seed_statement().replace("REPLACE INTO", "INSERT INTO")))
        project.create_table()
        self.run_ok(project)
        shutil.rmtree(os.path.join(project.folder, ".sluice"))
        result = project.run("run", "orders")
        self.assertIn(result.code, (0, 3), repr(result))
        self.assert_copy(sim, project)

    def test_journal_deleted(self):
        sim = self.sim("--orders", "600", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        shutil.rmtree(os.path.join(project.folder, ".sluice", "journal"))
        sim.control(advance_ms=5000, edit=self.orders(sim, 3))
        sim.control(advance_ms=2000)
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assert_copy(sim, project)

    # ---- the target ----

    def test_target_set_back(self):
        sim = self.sim("--orders", "900", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        self.keep_copy()
        sim.control(advance_ms=5000, edit=self.orders(sim, 200), new=20)
        sim.control(advance_ms=2000)
        self.run_ok(project)
        truth = sim.truth()
        self.set_back()
        self.assertNotEqual(compare(truth, project.table_rows()), "")
        sim.close()
        result = project.run("run", "orders", "--patience", "300ms")
        self.assertEqual((result.code, result.json["error"]["code"]), (1, "network"), repr(result))
        self.assertIn("set back", result.err)
        self.assertEqual(compare(truth, project.table_rows()), "")

    def test_target_set_back_while_it_is_written(self):
        """A server that comes back as an older copy has our epoch, but not our last batch: nothing may go on top."""
        sim = self.sim("--orders", "1000", "--seed", "4", *SLOW)
        project = self.project(sim, overlap="0s")
        self.hold(sim, 20)
        process = project.start("run", "orders")
        self.wait_for_rows(project, process)
        older = self.checkpoint(project)["batch"]
        wait_until(lambda: self.checkpoint(project)["batch"] > older, process, 60, "another batch")
        project.execute(f"UPDATE sluice_checkpoint SET batch = {older}")
        self.release(sim)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, out + err)
        error = Result([], 1, out, err).json["error"]
        self.assertEqual(error["code"], "target", out + err)
        self.assertIn("set back", error["message"])
        self.assertEqual(self.checkpoint(project)["batch"], older)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_target_gone(self):
        sim = self.sim("--orders", "600", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        project.execute(f"DROP TABLE {TABLE}")
        project.execute("DROP TABLE sluice_checkpoint")
        error = self.run_failed(project, "schema")
        self.assertIn("ddl", error["hint"])
        project.create_table()
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertIn("from the journal", result.err)
        self.assert_copy(sim, project)

    def with_id_check(self, project):
        source = project.read("integrations/orders.source.json")
        project.write("integrations/orders.source.json", {**source, "idCheck": True})

    def test_what_is_known_as_written_is_written_again_when_the_target_is_gone(self):
        """With idCheck a record that is unchanged is not written again: but only if the target has it."""
        for journal_too in (False, True):
            with self.subTest(journal_too=journal_too):
                sim = self.sim("--orders", "400", "--seed", "4")
                project = self.project(sim, create=False)
                project.execute(f"DROP TABLE IF EXISTS {TABLE}, sluice_checkpoint")
                project.create_table()
                self.with_id_check(project)
                self.run_ok(project)
                project.execute(f"DROP TABLE {TABLE}, sluice_checkpoint")
                if journal_too:
                    shutil.rmtree(os.path.join(project.folder, ".sluice", "journal"))
                project.create_table()
                self.run_ok(project)
                self.assert_copy(sim, project)

    def test_what_is_known_as_written_is_written_again_when_the_target_was_set_back(self):
        sim = self.sim("--orders", "400", "--seed", "4")
        project = self.project(sim)
        self.with_id_check(project)
        self.run_ok(project)
        for table in (TABLE, "sluice_checkpoint"):
            self.db.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")
        sim.control(advance_ms=5000, edit=self.orders(sim, 200), new=20)
        sim.control(advance_ms=2000)
        self.run_ok(project)
        for table in (TABLE, "sluice_checkpoint"):
            self.db.execute(f"DELETE FROM {table}")
            self.db.execute(f"INSERT INTO {table} SELECT * FROM old_{table}")
        shutil.rmtree(os.path.join(project.folder, ".sluice", "journal"))
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_table_gone_checkpoint_left(self):
        sim = self.sim("--orders", "600", "--seed", "4")
        project = self.project(sim)
        summary = self.run_ok(project)
        project.execute(f"DROP TABLE {TABLE}")
        self.run_failed(project, "schema")
        project.create_table()
        summary = self.run_ok(project, "replay", "orders", "--from", sim.hello["from"], "--to", summary["to"])
        self.assertGreater(summary["rows"], 0)
        self.assert_copy(sim, project)

    def test_server_stops_and_comes_back(self):
        sim = self.sim("--orders", "1500", "--seed", "4", *SLOW)
        project = self.project(sim)
        self.hold(sim, 12)
        process = project.start("run", "orders")
        self.wait_for_rows(project, process)
        self.db.kill9()
        self.release(sim)
        self.db.start()
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, out + err)
        self.assert_copy(sim, project)
        seen = sim.stats()["served"]
        self.hold(sim, 12)
        process = project.start("run", "orders", "--from", sim.hello["from"], "--to", sim.hello["to"])
        wait_until(lambda: sim.stats()["served"] > seen + 5, process, 60, "five pages")
        self.db.stop()
        self.release(sim)
        self.db.start()
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, out + err)
        self.assert_copy(sim, project)

    def test_server_comes_up_after_the_run_began(self):
        sim = self.sim("--orders", "200", "--seed", "4")
        project = self.project(sim)
        self.db.stop()
        process = project.start("run", "orders", "--verbose", stderr=subprocess.STDOUT)
        for line in process.stdout:
            if "trying again" in line:
                break
        self.db.start()
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, out)
        self.assert_copy(sim, project)

    def test_server_stays_away(self):
        sim = self.sim("--orders", "900", "--seed", "4", *SLOW)
        project = self.project(sim)
        self.hold(sim, 12)
        process = project.start("run", "orders", "--patience", "1s")
        self.wait_for_rows(project, process)
        self.db.kill9()
        self.release(sim)
        out, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, out + err)
        self.assertRegex(out.replace(" ", ""), '"code":"(target|network)"')
        error = self.run_failed(project, "network", "run", "orders", "--patience", "300ms")
        self.assertIn(str(self.db.port), error["message"])
        self.db.start()
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_cursor_stands_while_the_target_refuses(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.project(sim)
        before = self.run_ok(project)["cursor"]
        sim.control(advance_ms=60000, new=5)
        sim.control(advance_ms=2000)
        self.db.execute(f"RENAME TABLE {TABLE} TO elsewhere")
        self.run_failed(project, "schema")
        self.assertEqual(self.cursor(project), before)
        self.db.execute(f"RENAME TABLE elsewhere TO {TABLE}")
        after = self.run_ok(project)
        self.assertEqual(after["from"], before)
        self.assertGreater(datetime.fromisoformat(after["cursor"]), datetime.fromisoformat(before))
        self.assert_copy(sim, project)

    def test_a_lock_on_the_table_is_waited_for(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.project(sim)
        with self.db.connect() as link, link.cursor() as cursor:
            cursor.execute("SET GLOBAL innodb_lock_wait_timeout = 1")
            cursor.execute("BEGIN")
            cursor.execute(f"INSERT INTO {TABLE} (id) VALUES (%s)", (sim.truth()[0]["id"],))
            process = project.start("run", "orders")
            wait_until(lambda: "LOCK WAIT" in self.db.query("SHOW ENGINE INNODB STATUS")[0]["Status"], process, 30,
                       "waiting for the lock")
            wait_until(lambda: '"event":"retry"' in project.run("log", "orders").out.replace(" ", ""), process, 30,
                       "another attempt")
            cursor.execute("ROLLBACK")
        out, err = process.communicate(timeout=60)
        self.db.execute("SET GLOBAL innodb_lock_wait_timeout = 50")
        self.assertEqual(process.returncode, 0, out + err)
        self.assert_copy(sim, project)


class RecoveryOfSqlite(RunCase):
    def test_checkpoint_without_a_column(self):
        sim = self.sim("--orders", "100", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        project.execute("ALTER TABLE sluice_checkpoint DROP COLUMN mapping")
        failed = self.run_failed(project, "schema")
        self.assertIn("sluice_checkpoint", failed["message"])
        self.assertIn("drop it", failed["hint"])
        project.execute("DROP TABLE sluice_checkpoint")
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_killed_at_random_times(self):
        dice = random.Random(9)
        sim = self.sim("--orders", "800", "--seed", "6", *SLOW)
        project = self.project(sim)
        for _ in range(10):
            process = project.start("run", "orders")
            if pause(process, dice.uniform(0.02, 0.5)):
                process.kill()
            process.communicate()
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_state_deleted(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        shutil.rmtree(os.path.join(project.folder, ".sluice"))
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assertIn("cursor is taken over", result.err)
        self.assert_copy(sim, project)

    def test_target_gone(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.project(sim)
        self.run_ok(project)
        os.remove(project.database)
        for rest in ("-wal", "-shm", "-journal"):
            if os.path.exists(project.database + rest):
                os.remove(project.database + rest)
        project.create_table()
        self.run_ok(project)
        self.assert_copy(sim, project)


if __name__ == "__main__":
    unittest.main()
