#!/usr/bin/python3
"""The disk fills up, and is freed again: the run ends with the error `disk`, nothing is lost, and the next one goes on.

    tests/attack/disk.py --count 30 --seed 7

State, journal and, with --target sqlite, the target lie on a tmpfs of their own. Each round leaves a random number of
bytes free, runs, frees the disk, and runs again: that one must be through within 5 seconds. In the end, and every few
rounds, the table is compared with the oracle.

Exit status: 0 all held, 1 something was lost or stuck, 77 no tmpfs can be mounted here.
"""
import os
import subprocess
import sys
import tempfile
import time

from kill import Attack, Broken, attack_main, parser

RESUME_S = 5
SIZE = 48 << 20


class Disk(Attack):
    def __init__(self, *args):
        super().__init__(*args)
        self.full = self.through = 0
        self.slowest = 0.0
        self.folder = tempfile.mkdtemp(prefix="sluice-disk-")

    def mount(self):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", self.folder],
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"no tmpfs: {done.stderr.strip()}")
            return False
        os.symlink(self.folder, os.path.join(self.project.folder, ".sluice"))
        if not self.db:
            self.project.database = os.path.join(self.folder, "bi.db")
            self.project.write("connections/bi.json",
                               {"connector": "sqlite", "params": {"path": self.project.database}})
            self.project.create_table()
        return True

    def unmount(self):
        subprocess.run(["umount", self.folder], stderr=subprocess.DEVNULL)
        os.rmdir(self.folder)

    def fill(self):
        """Leaves from nothing up to a few hundred kilobytes free."""
        free = os.statvfs(self.folder)
        room = free.f_bavail * free.f_frsize - self.dice.choice((0, 4096, 65536, 200000, 400000))
        path = os.path.join(self.folder, "filler")
        with open(path, "wb", buffering=0) as f:
            try:
                while room > 0:
                    room -= f.write(bytes(min(room, 65536)))
            except OSError:
                pass
        return path

    def round(self, number):
        self.more_work()
        filler = self.fill()
        result = self.project.run("run", "orders", "--patience", "300ms")
        self.starts += 1
        if result.code == 0:
            self.through += 1
        elif result.code == 1 and result.json["error"]["code"] == "disk":
            self.full += 1
        else:
            raise Broken(f"round {number}: a full disk ended with {result!r}")
        os.remove(filler)
        process, started = self.launch()
        self.conclude(process, started, f"round {number}, after the disk was freed")
        self.slowest = max(self.slowest, time.monotonic() - started)
        if self.slowest > RESUME_S:
            raise Broken(f"round {number}: it took {self.slowest:.1f} s to go on")


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=30, help="of fillings")
    options = options.parse_args()
    begun = time.monotonic()

    def work(attack):
        if not attack.mount():
            os.rmdir(attack.folder)
            return None
        try:
            attack.undisturbed("the first run")
            number = 0
            while attack.full < options.count:
                attack.round(number)
                number += 1
                if number > options.count * 10:
                    raise Broken(f"only {attack.full} of {number} runs found the disk full")
            attack.check_end()
        finally:
            attack.unmount()
        return (f"disk: {attack.full} runs ended on a full disk, {attack.through} were through before it was; the slowest "
                f"went on in {attack.slowest:.1f} s; {attack.copies} complete copies compared; "
                f"{time.monotonic() - begun:.0f} s")

    return attack_main(options, Disk, work, first_run=False)


if __name__ == "__main__":
    sys.exit(main())
