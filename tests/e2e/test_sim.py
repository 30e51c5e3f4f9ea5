#!/usr/bin/python3
"""sluice-sim seen from outside: protocol, errors, paging, faults, and the oracle.

Signatures are made here with hashlib and hmac and checked against the published vectors first, so the simulator is
never compared with code of its own. The binary is found by the environment variable SLUICE_SIM.
"""
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import requests

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib.process import wait_until  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIM = os.environ.get("SLUICE_SIM", os.path.join(ROOT, "build", "sluice-sim"))
SECRET = "demo-top-secret"
START = "2026-03-01 08:30:00"
ORDERS = "jushuitan.order.list.query"
COLUMNS = (
    "id order_date shop_status question_type shop_id question_desc so_id status receiver_state receiver_city "
    "receiver_district send_date plan_delivery_date creator_name buyer_tax_no invoice_type pay_amount freight "
    "buyer_message remark invoice_title is_cod type paid_amount pay_date modified order_from l_id shop_name wms_co_id "
    "logistics_company free_amount co_id drp_co_id_to end_time referrer_id invoice_data drp_info shop_buyer_id "
    "seller_flag invoice_amount oaid open_id node o_id created labels currency weight items_oi_id items_outer_oi_id "
    "items_sku_id items_shop_sku_id items_i_id items_shop_i_id items_raw_so_id items_name items_properties_value "
    "items_qty items_price items_base_price items_amount items_item_pay_amount items_is_gift items_refund_status "
    "items_item_status items_src_combine_sku_id items_item_ext_data items_qyy_amountafter").split()


def sign(params, secret, how):
    text = "".join(k + v for k, v in sorted(params.items()) if v != "" and k != "sign").encode()
    key = secret.encode()
    if how == "md5":
        return hashlib.md5(key + text + key).hexdigest().upper()
    kind = hashlib.md5 if how == "hmac" else hashlib.sha256
    return hmac.new(key, text, kind).hexdigest().upper()


class Raw(str):
    """A JSON number kept as the digits that were sent."""


def loads(text):
    return json.loads(text, parse_int=Raw, parse_float=Raw)


class Sim:
    def __init__(self, *args, start=START, qps=0):
        command = [SIM, "jushuitan-qimen", "--die-with-parent", "--qps", str(qps), *args]
        if start:
            command += ["--start", start]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the simulator did not start")
        self.hello = json.loads(line)
        self.url = self.hello["listening"]
        self.http = requests.Session()

    def close(self):
        self.http.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        return self.process.wait(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.close()

    def now(self):
        return self.stats()["now"]

    def params(self, method=ORDERS, **more):
        p = {"method": method or "", "app_key": self.hello["app_key"], "target_app_key": self.hello["target_app_key"],
             "customer_id": self.hello["customer_id"], "timestamp": self.now(), "v": "2.0", "format": "json",
             "sign_method": "md5"}
        p.update({k: str(v) for k, v in more.items() if v is not None})
        for k in [k for k, v in more.items() if v is None]:
            p.pop(k, None)
        return p

    def send(self, params, how=None, **options):
        p = dict(params)
        if p.get("sign") is None:
            p["sign"] = sign(p, SECRET, how or p.get("sign_method", "md5"))
        return self.http.post(self.hello["router"], data=p, timeout=60, **options)

    def call(self, method=ORDERS, **more):
        return self.send(self.params(method, **more))

    def page(self, **more):
        return loads(self.call(**more).content.decode())["response"]

    def window(self, days=7):
        return {"start_time": minus(self.now(), days * 86400), "end_time": self.now()}

    def control(self, **what):
        r = self.http.post(self.url + "/control", data=json.dumps(what), timeout=60)
        assert r.status_code == 200, r.text
        return r.json()

    def stats(self):
        return self.http.get(self.url + "/stats", timeout=60).json()

    def truth(self, query=""):
        text = self.http.get(self.url + "/truth" + query, timeout=120).content.decode()
        return [loads(line) for line in text.split("\n") if line]

    def backward(self, **more):
        """All rows of a window, last page first."""
        first = self.page(page_index=1, page_size=100, **more)
        rows = []
        for i in range(int(first["page_count"]), 0, -1):
            rows += self.page(page_index=i, page_size=100, **more)["orders"]
        return rows


def minus(text, seconds):
    return (datetime.strptime(text, "%Y-%m-%d %H:%M:%S") - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def error_of(body):
    """(code, message, sub code, sub message, shape) of either shape."""
    if "error_response" in body:
        e = body["error_response"]
        return int(e["code"]), e["msg"], e.get("sub_code"), e.get("sub_msg"), "top"
    e = body["response"]
    assert e["flag"] == "failure", body
    return int(e["code"]), e["message"], e.get("sub_code"), e.get("sub_message"), "qimen"


class Vectors(unittest.TestCase):
    def test_published_vector(self):
        p = {"method": "taobao.item.seller.get", "app_key": "12345678", "session": "test",
             "timestamp": "2016-01-01 12:00:00", "format": "json", "v": "2.0", "sign_method": "md5",
             "fields": "num_iid,title,nick,price,num", "num_iid": "11223344"}
        self.assertEqual(sign(p, "helloworld", "md5"), "66987CB115214E59E6EC978214934FB8")

    def test_simulator_takes_the_vectors(self):
        p = {"method": ORDERS, "app_key": "10000001", "target_app_key": "23060081", "customer_id": "20000002",
             "timestamp": START, "v": "2.0", "format": "json", "page_index": "1", "page_size": "100", "date_type": "0",
             "is_get_total": "true", "start_time": "2026-02-28 00:00:00", "end_time": "2026-03-01 00:00:00",
             "shop_id": "", "so_ids": "测试-1,测试-2"}
        vectors = {"md5": "ABCF63855E3F891C0B7ECCDBA5B096A8", "hmac": "35A6CC296B0B74CBA80F5EA27D991A92",
                   "hmac-sha256": "B16EA4037A77F762C7C4DC951A478CC6F4DDE5A157E8784522C46BBCD5355566"}
        with Sim("--orders", "10") as sim:
            for how, expected in vectors.items():
                q = dict(p, sign_method=how)
                self.assertEqual(sign(q, SECRET, how), expected)
                r = sim.send(dict(q, sign=expected)).json()["response"]
                self.assertEqual((r["flag"], r["data_count"], r["orders"]), ("success", 0, []))
                r = sim.send(dict(q, sign=expected.lower())).json()["response"]
                self.assertEqual(r["flag"], "success")
            self.assertEqual(sim.stats()["lower_case_sign"], 3)
            q = dict(p, sign_method="hmac", sign=sign(dict(p, sign_method="hmac"), SECRET, "md5"))
            self.assertEqual(error_of(sim.send(q).json())[0], 25, "declared hmac, signed with md5")


class Protocol(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--orders", "300", "--days", "9")

    @classmethod
    def tearDownClass(cls):
        assert cls.sim.close() == 0

    def expect(self, code, **change):
        """The code comes in both shapes, one after the other."""
        shapes = set()
        for _ in range(2):
            window = self.sim.window(1)
            window.update(change)
            body = self.sim.call(**window).json()
            self.assertEqual(error_of(body)[0], code, (change, body))
            shapes.add(error_of(body)[4])
        self.assertEqual(shapes, {"top", "qimen"})
        return error_of(body)

    def test_system_parameters(self):
        self.expect(21, method=None)
        self.expect(22, method="jushuitan.nothing")
        self.expect(28, app_key=None)
        self.expect(29, app_key="4711")
        self.expect(30, timestamp=None)
        self.expect(31, timestamp=minus(self.sim.now(), 601))
        self.expect(31, timestamp=minus(self.sim.now(), -602))
        self.expect(31, timestamp="2026-02-30 00:00:00")
        self.expect(31, timestamp="yesterday")
        self.expect(32, v=None)
        self.expect(33, v="1.0")
        self.expect(24, sign="")
        self.expect(25, sign="00")
        self.expect(25, sign_method="sha1", sign="AA")
        self.expect(40, sign_method=None)
        self.assertGreaterEqual(self.sim.stats()["bad_signature"], 4)

    def test_checks_come_in_order(self):
        wrong = {"app_key": "x", "timestamp": "x", "v": "x", "sign": "x"}
        self.expect(22, **dict(wrong, method="x"))
        for name, code in (("app_key", 29), ("timestamp", 31), ("v", 33), ("sign", 25)):
            self.expect(code, **wrong)
            wrong.pop(name)

    def test_arguments(self):
        for change, word in (({"target_app_key": "1"}, "target_app_key"), ({"customer_id": "1"}, "customer_id"),
                             ({"start_time": None}, "together"), ({"end_time": None}, "together"),
                             ({"start_time": minus(self.sim.now(), 7 * 86400 + 5)}, "seven"),
                             ({"start_time": minus(self.sim.now(), -50)}, "after"),
                             ({"page_size": 101}, "page_size"), ({"page_size": 0}, "page_size"),
                             ({"page_size": "x"}, "page_size"), ({"page_index": 0}, "page_index"),
                             ({"date_type": 1}, "date_type"), ({"start_ts": "x"}, "start_ts"),
                             ({"start_time": None, "end_time": None}, "required")):
            self.assertIn(word, self.expect(41, **change)[3])
        start = minus(self.sim.now(), 7 * 86400)
        self.assertEqual(self.sim.page(start_time=start, end_time=minus(start, -7 * 86400))["flag"], "success")

    def test_query_string_and_body_are_merged(self):
        p = self.sim.params(**self.sim.window())
        p["sign"] = sign(p, SECRET, "md5")
        system = {k: p.pop(k) for k in ("method", "app_key", "timestamp", "v", "format", "sign_method", "sign",
                                        "target_app_key", "customer_id")}
        r = self.sim.http.post(self.sim.hello["router"], params=system, data=p, timeout=30).json()
        self.assertEqual(r["response"]["flag"], "success")
        r = self.sim.http.get(self.sim.hello["router"], params=dict(system, **p), timeout=30).json()
        self.assertEqual(r["response"]["flag"], "success")

    def test_xml_unless_json(self):
        for change in ({"format": None}, {"format": "xml"}):
            r = self.sim.call(page_size=3, **dict(self.sim.window(), **change))
            self.assertIn("xml", r.headers["Content-Type"])
            root = ElementTree.fromstring(r.content)
            self.assertEqual(root.tag, "response")
            self.assertEqual(len(root.findall("orders/order/o_id")), 3)
        r = self.sim.call(format="yaml", **self.sim.window())
        self.assertEqual(ElementTree.fromstring(r.content).find("code").text, "23")

    def test_bad_requests(self):
        self.assertEqual(self.sim.http.get(self.sim.url + "/nowhere").status_code, 404)
        self.assertEqual(self.sim.http.post(self.sim.hello["router"], data=b"x" * (5 << 20)).status_code, 413)
        for body in (b"", b"&&&==&%&%zz=%", b"method=%00", b"a" * 100000, b"&".join(b"k%d=1" % i for i in range(400))):
            error_of(self.sim.http.post(self.sim.hello["router"], data=body,
                                        headers={"Content-Type": "application/x-www-form-urlencoded"}).json()
                     if b"format=json" in body else {"error_response": {"code": 0, "msg": ""}})
            self.assertEqual(self.sim.http.get(self.sim.url + "/healthz").status_code, 200)
        for body in (b"", b"[]", b"{}", b'{"fault":"nothing"}', b'{"fault":"drift","value":-1}', b'{"edit":1}',
                     b'{"advance_ms":-1}', b"[" * 100000):
            self.assertEqual(self.sim.http.post(self.sim.url + "/control", data=body).status_code, 400, body)

    def test_date_header_is_the_simulators(self):
        r = self.sim.call(**self.sim.window())
        self.assertRegex(r.headers["Date"], r"^Sun, 01 Mar 2026 00:\d\d:\d\d GMT$")

    def test_filters(self):
        rows = {r["o_id"]: r for r in self.sim.truth("?raw=1")}
        window = self.sim.window()
        inside = [r for r in rows.values() if window["start_time"] <= r["modified"] <= window["end_time"]]
        self.assertNotEqual(len(inside), len(rows))
        for change, keep in (({"status": "Sent"}, lambda r: r["status"] == "Sent"),
                             ({"not_status": "Sent"}, lambda r: r["status"] != "Sent"),
                             ({"shop_id": 71}, lambda r: r["shop_id"] == "71"),
                             ({"date_type": 2}, None)):
            got = self.sim.backward(**dict(window, **change))
            if keep:
                self.assertEqual([r["o_id"] for r in got].sort(), [r["o_id"] for r in inside if keep(r)].sort())
            else:
                wanted = [r for r in rows.values() if window["start_time"] <= r["order_date"] <= window["end_time"]]
                self.assertEqual(sorted(r["o_id"] for r in got), sorted(r["o_id"] for r in wanted))
        some = inside[:3]
        ids = [r["o_id"] for r in some]
        for o_ids in (",".join(ids), "[" + ", ".join(ids) + "]"):
            got = self.sim.page(o_ids=o_ids, page_size=100)["orders"]
            self.assertEqual(sorted(r["o_id"] for r in got), sorted(ids))
        got = self.sim.page(so_ids=",".join(r["so_id"] for r in some), page_size=100)["orders"]
        self.assertEqual(sorted(r["o_id"] for r in got), sorted(ids))

    def test_refunds_and_outbound(self):
        for method, key in (("jushuitan.refund.list.query", "as_id"), ("jushuitan.saleout.list.query", "io_id")):
            first = self.sim.page(method=method, page_size=10, **self.sim.window())
            n, pages = int(first["data_count"]), int(first["page_count"])
            self.assertGreater(n, 10)
            ids = []
            for i in range(1, pages + 1):
                page = self.sim.page(method=method, page_size=10, page_index=i, **self.sim.window())
                ids += [r[key] for r in page["datas"]]
                self.assertEqual(page["has_next"], i < pages)
            self.assertEqual((len(ids), len(set(ids))), (n, n))


class Quota(unittest.TestCase):
    def test_bucket(self):
        with Sim("--orders", "5", qps=3) as sim:
            self.assertEqual(sim.hello["connection"]["limits"], {"requests": 3, "per": "1s"})
            p = sim.params(**sim.window())
            refused = []
            for _ in range(60):
                body = sim.send(p).json()
                if "error_response" in body or body["response"]["flag"] == "failure":
                    refused.append(error_of(body))
            self.assertGreater(len(refused), 10)
            for code, message, sub, text, _ in refused:
                self.assertEqual((code, message), (7, "App Call Limited"))
                self.assertEqual(sub, "accesscontrol.limited-by-api-access-count")
                self.assertEqual(text, "This ban will last for 1 more seconds")
            self.assertEqual({e[4] for e in refused}, {"top", "qimen"})
            stats = sim.stats()
            self.assertEqual(stats["refused"], len(refused))
            self.assertEqual(stats["calls"], stats["refused"] + stats["served"])
            sim.control(advance_ms=1000)
            self.assertEqual([sim.send(p).json()["response"]["flag"] for _ in range(3)], ["success"] * 3)

    def test_broken_answers_cost_quota(self):
        with Sim("--orders", "5", "--fault", "http500=1", qps=2) as sim:
            p = sim.params(**sim.window())
            self.assertGreaterEqual({sim.send(p).status_code for _ in range(3)}, {500})
            codes = [sim.send(p).status_code for _ in range(40)]
            self.assertIn(200, codes)
            self.assertGreater(sim.stats()["refused"], 0)


class Paging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--orders", "3000")

    @classmethod
    def tearDownClass(cls):
        assert cls.sim.close() == 0

    def test_backward_gives_everything_in_order(self):
        window = {"start_time": self.sim.hello["from"], "end_time": self.sim.hello["to"]}
        rows = self.sim.backward(**window)
        raw = self.sim.truth("?raw=1")
        self.assertEqual(len(rows), 3000)
        self.assertEqual({r["o_id"]: r for r in rows}, {r["o_id"]: r for r in raw})
        pages = [self.sim.page(page_index=i, page_size=100, **window) for i in range(1, 32)]
        keys = [(r["modified"], int(r["o_id"])) for p in pages for r in p["orders"]]
        self.assertEqual(keys, sorted(keys))
        self.assertEqual([p["has_next"] for p in pages], [True] * 29 + [False] * 2)
        self.assertEqual(pages[30]["orders"], [])
        self.assertEqual({(p["data_count"], p["page_count"], p["page_size"]) for p in pages}, {("3000", "30", "100")})

    def test_both_ends_of_a_window_count(self):
        stamps = sorted(r["modified"] for r in self.sim.truth("?raw=1"))
        most = max(set(stamps), key=stamps.count)
        self.assertGreaterEqual(stamps.count(most), 230)
        page = self.sim.page(start_time=most, end_time=most, page_size=100)
        self.assertEqual(int(page["data_count"]), stamps.count(most))
        low, high = stamps[1000], stamps[1200]
        page = self.sim.page(start_time=low, end_time=high, page_size=1)
        self.assertEqual(int(page["data_count"]), sum(low <= s <= high for s in stamps))

    def test_row_version_cursor(self):
        ts, seen, rounds = "1", {}, 0
        while True:
            page = self.sim.page(start_ts=ts, is_get_total="false", page_index=1, page_size=100)
            self.assertEqual((page["data_count"], page["page_count"]), ("0", "0"))
            got = [int(r["ts"]) for r in page["orders"]]
            self.assertEqual(got, sorted(set(got)))
            self.assertTrue(all(t >= int(ts) for t in got))
            seen.update({r["o_id"]: r for r in page["orders"]})
            rounds += 1
            if got[-1] == int(ts):
                break
            ts = str(got[-1])
        self.assertEqual(len(seen), 3000)
        self.assertEqual(len({r["ts"] for r in seen.values()}), 3000)
        self.assertGreater(int(ts), 2 ** 53)

    def test_same_seed_same_orders(self):
        with Sim("--orders", "200") as one, Sim("--orders", "200") as two, Sim("--orders", "200", "--seed", "2") as three:
            a, b, c = (s.http.get(s.url + "/truth?raw=1").content for s in (one, two, three))
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)

    def test_new_orders_appear(self):
        with Sim("--orders", "10", "--realtime-new", "5") as sim:
            sim.control(advance_ms=10000)
            n = sim.stats()["visible"]
            self.assertGreaterEqual(n, 60)
            rows = sim.truth("?raw=1")
            self.assertGreaterEqual(len({r["o_id"] for r in rows}), n)
            sim.control(new=3)
            self.assertGreaterEqual(sim.stats()["orders"], n + 3)


def compact(v):
    """Compact JSON text of a parsed value, numbers as sent."""
    if isinstance(v, Raw):
        return str(v)
    if isinstance(v, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + compact(x) for k, x in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ",".join(compact(x) for x in v) + "]"
    return json.dumps(v, ensure_ascii=False)


def text_of(v):
    if v is None:
        return None
    return v if isinstance(v, str) else compact(v)


def spread(order):
    """The payment less freight over the lines, in cents: largest remainder, the earlier line first."""
    items = order.get("items") or []
    net = Decimal(order.get("pay_amount") or 0) - Decimal(order.get("freight") or 0)
    cents = int((net * 100).quantize(Decimal(1), ROUND_HALF_UP))
    weights = [Fraction(i.get("amount") or 0) for i in items]
    if sum(weights) == 0:
        weights = [Fraction(i["qty"]) for i in items]
    if sum(weights) == 0:
        weights = [Fraction(1)] * len(items)
    sign_of = -1 if cents < 0 else 1
    exact = [abs(cents) * w / sum(weights) for w in weights]
    shares = [int(e) for e in exact]
    by_loss = sorted(range(len(items)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_loss[:abs(cents) - sum(shares)]:
        shares[i] += 1
    return ["%.2f" % (Decimal(sign_of * s) / 100 + 0) for s in shares], cents


def copy_of(order):
    """The rows of one order, made from the raw JSON: a second opinion on the oracle."""
    labels = order.get("labels") or ""
    if "线上发货" in labels or "虚拟发货" in labels or order.get("shop_name") == "头条放心购":
        return []
    items = order.get("items") or []
    shares = spread(order)[0] if items else [None]
    rows = []
    for item, share in zip(items or [{}], shares):
        row = {}
        for c in COLUMNS:
            if c == "id":
                row[c] = f"{order['o_id']}-{item.get('oi_id', '')}"
            elif c == "items_qyy_amountafter":
                row[c] = share
            elif c.startswith("items_"):
                row[c] = text_of(item.get(c[6:]))
            else:
                row[c] = text_of(order.get(c, order.get(c.replace("drp_", "drop_"))))
        if row["items_item_ext_data"] is not None:
            row["items_item_ext_data"] = row["items_item_ext_data"][:20]
        rows.append(row)
    return rows


class Truth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = Sim("--orders", "4000")
        cls.sim.control(edit=[int(r["o_id"]) for r in cls.sim.truth("?raw=1")[::7]] * 3)
        cls.raw = cls.sim.truth("?raw=1")
        cls.rows = cls.sim.truth()

    @classmethod
    def tearDownClass(cls):
        assert cls.sim.close() == 0

    def test_the_columns_of_the_seed(self):
        self.assertEqual(len(COLUMNS), 69)
        for row in self.rows:
            self.assertEqual(list(row), COLUMNS)
            self.assertTrue(all(v is None or type(v) is str for v in row.values()))

    def test_second_opinion(self):
        wanted = [row for order in self.raw for row in copy_of(order)]
        self.assertEqual(len(wanted), len(self.rows))
        for a, b in zip(wanted, self.rows):
            self.assertEqual(a, b)

    def test_ids(self):
        ids = self.sim.truth("?ids=1")
        self.assertEqual(ids, [r["id"] for r in self.rows])
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(any(i.endswith("-") for i in ids))
        self.assertEqual(self.sim.truth("?raw=1&ids=1"), [r["o_id"] for r in self.raw])

    def test_shares_sum_to_the_header(self):
        sums, seen = {}, set()
        for row in self.rows:
            if row["items_qyy_amountafter"] is not None:
                sums[row["o_id"]] = sums.get(row["o_id"], 0) + Decimal(row["items_qyy_amountafter"])
        for order in self.raw:
            if order["o_id"] not in sums:
                continue
            cents = spread(order)[1]
            self.assertEqual(sums[order["o_id"]] * 100, cents, order["o_id"])
            seen.add((cents > 0) - (cents < 0))
        self.assertEqual(seen, {-1, 0, 1})

    def test_about_a_tenth_is_excluded(self):
        share = sum(not copy_of(o) for o in self.raw) / len(self.raw)
        self.assertTrue(0.06 < share < 0.14, share)

    def test_variety(self):
        """What the orders promise to contain."""
        text = self.sim.http.get(self.sim.url + "/truth?raw=1").content.decode()
        for piece in ("\u200d", "\u202e", "\\n", "\\t", "\\\\", "<script>", "DROP TABLE", '"items":[]', '"items":null',
                      '"drop_co_id_to":"', '"drp_co_id_to":"', '"o_id":"', '"io_id":', "\\ud83d", "{{o_id}}"):
            self.assertIn(piece, text)
        counts = [len(o.get("items") or []) for o in self.raw]
        self.assertTrue(1.7 < sum(counts) / len(counts) < 2.7)
        self.assertTrue({0, 1, 2, 3, 4, 5, 6} <= set(counts))
        for name in ("pay_amount", "freight"):
            kinds = {type(o.get(name)) for o in self.raw}
            self.assertEqual(kinds, {str, Raw, type(None)})
        self.assertTrue(any(int(o["o_id"]) > 2 ** 53 for o in self.raw))
        self.assertTrue(any("items" not in o for o in self.raw))
        kinds = {type(i.get("item_ext_data")) for o in self.raw for i in o.get("items") or []}
        self.assertEqual(kinds, {str, dict, type(None)})
        longest = max(len(v) for r in self.rows for v in r.values() if v is not None)
        self.assertTrue(150 < longest <= 200, longest)
        with Sim("--orders", "1000", "--plain") as plain:
            text = plain.http.get(plain.url + "/truth?raw=1").content.decode()
            for piece in ("<script>", "DROP TABLE", "\u202e", "\u200d"):
                self.assertNotIn(piece, text)

    def test_an_edit(self):
        with Sim("--orders", "500") as sim:
            before = {o["o_id"]: o for o in sim.truth("?raw=1")}
            sim.control(edit=[int(k) for k, o in before.items() if o.get("items")][:80])
            after = {o["o_id"]: o for o in sim.truth("?raw=1")}
        changed = [k for k in before if before[k] != after[k]]
        self.assertEqual(len(changed), 80)
        newest, more = max(int(o["ts"]) for o in before.values()), 0
        for k in changed:
            a, b = before[k], after[k]
            self.assertGreater(int(b["ts"]), newest)
            self.assertGreaterEqual(b["modified"], a["modified"])
            self.assertEqual(bool(copy_of(a)), bool(copy_of(b)))
            old = [i["oi_id"] for i in a["items"]]
            self.assertEqual([i["oi_id"] for i in b["items"]][:len(old)], old)
            more += len(b["items"]) > len(old)
        self.assertGreater(more, 0)


class Faults(unittest.TestCase):
    def sim(self, *faults, orders=600):
        args = ["--orders", str(orders)]
        for f in faults:
            args += ["--fault", f]
        sim = Sim(*args)
        self.addCleanup(lambda: sim.__exit__())
        return sim

    def test_drift(self):
        sim = self.sim("drift=5")
        window = sim.window()
        before = sim.truth("?raw=1")
        sim.control(advance_ms=5000)
        rows = sim.backward(**window)
        self.assertEqual(sim.stats()["edits"], 5 * 7)
        after = {o["o_id"]: o for o in sim.truth("?raw=1")}
        left = {k for k, o in after.items() if o["modified"] > window["end_time"]}
        self.assertTrue(20 < len(left) <= 35, left)
        self.assertEqual(set(after) - {o["o_id"] for o in rows} - left, set(), "backward paging loses what stayed")
        self.assertEqual({o["o_id"] for o in before if not copy_of(o)}, {k for k, o in after.items() if not copy_of(o)})
        sim.control(fault="drift", value=40)
        forward = [o for i in range(1, 7) for o in sim.page(page_index=i, page_size=100, **window)["orders"]]
        stayed = {o["o_id"] for o in sim.truth("?raw=1") if o["modified"] <= window["end_time"]}
        self.assertNotEqual(stayed - {o["o_id"] for o in forward}, set(), "forward paging must lose rows here")

    def test_late(self):
        sim = self.sim("late=8")
        o_id = int(sim.truth("?raw=1")[5]["o_id"])
        before = sim.truth("?raw=1")
        sim.control(edit=o_id, new=1)
        self.assertEqual(sim.stats()["waiting"], 2)
        self.assertEqual(sim.truth("?raw=1"), before)
        stamp = sim.now()
        sim.control(advance_ms=8000)
        after = sim.truth("?raw=1")
        self.assertEqual(len(after), len(before) + 1)
        changed = [o for o in after if o not in before]
        self.assertEqual(len(changed), 2)
        self.assertTrue(all(o["modified"] <= stamp < sim.now() for o in changed))
        sim.control(edit=[o_id, o_id])
        sim.control(fault="late", value=False)
        sim.control(edit=o_id)
        newest = [o for o in sim.truth("?raw=1") if int(o["o_id"]) == o_id]
        sim.control(advance_ms=9000)
        self.assertEqual([o for o in sim.truth("?raw=1") if int(o["o_id"]) == o_id], newest, "an older version came later")

    def test_clamp(self):
        sim = self.sim("clamp=25")
        first = sim.page(page_size=100, **sim.window())
        self.assertEqual((len(first["orders"]), first["page_size"]), (25, "100"))
        self.assertEqual(int(first["page_count"]), -(-int(first["data_count"]) // 25))
        self.assertEqual(len({o["o_id"] for o in sim.backward(**sim.window())}), 600)

    def test_http500(self):
        sim = self.sim("http500=0.3")
        p = sim.params(**sim.window())
        answers = [sim.send(p) for _ in range(100)]
        self.assertEqual({r.status_code for r in answers}, {200, 500, 502})
        bad = [r for r in answers if r.status_code != 200]
        self.assertTrue(10 < len(bad) < 60)
        self.assertTrue(all("text/html" in r.headers["Content-Type"] for r in bad))
        self.assertEqual(sim.stats()["errors_injected"], len(bad))

    def test_cut(self):
        sim = self.sim("cut=0.5")
        p = sim.params(page_size=100, **sim.window())
        cuts = 0
        for _ in range(40):
            try:
                r = sim.send(p)
                cuts += len(r.content) < int(r.headers["Content-Length"])
            except requests.exceptions.RequestException:
                cuts += 1
        self.assertTrue(5 < cuts < 35)
        sim.control(fault="cut", value=False)
        self.assertEqual(sim.send(p).status_code, 200)
        self.assertEqual(sim.stats()["cuts"], cuts)

    def test_slow(self):
        sim = self.sim("slow=150")
        p = sim.params(**sim.window())
        started = time.monotonic()
        self.assertEqual(sim.send(p).json()["response"]["flag"], "success")
        self.assertGreaterEqual(time.monotonic() - started, 0.14)
        sim.control(fault="slow", value=60000)
        with self.assertRaises(requests.exceptions.Timeout):
            sim.http.post(sim.hello["router"], data=p, timeout=0.2)
        started = time.monotonic()
        self.assertEqual(sim.close(), 0)
        self.assertLess(time.monotonic() - started, 10)

    def test_new_orders_begin_to_come(self):
        sim = self.sim("ctrl", orders=50)
        before = len(sim.truth("?raw=1"))
        sim.control(realtime_new=200)
        wait_until(lambda: len(sim.truth("?raw=1")) > before + 50, sim.process, 30, "new orders")
        sim.control(realtime_new=0)
        before = len(sim.truth("?raw=1"))
        sim.control(advance_ms=5000)
        self.assertEqual(len(sim.truth("?raw=1")), before)
        self.assertEqual(sim.http.post(sim.url + "/control", data='{"realtime_new":-1}', timeout=30).status_code, 400)

    def test_hold(self):
        sim = self.sim("hold=2")
        p = sim.params(**sim.window())
        for _ in range(2):
            self.assertEqual(sim.send(p).json()["response"]["flag"], "success")
        with ThreadPoolExecutor(1) as pool:
            held = pool.submit(sim.send, p)
            wait_until(lambda: sim.stats()["served"] == 3, sim.process, 30, "the held answer")
            self.assertFalse(held.done())
            sim.control(fault="hold", value=False)
            self.assertEqual(held.result(10).json()["response"]["flag"], "success")

    def test_garbage(self):
        sim = self.sim("garbage=0.5")
        p = sim.params(**sim.window())
        kinds = {"html": 0, "broken": 0, "good": 0}
        for _ in range(60):
            r = sim.send(p)
            self.assertEqual(r.status_code, 200)
            try:
                json.loads(r.content.decode())
                kinds["good"] += 1
            except ValueError:
                kinds["html" if "<html>" in r.text else "broken"] += 1
        self.assertTrue(all(n > 5 for n in kinds.values()), kinds)

    def test_bareroot(self):
        sim = self.sim("bareroot")
        body = sim.call(page_size=100, **sim.window()).json()
        self.assertEqual((body["flag"], len(body["orders"])), ("success", 100))
        bodies = [sim.call(page_size=1000, **sim.window()).json() for _ in range(2)]
        self.assertTrue(any(b.get("flag") == "failure" and int(b["code"]) == 41 for b in bodies), bodies)

    def test_ctrl(self):
        sim = self.sim("ctrl")
        spoiled, raw_blanks = 0, 0
        for i in range(1, 7):
            r = sim.call(page_size=100, page_index=i, **sim.window())
            text = r.content.decode()
            with self.assertRaises(ValueError):
                json.loads(text)
            clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)
            spoiled += len(text) - len(clean)
            raw_blanks += "\n" in clean
            rows = json.loads(clean, strict=False, parse_int=Raw, parse_float=Raw)["response"]["orders"]
            sim.control(fault="ctrl", value=False)
            self.assertEqual(rows, sim.page(page_size=100, page_index=i, **sim.window())["orders"])
            sim.control(fault="ctrl")
        self.assertGreater(spoiled, 100)
        self.assertGreater(raw_blanks, 0)

    def test_skew(self):
        sim = self.sim()
        real = sim.now()
        sim.control(fault="skew", value=700)
        r = sim.call(timestamp=real, **sim.window())
        self.assertEqual(error_of(r.json())[0], 31)
        self.assertRegex(r.headers["Date"], "00:4[12]:")
        self.assertEqual(sim.call(**sim.window()).json()["response"]["flag"], "success")

    def test_lie_hasnext(self):
        sim = self.sim("lie-hasnext=early")
        self.assertEqual(sim.page(page_size=100, **sim.window())["has_next"], False)
        sim.control(fault="lie-hasnext", value="forever")
        page = sim.page(page_size=100, page_index=50, **sim.window())
        self.assertEqual((page["has_next"], page["orders"]), (True, []))
        sim.control(fault="lie-hasnext")
        self.assertEqual({sim.page(page_size=100, **sim.window())["has_next"] for _ in range(30)}, {True, False})

    def test_dup(self):
        sim = self.sim("dup")
        pages = [sim.page(page_size=100, page_index=i, **sim.window())["orders"] for i in range(1, 7)]
        for before, page in zip(pages, pages[1:]):
            self.assertEqual(before[-1], page[0])
            self.assertLess(len({o["o_id"] for o in page}), len(page))
        self.assertEqual(len({o["o_id"] for p in pages for o in p}), 600)

    def test_nototal(self):
        page = self.sim("nototal").page(page_size=100, start_ts=1)
        self.assertNotIn("data_count", page)
        self.assertNotIn("page_count", page)
        self.assertEqual((page["has_next"], len(page["orders"])), (True, 100))


class CommandLine(unittest.TestCase):
    def run_sim(self, *args):
        return subprocess.run([SIM, *args], capture_output=True, text=True, timeout=30)

    def test_lists_and_help(self):
        for args in ([], ["--list"]):
            r = self.run_sim(*args)
            self.assertEqual((r.returncode, "jushuitan-qimen" in r.stdout), (0, True))
        r = self.run_sim("jushuitan-qimen", "--help")
        for word in ("--realtime-new", "lie-hasnext", "/truth"):
            self.assertIn(word, r.stdout)

    def test_bad_usage(self):
        for args, word in ((["nothing"], "nothing"), (["jushuitan-qimen", "--prot", "1"], "--port"),
                           (["jushuitan-qimen", "--port", "70000"], "65535"), (["jushuitan-qimen", "--port"], "needs"),
                           (["jushuitan-qimen", "--fault", "drfit"], "drift"), (["jushuitan-qimen", "--fault", "cut=2"], "cut"),
                           (["jushuitan-qimen", "--start", "2026-02-30 00:00:00"], "--start"),
                           (["jushuitan-qimen", "--orders", "-1"], "--orders")):
            r = self.run_sim(*args)
            self.assertEqual(r.returncode, 2, args)
            self.assertIn(word, r.stderr)
            self.assertEqual(r.stdout, "")

    def test_ready_line_and_no_orders(self):
        with Sim("--orders", "0", "--seed", "18446744073709551615", start=None, qps=8) as sim:
            self.assertEqual(sim.hello["seed"], 2 ** 64 - 1)
            self.assertEqual(sim.hello["connection"]["params"]["base_url"], sim.hello["router"])
            self.assertEqual(sim.page(**sim.window())["orders"], [])
            self.assertEqual(sim.truth(), [])

    def test_port_in_use(self):
        with Sim("--orders", "0") as sim:
            r = self.run_sim("jushuitan-qimen", "--port", str(sim.hello["port"]))
            self.assertEqual((r.returncode, "cannot listen" in r.stderr), (1, True))


if __name__ == "__main__":
    unittest.main()
