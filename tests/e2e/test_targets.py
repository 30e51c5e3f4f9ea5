"""Ways to write, and to write again: each kind of statement, `execute` with lines of its own, remedy, backfill, replay and
dry run. On MariaDB and on MySQL."""
import os
import sys
import unittest
from datetime import datetime, timedelta

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, compare, seed_statement, target_document  # noqa: E402
from lib.process import wait_until  # noqa: E402
from lib.servers import MariaDB, MySQL  # noqa: E402

ORDERS = ("--orders", "300", "--seed", "7")


def with_id_check(project, wanted=True):
    project.write("integrations/orders.source.json",
                  {**project.read("integrations/orders.source.json"), "idCheck": wanted})


def field(name, value, **more):
    return {"field": name, "label": name, "type": "string", "value": value, **more}


class Statements:
    """For each kind of server."""

    def begin(self, main_sql=None, table=None, options=ORDERS, document=None, **integration):
        sim = self.sim(*options)
        project = self.project(sim, create=False, **integration)
        if main_sql or document:
            project.write("integrations/orders.target.json", document or target_document(main_sql))
        if table:
            self.db.execute(table)
        else:
            project.create_table()
        return sim, project

    def edited(self, sim, n=20):
        """Orders that the condition passes, edited; their ids."""
        ids = sorted({int(row["o_id"]) for row in sim.truth()})[:n]
        sim.control(advance_ms=2000, edit=ids)
        sim.control(advance_ms=2000)
        return ids

    # ---- statements ----

    def test_plain_insert_writes_what_is_new_or_changed_once(self):
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT INTO"), overlap="1h",
                                  options=(*ORDERS, "--days", "1", "--fault", "dup", "--fault", "clamp=30"))
        project.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY, ADD COLUMN n BIGINT AUTO_INCREMENT PRIMARY KEY")
        with_id_check(project)
        self.run_ok(project)
        self.assert_copy(sim, project)
        summary = self.run_ok(project)
        self.assertEqual((summary["rows"], summary["records"]), (0, summary["repeats"] + summary["folded"] +
                                                                 summary["filtered"]))
        self.assert_copy(sim, project)
        before = {row["n"] for row in project.table_rows()}
        changed = self.edited(sim)
        self.run_ok(project)
        self.run_ok(project)
        new = [row for row in project.table_rows() if row["n"] not in before]
        wanted = [row for row in sim.truth() if int(row["o_id"]) in changed]
        self.assertEqual(compare(wanted, new), "")

    def test_plain_insert_in_batches_smaller_than_a_page(self):
        """A copy on the next page, with a batch that ends in between: the ledger learnt of it after the page was begun."""
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT INTO"), overlap="1h",
                                  options=(*ORDERS, "--days", "1", "--fault", "dup", "--fault", "clamp=30"))
        project.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY")
        with_id_check(project)
        for limit in ("7", "31"):
            document = project.read("integrations/orders.target.json")
            next(row for row in document["otherRequest"] if row["field"] == "limit")["value"] = limit
            project.write("integrations/orders.target.json", document)
            self.run_ok(project)
            self.assert_copy(sim, project)
            sim.control(advance_ms=5000, new=100)
            sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_replace_with_id_check_skips_repeats(self):
        sim, project = self.begin(overlap="7d")
        with_id_check(project)
        self.run_ok(project)
        changed = self.edited(sim)
        summary = self.run_ok(project)
        self.assertGreater(summary["repeats"], 100)
        self.assertEqual(summary["rows"], sum(1 for row in sim.truth() if int(row["o_id"]) in changed))
        self.assert_copy(sim, project)

    def test_insert_ignore_keeps_what_is_there(self):
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT IGNORE INTO"))
        there = sim.truth()[5]["id"]
        self.db.execute(f"INSERT INTO {TABLE} (id, remark) VALUES (%s, 'was here')", (there,))
        self.run_ok(project)
        self.edited(sim)
        self.run_ok(project)
        rows = {row["id"]: row for row in project.table_rows()}
        self.assertEqual((rows[there]["remark"], rows[there]["o_id"]), ("was here", None))
        self.assertEqual(set(rows), {row["id"] for row in sim.truth()})
        self.assertNotEqual(compare(sim.truth(), rows.values()), "")

    def test_insert_ignore_hides_no_bad_value(self):
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT IGNORE INTO"))
        victim = sim.truth()[9]["id"]
        self.db.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT not_this CHECK (id <> '{victim}')")
        self.assertEqual(self.run_ok(project, code=3, status="partial")["dead"], 1)
        self.assertEqual([letter["target_id"] for letter in self.letters(project)], [victim])

    def test_upsert_changes_only_what_it_names(self):
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT INTO") +
                                  " ON DUPLICATE KEY UPDATE modified = VALUES(modified)")
        with_id_check(project, False)
        before = sim.truth()
        self.run_ok(project)
        self.edited(sim)
        self.run_ok(project)
        first = {row["id"]: row for row in before}
        wanted = [{**first.get(row["id"], row), "modified": row["modified"]} for row in sim.truth()]
        self.assertNotEqual(compare(before, wanted), "")
        self.assertNotEqual(compare(sim.truth(), wanted), "")
        self.assertEqual(compare(wanted, project.table_rows()), "")

    def test_a_table_of_a_thousand_columns(self):
        sim = self.sim("--orders", "20", "--seed", "8")
        project = self.project(sim)
        more = ", ".join(f"ADD COLUMN `other_{i}` TINYINT NULL" for i in range(900))
        self.db.execute(f"ALTER TABLE {TABLE} {more}")
        self.run_ok(project)
        rows = [{name: value for name, value in row.items() if not name.startswith("other_")} for row in project.table_rows()]
        self.assertEqual(compare(sim.truth(), rows), "")

    def test_values_written_out(self):
        """In the manner of the seed's second listing: placeholders in quotes, functions kept, columns in an order of its
        own."""
        sim, project = self.begin(
            f"REPLACE INTO {TABLE}(remark,id,o_id,receiver_city,created) VALUES "
            "('{remark}', '{o_id}-{items_oi_id}', '{o_id}', UPPER('{receiver_city}'), NOW())")
        self.run_ok(project)
        rows = {row["id"]: row for row in project.table_rows()}
        self.assertEqual(set(rows), {row["id"] for row in sim.truth()})
        for row in sim.truth():
            found = rows[row["id"]]
            self.assertEqual(str(found["o_id"]), str(row["o_id"]))
            self.assertEqual(found["remark"] or "", row["remark"] or "")
            self.assertEqual((found["receiver_city"] or "").lower(), (row["receiver_city"] or "").lower())
            self.assertRegex(found["created"], r"^20\d\d-")

    def test_execute_with_lines_of_their_own(self):
        document = {
            "api": "execute", "effect": "EXECUTE", "method": "SQL", "id": "o_id", "number": "o_id", "name": "o_id",
            "idCheck": True,
            "request": [
                {"field": "main_params", "label": "主参数", "type": "object", "children": [
                    field("o_id", "{{o_id}}"), field("city", "{{receiver_city}}")]},
                {"field": "extend_params_1", "label": "扩展参数", "type": "array", "value": "items", "children": [
                    field("lastInsertId", ":lastInsertId"), field("sku", "{{items.sku_id}}"),
                    field("qty", "{{items.qty}}")]}],
            "otherRequest": [
                field("main_sql", "INSERT INTO heads (o_id, city) VALUES (:o_id, :city)"),
                field("extend_sql_1", "INSERT INTO lines_of (head, sku, qty) VALUES (:lastInsertId, :sku, :qty)"),
                field("limit", "50")]}
        sim, project = self.begin(
            document=document,
            table="CREATE TABLE heads (n BIGINT AUTO_INCREMENT PRIMARY KEY, o_id VARCHAR(30), city TEXT)")
        self.db.execute("CREATE TABLE lines_of (head BIGINT, sku TEXT, qty TEXT)")
        source = project.read("integrations/orders.source.json")
        del source["beatFlat"]
        project.write("integrations/orders.source.json", {**source, "idCheck": True})
        self.run_ok(project)
        self.run_ok(project)
        wanted = {}
        for order in sim.raw():
            wanted[str(order["o_id"])] = sorted(str(line.get("sku_id")) for line in order.get("items") or [])
        passed = {str(row["o_id"]) for row in sim.truth()}
        wanted = {o_id: lines for o_id, lines in wanted.items() if o_id in passed}
        heads = self.db.query("SELECT n, o_id FROM heads")
        self.assertEqual(len(heads), len(wanted))
        lines = {}
        for row in self.db.query("SELECT head, sku FROM lines_of"):
            lines.setdefault(row["head"], []).append(str(row["sku"]))
        self.assertEqual({row["o_id"]: sorted(lines.get(row["n"], [])) for row in heads}, wanted)

    # ---- again ----

    def hidden(self, lag="0s", overlap="0s"):
        """A copy that lacks orders which showed up too late for it, and has lost some that it knew; (sim, project,
        number of rows that it never saw)."""
        sim, project = self.begin(lag=lag, overlap=overlap, options=(*ORDERS, "--fault", "late=30"))
        self.run_ok(project)
        there = {row["id"] for row in project.table_rows()}
        sim.control(new=12)
        sim.control(advance_ms=10000)
        self.run_ok(project)
        self.assertEqual({row["id"] for row in project.table_rows()}, there)
        sim.control(fault="late", value=False)
        sim.control(advance_ms=60000)
        self.run_ok(project)
        missed = {row["id"] for row in sim.truth()} - {row["id"] for row in project.table_rows()}
        self.assertGreater(len(missed), 0)
        return sim, project, missed

    def test_remedy_finds_what_was_missed(self):
        sim, project, missed = self.hidden()
        project.execute(f"DELETE FROM {TABLE} ORDER BY modified DESC LIMIT 3")
        before = project.run("cursor", "orders").json["cursor"]
        source = project.read("integrations/orders.source.json")
        source["omissionRemedy"]["takeOverRequest"][0]["value"] = "{{DAYS_AGO_30|datetime}}"
        project.write("integrations/orders.source.json", source)
        summary = self.run_ok(project, "run", "orders", "--remedy")
        self.assertEqual(summary["missing_found"], len(missed))
        self.assertEqual(project.run("cursor", "orders").json["cursor"], before)
        self.assert_copy(sim, project)
        self.assertEqual(self.run_ok(project, "run", "orders", "--remedy")["missing_found"], 0)
        self.assert_copy(sim, project)

    def test_the_seeds_own_remedy(self):
        sim, project, missed = self.hidden()
        summary = self.run_ok(project, "run", "orders", "--remedy")
        self.assertEqual(summary["missing_found"], len(missed))
        self.assert_copy(sim, project)

    def test_backfill_does_not_move_the_cursor(self):
        sim, project = self.begin()
        cursor = self.run_ok(project)["cursor"]
        project.execute(f"DELETE FROM {TABLE}")
        middle = (datetime.fromisoformat(sim.hello["from"]) + timedelta(days=3)).strftime("%Y-%m-%d %H:%M:%S")
        sim.control(advance_ms=10000)
        half = self.run_ok(project, "run", "orders", "--from", sim.hello["from"], "--to", middle)
        self.assertEqual(half["cursor"], cursor)
        wanted = [row for row in sim.truth() if row["modified"] <= middle]
        self.assertEqual(compare(wanted, project.table_rows()), "")
        self.run_ok(project, "run", "orders", "--from", middle, "--to", sim.hello["to"])
        self.assert_copy(sim, project)
        self.assertEqual(project.run("cursor", "orders").json["cursor"], cursor)

    def test_dry_run_writes_nothing(self):
        sim, project = self.begin()
        summary = self.run_ok(project, "run", "orders", "--dry-run")
        self.assertEqual(summary["records"], 300)
        self.assertEqual(summary["rows"], len(sim.truth()))
        self.assertEqual(project.table_rows(), [])
        self.assertEqual(self.db.query("SHOW TABLES LIKE 'sluice_checkpoint'"), [])
        self.assertFalse(os.path.exists(os.path.join(project.folder, ".sluice", "journal", "orders")))
        self.run_ok(project)
        self.assert_copy(sim, project)

    def test_replay_with_another_mapping_and_no_upstream(self):
        sim, project = self.begin()
        summary = self.run_ok(project)
        self.edited(sim)
        summary = self.run_ok(project)
        truth, calls = sim.truth(), sim.stats()["calls"]
        document = target_document()
        next(row for row in document["request"] if row["field"] == "remark")["value"] = "v2 {o_id}"
        project.write("integrations/orders.target.json", document)
        replayed = self.run_ok(project, "replay", "orders", "--from", sim.hello["from"], "--to", summary["to"])
        self.assertEqual(replayed["rows"], len(truth))
        self.assertEqual(sim.stats()["calls"], calls)
        self.assertEqual(compare([{**row, "remark": f"v2 {row['o_id']}"} for row in truth], project.table_rows()), "")

    def test_replay_of_a_part_takes_the_newest_version(self):
        """What was read in the range and edited later is written as it is now, by the mapping of now."""
        sim, project = self.begin()
        first = self.run_ok(project)
        sim.control(advance_ms=7200000)
        self.edited(sim)
        self.run_ok(project)
        truth, document = sim.truth(), target_document()
        next(row for row in document["request"] if row["field"] == "remark")["value"] = "v2 {o_id}"
        project.write("integrations/orders.target.json", document)
        to = (datetime.fromisoformat(first["to"]) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")
        replayed = self.run_ok(project, "replay", "orders", "--from", sim.hello["from"], "--to", to)
        self.assertEqual(replayed["folded"], 0)
        self.assertEqual(replayed["rows"], len(truth))
        self.assertEqual(compare([{**row, "remark": f"v2 {row['o_id']}"} for row in truth], project.table_rows()), "")

    def test_replay_gives_the_same_rows(self):
        document = target_document()
        next(row for row in document["request"] if row["field"] == "remark")["value"] = "{{uuid}} {{CURRENT_TIME}}"
        sim, project = self.begin(document=document)
        self.run_ok(project)
        sim.control(advance_ms=3600000)
        self.edited(sim)
        summary = self.run_ok(project)
        before = project.table_rows()
        self.assertGreater(len({row["remark"].split()[1] for row in before}), 1)
        self.run_ok(project, "replay", "orders", "--from", sim.hello["from"], "--to", summary["to"])
        self.assertEqual(compare(before, project.table_rows()), "")

    def test_replay_never_doubles_a_plain_insert(self):
        """What is there as it is stays alone; what waits behind the checkpoint is written by the next run alone."""
        sim, project = self.begin(seed_statement().replace("REPLACE INTO", "INSERT INTO"))
        self.db.execute(f"ALTER TABLE {TABLE} DROP PRIMARY KEY")
        replay = ("replay", "orders", "--from", "2000-01-01", "--to", "2100-01-01")
        with self.db.connect() as holder, holder.cursor() as cursor:
            cursor.execute(f"LOCK TABLES {TABLE} READ")
            process = project.start("run", "orders")
            wait_until(lambda: sim.stats()["served"] >= 3, process, 60, "pages")
            process.kill()
            process.communicate()
            self.db.end_sessions()
        self.assertEqual(self.run_ok(project, *replay)["rows"], 0)
        self.run_ok(project)
        replayed = self.run_ok(project, *replay)
        self.assertEqual((replayed["rows"], replayed["repeats"]), (0, replayed["records"] - replayed["filtered"]))
        self.assert_copy(sim, project)
        document = project.read("integrations/orders.target.json")
        next(row for row in document["request"] if row["field"] == "remark")["value"] = "v2 {o_id}"
        project.write("integrations/orders.target.json", document)  # by another mapping they are other rows
        self.assertEqual(self.run_ok(project, *replay)["rows"], len(sim.truth()))
        self.assertEqual(self.run_ok(project, *replay)["rows"], 0)
        self.run_ok(project, "run", "orders", "--from", sim.hello["from"], "--to", sim.hello["to"])
        self.assertEqual(len(project.table_rows()), 2 * len(sim.truth()))

    def test_replay_tells_of_records_without_an_id(self):
        sim, project = self.begin()
        summary = self.run_ok(project)
        source = project.read("integrations/orders.source.json")
        project.write("integrations/orders.source.json", {**source, "id": "no_such_field"})
        done = project.run("replay", "orders", "--from", sim.hello["from"], "--to", summary["to"]).json
        self.assertEqual((done["status"], done["records"], done["rows"]), ("partial", 300, 0))
        self.assertEqual(done["dead"], 300)


class OnMariaDB(Statements, RunCase):
    kind = MariaDB


class OnMySQL(Statements, RunCase):
    kind = MySQL


if __name__ == "__main__":
    unittest.main()
