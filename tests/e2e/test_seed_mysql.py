"""The seed case into MySQL 9, by LOAD DATA LOCAL; and by prepared statements where the server does not allow that."""
import os
import sys
import unittest

import pymysql

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import seed_case  # noqa: E402
from lib.servers import MySQL  # noqa: E402


class Seed(seed_case.SeedCase):
    kind = MySQL
    path = "LOAD DATA LOCAL"

    def test_69_columns_of_varchar_255_do_not_fit_a_row(self):
        project = self.project(None, create=False)
        with self.assertRaises(pymysql.err.MySQLError) as refused:
            project.create_table(dict.fromkeys(project.columns(), "VARCHAR(255)") | {"id": "VARCHAR(255) PRIMARY KEY"})
        self.assertEqual(refused.exception.args[0], 1118, refused.exception)

    def test_without_local_infile(self):
        sim = self.sim("--orders", "3000", "--seed", "12")
        project = self.project(sim)
        self.db.execute("SET GLOBAL local_infile = OFF")
        self.addCleanup(self.db.execute, "SET GLOBAL local_infile = ON")
        self.run_ok(project)
        self.assert_copy(sim, project)
        self.assertEqual(self.status(project)["path"], "prepared statements")


if __name__ == "__main__":
    unittest.main()
