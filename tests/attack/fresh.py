#!/usr/bin/python3
"""How soon an edit is in the target: the schedule, the lag and two seconds are what is promised.

    tests/attack/fresh.py --count 600 [--target mariadb|mysql|sqlite] [--every 10] [--lag 5]

`sluice serve` runs the seed case by its schedule while the simulator edits an order every second, for --count seconds.
Each edit's own modified time is waited for in the target's table. Prints how long edits took; fails when the 99th
percentile is beyond the promise, when an edit never came, or when the table is not a perfect copy at the end.
"""
import sys
import time

from rig.lane import TABLE, Project, Sim, compare, hurried, make_server, pause
from rig.program import Broken, dice_of, program
from lib.serving import Serving

ORDERS = 2000
POLL_S = 0.1
GRACE_S = 2


class Watch:
    """Edits that are on their way, by order: when they were made and the modified time they must bring."""

    def __init__(self, project):
        self.project, self.waiting, self.took = project, {}, []

    def look(self):
        """What has arrived by now."""
        if not self.waiting:
            return
        ids = ", ".join(f"'{order}'" for order in self.waiting)
        rows = self.project.query(f"SELECT o_id, MAX(modified) AS modified FROM {TABLE} WHERE o_id IN ({ids}) GROUP BY o_id")
        now = time.time()
        for row in rows:
            made, modified = self.waiting[str(row["o_id"])]
            if str(row["modified"]) >= modified:
                self.took.append(now - made)
                del self.waiting[str(row["o_id"])]


def shown(sim):
    """Orders that the condition passes: only those have rows."""
    return sorted({str(row["o_id"]) for row in sim.truth()})


def edit_and_watch(options, sim, watch, process):
    dice = dice_of(options.seed, "edits")
    orders = shown(sim)
    begun = time.monotonic()
    while time.monotonic() < begun + options.count:
        order = dice.choice([o for o in orders if o not in watch.waiting])
        made = time.time()
        sim.control(edit=int(order))
        watch.waiting[order] = (made, time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(made + 8 * 3600)))
        until = time.monotonic() + 1
        while time.monotonic() < until:
            watch.look()
            pause(process, POLL_S)


def attack(options, figures):
    promise = options.every + options.lag + GRACE_S
    db = make_server(options.target)
    try:
        with Sim("--orders", str(ORDERS), "--seed", "1", "--qps", "8") as sim, \
                Project(sim, db, lag=f"{options.lag}s") as project:
            document = project.read("integrations/orders.json")
            document["source"]["crontab"] = f"@every {options.every}s"
            project.write("integrations/orders.json", document)
            project.write("connections/jst.json", {**hurried(sim), "limits": sim.connection["limits"]})
            with Serving(project) as serving:
                serving.until(lambda: not compare(sim.truth(), project.table_rows()), 120, "a copy")
                watch = Watch(project)
                edit_and_watch(options, sim, watch, serving.process)
                deadline = time.monotonic() + 2 * promise
                while watch.waiting and time.monotonic() < deadline:
                    watch.look()
                    pause(serving.process, POLL_S)
                figures.attempted, figures.effective = len(watch.took) + len(watch.waiting), len(watch.took)
                took = sorted(watch.took)
                p99 = took[int(len(took) * 0.99)] if took else 0
                figures.add("p50_ms", round(took[len(took) // 2] * 1000))
                figures.add("p99_ms", round(p99 * 1000))
                figures.add("max_ms", round(took[-1] * 1000))
                figures.add("promised_ms", promise * 1000)
                if watch.waiting:
                    raise Broken(f"{len(watch.waiting)} edits never came: {sorted(watch.waiting)[:5]}")
                serving.until(lambda: not compare(sim.truth(), project.table_rows()), 60, "a copy at the end")
                figures.compared += 1
                if sim.stats().get("refused"):
                    raise Broken(f"{sim.stats()['refused']} calls were refused")
                if p99 > promise:
                    raise Broken(f"99 % of the edits took up to {p99:.1f} s; promised are {promise} s")
    finally:
        if db:
            db.close()


def add_options(parser):
    parser.add_argument("--every", type=int, default=10, help="seconds between runs")
    parser.add_argument("--lag", type=int, default=5, help="seconds")


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, add_options=add_options))
