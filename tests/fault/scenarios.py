"""What is rehearsed under faults: each scenario makes a project once, and says which command is attacked in copies of it,
and what must hold after an undisturbed command has followed.

A template is a project folder as it stands before the command; the simulator behind it stays up and its data stands
still, so that each copy must come to the same end."""
import os
import shutil
import sqlite3
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from lib.case import hurried, reset  # noqa: E402
from lib.servers import SLUICE, MariaDB, Project, Sim, compare  # noqa: E402

ORDERS = ("--orders", "20", "--seed", "3")
PATIENCE = ("--patience", "300ms")
RUN = ("run", "orders", *PATIENCE)


class Problem(Exception):
    """What must not be."""


class Work(Project):
    """A copy of a template in a folder of its own, which is used again."""

    def __init__(self, template, home):  # the template has made what Project makes
        self.sim, self.target, self.home = template.sim, template.target, home
        self.template = template
        self.folder = os.path.join(home, "project")
        self.database = os.path.join(self.folder, "bi.db")

    def begin(self):
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.template.home, self.home)


class Scenario:
    """name; command: what is attacked; changes: whether it writes, so that every fault is followed by a check."""

    name = None
    command = RUN
    changes = True
    powered = False  # whether power cuts are of interest
    sim_options = ORDERS
    target = None  # a server's class
    codes = (0, 1)  # statuses that the command may end with under a fault; 2 as well when a file cannot be read

    def __init__(self):
        self.db = self.sim = self.template = None
        try:
            self.db = self.target() if self.target else None
            self.sim = Sim(*self.sim_options)
            self.template = Project(self.sim, self.db)
            self.template.write("connections/jst.json", hurried(self.sim))
            self.prepare()
            self.truth = self.sim.truth()
        except BaseException:
            self.close()
            raise

    def prepare(self):
        """Brings the template to where the command is to be run."""

    def work(self, home):
        """A place to work in; those of a scenario with a server share it and must take turns."""
        return Work(self.template, home)

    def begin(self, work):
        work.begin()

    def after(self, work):
        """Runs undisturbed to the end; Problem when anything is wrong then."""
        self.ended_well(work, *RUN)
        self.check_copy(work)

    def ended_well(self, work, *args, codes=(0,)):
        result = work.run(*args, timeout=60)
        if result.code not in codes:
            raise Problem(f"undisturbed: {result!r}")
        return result

    def check_copy(self, work, truth=None):
        """Table = truth, checkpoint = what is shown, every file of the state sound."""
        difference = compare(self.truth if truth is None else truth, work.table_rows())
        if difference:
            raise Problem(f"the table: {difference}")
        self.check_state(work)

    def check_state(self, work):
        rows = work.query("SELECT * FROM sluice_checkpoint")
        if len(rows) != 1:
            raise Problem(f"{len(rows)} checkpoints: {rows}")
        for path in databases(work.folder):
            said = sound(path)
            if said:
                raise Problem(f"{path}: {said}")
        link = sqlite3.connect(os.path.join(work.folder, ".sluice/state.db"))
        kept = link.execute("SELECT cursor_s, page, row FROM progress").fetchall()
        link.close()
        if kept != [(rows[0]["cursor_at"], rows[0]["page"], rows[0]["page_row"])]:
            raise Problem(f"state says {kept}, the target {rows[0]}")

    def close(self):
        for made in (self.template, self.sim, self.db):
            if made:
                made.close()


def databases(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".db"):
                yield os.path.join(where, name)


def sound(path):
    link = sqlite3.connect(path)
    try:
        said = link.execute("PRAGMA quick_check").fetchone()[0]
        return "" if said == "ok" else said
    except sqlite3.DatabaseError as e:
        return str(e)
    finally:
        link.close()


class NewWork(Work):
    """Commands about the folder `new` beside the project, none of which is given with -C by itself."""

    def command(self, *args, json=True):
        return [SLUICE, *[os.path.join(self.home, a) if a == "new" else a for a in args], *(["--json"] if json else [])]


class Init(Scenario):
    name = "init"
    command = ("init", "new", "--sqlite")
    codes = (0, 1, 2)

    def work(self, home):
        return NewWork(self.template, home)

    def after(self, work):
        """Whatever is there is whole or can be thrown away; a new start ends well."""
        shutil.rmtree(os.path.join(work.home, "new"), ignore_errors=True)
        self.ended_well(work, *self.command)
        self.ended_well(work, "check", "-C", "new", codes=(0, 2))


class Check(Scenario):
    name = "check"
    command = ("check",)
    changes = False
    codes = (0, 1, 2)


class CheckOnline(Check):
    name = "check-online"
    command = ("check", "--online")


class Preview(Scenario):
    name = "preview"
    command = ("preview", "orders")
    changes = False
    codes = (0, 1, 2)


class FirstRun(Scenario):
    name = "first-run"
    powered = True


class Incremental(Scenario):
    """Edited orders come in; one of their rows is refused, one that was refused before is superseded."""

    name = "dead-letters"
    powered = True
    codes = (0, 1, 3)

    def prepare(self):
        truth = self.sim.truth()
        self.before = truth[4]["id"]
        self.refuse(self.before)
        self.ended_well(self.template, *RUN, codes=(3,))
        self.template.execute("DROP TRIGGER objects")
        edited = sorted({row["o_id"] for row in truth})[:8]
        self.sim.control(edit=[int(name) for name in edited])
        self.sim.control(advance_ms=2000)
        truth = self.sim.truth()
        self.victim = next(row["id"] for row in truth if row["o_id"] in edited[2:])
        self.refuse(self.victim)

    def refuse(self, row):
        self.template.execute(f"CREATE TRIGGER objects BEFORE INSERT ON order_list_query WHEN NEW.id = '{row}' "
                              "BEGIN SELECT RAISE(ABORT, 'not on my watch'); END")

    def after(self, work):
        self.ended_well(work, *RUN, codes=(0, 3))
        mended = [row for row in self.truth if row["id"] != self.victim]
        found = [row for row in work.table_rows() if row["id"] != self.victim]  # the older version may stay
        difference = compare(mended, found)
        if difference:
            raise Problem(f"the table: {difference}")
        letters = self.ended_well(work, "records", "orders", "--state", "error").json["records"]
        if [letter["target_id"] for letter in letters] != [self.victim]:
            raise Problem(f"dead letters: {letters}, expected that of {self.victim}")
        work.execute("DROP TRIGGER objects")
        self.ended_well(work, "retry", "orders", "--all")
        self.check_copy(work)


class Retry(Incremental):
    name = "retry"
    command = ("retry", "orders", "--all", *PATIENCE)

    def prepare(self):
        super().prepare()
        self.ended_well(self.template, *RUN, codes=(3,))
        self.template.execute("DROP TRIGGER objects")

    def after(self, work):
        self.ended_well(work, "retry", "orders", "--all")
        letters = self.ended_well(work, "records", "orders", "--state", "error").json["records"]
        if letters:
            raise Problem(f"dead letters remain: {letters}")
        self.check_copy(work)


class Replay(Scenario):
    name = "replay"
    powered = True
    command = ("replay", "orders", "--from", "2020-01-01", "--to", "2100-01-01", *PATIENCE)

    def prepare(self):
        self.ended_well(self.template, *RUN)
        self.template.execute("DELETE FROM order_list_query")

    def after(self, work):
        self.ended_well(work, *self.command)
        self.check_copy(work)


class Halves(Scenario):
    """No totals and small pages: windows are halved, many pages, many marks."""

    name = "halves"
    powered = True
    sim_options = ("--orders", "9", "--seed", "5", "--page-max", "5", "--fault", "nototal")

    def prepare(self):
        document = self.template.read("integrations/orders.source.json")
        next(row for row in document["request"] if row["field"] == "page_size")["value"] = "5"
        self.template.write("integrations/orders.source.json", document)


class Show(Scenario):
    """What is asked for changes nothing."""

    changes = False
    codes = (0, 1, 2)

    def prepare(self):
        self.ended_well(self.template, *RUN)


class Status(Show):
    name = "status"
    command = ("status", "orders")


class Records(Show):
    name = "records"
    command = ("records", "orders", "--id", "900001")


class IntoMariaDB(Scenario):
    name = "mariadb"
    powered = True
    target = MariaDB

    def begin(self, work):
        reset(self.db)
        self.template.create_table()
        work.begin()


SCENARIOS = [Init, Check, Preview, FirstRun, Incremental, Retry, Replay, Halves, Status, Records, CheckOnline, IntoMariaDB]


def scratch():
    """Folders in memory where there are some: a sync costs nothing there."""
    if os.access("/dev/shm", os.W_OK):
        tempfile.tempdir = "/dev/shm"


__all__ = ["Problem", "SCENARIOS", "Scenario", "Work", "scratch"]
