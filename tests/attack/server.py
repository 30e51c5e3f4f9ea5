#!/usr/bin/python3
"""kill -9 of the target's server while runs write to it: they wait, go on by themselves and end well.

    tests/attack/server.py --count 100 --seed 7 --target mariadb|mysql --mode replace|append|vanish

Each run is hit by one kill or more at random moments; the server is started again at once. Effective are the kills that
met a live run. After every run the table is compared with the simulator's oracle.

Exit status: 0 all held, 1 something was lost, doubled or stuck, 77 the server cannot be had here.
"""
import sys

from rig.lane import MODES, ORDERS, Lane, make_server, pause
from rig.program import Broken, dice_of, program

MISSES_MAX = 50


def kills_during(lane, db, process, figures):
    """Kills and starts the server while the run lives, up to three times; how many of the kills met it alive."""
    hits = 0
    for _ in range(lane.dice.choice((1, 1, 2, 3))):
        if not pause(process, lane.dice.uniform(0, lane.length())):
            break
        db.kill9()
        figures.attempted += 1
        hits += pause(process, lane.dice.uniform(0, 0.05))
        db.start()
    figures.effective += hits
    return hits


def attack(options, figures):
    db = make_server(options.target)
    try:
        with Lane(db, figures, dice_of(options.seed, "lane"), options.mode, options.orders) as lane:
            lane.undisturbed("the first run")
            case = misses = 0
            while figures.effective < options.count:
                case += 1
                lane.dice = dice_of(options.seed, case)
                lane.more_work()
                process, started = lane.launch()
                hits = kills_during(lane, db, process, figures)
                lane.conclude(process, started, f"case {case}: {hits} kills of the server")
                if hits:
                    lane.lengths.pop()  # this one was disturbed
                misses = 0 if hits else misses + 1
                if misses > MISSES_MAX:
                    raise Broken(f"no kill met a live run, {MISSES_MAX} times in a row")
                figures.progress(options.count)
            lane.check_end()
    finally:
        db.close()


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS * 2)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, ("mariadb", "mysql"), add_options))
