#!/usr/bin/python3
"""The target is set back to an older copy: it is noticed, told, and healed from the journal.

    tests/attack/restore.py --count 10 --seed 7 --target mariadb|mysql|sqlite --mode replace|append|vanish

Each round copies the stopped server's data directory (of SQLite, the file), lets runs write on, one of them perhaps
killed, and puts the older copy in its place as a restored backup does. In every other round that happens under a living
run: the server is killed, the copy comes up instead, and the run meets a target that knows less than it was told. Then
one run is left alone: somebody must have said that the target stands behind, and the table must be what a perfect copy
holds.

Exit status: 0 all held, 1 something was lost, doubled or not told, 77 the server cannot be had here.
"""
import os
import shutil
import sys

from rig.lane import MODES, ORDERS, Lane, make_server, pause, wait_until
from rig.program import Broken, dice_of, program

TOLD = "set back"
SLOW_MS = 60  # a page, while the server is swapped under a run


class Store:
    """Where the target keeps its data, and how it is swapped."""

    def __init__(self, lane, db):
        self.db = db
        self.data = os.path.join(db.folder, "data") if db else lane.project.database
        self.older = self.data + ".older"

    def copy(self, source, target):
        for path in ([target] if self.db else [target, target + "-wal", target + "-shm"]):
            shutil.rmtree(path, ignore_errors=True)
            if os.path.isfile(path):
                os.remove(path)
        if self.db:
            shutil.copytree(source, target)
            return
        shutil.copy(source, target)
        if os.path.exists(source + "-wal"):
            shutil.copy(source + "-wal", target + "-wal")

    def save(self):
        if self.db:
            self.db.stop()
        self.copy(self.data, self.older)
        if self.db:
            self.db.start()

    def put_back(self, brutally):
        if self.db and brutally:
            self.db.kill9()
        elif self.db:
            self.db.stop()
        self.copy(self.older, self.data)
        if self.db:
            self.db.start()


def write_on(lane, case):
    """Something newer than the copy."""
    for _ in range(lane.dice.randint(1, 3)):
        lane.more_work()
        lane.undisturbed(f"case {case}, before the copy goes back")
    if lane.dice.random() < 0.5:
        lane.more_work()
        process, _ = lane.launch()
        pause(process, lane.dice.uniform(0, lane.length()))
        process.kill()
        process.communicate()


def swap_between_runs(lane, store, case):
    store.save()
    write_on(lane, case)
    written = lane.mark()
    store.put_back(False)
    if lane.mark() == written:
        raise Broken(f"case {case}: the older copy is no older")
    return ""


def moved(lane, process, since):
    """Waits until the checkpoint stands elsewhere; false when the run ends before."""
    try:
        wait_until(lambda: lane.mark() != since, process, 60, "a batch")
        return process.poll() is None
    except RuntimeError:
        return False


def batch_in(lane):
    rows = lane.project.query("SELECT batch FROM sluice_checkpoint")
    return rows[0]["batch"] if rows else 0


def reached(lane, process, batch):
    """Waits until the checkpoint names that batch or a later one; false when the run ends before."""
    try:
        wait_until(lambda: batch_in(lane) >= batch, process, 60, f"batch {batch}")
        return process.poll() is None
    except RuntimeError:
        return False


def swap_under_a_run(lane, store, case):
    """The copy is taken of a run that is half-way, and comes up in place of what the run has written since. What the run
    said; None when it was through before. Two batches newer, so that the answer to a COMMIT has come that the copy lacks:
    if it is a single one whose answer is lost as well, it is rightly written again without a word."""
    lane.sim.control(fault="slow", value=SLOW_MS)
    lane.more_work()
    process, _ = lane.launch()
    newer = False
    if moved(lane, process, lane.mark()):
        store.db.kill9()
        store.copy(store.data, store.older)
        store.db.start()
        newer = reached(lane, process, batch_in(lane) + 2)
        if newer:
            store.put_back(True)
    lane.sim.control(fault="slow", value=False)
    _, out, err = lane.finish(process, f"case {case}")
    return out + err if newer else None


def attack(options, figures):
    db = make_server(options.target)
    try:
        with Lane(db, figures, dice_of(options.seed, "lane"), options.mode, options.orders,
                  ("--fault", "clamp=25")) as lane:
            store = Store(lane, db)
            lane.undisturbed("the first run")
            case = 0
            while figures.effective < options.count and case < options.count * 10:
                case += 1
                lane.dice = dice_of(options.seed, case)
                under = bool(db) and case % 2 == 0
                figures.attempted += 1
                said = (swap_under_a_run if under else swap_between_runs)(lane, store, case)
                if lane.dice.random() < 0.5:
                    lane.more_work()
                process, started = lane.launch()
                told = lane.conclude(process, started, f"case {case}, after the copy went back")
                if said is None:
                    continue
                if TOLD not in told + said:
                    raise Broken(f"case {case}: nobody said that the target was set back\n{said[-2000:]}\n{told[-2000:]}")
                figures.effective += 1
                figures.add("under_a_run" if under else "between_runs")
                figures.progress(options.count)
            lane.check_end()
    finally:
        if db:
            db.close()
    if figures.effective < options.count:
        raise Broken(f"only {figures.effective} of {figures.attempted} copies were older than what was written")


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS * 2)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, add_options=add_options))
