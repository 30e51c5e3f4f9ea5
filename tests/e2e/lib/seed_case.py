"""The seed case as it stands in examples/seed, end to end into one kind of database: 20,000 orders with all that real
ones bring, a table made by `sluice ddl orders --create`, and the simulator's /truth as the oracle: every row, all 69
columns, every digit, NULL and '' told apart."""
from .case import RunCase

ORDERS = 20000


class SeedCase(RunCase):
    path = None  # how `status` names the way that rows go in

    def test_20000_orders(self):
        sim = self.sim("--orders", str(ORDERS), "--seed", "11")
        project = self.project(sim, create=False)
        made = project.run("ddl", "orders", "--create")
        self.assertEqual((made.code, made.json["created"]), (0, True), repr(made))
        raw = sum(1 for _ in sim.ask("GET", "/truth?raw=1&ids=1").splitlines())
        self.assertEqual(raw, ORDERS)

        first = self.run_ok(project)
        self.assert_copy(sim, project)
        self.assertEqual(first["records"], ORDERS)
        self.assertEqual(first["records"] - first["folded"] - first["filtered"] - first["repeats"],
                         len({row["o_id"] for row in project.table_rows()}))
        self.assertEqual((first["dead"], first["throttled"], first["retries"]), (0, 0, 0))
        self.assertTrue(first["verified"])
        stats = sim.stats()
        self.assertEqual((stats["refused"], stats["bad_signature"], stats["errors"]), (0, 0, 0), stats)

        again = self.run_ok(project)
        self.assertTrue(again["verified"])
        self.assertLess(again["records"], 1000)
        self.assert_copy(sim, project)

        status = self.status(project)
        self.assertEqual(status["path"], self.path, status)
        self.assertEqual(status["dead"], 0, status)
        self.assertEqual(status["gaps"], 0, status)
