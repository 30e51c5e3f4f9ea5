#!/usr/bin/python3
"""kill -9 of sluice at random moments: afterwards the table is what a perfect copy holds.

    tests/attack/kill.py --count 200 --seed 7 --target mariadb|mysql|sqlite --mode replace|append|vanish

Runs are started and killed, at a moment anywhere in the time that a run takes (which adapts, as the machine may be busy
with other things); orders are edited between kills and while
a run is at work. Every few dozen kills one run is left alone, and the table is compared with the simulator's oracle.
Only kills that hit a live run count; effective are those after which something more was in the target than before. At
the end stands one undisturbed run; the checkpoint in the target must say what `status` says.

Exit status: 0 all held, 1 something was lost, doubled or stuck, 77 the server cannot be had here.
"""
import sys

from rig.lane import MODES, ORDERS, Lane, make_server, pause
from rig.program import Broken, dice_of, program

COMPARE_EVERY = 25
LANE_KILLS = 100  # then everything begins anew
FIRST_S = 0.3


def kill_one(lane, figures, case):
    """One run that is killed; false when it got through."""
    lane.dice = dice = dice_of(lane.seed, case)
    before = lane.mark()
    edits = dice.random()
    if edits < 0.2:
        lane.more_work()
    process, started = lane.launch()
    moment = dice.uniform(0, lane.length() * lane.reach)
    if edits > 0.9:  # while it works; seen by a later run, so this one is not judged
        alive = pause(process, moment / 2)
        lane.more_work()
        moment /= 2
    alive = pause(process, moment)
    if not alive and edits > 0.9:
        lane.finish(process, f"case {case}")
        return False
    if not alive:
        lane.reach = max(0.5, lane.reach * 0.8)
        lane.conclude(process, started, f"case {case}")
        return False
    process.kill()
    process.communicate()
    figures.attempted += 1
    hit = lane.mark() != before
    figures.effective += hit
    if not hit:
        lane.reach = min(4, lane.reach * 1.1)
    return True


def kills_in(lane, figures, options, case, kills):
    """So many kills on one lane; the number of the last case."""
    wanted = min(figures.attempted + kills, options.count)
    lane.seed, lane.reach = options.seed, 1.1
    if lane.dice.random() < 0.5:
        lane.undisturbed("the first run")
        lane.more_work()
    else:  # the first run is killed as well
        lane.lengths.append(FIRST_S)
    in_a_row = 0
    while figures.attempted < wanted:
        case += 1
        in_a_row = in_a_row + 1 if kill_one(lane, figures, case) else 0
        if in_a_row >= COMPARE_EVERY:
            lane.undisturbed(f"after {figures.attempted} kills")
            lane.more_work()
            in_a_row = 0
        figures.progress(options.count)
    lane.undisturbed("after the last kill")
    lane.check_end()
    figures.add("runs", lane.starts)
    return case


def attack(options, figures):
    db = make_server(options.target)
    case = 0
    try:
        while figures.attempted < options.count:
            with Lane(db, figures, dice_of(options.seed, f"lane {case}"), options.mode, options.orders) as lane:
                case = kills_in(lane, figures, options, case, LANE_KILLS)
    finally:
        if db:
            db.close()
    if figures.effective < options.count // 20:
        raise Broken(f"only {figures.effective} of {options.count} kills came after something was written: more --orders")


def add_options(parser):
    parser.add_argument("--mode", choices=MODES, default=MODES[0])
    parser.add_argument("--orders", type=int, default=ORDERS)


if __name__ == "__main__":
    sys.exit(program(__doc__, attack, add_options=add_options))
