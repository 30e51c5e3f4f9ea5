#!/usr/bin/python3
"""The disk fills up, and is freed again: the run ends with the error `disk`, nothing is lost, and it goes on by itself.

    tests/attack/disk.py --count 30 --seed 7 --target mariadb|mysql|sqlite --mode replace|append|vanish

State, journal and, with SQLite, the target lie on a tmpfs of their own. Each round leaves a random number of bytes free,
before a run or while it works; frees the disk when the run has ended; then runs are started until one gets through, which
must be within 5 seconds. Effective are the runs that ended with the error `disk`. The tmpfs is mounted in a mount
namespace of this program, so that it goes with it.

Exit status: 0 all held, 1 something was lost or stuck, 77 no tmpfs can be mounted here.
"""
import os
import shutil
import subprocess
import sys
import time
import unittest

from rig.lane import MODES, ORDERS, Lane, error_of, make_server, pause
from rig.program import Broken, dice_of, program

RESUME_S = 5
SIZE = 32 << 20
INSIDE = "SLUICE_ATTACK_NAMESPACE"
ROOM = (0, 4096, 16384, 65536, 200000, 400000)


class SmallDisk(Lane):
    """A lane whose state, and target if it is a file, lie on the small tmpfs."""

    def _make_project(self):
        project = super()._make_project()
        self.disk = os.path.join(project.home, "disk")
        os.mkdir(self.disk)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.disk],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            project.close()
            raise unittest.SkipTest(f"no tmpfs: {done.stderr.strip()}")
        os.symlink(self.disk, os.path.join(project.folder, ".sluice"))
        if not self.db:
            file = os.path.join(self.disk, "bi.db")
            shutil.move(project.database, file)
            project.database = file
            project.write("connections/bi.json", {"connector": "sqlite", "params": {"path": file}})
        return project

    def close(self):
        if self.project:
            subprocess.run(["umount", "--lazy", self.disk], stderr=subprocess.DEVNULL)
        super().close()

    def fill(self):
        """Leaves from nothing up to a few hundred kilobytes free."""
        free = os.statvfs(self.disk)
        room = free.f_bavail * free.f_frsize - self.dice.choice(ROOM)
        with open(os.path.join(self.disk, "filler"), "wb", buffering=0) as f:
            try:
                while room > 0:
                    room -= f.write(bytes(min(room, 1 << 20)))
            except OSError:
                pass

    def free(self):
        os.remove(os.path.join(self.disk, "filler"))


def goes_on(lane, figures, case):
    """Runs until one gets through."""
    freed = time.monotonic()
    while True:
        process, started = lane.launch("run", "orders")
        code, out, err = lane.finish(process, f"case {case}, after the disk was freed")
        took = time.monotonic() - freed
        if code == 0:
            lane.lengths.append(time.monotonic() - started)
            lane.judge(f"case {case}, after the disk was freed\n{out}\n{err[-3000:]}")
        if took > RESUME_S:
            raise Broken(f"case {case}: not through {took:.1f} s after the disk was freed\n{out}\n{err[-3000:]}")
        if code == 0:
            figures.more["slowest_ms"] = max(figures.more.get("slowest_ms", 0), int(took * 1000))
            return


def round_of(lane, figures, case):
    lane.dice = dice_of(lane.seed, case)
    lane.more_work()
    before = lane.dice.random() < 0.5
    if before:
        lane.fill()
    process, _ = lane.launch("run", "orders", "--patience", "300ms")
    if not before:
        pause(process, lane.dice.uniform(0, lane.length()))
        lane.fill()
    code, out, err = lane.finish(process, f"case {case}")
    figures.attempted += 1
    if code == 1 and error_of(out) == "disk":
        figures.effective += 1
    elif code != 0:
        raise Broken(f"case {case}: a full disk ended with {code}\n{out}\n{err[-3000:]}")
    lane.free()
    goes_on(lane, figures, case)


def attack(options, figures):
    db = make_server(options.target)
    try:
        with SmallDisk(db, figures, dice_of(options.seed, "lane"), options.mode, options.orders) as lane:
            lane.seed = options.seed
            lane.undisturbed("the first run")
            case = 0
            while figures.effective < options.count:
                case += 1
                round_of(lane, figures, case)
                figures.progress(options.count)
                if case > 10 * options.count:
                    raise Broken(f"only {figures.effective} of {case} runs found the disk full")
            lane.check_end()
    finally:
        if db:
            db.close()


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS * 2)


def main():
    if INSIDE not in os.environ:
        os.environ[INSIDE] = "1"
        try:
            os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
        except OSError as e:
            print(f"skipped: unshare: {e}")
            return 77
    return program(__doc__, attack, add_options=add_options)


if __name__ == "__main__":
    sys.exit(main())
