"""Accounts, sessions, tokens, limits for guessing, and the log of who did what."""
import hashlib
import json
import os
import stat
import statistics
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from plain import Plain
from lib.callers import PASSWORD, Caller

SECRET = "canary-7f3a-secret-value"


class People(unittest.TestCase):
    def setUp(self):
        self.server = Plain()
        self.addCleanup(self.server.close)
        self.local = self.server.local()

    def add(self, name, role, password=PASSWORD):
        return self.local.call("POST", "/api/v1/users", {"name": name, "role": role, "password": password})

    def logged_in(self, name, password=PASSWORD):
        caller = Caller(self.server)
        answer = caller.login(name, password)
        self.assertEqual(answer.status, 200, answer)
        return caller

    def who(self, caller):
        return caller.call("GET", "/api/v1/session").json["user"]

    def test_loopback_is_open_until_there_is_an_account(self):
        visitor = Caller(self.server)
        session = visitor.browse()
        self.assertEqual((session["role"], session["login_required"], session["user"]), ("admin", False, None))
        self.assertEqual(visitor.call("POST", "/api/v1/items/a", {"kind": "main"}).status, 202)
        self.assertEqual(self.add("ann", "viewer").status, 409)  # the first one is an admin
        self.assertEqual(self.add("ann", "admin").status, 201)
        self.assertEqual(visitor.call("GET", "/api/v1/items/a").status, 401)
        self.assertTrue(visitor.call("GET", "/api/v1/session").json["login_required"])
        self.assertFalse(visitor.call("GET", "/api/v1/session").json["setup_required"])

    def test_first_account_by_the_token_of_the_log(self):
        token = self.server.log().split("with the token ")[1].split()[0]
        visitor = Caller(self.server)
        visitor.browse()
        body = {"token": token[:-1] + "x", "user": "ann", "password": PASSWORD}
        self.assertEqual(visitor.call("POST", "/api/v1/setup", body).status, 401)
        body["token"] = token
        self.assertEqual(visitor.call("POST", "/api/v1/setup", {**body, "password": "short"}).status, 400)
        made = visitor.call("POST", "/api/v1/setup", body)
        self.assertEqual((made.status, made.json["user"], made.json["role"]), (200, "ann", "admin"))
        self.assertEqual(self.who(self.logged_in("ann")), "ann")

    def test_accounts(self):
        self.assertEqual(self.add("ann", "admin").status, 201)
        self.assertEqual(self.add("ann", "admin").status, 409)
        self.assertEqual(self.add("王芳", "viewer").status, 201)
        for name in ("", "a/b", "<b>", "x" * 65, " a", "a\n"):
            self.assertEqual(self.add(name, "viewer").status, 400, name)
        for password in ("", "short", "x" * 1025, "x" * (1 << 20), "with\0nul but long"):
            self.assertIn(self.add("bob", "viewer", password).status, (400, 413), password[:10])
        self.assertEqual(self.add("bob", "root").status, 400)
        users = self.local.call("GET", "/api/v1/users").json["users"]
        self.assertEqual([(u["name"], u["role"]) for u in users], [("ann", "admin"), ("王芳", "viewer")])
        self.assertNotIn(b"argon2", self.local.call("GET", "/api/v1/users").body)
        self.assertEqual(self.local.call("DELETE", "/api/v1/users/ann").status, 409)
        self.assertEqual(self.local.call("PUT", "/api/v1/users/ann", {"role": "viewer"}).status, 409)
        self.assertEqual(self.local.call("PUT", "/api/v1/users/nobody", {"role": "viewer"}).status, 404)
        self.assertEqual(self.local.call("DELETE", "/api/v1/users/%E7%8E%8B%E8%8A%B3").status, 204)
        with open(os.path.join(self.server.dir, "users.json"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("$argon2id$v=19$m=19456,t=2,p=1$", text)
        self.assertNotIn(PASSWORD, text)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.server.dir, "users.json")).st_mode), 0o600)

    def test_sessions_end_with_what_they_stand_on(self):
        self.add("ann", "admin")
        self.add("bob", "operator")
        for change in ({"role": "viewer"}, {"password": PASSWORD + "2"}):
            bob = self.logged_in("bob")
            self.assertEqual(self.who(bob), "bob")
            self.assertEqual(self.local.call("PUT", "/api/v1/users/bob", change).status, 200)
            self.assertIsNone(self.who(bob))
        bob = self.logged_in("bob", PASSWORD + "2")
        old = dict(bob.headers)
        self.assertEqual(bob.login("bob", PASSWORD + "2").status, 200)  # a login ends the session it came with
        self.assertNotEqual(old["Cookie"], bob.headers["Cookie"])
        self.assertIsNone(self.who(Caller(self.server, old)))
        answer = bob.call("DELETE", "/api/v1/session")
        self.assertEqual(answer.status, 204)
        self.assertIn("Max-Age=0", answer.headers["Set-Cookie"])
        self.assertIsNone(self.who(bob))
        bob = self.logged_in("bob", PASSWORD + "2")
        self.assertEqual(self.local.call("DELETE", "/api/v1/users/bob").status, 204)
        self.assertIsNone(self.who(bob))

    def test_accounts_and_tokens_outlive_the_process(self):
        self.add("ann", "admin")
        made = self.local.call("POST", "/api/v1/tokens", {"name": "ci", "role": "viewer"}).json
        caller = Caller(self.server, {"Authorization": "Bearer " + made["token"]})
        self.assertEqual(caller.call("GET", "/api/v1/items/a").json["caller"], "token ci")
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(caller.call("GET", "/api/v1/items/a").json["as"], "viewer")
        token = self.local.call("GET", "/api/v1/tokens").json["tokens"][0]
        self.assertEqual((token["id"], token["name"], "token" in token), (made["id"], "ci", False))
        self.assertIsNotNone(token["used"])
        with open(os.path.join(self.server.dir, "users.json"), encoding="utf-8") as f:
            self.assertNotIn(made["token"], f.read())
        self.assertEqual(self.local.call("DELETE", "/api/v1/tokens/" + made["id"]).status, 204)
        self.assertEqual(self.local.call("DELETE", "/api/v1/tokens/" + made["id"]).status, 404)
        self.assertEqual(caller.call("GET", "/api/v1/items/a").status, 401)

    def test_a_damaged_file_lets_nobody_in_and_nobody_out(self):
        self.add("ann", "admin")
        ann = self.logged_in("ann")
        with open(os.path.join(self.server.dir, "users.json"), "w", encoding="utf-8") as f:
            f.write("{")
        self.assertEqual(self.who(ann), "ann")
        self.assertEqual(Caller(self.server).call("GET", "/api/v1/items/a").status, 401)
        self.assertEqual(self.add("bob", "viewer").status, 400)
        self.server.stop()
        with self.assertRaisesRegex(RuntimeError, "damaged"):
            self.server.start()

    def test_guessing_is_slowed_down(self):
        self.add("ann", "admin")
        self.add("bob", "viewer")
        guesser = Caller(self.server)
        guesser.browse()

        def guess(n):
            return guesser.call("POST", "/api/v1/session", {"user": f"no{n % 3}", "password": f"wrong {n}"}).status

        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(guess, range(300)))
        self.assertGreaterEqual(statuses.count(401), 20)
        self.assertLess(statuses.count(401), 60)
        self.assertGreater(statuses.count(429), 200)
        answer = guesser.call("POST", "/api/v1/session", {"user": "ann", "password": PASSWORD})
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "600"))
        entries = self.local.call("GET", "/api/v1/audit?limit=1000").json["entries"]
        refused = [e for e in entries if e["status"] in (401, 429)]
        self.assertLess(len(refused), 30)
        self.assertEqual(max(e["after"].get("refused", 0) for e in refused), 100)

    def test_an_account_that_is_guessed_at_stays_open_to_its_own(self):
        self.server.close()
        self.server = server = Plain("proxy", origin="https://x")
        self.addCleanup(server.close)
        self.local = server.local()
        self.add("ann", "admin")

        def caller(address):
            c = Caller(server, {"Host": "x", "X-Forwarded-For": address})
            c.browse()
            return c

        def login(address, password):
            return caller(address).call("POST", "/api/v1/session", {"user": "ann", "password": password}).status

        self.assertEqual(login("10.0.0.1", PASSWORD), 200)
        for n in range(20):
            self.assertEqual(login(f"10.1.0.{n}", "wrong wrong"), 401)
        self.assertEqual(login("10.2.0.1", PASSWORD), 429)
        self.assertEqual(login("10.0.0.1", PASSWORD), 200)

    def test_an_unknown_name_takes_as_long_as_a_wrong_password(self):
        """The work is the same, so that the times are alike; without it they would differ a hundredfold."""
        self.server.close()
        self.server = server = Plain("proxy", origin="https://x")
        self.addCleanup(server.close)
        self.local = server.local()
        self.add("ann", "admin")
        took, answers = {"ann": [], "nobody": [], "": []}, {}
        for n in range(10):
            for name, times in took.items():
                visitor = Caller(server, {"Host": "x", "X-Forwarded-For": f"10.3.{n}.{len(name)}"})
                visitor.browse()
                begun = time.perf_counter()
                answer = visitor.call("POST", "/api/v1/session", {"user": name or "x" * 60, "password": f"wrong {n}"})
                times.append(time.perf_counter() - begun)
                self.assertEqual((answer.status, answer.message), (401, answers.setdefault(n, answer.message)))
        medians = sorted(statistics.median(times) for times in took.values())
        self.assertLess(medians[-1], 4 * medians[0], took)


class Audit(unittest.TestCase):
    def setUp(self):
        self.server = Plain()
        self.addCleanup(self.server.close)
        self.callers = self.server.people()
        self.path = os.path.join(self.server.dir, "audit.jsonl")

    def entries(self, query=""):
        answer = self.callers["admin"].call("GET", "/api/v1/audit" + query)
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def test_who_did_what(self):
        before = self.entries()["entries"][0]["n"]
        self.callers["operator"].call("POST", "/api/v1/items/%E8%AE%A2", {"kind": "remedy", "n": 3})
        self.callers["viewer"].call("POST", "/api/v1/items/a", {"kind": "main"})
        self.callers["nobody"].call("POST", "/api/v1/session", {"user": "ann", "password": "guess guess"})
        self.callers["viewer"].call("GET", "/api/v1/items/a")
        new = [e for e in self.entries()["entries"] if e["n"] > before]
        self.assertEqual([(e["user"], e["method"], e["path"], e["status"]) for e in reversed(new)],
                         [("operator", "POST", "/api/v1/items/%E8%AE%A2", 202), ("viewer", "POST", "/api/v1/items/a", 403),
                          ("", "POST", "/api/v1/session", 401)])
        self.assertEqual(new[2]["after"], {"kind": "remedy", "n": 3})
        self.assertEqual(new[0]["after"], {"user": "ann"})
        self.assertEqual({e["address"] for e in new}, {"127.0.0.1"})

    def test_secrets_are_masked(self):
        answer = self.callers["admin"].call("PUT", "/api/v1/secret", {"value": SECRET})
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.entries()["entries"][0]["after"], {"value": "***"})
        for name in os.listdir(self.server.dir):
            path = os.path.join(self.server.dir, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    text = f.read()
                self.assertNotIn(SECRET.encode(), text, name)
                self.assertNotIn(PASSWORD.encode(), text, name)

    def test_pages(self):
        for n in range(25):
            self.callers["operator"].call("POST", "/api/v1/items/a", {"kind": "main", "n": n})
        seen, before = [], ""
        while True:
            page = self.entries(f"?limit=10{before}")
            seen += [e["n"] for e in page["entries"]]
            if page["next"] is None:
                break
            before = f"&before={page['next']}"
        self.assertEqual(seen, list(range(seen[0], 0, -1)))

    def test_chain_shows_what_was_changed(self):
        for n in range(5):
            self.callers["operator"].call("POST", "/api/v1/items/a", {"kind": "main", "n": n})
        self.assertTrue(self.entries()["intact"])
        with open(self.path, "rb") as f:
            lines = f.read().splitlines(keepends=True)
        last = "0" * 64
        for line in lines:  # anybody can check it
            text, end = line[:-len(',"hash":""}\n') - 64], json.loads(line)["hash"]
            self.assertEqual((hashlib.sha256(text).hexdigest(), json.loads(line)["prev"]), (end, last))
            last = end
        n = len(lines)
        cases = {"changed": (lines[:-2] + [lines[-2].replace(b"202", b"403")] + lines[-1:], n - 1),
                 "removed": (lines[:3] + lines[4:], 4), "added": (lines[:3] + [lines[2]] + lines[3:], 4),
                 "swapped": (lines[:2] + [lines[3], lines[2]] + lines[4:], 3), "cut off": (lines[:-1], n),
                 "not a line": (lines[:1] + [b"{}\n"] + lines[1:], 2)}
        for what, (changed, at) in cases.items():
            with self.subTest(what=what):
                with open(self.path, "wb") as f:
                    f.write(b"".join(changed))
                answer = self.entries()
                self.assertEqual((answer["intact"], answer.get("broken_at")), (False, at))
        with open(self.path, "wb") as f:
            f.write(b"".join(cases["changed"][0]))
        self.server.stop()
        self.server.start()
        self.assertIn("was changed", self.server.log())


if __name__ == "__main__":
    unittest.main()
