#!/usr/bin/python3
"""Bugs are planted, and the attacks have to find them: a harness that finds nothing may be blind.

    tests/attack/planted.py --count 200

The program with the bugs in it is built in build-planted. For each of the six bugs the fitting attack runs with at most --count faults on the program of build-planted and must end
with a finding; the line says after how many faults. Without a bug the same program passes the same attacks.

Exit status: 0 all found, 1 one was not, or something was found where nothing is planted.
"""
import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BINARY = os.path.join(ROOT, "build-planted", "sluice")

# bug, what it is, the attack that finds it, and the share of --count that it takes (locks and takeovers take seconds each)
BUGS = [
    ("state_first", "the checkpoint is committed before the rows", ("kill.py", "--mode", "append", "--orders", "300"), 1),
    ("append", "rows and checkpoint are two transactions", ("kill.py", "--mode", "append", "--orders", "300"), 1),
    ("autocommit", "rows are in no transaction", ("kill.py", "--mode", "append", "--orders", "300"), 1),
    ("no_fence", "the epoch of another is written over", ("takeover.py",), 0.1),
    ("lock_continue", "a batch goes on after a lock wait time-out", ("locks.py",), 0.05),
    ("mod_first", "the guard is assigned first, and compared strictly", ("kill.py", "--mode", "vanish"), 1),
]


def run(bug, attack, count, seed):
    environment = {**os.environ, "SLUICE": BINARY, "SLUICE_PLANT": bug}
    return subprocess.run([sys.executable, os.path.join(HERE, attack[0]), *attack[1:], "--count", str(count), "--seed",
                           str(seed)], env=environment, capture_output=True, text=True)


def faults(output):
    found = re.search(r"attempted=(\d+) effective=(\d+)", output)
    return found.group(2) if found else "?"


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    for argv in (["cmake", "--preset", "planted"], ["cmake", "--build", "--preset", "planted", "-j", "2"]):
        subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    found, bad = [], []
    for bug, what, attack, share in BUGS:
        done = run(bug, attack, max(int(options.count * share), 2), options.seed)
        if done.returncode == 1 and "the harness broke off" not in done.stdout:
            found.append(f"{bug} after {faults(done.stdout)}")
            print(f"{bug}: {what}: found after {faults(done.stdout)} faults", flush=True)
        else:
            bad.append(bug)
            print(f"{bug}: {what}: NOT FOUND ({done.returncode})\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}", flush=True)
    for attack in sorted({attack for _, _, attack, _ in BUGS}):
        done = run("", attack, 3, options.seed)
        if done.returncode:
            bad.append(" ".join(attack))
            print(f"{' '.join(attack)} without a bug ended with {done.returncode}\n{done.stdout[-2000:]}", flush=True)
    print(f"figures: attack=planted found={len(found)} of={len(BUGS)} ({', '.join(found)}); without a bug nothing was found"
          if not bad else f"figures: attack=planted NOT right: {', '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
