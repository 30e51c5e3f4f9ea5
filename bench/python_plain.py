#!/usr/bin/python3
"""The seed case as a careful person writes it in a day: requests, pymysql, one page after the other, executemany in
batches of 1000. Sign, page, filter, flatten, spread the payment, REPLACE. What it leaves out: retries, a checkpoint, a
journal, proof that a window was read whole.

    python_plain.py BASE_URL APP_KEY APP_SECRET TARGET_APP_KEY CUSTOMER_ID FROM TO SOCKET TABLE < columns, one a line
"""
import decimal
import hashlib
import json
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pymysql
import requests

CHINA = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
WEEK = timedelta(days=7, seconds=-1)
BATCH = 1000
CENT = Decimal("0.01")


class Number(str):
    """The digits that were sent."""


class Api:
    def __init__(self, url, key, secret, target_key, customer):
        self.url, self.secret = url, secret
        self.system = {"method": "jushuitan.order.list.query", "app_key": key, "target_app_key": target_key,
                       "customer_id": customer, "v": "2.0", "format": "json", "sign_method": "md5"}
        self.session = requests.Session()

    def page(self, start, end, index):
        fields = {**self.system, "timestamp": datetime.now(CHINA).strftime(TIME), "page_index": str(index),
                  "page_size": "100", "start_time": start.strftime(TIME), "end_time": end.strftime(TIME),
                  "date_type": "0"}
        text = "".join(name + fields[name] for name in sorted(fields))
        fields["sign"] = hashlib.md5((self.secret + text + self.secret).encode()).hexdigest().upper()
        reply = self.session.post(self.url, data=fields, timeout=60)
        reply.raise_for_status()
        answer = json.loads(reply.content, parse_int=Number, parse_float=Number)["response"]
        if answer.get("flag") == "failure":
            raise SystemExit(f"the API answered {answer}")
        return answer

    def orders(self, start, end):
        while start < end:
            stop, index = min(start + WEEK, end), 1
            while True:
                answer = self.page(start, stop, index)
                yield from answer["orders"]
                if str(answer["has_next"]).lower() != "true":
                    break
                index += 1
            start = stop


def number(value):
    try:
        return Decimal(value) if value not in (None, "") else Decimal(0)
    except decimal.InvalidOperation:
        return Decimal(0)


def spread(order, lines):
    """The payment less freight over the lines, to the cent, by largest remainder."""
    net = (number(order.get("pay_amount")) - number(order.get("freight"))).quantize(CENT, decimal.ROUND_HALF_UP)
    weights = [number(line.get("amount")) for line in lines]
    if not sum(weights):
        weights = [number(line.get("qty")) for line in lines]
    if not sum(weights):
        weights = [Decimal(1)] * len(lines)
    whole, exact = sum(weights), []
    for weight in weights:
        exact.append(net * weight / whole)
    shares = [share.quantize(CENT, decimal.ROUND_DOWN) for share in exact]
    left = net - sum(shares)
    step = CENT if left > 0 else -CENT
    lost = [(a - b) * (1 if left > 0 else -1) for a, b in zip(exact, shares)]
    while left:
        best = max(range(len(lost)), key=lost.__getitem__)
        shares[best] += step
        lost[best] -= CENT
        left -= step
    return [str(share) for share in shares]


def text(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return compact(value)


def compact(value):
    """JSON text, numbers as they were sent."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(k)}:{compact(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def passes(order):
    labels = text(order.get("labels")) or ""
    return "线上发货" not in labels and "虚拟发货" not in labels and order.get("shop_name") != "头条放心购"


def rows(order, columns):
    lines = [line for line in order.get("items") or [] if line]
    shares = spread(order, lines) if lines else []
    header = {**order, "drp_co_id_to": order.get("drp_co_id_to", order.get("drop_co_id_to")),
              "drp_info": order.get("drp_info", order.get("drop_info"))}
    for line, share in zip(lines or [{}], shares or [None]):
        row = []
        for column in columns:
            if column == "id":
                row.append(f"{text(order.get('o_id'))}-{text(line.get('oi_id')) or ''}")
            elif column == "items_qyy_amountafter":
                row.append(share)
            elif column == "items_item_ext_data":
                cut = text(line.get("item_ext_data"))
                row.append(cut if cut is None else cut[:20])
            elif column.startswith("items_"):
                row.append(text(line.get(column[6:])))
            else:
                row.append(text(header.get(column)))
        yield row


def main(url, key, secret, target_key, customer, start, end, socket, table):
    columns = sys.stdin.read().split()
    api = Api(url, key, secret, target_key, customer)
    link = pymysql.connect(unix_socket=socket, user="bi", password="bi-secret", database="bi", charset="utf8mb4")
    cursor = link.cursor()
    statement = f"REPLACE INTO {table} ({','.join(columns)}) VALUES ({','.join(['%s'] * len(columns))})"
    batch, written = [], 0
    for order in api.orders(datetime.strptime(start, TIME), datetime.strptime(end, TIME)):
        if passes(order):
            batch.extend(rows(order, columns))
        if len(batch) >= BATCH:
            cursor.executemany(statement, batch)
            link.commit()
            written += len(batch)
            batch = []
    if batch:
        cursor.executemany(statement, batch)
        link.commit()
        written += len(batch)
    print(written)


if __name__ == "__main__":
    main(*sys.argv[1:])
