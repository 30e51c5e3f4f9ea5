#!/usr/bin/python3
"""Cuts, stalls, drips and nonsense on the wire, to the target and to the API.

    tests/attack/cuts.py --commits 1000 --any 4000 --seed 7 --lanes 10 --mode replace|append --target mariadb|mysql

Each lane runs on a simulator, a project and a database of its own (the server is shared); proxies stand before both.
--commits counts the faults around COMMIT: half of them after the server has applied it, a part of these so late that the
client has come back before. --any counts all others, half of them towards the API. Only faults that struck count; a plan
of some is made for each run, which may end well or with a documented error, but must end. After a run that ended well every
record up to its cursor must be in, as the simulator's oracle has it; after one that failed, or that for want of an answer
took the source's clock for too slow, stands one that is left alone, after which all must be in. A lane begins anew after
some runs, with an empty table. Every other lane writes with
a plain INSERT into a table without a key, unless --mode says which way all shall write.

Exit status: 0 all held, 1 something was lost, doubled, stale or stuck, 77 the server cannot be had here.
"""
import json
import sys
import threading
from datetime import datetime

from pymysql.cursors import DictCursor

from rig.lane import MODES, Lane, compare, error_of, make_server
from rig.program import Broken, Figures, dice_of, program
from rig.wire import ANSWERS, BYTE_KINDS, COMMIT_KINDS, DOWN, GREETINGS, HTTP, MYSQL, UP, Fault, Loop, Wire

ORDERS = 120
TIMEOUT_S = 2    # of both connections: how long they wait for an answer
LONG_S = 3.0     # a stall that they do not wait for
PATIENCE_S = 20
MARGIN_S = 60
CASES = 20       # of one lane, before it begins anew
DOCUMENTED = ("network", "remote", "data", "target", "conflict", "auth", "quota", "schema")


class OwnDatabase:
    """A database of its own on a shared server, reached through a proxy by who is under attack."""

    def __init__(self, server, name, port):
        self.server, self.name, self.port = server, name, port
        server.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        server.execute(f"GRANT ALL ON {name}.* TO 'bi'@'%'")
        self.link = server.connect(database=name)  # past the proxy

    @property
    def connection(self):
        params = {**self.server.connection["params"], "port": self.port, "database": self.name, "tls": "disable"}
        return {"connector": "mysql", "params": params, "timeout": TIMEOUT_S}

    def query(self, sql, args=None):
        with self.link.cursor(DictCursor) as cursor:
            cursor.execute(sql, args)
            return list(cursor.fetchall())

    def execute(self, sql, args=None):
        with self.link.cursor() as cursor:
            return cursor.execute(sql, args)

    def close(self):
        self.execute(f"DROP DATABASE {self.name}")
        self.link.close()


class WiredLane(Lane):
    """A lane whose project reaches both sides through proxies."""

    def __init__(self, loop, server, name, figures, dice, mode):
        self.wires = {"db": Wire(loop, MYSQL, server.port), "api": None}
        self.loop = loop
        self.database = OwnDatabase(server, name, self.wires["db"].port)
        super().__init__(self.database, figures, dice, mode, ORDERS)

    def _empty_target(self):
        """It was made for this lane."""

    def _make_project(self):
        self.wires["api"] = Wire(self.loop, HTTP, self.sim.hello["port"])
        project = super()._make_project()
        connection = project.read("connections/jst.json")
        url = connection["params"]["base_url"]
        connection["timeout"] = TIMEOUT_S
        connection["params"]["base_url"] = url.replace(str(self.sim.hello["port"]), str(self.wires["api"].port))
        project.write("connections/jst.json", connection)
        document = project.read("integrations/orders.target.json")
        for row in document["otherRequest"]:
            if row["field"] == "limit":
                row["value"] = "10"
        project.write("integrations/orders.target.json", document)
        return project

    def judge_to(self, to, why):
        """What lies up to `to` must be in, once, in its newest version; true when that is all there is."""
        last = datetime.fromisoformat(to).strftime("%Y-%m-%d %H:%M:%S")
        truth = self.sim.truth()
        due = [row for row in truth if row["modified"] <= last]
        ids = {row["id"] for row in due}
        difference = compare(due, [row for row in self.project.table_rows() if row["id"] in ids])
        self.figures.compared += 1
        if difference:
            raise Broken(f"after {self.figures.effective} faults: {difference}\n{why}")
        return len(due) == len(truth)

    def count_faults(self):
        """Takes the faults that have struck over into the figures."""
        for side, wire in self.wires.items():
            for kind, n in wire.taken().items():
                self.figures.attempted += n
                self.figures.effective += n
                self.figures.add(kind if kind in COMMIT_KINDS else f"{side}_{kind}", n)

    def close(self):
        super().close()
        for part in (*self.wires.values(), self.database):
            if part:
                part.close()


# ---- drawing ----

def around_commit(dice):
    kind = dice.choice(("commit-before", "commit-before", "commit-after", "commit-late"))
    return Fault(kind, at=dice.randrange(4), seconds=dice.uniform(0.005, 0.3), reset=dice.random() < 0.5)


def stall_s(dice):
    if dice.random() < 0.05:
        return LONG_S
    return dice.uniform(0.01, 0.3)


def anywhere(dice, side):
    """Anything else, on the side of the database or of the API. The first hundreds of bytes are the greeting and the
    settings of a session, so cuts come both soon and late."""
    draw = dice.random()
    if draw < 0.08:
        return Fault("refuse", at=dice.randrange(2))
    if draw < 0.16:
        return Fault("garbage", at=dice.randrange(2), text=dice.choice((*(GREETINGS if side == "db" else ANSWERS),
                                                                      dice.randbytes(80))))
    return Fault(dice.choice(BYTE_KINDS), at=int(10 ** dice.uniform(0, 4.3)), side=dice.choice((UP, DOWN)),
                 seconds=stall_s(dice))


def plans(dice, commits, others):
    """What is to strike during one run: faults for the database and for the API."""
    if commits and (not others or dice.random() < 0.3):
        return [around_commit(dice) for _ in range(dice.randrange(1, 9))], []
    db = [anywhere(dice, "db") for _ in range(dice.randrange(1, 9))] if dice.random() < 0.75 else []
    api = [anywhere(dice, "api") for _ in range(dice.randrange(1, 6))] if not db or dice.random() < 0.7 else []
    return db, api


# ---- the attack ----

def round_of(lane, why, commits, others):
    lane.more_work()
    db, api = plans(lane.dice, commits, others)
    lane.wires["db"].plan(db)
    lane.wires["api"].plan(api)
    process, _ = lane.launch("run", "orders", "--patience", f"{PATIENCE_S}s")
    code, out, err = lane.finish(process, f"{why}: {db} {api}", PATIENCE_S + MARGIN_S)
    for wire in lane.wires.values():
        wire.plan([])
    lane.count_faults()
    said = f"{why}: {db} {api}: ended with {code}\n{out}\n{err[-3000:]}"
    if code == 0:
        if not lane.judge_to(json.loads(out)["to"], said):
            lane.figures.add("short")
            lane.undisturbed(f"left alone after {said}")
    elif code == 1 and error_of(out) in DOCUMENTED:
        lane.figures.add(f"ended_{error_of(out)}")
        lane.undisturbed(f"left alone after {said}")
    else:
        raise Broken(said)


class Wanted:
    """How many faults one lane is still to have."""

    def __init__(self, options, number, figures):
        self.commits, self.any = (n // options.lanes + (number < n % options.lanes) for n in (options.commits, options.any))
        self.figures = figures

    def left(self):
        commits = sum(self.figures.more.get(kind, 0) for kind in COMMIT_KINDS)
        return max(0, self.commits - commits), max(0, self.any - (self.figures.effective - commits))


def ride(lane, seed, name, wanted, stop):
    """Some runs, fewer when the lane has had its faults or another one has found something."""
    lane.undisturbed("the first run")
    for case in range(CASES):
        if stop.is_set() or not any(wanted.left()):
            break
        lane.dice = dice_of(seed, f"{name}/{case}")
        round_of(lane, f"{name}, case {case}, {lane.mode}", *wanted.left())
    lane.check_end()
    lane.figures.add("runs", lane.starts)


def attack(options, figures):
    stop, ends, threads = threading.Event(), [], []
    server = make_server(options.target, "--max-connections=500")

    def lane_thread(loop, number):
        mode = options.mode or ("append" if number % 2 else "replace")
        mine = Figures("cuts", options.target)
        wanted, life = Wanted(options, number, mine), 0
        try:
            while any(wanted.left()) and not stop.is_set():
                life += 1
                name = f"lane{number}_{life}"
                with WiredLane(loop, server, name, mine, dice_of(options.seed, name), mode) as lane:
                    ride(lane, options.seed, name, wanted, stop)
            ends.append((mine, None))
        except BaseException as e:
            stop.set()
            ends.append((mine, e))

    try:
        with Loop() as loop:
            for number in range(options.lanes):
                threads.append(threading.Thread(target=lane_thread, args=(loop, number)))
                threads[-1].start()
            for thread in threads:
                thread.join()
    finally:
        server.close()
    for mine, _ in ends:
        figures.take(mine)
    for _, error in ends:
        if error:
            raise error


def add_options(parser):
    parser.add_argument("--commits", type=int, default=20, help="faults around COMMIT")
    parser.add_argument("--any", type=int, default=80, help="faults of all other kinds")
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--mode", choices=MODES)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, targets=("mariadb", "mysql"), add_options=add_options, counted=False))
