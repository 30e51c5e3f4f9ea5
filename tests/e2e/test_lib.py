"""The helpers that other tests trust: the oracle's comparison, the servers' life, children that do not outlive us."""
import os
import subprocess
import sys
import unittest
from datetime import datetime
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from lib.process import free_port, release_port, spawn, wait_until  # noqa: E402
from lib.servers import MariaDB, MySQL, Project, Result, compare  # noqa: E402


class Compare(unittest.TestCase):
    def assert_difference(self, truth, table, text, **options):
        self.assertEqual(compare(truth, table, **options), text)

    def test_equal(self):
        self.assert_difference([], [], "")
        self.assert_difference([{"id": "1", "a": "x", "b": None}], [{"id": "1", "a": "x", "b": None}], "")

    def test_rows(self):
        one, two = {"id": "1"}, {"id": "2"}
        self.assert_difference([one, two], [one], "2 rows expected, 1 found; 1 missing ['2'], 0 too many []")
        self.assert_difference([one], [one, two], "1 rows expected, 2 found; 0 missing [], 1 too many ['2']")
        self.assert_difference([one], [one, one], "id 1 is there twice")

    def test_values(self):
        def differ(truth, value, **options):
            return compare([{"id": "1", "a": truth}], [{"id": "1", "a": value}], **options)
        for truth, value in (("1.50", Decimal("1.5000")), ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
                             ("7", 7), (True, "true")):
            self.assertEqual(differ(truth, value), "")
        for truth, value in (("1.50", "1.5"), ("1.50", Decimal("1.51")), ("", None), (None, ""), ("x", 7), ("a ", "a"),
                             ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 6))):
            self.assertEqual(differ(truth, value), f"id 1, a: {truth!r} expected, {value!r} found")
        self.assertEqual(differ("", None, blank_is_null=("a",)), "")
        self.assertEqual(compare([{"id": "1", "b": "x"}], [{"id": "1"}]), "the table has no column b")


class Servers(unittest.TestCase):
    def check(self, kind):
        with kind() as db, Project(None, db) as project:
            db.execute("INSERT INTO order_list_query (id, remark) VALUES (%s, %s)", ("1", "好👍"))
            db.kill9()
            self.assertFalse(db.alive())
            db.start()
            self.assertEqual([(r["id"], r["remark"]) for r in project.table_rows()], [("1", "好👍")])
            with self.assertRaises(Exception):
                db.connect(user="bi", password="wrong")
            with db.connect(user="bi", password="bi-secret") as link, link.cursor() as cursor:
                cursor.execute("SHOW TABLES")
                self.assertEqual(cursor.fetchall(), (("order_list_query",),))
            self.assertEqual(db.stop(), 0)
            folder = db.folder
        self.assertFalse(os.path.exists(folder))

    def test_mariadb(self):
        self.check(MariaDB)

    def test_mysql(self):
        self.check(MySQL)

    def test_sqlite(self):
        with Project(None) as project:
            project.execute("INSERT INTO order_list_query (id) VALUES ('1')")
            self.assertEqual(project.query("SELECT id FROM order_list_query"), [{"id": "1"}])
            self.assertEqual(len(project.columns()), 69)
            self.assertEqual(project.read("connections/bi.json")["connector"], "sqlite")


class Processes(unittest.TestCase):
    def test_children_end_with_their_parent(self):
        script = ("import os, sys; sys.path.insert(0, sys.argv[1]); from lib.process import spawn; "
                  "print(spawn(['cat'], stdin=-1).pid, flush=True); os.kill(os.getpid(), 9)")
        parent = subprocess.run([sys.executable, "-c", script, os.path.dirname(os.path.abspath(__file__))],
                                stdout=subprocess.PIPE, text=True)
        child = int(parent.stdout)
        waiting = spawn(["cat"], stdin=subprocess.PIPE)
        try:
            wait_until(lambda: gone(child), waiting, 10, "the child's end")
        finally:
            waiting.kill()
            waiting.wait()
            waiting.stdin.close()

    def test_waiting_tells_what_did_not_happen(self):
        done = spawn(["false"])
        with self.assertRaisesRegex(RuntimeError, "a cup of tea: the process ended with 1"):
            wait_until(lambda: False, done, 10, "a cup of tea")

    def test_ports_are_below_the_range_of_outgoing_connections(self):
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
            self.assertLess(free_port(), max(int(f.read().split()[0]), 32000))

    def test_no_port_is_given_twice(self):
        ours = [free_port() for _ in range(300)]
        self.assertEqual(len(set(ours)), 300)
        code = "import sys; sys.path.insert(0, sys.argv[1]); from lib.process import free_port; " \
               "print(*(free_port() for _ in range(600)))"
        theirs = subprocess.run([sys.executable, "-c", code, HERE], capture_output=True, text=True, check=True).stdout
        self.assertEqual(set(ours) & {int(port) for port in theirs.split()}, set())
        for port in ours:
            release_port(port)

    def test_result(self):
        self.assertEqual(Result([], 0, '{"a": 1}\n{"b": 2}\n', "").jsons, [{"a": 1}, {"b": 2}])
        with self.assertRaises(AssertionError):
            Result([], 0, "no", "").json


def gone(pid):
    """Whether the process has ended; one that nobody has waited for counts as ended."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except FileNotFoundError:
        return True


if __name__ == "__main__":
    unittest.main()
