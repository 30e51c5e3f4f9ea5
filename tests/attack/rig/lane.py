"""A lane: a simulator, a target and a project of its own, on which one attack runs and is judged.

The seed case with little data and many small batches, so that a run is short and most of it is writing. The oracle is
the simulator's /truth. Modes are ways to write:

    replace  as in the seed: REPLACE; orders are edited all the time, so an older version that lands late shows
    append   plain INSERT into a table without any unique key; orders are only added, so a row that is written twice shows
    vanish   lines vanish, orders leave the condition and come back; `children`, `left_filter` and `guard` are declared
"""
import json
import os
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "e2e"))
from lib.case import hurried, reset, target_document  # noqa: E402
from lib.process import pause, wait_until  # noqa: E402
from lib.servers import TABLE, MariaDB, MySQL, Project, Sim, compare  # noqa: E402

from .program import Broken  # noqa: E402

ORDERS = 150
LIMIT = 40  # rows a batch
RUN_LIMIT_S = 120
LAG = "3s"  # a run knows the source's clock, which is turned all the time, to two seconds
TURN_MS = 6000
MODES = ("replace", "append", "vanish")
VANISH = {"children": {"parent": "o_id", "gone": "delete"}, "left_filter": "delete", "guard": "modified"}


def make_server(target, *options):
    """The server behind a kind of target; None for SQLite."""
    return {"mariadb": MariaDB, "mysql": MySQL, "sqlite": lambda *_: None}[target](*options)


def hour_ago():
    """Where the simulator's clock starts: it is turned on all the time and shall stay behind ours."""
    return (datetime.now(timezone(timedelta(hours=8))) - timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S")


def error_of(out):
    """error.code of what a command printed, or None."""
    try:
        return (json.loads(out).get("error") or {}).get("code")
    except ValueError:
        return None


class Lane:
    """Use as a context. `figures` counts the comparisons; `dice` makes the choices."""

    def __init__(self, db, figures, dice, mode="replace", orders=ORDERS, sim_options=()):
        self.db, self.figures, self.dice, self.mode = db, figures, dice, mode
        self.lengths = []  # seconds of undisturbed runs
        self.starts = 0
        self.sim = self.project = None
        try:
            self._empty_target()
            self.sim = Sim("--orders", str(orders), "--seed", str(dice.randrange(1 << 30)), "--start", hour_ago(),
                           *sim_options)
            self.sim.control(advance_ms=TURN_MS)  # what it begins with lies before now less the lag
            self.project = self._make_project()
            self.ids = sorted({int(row["o_id"]) for row in self.sim.raw()})
        except BaseException:
            self.close()
            raise

    def _empty_target(self):
        if self.db:
            reset(self.db)

    def _make_project(self):
        project = Project(self.sim, self.db, create=False, overlap="0s", lag=LAG,
                          **(VANISH if self.mode == "vanish" else {}))
        project.write("connections/jst.json", hurried(self.sim))
        document = target_document()
        for row in document["otherRequest"]:
            if row["field"] == "limit":
                row["value"] = str(LIMIT)
            elif self.mode == "append":
                row["value"] = row["value"].replace("REPLACE INTO", "INSERT INTO")
        project.write("integrations/orders.target.json", document)
        types = {"id": "VARCHAR(64) NOT NULL"} if self.mode == "append" else {}
        if self.mode == "vanish":
            types = {"o_id": "BIGINT", "modified": "DATETIME"} if self.db else {"o_id": "INTEGER"}
        project.create_table(types)
        return project

    def close(self):
        for part in (self.project, self.sim):
            if part:
                part.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- work ----

    def chosen(self, share):
        return [i for i in self.ids if self.dice.random() < share]

    def edit(self, share=None):
        """Changes a part of the orders, in the way of the mode. Visible from the simulator's now on."""
        if self.mode == "append":
            self.sim.control(new=self.dice.randrange(40, 120))
            return
        share = share or self.dice.choice((0.1, 0.3, 1.0))
        if self.mode == "vanish":
            for what in ("shorten", "leave", "enter"):
                self.sim.control(**{what: self.chosen(share * 0.2)})
        self.sim.control(edit=self.chosen(share))

    def more_work(self, share=None):
        """Edits; then the clock goes on, so that all of them lie before now less the lag."""
        self.edit(share)
        self.sim.control(advance_ms=TURN_MS)

    # ---- runs ----

    def length(self):
        return statistics.median(self.lengths[-9:])

    def launch(self, *args):
        self.starts += 1
        return self.project.start(*(args or ("run", "orders"))), time.monotonic()

    def finish(self, process, why, limit_s=RUN_LIMIT_S):
        """The end of a run that may fail but must end: (status, stdout, stderr)."""
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise Broken(f"{why}: still running after {limit_s} s\n{out}\n{err[-3000:]}") from None
        if process.returncode < 0 or process.returncode not in (0, 1, 3, 130):
            raise Broken(f"{why}: ended with {process.returncode}\n{out}\n{err[-3000:]}")
        return process.returncode, out, err

    def conclude(self, process, started, why):
        """A run that was left alone must end well, and the table must be right; what it said."""
        code, out, err = self.finish(process, why)
        if code != 0:
            raise Broken(f"{why}: ended with {code}\n{out}\n{err[-3000:]}")
        self.lengths.append(time.monotonic() - started)
        self.judge(f"{why}\n{out}\n{err[-3000:]}")
        return err

    def judge(self, why):
        """The table must be what a perfect copy holds, and the checkpoint what the state says."""
        self.figures.compared += 1
        difference = compare(self.sim.truth(), self.project.table_rows())
        if difference:
            raise Broken(f"after {self.figures.effective} faults: {difference}\n{why}")

    def undisturbed(self, why, *args):
        self.conclude(*self.launch(*args), why)

    # ---- the checkpoint ----

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

    def check_end(self):
        """The last word: one more run that finds nothing wrong to do, and one story about the cursor."""
        self.more_work()
        self.undisturbed("the last run")
        rows = self.project.query("SELECT * FROM sluice_checkpoint")
        if len(rows) != 1:
            raise Broken(f"{len(rows)} rows in sluice_checkpoint: {rows}")
        shown = find_cursor(self.project.run("cursor", "orders").json)
        summary = self.project.run("status", "orders").json
        if shown != find_cursor(summary):
            raise Broken(f"cursor says {shown}, status says {summary}")
        if not cursor_in(rows[0], shown):
            raise Broken(f"cursor {shown} does not stand in sluice_checkpoint: {rows[0]}")


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


__all__ = ["Broken", "Lane", "MODES", "Project", "TABLE", "compare", "error_of", "make_server", "pause", "wait_until"]
