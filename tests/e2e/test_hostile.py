"""Upstreams and servers that lie: each bad reply ends the run with its documented error, or brings in what was good in
it; the cursor stands where it stood, nothing is in the table that was not sent, no secret was told, and when the server
has come to its senses the next run ends well. The numbers are those of docs/internals/bad-inputs.md."""
import gzip
import json
import os
import shutil
import struct
import sys
import time
import unittest
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.case import RunCase, hurried  # noqa: E402
from lib.hostile import Hostile  # noqa: E402
from lib.process import free_port  # noqa: E402

SECRET = "canary-hostile-5d21"
LIMIT_S = 60


def http(body, head=b"Content-Type: application/json\r\n", status=b"200 OK", length=None):
    """A reply, its length told right unless told otherwise."""
    body = body if isinstance(body, bytes) else body.encode()
    told = b"Content-Length: %d\r\n" % len(body) if length is None else length
    return b"HTTP/1.1 " + status + b"\r\n" + head + told + b"Connection: close\r\n\r\n" + body


def page(orders="[]", **told):
    """The envelope of one page, `orders` as it is."""
    told = {"flag": "success", "page_index": 1, "page_size": 100, "data_count": 0, "page_count": 0, "has_next": False, **told}
    head = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in told.items() if value is not KeyError)
    return '{"response":{' + head + ',"orders":' + orders + "}}"


def once(data):
    def script(link):
        if link.request():
            link.send(data)
    return script


def bomb(bytes_of):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    return b"".join(packer.compress(block) for _ in range(bytes_of >> 20)) + packer.flush()


def for_ever(first, again):
    def script(link):
        link.request()
        link.send(first)
        while True:
            link.send(again)
    return script


def nested(depth):
    return "[" * depth + "]" * depth


GZIP = b"Content-Type: application/json\r\nContent-Encoding: gzip\r\n"
REPLIES = [  # number, name, what the server does, error codes that are right
    (1, "empty body", once(http("")), ("data", "remote")),
    (2, "blanks only", once(http(" \r\n\t ")), ("data", "remote")),
    (3, "BOM before rubbish", once(http(b"\xef\xbb\xbf[1,]")), ("data", "remote")),
    (4, "cut off", once(http(page()[:-3])), ("data", "remote")),
    (5, "garbage behind", once(http(page() + "x")), ("data", "remote")),
    (6, "two documents", once(http(page() + page())), ("data", "remote")),
    (7, "a number", once(http("5")), ("data", "remote")),
    (7, "an array", once(http("[]")), ("data", "remote")),
    (8, "null", once(http("null")), ("data", "remote")),
    (9, "65 deep", once(http(page(nested(65)))), ("data", "remote")),
    (10, "a million deep", once(http(page(nested(1000000)))), ("data", "remote")),
    (11, "20 million brackets", once(http("[" * 20000000)), ("data", "remote")),
    (17, "NaN", once(http(page("[NaN]"))), ("data", "remote")),
    (20, "01", once(http(page("[01]"))), ("data", "remote")),
    (30, "UTF-16", once(http(page().encode("utf-16"))), ("data", "remote")),
    (34, "comments", once(http("/* */" + page())), ("data", "remote")),
    (36, "an object for the rows", once(http(page("{}", data_count=1))), ("data", "remote")),
    (37, "200 and an error inside", once(http('{"code":500,"message":"no"}')), ("data", "remote")),
    (38, "200 and HTML", once(http("<html>sorry</html>", b"Content-Type: text/html\r\n")), ("data", "remote")),
    (39, "200 and nothing", once(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), ("data", "remote")),
    (40, "204", once(b"HTTP/1.1 204 No Content\r\n\r\n"), ("data", "remote")),
    (52, "401", once(http("{}", b"", b"401 Who")), ("auth",)),
    (53, "429 for ever", once(http("{}", b"Retry-After: 99999999999999999999\r\n", b"429 Slow")), ("quota", "remote", "network")),
    (53, "429, a negative wait", once(http("{}", b"Retry-After: -5\r\n", b"429 Slow")), ("quota", "remote", "network")),
    (54, "500 for ever", once(http("oops", b"", b"500 Broken")), ("remote", "network")),
    (56, "length too long", once(http(page(), length=b"Content-Length: 99999\r\n")), ("network",)),
    (56, "length too short", once(http(page(), length=b"Content-Length: 20\r\n")), ("data", "remote")),
    (56, "negative length", once(http(page(), length=b"Content-Length: -1\r\n")), ("remote", "network")),
    (58, "chunk of absurd size", once(http("ffffffffffffffffff\r\nab", length=b"Transfer-Encoding: chunked\r\n")), ("network", "remote")),
    (59, "gzip bomb", once(http(bomb(256 << 20), GZIP)), ("remote", "data")),
    (60, "gzip in gzip", once(http(gzip.compress(bomb(64 << 20)), b"Content-Encoding: gzip, gzip\r\n")), ("remote", "data", "network")),
    (61, "gzip that is none", once(http(page(), GZIP)), ("remote", "network", "data")),
    (62, "a header of a mebibyte", once(http(page(), b"X-A: " + b"a" * (1 << 20) + b"\r\n")), ("remote", "network")),
    (62, "headers for ever", for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 100), ("remote", "network")),
    (63, "NUL in a header", once(http(page()[:9], b"X-A: b\x00c\r\n")), ("remote", "network", "data")),
    (64, "no status line", once(b"HELLO\r\n\r\n"), ("remote", "network")),
    (65, "1xx for ever", for_ever(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 50), ("remote", "network")),
    (66, "redirect to a file", once(http("", b"Location: file:///etc/passwd\r\n", b"302 Found")), ("config",)),
    (66, "redirect within", once(http("", b"Location: http://[::ffff:127.0.0.1]/\r\n", b"307 Moved")), ("config",)),
    (68, "a body for ever", for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536), ("remote", "data")),
    (69, "closed at once", lambda link: None, ("network",)),
    (69, "closed in the head", once(b"HTTP/1.1 200 OK\r\nContent-Le"), ("network",)),
]


class HostileApi(RunCase):
    """The last good state is that of a run over the simulator."""

    def begin(self):
        sim = self.sim("--orders", "12", "--seed", "6", "--app-secret", SECRET)
        project = self.project(sim)
        jst = hurried(sim)
        jst["params"]["app_secret"] = "${env:JST_SECRET}"
        project.write("connections/jst.json", jst)
        self.run_ok(project, env={"JST_SECRET": SECRET})
        return sim, project, jst

    def point(self, project, jst, port):
        document = json.loads(json.dumps(jst))
        document["params"]["base_url"] = f"http://127.0.0.1:{port}/router/qm"
        project.write("connections/jst.json", document)

    def attempt(self, project, *more):
        begun = time.monotonic()
        shutil.rmtree(os.path.join(project.folder, ".sluice/quota"), True)  # the circuit that the case before has opened
        result = project.run("run", "orders", "--patience", "200ms", *more, env={"JST_SECRET": SECRET}, timeout=LIMIT_S)
        self.assertLess(time.monotonic() - begun, LIMIT_S)
        self.assertNotIn(SECRET, result.out + result.err)
        return result

    def test_replies(self):
        sim, project, jst = self.begin()
        before, rows = self.checkpoint(project), project.table_rows()
        for number, name, script, codes in REPLIES:
            with self.subTest(f"{number}: {name}"), Hostile(script) as server:
                self.point(project, jst, server.port)
                result = self.attempt(project)
                error = result.json["error"]
                self.assertEqual(result.code, 2 if error["code"] == "config" else 1, repr(result))
                self.assertIn(error["code"], codes, repr(result))
                self.assertTrue(error["message"].strip() and error["hint"].strip(), repr(result))
                self.assertGreater(server.connections, 0)
                after = self.checkpoint(project)
                self.assertEqual((after["cursor_at"], after["page"]), (before["cursor_at"], before["page"]))
        self.assertEqual(project.table_rows(), rows)
        project.write("connections/jst.json", jst)
        self.assertEqual(self.attempt(project).code, 0)
        self.assert_copy(sim, project)

    def orders(self, sim):
        return [json.loads(line) for line in sim.ask("GET", "/truth?raw=1").splitlines()]

    def serve(self, project, jst, body):
        with Hostile(once(body)) as server:
            self.point(project, jst, server.port)
            return self.attempt(project)

    def told(self, orders, **more):
        return page(orders, data_count=more.pop("n", 1), page_count=1, **more)

    def test_content_that_is_odd_and_good(self):
        """Odd content is data: it comes in as it is, and a record that cannot be one is a dead letter."""
        sim, project, jst = self.begin()
        order = next(o for o in self.orders(sim) if o.get("items"))
        order["o_id"] = 7000001
        odd = {12: {f"k{i}": i for i in range(1000000)}, 14: {"k" * (1 << 20): 1}, 15: {"": 1}, 16: {"__proto__": {"constructor": 1}},
               26: {"x": "a\0b"}, 32: {"x": "👨‍👩‍👧\u202eabc\u0301"}, 33: {"x": "y" * (31 << 20)}}
        for number, more in odd.items():
            with self.subTest(number):
                order["o_id"] += 1
                text = json.dumps({**order, **more})
                result = self.serve(project, jst, http(self.told(f"[{text}]")))
                self.assertEqual((result.code, result.json["records"], result.json["dead"]), (0, 1, 0), repr(result)[:2000])
        for number, text in ((13, '"seller_id":"1","seller_id":"2"'), (19, '"x":-0'), (21, '"x":9007199254740993'),
                             (22, '"x":[9223372036854775808,18446744073709551616,123456789012345678901234]'),
                             (18, '"x":1e400'), (23, '"x":0.123456789012345678901234567890'), (24, '"x":["1",1]'), (25, '"x":"true"'),
                             (27, '"x":"\\ud800"'), (35, '"x":"a\tb"')):
            with self.subTest(number):
                order["o_id"] += 1
                body = json.dumps(order)[:-1] + "," + text + "}"
                result = self.serve(project, jst, http(self.told(f"[{body}]")))
                self.assertEqual((result.code, result.json["records"], result.json["dead"]), (0, 1, 0), repr(result)[:2000])
        for number, raw in ((28, b"\xff\xfe"), (29, b"\xc0\x80"), (31, "订单".encode("gbk"))):
            with self.subTest(number):
                order["o_id"] += 1
                body = json.dumps({**order, "remark": "MARK"}).encode().replace(b"MARK", raw)
                result = self.serve(project, jst, http(self.told("[").encode()[:-2] + body + b"]}}"))
                self.assertEqual((result.code, result.json["records"], result.json["dead"]), (0, 1, 0), repr(result)[:2000])

    def test_longer_than_a_page_may_be(self):
        """33: a text of 32 MiB does not fit beside anything else: refused, and the cursor waits."""
        sim, project, jst = self.begin()
        before = self.checkpoint(project)
        order = next(o for o in self.orders(sim) if o.get("items"))
        text = json.dumps({**order, "o_id": 7000001, "x": "y" * (32 << 20)})
        result = self.serve(project, jst, http(self.told(f"[{text}]")))
        self.assertEqual((result.code, result.json["error"]["code"]), (1, "remote"), repr(result)[:2000])
        self.assertIn("page_size", result.json["error"]["hint"])
        self.assertEqual(self.checkpoint(project)["cursor_at"], before["cursor_at"])

    def test_unsorted(self):
        """50: orders in no order at all: each as it was sent."""
        sim, project, jst = self.begin()
        good = next(o for o in self.orders(sim) if o.get("items"))
        stamps = [f"2024-05-0{day} 10:00:00" for day in (3, 1, 5, 2, 4)]
        orders = [{**good, "o_id": 7300000 + i, "modified": stamp, "remark": stamp} for i, stamp in enumerate(stamps)]
        result = self.serve(project, jst, http(self.told(json.dumps(orders), n=len(orders))))
        self.assertEqual((result.code, result.json["records"]), (0, len(orders)), repr(result))
        found = {str(row["o_id"]): row["remark"] for row in project.table_rows() if str(row["o_id"]).startswith("73")}
        self.assertEqual(found, {str(o["o_id"]): o["remark"] for o in orders})

    def test_records_that_are_none(self):
        """Without a usable key: a dead letter each, the good one beside it comes in."""
        sim, project, jst = self.begin()
        good = next(o for o in self.orders(sim) if o.get("items"))
        bad = []
        for value in (None, "", {}, [1]):
            bad.append({**good, "o_id": value})
        bad.append({k: v for k, v in good.items() if k != "o_id"})
        good["o_id"] = 7100001
        result = self.serve(project, jst, http(self.told(json.dumps([good, *bad]), n=len(bad) + 1)))
        self.assertEqual(result.code, 3, repr(result))
        self.assertEqual(result.json["dead"], len(bad), repr(result))
        self.assertTrue(any(str(row["o_id"]) == "7100001" for row in project.table_rows()))

    def test_has_next_for_ever_with_the_same_page(self):
        """41, 43, 44: the pages end, the run ends, what came is in, and it is not called verified."""
        sim, project, jst = self.begin()
        order = next(o for o in self.orders(sim) if o.get("items"))
        order["o_id"] = 7200001
        for number, more in ((41, {"has_next": True}), (42, {"has_next": KeyError}), (42, {"has_next": "false"}),
                             (44, {"n": 100}), (45, {"page_size": 1, "n": 1}), (46, {"page_size": 0})):
            with self.subTest(number):
                result = self.serve(project, jst, http(self.told(f"[{json.dumps(order)}]", **more)))
                self.assertIn(result.code, (0, 1), repr(result))
                self.assertTrue(any(str(row["o_id"]) == "7200001" for row in project.table_rows()), repr(result))
                if number == 44:
                    self.assertFalse(result.json["verified"], repr(result))

    def test_rows_that_are_null(self):
        """8: no rows where three are told: a gap, and told."""
        _, project, jst = self.begin()
        result = self.serve(project, jst, http(page("null", data_count=3)))
        self.assertEqual((result.code, result.json["verified"]), (0, False), repr(result))
        self.assertIn("gap", result.err)
        self.assertGreater(self.status(project)["gaps"], 0)

    def test_slow_drip(self):
        """67: a byte now and then is no progress."""
        _, project, jst = self.begin()

        def script(link):
            link.request()
            link.drip(http(page()), 0.5)

        with Hostile(script) as server:
            self.point(project, jst, server.port)
            begun = time.monotonic()
            result = project.run("run", "orders", "--patience", "1s", env={"JST_SECRET": SECRET}, timeout=300)
        self.assertEqual((result.code, result.json["error"]["code"]), (1, "network"), repr(result))
        self.assertLess(time.monotonic() - begun, 150)


def packet(seq, payload):
    return struct.pack("<I", len(payload))[:3] + bytes([seq]) + payload


def greeting(plugin=b"mysql_native_password", capabilities=0xf7ff | 0x81ff << 16):
    return (b"\x0a" + b"8.0.99-fake\0" + struct.pack("<I", 7) + b"12345678\0" + struct.pack("<H", capabilities & 0xffff) + b"\x2d" +
            struct.pack("<H", 2) + struct.pack("<H", capabilities >> 16) + bytes([21]) + bytes(10) + b"123456789012\0" + plugin + b"\0")


OK_PACKET = b"\x00\x00\x00\x02\x00\x00\x00"
SWITCH = b"\xfemysql_native_password\0" + b"12345678901234567890\0"


def greet(*then):
    """Greets, reads what the client says, and answers so each time."""
    def script(link):
        link.send(packet(0, greeting()))
        for answer in then:
            link.sock.recv(65536)
            link.send(answer)
        link.idle(30)
    return script


SERVERS = [
    ("rubbish for a greeting", lambda link: link.send(os.urandom(400))),
    ("text for a greeting", lambda link: link.send(b"SSH-2.0-OpenSSH_9.2\r\n")),
    ("nothing", lambda link: link.idle(30)),
    ("closed at once", lambda link: None),
    ("a greeting of 16 MiB", lambda link: (link.send(b"\xff\xff\xff\x00" + b"\x0a" + b"a" * 70000), link.idle(30))),
    ("a greeting cut off", lambda link: link.send(packet(0, greeting())[:30])),
    ("an empty greeting", lambda link: link.send(packet(0, b""))),
    ("protocol 9", lambda link: link.send(packet(0, b"\x09" + b"3.20\0" + bytes(20)))),
    ("an error for a greeting", lambda link: link.send(packet(0, b"\xff\x10\x04Too many connections"))),
    ("wrong sequence", greet(packet(77, OK_PACKET))),
    ("authentication switched twice", greet(packet(2, SWITCH), packet(4, SWITCH), b"")),
    ("a plug-in with a path for a name", greet(packet(2, b"\xfe../../../../tmp/evil\0" + b"1" * 20 + b"\0"))),
    ("LOCAL INFILE for the first query", greet(packet(2, OK_PACKET), packet(1, b"\xfb/etc/passwd"))),
    ("a result of 2^64 columns", greet(packet(2, OK_PACKET), packet(1, b"\xfe" + b"\xff" * 8))),
    ("an OK that ends early", greet(packet(2, b"\x00\xfe\xff\xff"))),
    ("rubbish for an answer", greet(packet(2, OK_PACKET), os.urandom(300))),
]


class HostileServer(RunCase):
    """99: a server that is none of MySQL's."""

    def test_servers(self):
        sim = self.sim("--orders", "12", "--seed", "6")
        project = self.project(sim, create=False)
        for name, script in SERVERS:
            sent = bytearray()

            def watched(link, script=script, sent=sent):
                receive = link.sock.recv
                script(link)
                link.sock.settimeout(1)
                try:
                    sent += receive(65536)
                except OSError:
                    pass

            with self.subTest(name), Hostile(watched) as server:
                project.write("connections/bi.json", {"connector": "mysql", "params": {
                    "host": "127.0.0.1", "port": server.port, "user": "bi", "password": SECRET, "database": "bi",
                    "tls": "disable"}})
                result = project.run("run", "orders", "--patience", "200ms", timeout=LIMIT_S)
                self.assertEqual(result.code, 1, repr(result))
                self.assertIn(result.json["error"]["code"], ("network", "target", "auth", "schema"), repr(result))
                self.assertTrue(result.json["error"]["hint"].strip(), repr(result))
                self.assertNotIn(SECRET, result.out + result.err)
                self.assertNotIn(b"root:", bytes(sent))
                self.assertEqual(result.json["calls"], 0, "the source was asked before the target was there")

    def test_nobody_listens(self):
        sim = self.sim("--orders", "12", "--seed", "6")
        project = self.project(sim, create=False)
        project.write("connections/bi.json", {"connector": "mysql", "params": {
            "host": "127.0.0.1", "port": free_port(), "user": "bi", "password": SECRET, "database": "bi"}})
        self.run_failed(project, "network", "run", "orders", "--patience", "200ms")


if __name__ == "__main__":
    unittest.main()
