"""Alerts against the simulators of those who are told: each channel, signatures, limits and bans, an outage, kill -9,
silences, and that no secret is shown."""
import base64
import email
import email.policy
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.process import end, spawn  # noqa: E402
from lib.servers import TABLE, Project, Sim, SLUICE_SIM  # noqa: E402


class Robot:
    def __init__(self, name, *options):
        self.process = spawn([SLUICE_SIM, name, *options], stdout=subprocess.PIPE, text=True,
                             death_signal=signal.SIGTERM)
        self.hello = json.loads(self.process.stdout.readline())

    def ask(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.hello["port"], timeout=60)
        try:
            link.request(method, path, json.dumps(body) if body is not None else None)
            return json.loads(link.getresponse().read())
        finally:
            link.close()

    def messages(self):
        return self.ask("GET", "/messages")

    def control(self, **wish):
        self.ask("POST", "/control", wish)

    def close(self):
        end(self.process)
        self.process.stdout.close()


CANARIES = [f"CANARYsecret{n:02d}" for n in range(8)]


class Case(unittest.TestCase):
    def setUp(self):
        self.addCleanup(self.no_canaries)
        self.said = []
        self.project = Project(Sim("--orders", "50"))
        self.addCleanup(self.project.close)
        self.addCleanup(self.project.sim.close)

    def no_canaries(self):
        for text in self.said:
            for canary in CANARIES:
                self.assertNotIn(canary, text)

    def robot(self, name, *options):
        robot = Robot(name, *options)
        self.addCleanup(robot.close)
        return robot

    def alerts(self, *words, code=0, env=None):
        done = self.project.run("alerts", *words, json=False, env=env)
        self.said.append(done.out + done.err)
        self.assertEqual(done.code, code, done)
        return done

    def configure(self, **alerts):
        self.project.write("sluice.json", {"alerts": alerts})

    def failing(self):
        """From now on the integration fails each second."""
        self.project.write("integrations/orders.json",
                           {**self.project.read("integrations/orders.json"),
                            "source": {"connection": "jst", "crontab": "@every 1s", "metadata": "orders.source.json"}})
        self.project.execute(f"DROP TABLE {TABLE}")

    def serve(self, env=None):
        process = self.project.start("serve", "--listen", "127.0.0.1:0", stderr=subprocess.DEVNULL, env=env)
        self.addCleanup(process.stdout.close)
        self.addCleanup(end, process)
        return process, json.loads(process.stdout.readline())["url"]

    def wait(self, condition, what, seconds=60):
        for _ in range(seconds * 10):
            answer = condition()
            if answer:
                return answer
            threading.Event().wait(0.1)
        self.fail(f"{what}: not after {seconds} s")


class Channels(Case):
    def test_every_channel_takes_a_test(self):
        secret = CANARIES[0]
        robots = {name: self.robot(f"{name}-robot", *options) for name, options in (
            ("dingtalk", ("--secret", secret)), ("wecom", ()), ("feishu", ("--secret", secret)))}
        hook = self.robot("webhook", "--secret", secret)
        program = os.path.join(self.project.home, "page")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho \"$#|$1|$2|$SECRET\" > {self.project.home}/args\ncat > {self.project.home}/body\n")
        os.chmod(program, 0o755)
        channels = {name: {"type": name, "webhook": r.hello["webhook"]} for name, r in robots.items()}
        channels["dingtalk"]["secret"] = channels["feishu"]["secret"] = "${env:SECRET}"
        channels["hook"] = {"type": "webhook", "url": hook.hello["webhook"], "secret": "${env:SECRET}"}
        channels["cmd"] = {"type": "command", "argv": [program, "{severity}", "x {summary}; rm"]}
        self.configure(language="zh", channels=channels)
        env = {"SECRET": secret}
        for name in channels:
            self.assertEqual(self.alerts("test", name, "--json", env=env).json, {"channel": name, "ok": True})
        for name, r in robots.items():
            self.assertEqual(r.messages()["accepted"], 1, name)
            self.assertIn("测试", json.dumps(r.messages()["messages"][0]["body"], ensure_ascii=False))
        body = hook.messages()["messages"][0]["body"]
        self.assertEqual((body["rule"], body["state"], body["severity"]), ("run_failed", "firing", "info"))
        with open(f"{self.project.home}/args", encoding="utf-8") as f:
            self.assertEqual(f.read(), "2|info|x 【提示】测试：同步失败; rm|\n")
        self.said.append(json.dumps(self.alerts("channels", "--json", env=env).json))

    def test_a_refusal_is_told(self):
        robot = self.robot("dingtalk-robot", "--secret", CANARIES[1])
        self.configure(channels={"ops": {"type": "dingtalk", "webhook": robot.hello["webhook"], "secret": "wrong-one"}})
        self.assertIn("310000", self.alerts("test", "ops", code=1).err)
        self.assertIn("did you mean \"ops\"", self.alerts("test", "opss", code=2).err)
        self.assertEqual(robot.messages()["refused"], 1)

    def test_a_ban_is_told(self):
        robot = self.robot("wecom-robot")
        self.configure(channels={"ops": {"type": "wecom", "webhook": robot.hello["webhook"]}})
        for _ in range(15):
            self.alerts("test", "ops")
        self.assertIn("15 messages", self.alerts("test", "ops", code=1).err)
        self.assertEqual(robot.messages()["limited"], 0)

    def test_a_channel_that_is_down(self):
        robot = self.robot("feishu-robot", "--fault", "down")
        self.configure(channels={"ops": {"type": "feishu", "webhook": robot.hello["webhook"]}})
        self.alerts("test", "ops", code=1)
        robot.control(fault="http500")
        self.assertIn("500", self.alerts("test", "ops", code=1).err)
        robot.control(fault="none")
        self.alerts("test", "ops")

    def test_silences(self):
        self.configure(channels={})
        made = self.alerts("silence", "--rule", "stale", "--integration", "ord*", "--for", "2h", "--comment", "why",
                           "--json").json
        listed = self.alerts("silences", "--json").json["silences"]
        self.assertEqual([(s["id"], s["rule"], s["integration"], s["comment"]) for s in listed],
                         [(made["id"], "stale", "ord*", "why")])
        self.alerts("unsilence", str(made["id"]))
        self.assertEqual(self.alerts("silences", "--json").json["silences"], [])
        self.assertIn("did you mean", self.alerts("silence", "--rule", "stal", code=2).err)


class Mail(Case):
    """Over SMTP, against a server that is strict."""

    STAGES = ("greeting", "ehlo", "auth", "mail", "rcpt", "data", "text")
    PASSWORD = CANARIES[2]

    def server(self, *options):
        return self.robot("smtp", "--user", "sluice", "--password", self.PASSWORD, *options)

    def channel(self, server, way="smtps", **more):
        channel = {"type": "smtp", "url": server.hello[way], "user": "sluice", "password": "${env:MAIL}",
                   "ca_file": server.hello["ca_file"], "from": "sluice@example.com",
                   "to": ["a@example.com", "b@example.com"], **more}
        return {key: value for key, value in channel.items() if value is not None}

    def try_it(self, name, code=0, password=PASSWORD):
        return self.alerts("test", name, code=code, env={"MAIL": password}).err

    def mails(self, server):
        return [email.message_from_string(m["text"], policy=email.policy.default)
                for m in server.messages()["messages"]]

    def test_three_ways(self):
        server, login = self.server(), self.server("--auth", "login")
        self.configure(language="zh", channels={
            "upgraded": self.channel(server, "smtp"), "tls": self.channel(server), "login": self.channel(login)})
        self.try_it("tls")
        self.try_it("upgraded")
        self.try_it("login")
        taken = server.messages()
        self.assertEqual([m["security"] for m in taken["messages"]], ["tls", "starttls"])
        self.assertEqual(taken["logins_in_clear"], 0)
        self.assertEqual(login.messages()["messages"][0]["user"], "sluice")
        server.control(fault="no-starttls")
        self.try_it("upgraded")  # 127.0.0.1: nobody else can listen
        self.assertEqual(server.messages()["messages"][2]["security"], "none")

    def test_what_is_read(self):
        server = self.server()
        self.configure(language="zh", channels={"mail": self.channel(server)})
        self.try_it("mail")
        taken = server.messages()["messages"][0]
        self.assertEqual((taken["user"], taken["from"], taken["to"]),
                         ("sluice", "sluice@example.com", ["a@example.com", "b@example.com"]))
        self.assertTrue(taken["text"].isascii())
        mail = self.mails(server)[0]
        self.assertEqual(mail.defects, [])
        self.assertEqual(mail["Subject"], "【提示】测试：同步失败")
        self.assertEqual([a.addr_spec for a in mail["To"].addresses], taken["to"])
        self.assertEqual(mail["From"].addresses[0].addr_spec, taken["from"])
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertRegex(mail["Message-ID"], r"^<[!-;=?-~]+@example\.com>$")
        self.assertEqual((mail.get_content_type(), mail.get_content_charset()), ("text/plain", "utf-8"))
        self.assertIn("这是一条测试消息", mail.get_content())
        self.assertAlmostEqual(mail["Date"].datetime.timestamp(), taken["at_ms"] / 1000, delta=60)

    def test_no_fall_back_to_clear_text(self):
        server = self.server("--address", "127.0.0.2", "--fault", "no-starttls")
        self.configure(channels={"mail": self.channel(server, "smtp")})
        self.assertIn("offers no TLS", self.try_it("mail", code=1))
        taken = server.messages()
        self.assertEqual((taken["accepted"], taken["logins"], taken["logins_in_clear"]), (0, 0, 0))
        server.control(fault="none")
        self.try_it("mail")
        self.assertEqual(server.messages()["messages"][0]["security"], "starttls")

    def test_no_clear_text_by_a_name_of_this_machine_before_an_at(self):
        server = self.server("--address", "127.0.0.2", "--fault", "no-starttls")
        port = server.hello["smtp"].rsplit(":", 1)[1]
        self.configure(channels={"mail": self.channel(server, url=f"smtp://127.0.0.1:x@127.0.0.2:{port}")})
        self.try_it("mail", code=1)
        taken = server.messages()
        self.assertEqual((taken["accepted"], taken["logins_in_clear"]), (0, 0))

    def test_certificates(self):
        server = self.server()
        self.configure(channels={f"{way}-{who}": self.channel(server, way, ca_file=path)
                                 for way in ("smtp", "smtps")
                                 for who, path in (("stranger", None), ("known", server.hello["ca_file"]))})
        self.assertIn("certificate", self.try_it("smtp-stranger", code=1))
        self.assertIn("certificate", self.try_it("smtps-stranger", code=1))
        server.control(fault="wrong-host")
        self.assertIn("certificate", self.try_it("smtp-known", code=1))
        self.assertIn("certificate", self.try_it("smtps-known", code=1))
        taken = server.messages()
        self.assertEqual((taken["connections"], taken["accepted"], taken["logins"], taken["bad_logins"]), (4, 0, 0, 0))

    def test_a_wrong_password(self):
        server = self.server()
        self.configure(channels={"mail": self.channel(server)})
        said = self.try_it("mail", code=1, password=CANARIES[3])
        self.assertIn("login", said)
        for form in (f"\0sluice\0{CANARIES[3]}", CANARIES[3]):
            self.assertNotIn(base64.b64encode(form.encode()).decode(), said)
        taken = server.messages()
        self.assertEqual((taken["accepted"], taken["logins"], taken["bad_logins"]), (0, 0, 1))

    def test_each_stage_refused(self):
        server = self.server()
        self.configure(channels={"soon": self.channel(server), "never": self.channel(server)})
        for stage in self.STAGES:
            with self.subTest(stage=stage):
                server.control(fault=stage, value=451)
                if stage != "ehlo":  # the client goes on with HELO then, and may not log in
                    self.assertIn("could not be sent", self.try_it("soon", code=1))
                server.control(fault=stage, value=554)
                said = self.try_it("never", code=1)
                self.assertNotIn("could not be sent", said)
                self.assertIn({"auth": "login", "ehlo": "530"}.get(stage, "554"), said)
        self.assertEqual(server.messages()["accepted"], 0)

    def test_faults_of_the_way(self):
        server = self.server()
        self.configure(channels={"mail": self.channel(server, timeout="1s")})
        for fault in ("down", "cut", "slow"):
            with self.subTest(fault=fault):
                server.control(fault=fault)
                self.assertIn("could not be sent", self.try_it("mail", code=1))
        self.assertEqual(server.messages()["accepted"], 0)

    def test_one_unknown_recipient(self):
        server = self.server("--unknown", "b@example.com")
        self.configure(channels={"mail": self.channel(server)})
        self.assertIn("550", self.try_it("mail"))
        self.assertEqual([m["to"] for m in server.messages()["messages"]], [["a@example.com"]])
        self.configure(channels={"mail": self.channel(server, to=["b@example.com"])})
        self.assertIn("550", self.try_it("mail", code=1))
        self.assertEqual(server.messages()["accepted"], 1)

    def test_too_large(self):
        server = self.server("--size", "200")
        self.configure(channels={"mail": self.channel(server)})
        self.assertIn("552", self.try_it("mail", code=1))
        self.assertEqual(server.messages()["accepted"], 0)

    def test_addresses_with_more_in_them(self):
        server = self.server()
        for wrong in ("a@example.com\r\nBcc: e@example.com", "a@example.com>\r\nRCPT TO:<e@example.com", "a@b\tc",
                      "a@b\0c", "张@example.com", "a@b,c@d", "@example.com", "a@"):
            for member in ({"from": wrong}, {"to": [wrong]}):
                self.configure(channels={"mail": self.channel(server, **member)})
                done = self.project.run("check", json=False)
                self.assertIn("plain mail addresses", done.out + done.err, repr(wrong))
        for member in ("url", "user"):
            self.configure(channels={"mail": self.channel(server, **{member: "${env:BAD}"})})
            bad = server.hello["smtps"] + "/x\r\nRSET" if member == "url" else "sluice\r\nRSET"
            self.alerts("test", "mail", code=1, env={"MAIL": self.PASSWORD, "BAD": bad})
        self.assertEqual(server.messages()["accepted"], 0)

    def test_refused_for_now_is_tried_again_and_refused_for_good_is_not(self):
        now, good = self.server("--fault", "rcpt=451"), self.server("--fault", "mail=550")
        lost = self.server("--fault", "unanswered")
        self.configure(language="en", channels={
            "now": self.channel(now), "good": self.channel(good), "lost": self.channel(lost)})
        self.failing()
        self.serve(env={"MAIL": self.PASSWORD})
        self.wait(lambda: now.messages()["connections"] >= 4, "the fourth attempt")
        self.wait(lambda: lost.messages()["accepted"] >= 2, "the second copy")
        self.assertEqual(good.messages()["connections"], 1)
        states = {c["name"]: c for c in self.alerts("channels", "--json").json["channels"]}
        self.assertEqual(states["good"]["state"], "broken")
        self.assertIn("550", json.dumps(states["good"]))
        now.control(fault="none")
        self.wait(lambda: now.messages()["accepted"], "the mail arrives")
        self.assertIn("run failed", self.mails(now)[0].get_content().lower())
        self.assertEqual(len({m["Message-ID"] for m in self.mails(lost)[:2]}), 1)


class Serving(Case):
    """The same with `serve`, which finds out for itself."""

    def test_a_failure_outlives_the_outage_and_the_process(self):
        robot = self.robot("dingtalk-robot", "--fault", "down")
        self.configure(language="en",
                       channels={"ops": {"type": "dingtalk", "webhook": robot.hello["webhook"]}})
        self.failing()
        process, _ = self.serve()
        self.wait(lambda: self.alerts("list", "--json").json["firing"], "an alert fires")
        self.wait(lambda: self.alerts("channels", "--json").json["channels"][0]["waiting"], "a message waits")
        process.send_signal(signal.SIGKILL)
        process.wait()
        robot.control(fault="none")
        self.serve()
        self.wait(lambda: robot.messages()["accepted"], "the message arrives")
        text = robot.messages()["messages"][0]["body"]["markdown"]["text"]
        self.assertIn("run failed", text)
        self.assertIn("To do", text)


if __name__ == "__main__":
    unittest.main()
