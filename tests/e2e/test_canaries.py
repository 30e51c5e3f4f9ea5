"""Secrets are nowhere. More than 50 distinct ones stand wherever a secret can stand: parameters of connections, the
encrypted store, files, the environment, passwords, sessions, API tokens, tokens that an API gave, robots and their
keys, mail, collectors. Commands and a serve run at debug level against others who are well, who refuse, and who quote
each request back in every way. Then all that was printed, answered, streamed, sent, kept and shown by the kernel is
searched.

Every secret holds MARK, which is searched in all forms that people write texts in. PLANT is no secret and stands where
the search has to find it: a kind of place in which it is not found was not searched."""
import base64
import email
import email.policy
import html
import http.server
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.callers import Caller, operations, people  # noqa: E402
from lib.case import RunCase, hurried  # noqa: E402
from lib.collector import Collector  # noqa: E402
from lib.process import end, spawn  # noqa: E402
from lib.servers import SLUICE, MariaDB, Project  # noqa: E402
from lib.serving import Serving  # noqa: E402
from test_alerts import Robot  # noqa: E402

MARK = b"cAnRyQ7x2"
PLANT = b"pLaNtW5v9"
PLACES = {"command", "serve's log", "answer", "stream", "alert", "mail", "state", "table", "argv", "environ"}
ODD = "\"\\ %/+&<='é订"  # what somebody's escaping may get wrong


def forms(word):
    """The word in all the ways in which texts hold it; to be searched in text whose letters are small."""
    yield word.lower()
    yield b"".join(b"%%%02x" % c for c in word)
    yield b"".join(b"\\u%04x" % c for c in word)
    yield b"".join(b"&#%d;" % c for c in word)
    yield word.hex().encode()
    yield word.decode().encode("utf-16-le").lower()


def base64_forms(word):
    for before in range(3):
        text = base64.b64encode(b"\0" * before + word)
        yield text[(0, 2, 3)[before]:(before + len(word)) * 8 // 6]


class Search:
    """Looks for MARK and PLANT, and for secrets that others made up; keeps where they were found."""

    def __init__(self):
        self.searched, self.leaks, self.plants, self.made = 0, [], set(), []

    def look(self, place, name, data):
        data = data.encode() if isinstance(data, str) else data
        small = data.lower()
        self.searched += 1
        for wanted in (MARK, *self.made):
            at = next((small.find(form) for form in forms(wanted) if form in small), -1)
            if at < 0:
                at = next((data.find(form) for form in base64_forms(wanted) if form in data), -1)
            if at >= 0:
                self.leaks.append(f"{place} {name}: {data[max(0, at - 60):at + 60]!r}")
        if any(form in small for form in forms(PLANT)):
            self.plants.add(place)


class Secrets(dict):
    """What stands where; each is another."""

    def new(self, where, odd=""):
        assert where not in self
        self[where] = f"{odd}{MARK.decode()}{len(self):02d}{secrets.token_hex(4)}{odd}"
        return self[where]


class Echo:
    """Quotes every request back, whole, in the way that its path names; hands out tokens that are secrets."""

    def __init__(self, test, tokens):
        echo = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                with echo.lock:
                    echo.seen.append(self.path + str(self.headers) + body)
                self.answer(self.path + "\n" + str(self.headers) + "\n" + body)

            do_GET = do_POST

            def answer(self, quoted):
                way = self.path.split("/")[1]
                status, more = 200, {}
                if "/login" in self.path:
                    said = json.dumps({"code": 0, **tokens})
                elif way in ("500", "401"):
                    status, said = int(way), quoted
                elif way == "coded":
                    said = json.dumps({"code": 7, "msg": quoted, "again": json.dumps(quoted),
                                       "basic": base64.b64encode(quoted.encode()).decode()}, ensure_ascii=False)
                elif way == "twice":
                    said = json.dumps({"code": 7, "msg": urllib.parse.unquote_plus(json.dumps({"you sent": quoted}))})
                elif way == "basic":
                    said = json.dumps({"code": 7, "msg": base64.b64encode(quoted.encode()).decode()})
                elif way == "html":
                    said = f"<html>{html.escape(urllib.parse.unquote_plus(quoted))}</html>"
                elif way == "redirect":
                    status, said, more = 302, "", {"Location": "http://127.0.0.1:1/?" + urllib.parse.quote(quoted)}
                else:
                    status, said = 404, urllib.parse.quote_plus(quoted)
                data = said.encode()
                self.send_response(status)
                more.update({"Content-Type": "application/json", "Content-Length": str(len(data))})
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.lock, self.seen = threading.Lock(), []
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)


CONNECTOR = {
    "name": "echo", "title": "Echo", "kind": "http",
    "options": [{"name": "base_url", "type": "url", "required": True},
                {"name": "header", "secret": True}, {"name": "key", "secret": True}, {"name": "pair", "secret": True}],
    "request": {
        "method": "POST", "wire": "form", "system_in": "query",
        "system": [{"name": "key", "value": "${option:key}"}, {"name": "token", "value": "${token}"}],
        "headers": [{"name": "Authorization", "value": "Bearer ${option:header}"},
                    {"name": "X-Pair", "value": "${option:pair}"}]},
    "token": {"login": {"path": "/login", "params": [{"name": "key", "value": "${option:key}"}]},
              "access": "access_token", "refresh_token": "refresh_token", "expires_in": "expires_in"},
    "reply": {"failures": [{"where": {"path": "code", "not_equals": 0}, "code": "code", "message": ["msg", "again"]}]},
    "codes": [{"codes": [7], "react": "stop", "error": "remote"}],
    "interfaces": [{"name": "rows", "path": "/rows", "records": ["rows"], "id": "id",
                    "window": {"from": "since", "to": "until", "max": "31d", "field": "modified"}}],
}
SOURCE = {"api": "rows", "effect": "QUERY", "method": "POST", "id": "id", "request": [
    {"field": "since", "type": "string", "value": "{{LAST_SYNC_TIME|datetime}}"},
    {"field": "until", "type": "string", "value": "{{CURRENT_TIME|datetime}}"}]}
TARGET = {"api": "batchexecute", "effect": "EXECUTE", "method": "SQL", "id": "id", "table": "echoed",
          "request": [{"field": "id", "type": "string", "value": "{id}"}]}
WAYS = ("500", "401", "coded", "twice", "basic", "html", "redirect", "none")


class World:
    """The project, and everybody whom it talks to."""

    def __init__(self, test):
        self.test, self.secrets, self.search, self.env = test, Secrets(), Search(), {"NOTE": PLANT.decode()}
        new = self.secrets.new
        sim_secret = new("app secret")
        self.sim = test.sim("--orders", "60", "--seed", "3", "--app-secret", sim_secret)
        self.project = Project(self.sim, test.db)
        test.addCleanup(self.project.close)
        named = os.path.join(self.project.home, PLANT.decode())
        os.symlink(self.project.folder, named)
        self.project.folder = named  # so that it stands in the arguments
        os.mkdir(os.path.join(named, "secrets"))
        os.makedirs(os.path.join(named, "connectors", "echo"))
        self.project.write("connectors/echo/connector.json", CONNECTOR)
        self.echo = Echo(test, {"access_token": new("access token"), "refresh_token": new("refresh token"),
                                "expires_in": 7200})
        self.sources(sim_secret)
        self.targets()
        self.others()

    # ---- where a secret can stand ----

    def by_env(self, where, odd="", value=None):
        value = value or self.secrets.new(where, odd)
        self.env[f"E{len(self.env)}"] = value
        return "${env:E%d}" % (len(self.env) - 1)

    def by_file(self, where, odd="", value=None):
        name = f"secrets/s{len(self.secrets)}"
        self.project.write(name, (value or self.secrets.new(where, odd)) + "\n")
        return "${file:%s}" % name

    def by_store(self, where, odd="", value=None):
        name = f"n{len(self.secrets)}"
        result = self.project.run("secret", "set", name, stdin=value or self.secrets.new(where, odd))
        self.test.assertEqual(result.code, 0, result)
        self.search.look("command", "secret set", result.out + result.err)
        return "${secret:%s}" % name

    def integration(self, name, source, target, source_document="orders.source.json",
                    target_document="orders.target.json"):
        self.project.write(f"integrations/{name}.json", {
            "title": name, "start": self.sim.hello["from"], "lag": "0s", "keep": "records",
            "source": {"connection": source, "crontab": "@every 1h", "metadata": source_document},
            "target": {"connection": target, "metadata": target_document}})

    def sources(self, sim_secret):
        project = self.project
        jst = hurried(self.sim)
        jst["params"].update(app_secret=self.by_env("", value=sim_secret), session=self.by_store("session"))
        project.write("connections/jst.json", jst)
        project.write("integrations/echo.source.json", SOURCE)
        project.write("integrations/echo.target.json", TARGET)
        self.integration("orders", "jst", "bi")
        kinds = (self.by_env, self.by_file, self.by_store)
        for i, way in enumerate(WAYS):
            by = [kinds[(i + j) % 3] for j in range(4)]
            project.write(f"connections/to-{way}.json", {"connector": "echo", "timeout": "5s", "params": {
                "base_url": f"{self.echo.address}/{way}/{by[0](way + ' in the address')}",
                "header": by[1](way + " header"), "key": by[2](way + " key", ODD),
                "pair": by[3](way + " pair", "\"\\")}})
            self.integration(f"{PLANT.decode()}-{way}", f"to-{way}", "bi", "echo.source.json", "echo.target.json")
        project.write("connections/literal.json", {"connector": "echo", "params": {
            "base_url": self.echo.address + "/401/x", "header": self.secrets.new("literal in a document"), "key": "k"}})
        self.integration("literal", "literal", "bi", "echo.source.json", "echo.target.json")
        project.write("connections/open.json", {"connector": "jushuitan-open", "params": {
            "base_url": self.echo.address + "/html", "app_key": "1", "app_secret": self.by_store("open app secret")}})

    def targets(self):
        db, project, new = self.test.db, self.project, self.secrets.new
        right = new("database password")
        for user, password in (("bi2", right), ("norights", new("password without rights"))):
            db.execute(f"DROP USER IF EXISTS {user}")
            db.execute(f"CREATE USER {user} IDENTIFIED BY '{password}'")
        db.execute("GRANT ALL ON bi.* TO bi2")
        db.execute("CREATE TABLE echoed (id VARCHAR(64) PRIMARY KEY)")
        base = {"host": "127.0.0.1", "port": db.port, "user": "bi2", "database": "bi"}
        project.write("connections/bi.json", {"connector": "mysql", "params": {
            **base, "password": self.by_file("", value=right)}})
        for name, params in {
                "wrong-password": {"password": self.by_env("wrong password", ODD)},
                "wrong-user": {"user": self.by_env("user's name"), "password": self.by_store("password of nobody")},
                "no-rights": {"user": "norights", "password": self.secrets["password without rights"]},
                "no-database": {"database": self.by_file("database's name"), "password": right},
                "no-host": {"host": self.by_env("host's name"), "password": right},
                "no-tls": {"tls": "require", "password": right}}.items():
            project.write(f"connections/{name}.json", {"connector": "mysql", "params": {**base, **params}})
            self.integration(f"to-{name}", "jst", name)
        project.write("connections/no-file.json", {"connector": "sqlite", "params": {
            "path": f"nowhere/{self.by_store('folder')}/bi.db"}})
        self.integration("to-no-file", "jst", "no-file")

    def others(self):
        """Robots, mail, hooks, a collector, the key of the store, secrets that nothing uses."""
        test, project, new = self.test, self.project, self.secrets.new
        keys = {name: new(name + " key") for name in ("dingtalk", "feishu", "webhook")}
        self.robots = {}
        for name in ("dingtalk", "wecom", "feishu", "webhook"):
            program = name if name == "webhook" else name + "-robot"
            self.robots[name] = Robot(program, *(("--secret", keys[name]) if name in keys else ()))
            test.addCleanup(self.robots[name].close)
        channels = {}
        for name, robot in self.robots.items():
            hook = robot.hello["webhook"]
            if name != "webhook":
                self.search.made.append(hook.rsplit("=" if "=" in hook else "/", 1)[1].encode())
            hook += ("&" if "?" in hook else "?") + "more=" + new(name + " address")
            channels[name] = {"type": name, "url" if name == "webhook" else "webhook": self.by_env("", value=hook)}
            if name in keys:
                channels[name]["secret"] = self.by_store("", value=keys[name])
        channels["down"] = {"type": "webhook", "url": f"{self.echo.address}/500/{new('hook that quotes')}",
                            "secret": new("its key")}
        self.mail = Robot("smtp", "--user", new("mail user"), "--password", new("mail password"))
        test.addCleanup(self.mail.close)
        mail = {"type": "smtp", "url": self.mail.hello["smtps"], "ca_file": self.mail.hello["ca_file"],
                "from": "sluice@example.com", "to": ["ops@example.com"]}
        channels["mail"] = {**mail, "user": self.secrets["mail user"],
                            "password": self.by_file("", value=self.secrets["mail password"])}
        channels["mail-refused"] = {**mail, "user": "somebody", "password": self.by_env("wrong mail password")}
        self.collector = Collector(test)
        project.write("sluice.json", {
            "name": "shop", "alerts": {"language": "en", "channels": channels},
            "traces": {"otlp": self.collector.address + "/" + new("collector's address"), "headers": {
                "Authorization": "Bearer " + self.by_env("collector's header"), "X-Key": new("collector's key")}}})
        for odd in ("", ODD):
            self.by_store("unused" + odd, odd)

    # ---- what is searched ----

    def mails(self):
        """As they were sent, and as they are read."""
        for message in self.mail.messages()["messages"]:
            mail = email.message_from_string(message["text"], policy=email.policy.default)
            yield f"{message['text']}\n{mail['Subject']}\n{mail.get_content()}"

    def look(self, place, name, data):
        self.search.look(place, name, data)

    def command(self, *words, stdin=None, code=(0, 1, 2, 3)):
        for options in ((), ("--json",)):
            result = self.project.run(*words, "--verbose", *options, json=False, env=self.env, stdin=stdin)
            self.test.assertIn(result.code, code, result)
            self.look("command", " ".join((*words, *options)), result.out + result.err)
        return result

    def files(self, place, folder):
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if stat.S_ISREG(os.stat(path).st_mode):
                    with open(path, "rb") as f:
                        self.look(place, path, f.read())


def listen(world, serving, stop):
    """Reads the event stream until told to stop."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.path.join(world.project.folder, ".sluice", "serve.sock"))
        s.settimeout(0.2)
        s.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got = b""
        while not stop.is_set():
            try:
                piece = s.recv(1 << 20)
            except socket.timeout:
                continue
            if not piece:
                break
            got += piece
    world.look("stream", "events", got)


class Canaries(RunCase):
    kind = MariaDB
    maxDiff = None

    def commands(self, world):
        for words in (("check",), ("check", "--online"), ("run", "orders"), ("run", f"{PLANT.decode()}-coded"),
                      ("run", f"{PLANT.decode()}-401"), ("run", "to-wrong-password"), ("run", "to-no-rights"),
                      ("run", "to-no-database"), ("run", "to-no-file"), ("preview", f"{PLANT.decode()}-twice"),
                      ("preview", "orders"), ("ddl", "orders"), ("status",), ("status", "orders"),
                      ("status", f"{PLANT.decode()}-coded"), ("runs", f"{PLANT.decode()}-coded"), ("log", "orders"),
                      ("log", f"{PLANT.decode()}-401"), ("records", "orders"), ("fields", "orders"),
                      ("cursor", "orders"), ("connectors",), ("connectors", "echo"), ("secret", "list"),
                      ("user", "list"), ("alerts",), ("alerts", "channels"), ("alerts", "test", "down"),
                      ("alerts", "test", "dingtalk"), ("alerts", "test", "mail-refused"), ("audit", "orders"),
                      ("version",)):
            world.command(*words)
        world.command("user", "add", "by-command", "--role", "admin", stdin=world.secrets.new("password by command"))

    def accounts(self, world, serving):
        """People of each role whose passwords, cookies and tokens are secrets, and strangers who try."""
        serving.port = int(serving.url.rsplit(":", 1)[1])
        serving.origin, serving.socket_path = serving.url, os.path.join(world.project.folder, ".sluice", "serve.sock")
        callers = people(serving)
        local = Caller(serving, local=True)
        for name, method, path, body in (
                ("changed password", "PUT", "/api/v1/users/viewer", "password"),
                ("secret by the API", "PUT", "/api/v1/connections/jst/secrets/session", "value"),
                ("secret for no place", "PUT", "/api/v1/connections/to-500/secrets/nothing", "value"),
                ("too much in a login", "POST", "/api/v1/session", "passwort"),
                ("setup token", "POST", "/api/v1/setup", "token")):
            answer = local.call(method, path, {body: world.secrets.new(name, ODD if body == "value" else "")})
            world.look("answer", path, answer.body)
        stranger = Caller(serving)
        stranger.browse()
        for user in ("admin", "nobody"):
            answer = stranger.call("POST", "/api/v1/session", {"user": user, "password": world.secrets.new(
                f"wrong password of {user}", ODD)})
            self.assertEqual(answer.status, 401, answer)
            world.look("answer", "login", answer.body)
        for name, headers in (("foreign token", {"Authorization": "Bearer slc_{}"}),
                              ("foreign cookie", {"Cookie": "sluice={}"}),
                              ("foreign basic", {"Authorization": "Basic {}"})):
            value = world.secrets.new(name)
            answer = Caller(serving).call("GET", "/api/v1/overview",
                                          headers={k: v.format(value) for k, v in headers.items()})
            self.assertEqual(answer.status, 401, answer)
            world.look("answer", name, answer.body)
        for who, caller in callers.items():
            if "Cookie" in caller.headers:
                world.search.made.append(caller.headers["Cookie"].split("=", 1)[1].encode())
            if "Authorization" in caller.headers:
                world.search.made.append(caller.headers["Authorization"].split()[1].encode())
        return callers

    def everything_is_asked(self, world, serving, callers):
        document = callers["admin"].call("GET", "/api/v1/openapi.json").json
        for method, path, operation in operations(document):
            if path == "/api/v1/events" or method not in ("GET", "POST") or path == "/api/v1/session":
                continue
            for name in ("orders", f"{PLANT.decode()}-coded", "to-wrong-password"):
                filled = (path.replace("integrations/{name}", "integrations/" + name)
                          .replace("connections/{name}", "connections/to-" + ("coded" if name == "orders" else "401"))
                          .replace("channels/{name}", "channels/down").replace("{name}", "echo").replace("{id}", "1"))
                if method == "POST" and not filled.endswith(("/test", "/metadata/check", "/metadata/preview")):
                    continue
                answer = callers["admin token"].call(method, filled, {} if method == "POST" else None)
                self.assertLess(answer.status, 600)
                world.look("answer", f"{method} {filled}", answer.body + str(answer.headers).encode())
                if filled == path:
                    break
        for path in ("/", "/connections", "/alerts", "/log", "/users", "/audit", "/metrics", "/healthz", "/readyz"):
            world.look("answer", path, callers["admin"].call("GET", path).body)
        for path in world.search_paths:
            world.look("answer", path, callers["admin token"].call("GET", path).body)

    def everybody_is_tried(self, world, serving, callers):
        """Every integration runs, every connection and channel is tested."""
        admin = callers["admin token"]
        integrations = [row["name"] for row in serving.get("overview")["integrations"]]
        jobs = {name: serving.post(f"integrations/{name}/run") for name in integrations}
        tests = [f"/api/v1/{kind}/{one['name']}/test" for kind, where in (("connections", "connections"), (
            "alerts/channels", "alerts/channels")) for one in serving.get(where)[kind.split("/")[-1]]]
        with ThreadPoolExecutor(4) as pool:
            for path, answer in zip(tests, pool.map(lambda path: admin.call("POST", path, {}), tests)):
                world.look("answer", path, answer.body)
        targets = ("wrong-password", "wrong-user", "no-rights", "no-database", "no-file")
        over = ("orders", "literal", *("to-" + name for name in targets),
                *(f"{PLANT.decode()}-{way}" for way in ("401", "coded", "twice", "basic", "redirect", "none")))
        for name in over:
            serving.job(jobs[name], 90)
        for way in WAYS:
            serving.until(lambda way=way: any(seen.startswith(f"/{way}/") and "/rows" in seen.split("?")[0]
                                              for seen in list(world.echo.seen)), 60, f"a call to {way}")
        for robot in world.robots.values():
            serving.until(lambda robot=robot: PLANT.decode() in json.dumps(robot.messages()), 60, "an alert")
        serving.until(lambda: any(PLANT.decode() in mail for mail in world.mails()), 60, "a mail")

    def what_was_sent(self, world):
        for name, robot in world.robots.items():
            for message in robot.messages()["messages"]:
                world.look("alert", name, json.dumps(message["body"], ensure_ascii=False))
        for mail in world.mails():
            world.look("mail", "mail", mail)

    def the_process(self, world, serving):
        """What the kernel shows of it: what was handed in by the environment stands there, and nothing else."""
        pid = serving.process.pid
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            world.look("argv", pid, f.read())
        with open(f"/proc/{pid}/environ", "rb") as f:
            told = f.read()
        for value in world.env.values():
            told = told if value == PLANT.decode() else told.replace(value.encode(), b"")
        world.look("environ", pid, told)
        with open(f"/proc/{pid}/limits", encoding="ascii") as f:
            core = next(line.split() for line in f if line.startswith("Max core file size"))
        self.assertEqual(core[4:6], ["0", "0"])

    def test_secrets_are_nowhere(self):
        world = World(self)
        self.commands(world)
        serving = Serving(world.project, "--verbose", env=world.env)
        self.addCleanup(serving.__exit__)
        stop = threading.Event()
        stream = threading.Thread(target=listen, args=(world, serving, stop))
        stream.start()
        self.addCleanup(stream.join)
        self.addCleanup(stop.set)
        callers = self.accounts(world, serving)
        self.everybody_is_tried(world, serving, callers)
        world.search_paths = [f"/api/v1/integrations/orders/records/{record['id']}" for record in serving.get(
            "integrations/orders/records?limit=5")["records"]]
        world.search_paths += [f"/api/v1/integrations/orders/export?format={format_}" for format_ in ("csv", "json")]
        self.everything_is_asked(world, serving, callers)
        self.what_was_sent(world)
        self.the_process(world, serving)
        stop.set()
        stream.join()
        self.assertEqual(serving.stop(), 0)
        world.look("serve's log", "stderr", serving.said())
        world.files("state", os.path.join(world.project.folder, ".sluice"))
        self.db.stop()
        world.files("table", os.path.join(self.db.folder, "data", "bi"))
        world.files("table", os.path.join(self.db.folder, "tmp"))
        self.assertGreaterEqual(len(world.secrets), 50)
        self.assertEqual(len(set(world.secrets.values())), len(world.secrets))
        self.assertGreater(world.search.searched, 300)
        self.assertEqual("\n".join(sorted(set(world.search.leaks))), "")
        self.assertEqual(world.search.plants, PLACES)


class Memory(unittest.TestCase):
    """No core is written, and nobody but root may look into the process."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="core-")
        self.addCleanup(shutil.rmtree, self.folder)

    OTHER = "sh -c 'echo http://; exec tail -f /dev/null'"  # a program that keeps nothing secret

    def started(self, command):
        """In the folder, with every core allowed that may be allowed; it has said an address."""
        process = spawn(["sh", "-c", f"ulimit -c unlimited; exec {command}"], cwd=self.folder, stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.folder})
        self.addCleanup(process.stdout.close)
        self.addCleanup(end, process)
        self.assertIn(b"http://", process.stdout.readline())
        return process

    def cores(self, process):
        """Aborts it; the files that are there then and were not before."""
        before = set(os.listdir(self.folder))
        process.send_signal(signal.SIGABRT)
        process.wait()
        return set(os.listdir(self.folder)) - before

    def serve(self):
        with open(os.path.join(self.folder, "sluice.json"), "w", encoding="utf-8") as f:
            f.write("{}")
        for name in ("connections", "integrations"):
            os.mkdir(os.path.join(self.folder, name))
        return f"{SLUICE} serve -C {self.folder} --listen 127.0.0.1:0"

    def test_no_core_is_written(self):
        if not self.cores(self.started(self.OTHER)):
            self.skipTest("this machine writes no cores into the folder of the process")
        self.assertEqual(self.cores(self.started(self.serve())), set())

    def test_others_of_the_same_user_may_not_look(self):
        command, as_user = self.serve(), ""
        if os.getuid() == 0:
            as_user = "setpriv --reuid 65534 --regid 65534 --clear-groups "
            for where, _, names in os.walk(self.folder):
                for path in (where, *(os.path.join(where, name) for name in names)):
                    os.chown(path, 65534, 65534)

        def may_look(process):
            attach = ("import ctypes, sys; libc = ctypes.CDLL(None); "
                      f"sys.exit(0 if libc.ptrace(16, {process.pid}, None, None) == 0 else 1)")
            looked = subprocess.run([*as_user.split(), "/usr/bin/python3", "-c", attach], timeout=60).returncode == 0
            process.kill()  # it may have been left stopped
            return looked

        if not may_look(self.started(as_user + self.OTHER)):
            self.skipTest("nobody may look into another process on this machine")
        self.assertFalse(may_look(self.started(as_user + command)))


if __name__ == "__main__":
    unittest.main()
