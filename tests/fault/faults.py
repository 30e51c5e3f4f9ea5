#!/usr/bin/python3
"""Every allocation and every I/O call of ours fails, one at a time: the program ends as documented, nothing crashes, and
the next, undisturbed run brings everything in.

    tests/fault/faults.py --sample 0.1 --seed 7 [--scenario first-run …] [--kind mem …] [--all] [--one KIND:N[:sticky]]

inject.so (tests/fault/inject.c) counts the calls of a command and makes the Nth one fail, once or for good. A sample takes
its share of the indices of each kind in each scenario. --all also fails the allocations that libraries make for
themselves. --one repeats one fault and prints what happened.

--cuts lets the power go at every write, sync or change of a name instead: what was not synchronized is undone, in all of
the project (cut) or in the state alone while the target lives on (cut-state). --lie plants a bug: syncs do nothing.

A run may end with its documented statuses, or with 1 and "out of memory" when an allocation failed. A crash whose
innermost frame lies in libmariadb, or libuv's abort when it cannot begin, is not ours: it is counted apart and shown
with its callers, once each.

Exit status: 0 all held, 1 a finding, 77 a server cannot be had here.
"""
import argparse
import collections
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from scenarios import SCENARIOS, Problem, scratch

HERE = os.path.dirname(os.path.abspath(__file__))
SLUICE = os.environ.get("SLUICE", os.path.join(HERE, "../../build/sluice"))
INJECT = os.environ.get("INJECT", os.path.join(HERE, "../../build/tests/fault/inject.so"))
DEADLINE_S = 60
MEMORY = 1  # the status of an end for want of memory
TEXT = 8000
# for good, an interrupted call is a hang by definition: it must be tried again
KINDS = {"mem": (True, False), "EIO": (True, False), "ENOSPC": (True, False), "EINTR": (False,), "fsync": (True, False),
         "EMFILE": (True, False), "ECONNRESET": (True, False), "EAGAIN": (True, False), "short": (True, False)}
CUTS = {"cut": "", "cut-state": ".sluice"}  # power cuts, and the folder that they are about


class Report:
    """What the preloaded library tells."""

    def __init__(self, path):
        try:
            with open(path, "rb") as f:
                data = f.read()
            self.calls, self.failed = struct.unpack_from("QQ", data)
            self.fault, self.crash, self.kept = (
                data[16 + i * TEXT:16 + (i + 1) * TEXT].split(b"\0", 1)[0].decode(errors="replace") for i in range(3))
        except (OSError, struct.error):
            self.calls = self.failed = 0
            self.fault = self.crash = self.kept = ""

    def leaked(self, usual):
        """Callers whose blocks are kept more often than in an undisturbed run."""
        found = collections.Counter(self.kept.splitlines()) - usual
        return "\n".join(f"{caller}\n    {n} blocks" for caller, n in found.items())

    @staticmethod
    def frames(text):
        """The callers from the inside, those of the injector and the C library left out."""
        found = [line for line in text.splitlines()[1:] if not re.match(r"(inject\.so|libc\.so|\? |linux-vdso|libpthread)", line)]
        return found


def named(text):
    """Our own frames with function and line."""
    out = []
    for line in text.splitlines():
        m = re.match(r"sluice \+0x([0-9a-f]+)", line)
        if m:
            place = int(m[1], 16) - 1
            said = subprocess.run(["addr2line", "-f", "-s", "-e", SLUICE, hex(place)], stdout=subprocess.PIPE, text=True)
            line = "sluice " + " ".join(said.stdout.split())
        out.append("    " + line)
    return "\n".join(out)


class Fault:
    def __init__(self, kind, at, sticky, own=True):
        self.kind, self.at, self.sticky, self.own = kind, at, sticky, own

    @property
    def wish(self):
        return f"{self.kind}:{self.at}" + (":sticky" if self.sticky else "") + (
            ":own" if self.own and self.kind == "mem" else "")

    def environment(self, report, folder, lie):
        """Every second cut leaves a part of what was not synchronized, as a disk does that writes in its own order."""
        env = {"LD_PRELOAD": INJECT, "SLUICE_INJECT": self.wish.replace("cut-state", "cut"),
               "SLUICE_INJECT_REPORT": report}
        if self.kind in CUTS:
            env["SLUICE_INJECT_ROOT"] = os.path.join(folder, CUTS[self.kind])
            if self.at % 2:
                env["SLUICE_INJECT_TORN"] = str(self.at)
            if lie:
                env["SLUICE_INJECT_NOSYNC"] = "1"
        return env


class Bench:
    """One scenario, its places to work in, and what was seen."""

    def __init__(self, kind, folder, options):
        self.options = options
        self.scenario = kind()
        self.lanes = 1 if self.scenario.db else options.jobs
        self.folder = folder
        self.works = [self.scenario.work(os.path.join(folder, f"lane{i}")) for i in range(self.lanes)]
        self.ends = collections.Counter()
        self.usual = collections.Counter()  # who keeps blocks to the end in any case
        self.contained = collections.Counter()
        self.findings = []
        self.lock = threading.Lock()

    def close(self):
        self.scenario.close()

    def attack(self, lane, fault):
        work = self.works[lane]
        path = os.path.join(self.folder, f"report{lane}")
        if os.path.exists(path):
            os.unlink(path)
        self.scenario.begin(work)
        if fault.kind == "cut-state":
            os.makedirs(os.path.join(work.folder, ".sluice"), exist_ok=True)
        process = work.start(*self.scenario.command, env=fault.environment(path, work.folder, self.options.lie), text=False)
        try:
            out, err = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return None, out.decode(errors="replace"), err.decode(errors="replace"), Report(path)
        return process.returncode, out.decode(errors="replace"), err.decode(errors="replace"), Report(path)

    def count(self, kind):
        """How many indices there are: the larger of two countings, because threads take turns as they like."""
        most = 0
        for _ in range(2):
            fault = Fault(kind, 0, False, not self.options.all)
            code, out, err, report = self.attack(0, fault)
            if code not in self.scenario.codes + (3,):
                raise Problem(f"{self.scenario.name} without a fault ended with {code}:\n{out}\n{err}")
            most = max(most, report.calls)
            self.usual |= collections.Counter(report.kept.splitlines())
        return most

    def judge(self, fault, code, out, err, report):
        """Raises Problem; how it ended otherwise."""
        if code is None:
            raise Problem(f"still running after {DEADLINE_S} s")
        if fault.kind in CUTS and code == -9 and report.failed:
            return "power cut"
        if code < 0 or report.crash:
            inner = Report.frames(report.crash)
            if inner and (inner[0].startswith("libmariadb") or any("uv_loop_init" in frame for frame in inner[:5])):
                with self.lock:
                    self.contained["\n".join(inner[:6])] += 1
                return "ended inside a library"
            raise Problem(f"ended by signal {-code}")
        if code == MEMORY and fault.kind == "mem" and "out of memory" in err:
            return "out of memory"
        if code not in (*self.scenario.codes, 2):
            raise Problem(f"ended with {code}")
        leaked = report.leaked(self.usual)
        if leaked:
            raise Problem(f"not freed, made by\n{named(leaked)}")
        if report.failed and fault.kind == "fsync" and code in (0, 3) and not self.healed(out, err, report):
            raise Problem(f"a failed sync, and status {code} without a word")
        return f"status {code}" if report.failed else "no such call"

    @staticmethod
    def healed(out, err, report):
        """Whether a failed sync may be over: told, or the target was opened and written anew, or the log was only being
        folded in and stays."""
        written_anew = "lite_" in named(report.fault) and '"retries":0' not in out
        return "disk I/O error" in err or written_anew or "sqlite3WalClose" in report.fault

    def rehearse(self, lane, fault, loud=False):
        code, out, err, report = self.attack(lane, fault)
        try:
            end = self.judge(fault, code, out, err, report)
            if loud:
                print(f"{end}; {len(report.kept.splitlines())} blocks not freed\n--- stdout\n{out}\n--- stderr\n{err}\n--- fault\n{named(report.fault)}\n{named(report.crash)}")
            if self.scenario.changes or fault.at % 8 == 0 or loud:
                self.scenario.after(self.works[lane])
        except (Problem, AssertionError) as e:
            said = (f"{self.scenario.name} {fault.wish}: {e}\n  failing: {named(report.fault)}\n  crash: {named(report.crash)}\n"
                    f"  stdout: {out[-1500:]}\n  stderr: {err[-1500:]}")
            with self.lock:
                self.findings.append(said)
            if not self.options.lie:
                print(f"FINDING {said}", flush=True)
            return
        with self.lock:
            self.ends[end] += 1

    def go_through(self, faults):
        left = iter(faults)

        def lane(i):
            while True:
                with self.lock:
                    fault = next(left, None)
                if not fault or len(self.findings) >= self.options.findings:
                    return
                self.rehearse(i, fault)

        threads = [threading.Thread(target=lane, args=(i,)) for i in range(self.lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def faults(self, dice):
        """The sample, by kind, once and for good."""
        chosen = []
        self.indices = 0
        for kind in self.options.kind:
            n = self.count(kind)
            for sticky in KINDS.get(kind, (False,)):
                points = [Fault(kind, at, sticky, not self.options.all) for at in range(1, n + 1)]
                self.indices += len(points)
                wanted = max(1, round(len(points) * self.options.sample)) if points else 0
                chosen += dice.sample(points, min(wanted, len(points)))
        return chosen


def attack(kind, options, dice, folder):
    bench = Bench(kind, folder, options)
    try:
        begun = time.monotonic()
        faults = bench.faults(dice)
        bench.go_through(faults)
        done = sum(bench.ends.values()) + len(bench.findings)
        ends = ", ".join(f"{n} {end}" for end, n in sorted(bench.ends.items()))
        print(f"{bench.scenario.name}: {done} of {bench.indices} indices in {time.monotonic() - begun:.1f} s: {ends}", flush=True)
        return done, bench.indices, bench.findings, bench.contained
    finally:
        bench.close()


def one(options, folder):
    kind, at, *words = options.one.split(":")
    bench = Bench(next(s for s in SCENARIOS if s.name == options.scenario[0]), folder, options)
    try:
        bench.count(kind)
        bench.rehearse(0, Fault(kind, int(at), "sticky" in words, "own" in words), loud=True)
        return 1 if bench.findings else 0
    finally:
        bench.close()


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--sample", type=float, default=1.0, help="the share of the indices")
    options.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    options.add_argument("--scenario", action="append", choices=[s.name for s in SCENARIOS])
    options.add_argument("--kind", action="append", choices=[*KINDS, *CUTS])
    options.add_argument("--cuts", action="store_true", help="power cuts instead of calls that fail")
    options.add_argument("--lie", action="store_true", help="syncs do nothing: cuts must find it, or this fails")
    options.add_argument("--all", action="store_true", help="allocations of libraries too")
    options.add_argument("--one", help="KIND:N[:sticky][:own] in one scenario")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--findings", type=int, default=20, help="stop a scenario after so many")
    options = options.parse_args()
    options.cuts |= options.lie
    options.kind = options.kind or list(CUTS if options.cuts else KINDS)
    scratch()
    folder = tempfile.mkdtemp(prefix="sluice-fault-")
    begun, dice = time.monotonic(), random.Random(options.seed)
    runs = indices = 0
    findings, contained = [], collections.Counter()
    print(f"seed {options.seed}", flush=True)
    try:
        if options.one:
            return one(options, folder)
        for kind in SCENARIOS:
            if (options.scenario and kind.name not in options.scenario) or (options.cuts and not kind.powered):
                continue
            try:
                done = attack(kind, options, dice, folder)
            except unittest.SkipTest as e:
                print(f"{kind.name}: skipped: {e}")
                continue
            runs, indices = runs + done[0], indices + done[1]
            findings += done[2]
            contained += done[3]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for frames, n in contained.most_common():
        print(f"contained, {n} times, inside a library:\n" + "\n".join("    " + line for line in frames.splitlines()))
    print(f"faults: {runs} runs of {indices} indices, {len(findings)} findings, {sum(contained.values())} crashes inside "
          f"libraries, {time.monotonic() - begun:.0f} s")
    if options.lie:
        return 0 if findings else 1
    return 1 if findings else 0 if runs else 77


if __name__ == "__main__":
    sys.exit(main())
