#!/usr/bin/python3
"""Two processes on one target: the one that was replaced writes nothing any more.

    tests/attack/takeover.py --count 50 --seed 7 --target mariadb|mysql|sqlite --mode replace|append|vanish

Each round stops a run in the middle (SIGSTOP); another run of the same project must be refused. Orders are edited, a
second project with a state of its own takes the target over and finishes, and the first goes on (SIGCONT): it must end
with the error `conflict`, and not a row may change, neither by what it had under way nor by what it had read before. A
run that was stopped inside a transaction holds locks; on a server its connection is ended then, as a server does with a
client that is gone. SQLite has nobody to do that: there the second must wait in vain, and that is no takeover.

Exit status: 0 all held, 1 something was written over or not refused, 77 the server cannot be had here.
"""
import json
import signal
import sys

from rig.lane import MODES, ORDERS, Lane, Project, compare, error_of, make_server, pause
from rig.program import Broken, dice_of, program

PATIENCE = ("--patience", "1s")


class Rivals:
    """The lane's project, and a second one that knows nothing of the first's state."""

    def __init__(self, lane, db):
        self.lane, self.db = lane, db
        self.other = Project(lane.sim, db, create=False)
        for name in ("sluice.json", "connections/jst.json", "integrations/orders.json",
                     "integrations/orders.target.json"):
            self.other.write(name, lane.project.read(name))
        if not db:
            self.other.write("connections/bi.json",
                             {"connector": "sqlite", "params": {"path": lane.project.database}})

    def refused(self, case):
        """A second run of the same state; false when the first had not taken the lock yet."""
        second = self.lane.project.run("run", "orders")
        if second.code != 0 and (second.code != 1 or error_of(second.out) != "conflict"):
            raise Broken(f"case {case}: a second run of one project was not refused: {second!r}")
        return second.code != 0

    def take_over(self):
        """The second runs to its end while the first is stopped."""
        taken = self.other.run("run", "orders", *PATIENCE)
        if taken.code != 0 and self.db:
            self.db.end_sessions()
            taken = self.other.run("run", "orders", *PATIENCE)
        return taken.code == 0


def steal(rivals, process, figures, case):
    """While the first is stopped; true when the target is the second's."""
    lane = rivals.lane
    if not rivals.refused(case):
        return False
    figures.add("refused")
    lane.more_work(1.0)
    if not rivals.take_over():
        if rivals.db:
            raise Broken(f"case {case}: the second did not get the target")
        return False
    difference = compare(lane.sim.truth(), lane.project.table_rows())
    if difference:
        raise Broken(f"case {case}, the second: {difference}")
    return True


def round_of(rivals, figures, case):
    lane = rivals.lane
    lane.more_work()
    process, started = lane.launch()
    if not pause(process, lane.dice.uniform(0, lane.length())):
        lane.conclude(process, started, f"case {case}")
        return
    process.send_signal(signal.SIGSTOP)
    figures.attempted += 1
    taken = steal(rivals, process, figures, case)
    process.send_signal(signal.SIGCONT)
    code, out, err = lane.finish(process, f"case {case}")
    if taken:
        lane.judge(f"case {case}, the replaced run ended with {code}\n{out}\n{err[-3000:]}")
        if code == 1 and json.loads(out)["error"]["code"] == "conflict":
            figures.effective += 1
        elif code != 0:
            raise Broken(f"case {case}: the replaced run ended with {code}\n{out}\n{err[-3000:]}")
        else:
            figures.add("had_ended")
    lane.undisturbed(f"case {case}, taken back")


def attack(options, figures):
    db = make_server(options.target, "--innodb-lock-wait-timeout=1")
    try:
        with Lane(db, figures, dice_of(options.seed, "lane"), options.mode, options.orders) as lane:
            rivals = Rivals(lane, db)
            try:
                lane.undisturbed("the first run")
                case = 0
                while figures.effective < options.count:
                    case += 1
                    lane.dice = dice_of(options.seed, case)
                    round_of(rivals, figures, case)
                    figures.progress(options.count)
                    if case > 20 * options.count:
                        raise Broken(f"only {figures.effective} of {case} runs were replaced")
                lane.check_end()
            finally:
                rivals.other.close()
    finally:
        if db:
            db.close()


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS * 2)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, add_options=add_options))
