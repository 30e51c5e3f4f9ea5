"""An API whose calls carry a token that does not last: one login for all who share the connection, the same page asked for
again after a refusal, nothing of a token to be read anywhere."""
import json
import os
import re
import stat
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, hurried  # noqa: E402
from lib.process import end, wait_until  # noqa: E402
from lib.servers import Sim  # noqa: E402
from test_upstream import events  # noqa: E402

PROCESSES = 4


class Token(RunCase):
    def open_sim(self, *options):
        sim = Sim(*options, name="jushuitan-open")
        self.addCleanup(sim.close)
        return sim

    def open_project(self, sim, copies=0):
        """The seed case, from the open platform; its copies read the same into the same table."""
        project = self.project(sim)
        source = project.read("integrations/orders.source.json")
        source["api"] = "orders.single.query"
        for row in source["request"] + source["omissionRemedy"]["takeOverRequest"]:
            row["field"] = {"start_time": "modified_begin", "end_time": "modified_end"}.get(row["field"], row["field"])
        project.write("integrations/orders.source.json", source)
        for i in range(copies):
            project.write(f"integrations/copy{i}.json", project.read("integrations/orders.json"))
        return project

    def run_all(self, project, names, while_running=lambda: None):
        running = [project.start("run", name) for name in names]
        while_running()
        for process in running:
            out, err = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, out + err)
            self.assertTrue(json.loads(out)["verified"], out + err)

    def names(self):
        return ["orders"] + [f"copy{i}" for i in range(PROCESSES - 1)]

    def test_one_login_serves_all_and_the_next_run(self):
        sim = self.open_sim("--orders", "300", "--fault", "slow-login=500")
        project = self.open_project(sim, PROCESSES - 1)
        self.run_all(project, self.names())
        self.assert_copy(sim, project)
        stats = sim.stats()
        self.assertEqual((stats["logins"], stats["refreshes"], stats["bad_tokens"]), (1, 0, 0), stats)
        self.assertEqual(len(events(project, "login")), 1)
        self.run_ok(project)
        self.assertEqual(sim.stats()["logins"], 1)

    def test_a_token_that_ends_mid_window_is_renewed_once(self):
        sim = self.open_sim("--orders", "1500", "--fault", "slow-login=700", "--fault", "slow=30", "--fault", "clamp=10")
        project = self.open_project(sim, PROCESSES - 1)

        def expire():
            first = sim.process
            wait_until(lambda: sim.stats()["served"] >= 40, first, 60, "pages")
            sim.control(expire=True)
        self.run_all(project, self.names(), expire)
        stats = sim.stats()
        self.assertEqual((stats["logins"], stats["refreshes"]), (1, 1), stats)
        self.assertGreaterEqual(stats["bad_tokens"], 1)
        self.assertLessEqual(stats["bad_tokens"], PROCESSES)
        self.assert_copy(sim, project)

    def test_figures_tell_when_it_ends(self):
        project = self.open_project(self.open_sim("--orders", "100"))
        self.run_ok(project)
        serve = project.start("serve", "--listen", "127.0.0.1:0", stderr=subprocess.DEVNULL)
        self.addCleanup(serve.stdout.close)
        self.addCleanup(end, serve)
        url = json.loads(serve.stdout.readline())["url"].rstrip("/") + "/metrics"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def left():
            with opener.open(url, timeout=10) as reply:
                text = reply.read().decode()
            found = re.findall('^sluice_token_expires_seconds{integration="orders"} (.+)$', text, re.M)
            return found and float(found[0])
        seconds = wait_until(left, serve, 60, "the end of the token")
        self.assertTrue(60 < seconds < 366 * 86400, seconds)

    def test_a_refresh_that_is_refused_is_followed_by_a_login(self):
        sim = self.open_sim("--orders", "200")
        project = self.open_project(sim)
        self.run_ok(project)
        sim.control(fault="no-refresh", value=True)
        sim.control(expire=True)
        self.run_ok(project)
        stats = sim.stats()
        self.assertEqual((stats["logins"], stats["refreshes"]), (2, 0), stats)

    def test_a_token_is_renewed_at_half_of_its_life(self):
        sim = self.open_sim("--orders", "50", "--token-life", "2")
        project = self.open_project(sim)
        self.run_ok(project)
        before = sim.stats()
        wait_until(lambda: (self.run_ok(project), sim.stats()["refreshes"])[1] > before["refreshes"], sim.process, 30,
                   "a refresh")
        self.assertLessEqual(sim.stats()["bad_tokens"], 1)
        self.assertEqual(sim.stats()["logins"], 1)

    def test_lives_that_cannot_be_true(self):
        for told in ("0", "-1", "1000000000000"):
            with self.subTest(told=told):
                sim = self.open_sim("--orders", "50", "--fault", f"life-told={told}")
                project = self.open_project(sim)
                self.run_ok(project)
                self.run_ok(project)
                self.assertEqual((sim.stats()["logins"], sim.stats()["refreshes"]), (1, 0))
                sim.control(expire=True)
                self.run_ok(project)
                self.assertEqual((sim.stats()["logins"], sim.stats()["refreshes"]), (1, 1))

    def test_a_token_is_nowhere_to_be_read(self):
        sim = self.open_sim("--orders", "50", "--seed", "9")
        project = self.open_project(sim)
        self.run_ok(project, "run", "orders", "-v")
        preview = project.run("preview", "orders")
        self.assertEqual(preview.code, 0, repr(preview))
        said = preview.out + preview.err
        folder = os.path.join(project.folder, ".sluice")
        for place, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(place, name), "rb") as f:
                    said += f.read().decode("latin-1")
        # the simulator's tokens begin with acc and ref and 16 hexadecimal digits
        self.assertNotRegex(said, r"(acc|ref)[0-9a-f]{16}")
        token = os.path.join(folder, "tokens", "jst")
        self.assertEqual(stat.S_IMODE(os.stat(token).st_mode), 0o600)
        # damage, another key: the token is fetched anew
        for damage in ("", "x", "QUJD" * 40):
            project.write(".sluice/tokens/jst", damage)
            self.run_ok(project)
        self.assertEqual(sim.stats()["logins"], 4)

    def test_a_token_that_cannot_be_kept_is_not_used(self):
        sim = self.open_sim("--orders", "50")
        project = self.open_project(sim)
        broken = project.run("run", "orders", env={"SLUICE_KEY_FILE": project.home})
        self.assertEqual(broken.json["error"]["code"], "secret", repr(broken))
        self.assertIn("could not be kept", broken.json["error"]["message"])
        self.assertEqual((sim.stats()["logins"], sim.stats()["served"]), (1, 0))
        self.run_ok(project)

    def test_other_credentials_do_not_use_it(self):
        sim = self.open_sim("--orders", "50")
        project = self.open_project(sim)
        self.run_ok(project)
        document = hurried(sim)
        document["params"]["app_secret"] = "another"
        project.write("connections/jst.json", document)
        self.run_failed(project, "signature")
        self.assertEqual(sim.stats()["bad_signature"], 1)
        self.assertEqual(self.status(project)["retry"]["next"], None)


if __name__ == "__main__":
    unittest.main()
