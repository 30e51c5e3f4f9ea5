"""Thousands of generated expressions with the same answer from `_function` and from MariaDB.

The generator is typed and seeded. It stays inside what both agree on (docs/functions.md lists the differences): no plain decimal texts in arithmetic, texts
of ASCII and Chinese characters only, dates that exist. Every operand goes to our side as JSON in a slot and to the server as an escaped literal.
"""
import json
import os
import random
import re
import subprocess
import unittest

import pymysql

from lib.servers import ROOT, MariaDB

N_EXPRESSIONS = int(os.environ.get("EXPRESSIONS", "12000"))
SEED = int(os.environ.get("SEED", "20260301"))
COLUMNS = 50
TOOL = os.environ.get("EXPR_EVAL", os.path.join(os.path.dirname(os.environ.get("SLUICE", ROOT + "/build/sluice")), "tests", "tools", "expr_eval"))
NUMERIC_TYPES = {0, 1, 2, 3, 4, 5, 8, 9, 13, 246}
LETTERS = "abcXYZ019 ,.-_%'\"\\{}/你好吗中文"
DATES = ["2026-03-01", "2024-02-29", "2025-12-31", "1999-01-01", "2026-3-5", "20260131", "2030/06/15"]
TIMES = ["2026-03-01 08:30:00", "2024-02-29 23:59:59", "2025-12-31T00:00:01", "2026-01-31 12:00:00.250", "2001-09-09 01:46:40"]
UNITS = ["SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]


def quoted(text):
    for a, b in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\0", "\\0")):
        text = text.replace(a, b)
    return "'" + text + "'"


class Case:
    """One expression: `row` for our side; every part is a pair (ours, the server's)."""

    def __init__(self, rng):
        self.rng = rng
        self.row = {}

    def pick(self, *choices):
        return self.rng.choice(choices)

    def slot(self, value_json, sql):
        name = self.pick("a", "b", "items_qty", "名称", "x.y", "f_") + str(len(self.row))
        self.row[name] = value_json
        return self.pick("{{%s}}", "{%s}", "'{{%s}}'", '"{%s}"', "{{ %s }}") % name, sql

    def call(self, name, *args):
        return (name + "(" + ", ".join(a[0] for a in args) + ")", name + "(" + ", ".join(a[1] for a in args) + ")")

    def shape(self, pattern, *args):
        return pattern.format(*[a[0] for a in args]), pattern.format(*[a[1] for a in args])

    @staticmethod
    def lit(text):
        return text, text

    # Operands

    def number_operand(self):
        kind = self.rng.random()
        if kind < 0.45:
            text = str(self.rng.choice([0, 1, -1, 2, 3, 7, 10, self.rng.randint(-1000, 1000), self.rng.randint(-10**9, 10**9)]))
        elif kind < 0.85:
            digits = self.rng.randint(1, 6)
            text = "%s%d.%0*d" % (self.pick("", "", "-"), self.rng.randint(0, 10 ** self.rng.randint(0, 6)), digits, self.rng.randint(0, 10**digits - 1))
        else:
            text = "%s%de%d" % (self.pick("", "-"), self.rng.randint(1, 99999), self.rng.randint(-8, 6))
        if self.rng.random() < 0.4:
            return self.lit("(" + text + ")" if text[0] == "-" else text)
        return self.slot(text, "(" + text + ")")

    def null(self):
        return self.slot("null", "NULL")

    def wordy_number(self):
        """A text that is no plain decimal, among numbers: its numeric prefix as a double."""
        value = self.pick("abc", "12abc", "1e3x", "x", "-3z", ".5q", "", " 7b", "1e2")
        return self.slot(json.dumps(value), quoted(value))

    def text_operand(self):
        if self.rng.random() < 0.05:
            return self.slot("null", "NULL")
        value = "".join(self.rng.choice(LETTERS) for _ in range(self.rng.choice([0, 1, 2, 3, 5, 8, 13])))
        if self.rng.random() < 0.3:
            return self.lit(quoted(value.replace("{", "(").replace("}", ")")))
        return self.slot(json.dumps(value), quoted(value))

    def date_operand(self):
        value = self.pick(*DATES) if self.rng.random() < 0.5 else self.pick(*TIMES)
        if self.rng.random() < 0.05:
            return self.slot("null", "NULL")
        return self.slot(json.dumps(value), quoted(value))

    def small(self, low=-3, high=8):
        n = str(self.rng.randint(low, high))
        return self.lit(n) if self.rng.random() < 0.5 else self.slot(n, "(" + n + ")")

    # Expressions

    def number(self, depth):
        if depth <= 0:
            return self.number_operand()
        d = depth - 1
        number, text, date, truth = (lambda: self.number(d)), (lambda: self.text(d)), (lambda: self.date(d)), (lambda: self.truth(d))
        makers = [
            lambda: self.shape("({} + {})", number(), number()),
            lambda: self.shape("({} - {})", number(), number()),
            lambda: self.shape("({} * {})", number(), number()),
            lambda: self.shape("({} / {})", number(), number()),
            lambda: self.shape("({} " + self.pick("+", "-", "*", "/", "%") + " {})", self.wordy_number(), self.plain_number()),
            lambda: self.shape("{} + {} * {}", *[self.number_operand() for _ in range(3)]),
            lambda: self.shape("(ABS({}) % {})", number(), number()),
            lambda: self.shape("({} % {})", self.small(-20, 20), self.small()),
            lambda: self.shape("({} DIV {})", number(), number()),
            lambda: self.shape("(- {})", self.number_operand()),
            lambda: self.call("ABS", number()),
            lambda: self.call(self.pick("CEIL", "FLOOR", "CEILING"), self.number_operand()),
            lambda: self.call("ROUND", number(), self.lit(str(self.rng.randint(0, 5)))),
            lambda: self.call(self.pick("ROUND", "TRUNCATE"), self.plain_number(), self.lit(str(self.rng.randint(-3, -1)))),
            lambda: self.call("ROUND", number()),
            lambda: self.call("TRUNCATE", number(), self.lit(str(self.rng.randint(0, 5)))),
            lambda: self.call("SIGN", number()),
            lambda: self.shape("SQRT(ABS({}))", number()),
            lambda: self.call("POW", self.small(), self.small(0, 4)),
            lambda: self.call("MOD", self.small(-50, 50), self.plain_number()) if depth == 3 else self.number_operand(),
            lambda: self.call("IF", truth(), number(), self.plain_number()),
            lambda: self.call("IFNULL", number(), number()),
            lambda: self.call("IFNULL", self.null(), number()),
            lambda: self.call("COALESCE", self.null(), number(), number()),
            lambda: self.call("NULLIF", number(), number()),
            lambda: self.call(self.pick("GREATEST", "LEAST"), *[self.plain_number() for _ in range(self.rng.randint(2, 4))]),
            lambda: self.shape("CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END", truth(), number(), truth(), number(), number()),
            lambda: self.shape("CASE {} WHEN {} THEN {} END", number(), number(), number()),
            lambda: self.call(self.pick("LENGTH", "CHAR_LENGTH"), text()),
            lambda: self.call("LOCATE", text(), text()),
            lambda: self.call("INSTR", text(), text()),
            lambda: self.call("FIND_IN_SET", text(), text()),
            lambda: self.call("FIELD", text(), text(), text()),
            lambda: self.call("DATEDIFF", date(), date()),
            lambda: self.call(self.pick("YEAR", "MONTH", "DAY", "WEEKDAY", "DAYOFWEEK", "DAYOFYEAR", "QUARTER"), date()),
            lambda: self.call(self.pick("HOUR", "MINUTE", "SECOND"), self.slot(*self.full_time())),
            lambda: self.shape("TIMESTAMPDIFF(" + self.pick(*UNITS) + ", {}, {})", date(), date()),
            lambda: self.call("UNIX_TIMESTAMP", self.slot(*self.full_time())),
            lambda: self.shape("CAST({} AS SIGNED)", self.plain_number()),
            lambda: self.shape("CAST({} AS DECIMAL(30,4))", number()),
            lambda: self.shape("CAST({} AS DOUBLE)", number()),
            lambda: truth(),
        ]
        return self.rng.choice(makers)()

    def plain_number(self):
        text = self.pick(str(self.rng.randint(-500, 500)), "%d.%02d" % (self.rng.randint(-50, 500), self.rng.randint(0, 99)))
        return self.slot(text, "(" + text + ")")

    def full_time(self):
        value = self.pick(*TIMES)
        return json.dumps(value), quoted(value)

    def truth(self, depth):
        d = depth - 1
        number, text, date, truth = (lambda: self.number(d)), (lambda: self.text(d)), (lambda: self.date(d)), (lambda: self.truth(d))
        compare = self.pick("=", "<>", "<", "<=", ">", ">=", "<=>", "!=")
        if depth <= 0:
            return self.shape("({} " + compare + " {})", self.plain_number(), self.plain_number())
        makers = [
            lambda: self.shape("({} " + compare + " {})", number(), number()),
            lambda: self.shape("({} " + compare + " {})", text(), text()),
            lambda: self.shape("({} " + compare + " {})", self.plain_number(), text()),
            lambda: self.shape("(DATE({}) " + compare + " DATE({}))", date(), date()),
            lambda: self.shape("({} AND {})", truth(), truth()),
            lambda: self.shape("({} OR {})", truth(), truth()),
            lambda: self.shape("({} XOR {})", truth(), truth()),
            lambda: self.shape("{} AND {} OR {} AND NOT {}", truth(), truth(), truth(), truth()),
            lambda: self.shape("(NOT {})", truth()),
            lambda: self.shape("(! {})", number()),
            lambda: self.shape("({} IN ({}, {}))", number(), number(), number()),
            lambda: self.shape("({} NOT IN ({}, {}, {}))", text(), text(), text(), text()),
            lambda: self.shape("({} BETWEEN {} AND {})", number(), number(), number()),
            lambda: self.shape("({} NOT BETWEEN {} AND {})", text(), text(), text()),
            lambda: self.shape("({} IS NULL)", number()),
            lambda: self.shape("({} " + compare + " {})", self.null(), number()),
            lambda: self.shape("({} IN ({}, {}))", number(), self.null(), self.plain_number()),
            lambda: self.shape("({} BETWEEN {} AND {})", self.plain_number(), self.null(), self.plain_number()),
            lambda: self.shape("({} IS NOT NULL)", text()),
            lambda: self.shape("({} IS " + self.pick("TRUE", "FALSE", "NOT TRUE", "NOT FALSE", "UNKNOWN") + ")", truth()),
            lambda: self.shape("({} LIKE {})", text(), self.pattern()),
            lambda: self.shape("({} NOT LIKE {} ESCAPE '|')", text(), self.pattern()),
            lambda: self.shape("({} " + self.pick("REGEXP", "RLIKE", "NOT REGEXP") + " {})", text(), self.regex()),
        ]
        return self.rng.choice(makers)()

    def pattern(self):
        return self.lit(quoted("".join(self.pick("a", "b", "X", "%", "_", "你", "|%", "\\_", "1", " ") for _ in range(self.rng.randint(0, 6)))))

    def regex(self):
        return self.lit(quoted(self.pick("^a", "[0-9]+", "b$", "你|好", "^.{2,4}$", "[[:digit:]]", "x.*y", "\\d", "(a|b)c", "^$", "[^a-z]", "\\s")))

    def text(self, depth):
        if depth <= 0:
            return self.text_operand()
        d = depth - 1
        number, text, date, truth = (lambda: self.number(d)), (lambda: self.text(d)), (lambda: self.date(d)), (lambda: self.truth(d))
        makers = [
            lambda: self.call("CONCAT", text(), number(), text()),
            lambda: self.call("CONCAT", date(), text()),
            lambda: self.call("CONCAT_WS", self.lit("','"), self.text_operand(), number(), self.text_operand()),
            lambda: self.call("LEFT", text(), self.small()),
            lambda: self.call("RIGHT", text(), self.small()),
            lambda: self.shape("CONCAT(LEFT({}, {}), '')", number(), self.small()),
            lambda: self.call(self.pick("SUBSTRING", "SUBSTR", "MID"), text(), self.small(), self.small()),
            lambda: self.call("SUBSTRING", text(), self.small()),
            lambda: self.shape("SUBSTRING({} FROM {} FOR {})", text(), self.small(), self.small()),
            lambda: self.call("SUBSTRING_INDEX", text(), self.lit(self.pick("','", "'.'", "'a'", "' '", "'好'")), self.small(-3, 3)),
            lambda: self.call(self.pick("LOWER", "UPPER", "LTRIM", "RTRIM", "TRIM", "REVERSE", "HEX", "MD5", "SHA1", "TO_BASE64"), text()),
            lambda: self.shape("TRIM(" + self.pick("BOTH", "LEADING", "TRAILING") + " {} FROM {})", self.lit(self.pick("'a'", "' '", "'ab'", "'你'")), text()),
            lambda: self.call(self.pick("LPAD", "RPAD"), self.text_operand(), self.small(), self.text_operand()),
            lambda: self.call("REPLACE", text(), self.lit(self.pick("'a'", "','", "'你'", "'01'")), self.lit(self.pick("''", "'XY'", "'a'"))),
            lambda: self.call("REPEAT", text(), self.small(-1, 4)),
            lambda: self.call("SHA2", text(), self.lit(self.pick("256", "224", "0", "512", "384"))),
            lambda: self.shape("CONVERT(FROM_BASE64(TO_BASE64({})) USING utf8mb4)", text()),
            lambda: self.shape("CONVERT(UNHEX(HEX({})) USING utf8mb4)", self.text_operand()),
            lambda: self.call("HEX", self.small(-9, 999)),
            lambda: self.call("ELT", self.small(), text(), number(), text()),
            lambda: self.call("FORMAT", number(), self.small(0, 4)),
            lambda: self.call("IF", truth(), text(), text()),
            lambda: self.call("IF", truth(), text(), number()),
            lambda: self.call("IFNULL", text(), text()),
            lambda: self.call("COALESCE", text(), number(), text()),
            lambda: self.call("NULLIF", text(), text()),
            lambda: self.shape("CASE {} WHEN {} THEN {} ELSE {} END", text(), text(), text(), text()),
            lambda: self.shape("CONCAT(" + self.pick("GREATEST", "LEAST") + "({}, {}), '')", text(), text()),
            lambda: self.shape("CAST({} AS CHAR)", number()),
            lambda: self.shape("CAST({} AS CHAR(3))", text()),
            lambda: self.shape("DATE_FORMAT({}, '" + self.pick("%Y-%m-%d", "%y%c%e %H:%i:%s", "%W %M %D", "%a %b %j", "%Y年%m月%d日", "%U %u %V %v %X %x", "%h:%i %p %r %T", "%f%%%w") + "')", date()),
            lambda: self.joined(),
        ]
        return self.rng.choice(makers)()

    def odd(self, depth):
        """What is no date, bytes, JSON: only at the top, because the server types them in its own ways."""
        bad = self.slot(*self.pick(('"bad"', "'bad'"), ('""', "''"), ('"2026-02-30"', "'2026-02-30'"), ('"2026-13-01"', "'2026-13-01'"), ("null", "NULL")))
        makers = [
            lambda: self.call(self.pick("YEAR", "MONTH", "DAY", "DATE", "LAST_DAY", "WEEKDAY", "UNIX_TIMESTAMP"), bad),
            lambda: self.call("DATEDIFF", bad, self.date(depth - 1)),
            lambda: self.shape("DATE_FORMAT({}, '%Y')", bad),
            lambda: self.shape("DATE_ADD({}, INTERVAL 1 DAY)", bad),
            lambda: self.shape("TIMESTAMPDIFF(DAY, {}, {})", self.date(depth - 1), bad),
            lambda: self.shape("({} " + self.pick("+", "-", "*", "/", "DIV", "%") + " {})", *self.rng.sample([self.null(), self.number(depth - 1)], 2)),
            lambda: self.call(self.pick("ABS", "CEIL", "ROUND", "SQRT", "LENGTH", "UPPER", "HEX"), self.null()),
            lambda: self.shape("HEX(FROM_BASE64({}))", self.text(depth - 1)),
            lambda: self.shape("HEX(UNHEX({}))", self.text(depth - 1)),
            lambda: self.shape("JSON_UNQUOTE(JSON_EXTRACT({}, '$.a'))", self.document()),
            lambda: self.shape("JSON_EXTRACT({}, '" + self.pick("$.b", "$.b[0]", "$.c.d", "$.x", "$.a", "$.c", "$") + "')", self.document()),
        ]
        return self.rng.choice(makers)()

    def document(self):
        value = json.dumps({"a": self.pick("x", "it's \"q\"", "你好"), "b": [1, 2.5, None], "c": {"d": True}}, ensure_ascii=False)
        return self.slot(json.dumps(value), quoted(value))

    def joined(self):
        """'{a}-{b}': one operand."""
        names = []
        for value, sql in ((self.pick('"x"', '"你\'s"', "null"), None), (self.pick("25.80", "7", "null"), None)):
            name = "j%d" % len(self.row)
            self.row[name] = value
            loaded = None if value == "null" else value if value[0] != '"' else json.loads(value)
            names.append((name, "''" if loaded is None else quoted(loaded)))
        return "'{%s}-{{%s}}!'" % (names[0][0], names[1][0]), "CONCAT(%s, '-', %s, '!')" % (names[0][1], names[1][1])

    def date(self, depth):
        if depth <= 0:
            return self.date_operand()
        d = depth - 1
        date, unit = (lambda: self.date(d)), self.pick(*UNITS)
        makers = [
            lambda: self.shape("DATE_ADD({}, INTERVAL {} " + unit + ")", date(), self.small(-40, 40)),
            lambda: self.shape("DATE_SUB({}, INTERVAL {} " + unit + ")", date(), self.small(-40, 40)),
            lambda: self.shape("({} + INTERVAL {} " + unit + ")", date(), self.small(-40, 40)),
            lambda: self.shape("({} - INTERVAL {} " + unit + ")", date(), self.small(-40, 40)),
            lambda: self.call("DATE", date()),
            lambda: self.call("LAST_DAY", date()),
            lambda: self.shape("CAST({} AS DATE)", date()),
            lambda: self.shape("CAST({} AS DATETIME)", date()),
            lambda: self.call("TIMESTAMP", date()),
            lambda: self.call("FROM_UNIXTIME", self.slot(*([str(self.rng.randint(0, 2**31 - 1))] * 2))),
            lambda: self.lit(self.pick("NOW()", "CURDATE()", "CURRENT_TIMESTAMP")),
            lambda: self.shape("STR_TO_DATE({}, '%d/%m/%Y')", self.lit(self.pick("'01/03/2026'", "'31/12/1999'", "'x'"))),
            lambda: self.shape("STR_TO_DATE({}, '%Y-%m-%d %H:%i:%s')", self.lit(self.pick("'2026-03-01 08:30:00'", "'2020-02-29 00:00:59'"))),
            lambda: self.shape("IF({}, {}, {})", self.truth(d), date(), date()),
            lambda: self.shape("COALESCE({}, {})", date(), date()),
        ]
        return self.rng.choice(makers)()


def generate(n, seed):
    rng = random.Random(seed)
    for _ in range(n):
        case = Case(rng)
        kind = rng.choice([case.number, case.number, case.text, case.text, case.truth, case.date, case.odd])
        case.ours, case.sql = kind(rng.randint(1, 3))
        yield case


class Ours:
    def __init__(self):
        self.process = subprocess.Popen([TOOL], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=60)

    def answer(self, case):
        row = "{" + ",".join(json.dumps(k) + ":" + v for k, v in case.row.items()) + "}"
        self.process.stdin.write(('{"expr":%s,"row":%s}\n' % (json.dumps(case.ours), row)).encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("expr_eval ended at: " + case.ours + " with " + row)
        reply = json.loads(line)
        return ("error", reply["error"]) if "error" in reply else (reply["kind"], reply["text"])


def value_of(column, description):
    if column is None:
        return "null", ""
    text = column.decode("utf-8", "replace") if isinstance(column, bytes) else column
    if description[1] in NUMERIC_TYPES:
        return "number", re.sub(r"^-(0\.0+)$", r"\1", text)  # the remainder of a negative decimal can be "-0.0" there
    return "text", text


class Differential(unittest.TestCase):
    def server_answers(self, cursor, cases):
        try:
            cursor.execute("SELECT " + ", ".join(c.sql for c in cases))
            return [value_of(v, d) for v, d in zip(cursor.fetchone(), cursor.description)]
        except pymysql.err.Error as error:
            if len(cases) == 1:
                return [("error", str(error))]
            return [self.server_answers(cursor, [c])[0] for c in cases]

    def test_same_answers(self):
        cases = list(generate(N_EXPRESSIONS, SEED))
        wrong, errors = [], 0
        ours = Ours()
        with MariaDB() as db, db.connect(conv={}) as link, link.cursor() as cursor:
            cursor.execute("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci, time_zone = '+08:00', timestamp = 1772325000.123")
            for i in range(0, len(cases), COLUMNS):
                batch = cases[i:i + COLUMNS]
                for case, want in zip(batch, self.server_answers(cursor, batch)):
                    got = ours.answer(case)
                    errors += got[0] == "error"
                    if got != want and not (got[0] == "error" and want[0] == "error"):
                        wrong.append(f"{case.ours}\n  row    {case.row}\n  sql    {case.sql}\n  server {want}\n  ours   {got}")
        self.assertEqual(ours.close(), 0)
        print(f"{len(cases)} expressions, {errors} errors on both sides, {len(wrong)} mismatches")
        self.assertEqual(len(wrong), 0, "\n".join(wrong[:int(os.environ.get("SHOW", "10"))]))
        self.assertLess(errors, len(cases) / 20)


if __name__ == "__main__":
    unittest.main()
