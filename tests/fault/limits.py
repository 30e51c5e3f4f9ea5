#!/usr/bin/python3
"""The system gives less than is asked for: descriptors, memory, file size, threads, stack. The run ends as documented,
with a message that a person understands, or does its work; without the limit the next run brings everything in.

    tests/fault/limits.py [--orders 1000]

Threads are refused by inject.so, because root is not bound by RLIMIT_NPROC. Exit status: 0 all held, 1 a finding.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from scenarios import FirstRun, Problem, scratch

HERE = os.path.dirname(os.path.abspath(__file__))
INJECT = os.environ.get("INJECT", os.path.join(HERE, "../../build/tests/fault/inject.so"))
MIB = 1 << 20
# (limit of prlimit, words that the message must have where the run does not get through)
LIMITS = (
    [(f"--nofile={n}", "open files|unable to open|descriptor|too many") for n in (5, 8, 12, 16, 20, 24, 28, 32, 64)]
    + [(f"--as={n * MIB}", "memory|thread") for n in (40, 64, 96, 128, 160, 192, 224, 256)]
    + [(f"--fsize={n}", "too large|disk I/O|full") for n in (0, 4096, 65536, MIB)]
    + [(f"--stack={n}", "memory|thread") for n in (65536, 256 << 10)]
)
MUST_WORK = {"--nofile=64", f"--as={256 * MIB}"}
DEADLINE_S = 120


class Large(FirstRun):
    def __init__(self, options):
        self.sim_options = ("--orders", str(options.orders), "--seed", str(options.seed))
        super().__init__()


def limited(scenario, work, prefix, env):
    scenario.begin(work)
    argv = work.command(*scenario.command)
    process = subprocess.Popen(prefix + argv, env=work.environment(env), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        out, err = process.communicate(timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise Problem(f"still running after {DEADLINE_S} s") from None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def judge(name, code, text, words):
    """How it ended; Problem when that is not as it should be. The loader's own refusal (127) is none of ours."""
    if code == 0:
        return "works"
    if name in MUST_WORK:
        raise Problem(f"ended with {code}: {text}")
    if code == 127 and "error while loading shared libraries" in text:
        return "not loaded"
    if code not in (1, 2) or not re.search(words, text, re.IGNORECASE):
        raise Problem(f"ended with {code}: {text}")
    return f"status {code}"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--orders", type=int, default=1000)
    options.add_argument("--seed", type=int, default=4, help="of the orders")
    options = options.parse_args()
    scratch()
    begun, findings, done = time.monotonic(), 0, 0
    folder = tempfile.mkdtemp(prefix="sluice-limit-")
    scenario = None
    try:
        scenario = Large(options)
        work = scenario.work(os.path.join(folder, "work"))
        cases = [(name, ["prlimit", name], {}, words) for name, words in LIMITS]
        cases += [(f"thread {n} refused", [], {"LD_PRELOAD": INJECT, "SLUICE_INJECT": f"EAGAIN:{n}:sticky"},
                   "thread|temporarily") for n in range(1, 6)]
        for name, prefix, env, words in cases:
            done += 1
            try:
                code, out, err = limited(scenario, work, prefix, env)
                print(f"{name}: {judge(name, code, out + err, words)}", flush=True)
                scenario.after(work)
            except (Problem, AssertionError) as e:
                findings += 1
                print(f"FINDING {name}: {str(e)[:2000]}", flush=True)
    finally:
        if scenario:
            scenario.close()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"limits: {done} limits, {findings} findings, {time.monotonic() - begun:.0f} s")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
