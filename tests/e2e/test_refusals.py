"""A target that refuses single statements around the checkpoint, each with the errors that servers give: what is promised
then is told, nothing is lost or doubled, and when the server has come to its senses the next run ends well."""
import os
import sys
import unittest
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, seed_statement, target_document  # noqa: E402
from lib.process import wait_until  # noqa: E402
from lib.refusing import CUT, Refusing  # noqa: E402
from lib.servers import MariaDB  # noqa: E402

READ = r"^SELECT journal, page.* FROM sluice_checkpoint(?!.*FOR UPDATE)"
LOCKED = r"^SELECT journal, page.* FOR UPDATE"
MAKE = r"^CREATE TABLE IF NOT EXISTS sluice_checkpoint"
RIGHTS = r"information_schema\.schema_privileges"
CLAIM = r"^(INSERT INTO|UPDATE) sluice_checkpoint .*epoch = \d+, batch"
MOVE = r"^UPDATE sluice_checkpoint SET .* AND epoch = "
NO_TABLE, DENIALS = 1146, (1142, 1044, 1227, 1143)
DEADLOCK, LOCK_WAIT, READ_ONLY, SYNTAX, GONE = 1213, 1205, 1290, 1064, 1053


class Refusals(RunCase):
    kind = MariaDB

    def begin(self, orders=60, **options):
        sim = self.sim("--orders", str(orders), "--seed", "4", "--fault", "clamp=20")
        return sim, *self.before(sim, **options)

    def before(self, sim, **options):
        """A project whose target stands behind the wire."""
        project = self.project(sim, **options)
        wire = Refusing(self.db.port)
        wire.__enter__()
        self.addCleanup(wire.__exit__)
        connection = self.db.connection
        connection["params"].update(port=wire.port, tls="disable")
        project.write("connections/bi.json", connection)
        return project, wire

    def insert_plainly(self, project):
        """A plain INSERT into a table without a key, in small batches: a row that is written twice shows."""
        document = target_document(seed_statement().replace("REPLACE INTO", "INSERT INTO"))
        next(row for row in document["otherRequest"] if row["field"] == "limit")["value"] = "20"
        project.write("integrations/orders.target.json", document)
        project.execute("DROP TABLE IF EXISTS order_list_query")
        project.create_table({"id": "VARCHAR(64) NOT NULL"})

    def recovers(self, sim, project, wire):
        wire.relent()
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_the_checkpoint_may_not_be_read(self):
        for code in DENIALS:
            with self.subTest(code):
                self.setUp()
                sim, project, wire = self.begin()
                wire.refuse(READ, code)
                checked = project.run("check", "orders", "--online", json=False)
                self.assertEqual(checked.code, 0, repr(checked))
                self.assertIn("at least once", checked.out)
                self.run_ok(project)
                self.assertTrue(wire.struck)
                self.assert_copy(sim, project)
                self.assertIn("at least once", self.status(project)["promise"])
                self.assertEqual(project.query("SHOW TABLES LIKE 'sluice_checkpoint'"), [])

    def test_the_checkpoint_may_not_be_made(self):
        for code in DENIALS:
            with self.subTest(code):
                self.setUp()
                sim, project, wire = self.begin()
                wire.refuse(MAKE, code)
                self.run_ok(project)
                self.assertEqual(len(wire.struck), 1)
                self.assert_copy(sim, project)
                self.assertIn("at least once", self.status(project)["promise"])

    def test_what_may_be_done_cannot_be_asked(self):
        for pattern, code in ((READ, SYNTAX), (RIGHTS, SYNTAX), (RIGHTS, 1142)):
            with self.subTest(pattern=pattern, code=code):
                self.setUp()
                sim, project, wire = self.begin()
                wire.refuse(pattern, code)
                checked = project.run("check", "orders", "--online")
                self.assertTrue(wire.struck)
                self.assertNotEqual(checked.code, 0, repr(checked))
                self.assertIn("refused by the test", checked.out)
                self.recovers(sim, project, wire)

    def test_the_checkpoint_cannot_be_read_or_made(self):
        for pattern, code, error in ((READ, SYNTAX, "target"), (MAKE, SYNTAX, "target"), (MAKE, READ_ONLY, "target")):
            with self.subTest(pattern=pattern, code=code):
                self.setUp()
                sim, project, wire = self.begin()
                wire.refuse(pattern, code)
                result = project.run("run", "orders", "--patience", "300ms")
                self.assertEqual(result.code, 1, repr(result))
                self.assertIn(result.json["error"]["code"], (error, "schema"), repr(result))
                self.assertEqual(project.table_rows(), [])
                self.recovers(sim, project, wire)

    def test_the_claim_is_refused_once(self):
        for pattern, code in ((r"^START TRANSACTION", GONE), (r"^START TRANSACTION", CUT), (LOCKED, DEADLOCK), (LOCKED, LOCK_WAIT),
                              (LOCKED, CUT), (CLAIM, DEADLOCK), (CLAIM, CUT), (r"^COMMIT", DEADLOCK), (r"^COMMIT", CUT)):
            with self.subTest(pattern=pattern, code=code):
                self.setUp()
                sim, project, wire = self.begin()
                self.insert_plainly(project)
                wire.refuse(pattern, code, times=1)
                result = project.run("run", "orders", "--patience", "20s")
                self.assertEqual(len(wire.struck), 1, repr(result))
                self.assertEqual(result.code, 0, repr(result))
                self.assert_copy(sim, project)
                self.recovers(sim, project, wire)

    def test_the_checkpoint_moves_before_it_is_claimed(self):
        """A COMMIT of an earlier process that took its time: read again, and claimed above what stands there then."""
        sim, project, wire = self.begin()
        self.run_ok(project)
        before = self.checkpoint(project)
        wire.refuse(r"^START TRANSACTION", DEADLOCK, times=1, then=lambda: project.execute(
            "UPDATE sluice_checkpoint SET batch = batch + 1, epoch = epoch + 7"))
        sim.control(advance_ms=5000)
        sim.control(new=5)
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assertEqual(len(wire.struck), 1)
        self.assertEqual(self.checkpoint(project)["epoch"], before["epoch"] + 8)
        self.assertGreater(self.checkpoint(project)["batch"], before["batch"] + 1)
        self.assert_copy(sim, project)

    def test_the_claim_is_in_the_way_of_another_for_ever(self):
        sim, project, wire = self.begin()
        wire.refuse(LOCKED, DEADLOCK)
        result = project.run("run", "orders", "--patience", "300ms")
        self.assertEqual(result.code, 1, repr(result))
        self.assertIn("refused by the test", result.json["error"]["message"])
        self.assertEqual(len(wire.struck) % 5, 0, "each claim is tried five times")
        self.assertEqual(project.table_rows(), [])
        self.recovers(sim, project, wire)

    def test_the_claim_is_refused_for_good(self):
        for pattern, code in ((LOCKED, SYNTAX), (CLAIM, SYNTAX), (CLAIM, 1142)):
            for rollback in (None, SYNTAX, CUT):
                with self.subTest(pattern=pattern, code=code, rollback=rollback):
                    self.setUp()
                    sim, project, wire = self.begin()
                    wire.refuse(pattern, code)
                    if rollback is not None:
                        wire.refuse(r"^ROLLBACK$", rollback)
                    result = project.run("run", "orders", "--patience", "300ms")
                    self.assertEqual(result.code, 1, repr(result))
                    self.assertIn("refused by the test", result.json["error"]["message"])
                    self.assertEqual(project.table_rows(), [])
                    self.recovers(sim, project, wire)

    def test_the_move_is_refused_once(self):
        for code in (DEADLOCK, LOCK_WAIT, GONE, CUT):
            for statement in (MOVE, r"^COMMIT"):
                with self.subTest(code=code, statement=statement):
                    self.setUp()
                    sim, project, wire = self.begin()
                    self.insert_plainly(project)
                    wire.refuse(statement, code, times=1, skip=2)
                    result = project.run("run", "orders", "--patience", "20s")
                    self.assertEqual(len(wire.struck), 1, repr(result))
                    self.assertEqual(result.code, 0, repr(result))
                    self.assert_copy(sim, project)
                    self.recovers(sim, project, wire)

    def test_the_move_is_refused_for_good(self):
        for rollback in (None, SYNTAX, CUT):
            with self.subTest(rollback=rollback):
                self.setUp()
                sim, project, wire = self.begin()
                self.insert_plainly(project)
                wire.refuse(MOVE, SYNTAX)
                if rollback is not None:
                    wire.refuse(r"^ROLLBACK$", rollback)
                result = project.run("run", "orders", "--patience", "300ms")
                self.assertEqual(result.code, 1, repr(result))
                self.assertEqual(project.table_rows(), [], "rows without their checkpoint")
                self.recovers(sim, project, wire)

    def test_no_batch_went_in_since_the_first_claim(self):
        """Our clock is an hour ahead of the source's, and there is no `start`: the checkpoint names no cursor until one is
        known by the source's clock."""
        hour_ago = datetime.now(timezone(timedelta(hours=8))) - timedelta(hours=1)
        sim = self.sim("--orders", "50", "--start", hour_ago.strftime("%Y-%m-%d %H:%M:%S"))
        project, wire = self.before(sim, overlap="5m")
        document = project.read("integrations/orders.json")
        del document["start"]
        project.write("integrations/orders.json", document)
        wire.refuse(MOVE, SYNTAX)
        self.assertEqual(project.run("run", "orders", "--patience", "300ms").code, 1)
        self.assertIsNone(self.checkpoint(project)["cursor_at"])
        wire.relent()
        before = {str(row["o_id"]) for row in sim.truth()}
        sim.control(advance_ms=60000)
        sim.control(new=5)
        sim.control(advance_ms=60000)
        self.run_ok(project)
        fresh = {str(row["o_id"]) for row in sim.truth()} - before
        self.assertEqual(len(fresh), 5)
        self.assertEqual(fresh - {str(row["o_id"]) for row in project.table_rows()}, set())
        self.assertIsNotNone(self.checkpoint(project)["cursor_at"])

    def test_a_commit_is_lost_and_the_checkpoint_cannot_be_read_at_once(self):
        sim, project, wire = self.begin()
        self.insert_plainly(project)
        wire.refuse(r"^COMMIT", CUT, times=1, skip=2)
        wire.refuse(READ, LOCK_WAIT, times=2, skip=1)
        result = project.run("run", "orders", "--patience", "20s")
        self.assertEqual((result.code, len(wire.struck)), (0, 3), repr(result))
        self.assert_copy(sim, project)

    def test_a_commit_is_lost_and_the_target_is_another_one_then(self):
        """What stands there then is no checkpoint of this run: nothing may go on top of it."""
        for change, error in (("DELETE FROM sluice_checkpoint", "target"),
                              ("UPDATE sluice_checkpoint SET journal = 'another'", "target"),
                              ("UPDATE sluice_checkpoint SET epoch = epoch - 1", "target"),
                              ("UPDATE sluice_checkpoint SET epoch = epoch + 1", "conflict"),
                              ("UPDATE sluice_checkpoint SET batch = batch - 1", "target")):
            with self.subTest(change):
                self.setUp()
                sim, project, wire = self.begin()
                document = target_document()
                next(row for row in document["otherRequest"] if row["field"] == "limit")["value"] = "20"
                project.write("integrations/orders.target.json", document)
                wire.refuse(r"^COMMIT", CUT, times=1, skip=3, then=lambda change=change: project.execute(change))
                result = project.run("run", "orders", "--patience", "20s")
                self.assertEqual((result.code, len(wire.struck)), (1, 1), repr(result))
                self.assertEqual(result.json["error"]["code"], error, repr(result))
                self.assertLess(len(project.table_rows()), len(sim.truth()))
                self.recovers(sim, project, wire)

    def test_patience_ends_while_a_commit_is_in_doubt(self):
        sim, project, wire = self.begin()
        self.insert_plainly(project)
        wire.refuse(r"^COMMIT", CUT, times=1, skip=2)
        wire.refuse(READ, LOCK_WAIT, skip=1)
        result = project.run("run", "orders", "--patience", "500ms")
        self.assertEqual(result.code, 1, repr(result))
        self.assertGreater(len(wire.struck), 2)
        self.recovers(sim, project, wire)

    def test_it_is_stopped_while_the_target_refuses(self):
        for statement, code in ((READ, LOCK_WAIT), (MOVE, DEADLOCK)):
            with self.subTest(statement):
                self.setUp()
                sim, project, wire = self.begin()
                self.insert_plainly(project)
                if statement == READ:
                    wire.refuse(r"^COMMIT", CUT, times=1, skip=2)
                wire.refuse(statement, code, skip=1)
                process = project.start("run", "orders", "--patience", "60s")
                wait_until(lambda wire=wire: len(wire.struck) > 3, process, 30, "attempts")
                process.terminate()
                out, err = process.communicate(timeout=30)
                self.assertIn(process.returncode, (1, 130), out + err)
                self.recovers(sim, project, wire)


if __name__ == "__main__":
    unittest.main()
