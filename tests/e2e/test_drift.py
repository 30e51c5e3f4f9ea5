"""Orders that look different from one day to the next, and tables that change under a run: seen, told once over all runs,
and what `drift` says is done. On SQLite and MariaDB."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase  # noqa: E402
from lib.process import end, wait_until  # noqa: E402
from lib.servers import MariaDB  # noqa: E402

ORDERS = ("--orders", "300", "--seed", "5", "--plain")
GROW, GROW_LINES, RENAME, RETYPE, LENGTHEN = range(1, 6)


class Drift:
    """For each kind of target."""

    def begin(self, types=None, options=ORDERS, **integration):
        """A project whose first run has made the base."""
        sim = self.sim(*options)
        project = self.project(sim, create=False, **integration)
        project.create_table(types)
        self.run_ok(project)
        return sim, project

    def reshaped(self, sim, shape, n=80):
        """From now on orders look like that; n of them are new."""
        sim.control(fault="reshape", value=shape)
        self.more(sim, n)

    def more(self, sim, n=80):
        """Far enough behind the last ones that no overlap reads those again."""
        sim.control(advance_ms=3600000)
        sim.control(new=n)
        sim.control(advance_ms=1000)

    def told(self, result):
        """The paths that a run told of."""
        return [line.split(" warn ", 1)[1].split(":", 1)[0] for line in result.err.splitlines() if " warn " in line]

    def runs(self, project, code=0):
        result = project.run("run", "orders")
        self.assertEqual(result.code, code, repr(result))
        return result

    def changes(self, project):
        """(change, path) of the open changes."""
        return {(c["change"], c["path"]): c for c in self.status(project)["changes"]}

    def columns_of(self, project):
        return list(project.query(f"SELECT * FROM {TABLE} LIMIT 1")[0])

    # ---- warn ----

    def test_a_new_field_is_told_once(self):
        sim, project = self.begin()
        self.assertEqual(self.changes(project), {})
        self.reshaped(sim, GROW)
        first = self.runs(project)
        self.assertEqual(self.told(first), ["grade_level"], repr(first))
        self.assertIn("ALTER TABLE", first.err)
        change = self.changes(project)["new_field", "grade_level"]
        kind = "BIGINT NULL" if self.db else "INTEGER"
        self.assertTrue(change["sql"].endswith(kind), change)
        self.assertIn('"value":"{grade_level}"', change["request"])
        for _ in range(2):
            self.more(sim)
            self.assertEqual(self.told(self.runs(project)), [])
        self.assertEqual(list(self.changes(project)), [("new_field", "grade_level")])
        log = project.run("log", "orders", "-n", "1000").jsons
        told = [event for event in log if event.get("code") == "schema"]
        self.assertEqual([(e["event"], e["key"]) for e in told], [("notice", "grade_level")])
        checked = project.run("check", "orders", "--online", json=False)
        self.assertEqual(checked.code, 0, repr(checked))
        self.assertIn("warning: grade_level: a field that was never seen before", checked.out)
        self.assertIn("grade_level", project.run("status", "orders", json=False).out)

        # what was offered fits: the column, then the member of request[], and the change is over
        project.execute(change["sql"])
        document = project.read("integrations/orders.target.json")
        document["request"].append(json.loads(change["request"]))
        sql = next(row for row in document["otherRequest"] if row["field"] == "main_sql")
        sql["value"] = sql["value"].replace(") VALUES", ",grade_level) VALUES")
        project.write("integrations/orders.target.json", document)
        self.more(sim)
        self.assertEqual(self.told(self.runs(project)), [])
        self.assertEqual(self.changes(project), {})
        self.assertGreater(project.query(f"SELECT count(*) AS n FROM {TABLE} WHERE grade_level = 7")[0]["n"], 50)

    def test_a_new_field_in_the_lines(self):
        sim, project = self.begin()
        self.reshaped(sim, GROW_LINES)
        self.assertEqual(self.told(self.runs(project)), ["items[].lot_no"])
        change = self.changes(project)["new_field", "items[].lot_no"]
        self.assertIn("items_lot_no", change["sql"])
        self.assertIn("{items_lot_no}", change["request"])

    def test_a_field_that_is_renamed_and_comes_back(self):
        sim, project = self.begin()
        self.reshaped(sim, RENAME)
        told = self.told(self.runs(project))
        self.assertEqual(sorted(told), ["shop_id", "shop_id", "store_id"])  # one: its column found nothing
        self.assertEqual(set(self.changes(project)), {("new_field", "store_id"), ("vanished_field", "shop_id")})
        sim.control(fault="reshape", value=False)
        self.more(sim)
        self.runs(project)
        self.assertNotIn(("vanished_field", "shop_id"), self.changes(project))

    def test_a_field_that_vanishes_over_small_runs(self):
        sim, project = self.begin(overlap="0s")
        sim.control(fault="reshape", value=RENAME)
        for _ in range(2):
            self.more(sim, 20)
            self.runs(project)
            self.assertNotIn(("vanished_field", "shop_id"), self.changes(project))
        for _ in range(2):
            self.more(sim, 20)
            self.runs(project)
        self.assertIn(("vanished_field", "shop_id"), self.changes(project))
        log = project.run("log", "orders", "-n", "1000").jsons
        self.assertEqual(sum(e.get("key") == "shop_id" and e.get("code") == "schema" for e in log), 1)

    def test_another_type_and_what_fields_lists(self):
        sim, project = self.begin()
        self.reshaped(sim, RETYPE)
        self.assertEqual(self.told(self.runs(project)), ["shop_id"])
        self.assertEqual(set(self.changes(project)), {("changed_type", "shop_id")})
        listed = project.run("fields", "orders").json
        fields = {f["path"]: f for f in listed["fields"]}
        self.assertEqual(listed["records"], fields["o_id"]["seen"])
        self.assertEqual((fields["o_id"]["of"], fields["o_id"]["known"]), (fields["o_id"]["seen"], True))
        self.assertIn("object", fields["shop_id"]["types"])
        self.assertEqual(fields["shop_id"]["columns"], "shop_id")
        self.assertEqual(fields["items[].qty"]["columns"], "items_qty")
        self.assertEqual(fields["modified"]["longest"], 19)
        self.assertIsNone(fields["f_weight"]["columns"])
        text = project.run("fields", "orders", json=False)
        self.assertIn("changed_type", text.out)
        accepted = project.run("fields", "orders", "--accept")
        self.assertEqual((accepted.code, accepted.json["accepted"]), (0, 1), repr(accepted))
        self.assertEqual(self.changes(project), {})
        self.more(sim)
        self.assertEqual(self.told(self.runs(project)), [])

    def test_ignore_learns_in_silence(self):
        sim, project = self.begin(drift="ignore")
        self.reshaped(sim, GROW)
        self.assertEqual(self.told(self.runs(project)), [])
        self.assertEqual(self.changes(project), {})
        paths = {f["path"]: f for f in project.run("fields", "orders").json["fields"]}
        self.assertTrue(paths["grade_level"]["known"])

    def test_a_dry_run_learns_nothing(self):
        sim, project = self.begin()
        self.reshaped(sim, GROW)
        before = project.run("fields", "orders").json
        self.run_ok(project, "run", "orders", "--dry-run")
        self.assertEqual(project.run("fields", "orders").json, before)

    # ---- stop ----

    def test_stop_ends_before_the_page_and_goes_on_when_accepted(self):
        sim, project = self.begin(drift="stop")
        rows = len(project.table_rows())
        cursor = self.status(project)["cursor"]
        self.reshaped(sim, GROW)
        failed = self.run_failed(project, "schema")
        self.assertIn("grade_level", failed["message"])
        self.assertIn("ALTER TABLE", failed["message"])
        self.assertIn("--accept", failed["hint"])
        self.assertEqual((len(project.table_rows()), self.status(project)["cursor"]), (rows, cursor))
        again = self.runs(project, code=1)
        self.assertNotIn("grade_level", self.told(again), "it was told before")
        self.assertEqual((len(project.table_rows()), self.status(project)["cursor"]), (rows, cursor))
        self.assertEqual(project.run("fields", "orders", "--accept").json["accepted"], 1)
        self.run_ok(project)
        self.assert_copy(sim, project)
        self.more(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)

    # ---- add-column ----

    def test_add_column(self):
        sim, project = self.begin(drift="add-column")
        self.reshaped(sim, GROW)
        result = self.runs(project)
        self.assertIn("done: ALTER TABLE", result.err)
        self.assertIn("grade_level", self.columns_of(project))
        self.assertEqual(self.changes(project), {})
        self.more(sim)
        self.assertEqual(self.told(self.runs(project)), [])

    # ---- the table changes ----

    def running(self, project):
        """A run in the middle of its writing."""
        process = project.start("run", "orders")
        self.addCleanup(end, process)
        wait_until(lambda: project.query(f"SELECT count(*) AS n FROM {TABLE}")[0]["n"] > 50, process, 60, "rows")
        return process

    def stopped_by_the_table(self, process, project):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, out + err)
        summary = json.loads(out)
        self.assertEqual(summary["error"]["code"], "schema", out + err)
        self.assertEqual(summary["dead"], 0, out)
        self.assertEqual(self.letters(project), [])
        return summary

    def slow(self, types=None, **integration):
        sim = self.sim(*ORDERS, "--fault", "slow=150", "--fault", "clamp=25")
        project = self.project(sim, create=False, **integration)
        project.create_table(types)
        return sim, project

    def test_a_column_is_dropped_under_a_run(self):
        sim, project = self.slow()
        process = self.running(project)
        project.execute(f"ALTER TABLE {TABLE} DROP COLUMN shop_name")
        self.stopped_by_the_table(process, project)
        failed = self.run_failed(project, "schema")
        self.assertIn("no column", failed["message"])
        project.execute(f"ALTER TABLE {TABLE} ADD COLUMN shop_name TEXT")
        sim.control(fault="slow", value=False)
        self.run_ok(project)
        rows = {str(row["id"]) for row in project.table_rows()}
        self.assertEqual(rows, {str(row["id"]) for row in sim.truth()})

    def test_the_table_is_renamed_under_a_run(self):
        sim, project = self.slow()
        process = self.running(project)
        project.execute(f"ALTER TABLE {TABLE} RENAME TO elsewhere")
        self.stopped_by_the_table(process, project)
        project.execute(f"ALTER TABLE elsewhere RENAME TO {TABLE}")
        sim.control(fault="slow", value=False)
        self.run_ok(project)
        self.assert_copy(sim, project)


class OnSQLite(Drift, RunCase):
    pass


class OnMariaDB(Drift, RunCase):
    kind = MariaDB

    def test_longer_values_are_told_with_what_would_fit(self):
        sim, project = self.begin(types={"shop_name": "VARCHAR(40) NULL DEFAULT 'it''s' COMMENT 'a, b'"})
        self.reshaped(sim, LENGTHEN)
        result = self.runs(project, code=3)
        change = self.changes(project)["too_long", "shop_name"]
        self.assertIn("varchar(128)", change["sql"])
        self.assertIn("DEFAULT 'it''s' COMMENT 'a, b'", change["sql"])
        self.assertIn("shop_name", self.told(result))
        project.execute(change["sql"])
        letters = len(self.letters(project))
        self.assertGreater(letters, 50)
        retried = self.run_ok(project, "retry", "orders", "--all")
        self.assertEqual(retried["rows"], letters)
        self.more(sim)
        self.runs(project)
        self.assertEqual(self.changes(project), {})

    def test_values_that_nearly_fill_their_column(self):
        sim, project = self.begin(types={"shop_name": "VARCHAR(62)"})
        self.reshaped(sim, LENGTHEN)  # 60 characters
        self.assertEqual(self.told(self.runs(project)), ["shop_name"])
        self.assertEqual(set(self.changes(project)), {("nearly_full", "shop_name")})
        self.more(sim)
        self.assertEqual(self.told(self.runs(project)), [])

    def test_add_column_widens(self):
        sim, project = self.begin(types={"shop_name": "VARCHAR(40) COMMENT 'kept'"}, drift="add-column")
        self.reshaped(sim, LENGTHEN)
        result = self.runs(project, code=3)
        self.assertIn("sluice retry orders --all", result.err)
        made = self.db.query(f"SHOW CREATE TABLE {TABLE}")[0]["Create Table"]
        self.assertIn("`shop_name` varchar(128)", made)
        self.assertIn("COMMENT 'kept'", made)
        self.assertEqual(self.changes(project), {})
        self.run_ok(project, "retry", "orders", "--all")
        self.more(sim)
        self.run_ok(project)
        self.assertEqual(self.letters(project), [])

    def test_add_column_without_the_right_to(self):
        sim, project = self.begin(drift="add-column")
        self.db.execute("REVOKE ALL PRIVILEGES ON bi.* FROM 'bi'@'%'")
        self.db.execute("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON bi.* TO 'bi'@'%'")
        self.addCleanup(self.db.execute, "GRANT ALL PRIVILEGES ON bi.* TO 'bi'@'%'")
        self.reshaped(sim, GROW)
        failed = self.run_failed(project, "auth")
        self.assertIn("ALTER TABLE", failed["message"])
        self.assertIn("right to alter", failed["hint"])
        self.assert_copy(sim, project)
        self.db.execute("GRANT ALL PRIVILEGES ON bi.* TO 'bi'@'%'")
        self.more(sim)
        self.run_ok(project)
        self.assertIn("grade_level", self.columns_of(project))

    def test_stop_for_values_that_are_too_long(self):
        sim, project = self.begin(types={"shop_name": "VARCHAR(40)"}, drift="stop")
        rows = len(project.table_rows())
        self.reshaped(sim, LENGTHEN)
        failed = self.run_failed(project, "schema")
        self.assertIn("MODIFY COLUMN `shop_name` varchar(128)", failed["message"])
        self.assertEqual((len(project.table_rows()), self.letters(project)), (rows, []))
        project.execute(self.changes(project)["too_long", "shop_name"]["sql"])
        self.run_ok(project)
        self.assertEqual(self.changes(project), {})

    def test_a_column_is_narrowed_under_a_run(self):
        sim, project = self.slow(types={"shop_name": "VARCHAR(200)"})
        process = self.running(project)
        self.db.execute("SET GLOBAL sql_mode = ''")
        self.addCleanup(self.db.execute, "SET GLOBAL sql_mode = DEFAULT")
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY shop_name VARCHAR(2)")
        summary = self.stopped_by_the_table(process, project)
        self.assertIn("was changed while it was written", summary["error"]["message"])
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY shop_name VARCHAR(200)")
        sim.control(fault="slow", value=False)
        self.run_ok(project)
        rows = {str(row["id"]) for row in project.table_rows()}
        self.assertEqual(rows, {str(row["id"]) for row in sim.truth()})


if __name__ == "__main__":
    unittest.main()
