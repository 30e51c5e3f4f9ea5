#!/usr/bin/python3
"""The target is set back to an older copy: it is noticed, told, and healed from the journal.

    tests/attack/restore.py --count 10 --orders 300 --seed 7

Each round copies the stopped server's data directory, lets runs write on (some of them killed), puts the older copy in
its place as a restored backup does, and starts one run: it has to say that the target stands behind, and the table has
to be what a perfect copy holds.

Exit status: 0 all held, 1 something was lost, doubled or not told, 77 the server cannot be had here.
"""
import os
import shutil
import sys
import time

from kill import Attack, Broken, attack_main, parser

TOLD = "was set back"


class Restore(Attack):
    def __init__(self, *args):
        super().__init__(*args)
        self.told = 0

    def swap(self, source, target):
        self.db.stop()
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        self.db.start()

    def round(self, number):
        data, older = os.path.join(self.db.folder, "data"), os.path.join(self.db.folder, "older")
        self.swap(data, older)
        for _ in range(self.dice.randint(1, 3)):
            self.more_work()
            self.undisturbed(f"round {number}, before the copy goes back")
        if self.dice.random() < 0.5:
            self.more_work()
            self.killed_run()
        written = self.mark()
        self.swap(older, data)
        if self.mark() == written:
            raise Broken(f"round {number}: the older copy is no older")
        if self.dice.random() < 0.5:
            self.more_work()
        process, started = self.launch()
        err = self.conclude(process, started, f"round {number}, after the copy went back")
        if TOLD not in err:
            raise Broken(f"round {number}: nobody said that the target was set back\n{err[-3000:]}")
        self.told += 1


def main():
    options = parser(__doc__)
    options.add_argument("--count", type=int, default=10, help="of copies that go back")
    options = options.parse_args()
    begun = time.monotonic()

    def work(attack):
        for number in range(options.count):
            attack.round(number)
        attack.check_end()
        return (f"restore: {attack.told} copies went back, told and healed each time; {attack.copies} complete copies "
                f"compared; {time.monotonic() - begun:.0f} s")

    return attack_main(options, Restore, work)


if __name__ == "__main__":
    sys.exit(main())
