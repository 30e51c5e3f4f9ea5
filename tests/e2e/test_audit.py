"""Counting again: every way in which a target can be off is named, key by key, and healed by --repair; what is in order is
not. The oracle is the simulator's /truth."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, seed_statement, target_document  # noqa: E402
from lib.servers import MariaDB, MySQL  # noqa: E402

KINDS = ("missing", "stale", "orphaned")


def several_lines(sim):
    """Ids of orders with two lines or more, as text, in the order of the truth."""
    count = {}
    for row in sim.truth():
        count[str(row["o_id"])] = count.get(str(row["o_id"]), 0) + 1
    return [o_id for o_id, n in count.items() if n > 1]


class Audit:
    types = {}

    def start(self, *options, orders=400, document=None, main_sql=None, **integration):
        self.simulator = self.sim("--orders", str(orders), "--seed", "5", "--days", "5", *options)
        self.folder = self.project(self.simulator, create=False, **integration)
        if document or main_sql:
            self.folder.write("integrations/orders.target.json", document or target_document(main_sql))
        self.folder.create_table(self.types)
        self.run_ok(self.folder)
        return self.simulator.truth()

    def audit(self, *args, code=0, status="ok"):
        result = self.folder.run("audit", "orders", *args)
        self.assertEqual(result.code, code, repr(result))
        self.assertEqual(result.json["status"], status, repr(result))
        return result.json

    def off(self, found):
        """{kind: sorted ids}; the counts agree."""
        named = {kind: sorted(f["id"] for f in found["findings"] if f["kind"] == kind) for kind in KINDS}
        self.assertEqual({kind: len(ids) for kind, ids in named.items()}, {kind: found[kind] for kind in KINDS})
        return named

    def assert_off(self, missing=(), stale=(), orphaned=(), *args):
        found = self.audit(*args, code=3, status="different")
        self.assertEqual(self.off(found), {"missing": sorted(missing), "stale": sorted(stale), "orphaned": sorted(orphaned)})
        return found

    def sql(self, text):
        self.folder.execute(text)

    def test_nothing_is_off(self):
        truth = self.start()
        before = self.folder.run("cursor", "orders").json
        journal = sorted(os.listdir(os.path.join(self.folder.folder, ".sluice", "journal", "orders")))
        found = self.audit()
        self.assertEqual((found["rows"], found["findings"], found["repaired"]), (len(truth), [], 0))
        self.assertTrue(found["verified"])
        self.assertEqual(found["orphans_sought"], "range")
        self.assertEqual(self.folder.run("cursor", "orders").json, before)
        self.assertEqual(sorted(os.listdir(os.path.join(self.folder.folder, ".sluice", "journal", "orders"))), journal)
        self.assertEqual(len(self.folder.run("runs", "orders").json["runs"]), 1)
        told = self.folder.run("audit", "orders", json=False)
        self.assertIn("the target holds each of them as it should.", told.out)
        self.assertIn(f"{len(truth):,} rows", told.out)

    def test_each_kind_is_named_and_healed(self):
        truth = self.start(children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        ids = [row["id"] for row in truth]
        gone, changed, old = ids[3:6], ids[10:12], ids[20]
        for one in gone:
            self.sql(f"DELETE FROM {TABLE} WHERE id = '{one}'")
        self.sql(f"UPDATE {TABLE} SET remark = 'by hand' WHERE id = '{changed[0]}'")
        self.sql(f"UPDATE {TABLE} SET remark = NULL, receiver_city = '' WHERE id = '{changed[1]}'")
        self.sql(f"UPDATE {TABLE} SET modified = '2020-01-01 00:00:00' WHERE id = '{old}'")
        owner = truth[30]["o_id"]
        self.sql(f"INSERT INTO {TABLE} (id, o_id, modified) VALUES ('{owner}-x', '{owner}', '{truth[30]['modified']}')")
        self.sql(f"INSERT INTO {TABLE} (id, o_id, modified) VALUES ('77-7', '77', '{truth[40]['modified']}')")
        found = self.assert_off(gone, [*changed, old], [f"{owner}-x", "77-7"])
        self.assertEqual(found["repaired"], 0)
        stale = {f["id"]: f["detail"] for f in found["findings"] if f["kind"] == "stale"}
        self.assertIn("by hand", stale[changed[0]])
        self.assertIn("modified", stale[old])
        healed = self.audit("--repair")
        self.assertEqual(healed["repaired"], 8, healed)
        self.assertEqual(healed["repair"]["removed"], 2)
        self.assert_copy(self.simulator, self.folder)
        self.assertEqual(self.audit()["findings"], [])
        self.assertEqual([r["kind"] for r in self.folder.run("runs", "orders").json["runs"]], ["repair", "main"])
        self.run_ok(self.folder)
        self.assert_copy(self.simulator, self.folder)

    def test_rows_stay_where_nothing_says_otherwise(self):
        truth = self.start()
        self.sql(f"INSERT INTO {TABLE} (id, o_id, modified) VALUES ('77-7', '77', '{truth[40]['modified']}')")
        self.sql(f"DELETE FROM {TABLE} WHERE id = '{truth[1]['id']}'")
        found = self.assert_off([], [], ["77-7"], "--repair")
        self.assertEqual(found["repaired"], 1)
        told = self.folder.run("audit", "orders", json=False)
        self.assertIn("77-7", told.out)
        self.assertIn("1 orphaned", told.out)
        self.assertEqual(told.code, 3)

    def test_orders_that_changed_shape(self):
        """Lines that vanished and an order that left the condition, written before anything was declared of them."""
        self.start()
        ids = several_lines(self.simulator)
        before = {row["id"] for row in self.folder.table_rows()}
        self.simulator.control(shorten=[int(i) for i in ids[:3]], leave=int(ids[5]))
        self.simulator.control(advance_ms=2000)
        self.run_ok(self.folder)
        wanted = {row["id"] for row in self.simulator.truth()}
        self.folder.write("integrations/orders.json", {
            **self.folder.read("integrations/orders.json"),
            "children": {"parent": "o_id", "gone": "delete"}, "left_filter": "delete"})
        found = self.assert_off([], [], before - wanted)
        self.assertEqual({f["detail"] for f in found["findings"]},
                         {"its record has no such line", "its record does not pass the condition"})
        self.assertEqual(self.audit("--repair")["repaired"], len(before - wanted))
        self.assert_copy(self.simulator, self.folder)

    def test_orders_that_the_source_shows_no_more(self):
        self.start(children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        ids = several_lines(self.simulator)[2:4]
        lost = {row["id"] for row in self.simulator.truth() if str(row["o_id"]) in ids}
        self.simulator.control(remove=[int(i) for i in ids])
        self.assert_off([], [], lost)
        self.audit("--repair")
        self.assert_copy(self.simulator, self.folder)

    def test_an_order_that_moved_on_is_not_lost(self):
        self.start(children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        self.simulator.control(advance_ms=5000, edit=[int(i) for i in several_lines(self.simulator)[:4]])
        self.simulator.control(advance_ms=5000)
        self.assertEqual(self.audit("--repair")["findings"], [])
        self.run_ok(self.folder)
        self.assert_copy(self.simulator, self.folder)

    def test_an_order_that_moved_within_the_range(self):
        """The target holds an older copy, in the window of its old time; the source shows the order in a later window. It is
        not lost: it is stale, and set right."""
        self.start("--days", "20", children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        held = {row["id"]: row for row in self.folder.table_rows()}
        first = min(held.values(), key=lambda row: (str(row["o_id"]) not in several_lines(self.simulator),
                                                    row["modified"]))
        since = str(first["modified"])[:19]
        self.simulator.control(edit=int(first["o_id"]))
        self.simulator.control(advance_ms=5000)
        self.run_ok(self.folder)
        older = [row for row in held.values() if row["o_id"] == first["o_id"]]
        for row in older:
            self.sql(f"UPDATE {TABLE} SET modified = '{row['modified']}' WHERE id = '{row['id']}'")
        self.assert_off([], [row["id"] for row in older], [], "--from", since)
        self.assertEqual(self.audit("--from", since, "--repair")["repaired"], len(older))
        self.assertEqual(self.audit("--from", since)["findings"], [])
        self.assertEqual(len(self.folder.table_rows()), len(self.simulator.truth()))

    def test_orders_that_cannot_be_mapped_are_not_lost(self):
        """What the source shows and a mistake in the mapping keeps from being compared is told, and no row of it goes."""
        self.start(children={"parent": "o_id", "gone": "delete"}, left_filter="delete")
        rows = len(self.folder.table_rows())
        document = self.folder.read("integrations/orders.source.json")
        document["allocate"] = [{"amount": "shop_name", "over": "items", "by": "amount", "as": "share", "scale": 2}]
        self.folder.write("integrations/orders.source.json", document)
        result = self.folder.run("audit", "orders", "--repair")
        self.assertGreater(result.json["unmapped"], 100, repr(result))
        self.assertEqual(result.json["orphaned"], 0, repr(result))
        self.assertEqual(len(self.folder.table_rows()), rows)

    def test_a_range(self):
        truth = self.start()
        moments = sorted({row["modified"] for row in truth})
        middle = moments[len(moments) // 2]
        early = next(row for row in truth if row["modified"] < middle)
        late = next(row for row in truth if row["modified"] > middle)
        for row in (early, late):
            self.sql(f"DELETE FROM {TABLE} WHERE id = '{row['id']}'")
        self.assert_off([late["id"]], [], [], "--from", middle)
        self.assert_off([early["id"]], [], [], "--from", moments[0], "--to", middle)
        self.assert_off([early["id"], late["id"]])

    def test_dead_letters_are_told_apart(self):
        sim = self.simulator = self.sim("--orders", "200", "--seed", "5", "--days", "5")
        self.folder = self.project(sim, create=False)
        self.folder.create_table(self.types)
        victim, other = sim.truth()[4]["id"], sim.truth()[9]["id"]
        self.reject(victim)
        self.run_ok(self.folder, code=3, status="partial")
        self.sql(f"DELETE FROM {TABLE} WHERE id = '{other}'")
        found = self.assert_off([victim, other])
        self.assertEqual(found["dead"], 1)
        self.assertEqual({f["id"]: f["dead"] for f in found["findings"]}, {victim: True, other: False})
        self.assertIn("1 of them as dead letters", self.folder.run("audit", "orders", json=False).out)

    def test_plain_insert(self):
        """Only what is not there is inserted; what is stale stays, and is named."""
        truth = self.start(main_sql=seed_statement().replace("REPLACE INTO", "INSERT INTO"))
        ids = [row["id"] for row in truth]
        self.sql(f"DELETE FROM {TABLE} WHERE id = '{ids[5]}'")
        self.sql(f"UPDATE {TABLE} SET remark = 'by hand' WHERE id = '{ids[8]}'")
        found = self.assert_off([], [ids[8]], [], "--repair")
        self.assertEqual((found["repaired"], found["repair"]["rows"], found["repair"]["dead"]), (1, 1, 0))
        self.assertEqual(len(self.folder.table_rows()), len(truth))

    def test_calls_stay_inside_the_quota(self):
        sim = self.simulator = self.sim("--orders", "1500", "--seed", "5", "--days", "5", "--qps", "20")
        self.folder = self.project(sim, create=False, quota=True)
        self.folder.write("connections/jst.json", {**sim.connection, "limits": {"requests": 20, "per": "1s"}})
        self.folder.create_table(self.types)
        self.run_ok(self.folder)
        self.audit()
        self.assertEqual(sim.stats()["refused"], 0)

    def test_wrong_usage(self):
        self.simulator = self.sim("--orders", "10")
        self.folder = self.project(self.simulator)
        self.assertEqual(self.folder.run("audit", "orders").json["error"]["code"], "usage")
        self.assertEqual(self.folder.run("audit", "orders", "--from", "nonsense").code, 2)
        self.assertEqual(self.folder.run("audit", "orders", "--from", "2026-11-02", "--to", "2026-11-01").code, 2)
        self.assertEqual(self.folder.run("audit", "nobody").code, 2)


class Sqlite(Audit, RunCase):
    types = {"o_id": "INTEGER"}

    def reject(self, victim):
        self.sql(f"CREATE TRIGGER no BEFORE INSERT ON {TABLE} WHEN NEW.id = '{victim}' "
                 "BEGIN SELECT RAISE(ABORT, 'not this one'); END")

    def memory_of(self, *args):
        """Largest resident set of a command, in KiB; through a small process, because a fork begins as large as we are."""
        measure = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
                   "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        return int(subprocess.run([sys.executable, "-c", measure, *self.folder.command(*args)], check=True,
                                  env=self.folder.environment(), stdout=subprocess.PIPE, text=True).stdout)

    def test_20000_orders_in_the_memory_of_2000(self):
        self.start(orders=2000)
        small = self.memory_of("audit", "orders")
        truth = self.start(orders=20000)
        self.assertLess(self.memory_of("audit", "orders"), small + 8 * 1024)
        found = self.audit()
        self.assertEqual((found["rows"], found["findings"]), (len(truth), []))

    def test_a_source_that_tells_no_total(self):
        """Nothing is off, and yet it cannot be said that everything is there; no gap comes of an audit."""
        self.start(orders=2000)
        self.simulator.control(fault="nototal")
        found = self.audit(code=3, status="different")
        self.assertEqual((found["findings"], found["verified"]), ([], False))
        told = self.folder.run("audit", "orders", json=False)
        self.assertIn("could not be shown to be complete", told.out)
        self.assertNotIn("gap", told.err)
        self.assertEqual(self.status(self.folder)["gaps"], 0)

    def test_no_column_tells_the_time(self):
        document = target_document()
        document["request"] = [f for f in document["request"] if f["field"] in ("id", "o_id", "remark")]
        names = ",".join(f["field"] for f in document["request"])
        document["otherRequest"] = [{**f, "value": f"REPLACE INTO {TABLE} ({names}) VALUES"}
                                    if f["field"] == "main_sql" else f for f in document["otherRequest"]]
        truth = self.start(document=document)
        self.sql(f"INSERT INTO {TABLE} (id, o_id) VALUES ('77-7', '77')")
        self.sql(f"DELETE FROM {TABLE} WHERE id = '{truth[1]['id']}'")
        found = self.assert_off([truth[1]["id"]])
        self.assertEqual(found["orphans_sought"], "none")
        self.assertIn("Orphaned rows were not looked for", self.folder.run("audit", "orders", json=False).out)


class OnMariaDB(Audit, RunCase):
    kind = MariaDB
    types = {"o_id": "BIGINT", "modified": "DATETIME", "pay_amount": "DECIMAL(30,4)"}

    def reject(self, victim):
        self.sql(f"ALTER TABLE {TABLE} ADD CONSTRAINT not_this CHECK (id <> '{victim}')")

    def test_neighbours_beyond_doubles(self):
        """9007199254740993 is not 9007199254740992."""
        truth = self.start()
        long = next(row for row in truth if int(row["o_id"]) > 2 ** 53)
        self.sql(f"UPDATE {TABLE} SET o_id = {int(long['o_id']) ^ 1} WHERE id = '{long['id']}'")
        self.assert_off([], [long["id"]])
        self.audit("--repair")
        self.assert_copy(self.simulator, self.folder, blank_is_null=("pay_amount",))


class OnMySQL(OnMariaDB):
    kind = MySQL


del Audit

if __name__ == "__main__":
    unittest.main()
