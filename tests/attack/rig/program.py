"""What the attack programs share: their options, their seed, how they end and the line of figures that they print last.

    sys.exit(program(__doc__, attack, more_options))

`attack(options, figures)` does the work and raises Broken when something was lost, doubled, stale or stuck.
"""
import argparse
import os
import random
import signal
import sys
import time
import traceback
import unittest

SKIPPED = 77
SHOW_EVERY_S = 20


class Broken(Exception):
    """What must not be."""


class Figures:
    """attempted: faults tried; effective: those that met a live run at work; compared: how often the oracle was asked."""

    def __init__(self, name, target):
        self.name, self.target = name, target
        self.attempted = self.effective = self.compared = 0
        self.more = {}
        self.begun = self.shown = time.monotonic()

    def add(self, name, n=1):
        """Counts something of this attack's own."""
        self.more[name] = self.more.get(name, 0) + n

    def take(self, other):
        """Adds the figures of a part of the attack."""
        self.attempted += other.attempted
        self.effective += other.effective
        self.compared += other.compared
        for name, n in other.more.items():
            self.add(name, n)

    def progress(self, wanted):
        if time.monotonic() > self.shown + SHOW_EVERY_S:
            self.shown = time.monotonic()
            print(f"  {self.effective} of {wanted}, {self.compared} comparisons", flush=True)

    def line(self):
        own = "".join(f" {name}={n}" for name, n in self.more.items())
        return (f"figures: attack={self.name} target={self.target} attempted={self.attempted} effective={self.effective}"
                f" compared={self.compared} seconds={time.monotonic() - self.begun:.0f}{own}")


def dice_of(seed, case):
    """The choices of one case depend on the seed and its number alone."""
    return random.Random(f"{seed}/{case}")


def end_on_signals():
    """SIGTERM ends the program like an exception does, so that what it started is taken down."""
    def leave(number, _frame):
        sys.exit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


def program(text, attack, targets=("mariadb", "mysql", "sqlite"), add_options=lambda parser: None, counted=True):
    """Parses the options, attacks, prints; the exit status: 0 all held, 1 not, 77 it cannot be done here. An attack that
    is not `counted` has other options that say how much."""
    parser = argparse.ArgumentParser(description=text.split("\n", maxsplit=1)[0])
    if counted:
        parser.add_argument("--count", type=int, default=20, help="faults that strike")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument("--target", choices=targets, default=targets[0])
    add_options(parser)
    options = parser.parse_args()
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    figures = Figures(name, options.target)
    end_on_signals()
    wanted = f"{options.count} on " if counted else ""
    print(f"{name}: seed {options.seed}, {wanted}{options.target}", flush=True)
    status = 0
    try:
        attack(options, figures)
    except unittest.SkipTest as e:
        print(f"skipped: {e}")
        return SKIPPED
    except Broken as e:
        print(f"FAILED (seed {options.seed}): {e}")
        status = 1
    except Exception:  # the harness itself; shown with its seed like a finding
        traceback.print_exc(file=sys.stdout)
        print(f"FAILED (seed {options.seed}): the harness broke off")
        status = 1
    print(figures.line(), flush=True)
    return status
