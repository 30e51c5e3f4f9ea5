"""What the tests of whole runs share: one server for all tests of a class, the seed case on it, and assertions that print
the run when they fail."""
import json
import os
import unittest

from .servers import SEED, TABLE, Project, Sim, compare


def reset(server):
    """An empty database `bi`; the user's rights on it stay."""
    server.execute("DROP DATABASE bi")
    server.execute("CREATE DATABASE bi CHARACTER SET utf8mb4")


def hurried(sim):
    """The connection to the simulator with a quota that cannot be reached."""
    return {**sim.connection, "limits": {"requests": 100000, "per": "1s"}}


class RunCase(unittest.TestCase):
    """kind: the class of the server, or None for SQLite. Each test gets an empty database."""

    maxDiff = 2000
    kind = None
    db = None

    @classmethod
    def setUpClass(cls):
        if cls.kind:
            cls.db = cls.kind()
            cls.addClassCleanup(cls.db.close)

    def setUp(self):
        if self.db:
            if not self.db.alive():
                self.db.start()
            reset(self.db)

    def sim(self, *options):
        sim = Sim(*options)
        self.addCleanup(sim.close)
        return sim

    @staticmethod
    def hold(sim, pages):
        """After so many pages more the simulator keeps what it has to say, so that a run is under way for certain."""
        sim.control(fault="hold", value=sim.stats()["served"] + pages)

    @staticmethod
    def release(sim):
        sim.control(fault="hold", value=False)

    def project(self, sim, quota=False, **options):
        """The seed case; its connection's quota raised beyond what can be reached, unless the test is about the quota."""
        project = Project(sim, self.db, **options)
        self.addCleanup(project.close)
        if sim and not quota:
            project.write("connections/jst.json", hurried(sim))
        return project

    def run_ok(self, project, *args, code=0, status="ok", **options):
        """Runs to the end, as expected; the summary."""
        result = project.run(*(args or ("run", "orders")), **options)
        self.assertEqual(result.code, code, repr(result))
        summary = result.json
        self.assertEqual(summary["status"], status, repr(result))
        self.assertEqual(summary["error"] is None, status in ("ok", "partial", "interrupted"), repr(result))
        return summary

    def run_failed(self, project, error, *args, code=1, **options):
        """Runs and fails with this error.code; what was printed of it."""
        result = project.run(*(args or ("run", "orders")), **options)
        self.assertEqual(result.code, code, repr(result))
        found = result.json.get("error") or {}
        self.assertEqual(found.get("code"), error, repr(result))
        self.assertTrue(found["message"].strip(), repr(result))
        self.assertTrue(found["hint"].strip(), f"no hint: {result!r}")
        return found

    def assert_copy(self, sim, project, **options):
        """The table is what a perfect copy holds."""
        self.assertEqual(compare(sim.truth(), project.table_rows(), **options), "")

    def status(self, project, name="orders"):
        result = project.run("status", name)
        self.assertEqual(result.code, 0, repr(result))
        found = result.json
        return found["integrations"][0] if "integrations" in found else found

    def checkpoint(self, project):
        """The only row of the target's checkpoint table."""
        rows = project.query("SELECT * FROM sluice_checkpoint")
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def letters(self, project):
        """The open dead letters."""
        result = project.run("records", "orders", "--state", "error")
        self.assertEqual(result.code, 0, repr(result))
        return result.json["records"]


def target_document(main_sql=None, **other):
    """The seed's target document with another main_sql, and members changed."""
    with open(os.path.join(SEED, "orders.target.json"), encoding="utf-8") as f:
        document = json.load(f)
    if main_sql is not None:
        next(row for row in document["otherRequest"] if row["field"] == "main_sql")["value"] = main_sql
    document.update(other)
    return document


def seed_statement():
    """The seed's REPLACE INTO order_list_query(…) VALUES."""
    return next(row["value"] for row in target_document()["otherRequest"] if row["field"] == "main_sql")


def alone(rows):
    """(column, row): a column and the only row that has its longest value, so that this row alone is refused when the
    column is one character too short. The column is one of the lines', because header columns repeat."""
    for column in [name for name in rows[0] if name.startswith("items_")]:
        values = sorted((len(str(row[column])), index) for index, row in enumerate(rows) if row[column] is not None)
        if len(values) > 1 and 1 < values[-1][0] <= 200 and values[-1][0] > values[-2][0]:
            return column, rows[values[-1][1]]
    raise AssertionError("no column has one longest value; take another seed")


__all__ = ["RunCase", "TABLE", "alone", "compare", "hurried", "reset", "seed_statement", "target_document"]
