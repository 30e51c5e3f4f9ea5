"""The seed case into MariaDB 10.11, by array binding; and the table that a person would make by hand first."""
import os
import sys
import unittest

import pymysql

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import seed_case  # noqa: E402
from lib.servers import MariaDB  # noqa: E402


class Seed(seed_case.SeedCase):
    kind = MariaDB
    path = "array binding"

    def test_69_columns_of_varchar_255_do_not_fit_a_row(self):
        sim = self.sim("--orders", "100")
        project = self.project(sim, create=False)
        with self.assertRaises(pymysql.err.MySQLError) as refused:
            project.create_table(dict.fromkeys(project.columns(), "VARCHAR(255)") | {"id": "VARCHAR(255) PRIMARY KEY"})
        self.assertEqual(refused.exception.args[0], 1118, refused.exception)
        shown = project.run("ddl", "orders")
        self.assertEqual(shown.code, 0, repr(shown))
        self.assertEqual(shown.json["table"], "order_list_query")
        self.assertGreater(shown.json["sample_rows"], 0)
        self.db.execute(shown.json["sql"])
        self.assertEqual([row["Field"] for row in self.db.query("SHOW COLUMNS FROM order_list_query")],
                         project.columns())


if __name__ == "__main__":
    unittest.main()
