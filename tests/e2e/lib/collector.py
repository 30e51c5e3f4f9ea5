"""A collector of traces: takes OTLP over HTTP as JSON and holds each request against the protocol's rules
(opentelemetry.io/docs/specs/otlp and opentelemetry/proto/trace/v1/trace.proto, in their JSON form)."""
import http.server
import json
import re
import threading

KINDS = {1, 2, 3, 4, 5}
MEMBERS = {"traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
           "status", "traceState", "events", "links", "flags"}


def attributes(entries, where):
    """{key: value} of a list of attributes, which have to be well-formed and each there once."""
    found = {}
    for entry in entries:
        assert set(entry) == {"key", "value"} and len(entry["value"]) == 1, (where, entry)
        (kind, value), = entry["value"].items()
        assert entry["key"] and entry["key"] not in found, (where, entry)
        if kind == "intValue":
            assert isinstance(value, str) and re.fullmatch(r"-?\d+", value), (where, entry)
            value = int(value)
        else:
            known = {("stringValue", str), ("boolValue", bool), ("doubleValue", float)}
            assert (kind, type(value)) in known, (where, entry)
        found[entry["key"]] = value
    return found


def check_span(span):
    assert not set(span) - MEMBERS, span
    assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and int(span["traceId"], 16), span
    assert re.fullmatch("[0-9a-f]{16}", span["spanId"]) and int(span["spanId"], 16), span
    if "parentSpanId" in span:
        assert re.fullmatch("[0-9a-f]{16}", span["parentSpanId"]), span
    assert span["name"] and span["kind"] in KINDS, span
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        assert isinstance(span[key], str) and re.fullmatch(r"\d{19}", span[key]), span
    assert int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]), span
    assert span.get("status", {}).get("code", 0) in (0, 1, 2), span
    span["attributes"] = attributes(span["attributes"], span["name"])


class Collector:
    """Answers the first `trouble` requests with 503, the others with `status`; when that is 200 the spans are kept in
    `spans`, each with its attributes as a dictionary. What breaks the rules is kept in `wrong`."""

    def __init__(self, test):
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = collector.take(self.path, dict(self.headers), body)
                said = answer or b""
                self.send_response(503 if answer is None else collector.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.lock, self.status, self.trouble, self.requests = threading.Lock(), 200, 0, 0
        self.spans, self.wrong, self.headers, self.resource = [], [], {}, {}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)

    def take(self, path, headers, body):
        with self.lock:
            self.requests += 1
            self.headers = headers
            if self.trouble:
                self.trouble -= 1
                return None
            if self.status != 200:
                return b"{}"
            try:
                assert path == "/v1/traces", path
                assert headers["Content-Type"] == "application/json", headers
                for resource in json.loads(body)["resourceSpans"]:
                    self.resource = attributes(resource["resource"]["attributes"], "resource")
                    for scope in resource["scopeSpans"]:
                        assert scope["scope"]["name"], scope
                        for span in scope["spans"]:
                            check_span(span)
                            self.spans.append(span)
            except (AssertionError, KeyError, TypeError, ValueError) as e:
                self.wrong.append(repr(e))
        return b'{"partialSuccess":{}}'

    def named(self, name):
        return [s for s in self.spans if s["name"] == name]
