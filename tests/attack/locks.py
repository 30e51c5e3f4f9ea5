#!/usr/bin/python3
"""Another connection holds locks on rows: batches wait, time out, are rolled back whole and sent again.

    tests/attack/locks.py --count 10 --seed 7

The server's lock wait ends after a second. Each round locks some rows of the table in a transaction, starts a run that
has to write them, holds the locks past that second, lets go, and compares the table with the oracle: after a time-out
the server has taken back the statement and not the transaction, so who goes on commits half a batch.

Exit status: 0 all held, 1 something was lost, 77 the server cannot be had here.
"""
import sys

from rig.lane import MODES, ORDERS, TABLE, Lane, make_server, pause
from rig.program import dice_of, program

HELD_S = 1.3


def attack(options, figures):
    db = make_server(options.target, "--innodb-lock-wait-timeout=1")
    try:
        with Lane(db, figures, dice_of(options.seed, "lane"), options.mode, options.orders) as lane:
            lane.undisturbed("the first run")
            case = 0
            while figures.effective < options.count:
                case += 1
                lane.dice = dice_of(options.seed, case)
                lane.more_work(1.0)
                ids = [row["id"] for row in lane.project.query(f"SELECT id FROM {TABLE}")]
                link = db.connect(autocommit=False)
                with link.cursor() as cursor:
                    for name in lane.dice.sample(ids, 3):
                        cursor.execute(f"SELECT id FROM {TABLE} WHERE id = %s FOR UPDATE", (name,))
                process, started = lane.launch()
                figures.attempted += 1
                figures.effective += pause(process, HELD_S)
                link.rollback()
                link.close()
                lane.conclude(process, started, f"case {case}")
                figures.progress(options.count)
            lane.check_end()
    finally:
        db.close()


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, ("mariadb", "mysql"), add_options))
