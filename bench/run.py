#!/usr/bin/python3
"""How fast the seed case goes into MariaDB, and what it costs, side by side on this machine:

    sluice      `sluice run`, from the simulator's API to the committed rows, with its journal and checkpoint
    LOAD DATA   `mariadb` with LOAD DATA LOCAL INFILE … REPLACE of the same rows from a file made beforehand
    python      bench/python_plain.py: requests and executemany, doing the same job plainly

All write the same 69 columns into the same table of one private server. Each is repeated and the median counts. The
contents of the table are compared with the simulator's oracle once for each. Nothing here is an assertion on time.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "e2e"))
from lib.case import hurried  # noqa: E402
from lib.process import spawn  # noqa: E402
from lib.servers import SLUICE, TABLE, MariaDB, Project, Sim, compare  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = ("--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M", "--local-infile=ON",
          "--max-allowed-packet=64M")
ROWS_AN_ORDER = 1.95  # of the orders that the simulator makes, after the condition


class Measured:
    def __init__(self, seconds, cpu, peak, out):
        self.seconds, self.cpu, self.peak, self.out = seconds, cpu, peak, out


def measure(argv, text="", env=None, what=None):
    """Runs a command: wall seconds, its CPU seconds, its peak resident set in MiB (VmHWM, read until it ends: ru_maxrss
    would count this script's own pages before exec)."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text.encode())
        given.seek(0)
        started = time.monotonic()
        child = spawn(argv, stdin=given, stdout=out, stderr=err, env=env)
        peak, gone, status, used = 0, 0, 0, None
        while not gone:
            try:
                with open(f"/proc/{child.pid}/status", encoding="ascii") as f:
                    peak = max([peak] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
            except OSError:
                pass
            gone, status, used = os.wait4(child.pid, os.WNOHANG)
            if not gone:
                time.sleep(0.005)
        seconds = time.monotonic() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        printed = out.read().decode()
        if child.returncode:
            raise SystemExit(f"{what or argv[0]} ended with {child.returncode}\n{printed}\n{err.read().decode()}")
    return Measured(seconds, used.ru_utime + used.ru_stime, peak / 1024, printed)


class Bench:
    def __init__(self, orders, db, sim):
        self.orders, self.db, self.sim = orders, db, sim
        self.project = Project(sim, db, create=False)
        self.project.write("connections/jst.json", hurried(sim))
        made = self.project.run("ddl", "orders")
        if made.code:
            raise SystemExit(repr(made))
        db.execute(f"DROP TABLE IF EXISTS {TABLE}")
        db.execute("DROP TABLE IF EXISTS sluice_checkpoint")
        db.execute(made.json["sql"])
        self.columns = self.project.columns()
        self.file = os.path.join(self.project.home, "rows.tsv")

    def close(self):
        self.project.close()

    def write_file(self, truth):
        def cell(value):
            if value is None:
                return "\\N"
            return str(value).replace("\\", "\\\\").replace("\t", "\\\t").replace("\n", "\\\n").replace("\0", "\\0")
        with open(self.file, "w", encoding="utf-8", newline="") as f:
            for row in truth:
                f.write("\t".join(cell(row[name]) for name in self.columns) + "\n")

    def empty(self):
        self.db.execute(f"TRUNCATE TABLE {TABLE}")

    def by_sluice(self):
        self.empty()
        shutil.rmtree(os.path.join(self.project.folder, ".sluice"), ignore_errors=True)
        if self.db.query("SHOW TABLES LIKE 'sluice_checkpoint'"):
            self.db.execute("DELETE FROM sluice_checkpoint")
        m = measure([SLUICE, "run", "orders", "-C", self.project.folder, "--json"], env=self.project.environment())
        return m

    def by_sluice_keeping(self):
        """The same with "keep": "records"."""
        before = self.project.read("integrations/orders.json")
        self.project.write("integrations/orders.json", {**before, "keep": "records"})
        try:
            return self.by_sluice()
        finally:
            self.project.write("integrations/orders.json", before)

    def by_load_data(self):
        self.empty()
        sql = (f"LOAD DATA LOCAL INFILE '{self.file}' REPLACE INTO TABLE {TABLE} CHARACTER SET utf8mb4 "
               f"FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n' ({','.join(self.columns)})")
        return measure(["mariadb", "--no-defaults", "--local-infile=1", f"--socket={self.db.socket}", "-ubi",
                        "-pbi-secret", "bi", "-e", sql])

    def by_python(self):
        self.empty()
        p = self.sim.connection["params"]
        end = self.sim.stats()["now"] if isinstance(self.sim.stats()["now"], str) else self.sim.hello["to"]
        return measure(["/usr/bin/python3", os.path.join(HERE, "python_plain.py"), p["base_url"], p["app_key"],
                        p["app_secret"], p["target_app_key"], p["customer_id"], self.sim.hello["from"],
                        end[:19].replace("T", " "), self.db.socket, TABLE], text="\n".join(self.columns))

    def check(self, truth, what):
        difference = compare(truth, self.project.table_rows())
        if difference:
            raise SystemExit(f"{what}: the table is not what it should be: {difference}")


def race(db, rows, repeats):
    """All ways, in turn, so that what else the machine does strikes all alike."""
    orders = int(rows / ROWS_AN_ORDER)
    with Sim("--orders", str(orders)) as sim:
        truth = sim.truth()
        bench = Bench(orders, db, sim)
        try:
            bench.write_file(truth)
            ways = {"sluice": bench.by_sluice, "keeping": bench.by_sluice_keeping, "LOAD DATA": bench.by_load_data,
                    "python": bench.by_python}
            found = {name: [] for name in ways}
            for n in range(repeats):
                for name, way in ways.items():
                    found[name].append(way())
                    if n == 0:
                        bench.check(truth, name)
            return len(truth), found
        finally:
            bench.close()


def memory(db, rows):
    with Sim("--orders", str(int(rows / ROWS_AN_ORDER))) as sim:
        bench = Bench(0, db, sim)
        try:
            m = bench.by_sluice()
            return json.loads(m.out)["rows"], m
        finally:
            bench.close()


def tell_race(count, found):
    print(f"\n{count} rows of 69 columns into MariaDB, median of {len(found['sluice'])}\n")
    print(f"  {'':10} {'rows/s':>9} {'seconds':>9} {'CPU s per million rows':>24} {'peak MiB':>9}")
    speed = {}
    for name, runs in found.items():
        seconds = statistics.median(m.seconds for m in runs)
        speed[name] = count / seconds
        print(f"  {name:10} {speed[name]:9.0f} {seconds:9.2f} "
              f"{statistics.median(m.cpu for m in runs) / count * 1e6:24.1f} {max(m.peak for m in runs):9.1f}")
    print(f"\n  sluice / LOAD DATA {speed['sluice'] / speed['LOAD DATA']:.2f}    "
          f"sluice / python {speed['sluice'] / speed['python']:.2f}    "
          f"keeping records / sluice {speed['keeping'] / speed['sluice']:.2f}")
    return speed


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=60000, help="of the race (default 60000)")
    options.add_argument("--repeats", type=int, default=3, help="of each way (default 3)")
    options.add_argument("--full", action="store_true", help="memory at 1,000,000 rows as well (the simulator takes "
                                                             "1.2 GB)")
    options.add_argument("--race", action="store_true", help="the race alone, without the peak memory by size")
    options.add_argument("--json", action="store_true", help="one JSON object at the end")
    wish = options.parse_args()
    with MariaDB(*SERVER) as db:
        count, found = race(db, wish.rows, wish.repeats)
        speed = tell_race(count, found)
        peaks = {}
        sizes = () if wish.race else (10000, 100000, 1000000) if wish.full else (10000, 100000)
        if sizes:
            print("\nPeak memory of sluice\n")
        for rows in sizes:
            written, m = memory(db, rows)
            peaks[written] = m.peak
            print(f"  {written:9} rows {m.peak:9.1f} MiB {written / m.seconds:9.0f} rows/s "
                  f"{m.cpu / written * 1e6:7.1f} CPU s per million rows")
    if wish.json:
        print(json.dumps({"rows": count, "rows_per_second": {k: round(v) for k, v in speed.items()},
                          "cpu_seconds_per_million": {k: round(statistics.median(m.cpu for m in v) / count * 1e6, 2)
                                                      for k, v in found.items()},
                          "peak_mib": {str(k): round(v, 1) for k, v in peaks.items()}}))


if __name__ == "__main__":
    main()
