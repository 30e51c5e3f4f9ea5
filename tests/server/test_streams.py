"""Event streams, slow handlers, peers that drip, and an orderly end."""
import collections
import http.client
import json
import resource
import signal
import socket
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from plain import PROGRAM, Plain
from lib.callers import PASSWORD, Caller


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


class Stream:
    """An event stream read by hand: blocks of lines, each a dict."""

    def __init__(self, server, query="", headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", "/api/v1/events" + query, headers=headers or {})
        self.response = self.connection.getresponse()

    def next(self):
        """The next event, comments and the greeting passed over; None at the end."""
        event = {}
        while True:
            line = self.response.readline()
            if not line:
                return None
            line = line.rstrip(b"\n").decode()
            if not line and "data" in event:
                return event
            if not line:
                event = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value

    def close(self):
        self.connection.close()
        self.response.close()


class Streams(unittest.TestCase):
    def setUp(self):
        self.server = Plain()
        self.addCleanup(self.server.close)
        self.local = self.server.local()

    def stream(self, *args, **kwargs):
        stream = Stream(self.server, *args, **kwargs)
        self.addCleanup(stream.close)
        self.assertEqual(stream.response.status, 200)
        self.assertEqual(stream.response.headers["Content-Type"], "text/event-stream")
        return stream

    def publish(self, times=1, integration=None):
        body = {"times": times, **({"integration": integration} if integration else {})}
        self.assertEqual(self.local.call("POST", "/api/v1/publish", body).status, 200)

    def figure(self, name):
        text = self.local.call("GET", "/metrics").body.decode()
        return int(next(line.split()[1] for line in text.splitlines() if line.split()[0] == name))

    def wait_for(self, what, condition, seconds=20):
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            pause.wait(0.02)

    def test_events_come_in_order_and_by_integration(self):
        every, orders = self.stream(), self.stream("?integration=orders")
        self.publish(3, "orders")
        self.publish(2, "stock")
        self.publish(1)
        self.assertEqual([json.loads(every.next()["data"])["i"] for _ in range(6)], [0, 1, 2, 0, 1, 0])
        self.assertEqual([json.loads(orders.next()["data"])["i"] for _ in range(4)], [0, 1, 2, 0])
        unknown = Caller(self.server).call("GET", "/api/v1/events?integration=nothing")
        self.assertEqual(unknown.status, 404)

    def test_goes_on_where_it_was(self):
        first = self.stream()
        self.publish(10)
        events = [first.next() for _ in range(10)]
        first.close()
        again = self.stream(headers={"Last-Event-ID": events[3]["id"]})
        self.assertEqual([again.next()["id"] for _ in range(6)], [e["id"] for e in events[4:]])

    def test_resync_when_it_cannot(self):
        first = self.stream()
        self.publish(1)
        last = first.next()["id"]
        boot, _, n = last.partition("-")
        for wrong in ("x", "-", "0", boot, boot + "-", boot + "-99999", boot + "--1", "abc-1", boot + "-1x", "9" * 200,
                      boot + "-18446744073709551616"):
            stream = self.stream(headers={"Last-Event-ID": wrong})
            self.assertEqual(stream.next()["event"], "resync", wrong)
            stream.close()
        self.publish(5000)
        stream = self.stream(headers={"Last-Event-ID": last})
        self.assertEqual((stream.next()["event"], n), ("resync", "1"))
        self.publish(1)
        self.assertEqual(stream.next()["event"], "event")

    def test_a_slow_reader_is_told_to_fetch_anew(self):
        slow = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.wait_for("the stream", lambda: self.figure("streams") == 1)
        quick = self.stream()
        for _ in range(5):
            self.publish(100000)  # far more than the socket's buffers and the ring hold
        deadline = time.monotonic() + 30
        got = b""
        while b"event: resync" not in got:
            self.assertLess(time.monotonic(), deadline)
            got = got[-100:] + slow.recv(65536)
        self.assertIsNotNone(quick.next())
        self.assertGreater(self.figure("resyncs"), 0)

    def test_clients_that_go_are_forgotten(self):
        streams = [Stream(self.server) for _ in range(50)]
        self.wait_for("the streams", lambda: self.figure("streams") == 50)
        for s in streams:
            s.close()

        def gone():
            self.publish(1)
            return self.figure("streams") == 0

        self.wait_for("their end", gone)

    def test_a_stream_ends_with_its_session(self):
        callers = self.server.people()
        cookie = {"Cookie": callers["viewer"].headers["Cookie"]}
        stream = self.stream(headers=cookie)
        self.assertEqual(self.local.call("DELETE", "/api/v1/users/viewer").status, 204)
        self.assertIsNone(stream.next())  # within a keep-alive
        refused = Caller(self.server, cookie).call("GET", "/api/v1/events")
        self.assertEqual(refused.status, 401)

    def test_slow_handlers_do_not_hold_up_others(self):
        slow = [threading.Thread(target=lambda: self.local.call("GET", "/api/v1/slow?ms=2000")) for _ in range(4)]
        for t in slow:
            t.start()
        begun = time.monotonic()
        for _ in range(50):
            self.assertEqual(self.local.call("GET", "/healthz").status, 200)
        self.assertLess(time.monotonic() - begun, 1.9)
        for t in slow:
            t.join()

    def test_too_many_slow_ones_are_refused(self):
        statuses = []

        def ask():
            answer = self.local.call("GET", "/api/v1/slow?ms=300")
            statuses.append((answer.status, answer.headers.get("Retry-After")))

        threads = [threading.Thread(target=ask) for _ in range(60)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertGreaterEqual(statuses.count((200, None)), 36)
        self.assertEqual(statuses.count((200, None)) + statuses.count((503, "2")), 60)
        self.assertGreater(statuses.count((503, "2")), 0)

    def test_silent_peers_do_not_hurt_and_are_cut(self):
        silent = []
        for _ in range(300):
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=60)
            s.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
            silent.append(s)
        self.addCleanup(lambda: [s.close() for s in silent])
        self.assertEqual(Caller(self.server).call("GET", "/healthz").status, 200)
        dripping, stop = silent[0], threading.Event()

        def drip():
            while not stop.wait(0.5):
                try:
                    dripping.sendall(b"a")
                except OSError:
                    return

        dripper = threading.Thread(target=drip)
        dripper.start()
        try:
            dripping.settimeout(40)
            try:
                self.assertEqual(dripping.recv(1), b"")
            except ConnectionResetError:
                pass
        finally:
            stop.set()
            dripper.join()
        self.wait_for("the cuts", lambda: self.figure("connections") < 10)

    def test_a_thousand_silent_peers_and_ten_thousand_guesses(self):
        """Whoever asks is answered all the while, few passwords are checked, and memory stays bounded."""
        self.local.call("POST", "/api/v1/users", {"name": "ann", "role": "admin", "password": PASSWORD})
        silent = []
        self.addCleanup(lambda: [s.close() for s in silent])
        for _ in range(1000):
            silent.append(socket.create_connection(("127.0.0.1", self.server.port), timeout=60))
            silent[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        self.wait_for("the silent ones", lambda: self.figure("connections") > 1000)
        guesser = Caller(self.server)
        guesser.browse()

        def guess(thread):
            link, statuses = guesser.connection(), collections.Counter()
            for n in range(1000):
                link.request("POST", "/api/v1/session", json.dumps({"user": "ann", "password": f"wrong {thread} {n}"}),
                             {**guesser.headers, "Content-Type": "application/json"})
                reply = link.getresponse()
                reply.read()
                statuses[reply.status] += 1
            link.close()
            return statuses

        healthy = 0
        with ThreadPoolExecutor(10) as pool:
            guesses = [pool.submit(guess, thread) for thread in range(10)]
            while not all(g.done() for g in guesses):
                self.assertEqual(Caller(self.server).call("GET", "/healthz").body, b"ok\n")
                healthy += 1
        statuses = sum((g.result() for g in guesses), collections.Counter())
        self.assertEqual((sum(statuses.values()), set(statuses) - {401, 429, 503}), (10000, set()), statuses)
        self.assertGreaterEqual(statuses[401], 20)
        self.assertLess(statuses[401], 60)
        self.assertGreater(healthy, 10)
        with open(f"/proc/{self.server.process.pid}/status", encoding="utf-8") as f:
            rss_kib = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        if "asan" not in PROGRAM and "tsan" not in PROGRAM:
            self.assertLess(rss_kib, 128 << 10)

    def test_orderly_end(self):
        stream = self.stream()
        asked = {}

        def ask():
            asked["answer"] = self.local.call("GET", "/api/v1/slow?ms=9000")

        slow = threading.Thread(target=ask)
        slow.start()
        self.assertIn("slow", str(stream.next()))  # it has begun
        begun = time.monotonic()
        self.server.process.send_signal(signal.SIGTERM)
        self.assertIsNone(stream.next())
        self.assertEqual(self.server.process.wait(15), 0)
        self.assertLess(time.monotonic() - begun, 5)
        slow.join()
        self.assertEqual(asked["answer"].status, 200)

    def test_socket_of_a_dead_process_is_taken_over(self):
        with self.assertRaisesRegex(RuntimeError, "another process serves"):
            other = Plain.__new__(Plain)
            other.dir, other.arguments, other.listen, other.given_origin = self.server.dir, (), "127.0.0.1:0", None
            other.start()
        other.process.wait()
        other.process.stdout.close()
        other.errors.close()
        self.server.process.kill()
        self.server.stop()
        self.server.start()
        self.assertEqual(self.local.call("GET", "/healthz").status, 200)


if __name__ == "__main__":
    unittest.main()
