"""Orders that change shape: lines that vanish, orders that leave the condition, older copies that come late. The oracle is
the simulator's /truth; each policy is shown on SQLite, MariaDB and MySQL."""
import unittest

from lib.case import RunCase, compare, target_document
from lib.servers import MariaDB, MySQL

TABLE = "order_list_query"
GUARDED = {"children": {"parent": "o_id", "gone": "delete"}, "left_filter": "delete", "guard": "modified"}


def several_lines(sim):
    """Ids of orders with two lines or more."""
    count = {}
    for row in sim.truth():
        count[row["o_id"]] = count.get(row["o_id"], 0) + 1
    return [o_id for o_id, n in count.items() if n > 1]


class Vanish:
    def columns(self):
        return {"o_id": "BIGINT", "modified": "DATETIME"} if self.kind else {"o_id": "INTEGER"}

    def start(self, *options, types=None, table=True, **integration):
        self.simulator = self.sim("--orders", "400", "--seed", "5", *options)
        self.folder = self.project(self.simulator, create=False, **integration)
        if table:
            self.folder.create_table({**self.columns(), **(types or {})})

    def compare_with_truth(self, table=None):
        rows = self.folder.table_rows() if table is None else table
        self.assertEqual(compare(self.simulator.truth(), rows), "")

    def next_second(self):
        self.simulator.control(advance_ms=2000)

    def test_lines_that_vanish_are_deleted(self):
        self.start(children={"parent": "o_id", "gone": "delete"})
        self.run_ok(self.folder)
        self.compare_with_truth()
        ids = several_lines(self.simulator)[:7]
        self.simulator.control(shorten=[int(i) for i in ids])
        self.next_second()
        summary = self.run_ok(self.folder)
        self.compare_with_truth()
        self.assertEqual(summary["removed"], 7, summary)
        again = self.run_ok(self.folder)
        self.assertEqual(again["removed"], 0, again)

    def test_the_last_line_too(self):
        """An order that has lost all its lines keeps one row, with the header alone; and the other way round."""
        self.start(children={"parent": "o_id", "gone": "delete"})
        self.run_ok(self.folder)
        one = several_lines(self.simulator)[0]
        lines = sum(row["o_id"] == one for row in self.simulator.truth())
        for _ in range(lines):
            self.simulator.control(shorten=int(one))
        self.next_second()
        self.run_ok(self.folder)
        self.compare_with_truth()
        left = [row["id"] for row in self.folder.table_rows() if str(row["o_id"]) == str(one)]
        self.assertEqual(left, [f"{one}-"])

    def test_without_it_they_stay(self):
        self.start()
        self.run_ok(self.folder)
        ids = several_lines(self.simulator)[:3]
        self.simulator.control(shorten=[int(i) for i in ids])
        self.next_second()
        summary = self.run_ok(self.folder)
        self.assertEqual(summary["removed"], 0)
        self.assertEqual(len(self.folder.table_rows()), len(self.simulator.truth()) + 3)

    def test_marked_and_back(self):
        self.start(children={"parent": "o_id", "gone": "mark"}, left_filter="mark", mark_column="weg")
        failed = self.run_failed(self.folder, "schema")
        self.assertIn("weg", failed["message"])
        self.folder.execute(failed["hint"].split(";")[0])
        self.run_ok(self.folder)
        self.assertEqual({row["weg"] for row in self.folder.table_rows()}, {0})
        short, away = several_lines(self.simulator)[:2]
        self.simulator.control(shorten=int(short), leave=int(away))
        self.next_second()
        summary = self.run_ok(self.folder)
        rows = self.folder.table_rows()
        gone = [row for row in rows if row["weg"]]
        self.assertEqual({str(row["o_id"]) for row in gone}, {str(short), str(away)})
        self.assertEqual(summary["removed"], len(gone))
        self.compare_with_truth([row for row in rows if not row["weg"]])
        self.simulator.control(enter=int(away))
        self.next_second()
        self.run_ok(self.folder)
        self.assertEqual({str(row["o_id"]) for row in self.folder.table_rows() if row["weg"]}, {str(short)})

    def test_orders_that_leave_the_condition(self):
        self.start(children={"parent": "o_id", "gone": "keep"}, left_filter="delete")
        self.run_ok(self.folder)
        ids = [int(i) for i in several_lines(self.simulator)[:5]]
        self.simulator.control(leave=ids)
        self.next_second()
        summary = self.run_ok(self.folder)
        self.compare_with_truth()
        self.assertGreaterEqual(summary["removed"], 10)
        self.assertGreaterEqual(summary["filtered"], 5)
        self.simulator.control(enter=ids)
        self.next_second()
        self.run_ok(self.folder)
        self.compare_with_truth()

    def test_long_ids_are_not_taken_for_their_neighbours(self):
        """9007199254740993 and its neighbours differ in the last digit: as doubles two of them would be one."""
        self.start(children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        self.run_ok(self.folder)
        ids = sorted({int(row["o_id"]) for row in self.simulator.truth() if int(row["o_id"]) > 2 ** 53})
        self.assertGreater(len(ids), 10)
        self.simulator.control(leave=ids[::2])
        self.next_second()
        self.run_ok(self.folder)
        self.compare_with_truth()
        self.assertTrue(set(ids[1::2]) <= {int(row["o_id"]) for row in self.folder.table_rows()})

    def test_a_refused_line_stays_as_it_was(self):
        """A line that the server refuses is a dead letter; its older version is still the record's, and stays."""
        self.start(types={"remark": "VARCHAR(255) CHECK (length(remark) < 1000)"} if self.kind else
                   {"remark": "TEXT CHECK (remark NOT LIKE '改1次%')"},
                   children={"parent": "o_id", "gone": "delete"})
        if self.kind:
            self.folder.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT calm CHECK (remark NOT LIKE '改1次%')")
        self.run_ok(self.folder)
        rows = {str(row["o_id"]) for row in self.folder.table_rows() if row["remark"] is not None}
        one = next(i for i in several_lines(self.simulator) if str(i) in rows)
        before = sorted(row["id"] for row in self.folder.table_rows() if str(row["o_id"]) == str(one))
        self.simulator.control(shorten=int(one))
        self.next_second()
        summary = self.run_ok(self.folder, code=3, status="partial")
        self.assertEqual(summary["dead"], len(before) - 1, summary)
        after = sorted(row["id"] for row in self.folder.table_rows() if str(row["o_id"]) == str(one))
        self.assertEqual(len(after), len(before) - 1)
        self.assertTrue(set(after) < set(before))

    def test_the_guard_keeps_the_newer(self):
        """What the target already holds at a later version is not written over, whatever the order of arrival."""
        self.start(guard="modified")
        self.run_ok(self.folder)
        some = self.folder.table_rows()[0]["id"]
        self.folder.execute(f"UPDATE {TABLE} SET modified = '2099-01-01 00:00:00', shop_name = 'later' "
                            f"WHERE id = '{some}'")
        self.run_ok(self.folder, "replay", "orders", "--from", "2000-01-01", "--to", "2098-01-01")
        row = next(row for row in self.folder.table_rows() if row["id"] == some)
        self.assertEqual((row["shop_name"], str(row["modified"])[:4]), ("later", "2099"))
        self.folder.execute(f"UPDATE {TABLE} SET modified = '2000-01-01 00:00:00', shop_name = 'earlier' "
                            f"WHERE id = '{some}'")
        self.run_ok(self.folder, "replay", "orders", "--from", "2000-01-01", "--to", "2098-01-01")
        self.compare_with_truth()

    def test_a_guard_that_would_compare_numbers_as_texts(self):
        """900201 is less than 95 then: what is newer would stay out for good."""
        self.start(guard="o_id", types={"o_id": "VARCHAR(30)"})
        failed = self.run_failed(self.folder, "schema")
        self.assertIn("o_id", failed["message"])
        self.assertEqual(self.folder.table_rows(), [])
        self.start(guard="o_id", table=False)
        self.folder.execute(f"DROP TABLE IF EXISTS {TABLE}")
        self.folder.create_table(self.columns())
        self.run_ok(self.folder)
        self.compare_with_truth()

    def test_guarded_runs_are_a_copy(self):
        self.start(**GUARDED)
        self.run_ok(self.folder)
        for _ in range(3):
            ids = [int(i) for i in several_lines(self.simulator)]
            self.simulator.control(shorten=ids[:3], leave=ids[3:6], edit=ids[6:60])
            self.next_second()
            self.run_ok(self.folder)
            self.compare_with_truth()

    def test_what_cannot_be_declared(self):
        cases = [
            ({"children": {"parent": "shop_id", "gone": "delete"}}, "not made of the source's id"),
            ({"children": {"parent": "nowhere", "gone": "delete"}}, "no column that one field"),
            ({"children": {"parent": "so_id", "gone": "delete"}}, "not made of the source's id"),
            ({"left_filter": "delete"}, "needs `children.parent`"),
            ({"guard": "nowhere"}, "no column that one field"),
        ]
        for integration, words in cases:
            self.start(table=False, **integration)
            found = self.folder.run("check", "orders", json=False)
            self.assertEqual(found.code, 2, repr(found))
            self.assertIn(words, found.out + found.err)
            self.simulator.close()
        self.start(table=False, guard="modified")
        document = target_document(main_sql="INSERT INTO order_list_query(" + ",".join(self.folder.columns()) +
                                   ") VALUES ... ON DUPLICATE KEY UPDATE id = id")
        self.folder.write("integrations/orders.target.json", document)
        found = self.folder.run("check", "orders", json=False)
        self.assertEqual(found.code, 2, repr(found))
        self.assertIn("needs a REPLACE INTO", found.out + found.err)


class Sqlite(Vanish, RunCase):
    pass


class Maria(Vanish, RunCase):
    kind = MariaDB

    def test_ddl_makes_what_is_needed(self):
        self.start(children={"parent": "o_id", "gone": "mark"})
        self.folder.execute(f"DROP TABLE {TABLE}")
        made = self.folder.run("ddl", "orders", "--create")
        self.assertEqual(made.code, 0, repr(made))
        names = {row["Column_name"] for row in self.folder.query(f"SHOW INDEX FROM {TABLE}")}
        self.assertEqual(names, {"id", "o_id"})
        self.run_ok(self.folder)
        checked = self.folder.run("check", "orders", "--online", json=False)
        self.assertEqual(checked.code, 0, repr(checked))
        self.assertNotIn("has no index", checked.out + checked.err)
        self.folder.execute(f"ALTER TABLE {TABLE} DROP INDEX o_id")
        checked = self.folder.run("check", "orders", "--online", json=False)
        self.assertIn("has no index", checked.out + checked.err)

    def test_a_folding_parent_takes_nothing_of_another(self):
        """Under a collation that folds, two parents that differ in case are one to the server, and two to us."""
        self.start(types={"o_id": "VARCHAR(40) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"},
                   children={"parent": "o_id", "gone": "delete"})
        self.run_ok(self.folder)
        one = several_lines(self.simulator)[0]
        columns = ",".join(f"`{name}`" for name in self.folder.columns() if name not in ("id", "o_id"))
        self.folder.execute(f"INSERT INTO {TABLE} (id, o_id, {columns}) SELECT 'other', CONCAT(o_id, ' '), {columns} "
                            f"FROM {TABLE} WHERE o_id = '{one}' LIMIT 1")
        self.simulator.control(shorten=int(one))
        self.next_second()
        self.assertEqual(self.run_ok(self.folder)["removed"], 1)
        self.assertEqual(len(self.folder.query(f"SELECT id FROM {TABLE} WHERE id = 'other'")), 1)


class Mysql(Vanish, RunCase):
    kind = MySQL


if __name__ == "__main__":
    unittest.main()
