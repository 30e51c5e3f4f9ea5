"""The gate: every route of the document with every kind of caller, and inputs that are wrong in every way."""
import json
import os
import socket
import ssl
import subprocess
import tempfile
import unittest

from plain import Plain
from lib.callers import LEVEL, PASSWORD, Caller, check_document, operations

SECURITY = ("X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy")


def example(schema):
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "string":
        return "x" * max(schema.get("minLength", 1), 1)
    return {"integer": schema.get("minimum", 1), "boolean": True, "array": [], "object": {}}.get(schema.get("type"), 1)


class Document(unittest.TestCase):
    """The OpenAPI document is whole, and what it says is what the gate does."""

    @classmethod
    def setUpClass(cls):
        cls.server = Plain()
        cls.addClassCleanup(cls.server.close)
        cls.callers = cls.server.people()
        cls.document = cls.server.local().call("GET", "/api/v1/openapi.json").json

    def body_of(self, operation):
        if "requestBody" not in operation:
            return None
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        return {name: example(schema["properties"][name]) for name in schema["required"]}

    def test_document_is_well_formed(self):
        check_document(self, self.document)

    def test_every_route_with_every_caller(self):
        seen = 0
        for method, path, operation in operations(self.document):
            if path == "/api/v1/events" or (method, path) == ("DELETE", "/api/v1/session"):
                continue
            least = LEVEL[operation["x-role"]]
            for who, caller in self.callers.items():
                level = LEVEL[who.split()[0]] if who != "nobody" else 0
                with self.subTest(method=method, path=path, who=who):
                    if level >= least and method != "GET" and level == 3:
                        continue  # what an admin changes is tested where it belongs
                    answer = caller.call(method, path.replace("{", "").replace("}", ""), self.body_of(operation))
                    if level >= least:
                        self.assertNotIn(answer.status, (403, 404, 405), answer)
                        self.assertFalse(answer.status == 401 and least, answer)
                    else:
                        self.assertEqual(answer.status, 401 if who == "nobody" else 403, answer)
                        self.assertEqual(answer.json["error"]["code"], "auth")
                    for name in SECURITY:
                        self.assertIn(name, answer.headers)
                    seen += 1
        self.assertGreater(seen, 100)

    def test_answers_keep_to_their_schema(self):
        for method, path, operation in operations(self.document):
            content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
            if method != "GET" or not content or "$ref" not in content["schema"]:
                continue
            schema = self.document["components"]["schemas"][content["schema"]["$ref"].split("/")[-1]]
            answer = self.callers["admin"].call("GET", path.replace("{", "").replace("}", ""))
            with self.subTest(path=path):
                self.assertEqual(answer.status, 200, answer)
                for name in schema.get("required", []):
                    self.assertIn(name, answer.json)


class Gate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Plain()
        cls.addClassCleanup(cls.server.close)
        cls.callers = cls.server.people()
        cls.admin, cls.viewer = cls.callers["admin"], cls.callers["viewer"]
        cls.token = cls.callers["operator token"]

    def refused(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer)
        for word in words:
            self.assertIn(word, answer.message)
        self.assertEqual(set(answer.json["error"]), {"code", "message", "hint"})

    def test_unknown_paths_and_methods(self):
        for path in ("/api/v1/nothing", "/api", "/api/", "/api/v1/items", "/api/v1/items/", "/api/v1/items/a/b",
                     "/none.js", "/api/v1/items/a/"):
            self.refused(self.viewer.call("GET", path), 404)
        for method in ("DELETE", "PUT", "PATCH", "OPTIONS", "TRACE"):
            answer = self.token.call(method, "/api/v1/items/a")
            self.assertEqual(answer.status, 405, (method, answer))
            self.assertEqual(answer.headers["Allow"], "GET, HEAD, POST")
        self.assertEqual(self.token.call("GET", "/api/v1/publish").status, 405)
        override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "PUT"}
        self.assertEqual(self.viewer.call("GET", "/api/v1/items/a", headers=override).status, 200)
        self.refused(self.viewer.call("POST", "/index.html"), 405)

    def test_head_is_get_without_body(self):
        for path in ("/healthz", "/api/v1/items/a", "/", "/api/v1/events", "/api/v1/file"):
            answer = self.viewer.call("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""), path)

    def test_parameters_of_paths_and_queries(self):
        get = lambda path: self.viewer.call("GET", path)  # noqa: E731
        good = get("/api/v1/items/a%2Fb%20%E8%AE%A2?n=1000&on=false&word=remedy&at=2026-03-01T08:30:00%2B08:00&list=a,,b&"
                   "text=x+y%26")
        self.assertEqual(good.json, {"caller": "viewer", "as": "viewer", "name": "a/b 订", "n": 1000, "big": None,
                                     "on": False, "word": "remedy", "at": 1772325000000, "list": ["a", "", "b"],
                                     "text": "x y&"})
        self.assertEqual(get("/api/v1/items/a?big=-9223372036854775808").json["big"], -2**63)
        for query, word in (("n=0", "n"), ("n=1001", "n"), ("n=1000000000", "n"), ("n=-1", "n"), ("n=", "n"),
                            ("n=1.0", "n"), ("n=01x", "n"), ("n=18446744073709551616", "n"), ("big=9223372036854775808",
                            "big"), ("on=yes", "on"), ("word=mains", "word"), ("word=Main", "word"), ("at=yesterday", "at"),
                            ("at=2026-02-30", "at"), ("list=1,2,3,4,5,6", "list"), ("text=" + "x" * 4097, "text"),
                            ("n=1&n=2", "twice"), ("unknown=1", "unknown"), ("text=%00", "text"), ("text=%ff", "text"),
                            ("text=%zz", "text"), ("text=%1", "text"), ("te%0Axt=1", "query"), ("text=a%0Db", "text")):
            with self.subTest(query=query[:40]):
                self.refused(get("/api/v1/items/a?" + query), 400, word)
        for segment in ("%00", "%ff", "%c0%80", "%", "%2", "a%0Ab", "%ed%a0%80", "x" * 4097):
            with self.subTest(segment=segment[:20]):
                self.refused(get("/api/v1/items/" + segment), 400, "name")
        self.assertEqual(get("/api/v1/items/..%2f..%2fetc").json["name"], "../../etc")

    def test_bodies(self):
        def post(raw, **headers):
            return self.token.call("POST", "/api/v1/items/a", raw=raw,
                                   headers={name.replace("_", "-"): value for name, value in headers.items()})

        good = {"kind": "backfill", "n": 7, "dry_run": True, "from": "2026-03-01", "ids": ["1", "订"],
                "record": {"a": [1, {"b": None}]}, "any": 1.50, "text": "a\tb\n"}
        answer = self.token.call("POST", "/api/v1/items/a", good)
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual({**answer.json, **{"from": "2026-03-01"}},
                         {**good, "name": "a", "caller": "token operator", "as": "operator"})
        self.assertEqual(post(b'\xef\xbb\xbf{"kind":"main"}').status, 202)
        self.assertEqual(post('{"kind":"main","n":null}').json["n"], None)
        self.assertEqual(post('{"kind":"main"}', Content_Type="application/json; charset=UTF-8").status, 202)
        self.assertEqual(post('{"kind":"main","any":9007199254740993}').body.count(b"9007199254740993"), 1)
        wrong = ["", "  ", "[]", "null", "1", '"x"', '{"kind":"main"} x', '{"kind":"main"}{}', "{kind:'main'}",
                 '{"kind":"main",}', '{"kind":"main"/**/}', "{}", '{"kind":1}', '{"kind":null}', '{"kind":"nain"}',
                 '{"kind":"main","kind":"main"}', '{"kind":"main","n":"5"}', '{"kind":"main","n":1.5}',
                 '{"kind":"main","n":1e400}', '{"kind":"main","n":101}', '{"kind":"main","n":-1}',
                 '{"kind":"main","n":18446744073709551616}', '{"kind":"main","n":01}', '{"kind":"main","n":+1}',
                 '{"kind":"main","n":NaN}', '{"kind":"main","dry_run":"true"}', '{"kind":"main","dry_run":1}',
                 '{"kind":"main","from":5}', '{"kind":"main","from":"2026-13-01"}', '{"kind":"main","ids":"a"}',
                 '{"kind":"main","ids":[1]}', '{"kind":"main","ids":[["a"]]}', '{"kind":"main","record":[]}',
                 '{"kind":"main","record":"{}"}', '{"kind":"main","":1}', '{"kind":"main","__proto__":{}}',
                 '{"kind":"main","text":"\\u0000"}', '{"kind":"main","text":"\\ud800"}', '{"kind":"main","text":"a\x01b"}',
                 '{"kind":"main","any":' + "[" * 70 + "]" * 70 + "}", b'{"kind":"main","text":"\xff"}',
                 b'{"kind":"main","text":"\xc0\x80"}', '{"kind":"main"}'.encode("utf-16"),
                 '{"kind":"main","text":"订单"}'.encode("gbk"), "[" * 100000]
        whole = '{"kind":"main","any":[true,"x",{}]}'
        wrong += [whole[:n] for n in range(len(whole))]
        for raw in wrong:
            with self.subTest(raw=raw[:60]):
                self.refused(post(raw), 400)
        for text in ("\U0001F600\u200d\u202e", "<script>alert(1)</script>", "'; DROP TABLE x; --", "=1+1", "@all"):
            self.assertEqual(self.token.call("POST", "/api/v1/items/a", {"kind": "main", "text": text}).json["text"], text)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                     "application/json; charset=gbk", "application/jsonx", "text/json", None, "application/json/x"):
            with self.subTest(kind=kind):
                raw = self.token.call("POST", "/api/v1/items/a", raw='{"kind":"main"}',
                                      headers={"Content-Type": kind or ""})
                self.refused(raw, 415)

    def test_bodies_that_are_too_long(self):
        big = '{"kind":"main","text":"' + "x" * (1 << 20) + '"}'
        self.refused(self.token.call("POST", "/api/v1/items/a", raw=big), 413)
        login = json.dumps({"user": "admin", "password": "x" * (1 << 20)})
        self.refused(self.callers["nobody"].call("POST", "/api/v1/session", raw=login), 413)
        chunks = (b"%x\r\n" % (1 << 16) + b"x" * (1 << 16) + b"\r\n") * 20 + b"0\r\n\r\n"
        got = self.server.talk(b"POST /api/v1/items/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                               b"Authorization: " + self.token.headers["Authorization"].encode() +
                               b"\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks)
        self.assertIn(b" 413 ", got.split(b"\r\n")[0])

    def test_requests_that_are_two(self):
        begin = b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        for headers in (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"Content-Length: 2\r\nContent-Length: 3\r\n",
                        b"Content-Length: 2\r\nContent-Length: 2\r\n", b"Content-Length: -1\r\n", b"Content-Length: 2x\r\n",
                        b"Content-Length: 99999999999999999999\r\n", b"Host: evil\r\n",
                        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"):
            with self.subTest(headers=headers):
                got = self.server.talk(begin + headers + b"\r\n{}GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                self.assertNotIn(b" 200 ", got.split(b"\r\n")[0])
                self.assertNotIn(b"\r\n\r\nok\n", got)
        self.assertEqual(self.viewer.call("GET", "/healthz").body, b"ok\n")

    def test_headers_that_are_too_much(self):
        for head in (b"X: " + b"a" * (1 << 20), b"\r\n".join(b"X%d: y" % i for i in range(10000)), b"a" * (1 << 16)):
            got = self.server.talk(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + b"\r\n\r\n")
            self.assertNotIn(b" 200 ", got.split(b"\r\n")[0])
        got = self.server.talk(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertNotIn(b" 200 ", got.split(b"\r\n")[0])
        self.assertEqual(self.viewer.call("GET", "/healthz").status, 200)

    def test_a_thousand_requests_in_one_go(self):
        one = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        last = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        self.assertEqual(self.server.talk(one * 999 + last, seconds=30).count(b"HTTP/1.1 200"), 1000)

    def test_cookies(self):
        nobody = Caller(self.server)
        good = self.viewer.headers["Cookie"].split("=")[1]
        for value in ("", "x", "0" * 64, "x" * 8192, good[:-1], good.upper() + "0", good + "; sluice=" + "0" * 64, "%00"):
            with self.subTest(value=value[:20]):
                answer = nobody.call("GET", "/api/v1/items/a", headers={"Cookie": "sluice=" + value})
                self.assertEqual(answer.status, 401, answer)
        answer = nobody.call("GET", "/api/v1/items/a", headers={"Cookie": f"a=b; sluice={good}; c"})
        self.assertEqual(answer.json["caller"], "viewer")

    def test_tokens(self):
        for value in ("Bearer slc_" + "x" * 43, "Bearer", "Bearer ", "Basic YTpi", "slc_x", "Bearer " + "x" * 8000):
            answer = Caller(self.server, {"Authorization": value}).call("GET", "/healthz")
            self.assertEqual(answer.status, 401, (value[:20], answer))
        answer = Caller(self.server, {**self.viewer.headers, "Authorization": "Bearer slc_" + "x" * 43})
        self.assertEqual(answer.call("GET", "/api/v1/items/a").status, 401)

    def test_csrf_and_origin(self):
        operator = self.callers["operator"]
        port = self.server.port
        path, body = "/api/v1/items/a", {"kind": "main"}
        self.assertEqual(operator.call("POST", path, body).status, 202)
        self.assertEqual(operator.call("POST", path, body, {"Origin": None, "Sec-Fetch-Site": "same-origin"}).status, 202)
        self.assertEqual(operator.call("POST", path, body, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}).status, 202)
        for headers in ({"Origin": None}, {"Origin": "null"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil"}, {"Origin": f"https://127.0.0.1:{port}"},
                        {"Origin": f"http://localhost:{port}"}, {"Origin": f"http://127.0.0.1:{port}.evil"},
                        {"Origin": "http://127.0.0.1"}, {"Origin": None, "Sec-Fetch-Site": "cross-site"},
                        {"Origin": None, "Sec-Fetch-Site": "none"}, {"X-CSRF-Token": None}, {"X-CSRF-Token": ""},
                        {"X-CSRF-Token": "0" * 64}, {"X-CSRF-Token": self.viewer.headers["X-CSRF-Token"]},
                        {"X-CSRF-Token": operator.headers["X-CSRF-Token"][:-1]}):
            with self.subTest(headers=headers):
                self.refused(operator.call("POST", path, body, headers), 403)
        login = {"user": "viewer", "password": "wrong wrong"}
        self.refused(Caller(self.server).call("POST", "/api/v1/session", login), 403)

    def test_host(self):
        for host, status in (("127.0.0.1", 200), ("localhost:1", 200), ("[::1]:8420", 200), ("evil.example", 403),
                             ("127.0.0.1.evil", 403), ("127.evil", 403), ("", 400), ("a b", 400), ("127.0.0.1:x", 400), ("[::1", 400)):
            with self.subTest(host=host):
                self.assertEqual(self.viewer.call("GET", "/healthz", headers={"Host": host}).status, status)

    def test_assets(self):
        page = self.viewer.call("GET", "/")
        self.assertIn(b"<title>page", page.body)
        self.assertIn("script-src 'self'", page.headers["Content-Security-Policy"])
        self.assertEqual(page.headers["Cache-Control"], "no-cache")
        self.assertEqual(self.viewer.call("GET", "/integrations/orders").body, page.body)
        same = self.viewer.call("GET", "/", headers={"If-None-Match": 'W/"x", "p1"'})
        self.assertEqual((same.status, same.body), (304, b""))
        script = self.viewer.call("GET", "/app-3f2a9c1b.js")
        self.assertEqual((script.body, script.headers["Content-Encoding"]), (b"console.log(1)", None))
        self.assertIn("immutable", script.headers["Cache-Control"])
        zipped = self.viewer.call("GET", "/app-3f2a9c1b.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
        self.assertEqual((zipped.body[:2], zipped.headers["Content-Encoding"]), (b"\x1f\x8b", "gzip"))
        plain = self.viewer.call("GET", "/app-3f2a9c1b.js", headers={"Accept-Encoding": "gzip;q=0"})
        self.assertEqual(plain.body, b"console.log(1)")

    def test_files_are_attachments(self):
        answer = self.viewer.call("GET", "/api/v1/file?lines=5000")
        self.assertEqual(answer.body.count(b"\n"), 5000)
        self.assertEqual(answer.headers["Content-Disposition"], "attachment; filename*=UTF-8''orders%20%22x%22.csv")

    def test_metrics_and_health(self):
        nobody = Caller(self.server)
        self.assertIn(b"requests ", nobody.call("GET", "/metrics").body)
        self.assertEqual(nobody.call("GET", "/readyz").body, b"ready\n")

    def test_socket_is_for_its_owner_alone(self):
        self.assertEqual(os.stat(self.server.socket_path).st_mode & 0o777, 0o600)
        self.assertEqual(self.server.local().call("GET", "/api/v1/session").json["role"], "admin")


class Exposed(unittest.TestCase):
    """What an address that others reach needs; what a proxy changes."""

    def refused_start(self, *arguments, listen):
        with self.assertRaises(RuntimeError) as caught:
            Plain(*arguments, listen=listen).close()
        return str(caught.exception)

    def test_refuses_what_is_not_safe(self):
        self.assertIn("in clear", self.refused_start(listen="0.0.0.0:0"))
        self.assertIn("user add", self.refused_start("proxy", listen="0.0.0.0:0"))
        self.assertIn("not an address", self.refused_start(listen="nowhere:1"))
        self.assertIn("not an address", self.refused_start(listen="127.0.0.1"))
        self.assertIn("not an address", self.refused_start(listen="127.0.0.1:65536"))

    def test_behind_a_proxy(self):
        server = Plain("proxy", origin="https://sluice.example")
        self.addCleanup(server.close)
        caller = Caller(server, {"Host": "sluice.example", "X-Forwarded-For": "9.9.9.9, 1.2.3.4"})
        session = caller.browse()
        self.assertEqual((session["login_required"], session["setup_required"], session["role"]), (True, True, "none"))
        self.assertEqual(caller.call("GET", "/metrics").status, 401)
        wrong = caller.call("POST", "/api/v1/setup", {"token": "0" * 64, "user": "root", "password": "long enough!"})
        self.assertEqual(wrong.status, 401, wrong)
        token = server.log().split("with the token ")[1].split()[0]
        made = caller.call("POST", "/api/v1/setup", {"token": token, "user": "root", "password": "long enough!"})
        self.assertEqual(made.status, 200, made)
        self.assertTrue(made.headers["Set-Cookie"].startswith("__Host-sluice="))
        for word in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(word, made.headers["Set-Cookie"])
        caller.headers["Cookie"] = made.headers["Set-Cookie"].split(";")[0]
        entries = caller.call("GET", "/api/v1/audit").json["entries"]
        self.assertEqual([e["address"] for e in entries], ["1.2.3.4", "1.2.3.4"])
        again = caller.call("POST", "/api/v1/setup", {"token": token, "user": "b", "password": "long enough!"},
                            headers={"X-CSRF-Token": made.json["csrf"]})
        self.assertEqual(again.status, 409, again)
        self.assertEqual(caller.call("GET", "/metrics").status, 200)

    def received(self, s, end):
        """What comes until the text was seen."""
        got = b""
        while end not in got:
            piece = s.recv(65536)
            self.assertTrue(piece, got)
            got += piece
        return got

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days",
                            "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True,
                           capture_output=True)
            self.assertIn("not a PEM file", self.refused_start(key, os.devnull, listen="127.0.0.1:0"))
            self.assertIn("cannot be read", self.refused_start("/nowhere/cert.pem", key, listen="127.0.0.1:0"))
            self.assertIn("do not fit", self.refused_start(key, key, listen="127.0.0.1:0"))
            server = Plain(cert, key)
            self.addCleanup(server.close)
            self.assertTrue(server.url.startswith("https://"))
            made = server.local().call("POST", "/api/v1/users", {"name": "ann", "role": "admin", "password": PASSWORD})
            self.assertEqual(made.status, 201, made)
            context = ssl.create_default_context(cafile=cert)
            with socket.create_connection(("127.0.0.1", server.port), timeout=30) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as s:
                    self.assertIn(s.version(), ("TLSv1.2", "TLSv1.3"))
                    body = json.dumps({"user": "ann", "password": PASSWORD}).encode()
                    s.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    csrf = self.received(s, b'"version"').split(b'"csrf":"')[1].split(b'"')[0]
                    s.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\n"
                              b"Content-Type: application/json\r\nX-CSRF-Token: %s\r\nContent-Length: %d\r\n\r\n%s"
                              % (csrf, len(body), body))
                    answer = self.received(s, b'"version"')
            self.assertIn(b" 200 ", answer.split(b"\r\n")[0])
            self.assertIn(b"Set-Cookie: __Host-sluice=", answer)
            self.assertIn(b"Strict-Transport-Security: ", answer)


if __name__ == "__main__":
    unittest.main()
