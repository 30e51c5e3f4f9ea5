#!/usr/bin/python3
"""Two processes on one target: the one that was replaced writes nothing any more.

    tests/attack/takeover.py --count 50 --seed 7

Each round stops a run in the middle (SIGSTOP), edits the orders that it holds, lets a second project with a state of
its own take the target over and finish, and lets the first go on (SIGCONT). It must end with the error `conflict`; were
one of its old rows written, the table would no longer be what a perfect copy holds. While the first is stopped, another
run of the same project must be refused.

Exit status: 0 all held, 1 something was written over or not refused, 77 the server cannot be had here.
"""
import json
import signal
import sys
import time

from kill import Attack, Broken, attack_main, parser
from lib.process import pause
from lib.servers import Project, compare


class Takeover(Attack):
    def __init__(self, *args):
        super().__init__(*args)
        self.fenced = self.over = self.refused = 0
        self.other = Project(self.sim, self.db, create=False)
        for name in ("sluice.json", "connections/jst.json", "integrations/orders.json"):
            self.other.write(name, self.project.read(name))
        self.other.write("integrations/orders.target.json", self.project.read("integrations/orders.target.json"))
        if not self.db:
            self.other.write("connections/bi.json",
                             {"connector": "sqlite", "params": {"path": self.project.database}})

    def steal(self, process):
        """While the first is stopped. SQLite's writer may be stopped inside a transaction: it holds the file then, and
        the second waits in vain; that is no takeover."""
        second = self.project.run("run", "orders")
        if second.code == 0:  # stopped before it had taken the lock: it holds nothing
            process.send_signal(signal.SIGCONT)
            return False
        if second.code != 1 or second.json["error"]["code"] != "conflict":
            raise Broken(f"a second run of one project was not refused: {second!r}")
        self.refused += 1
        self.sim.control(edit=self.ids)
        self.sim.control(advance_ms=3000)
        taken = self.other.run("run", "orders", "--patience", "1s")
        process.send_signal(signal.SIGCONT)
        return taken.code == 0

    def round(self, number):
        self.more_work()
        process, _ = self.launch()
        alive = pause(process, self.dice.uniform(0, self.length()))
        taken = False
        if alive:
            process.send_signal(signal.SIGSTOP)
            taken = self.steal(process)
        out, err = process.communicate(timeout=120)
        self.truth = self.sim.truth()
        if not taken or process.returncode == 0:
            self.over += 1
        elif process.returncode == 1 and json.loads(out)["error"]["code"] == "conflict":
            self.fenced += 1
        else:
            raise Broken(f"round {number}: the replaced run ended with {process.returncode}\n{out}\n{err[-3000:]}")
        if taken:
            difference = compare(self.truth, self.project.table_rows())
            if difference:
                raise Broken(f"round {number}: {difference}\n{out}\n{err[-3000:]}")
            self.copies += 1
        self.undisturbed(f"round {number}, taken back")


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=50, help="of runs that were fenced")
    options = options.parse_args()
    begun = time.monotonic()

    def work(attack):
        number = 0
        try:
            while attack.fenced < options.count:
                attack.round(number)
                number += 1
                if number > options.count * 20:
                    raise Broken(f"only {attack.fenced} of {number} runs were fenced")
            attack.check_end()
        finally:
            attack.other.close()
        return (f"takeover: {attack.fenced} replaced runs were fenced, {attack.over} had ended or could not be replaced; "
                f"{attack.refused} second runs refused; {attack.copies} complete copies compared; "
                f"{time.monotonic() - begun:.0f} s")

    return attack_main(options, Takeover, work)


if __name__ == "__main__":
    sys.exit(main())
