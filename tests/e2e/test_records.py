"""`records` of an integration that keeps them: each version of a record, when and by which call it was fetched, how it was
judged, in which batch it went, what the target said, and what it holds; also after a kill, and when keeping was switched
on later. Letters that are corrected before they are retried."""
import csv
import io
import json
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase, alone  # noqa: E402
from lib.process import wait_until  # noqa: E402
from lib.serving import Serving  # noqa: E402
from lib.servers import MariaDB  # noqa: E402


def filtered(order):
    return (any(word in (order.get("labels") or "") for word in ("线上发货", "虚拟发货"))
            or order.get("shop_name") == "头条放心购")


class Shared(RunCase):
    def begin(self, *options, keep="records", **more):
        sim = self.sim("--orders", "400", "--seed", "9", *options)
        return sim, self.project(sim, **({"keep": keep} if keep else {}), **more)

    def serving(self, project):
        """serve, which runs nothing by itself: what is listed stays as it is."""
        project.write("integrations/orders.json", {**project.read("integrations/orders.json"), "enabled": False})
        return Serving(project)

    def versions(self, project, key, *more):
        result = project.run("records", "orders", "--id", str(key), *more)
        self.assertEqual(result.code, 0, repr(result))
        return result.json["records"]

    def listed(self, project, *more):
        result = project.run("records", "orders", "-n", "100000", *more)
        self.assertEqual(result.code, 0, repr(result))
        return result.json["records"]


class Records(Shared):
    def assert_told(self, sim, project):
        """Every record of the source is told of, with the state that it must have."""
        newest = {}
        for record in self.listed(project):
            newest.setdefault(record["id"], record)
        for order in sim.raw():
            told = newest[str(order["o_id"])]
            self.assertEqual(told["state"], "filtered" if filtered(order) else "done", told)
        return newest

    def test_each_version(self):
        sim, project = self.begin()
        self.run_ok(project)
        order = next(order for order in sim.raw() if not filtered(order) and order.get("items"))
        key = order["o_id"]
        for _ in range(2):
            sim.control(edit=[int(key)])
            sim.control(advance_ms=2000)
            self.run_ok(project)
        versions = self.versions(project, key)
        self.assertGreaterEqual(len(versions), 3)
        self.assertEqual([v["page"] for v in versions], sorted((v["page"] for v in versions), reverse=True))
        for version in versions:
            self.assertIn(version["fate"], ("sent", "folded"), version)
            self.assertRegex(version["call"], "jushuitan.order.list.query")
            self.assertNotIn(sim.connection["params"]["app_secret"], json.dumps(version))
            self.assertRegex(version["committed"], r"^\d{4}-\d\d-\d\dT")
            self.assertGreater(version["batch"], 0)
            self.assertLessEqual(version["window_from"], version["window_to"])
            self.assertEqual(str(version["raw"]["o_id"]), str(key))
        now = next(o for o in sim.raw() if o["o_id"] == key)
        self.assertEqual(str(versions[0]["raw"]["pay_amount"]), str(now["pay_amount"]))
        self.assertEqual(versions[0]["mapped"][0]["o_id"], str(key))
        self.assertEqual(versions[0]["target"][0]["o_id"], str(key))
        # by the id of a row
        by_row = self.versions(project, versions[0]["mapped"][0]["id"])
        self.assertEqual(by_row[0]["page"], versions[0]["page"])
        text = project.run("records", "orders", "--id", str(key), json=False).out
        for word in ("fetched", "window", "call", "committed", "batch", "raw", "mapped", "target"):
            self.assertIn(word, text)

    def test_written_again(self):
        """A replay and its run are part of a record's story; of a version that it did not write they are not."""
        sim, project = self.begin()
        self.run_ok(project)
        key = next(order["o_id"] for order in sim.raw() if not filtered(order) and order.get("items"))
        sim.control(edit=[int(key)])
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assertEqual([v["again"] for v in self.versions(project, key)], [[]] * len(self.versions(project, key)))
        before = self.versions(project, key)[0]
        for n in (1, 2):
            self.run_ok(project, "replay", "orders", "--from", "2000-01-01", "--to", "2100-01-01")
            newest, *older = self.versions(project, key)
            self.assertEqual({**newest, "again": []}, before)
            runs = [run["run"] for run in project.run("runs", "orders").json["runs"] if run["kind"] == "replay"]
            self.assertEqual(sorted(one["run"] for one in newest["again"]), sorted(runs))
            self.assertEqual(len(newest["again"]), n)
            self.assertEqual([v["again"] for v in older], [[]] * len(older))
            self.assertGreater(newest["again"][-1]["committed"], newest["committed"])
            self.assertGreater(newest["again"][-1]["batch"], newest["batch"])
        text = project.run("records", "orders", "--id", str(key), json=False).out
        self.assertIn(f"batch {newest['again'][-1]['batch']} of run {max(runs)}", text)

    def test_states_and_search(self):
        sim, project = self.begin()
        self.run_ok(project)
        newest = self.assert_told(sim, project)
        out = self.listed(project, "--state", "filtered")
        self.assertEqual({r["id"] for r in out}, {str(o["o_id"]) for o in sim.raw() if filtered(o)})
        self.assertEqual({r["condition"] for r in out} - {
            "labels notlike 线上发货", "labels notlike 虚拟发货", "shop_name neq 头条放心购"}, set())
        for record in out:
            raw = self.versions(project, record["id"])[0]["raw"]
            field, _, value = record["condition"].split(" ")
            self.assertIn(value, raw[field])
        written = self.listed(project, "--state", "written")
        self.assertEqual(len(newest), len({r["id"] for r in out}) + len({r["id"] for r in written}))
        some = next(iter(written))
        so_id = self.versions(project, some["id"])[0]["raw"]["so_id"]
        self.assertIn(some["id"], {r["id"] for r in self.listed(project, "--text", so_id)})
        self.assertEqual(self.listed(project, "--text", "no record holds this"), [])
        self.assertEqual(self.listed(project, "--to", "2001-01-01 00:00:00"), [])
        self.assertEqual(len(self.listed(project, "--from", "2001-01-01 00:00:00")), len(self.listed(project)))

    def test_repeats(self):
        document = {"idCheck": True}
        sim, project = self.begin()
        source = {**project.read("integrations/orders.source.json"), **document}
        project.write("integrations/orders.source.json", source)
        self.run_ok(project)
        again = self.run_ok(project)
        self.assertGreater(again["repeats"], 0)
        repeats = self.listed(project, "--state", "repeat")
        self.assertEqual(len(repeats), again["repeats"])
        versions = self.versions(project, repeats[0]["id"])
        self.assertEqual([v["state"] for v in versions], ["repeat", "done"])

    def test_killed(self):
        sim, project = self.begin("--fault", "clamp=25")
        for pages in (3, 6, 9, 12):
            self.hold(sim, pages)
            written = project.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"]
            process = project.start("run", "orders")
            wait_until(lambda: project.query(f"SELECT COUNT(*) AS n FROM {TABLE}")[0]["n"] > written, process, 60, "rows")
            process.kill()
            process.communicate()
            self.assertEqual(process.returncode, -signal.SIGKILL)
        self.release(sim)
        self.run_ok(project)
        self.assert_copy(sim, project)
        for record in self.assert_told(sim, project).values():
            self.assertIsNotNone(record["fate"], record)
            self.assertIsNotNone(record["batch"], record)

    def test_kept_since_later(self):
        sim, project = self.begin(keep=None)
        self.run_ok(project)
        project.write("integrations/orders.json", {**project.read("integrations/orders.json"), "keep": "records"})
        self.run_ok(project)
        told = self.assert_told(sim, project)
        self.assertEqual({r["fate"] for r in told.values()} - {"filtered", "not noted", "sent", "folded"}, set())
        self.assertIn("not noted", {r["fate"] for r in told.values()})
        key = next(r["id"] for r in told.values() if r["fate"] == "not noted")
        self.assertEqual(self.versions(project, key)[0]["id"], key)

    def test_index_thrown_away(self):
        """It is an index: what it held is made again from the journal."""
        sim, project = self.begin()
        self.run_ok(project)
        for name in os.listdir(os.path.join(project.folder, ".sluice", "records")):
            os.remove(os.path.join(project.folder, ".sluice", "records", name))
        self.assert_told(sim, project)
        self.run_ok(project)
        for record in self.assert_told(sim, project).values():
            self.assertIsNotNone(record["fate"], record)


class Lists(Shared):
    """From the newest to the oldest by pages, by pasted lists and exact values, and as files."""

    def place(self, record):
        return record["page"], record["row"]

    def paged(self, project, n, *more):
        """All pages of n records, put together."""
        records, before = [], ()
        while True:
            result = project.run("records", "orders", "-n", str(n), *before, *more)
            self.assertEqual(result.code, 0, repr(result))
            self.assertLessEqual(len(result.json["records"]), n)
            records += result.json["records"]
            if result.json["next"] is None:
                return records
            before = ("--before", result.json["next"])

    def test_pages(self):
        sim, project = self.begin()
        self.run_ok(project)
        whole = self.listed(project)
        self.assertEqual(whole, self.paged(project, 37))
        self.assertEqual([self.place(r) for r in whole], sorted((self.place(r) for r in whole), reverse=True))
        filtered_out = [r for r in whole if r["state"] == "filtered"]
        self.assertEqual(filtered_out, self.paged(project, 3, "--state", "filtered"))
        for before in ("", "x", "1", "1.", "0.1", "1.-1", "1.99999999999"):
            self.run_failed(project, "usage", "records", "orders", "--before", before, code=2)
        self.assertEqual(project.run("records", "orders", "--before", "1.0").json["records"], [])
        text = project.run("records", "orders", "-n", "5", json=False).out
        place = project.run("records", "orders", "-n", "5").json["next"]
        self.assertIn(f"--before {place}", text)

    def test_a_search_that_takes_long_says_where_to_go_on(self):
        sim, project = self.begin()
        self.run_ok(project)
        self.assertEqual([r["id"] for r in self.paged(project, 100000, "--seconds", "1")],
                         [r["id"] for r in self.listed(project)])

    def test_pasted_lists(self):
        for keep in ("records", None):
            with self.subTest(keep=keep):
                sim, project = self.begin(keep=keep)
                self.run_ok(project)
                row = project.table_rows()[7]
                orders = [str(o["o_id"]) for o in sim.raw()[:3]]
                pasted = f"{orders[2]}, nothing\n{orders[0]};{row['id']}\t{orders[1]},"
                found = project.run("records", "orders", "--ids", pasted).json
                self.assertEqual([r["id"] for r in found["records"]],
                                 [orders[2], orders[0], str(row["o_id"]), orders[1]])
                self.assertEqual((found["missing"], found["next"]), (["nothing"], None))
                text = project.run("records", "orders", "--ids", pasted, json=False).out
                self.assertIn("nothing  not found", text)

    def test_exact_values(self):
        sim, project = self.begin()
        self.run_ok(project)
        order = sim.raw()[9]
        self.assertEqual({r["id"] for r in self.listed(project, "--value", order["so_id"])},
                         {str(o["o_id"]) for o in sim.raw() if o["so_id"] == order["so_id"]})
        item = order["items"][0]
        self.assertIn(str(order["o_id"]), {r["id"] for r in self.listed(project, "--value", str(item["oi_id"]))})
        self.assertEqual(self.listed(project, "--value", order["so_id"][:-1]), [])

    def test_files(self):
        sim, project = self.begin()
        self.run_ok(project)
        result = project.run("records", "orders", "--export", "csv", json=False)
        self.assertEqual(result.code, 0, repr(result))
        self.assertEqual(result.out[0], "\ufeff")
        lines = list(csv.DictReader(io.StringIO(result.out[1:], newline="")))
        written = {line["id"]: line for line in reversed(lines) if line["id"]}
        self.assertEqual(set(written), {row["id"] for row in sim.truth()})
        for row in sim.truth():
            for name in ("o_id", "shop_name", "remark"):
                text = "" if row[name] is None else str(row[name]).replace("\r\n", "\n")  # as the pipe gives it to us
                guarded = text[:1] in ("=", "+", "-", "@", "\t", "\r")
                self.assertIn(written[row["id"]][name], (text, f"'{text}") if guarded else (text,))
        self.assertEqual({line["record_id"] for line in lines if line["record_state"] == "filtered"},
                         {str(o["o_id"]) for o in sim.raw() if filtered(o)})
        whole = project.run("records", "orders", "--export", "json")
        self.assertEqual([r["id"] for r in whole.json], [r["id"] for r in self.listed(project)])
        self.assertEqual(str(whole.json[0]["raw"]["o_id"]), whole.json[0]["id"])
        self.run_failed(project, "usage", "records", "orders", "--export", "xlsx", code=2)
        self.run_failed(project, "usage", "records", "orders", "--export", "csv", "-n", "3", code=2)

    def test_pages_of_runs_and_windows(self):
        sim, project = self.begin()
        for _ in range(4):
            self.run_ok(project)
            sim.control(advance_ms=60000)
        with self.serving(project) as serving:
            for what in ("runs", "windows"):
                path = f"integrations/orders/{what}"
                whole = serving.get(f"{path}?limit=1000")
                self.assertGreaterEqual(len(whole[what]), 4)
                self.assertIsNone(whole["next"])
                found, before = [], ""
                while before is not None:
                    page = serving.get(f"{path}?limit=1{before and f'&before={before}'}")
                    found += page[what]
                    before = page["next"]
                self.assertEqual(found, whole[what])
        self.run_failed(project, "usage", "runs", "orders", "--before", "x", code=2)

    def test_over_http(self):
        sim, project = self.begin()
        self.run_ok(project)
        with self.serving(project) as serving:
            path = "integrations/orders/records"
            whole = serving.get(f"{path}?limit=1000")
            records, before = [], ""
            while before is not None:
                page = serving.get(f"{path}?limit=90{before and '&before=' + before}")
                records += page["records"]
                before = page["next"]
            self.assertEqual(records, whole["records"])
            order = next(o for o in sim.raw() if not filtered(o))
            self.assertEqual([r["id"] for r in serving.get(f"{path}?value={order['so_id']}")["records"]],
                             [str(order["o_id"])])
            found = serving.get(f"{path}?ids={order['o_id']},nothing")
            self.assertEqual(([r["id"] for r in found["records"]], found["missing"]), ([str(order["o_id"])], ["nothing"]))
            story = serving.get(f"{path}/{order['o_id']}")["records"][0]
            self.assertEqual(len(story["statements"]), len(story["mapped"]))
            self.assertRegex(story["statements"][0], r"^[A-Z ]+INTO")
            last = whole["records"][-1]
            that = serving.get(f"{path}?id={last['id']}&before={last['page']}.{last['row'] + 1}&limit=1")["records"]
            self.assertEqual([self.place(r) for r in that], [self.place(last)])
            self.assertEqual(str(that[0]["raw"]["o_id"]), last["id"])
            export = serving.ask("GET", "/api/v1/integrations/orders/export?format=csv&state=filtered")
            self.assertEqual(export.status, 200, export)
            self.assertEqual({line["record_id"] for line in csv.DictReader(io.StringIO(export.body[1:], newline=""))},
                             {str(o["o_id"]) for o in sim.raw() if filtered(o)})
            self.assertEqual(export.body.count("\ufeff"), 1)
            for query in ("", "?format=xlsx", "?format=csv&before=x", "?format=csv&state=never"):
                self.assertEqual(serving.ask("GET", "/api/v1/integrations/orders/export" + query).status, 400)


class Letters(Shared):
    kind = MariaDB

    def begin_refused(self):
        sim = self.sim("--orders", "300", "--seed", "5")
        truth = sim.truth()
        column, row = alone(truth)
        project = self.project(sim, create=False, keep="records")
        self.db.execute(f"DROP TABLE IF EXISTS {TABLE}, sluice_checkpoint")
        project.create_table({column: f"VARCHAR({len(str(row[column])) - 1})"})
        self.run_ok(project, code=3, status="partial")
        return sim, project, column, row

    def test_story_of_a_refused_row(self):
        _, project, column, row = self.begin_refused()
        version = self.versions(project, row["o_id"])[0]
        self.assertEqual((version["state"], version["fate"]), ("error", "sent"))
        self.assertIn(f"Data too long for column '{column}'", version["letters"][0]["reason"])
        self.assertEqual(version["letters"][0]["target_id"], row["id"])

    def test_story_of_a_dropped_row_and_of_a_retried_one(self):
        """What is not in the target is not told as done; what was refused once and is in now has no reason left."""
        _, project, column, row = self.begin_refused()
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY {column} TEXT")
        self.run_ok(project, "retry", "orders", "--all")
        version = self.versions(project, row["o_id"])[0]
        self.assertEqual((version["state"], version["why"], version["letters"][0]["state"]), ("done", None, "retried"))
        _, project, column, row = self.begin_refused()
        self.assertEqual(project.run("drop", "orders", "--id", row["id"]).code, 0)
        version = self.versions(project, row["o_id"])[0]
        self.assertEqual((version["state"], version["why"]), ("dropped", version["letters"][0]["reason"]))
        self.assertNotIn(row["o_id"], {r["id"] for r in project.run(
            "records", "orders", "--state", "done", "-n", "1000").json["records"]})
        found = self.run_failed(project, "usage", "drop", "orders", "--id", "nothing", code=2)
        for command in ("drop", "retry"):
            self.run_failed(project, "usage", command, "orders", "--id", "nothing", "--all", code=2)
        unknown = self.run_failed(project, "usage", "records", "orders", "--id", "nothing", code=2)
        self.assertIn("no record with id nothing", unknown["message"])
        self.assertIn("--state error", found["hint"])

    def item(self, column):
        return column[len("items_"):]

    def test_edited_and_retried(self):
        _, project, column, row = self.begin_refused()
        raw = self.versions(project, row["o_id"])[0]["raw"]
        line = next(i for i, item in enumerate(raw["items"]) if str(item["oi_id"]) == str(row["items_oi_id"]))
        # not JSON, another id, no such letter, no choice
        for text in ("{", "[]", json.dumps({**raw, "o_id": 1})):
            self.run_failed(project, "data", "retry", "orders", "--id", row["id"], "--edit", "-", stdin=text)
        self.run_failed(project, "usage", "retry", "orders", "--id", "1", "--edit", "-", stdin=json.dumps(raw), code=2)
        self.run_failed(project, "usage", "retry", "orders", "--all", "--edit", "-", stdin=json.dumps(raw), code=2)
        self.assertEqual(self.letters(project)[0]["edited"], False)
        edited = json.loads(json.dumps(raw))
        edited["items"][line][self.item(column)] = "x"
        summary = self.run_ok(project, "retry", "orders", "--id", row["id"], "--edit", "-", stdin=json.dumps(edited))
        self.assertEqual((summary["rows"], summary["dead"]), (1, 0), summary)
        found = project.query(f"SELECT {column} AS v FROM {TABLE} WHERE id = '{row['id']}'")
        self.assertEqual(found[0]["v"], "x")
        version = self.versions(project, row["o_id"])[0]
        letter = version["letters"][0]
        self.assertEqual((letter["state"], letter["edited"]), ("retried", True))
        self.assertEqual(version["raw"]["items"][line][self.item(column)], row[column])
        self.assertEqual(letter["edited_raw"]["items"][line][self.item(column)], "x")

    def test_letters_over_http_and_as_a_file(self):
        _, project, column, row = self.begin_refused()
        lines = list(csv.DictReader(io.StringIO(
            project.run("records", "orders", "--state", "error", "--export", "csv", json=False).out[1:], newline="")))
        self.assertEqual([line["target_id"] for line in lines], [row["id"]])
        raw = json.loads(lines[0]["raw"])
        whole = project.run("records", "orders", "--state", "error", "--export", "json").json
        self.assertEqual([(letter["target_id"], letter["raw"]) for letter in whole], [(row["id"], raw)])
        with self.serving(project) as serving:
            base = "integrations/orders/dead"
            listed = serving.get(base)
            self.assertEqual((listed["count"], len(listed["letters"]), listed["next"]), (1, 1, None))
            number = listed["letters"][0]["letter"]
            one = serving.get(f"{base}/{number}")
            self.assertEqual((one["letter"]["target_id"], one["raw"]), (row["id"], raw))
            self.assertEqual(serving.ask("GET", f"/api/v1/{base}/99999").status, 404)
            line = next(i for i, item in enumerate(raw["items"]) if str(item["oi_id"]) == str(row["items_oi_id"]))
            raw["items"][line][self.item(column)] = "x"
            self.assertEqual(serving.ask("PUT", f"/api/v1/{base}/{number}", {"record": {**raw, "o_id": 1}}).status, 400)
            self.assertTrue(serving.post(f"{base}/{number}", {"record": raw}, "PUT")["edited"])
            serving.post("integrations/orders/retry", {"ids": [row["id"]]})
            wait_until(lambda: serving.get(base)["count"] == 0, serving.process, 30, "the letter to go")
            self.assertEqual(serving.get(base)["letters"], [])
            self.assertEqual([d["letter"] for d in serving.get(f"{base}?state=retried")["letters"]], [number])
            self.assertEqual(serving.ask("PUT", f"/api/v1/{base}/{number}", {"record": raw}).status, 404)
        found = project.query(f"SELECT {column} AS v FROM {TABLE} WHERE id = '{row['id']}'")
        self.assertEqual(found[0]["v"], "x")

    def test_set_and_an_edit_in_vain(self):
        _, project, column, row = self.begin_refused()
        raw = self.versions(project, row["o_id"])[0]["raw"]
        line = next(i for i, item in enumerate(raw["items"]) if str(item["oi_id"]) == str(row["items_oi_id"]))
        path = f"items.{line}.{self.item(column)}"
        in_vain = self.run_ok(project, "retry", "orders", "--id", row["id"], "--set", f"{path}={row[column]}y",
                              code=3, status="partial")
        self.assertEqual(in_vain["rows"], 0)
        self.run_failed(project, "usage", "retry", "orders", "--id", row["id"], "--set", "nonsense", code=2)
        self.run_failed(project, "data", "retry", "orders", "--id", row["id"], "--set", "o_id=1")
        self.run_failed(project, "data", "retry", "orders", "--id", row["id"], "--set", "items.99.x=1")
        self.run_ok(project, "retry", "orders", "--id", row["id"], "--set", f"{path}=short")
        found = project.query(f"SELECT {column} AS v FROM {TABLE} WHERE id = '{row['id']}'")
        self.assertEqual(found[0]["v"], "short")

    def test_an_edited_letter_never_lands_over_a_newer_row(self):
        sim, project, column, row = self.begin_refused()
        self.db.execute(f"ALTER TABLE {TABLE} MODIFY {column} TEXT")
        sim.control(edit=[int(row["o_id"])])
        sim.control(advance_ms=2000)
        self.run_ok(project)
        self.assertEqual(self.letters(project), [])
        before = project.query(f"SELECT * FROM {TABLE} WHERE id = '{row['id']}'")
        self.run_failed(project, "usage", "retry", "orders", "--id", row["id"], "--set", "remark=old", code=2)
        self.assertEqual(project.query(f"SELECT * FROM {TABLE} WHERE id = '{row['id']}'"), before)
        self.assert_copy(sim, project)


if __name__ == "__main__":
    unittest.main()
