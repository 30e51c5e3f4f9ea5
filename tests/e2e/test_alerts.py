"""Alerts against the simulators of those who are told: each channel, signatures, limits and bans, an outage, kill -9,
silences, and that no secret is shown."""
import base64
import email
import email.policy
import http.client
import json
import os
import signal
import socket
import ssl
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


class MailServer:
    """One account over TLS from the first byte, with a certificate of its own; keeps what it takes."""

    def __init__(self, folder, user, password):
        self.cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", key, "-out", self.cert, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.cert, key)
        self.login = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtps://127.0.0.1:{self.listener.getsockname()[1]}"
        self.mails, self.recipients, self.clear = [], [], []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(raw, server_side=True) as link, link.makefile("rwb") as f:
                    self._talk(f)
            except OSError:
                pass

    def _say(self, f, line):
        f.write(line.encode() + b"\r\n")
        f.flush()

    def _talk(self, f):
        self._say(f, "220 localhost")
        known = False
        for raw in f:
            line = raw.decode().strip()
            if line.startswith("EHLO"):
                self._say(f, "250-localhost\r\n250 AUTH PLAIN")
            elif line.startswith("AUTH PLAIN"):
                given = line[11:]
                if not given:
                    self._say(f, "334 ")
                    given = f.readline().decode().strip()
                known = given == self.login
                self._say(f, "235 ok" if known else "535 no such account")
            elif line.startswith("MAIL"):
                self._say(f, "250 ok" if known else "530 log in first")
            elif line.startswith("RCPT"):
                self.recipients.append(line)
                self._say(f, "250 ok")
            elif line == "DATA":
                self._say(f, "354 go on")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += f.readline()
                self.mails.append(email.message_from_bytes(text[:-5], policy=email.policy.default))
                self._say(f, "250 taken")
            elif line == "QUIT":
                self._say(f, "221 bye")
                return
            else:
                self._say(f, "502 what?")

    def close(self):
        self.listener.close()


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

    def test_mail(self):
        server = MailServer(self.project.home, "sluice", CANARIES[2])
        self.addCleanup(server.close)
        mail = {"type": "smtp", "url": server.url, "user": "sluice", "password": "${env:MAIL}", "ca_file": server.cert,
                "from": "sluice@example.com", "to": ["a@example.com", "b@example.com"]}
        self.configure(language="zh", channels={
            "mail": mail, "stranger": {key: mail[key] for key in mail if key != "ca_file"}})
        self.alerts("test", "mail", env={"MAIL": CANARIES[2]})
        self.assertEqual(len(server.recipients), 2)
        self.assertEqual(server.mails[0]["Subject"], "【提示】测试：同步失败")
        self.assertIn("这是一条测试消息", server.mails[0].get_content())
        self.assertIn("login", self.alerts("test", "mail", code=1, env={"MAIL": CANARIES[3]}).err)
        self.assertIn("certificate", self.alerts("test", "stranger", code=1, env={"MAIL": CANARIES[2]}).err)
        self.assertEqual(len(server.mails), 1)

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


class Serving(Case):
    """The same with `serve`, which finds out for itself."""

    def serve(self):
        process = self.project.start("serve", "--listen", "127.0.0.1:0", stderr=subprocess.DEVNULL)
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

    def test_a_failure_outlives_the_outage_and_the_process(self):
        robot = self.robot("dingtalk-robot", "--fault", "down")
        self.configure(language="en",
                       channels={"ops": {"type": "dingtalk", "webhook": robot.hello["webhook"]}})
        self.project.write("integrations/orders.json",
                           {**self.project.read("integrations/orders.json"),
                            "source": {"connection": "jst", "crontab": "@every 1s", "metadata": "orders.source.json"}})
        self.project.execute(f"DROP TABLE {TABLE}")
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
