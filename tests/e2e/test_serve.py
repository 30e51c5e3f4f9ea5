"""`sluice serve`: schedules, reloading, stopping and starting again, targets that are down, what people ask for."""
import os
import shutil
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, compare  # noqa: E402
from lib.serving import Serving  # noqa: E402
from lib.servers import MariaDB  # noqa: E402


def integration(crontab="@every 1s", target=None, **more):
    return {"title": "销售订单", "source": {"connection": "jst", "crontab": crontab, "metadata": "orders.source.json"},
            "target": {"connection": "bi", "metadata": "orders.target.json", **({"crontab": target} if target else {})},
            "lag": "0s", **more}


class ServeCase(RunCase):
    def serving(self, project, *options, **more):
        serving = Serving(project, *options, **more)
        self.addCleanup(serving.__exit__)
        return serving

    def scheduled(self, sim, crontab="@every 1s", **more):
        project = self.project(sim)
        project.write("integrations/orders.json", integration(crontab, start=sim.hello["from"], **more))
        return project

    def copied(self, sim, project):
        return compare(sim.truth(), project.table_rows()) == ""


class Serve(ServeCase):
    def test_a_schedule_brings_orders_and_their_edits(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.scheduled(sim)
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        sim.control(new=20, edit=[900001, 900002])
        serving.until(lambda: self.copied(sim, project), what="the edits")
        row = serving.until(lambda: serving.row()["state"] == "ok" and serving.row(), what="ok")
        self.assertEqual(row["dead"], 0)
        self.assertGreater(row["rows_today"], 300)
        self.assertEqual(row["schedule"], "@every 1s")
        self.assertEqual(serving.get("overview")["totals"]["integrations"], 1)
        self.assertEqual(serving.ask("GET", "/readyz").status, 200)
        self.assertIn('sluice_state{integration="orders"', serving.ask("GET", "/metrics").body)
        self.assertEqual(serving.stop(), 0)

    def test_files_that_change_are_read_again(self):
        sim = self.sim("--orders", "50", "--seed", "4")
        project = self.scheduled(sim)
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        project.write("integrations/orders.json", '{"source": ')
        row = serving.until(lambda: serving.row()["state"] == "broken" and serving.row(), what="broken")
        self.assertIn("orders.json", row["reason"])
        sim.control(new=5)
        serving.until(lambda: self.copied(sim, project), what="the last good one goes on")
        project.write("integrations/orders.json", integration(start=sim.hello["from"], title="改名"))
        serving.until(lambda: serving.row()["state"] != "broken" and serving.row()["title"] == "改名", what="mended")
        project.write("integrations/again.json", integration("@every 1h"))
        serving.until(lambda: len(serving.get("overview")["integrations"]) == 2, what="a new one")
        os.remove(os.path.join(project.folder, "integrations", "again.json"))
        serving.until(lambda: len(serving.get("overview")["integrations"]) == 1, what="one less")
        project.write("integrations/orders.json", integration(start=sim.hello["from"], enabled=False))
        serving.until(lambda: serving.row()["state"] == "disabled", what="disabled")

    def test_it_stops_in_order_and_goes_on(self):
        sim = self.sim("--orders", "3000", "--seed", "4", "--fault", "slow=100")
        project = self.scheduled(sim)
        serving = self.serving(project)
        serving.until(lambda: project.table_rows(), what="first rows")
        begun = time.monotonic()
        self.assertEqual(serving.stop(), 0)
        self.assertLess(time.monotonic() - begun, 10)
        self.assertLess(len(project.table_rows()), len(sim.truth()))
        sim.control(fault="slow", value=0)
        serving.start()
        serving.until(lambda: self.copied(sim, project), what="the rest")
        self.assertIn("interrupted", [run["status"] for run in serving.runs()])

    def test_killed_it_begins_at_once_where_it_was(self):
        sim = self.sim("--orders", "3000", "--seed", "4", "--fault", "slow=50")
        project = self.scheduled(sim, "@every 1h")
        serving = self.serving(project)
        for _ in range(4):
            before = len(project.table_rows())
            serving.until(lambda: len(project.table_rows()) > before, what="more rows")
            serving.kill()
            serving.start()
            serving.post("integrations/orders/run")
        serving.until(lambda: self.copied(sim, project), 60, what="a copy")

    def test_what_was_missed_is_made_up_for_once(self):
        sim = self.sim("--orders", "50", "--seed", "4")
        project = self.scheduled(sim, "@every 4s")
        serving = self.serving(project)
        serving.until(lambda: serving.runs(), what="a run")
        serving.stop()
        sim.control(new=5)
        deadline = time.monotonic() + 30
        while time.time() % 4 < 3 and time.monotonic() < deadline:  # a start just before the schedule's next moment
            os.sched_yield()
        serving.start()
        serving.until(lambda: self.copied(sim, project), what="what was missed")

    def test_pause_resume_stop(self):
        sim = self.sim("--orders", "3000", "--seed", "4", "--fault", "slow=100")
        project = self.scheduled(sim)
        serving = self.serving(project)
        serving.until(lambda: serving.row()["running"], what="a run")
        self.assertTrue(serving.post("integrations/orders/pause")["paused"])
        serving.post("integrations/orders/stop")
        serving.until(lambda: not serving.row()["running"], what="stopped")
        n = len(serving.runs())
        self.assertEqual(serving.runs()[0]["status"], "interrupted")
        row = serving.until(lambda: serving.row()["state"] == "paused" and serving.row(), what="paused")
        self.assertIsNone(row["next"])
        serving.stop()
        serving.start()  # it is remembered
        self.assertEqual(serving.until(lambda: serving.row(), what="a row")["state"], "paused")
        sim.control(fault="slow", value=0)
        serving.post("integrations/orders/resume")
        serving.until(lambda: self.copied(sim, project), what="a copy")
        self.assertGreater(len(serving.runs()), n)

    def test_a_backfill_gives_way_and_is_finished(self):
        sim = self.sim("--orders", "2000", "--seed", "4")
        project = self.scheduled(sim, "@every 2s", overlap="0s")
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        sim.control(fault="slow", value=120)
        day = sim.hello["from"]
        answer = serving.post("integrations/orders/run", {"kind": "backfill", "from": day, "to": sim.hello["to"]})
        serving.until(lambda: any(run["kind"] == "backfill" for run in serving.runs()), what="a backfill")
        sim.control(new=3)
        serving.until(lambda: self.copied(sim, project), what="new orders during the backfill")
        running = serving.get(f"jobs/{answer['job']}")
        kinds = [run["kind"] for run in serving.runs()]
        self.assertIn("main", kinds[:kinds.index("backfill") + 3], kinds)
        sim.control(fault="slow", value=0)
        def parts():
            return [run["summary"] for run in serving.runs() if run["kind"] == "backfill" and run["summary"]]
        serving.until(lambda: sum(one["records"] for one in parts()) >= 2000, 60, "its end")
        self.assertGreater(len(parts()), 1, "it gave way")
        self.assertEqual(running["kind"], "backfill")
        self.assertTrue(self.copied(sim, project))

    def test_source_and_target_have_schedules_of_their_own(self):
        sim = self.sim("--orders", "100", "--seed", "4")
        project = self.scheduled(sim)
        project.write("integrations/orders.json", integration("@every 1s", "@every 1h", start=sim.hello["from"]))
        serving = self.serving(project)
        serving.until(lambda: serving.runs() and serving.runs()[0]["status"] == "ok", what="it fetches")
        self.assertEqual(project.table_rows(), [])
        calls = sim.stats()["calls"]
        project.write("integrations/orders.json", integration("@every 1h", "@every 1s", start=sim.hello["from"]))
        serving.until(lambda: self.copied(sim, project), what="it writes")
        self.assertLessEqual(sim.stats()["calls"], calls + 2)  # nothing was read twice

    def test_documents_are_tried_saved_and_gone_back_to(self):
        sim = self.sim("--orders", "50", "--seed", "4")
        project = self.scheduled(sim, "@every 1h")
        serving = self.serving(project)
        before = serving.get("integrations/orders/metadata")
        text = before["target"]["text"]
        with open(os.path.join(project.folder, "integrations/orders.target.json"), encoding="utf-8") as f:
            self.assertEqual(text, f.read())
        broken = serving.post("integrations/orders/metadata/check", {"target": text.replace('"api"', '"ipa"')})
        self.assertFalse(broken["ok"])
        self.assertIn("orders.target.json", [d["file"].split("/")[-1] for d in broken["diagnostics"]])
        edited = text.replace('"{shop_name}"', '"店铺 {shop_name}"')
        self.assertNotEqual(edited, text)
        preview = serving.post("integrations/orders/metadata/preview", {"target": edited, "n": 2})
        self.assertIn("店铺 ", str(preview["rows"]))
        refused = serving.ask("PUT", "/api/v1/integrations/orders/metadata", {"target": "{", "comment": "no"})
        self.assertEqual(refused.status, 400, refused)
        saved = serving.post("integrations/orders/metadata",
                             {"base": before["version"], "target": edited, "comment": "店铺名"}, "PUT")
        self.assertEqual(serving.ask("PUT", "/api/v1/integrations/orders/metadata",
                                     {"base": before["version"], "target": text}).status, 409)
        versions = serving.get("integrations/orders/metadata/versions")["versions"]
        self.assertEqual([v["version"] for v in versions], [saved["version"], before["version"]])
        self.assertEqual(versions[0]["comment"], "店铺名")
        serving.post("integrations/orders/metadata/rollback", {"version": before["version"]})
        self.assertEqual(serving.get("integrations/orders/metadata")["target"]["text"], text)
        self.assertEqual(os.listdir(os.path.join(project.folder, ".sluice")).count("try"), 0)
        serving.job(serving.post("integrations/orders/run"))
        self.assert_copy(sim, project)

    def test_every_event_of_the_hub_reaches_the_log(self):
        sim = self.sim("--orders", "50", "--seed", "4")
        project = self.scheduled(sim, "@every 1h")
        serving = self.serving(project)
        summary = serving.job(serving.post("integrations/orders/run"))
        self.assertEqual(summary["status"], "ok")
        lines = serving.get("log?limit=1000")["lines"]
        self.assertLessEqual({"run_started", "window_done", "page", "commit", "run_ended"}, {line["event"] for line in lines})
        only = serving.get("log?limit=1000&event=commit")["lines"]
        self.assertEqual({line["event"] for line in only}, {"commit"})

    def test_two_on_one_project_do_not_go_together(self):
        project = self.scheduled(self.sim("--orders", "5", "--seed", "4"))
        self.serving(project)
        other = project.run("serve", "--listen", "127.0.0.1:0", timeout=30)
        self.assertEqual(other.code, 1, other)
        self.assertEqual(other.json["error"]["code"], "conflict", other)

    def test_run_hands_its_job_to_serve(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.scheduled(sim, "@every 1h")
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        sim.control(new=7)
        summary = self.run_ok(project)
        self.assertEqual(summary["records"] >= 7, True, summary)
        self.assertTrue(summary["verified"])
        self.assert_copy(sim, project)
        back = self.run_ok(project, "run", "orders", "--from", sim.hello["from"], "--to", sim.hello["to"])
        self.assertEqual(back["records"] >= 300, True, back)
        self.assertIn("backfill", [run["kind"] for run in serving.runs()])
        replay = self.run_ok(project, "replay", "orders", "--from", sim.hello["from"], "--to", sim.hello["to"])
        self.assertEqual(replay["integration"], "orders")
        said = project.run("run", "orders", json=False)
        self.assertEqual(said.code, 0, said)
        self.assertIn("orders", said.out)
        before = len(serving.runs())
        serving.stop()
        self.run_ok(project)  # nobody holds it any more
        serving.start()
        self.assertGreater(len(serving.runs()), before)

    def test_run_hands_over_what_is_to_be_read_again(self):
        sim = self.sim("--orders", "300", "--seed", "4")
        project = self.scheduled(sim, "@every 1h", reread=[{"every": "24h", "back": "7d"}])
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        self.assertLess(self.run_ok(project, "run", "orders", "--no-reread")["records"], 100)
        self.assertGreater(self.run_ok(project, "run", "orders", "--reread")["records"], 200)
        self.assertLess(self.run_ok(project, "run", "orders", "--no-reread")["records"], 100)

    def test_tiers_are_read_between_ordinary_runs(self):
        sim = self.sim("--orders", "100", "--seed", "4")
        project = self.scheduled(sim, "@every 1h", reread=[{"every": "2s", "back": "1h"}])
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        serving.until(lambda: [run for run in serving.runs() if run["kind"] == "remedy" and run["status"] == "ok"],
                      what="a tier")
        self.assertEqual([run for run in serving.runs() if run["status"] == "failed"], [])
        windows = serving.get("integrations/orders/windows?limit=100")["windows"]
        self.assertIn("reread", [window["purpose"] for window in windows])

    def test_hup_reads_the_project_again(self):
        project = self.scheduled(self.sim("--orders", "5", "--seed", "4"), "@every 1h")
        serving = self.serving(project)
        project.write("integrations/orders.json", integration("@every 1h", title="新名"))
        serving.process.send_signal(signal.SIGHUP)
        serving.until(lambda: serving.row()["title"] == "新名", 10, "the new title")


class ServeMariaDB(ServeCase):
    kind = MariaDB

    def test_a_target_that_is_down_stops_writing_not_fetching(self):
        sim = self.sim("--orders", "200", "--seed", "4")
        project = self.scheduled(sim)
        serving = self.serving(project)
        serving.until(lambda: self.copied(sim, project), what="a copy")
        self.db.kill9()
        sim.control(new=50)
        serving.until(lambda: any(run["status"] == "failed" for run in serving.runs()), 60, "a failed run")
        calls = sim.stats()["calls"]
        serving.until(lambda: sim.stats()["calls"] > calls, 60, "fetching goes on")
        serving.until(lambda: serving.row()["waiting"], 60, "what was fetched")
        serving.until(lambda: serving.row()["state"] == "failing", 60, "failing")
        self.db.start()
        serving.post("integrations/orders/run")
        serving.until(lambda: self.copied(sim, project), 60, "a copy again")

    def fetched_apart(self, lose):
        """What serve fetches after `lose`, with targets on a schedule of their own, is written later; what that said."""
        sim = self.sim("--orders", "200", "--seed", "4")
        project = self.scheduled(sim, crontab="@every 1h", target="0 0 1 1 *", overlap="10s")
        self.run_ok(project)
        shutil.copytree(os.path.join(project.folder, ".sluice"), os.path.join(project.home, "older"))
        sim.control(advance_ms=2000, new=20)
        sim.control(advance_ms=60000)
        self.run_ok(project)
        lose(project)
        sim.control(advance_ms=2000, new=800)
        sim.control(advance_ms=60000)
        before = len(project.run("runs", "orders").json["runs"])
        with self.serving(project) as serving:
            serving.until(lambda: len(serving.runs()) > before and not serving.row()["running"], 60, "what was fetched")
            serving.stop()
        result = project.run("run", "orders")
        self.assertEqual(result.code, 0, repr(result))
        self.assert_copy(sim, project)
        return result.err

    def test_what_an_older_copy_of_the_state_fetches_is_written(self):
        """It came back from a backup: the pages that are read next get numbers below the checkpoint's."""
        def lose(project):
            shutil.rmtree(os.path.join(project.folder, ".sluice"))
            shutil.copytree(os.path.join(project.home, "older"), os.path.join(project.folder, ".sluice"))
        self.assertIn("cursor is taken over", self.fetched_apart(lose))

    def test_what_is_fetched_after_the_journal_was_lost_is_written(self):
        """No number of a page comes twice."""
        said = self.fetched_apart(lambda project: shutil.rmtree(os.path.join(project.folder, ".sluice", "journal")))
        self.assertNotIn("taken over", said)


if __name__ == "__main__":
    unittest.main()
