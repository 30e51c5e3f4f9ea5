"""What end-to-end tests stand on: private database servers, the simulator, a project folder, and the oracle.

    with Sim("--orders", "200") as sim, MariaDB() as db, Project(sim, db) as project:
        summary = project.run("run", "orders").json
        self.assertEqual(compare(sim.truth(), project.table_rows()), "")

Everything lives in temporary folders and ends with the test, whatever becomes of it.
"""
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

import pymysql

from .process import end, free_port, release_port, spawn, wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SLUICE = os.environ.get("SLUICE", os.path.join(ROOT, "build", "sluice"))
SLUICE_SIM = os.environ.get("SLUICE_SIM", os.path.join(ROOT, "build", "sluice-sim"))
SEED = os.path.join(ROOT, "examples", "seed")
TABLE = "order_list_query"


class Raw(str):
    """A JSON number kept as the digits that were sent."""


def loads(text):
    return json.loads(text, parse_int=Raw, parse_float=Raw)


class SqlServer:
    """A private server on 127.0.0.1 with the database `bi`, which the user bi / bi-secret owns."""

    name = None
    options = ()

    def __init__(self, *options):
        self.extra = options
        self.folder = tempfile.mkdtemp(prefix="sluice-sql-")
        self.port = free_port()
        self.socket = os.path.join(self.folder, "sock")
        self.process = None
        try:
            self._initialise()
            self.start()
            self.execute("CREATE DATABASE bi CHARACTER SET utf8mb4")
            self.execute("CREATE USER 'bi'@'%' IDENTIFIED BY 'bi-secret'")
            self.execute("GRANT ALL ON bi.* TO 'bi'@'%'")
        except BaseException:
            self.close()
            raise

    def _command(self):
        raise NotImplementedError

    def _initialise(self):
        raise NotImplementedError

    def _tmpdir(self):
        folder = os.path.join(self.folder, "tmp")
        os.makedirs(folder, exist_ok=True)
        return folder

    def _quietly(self, argv):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{argv[0]} ended with {done.returncode}:\n{done.stdout[-2000:]}")

    def _user(self):
        return ["--user=root"] if os.getuid() == 0 else []

    def start(self):
        """Starts the server and waits until it answers."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = spawn(
                self._command() + self._user() + [
                    f"--datadir={self.folder}/data", f"--tmpdir={self._tmpdir()}", f"--socket={self.socket}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1", f"--pid-file={self.folder}/pid", "--innodb-buffer-pool-size=32M",
                    "--skip-log-bin", *self.options, *self.extra],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._answers, self.process, 120, f"{self.name} in {self.folder}")

    def _answers(self):
        try:
            self.connect(database=None).close()
            return True
        except pymysql.err.OperationalError:
            return False

    def stop(self):
        """An orderly end."""
        return end(self.process, signal.SIGTERM, 60)

    def kill9(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def connect(self, **options):
        """As root, through the socket, committing each statement."""
        options = {"user": "root", "database": "bi", "charset": "utf8mb4", "autocommit": True, **options}
        return pymysql.connect(unix_socket=self.socket, **options)

    def query(self, sql, args=None):
        """All rows, as dictionaries."""
        with self.connect() as c, c.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(sql, args)
            return list(cursor.fetchall())

    def execute(self, sql, args=None):
        with self.connect(database=None) as c, c.cursor() as cursor:
            if sql.split(None, 1)[0].upper() not in ("CREATE", "GRANT", "DROP", "SET") or "TABLE" in sql[:20].upper():
                c.select_db("bi")
            return cursor.execute(sql, args)

    def end_sessions(self, user="bi"):
        """Ends what this user has open. By SHOW: information_schema.processlist fails in MySQL where a running
        statement holds a character of four bytes."""
        for session in self.query("SHOW PROCESSLIST"):
            if session["User"] == user:
                try:
                    self.execute(f"KILL CONNECTION {session['Id']}")
                except pymysql.err.MySQLError as e:
                    if e.args[0] != pymysql.constants.ER.NO_SUCH_THREAD:  # it has ended by itself
                        raise

    @property
    def connection(self):
        """The connection document for a project."""
        return {"connector": "mysql", "params": {
            "host": "127.0.0.1", "port": self.port, "user": "bi", "password": "bi-secret", "database": "bi"}}

    def close(self):
        if self.alive():
            self.kill9()
        shutil.rmtree(self.folder, ignore_errors=True)
        release_port(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class MariaDB(SqlServer):
    name = "mariadbd"
    options = ("--skip-name-resolve", "--innodb-log-file-size=16M")

    def _command(self):
        return [shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin"), "--no-defaults"]

    def _initialise(self):
        # a folder of its own for temporary tables: a server that starts removes those it finds, whosever they are
        self._quietly(["mariadb-install-db", "--no-defaults", *self._user(), f"--datadir={self.folder}/data",
                       f"--tmpdir={self._tmpdir()}",
                       "--auth-root-authentication-method=normal", "--skip-test-db"])


class MySQL(SqlServer):
    """MySQL from tools/mysql-server; accounts use caching_sha2_password. SkipTest where it cannot be had, an error
    in CI."""

    name = "mysqld"
    options = ("--mysqlx=OFF", "--performance-schema=OFF", "--local-infile=ON", "--innodb-redo-log-capacity=32M")
    tool = os.path.join(ROOT, "tools", "mysql-server")

    def _command(self):
        return [self.tool, "run"]

    def _initialise(self):
        ready = subprocess.run([self.tool, "setup"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if ready.returncode:
            if os.environ.get("CI"):
                raise RuntimeError(f"tools/mysql-server setup: {ready.stderr}")
            raise unittest.SkipTest("no MySQL server: " + ready.stderr.strip().replace("\n", "; "))
        self._quietly([*self._command(), *self._user(), "--initialize-insecure", f"--datadir={self.folder}/data"])


class Sim:
    """sluice-sim jushuitan-qimen, or another by name. Options as on its command line; --qps 0 unless told."""

    def __init__(self, *options, name="jushuitan-qimen"):
        if "--qps" not in options:
            options = (*options, "--qps", "0")
        self.process = spawn([SLUICE_SIM, name, *options], stdout=subprocess.PIPE, text=True,
                             death_signal=signal.SIGTERM)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator did not start: {self.process.wait()}")
        self.hello = json.loads(line)

    def ask(self, method, path, body=None):
        link = http.client.HTTPConnection("127.0.0.1", self.hello["port"], timeout=120)
        try:
            link.request(method, path, body)
            reply = link.getresponse()
            text = reply.read().decode()
            if reply.status != 200:
                raise RuntimeError(f"{method} {path}: {reply.status} {text}")
            return text
        finally:
            link.close()

    def truth(self):
        """The rows that a perfect copy of the seed case holds, numbers as they were sent."""
        return [loads(line) for line in self.ask("GET", "/truth").splitlines()]

    def raw(self):
        """The records as the API shows them."""
        return [loads(line) for line in self.ask("GET", "/truth?raw=1").splitlines()]

    def stats(self):
        return json.loads(self.ask("GET", "/stats"))

    def control(self, **wish):
        """control(fault="drift", value=3), control(advance_ms=5000), control(edit=[900001]), control(new=3)."""
        return json.loads(self.ask("POST", "/control", json.dumps(wish)))

    @property
    def connection(self):
        return self.hello["connection"]

    def close(self):
        status = end(self.process)
        self.process.stdout.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Result:
    """How a command ended: code, out, err; json: the first object on stdout, jsons: all of them."""

    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    @property
    def jsons(self):
        text, decoder, found = self.out.strip(), json.JSONDecoder(), []
        while text:
            value, used = decoder.raw_decode(text)
            found.append(value)
            text = text[used:].lstrip()
        return found

    @property
    def json(self):
        try:
            return self.jsons[0]
        except (IndexError, ValueError):
            raise AssertionError(f"no JSON on stdout: {self}") from None

    def __repr__(self):
        return f"{' '.join(self.argv)}\nended with {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Project:
    """A project folder with the seed case: connection jst (the simulator), connection bi (a SqlServer, or SQLite when
    target is None), integration orders. Keyword arguments are members of the integration document (start, lag,
    overlap, keep …); the target's table is made unless create=False."""

    def __init__(self, sim, target=None, create=True, **integration):
        self.sim, self.target = sim, target
        self.home = tempfile.mkdtemp(prefix="sluice-home-")
        self.folder = os.path.join(self.home, "project")
        self.database = os.path.join(self.folder, "bi.db")
        for name in ("connections", "integrations"):
            os.makedirs(os.path.join(self.folder, name))
        for name in ("orders.source.json", "orders.target.json"):
            shutil.copy(os.path.join(SEED, name), os.path.join(self.folder, "integrations", name))
        self._remedy_at_another_time()
        self.write("sluice.json", {})
        if sim:
            self.write("connections/jst.json", sim.connection)
            integration.setdefault("start", sim.hello["from"])
        self.write("connections/bi.json",
                   target.connection if target else {"connector": "sqlite", "params": {"path": "bi.db"}})
        self.write("integrations/orders.json", {
            "title": "销售订单",
            "source": {"connection": "jst", "crontab": "*/5 * * * *", "metadata": "orders.source.json"},
            "target": {"connection": "bi", "metadata": "orders.target.json"}, "lag": "0s", **integration})
        if create:
            self.create_table()

    def write(self, path, document):
        """A file of the project: text as it is, anything else as JSON."""
        with open(os.path.join(self.folder, path), "w", encoding="utf-8") as f:
            f.write(document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, indent=2))

    def read(self, path):
        with open(os.path.join(self.folder, path), encoding="utf-8") as f:
            return json.load(f)

    def columns(self):
        """The seed statement's columns, in order."""
        rows = self.read("integrations/orders.target.json")["otherRequest"]
        statement = next(row["value"] for row in rows if row["field"] == "main_sql")
        return statement[statement.index("(") + 1:statement.index(")")].split(",")

    def _remedy_at_another_time(self):
        """The seed's second look is due at 00:02 in China, and a main run that passes that minute takes it along; the
        tests should read the same at any time of day."""
        path = os.path.join(self.folder, "integrations", "orders.source.json")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        hour = (datetime.now(timezone(timedelta(hours=8))).hour + 12) % 24
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace('"crontab": "2 0 * * *"', f'"crontab": "2 {hour} * * *"'))

    def create_table(self, types=None):
        """The seed's table: all text but the key, or as `types` {column: type} says."""
        kinds = dict.fromkeys(self.columns(), "TEXT")
        kinds["id"] = "VARCHAR(64) PRIMARY KEY" if self.target else "TEXT PRIMARY KEY"
        kinds.update(types or {})
        body = ", ".join(f"`{name}` {kind}" for name, kind in kinds.items())
        end_of = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" if self.target else ""
        self.execute(f"CREATE TABLE {TABLE} ({body}){end_of}")

    def execute(self, sql):
        if self.target:
            self.target.execute(sql)
            return
        link = sqlite3.connect(self.database, timeout=30)
        with link:
            link.execute(sql)
        link.close()

    def query(self, sql):
        """Rows of the target as dictionaries."""
        if self.target:
            return self.target.query(sql)
        link = sqlite3.connect(self.database, timeout=30)
        link.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in link.execute(sql)]
        finally:
            link.close()

    def table_rows(self, table=TABLE):
        return self.query(f"SELECT * FROM {table}")

    def command(self, *args, json=True):
        """What to start for `sluice args…`, in environment()."""
        return [SLUICE, *(args or ("run", "orders")), "-C", self.folder, *(["--json"] if json else [])]

    def environment(self, more=None):
        return {**os.environ, "HOME": self.home, "XDG_CONFIG_HOME": os.path.join(self.home, "config"),
                "SLUICE_CONNECTORS": os.path.join(ROOT, "connectors"), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
                **(more or {})}

    def start(self, *args, json=True, env=None, **options):
        """The command as a running process (Popen with text pipes unless told)."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, "text": True,
                   **options}
        return spawn(self.command(*args, json=json), env=self.environment(env), **options)

    def run(self, *args, json=True, env=None, timeout=300, stdin=None):
        """Runs `sluice args…` (`run orders` when there are none) to its end and answers a Result."""
        argv = self.command(*args, json=json)
        process = self.start(*args, json=json, env=env, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL)
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"still running after {timeout} s: {Result(argv, None, out, err)}") from None
        return Result(argv, process.returncode, out, err)

    def close(self):
        if sys.exc_info()[0] and os.environ.get("KEEP"):
            print(f"kept: {self.home}", file=sys.stderr)
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _same(truth, value):
    """A value of the oracle against one of a table. Text must be equal; typed columns are compared as their type,
    where an empty text has become NULL."""
    if truth is None or value is None:
        return truth is value
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        if isinstance(truth, bool):
            return int(truth) == value
        try:
            return Decimal(str(truth)) == Decimal(str(value))
        except InvalidOperation:
            return False
    if isinstance(value, datetime):
        return str(truth)[:19] == value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return str(truth)[:10] == value.isoformat()
    if isinstance(truth, bool):
        return value == ("true" if truth else "false")
    return str(truth) == str(value)


def compare(truth, table, key="id", blank_is_null=()):
    """"" when the table holds exactly the rows of the truth; else the first difference, readable. blank_is_null names
    the columns (numbers, dates) in which an empty text becomes NULL."""
    wanted = {str(row[key]): row for row in truth}
    found = {}
    for row in table:
        if str(row[key]) in found:
            return f"{key} {row[key]} is there twice"
        found[str(row[key])] = row
    missing = sorted(wanted.keys() - found.keys())
    extra = sorted(found.keys() - wanted.keys())
    if missing or extra:
        return (f"{len(wanted)} rows expected, {len(found)} found; {len(missing)} missing {missing[:5]}, "
                f"{len(extra)} too many {extra[:5]}")
    for name, row in wanted.items():
        for column, value in row.items():
            if column not in found[name]:
                return f"the table has no column {column}"
            if column in blank_is_null and value == "":
                value = None
            if not _same(value, found[name][column]):
                return f"{key} {name}, {column}: {value!r} expected, {found[name][column]!r} found"
    return ""
