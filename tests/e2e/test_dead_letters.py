"""One row that the target refuses: all others are in, the bad one is a dead letter with the reason, the exit status is 3;
when the table has been mended, `retry` brings it in."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, alone, compare, seed_statement, target_document  # noqa: E402
from lib.servers import MariaDB, MySQL  # noqa: E402


class Refused:
    """For each kind of server."""

    def begin(self, types=None, document=None, **integration):
        sim = self.sim("--orders", "300", "--seed", "5")
        truth = sim.truth()
        project = self.project(sim, create=False, **integration)
        if document:
            project.write("integrations/orders.target.json", document)
        project.create_table(types(truth) if types else None)
        return sim, project, truth

    def one_letter(self, project, row, reason):
        """The run ends with status 3 and this row as its only dead letter; every other row is in."""
        summary = self.run_ok(project, code=3, status="partial")
        self.assertEqual(summary["dead"], 1, summary)
        self.assertTrue(summary["verified"])
        letters = self.letters(project)
        self.assertEqual([letter["target_id"] for letter in letters], [row["id"]], letters)
        self.assertRegex(letters[0]["reason"], reason)
        self.assertEqual(self.status(project)["dead"], 1)
        others = [other for other in self.truth if other["id"] != row["id"]]
        found = [r for r in project.table_rows() if r["id"] not in (row["id"], "blocker")]
        self.assertEqual(compare(others, found), "")

    def retried(self, sim, project):
        """Retrying is in vain while nothing has changed, and brings the row in afterwards."""
        summary = self.run_ok(project, "retry", "orders", "--all")
        self.assertEqual((summary["rows"], summary["dead"]), (1, 0), summary)
        self.assert_copy(sim, project)
        self.assertEqual(self.letters(project), [])
        self.assertEqual(self.run_ok(project)["dead"], 0)
        self.assert_copy(sim, project)

    def in_vain(self, project):
        summary = self.run_ok(project, "retry", "orders", "--all", code=3, status="partial")
        self.assertEqual((summary["rows"], summary["dead"]), (0, 1), summary)
        self.assertEqual([letter["tries"] for letter in self.letters(project)], [1])

    def test_too_long(self):
        def narrow(truth):
            column, row = alone(truth)
            return {column: f"VARCHAR({len(str(row[column])) - 1})"}
        sim, project, self.truth = self.begin(narrow)
        column, row = alone(self.truth)
        self.one_letter(project, row, f"Data too long for column '{column}'")
        self.in_vain(project)
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY {column} TEXT")
        self.retried(sim, project)

    def test_read_again(self):
        """A record that every run reads again has one letter; dropped, it has none until it changes."""
        def narrow(truth):
            column, row = alone(truth)
            return {column: f"VARCHAR({len(str(row[column])) - 1})"}
        sim, project, self.truth = self.begin(narrow, overlap="30d")
        column, row = alone(self.truth)
        self.one_letter(project, row, f"Data too long for column '{column}'")
        self.one_letter(project, row, f"Data too long for column '{column}'")
        self.assertEqual(project.run("drop", "orders", "--id", row["id"]).code, 0)
        self.run_ok(project, code=3, status="partial")
        self.assertEqual(self.letters(project), [])

    def refuse(self, name, row_id):
        self.db.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT {name} CHECK (id <> '{row_id}')")

    def accept(self, name):
        self.db.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {name}")

    def two_lines(self):
        """The ids of two rows of one order."""
        orders = {}
        for row in self.truth:
            orders.setdefault(row["o_id"], []).append(row["id"])
        return next(ids for ids in orders.values() if len(ids) > 1)[:2]

    def test_each_line_has_its_own_end(self):
        """Of two refused lines of an order one goes in: its letter is closed, so a plain INSERT never doubles it."""
        document = target_document(seed_statement().replace("REPLACE INTO", "INSERT INTO"))
        sim, project, self.truth = self.begin(document=document)
        self.db.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY")
        ids = self.two_lines()
        self.refuse("first", ids[0])
        self.refuse("second", ids[1])
        self.assertEqual(self.run_ok(project, code=3, status="partial")["dead"], 2)
        self.accept("first")
        for rows in (1, 0):
            summary = self.run_ok(project, "retry", "orders", "--all", code=3, status="partial")
            self.assertEqual((summary["rows"], summary["dead"]), (rows, 1), summary)
            self.assertEqual([letter["target_id"] for letter in self.letters(project)], [ids[1]])
        self.accept("second")
        self.retried(sim, project)
        self.assertEqual(len(project.table_rows()), len(self.truth))

    def test_a_line_of_a_record_that_was_refused_whole(self):
        """The line that is still refused gets a letter of its own; the others are not written again with it."""
        sim, project, self.truth = self.begin(document=target_document(
            seed_statement().replace("REPLACE INTO", "INSERT INTO")))
        self.db.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY")
        source = project.read("integrations/orders.source.json")
        project.write("integrations/orders.source.json", {**source, "id": "no_such_field"})
        self.run_ok(project, code=3, status="partial")
        project.write("integrations/orders.source.json", source)
        victim = self.two_lines()[0]
        self.refuse("first", victim)
        summary = self.run_ok(project, "retry", "orders", "--all", code=3, status="partial")
        self.assertEqual((summary["rows"], summary["dead"]), (len(self.truth) - 1, 1), summary)
        self.assertEqual([letter["target_id"] for letter in self.letters(project)], [victim])
        self.accept("first")
        self.retried(sim, project)
        self.assertEqual(len(project.table_rows()), len(self.truth))

    def test_records_without_an_id_are_all_retried(self):
        """They cannot be told apart by a key: none of them stands for a newer version of another."""
        sim, project, self.truth = self.begin()
        source = project.read("integrations/orders.source.json")
        project.write("integrations/orders.source.json", {**source, "id": "no_such_field"})
        self.assertEqual(self.run_ok(project, code=3, status="partial")["dead"], 300)
        summary = self.run_ok(project, "retry", "orders", "--all", code=3, status="partial")
        self.assertEqual((summary["records"], summary["dead"]), (300, 300), summary)
        self.assertEqual({letter["tries"] for letter in self.letters(project)}, {1})
        project.write("integrations/orders.source.json", source)
        summary = self.run_ok(project, "retry", "orders", "--all")
        self.assertEqual((summary["records"], summary["dead"]), (300, 0), summary)
        self.assertEqual(self.letters(project), [])
        self.assertEqual(project.run("records", "orders", "--state", "superseded").json["records"], [])
        self.assert_copy(sim, project)

    def test_what_a_replay_cannot_write_is_a_letter(self):
        sim, project, self.truth = self.begin()
        self.run_ok(project)
        victim = self.truth[5]["id"]
        self.db.execute(f"DELETE FROM {TABLE}")
        self.refuse("first", victim)
        replay = ("replay", "orders", "--from", "2000-01-01", "--to", "2100-01-01")
        for _ in range(2):
            self.assertEqual(self.run_ok(project, *replay, code=3, status="partial")["dead"], 1)
            self.assertEqual([letter["target_id"] for letter in self.letters(project)], [victim])
        self.accept("first")
        self.run_ok(project, *replay)  # it brings the row in as well as a retry does
        self.assertEqual(self.letters(project), [])
        self.assertEqual([letter["target_id"] for letter in
                          project.run("records", "orders", "--state", "retried").json["records"]], [victim])
        self.assert_copy(sim, project)

    def test_null_into_not_null(self):
        def strict(truth):
            return {self.sparse(truth)[0]: "VARCHAR(200) NOT NULL"}
        sim, project, self.truth = self.begin(strict)
        column, rows = self.sparse(self.truth)
        summary = self.run_ok(project, code=3, status="partial")
        self.assertEqual(summary["dead"], len(rows))
        letters = self.letters(project)
        self.assertEqual({letter["target_id"] for letter in letters}, {row["id"] for row in rows})
        for letter in letters:
            self.assertRegex(letter["reason"], f"NULL.*'{column}'|'{column}'.*null")
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY {column} VARCHAR(200) NULL")
        summary = self.run_ok(project, "retry", "orders", "--all")
        self.assertEqual((summary["rows"], summary["dead"]), (len(rows), 0), summary)
        self.assert_copy(sim, project)

    @staticmethod
    def sparse(truth):
        """(column, rows): the column with the fewest NULLs, one at least, and the rows that have them."""
        found = []
        for column in truth[0]:
            rows = [row for row in truth if row[column] is None]
            if rows and max(len(str(row[column])) for row in truth) <= 200:
                found.append((len(rows), column, rows))
        return min(found)[1:]

    def test_duplicate_of_another_unique_key(self):
        document = target_document(seed_statement().replace("REPLACE INTO", "INSERT INTO"))
        sim, project, self.truth = self.begin(
            lambda truth: {"items_oi_id": "VARCHAR(64), UNIQUE KEY twice (items_oi_id)"}, document)
        victim = next(row for row in self.truth[len(self.truth) // 2:] if row["items_oi_id"])
        self.db.execute(f"INSERT INTO {TABLE} (id, items_oi_id) VALUES ('blocker', %s)", (str(victim["items_oi_id"]),))
        self.one_letter(project, victim, "Duplicate entry .* for key '.*twice'")
        self.in_vain(project)
        self.db.execute(f"DELETE FROM {TABLE} WHERE id = 'blocker'")
        self.retried(sim, project)

    def test_check_violated(self):
        sim, project, self.truth = self.begin()
        victim = self.truth[len(self.truth) // 3]
        self.db.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT not_this CHECK (id <> '{victim['id']}')")
        self.one_letter(project, victim, "not_this")
        self.in_vain(project)
        self.db.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT not_this")
        self.retried(sim, project)

    def test_a_trigger_that_objects(self):
        sim, project, self.truth = self.begin()
        victim = self.truth[-1]
        self.db.execute(
            f"CREATE TRIGGER bi.objects BEFORE INSERT ON bi.{TABLE} FOR EACH ROW "
            f"IF NEW.id = '{victim['id']}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not on my watch'; END IF")
        self.one_letter(project, victim, "not on my watch")
        self.db.execute("DROP TRIGGER bi.objects")
        self.retried(sim, project)

    def test_a_newer_version_supersedes_the_letter(self):
        sim, project, self.truth = self.begin()
        victim = self.truth[len(self.truth) // 3]
        self.db.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT not_this CHECK (id <> '{victim['id']}')")
        self.one_letter(project, victim, "not_this")
        self.db.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT not_this")
        sim.control(edit=[int(victim["o_id"])])
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assert_copy(sim, project)
        self.assertEqual(self.letters(project), [])

    def test_retry_of_one_id_and_drop_of_the_others(self):
        sim, project, self.truth = self.begin()
        victims = [self.truth[i]["id"] for i in (3, 50, 200)]
        listed = ",".join(f"'{name}'" for name in victims)
        self.db.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT not_these CHECK (id NOT IN ({listed}))")
        self.assertEqual(self.run_ok(project, code=3, status="partial")["dead"], 3)
        self.db.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT not_these")
        asked = project.run("retry", "orders")
        self.assertEqual(asked.code, 2, repr(asked))
        self.assertEqual(len(asked.json["records"]), 3, repr(asked))
        self.assertEqual(self.run_ok(project, "retry", "orders", "--id", victims[1])["rows"], 1)
        dropped = project.run("drop", "orders", "--all")
        self.assertEqual((dropped.code, dropped.json["dropped"]), (0, 2), repr(dropped))
        self.assertEqual(self.letters(project), [])
        self.assertEqual({row["id"] for row in self.truth} - {row["id"] for row in project.table_rows()},
                         {victims[0], victims[2]})


class OnMariaDB(Refused, RunCase):
    kind = MariaDB


class OnMySQL(Refused, RunCase):
    kind = MySQL


if __name__ == "__main__":
    unittest.main()
