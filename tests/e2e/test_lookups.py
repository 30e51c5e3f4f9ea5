"""Lookups in what another integration keeps: refunds take shop, amount and the line's own number from the orders that
they belong to, in both spellings, alone and inside a _function; compared with what the simulator says."""
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase  # noqa: E402
from lib.process import wait_until  # noqa: E402

TABLE = "refunds"
COLUMNS = {
    "id": "{as_id}-{items_asi_id}",
    "o_id": "{{o_id}}",
    "sku": "{{items_sku_id}}",
    "shop_site": "_findCollection find shop_site from orders where o_id={{o_id}}",
    "pay": '_mongoQuery orders findField=content.pay_amount where={"content.o_id": {"$eq": "{{o_id}}"}}',
    "oi_id": "_findCollection find items_oi_id from orders where o_id='{o_id}' items_sku_id='{items_sku_id}'",
    "named": "_function CONCAT('[', IFNULL(_findCollection find so_id from orders where o_id={o_id} _endFind, 'none'), "
             "']')",
    "paid": '_mongoQuery orders findField=content.o_id where={"content.items.sku_id": {"$in": ["{{items_sku_id}}"]}, '
            '"content.o_id": {"$gte": "{{o_id}}", "$lte": "{{o_id}}"}, "content.so_id": {"$regex": "^."}}',
}


def refunds(columns=None, **source):
    columns = columns or COLUMNS
    return {
        "source": {"connection": "jst", "metadata": {
            "api": "jushuitan.refund.list.query", "effect": "QUERY", "method": "POST", "id": "as_id", "number": "as_id",
            "request": [{"field": "page_index", "value": "1"}, {"field": "page_size", "value": "50"},
                        {"field": "start_time", "value": "{{LAST_SYNC_TIME|datetime}}"},
                        {"field": "end_time", "value": "{{CURRENT_TIME|datetime}}"}],
            "beatFlat": ["items"], **source}},
        "target": {"connection": "bi", "metadata": {
            "api": "batchexecute", "effect": "EXECUTE", "method": "SQL", "id": "id", "table": TABLE,
            "request": [{"field": name, "type": "string", "value": value} for name, value in columns.items()]}},
        "lag": "0s"}


class Lookups(RunCase):
    def begin(self, *options, keep="records", columns=None):
        sim = self.sim("--orders", "600", "--seed", "7", *options)
        project = self.project(sim, **({"keep": keep} if keep else {}))
        project.write("integrations/refunds.json",
                      {**refunds(columns), "start": sim.hello["from"]})
        names = ", ".join(f"{name} TEXT{' PRIMARY KEY' if name == 'id' else ''}" for name in columns or COLUMNS)
        project.execute(f"CREATE TABLE {TABLE} ({names})")
        return sim, project

    @staticmethod
    def kept(sim):
        """The orders that the seed's condition passes, by o_id."""
        return {str(order["o_id"]): order for order in sim.raw()
                if not any(word in (order.get("labels") or "") for word in ("线上发货", "虚拟发货"))
                and order.get("shop_name") != "头条放心购"}

    def assert_joined(self, sim, project, known=None):
        """Every refund's row has what its order says, or nothing when the order is not kept. known: o_ids that can be."""
        orders, rows = self.kept(sim), project.table_rows(TABLE)
        self.assertGreater(len(rows), 50)
        found = missing = 0
        for row in rows:
            order = orders.get(row["o_id"]) if known is None or row["o_id"] in known else None
            if order is None:
                self.assertEqual([row[name] for name in ("shop_site", "pay", "oi_id", "named", "paid")],
                                 [None, None, None, "[none]", None], row)
                missing += 1
                continue
            found += 1
            line = [str(item["oi_id"]) for item in order.get("items") or []
                    if row["sku"] is not None and item.get("sku_id") == row["sku"]]
            self.assertEqual(row["shop_site"], order.get("shop_site"), row)
            self.assertEqual(row["pay"], None if order["pay_amount"] is None else str(order["pay_amount"]), row)
            self.assertIn(row["oi_id"], line or [None], row)
            self.assertEqual(row["named"], f"[{order['so_id']}]", row)
            self.assertEqual(row["paid"], row["o_id"] if line else None, row)
        self.assertGreater(found, 20)
        return found, missing

    def test_refunds_find_their_orders(self):
        sim, project = self.begin()
        self.run_ok(project)
        self.run_ok(project, "run", "refunds")
        found, missing = self.assert_joined(sim, project)
        self.assertGreater(missing, 0)  # of orders that the condition filters
        folder = os.path.join(project.folder, ".sluice", "lookup", "orders")
        self.assertGreaterEqual(len([name for name in os.listdir(folder) if name.endswith(".db")]), 4)

        # what has changed is found changed, and a projection that is thrown away is made again
        changed = [int(o_id) for o_id in sorted(self.kept(sim))[:200]]
        sim.control(edit=changed)
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.run_ok(project, "run", "refunds")
        self.assert_joined(sim, project)
        for name in os.listdir(folder):
            os.remove(os.path.join(folder, name))
        self.run_ok(project, "replay", "refunds", "--from", "2000-01-01 00:00:00", "--to", "2100-01-01 00:00:00")
        self.assert_joined(sim, project)

    def test_kept_since_later(self):
        """keep is switched on later: what the journal still holds is found."""
        sim, project = self.begin(keep=None)
        self.run_ok(project)
        error = self.run_failed(project, "config", "run", "refunds", code=2)
        self.assertIn("keeps none", error["message"])
        project.write("integrations/orders.json", {**project.read("integrations/orders.json"), "keep": "records"})
        self.run_ok(project, "run", "refunds")
        self.assert_joined(sim, project)

    def test_nothing_kept_yet(self):
        sim, project = self.begin()
        self.run_ok(project, "run", "refunds")
        for row in project.table_rows(TABLE):
            self.assertEqual((row["pay"], row["named"]), (None, "[none]"))
        self.run_ok(project)
        self.run_ok(project, "replay", "refunds", "--from", "2000-01-01 00:00:00", "--to", "2100-01-01 00:00:00")
        self.assert_joined(sim, project)

    def test_killed_in_between(self):
        sim, project = self.begin("--fault", "clamp=10")
        for name, table in (("orders", "order_list_query"), ("refunds", TABLE)):
            for pages in (3, 6):
                self.hold(sim, pages)
                written = project.query(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"]
                process = project.start("run", name)
                wait_until(lambda: project.query(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"] > written, process, 60,
                           "rows")
                process.kill()
                process.communicate()
                self.assertEqual(process.returncode, -signal.SIGKILL)
            self.release(sim)
            self.run_ok(project, "run", name)
        self.assert_joined(sim, project)

    def test_preview_shows_the_value(self):
        sim, project = self.begin()
        self.run_ok(project)
        shown = project.run("preview", "refunds", "-n", "40")
        self.assertEqual(shown.code, 0, repr(shown))
        orders = self.kept(sim)
        seen = [row["mapped"] for row in shown.json["rows"] if row["mapped"]["o_id"] in orders]
        self.assertGreater(len(seen), 0)
        for row in seen:
            self.assertEqual(row["named"], f"[{orders[row['o_id']]['so_id']}]")

    def test_check_tells_what_cannot_be_looked_up(self):
        _, project = self.begin(keep=None)
        checked = project.run("check", "refunds", json=False)
        self.assertEqual(checked.code, 2, repr(checked))
        self.assertRegex(checked.out, r'integrations/refunds.json:\d+:\d+: error: .*"orders", which keeps none.*'
                                      r'"keep": "records" in integrations/orders.json')
        document = refunds({"id": "{as_id}-{items_asi_id}", "x": "_findCollection find a from order where b={{o_id}}"})
        project.write("integrations/refunds.json", document)
        checked = project.run("check", json=False)
        self.assertEqual(checked.code, 2, repr(checked))
        self.assertRegex(checked.out, r'refunds.json:\d+:\d+: error: .*"order", which is not there.*'
                                      r'did you mean "orders"')

    def test_two_that_look_each_other_up(self):
        """A cycle reads only what is kept."""
        sim, project = self.begin()
        both = project.read("integrations/refunds.json")
        both["keep"] = "records"
        project.write("integrations/refunds.json", both)
        target = project.read("integrations/orders.target.json")
        field = next(row for row in target["request"] if row["field"] == "remark")
        field["value"] = "_findCollection find as_id from refunds where o_id={{o_id}}"
        project.write("integrations/orders.target.json", target)
        self.run_ok(project)
        self.run_ok(project, "run", "refunds")
        self.assert_joined(sim, project)
        sim.control(edit=[int(o_id) for o_id in sorted(self.kept(sim))])
        sim.control(advance_ms=2000)
        self.run_ok(project)
        joined = {row["o_id"]: row["remark"] for row in project.table_rows() if row["remark"]}
        wanted = {row["o_id"]: row["id"].split("-")[0] for row in project.table_rows(TABLE)}
        self.assertGreater(len(joined), 20)
        for o_id, as_id in joined.items():
            self.assertEqual(as_id, wanted[o_id])

    def test_source_request(self):
        """A lookup in the source document has no record; constants and system variables are what it asks with."""
        sim, project = self.begin()
        self.run_ok(project)
        some = next(iter(self.kept(sim).values()))
        document = project.read("integrations/refunds.json")
        document["source"]["metadata"]["request"].append(
            {"field": "so_id",
             "value": f"_findCollection find so_id from orders where o_id={some['o_id']}"})
        project.write("integrations/refunds.json", document)
        shown = project.run("preview", "refunds")
        self.assertEqual(shown.code, 0, repr(shown))
        self.assertIn(str(some["so_id"]), shown.json["request"])


if __name__ == "__main__":
    unittest.main()
