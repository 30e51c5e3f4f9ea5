#!/usr/bin/python3
"""Hostile values through each sink and back: what is in the table is what was sent, and what the column cannot hold was
set aside, not altered.

    tests/fault/roundtrip.py --values 200000 --seed 7 [--target mariadb|mysql|sqlite …]

The rows are made here, with what must become of each cell: a value, or refusal. roundtrip (roundtrip.c) sends them
through the sink as the program does: array binding on MariaDB, LOAD DATA and prepared statements on MySQL, SQLite.
Most rows hold values that fit, one row in eight holds one that does not; so what is set aside is judged row by row.

Exit status: 0 all held, 1 a value was altered, lost or wrongly refused, 77 no target could be had.
"""
import argparse
import collections
import json
import os
import random
import subprocess
import sqlite3
import sys
import tempfile
import time
import unittest
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
from lib.servers import MariaDB, MySQL  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDTRIP = os.environ.get("ROUNDTRIP", os.path.join(HERE, "../../build/tests/fault/roundtrip"))
REFUSED = object()  # what a cell expects that the column cannot hold
BATCH = 2000


def hexed(text):
    return "t" + (text if isinstance(text, bytes) else text.encode()).hex()


# ---- texts ----

ALPHABETS = [
    "abcXYZ 0189", "'\"`\\%_;-- /*", "\t\n\r\b\x1a\x1b\x7f", "\x00\x01\x02\x1f", "äöüßÆ\xad\xa0", "订单修改时间卖家备注",
    "\u0301\u0308\u20dd\u200d\ufe0f", "\u202e\u2066\u200f\u05d0\u0627", "😀👨‍👩‍👧🏳️‍🌈🇨🇳", "\U00020000\U0002fa1d\U000e0001\U0010fffd",
    "\ufeff\ufffd\ufffe\uffff", "\ud7ff\ue000", "\u2028\u2029\x85", "İıſKÅ",
]
PLANES = [(0x20, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x2FFFF), (0xE0000, 0xE0FFF), (0xF0000, 0x10FFFF)]
WHOLE = ["", " ", "  trailing  ", "\\N", "NULL", "null", "\\", "\\\\", "'", "''", "\\'", '"', "0", "-0", "1e400", "nan", "0x41",
         "'); DROP TABLE r; --", "{id}", "{{NOW()}}", "?", "??", ":id", "%s", "\x00", "a\x00b", "\n", "\t", "\r\n", "\\t", "\\0",
         "é", "e\u0301", "😀" * 10, "\u0000\ufffd", "_utf8mb4'x'", "line\\\nnext", "tab\\\tnext", "\x1a", "a" * 40, "ß" * 40]


def text(dice, longest):
    kind = dice.random()
    if kind < 0.25:
        made = dice.choice(WHOLE)
    elif kind < 0.6:
        alphabet = dice.choice(ALPHABETS) + dice.choice(ALPHABETS)
        made = "".join(dice.choices(alphabet, k=dice.randint(1, 40)))
    elif kind < 0.9:
        made = "".join(chr(dice.randint(*dice.choice(PLANES))) for _ in range(dice.randint(1, 12)))
    else:
        made = dice.choice(["x", "汉", "😀", "\\", "\x00"]) * dice.choice([1, 39, 40, 255, 256, 1000])
    return made[:longest]


BROKEN = [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe4\xbd", b"\x80", b"\xf0\x9f\x98"]


class Text:
    """A text of at most so many characters, or bytes."""

    def __init__(self, chars, most_bytes=None):
        self.chars, self.bytes = chars, most_bytes

    def fitting(self, dice):
        made = text(dice, self.chars)
        return hexed(made), made

    def misfit(self, dice):
        if self.bytes is None and dice.random() < 0.5:
            return hexed(dice.choice(["x", "汉", "😀"]) * (self.chars + dice.choice([1, 2, 100]))), REFUSED
        return hexed(dice.choice(BROKEN)), REFUSED


# ---- numbers ----

class Whole:
    def __init__(self, least, most):
        self.least, self.most = least, most

    def fitting(self, dice):
        edges = [self.least, self.most, 0, 1, self.least + 1, self.most - 1, 2**53 + 1, 2**31, 2**32, 2**31 - 1]
        n = dice.choice(edges) if dice.random() < 0.5 else dice.randint(self.least, self.most)
        n = n if self.least <= n <= self.most else 0
        shown = str(n) + dice.choice(["", "", "", ".0", ".00"])
        return ("n" + shown, n) if dice.random() < 0.5 else (hexed(shown), n)

    def misfit(self, dice):
        shown = dice.choice([str(self.most + 1), str(self.least - 1), str(10**24), "1.5", "-0.1", "0.99999", "abc", " 1x", "1e400",
                             "0x10", "--1", "12,000", "１２", "NaN", "1 2"])
        return hexed(shown), REFUSED


class Decimals:
    def __init__(self, precision, scale):
        self.precision, self.scale = precision, scale

    def fitting(self, dice):
        before, after = dice.randint(0, self.precision - self.scale), dice.randint(0, self.scale)
        if dice.random() < 0.3:
            before, after = self.precision - self.scale, self.scale
        digits = dice.choice(["9", "1", None])
        shown = dice.choice(["", "-"])
        shown += "".join(digits or dice.choice("0123456789") for _ in range(before)).lstrip("0") or "0"
        if after:
            shown += "." + "".join(digits or dice.choice("0123456789") for _ in range(after)) + dice.choice(["", "", "000"])
        with localcontext() as context:
            context.prec = 80
            return ("n" + shown if dice.random() < 0.5 else hexed(shown)), Decimal(shown)

    def misfit(self, dice):
        shown = dice.choice(["0." + "0" * self.scale + "1", "1" + "0" * (self.precision - self.scale), "9" * (self.precision + 1),
                             "1..", "abc", "1e70", "-" + "9" * 66, "0." + "9" * (self.scale + 1), "Infinity"])
        return hexed(shown), REFUSED


# ---- times ----

class Time:
    """digits: of the fraction that the column keeps."""

    def __init__(self, digits):
        self.digits = digits

    def moment(self, dice):
        edges = [datetime(1000, 1, 1), datetime(9999, 12, 31, 23, 59, 59), datetime(1969, 12, 31, 23, 59, 59), datetime(1970, 1, 1),
                 datetime(2038, 1, 19, 3, 14, 7), datetime(2038, 1, 19, 3, 14, 8), datetime(2024, 2, 29), datetime(2024, 3, 10, 2, 30),
                 datetime(2024, 11, 3, 1, 30), datetime(1900, 2, 28, 12), datetime(2000, 2, 29, 23, 59, 59)]
        if dice.random() < 0.4:
            return dice.choice(edges)
        return datetime(1000, 1, 1) + timedelta(seconds=dice.randrange(0, 284012524800))

    def fitting(self, dice):
        at = self.moment(dice)
        shown = at.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")
        fraction = "".join(dice.choice("0123456789") for _ in range(dice.randint(1, self.digits))) if self.digits else ""
        if fraction and dice.random() < 0.7:
            shown += "." + fraction
            at = at.replace(microsecond=int(fraction.ljust(6, "0")))
        elif dice.random() < 0.2:
            shown, at = shown[:10], at.replace(hour=0, minute=0, second=0)
        return hexed(shown), at

    def misfit(self, dice):
        shown = ["2026-02-30 00:00:00", "0000-00-00 00:00:00", "2026-13-01", "2026-01-01 24:00:00", "2026-01-01 23:59:60",
                 "2026-00-10", "yesterday", "2026-01-01 12:60:00", "99999-01-01", "26-1-1x", "2023-02-29"]
        if self.digits < 6:  # a fraction that the column would round away
            shown += ["2026-01-01 23:59:59." + "0" * self.digits + "9"]
        return hexed(dice.choice(shown)), REFUSED


class Day(Time):
    def __init__(self):
        super().__init__(0)

    def fitting(self, dice):
        at = self.moment(dice).date()
        shown = at.strftime("%Y-%m-%d").rjust(10, "0") + dice.choice(["", "", " 00:00:00"])
        return hexed(shown), at

    def misfit(self, dice):
        shown = super().misfit(dice)[0] if dice.random() < 0.5 else hexed("2026-03-01 08:30:00")
        return shown, REFUSED


# ---- JSON ----

def document(dice, depth=0):
    kind = dice.random()
    if depth > 3 or kind < 0.4:
        return dice.choice([None, True, False, 0, -1, 2**53, -2**63, 2**63 - 1, "", "a\"b\\c", "😀", "\u0000", "\u2028", text(dice, 20)])
    if kind < 0.7:
        return [document(dice, depth + 1) for _ in range(dice.randint(0, 4))]
    return {text(dice, 10): document(dice, depth + 1) for _ in range(dice.randint(0, 4))}


class Json:
    def fitting(self, dice):
        made = document(dice)
        return hexed(json.dumps(made, ensure_ascii=dice.random() < 0.5)), ("json", made)

    def misfit(self, dice):
        return hexed(dice.choice(["{", "[1,]", "{'a':1}", "nul", "[" * 70 + "]" * 70, "1 2", "{\"a\":}", "+1", "01"])), REFUSED


class Nullable:
    """Now and then NULL, or the empty text where that becomes NULL."""

    def __init__(self, kind, blank=False):
        self.kind, self.blank = kind, blank

    def fitting(self, dice):
        roll = dice.random()
        if roll < 0.04:
            return "-", None
        if roll < 0.08 and self.blank:
            return hexed(""), None
        return self.kind.fitting(dice)

    def misfit(self, dice):
        return self.kind.misfit(dice)


class Never(Text):
    """NOT NULL: an empty text is one."""

    def misfit(self, dice):
        return "-", REFUSED


I64 = Whole(-2**63, 2**63 - 1)
SERVER = [  # name, type, kind
    ("a", "VARCHAR(40)", Nullable(Text(40))), ("b", "TEXT", Nullable(Text(1000, 65535))),
    ("c", "LONGTEXT", Nullable(Text(1000, 2**32))), ("d", "BIGINT", Nullable(I64, True)),
    ("e", "BIGINT UNSIGNED", Nullable(Whole(0, 2**64 - 1), True)), ("f", "INT", Nullable(Whole(-2**31, 2**31 - 1), True)),
    ("g", "DECIMAL(20,4)", Nullable(Decimals(20, 4), True)), ("h", "DECIMAL(65,30)", Nullable(Decimals(65, 30), True)),
    ("i", "DECIMAL(10,0)", Nullable(Decimals(10, 0), True)), ("j", "DATETIME", Nullable(Time(0), True)),
    ("k", "DATETIME(6)", Nullable(Time(6), True)), ("l", "DATE", Nullable(Day(), True)),
    ("m", "JSON", Nullable(Json())), ("n", "VARCHAR(10) NOT NULL", Never(10)),
    ("o", "TINYINT", Nullable(Whole(-128, 127), True)), ("p", "DECIMAL(3,3)", Nullable(Decimals(3, 3), True)),
]
FILE = [
    ("a", "TEXT", Nullable(Text(1000, 2**30))), ("b", "TEXT", Nullable(Text(1000, 2**30))), ("c", "TEXT", Nullable(Text(1000, 2**30))),
    ("d", "INTEGER", Nullable(I64, True)), ("e", "BIGINT", Nullable(I64, True)), ("n", "TEXT NOT NULL", Never(1000)),
]


def rows(columns, n, dice):
    """(line, what must come of each cell or REFUSED for all) n times."""
    for i in range(n):
        victim = dice.randrange(len(columns)) if dice.random() < 0.125 else -1
        cells, expected = [f"r{i:07d}"], []
        for c, (_, _, kind) in enumerate(columns):
            cell, value = kind.misfit(dice) if c == victim else kind.fitting(dice)
            cells.append(cell)
            expected.append(value)
        yield "\t".join(cells), expected, victim


def same(expected, found):
    if isinstance(expected, tuple):
        try:
            return found is not None and json.loads(found) == expected[1]
        except ValueError:
            return False
    if isinstance(expected, Decimal):
        return found is not None and Decimal(found) == expected
    if isinstance(expected, datetime):
        return found == expected.isoformat(sep=" ", timespec="microseconds").rjust(26, "0")
    if isinstance(expected, date):
        return found == expected.isoformat().rjust(10, "0")
    return found == expected


def plain(cell):
    """Bytes as the text that they are, if they are one."""
    try:
        return cell.decode() if isinstance(cell, bytes) else cell
    except UnicodeDecodeError:
        return cell


class Target:
    """How rows get in and out; server: its class, or None for a file."""

    def __init__(self, name, server, verb):
        self.name, self.kind, self.verb = name, server, verb
        self.columns = SERVER if server else FILE

    def open(self, folder):
        self.server = self.kind() if self.kind else None
        self.path = os.path.join(folder, "r.db")
        body = ", ".join(f"`{name}` {kind}" for name, kind, _ in self.columns)
        if self.server:
            self.server.execute(f"CREATE TABLE bi.r (id VARCHAR(64) PRIMARY KEY, {body}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            return
        link = sqlite3.connect(self.path)
        link.execute(f"CREATE TABLE r (id TEXT PRIMARY KEY, {body})")
        link.close()

    def argv(self):
        sql = f"{self.verb} INTO r (id,{','.join(name for name, _, _ in self.columns)}) VALUES"
        if not self.server:
            return [ROUNDTRIP, "sqlite", str(BATCH), sql, self.path]
        return [ROUNDTRIP, "mysql", str(BATCH), sql, "127.0.0.1", str(self.server.port), "", "bi", "bi-secret", "bi", "disable", ""]

    def found(self):
        """id → cells: texts as texts, whole numbers as numbers, the rest as the server writes them."""
        if not self.server:
            link = sqlite3.connect(self.path)
            link.text_factory = bytes
            return {row[0].decode(): [plain(cell) for cell in row[1:]] for row in link.execute("SELECT * FROM r")}
        wanted = []
        for name, kind, _ in self.columns:
            if kind.startswith("DATETIME"):
                wanted.append(f"DATE_FORMAT(`{name}`, '%Y-%m-%d %H:%i:%s.%f')")
            elif kind.startswith(("DECIMAL", "DATE", "JSON")):
                wanted.append(f"CAST(`{name}` AS CHAR)")
            elif "INT" in kind:
                wanted.append(f"`{name}`")
            else:
                wanted.append(f"CAST(`{name}` AS BINARY)")
        with self.server.connect() as link, link.cursor() as cursor:
            cursor.execute(f"SELECT id, {', '.join(wanted)} FROM r")
            return {row[0]: [plain(cell) for cell in row[1:]] for row in cursor.fetchall()}

    def close(self):
        if self.server:
            self.server.close()


TARGETS = {
    "mariadb": [Target("mariadb", MariaDB, "REPLACE")],
    "mysql": [Target("mysql, REPLACE", MySQL, "REPLACE"), Target("mysql, INSERT", MySQL, "INSERT")],
    "sqlite": [Target("sqlite", None, "REPLACE")],
}


def judge(target, made, bad, found, tell):
    """Counts, after telling each finding."""
    findings = 0
    for i, (line, expected, victim) in enumerate(made):
        name = f"r{i:07d}"
        if victim >= 0:
            column = target.columns[victim]
            if i not in bad:
                sent, held = line.split("\t")[victim + 1], found.get(name, [None] * 99)[victim]
                findings += tell(column, f"sent {sent[:120]}, must be refused, the table holds {held!r}")
            continue
        if i in bad:
            findings += tell(("row", "", None), f"refused: {bad[i]}\n    {line[:300]}")
        elif name not in found:
            findings += tell(("row", "", None), f"lost: {line[:300]}")
        else:
            for column, sent, value, held in zip(target.columns, line.split("\t")[1:], expected, found[name]):
                if not same(value, held):
                    findings += tell(column, f"sent {sent[:120]}, expected {value!r}, the table holds {held!r}")
    return findings


def attack(target, values, seed, folder):
    begun = time.monotonic()
    seen = collections.Counter()

    def tell(column, what):
        seen[column[0]] += 1
        if seen[column[0]] <= 5:
            print(f"FINDING {target.name}, {column[0]} {column[1]}: {what}", flush=True)
        return 1

    made = list(rows(target.columns, values // len(target.columns), random.Random(seed)))
    target.open(folder)
    try:
        done = subprocess.run(target.argv(), input="".join(line + "\n" for line, _, _ in made), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=600)
        if done.returncode:
            print(f"FINDING {target.name}: ended with {done.returncode}: {done.stderr}")
            return 1, 0
        said = [line.split(" ", 2) for line in done.stdout.split("\n") if line.startswith(("bad ", "path "))]
        bad = {int(row[1]): row[2] for row in said if row[0] == "bad"}
        path = next(" ".join(row[1:]) for row in said if row[0] == "path")
        findings = judge(target, made, bad, target.found(), tell)
    finally:
        target.close()
    n = len(made) * len(target.columns)
    print(f"{target.name} by {path}: {n} values in {len(made)} rows, {len(bad)} rows set aside, {findings} findings, "
          f"{time.monotonic() - begun:.0f} s", flush=True)
    return findings, n


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--values", type=int, default=200000, help="through each target")
    options.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    options.add_argument("--target", action="append", choices=list(TARGETS))
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    begun, findings, values = time.monotonic(), 0, 0
    for name in options.target or TARGETS:
        for target in TARGETS[name]:
            with tempfile.TemporaryDirectory(prefix="sluice-trip-") as folder:
                try:
                    one = attack(target, options.values, options.seed, folder)
                except unittest.SkipTest as e:
                    print(f"{target.name}: skipped: {e}")
                    continue
            findings, values = findings + one[0], values + one[1]
    print(f"round trip: {values} values, {findings} findings, {time.monotonic() - begun:.0f} s")
    return 1 if findings else 0 if values else 77


if __name__ == "__main__":
    sys.exit(main())
