#!/usr/bin/python3
"""kill -9 at random moments, of sluice and of its target's server: afterwards the table is what a perfect copy holds.

    tests/attack/kill.py --kills 200 --server-kills 50 --orders 300 --seed 7 --target mariadb|mysql|sqlite [--insert]

Runs are started and killed until one gets through; then the table is compared with the simulator's oracle, a part of the
orders is edited, and it goes on. How long a killed run may live adapts to how long a run takes. Only kills that hit a
live run count, and enough of them must have come after the run had written something, or the harness itself fails. At
the end stands one undisturbed run; the checkpoint in the target must say what `status` says. With --insert main_sql is a
plain INSERT into a table without a key, where a row that is written twice stays twice; orders are added then, not edited.

What the other attacks share (a project under attack, its oracle, how a run is concluded) stands here as well.

Exit status: 0 all held, 1 something was lost, doubled or stuck, 77 the server cannot be had here.
"""
import argparse
import os
import random
import statistics
import sys
import time
import unittest
from datetime import datetime

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from lib.case import hurried  # noqa: E402
from lib.process import pause  # noqa: E402
from lib.servers import MariaDB, MySQL, Project, Sim, compare  # noqa: E402

# a process that is stopped inside a transaction holds its locks: others shall not wait for them long
SHORT_LOCKS = "--innodb-lock-wait-timeout=1"
TARGETS = {"mariadb": lambda: MariaDB(SHORT_LOCKS), "mysql": lambda: MySQL(SHORT_LOCKS), "sqlite": lambda: None}
RUN_LIMIT_S = 180
STUCK_AFTER = 60  # kills in a row without one complete run: let one through


class Broken(Exception):
    pass


class Attack:
    def __init__(self, project, sim, db, dice):
        self.project, self.sim, self.db, self.dice = project, sim, db, dice
        self.insert = False
        self.lengths = []  # seconds of undisturbed runs
        self.copies = self.starts = self.hits = self.wrote = self.server_hits = 0
        self.truth = sim.truth()
        self.ids = sorted({int(row["o_id"]) for row in sim.raw()})

    def mark(self):
        """What the checkpoint table says of progress, as a text; empty while there is none. Claiming the target moves
        the epoch and the time of the row, which is no progress."""
        try:
            return repr([{k: v for k, v in row.items() if k not in ("epoch", "updated_at")}
                         for row in self.project.query("SELECT * FROM sluice_checkpoint")])
        except Exception as e:  # the drivers' own kinds; only "no such table" is expected
            if "sluice_checkpoint" in str(e):
                return ""
            raise

    def length(self):
        return statistics.median(self.lengths[-9:])

    def launch(self):
        self.starts += 1
        return self.project.start(), time.monotonic()

    def conclude(self, process, started, why):
        """A run that was left alone must end well, and the table must be right."""
        try:
            out, err = process.communicate(timeout=RUN_LIMIT_S)
        except Exception:
            process.kill()
            out, err = process.communicate()
            raise Broken(f"{why}: still running after {RUN_LIMIT_S} s\n{err[-3000:]}") from None
        if process.returncode != 0:
            raise Broken(f"{why}: ended with {process.returncode}\n{out}\n{err[-3000:]}")
        self.lengths.append(time.monotonic() - started)
        difference = compare(self.truth, self.project.table_rows())
        if difference:
            raise Broken(f"{why}: {difference}\n{out}\n{err[-3000:]}")
        self.copies += 1
        return err

    def undisturbed(self, why):
        return self.conclude(*self.launch(), why)

    def more_work(self):
        """Edits a part of the orders, or adds some; the clock goes on, so that all of them lie before now."""
        share = self.dice.choice((0.2, 0.5, 1.0))
        if self.insert:
            self.sim.control(new=int(share * 200))
        else:
            self.sim.control(edit=[i for i in self.ids if self.dice.random() < share])
        self.sim.control(advance_ms=3000)
        self.truth = self.sim.truth()

    def killed_run(self):
        """One run that is killed, unless it is faster."""
        process, _ = self.launch()
        self.hits += pause(process, self.dice.uniform(0, self.length()))
        process.kill()
        process.communicate()

    def kill_runs(self, wanted):
        in_a_row = 0
        while self.hits < wanted:
            before = self.mark()
            process, started = self.launch()
            alive = pause(process, self.dice.uniform(0, self.length() * 1.1))
            if not alive or in_a_row >= STUCK_AFTER:
                self.conclude(process, started, f"after {self.hits} kills")
                self.more_work()
                in_a_row = 0
                continue
            process.kill()
            process.communicate()
            self.hits += 1
            in_a_row += 1
            self.wrote += self.mark() != before
            if self.hits % 50 == 0:
                print(f"{self.hits} kills, {self.wrote} of them after something was written, "
                      f"{self.copies} complete copies", flush=True)
        self.undisturbed("after the last kill of a run")

    def kill_server(self, wanted):
        misses = 0
        while self.server_hits < wanted:
            self.more_work()
            process, started = self.launch()
            alive = pause(process, self.dice.uniform(0, self.length()))
            if alive:
                self.db.kill9()
                hit = pause(process, self.dice.uniform(0, 0.1))
                self.db.start()
                self.server_hits += hit
                misses = 0
            elif (misses := misses + 1) > 50:
                raise Broken("no kill hit a live run, 50 times in a row")
            self.conclude(process, started, f"after {self.server_hits} kills of the server")
            if alive:
                self.lengths.pop()  # this one was disturbed

    def check_end(self, wanted=0):
        """The last word: one more run that finds nothing to do wrong, keys, and one story about the cursor."""
        self.more_work()
        self.undisturbed("the last run")
        counted = self.project.query("SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS d FROM order_list_query")[0]
        if counted["n"] != counted["d"] or counted["n"] != len(self.truth):
            raise Broken(f"{counted['n']} rows, {counted['d']} keys, {len(self.truth)} expected")
        rows = self.project.query("SELECT * FROM sluice_checkpoint")
        if len(rows) != 1:
            raise Broken(f"{len(rows)} rows in sluice_checkpoint: {rows}")
        shown = find_cursor(self.project.run("cursor", "orders").json)
        summary = self.project.run("status", "orders").json
        if shown != find_cursor(summary):
            raise Broken(f"cursor says {shown}, status says {summary}")
        if not cursor_in(rows[0], shown):
            raise Broken(f"cursor {shown} does not stand in sluice_checkpoint: {rows[0]}")
        if self.wrote < wanted // 10:
            raise Broken(f"only {self.wrote} of {wanted} kills came after something was written: more --orders")


def find_cursor(document):
    """The cursor of the integration, wherever the document has it."""
    if isinstance(document, dict):
        if "cursor" in document:
            return document["cursor"]
        document = list(document.values())
    if isinstance(document, list):
        return next((c for c in map(find_cursor, document) if c is not None), None)
    return None


def cursor_in(row, shown):
    """Whether the checkpoint row names the moment `shown` (RFC 3339), as seconds, milliseconds or text."""
    seconds = int(datetime.fromisoformat(shown.replace("Z", "+00:00")).timestamp())
    return any(str(value) in (str(seconds), str(seconds * 1000), shown) for value in row.values())


def parser(text):
    """What every attack can be told."""
    options = argparse.ArgumentParser(description=text.split("\n", maxsplit=1)[0])
    options.add_argument("--orders", type=int, default=300)
    options.add_argument("--limit", type=int, default=25, help="rows a transaction")
    options.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    options.add_argument("--target", choices=TARGETS, default="mariadb")
    options.add_argument("--insert", action="store_true", help="a plain INSERT into a table without a key")
    return options


def prepare(project, sim, options):
    """Small batches, a quota that does not matter, and the statement."""
    document = project.read("integrations/orders.target.json")
    rows = {row["field"]: row for row in document["otherRequest"]}
    rows["limit"]["value"] = str(options.limit)
    if options.insert:
        rows["main_sql"]["value"] = rows["main_sql"]["value"].replace("REPLACE INTO", "INSERT INTO")
        document["idCheck"] = False
    project.write("integrations/orders.target.json", document)
    project.write("connections/jst.json", hurried(sim))
    project.create_table({"id": "VARCHAR(64)" if project.target else "TEXT"} if options.insert else None)


def attack_main(options, kind, work, first_run=True):
    """Servers, project and simulator around work(attack), which answers the line of figures, or None: it cannot be done
    here. The exit status."""
    print(f"seed {options.seed}", flush=True)
    try:
        db = TARGETS[options.target]()
    except unittest.SkipTest as e:
        print(e)
        return 77
    try:
        with Sim("--orders", str(options.orders), "--seed", str(options.seed)) as sim, \
                Project(sim, db, create=False) as project:
            prepare(project, sim, options)
            attack = kind(project, sim, db, random.Random(options.seed))
            attack.insert = options.insert
            if first_run:
                attack.undisturbed("the first run")
                attack.more_work()
            figures = work(attack)
    except Broken as e:
        print(f"FAILED (seed {options.seed}): {e}")
        return 1
    finally:
        if db:
            db.close()
    print(figures or "skipped")
    return 0 if figures else 77


def main():
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=20, help="of sluice")
    options.add_argument("--server-kills", type=int, default=0, help="of the target's server")
    options = options.parse_args()
    begun = time.monotonic()

    def work(attack):
        attack.kill_runs(options.kills)
        if attack.db:
            attack.kill_server(options.server_kills)
        attack.check_end(options.kills)
        return (f"kill: {options.target}: {attack.starts} runs started; {attack.hits} killed while they ran, "
                f"{attack.wrote} of these after something was written; {attack.server_hits} kills of the server during a "
                f"run; {attack.copies} complete copies compared; {time.monotonic() - begun:.0f} s")

    return attack_main(options, Attack, work)


if __name__ == "__main__":
    sys.exit(main())
