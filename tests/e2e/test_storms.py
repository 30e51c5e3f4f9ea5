"""Alerts of a `serve` that much goes wrong with: ten thousand records refused, many integrations failing at once, a source
that is away, a channel that is away, kill -9 while a message is under way. What arrives is few messages, exact counts,
each alert once, and the limit of a robot is never met."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import TABLE, RunCase  # noqa: E402
from lib.serving import Serving  # noqa: E402
from test_alerts import Robot  # noqa: E402

CHANNELS = {"dingtalk-robot": "dingtalk", "webhook": "webhook"}


def told(robot):
    """Every alert that a webhook was told of: (rule, integration, state, count), in order."""
    return [(a["rule"], a["integration"], a["state"], a["count"])
            for body in bodies(robot) for a in body.get("alerts", [body])]


def bodies(robot):
    return [m["body"] for m in robot.messages()["messages"]]


class Storms(RunCase):
    def robot(self, name):
        robot = Robot(name)
        self.addCleanup(robot.close)
        return robot

    def channels(self, project, rules=(), **robots):
        """Every rule but those of the test is off: machines differ in disks and clocks."""
        kept = [{"rule": name, "for": 0} for name in rules]
        off = [{"rule": name, "off": True} for name in ("stale", "no_data", "disk", "clock_skew", "schema_drift")]
        project.write("sluice.json", {"alerts": {"language": "en", "rules": [*kept, *off], "channels": {
            name: {"type": CHANNELS[kind], "webhook" if "robot" in kind else "url": robot.hello["webhook"]}
            for name, (kind, robot) in robots.items()}}})

    def scheduled(self, sim, names=("orders",), every="1s"):
        project = self.project(sim)
        document = {**project.read("integrations/orders.json"),
                    "source": {"connection": "jst", "crontab": f"@every {every}", "metadata": "orders.source.json"}}
        os.remove(os.path.join(project.folder, "integrations/orders.json"))
        for name in names:
            project.write(f"integrations/{name}.json", document)
        return project

    def serving(self, project):
        serving = Serving(project)
        self.addCleanup(serving.__exit__)
        return serving

    def ended(self, serving, rule):
        return [a for a in serving.get("alerts/history?limit=1000")["alerts"] if a["rule"] == rule]

    def test_ten_thousand_refused_records(self):
        sim = self.sim("--orders", "12000", "--seed", "4")
        project, robot, hook = self.scheduled(sim), self.robot("dingtalk-robot"), self.robot("webhook")
        refused = len({row["o_id"] for row in sim.truth()})  # the others do not pass the condition
        self.assertGreater(refused, 10000)
        self.channels(project, robot=("dingtalk-robot", robot), hook=("webhook", hook))
        document = project.read("integrations/orders.target.json")
        next(row for row in document["request"] if row["field"] == "shop_name").update(type="int", value="{o_id}x")
        project.write("integrations/orders.target.json", document)
        serving = self.serving(project)
        serving.until(lambda: serving.row()["dead"] >= refused, 240, "all are refused")
        serving.until(lambda: told(hook), what="it is told")
        firing = serving.until(lambda: [a for a in serving.get("alerts")["alerts"] if a["count"] >= refused], what="all count")
        self.assertEqual([(a["rule"], a["count"], a["value"]) for a in firing], [("dead_letters", refused, refused)])
        self.assertEqual(serving.post("integrations/orders/drop", {"all": True}), {"dropped": refused})
        serving.until(lambda: told(hook)[-1][2] == "resolved", 90, "it is told that it is over")
        self.assertEqual(told(hook)[-1], ("dead_letters", "orders", "resolved", refused))
        self.assertEqual([state for _, _, state, _ in told(hook)].count("resolved"), 1)
        serving.until(lambda: len(bodies(robot)) >= len(bodies(hook)), what="the robot is told as well")
        taken = robot.messages()
        self.assertLessEqual(taken["accepted"], 4)  # that it began, at most twice that it grew, and its end
        self.assertEqual((taken["limited"], taken["refused"]), (0, 0))

    def test_many_integrations_fail_again_and_again(self):
        sim = self.sim("--orders", "20", "--seed", "4")
        names = [f"orders-{n:03d}" for n in range(100)]
        project, robot, hook = self.scheduled(sim, names), self.robot("dingtalk-robot"), self.robot("webhook")
        self.channels(project, robot=("dingtalk-robot", robot), hook=("webhook", hook))
        project.execute(f"DROP TABLE {TABLE}")
        serving = self.serving(project)
        serving.until(lambda: len(serving.get("alerts")["alerts"]) == len(names), 120, "all of them fire")
        serving.until(lambda: len(told(hook)) >= len(names), what="all are told")
        serving.until(lambda: not any(c["waiting"] for c in serving.get("alerts/channels")["channels"]), 60, "all is sent")
        self.assertEqual(sorted((rule, name, state) for rule, name, state, _ in told(hook)),
                         [("run_failed", name, "firing") for name in names])
        sums = [group for body in bodies(hook) for group in body.get("rules", [])]
        self.assertEqual(sum(g["alerts"] for g in sums) + sum("rules" not in b for b in bodies(hook)), len(names))
        taken = robot.messages()
        self.assertLessEqual(taken["accepted"], 15)
        self.assertEqual((taken["limited"], taken["refused"]), (0, 0))

    def test_a_source_that_is_away_is_told_once_and_resolved_once(self):
        sim = self.sim("--orders", "50", "--seed", "4")
        project, hook = self.scheduled(sim), self.robot("webhook")
        self.channels(project, ("source_down",), hook=("webhook", hook))
        serving = self.serving(project)
        serving.until(lambda: any(run["status"] == "ok" for run in serving.runs()), what="a first run")
        sim.control(fault="http500", value=1)
        serving.until(lambda: any(rule == "source_down" for rule, *_ in told(hook)), 120, "it is told")
        sim.control(fault="http500", value=False)
        serving.until(lambda: any(rule == "source_down" and state == "resolved" for rule, _, state, _ in told(hook)),
                      180, "it is told that it is over")
        self.assertEqual([state for rule, _, state, _ in told(hook) if rule == "source_down"], ["firing", "resolved"])
        self.assertEqual(len(self.ended(serving, "source_down")), 1)

    def test_what_happens_while_the_channel_is_away_comes_in_one_message(self):
        sim = self.sim("--orders", "20", "--seed", "4")
        names = ["a", "b", "c", "d", "e"]
        project, hook = self.scheduled(sim, names), self.robot("webhook")
        self.channels(project, hook=("webhook", hook))
        hook.control(fault="down")
        project.execute(f"ALTER TABLE {TABLE} RENAME TO away")
        serving = self.serving(project)
        serving.until(lambda: len(serving.get("alerts")["alerts"]) == 5, 60, "all of them fire")
        project.execute(f"ALTER TABLE away RENAME TO {TABLE}")
        serving.until(lambda: len(self.ended(serving, "run_failed")) == 5, 60, "all is well again")
        serving.kill()
        self.assertEqual(bodies(hook), [])
        hook.control(fault="none")
        serving = self.serving(project)
        serving.until(lambda: not serving.get("alerts/channels")["channels"][0]["waiting"], 120, "all is sent")
        self.assertLessEqual(len(bodies(hook)), 2)  # what was on its way, and all the rest
        last = {name: state for _, name, state, _ in told(hook)}
        self.assertEqual(last, dict.fromkeys(names, "resolved"))

    def test_kill_while_a_message_is_under_way(self):
        sim = self.sim("--orders", "20", "--seed", "4")
        project, hook = self.scheduled(sim), self.robot("webhook")
        self.channels(project, hook=("webhook", hook))
        hook.control(fault="slow")
        project.execute(f"DROP TABLE {TABLE}")
        serving = self.serving(project)
        database = os.path.join(project.folder, ".sluice", "alerts.db")
        serving.until(lambda: serving.get("alerts/channels")["channels"][0]["waiting"], 60, "a message waits")
        self.assertTrue(os.path.exists(database))
        serving.kill()
        hook.control(fault="none")
        serving = self.serving(project)
        serving.until(lambda: bodies(hook) and not serving.get("alerts/channels")["channels"][0]["waiting"], 60,
                      "the message arrives")
        found = bodies(hook)
        self.assertLessEqual(len(found), 2)
        self.assertEqual({json.dumps((b["id"], b["rule"], b["state"])) for b in found},
                         {json.dumps((found[0]["id"], "run_failed", "firing"))})


if __name__ == "__main__":
    unittest.main()
