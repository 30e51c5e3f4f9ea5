#!/usr/bin/python3
"""A model of sluice that is small enough to be seen through, to prove that the kill harness finds what it must find.

It knows `run`, `status` and `cursor` of a project whose target is SQLite, and copies the simulator's truth in batches.
MODEL_BUG in the environment plants a bug: `state-first` commits the progress before the rows, `no-order` skips a batch
whenever it starts in the middle.
"""
import http.client
import json
import os
import sqlite3
import sys
from urllib.parse import urlsplit

BATCH = 100


def read(folder, path):
    with open(os.path.join(folder, path), encoding="utf-8") as f:
        return json.load(f)


def fetch(folder):
    url = urlsplit(read(folder, "connections/jst.json")["params"]["base_url"])
    link = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
    link.request("GET", "/truth")
    return [json.loads(line) for line in link.getresponse().read().decode().splitlines()]


def run(db, rows, bug):
    with db:
        db.execute("CREATE TABLE IF NOT EXISTS sluice_checkpoint (integration TEXT PRIMARY KEY, of_what INTEGER, "
                   "position INTEGER, cursor TEXT)")
    what = hash(tuple(sorted((row["id"], row["modified"]) for row in rows)))
    cursor = max(row["modified"] for row in rows).replace(" ", "T") + "+08:00"
    known = db.execute("SELECT position FROM sluice_checkpoint WHERE of_what = ?", (what,)).fetchone()
    at = known[0] if known else 0
    if bug == "no-order" and 0 < at < len(rows):
        at += BATCH
    marks = ",".join("?" * len(rows[0]))
    while at < len(rows):
        batch = rows[at:at + BATCH]
        at += BATCH
        db.execute("BEGIN IMMEDIATE")
        db.execute("REPLACE INTO sluice_checkpoint VALUES ('orders', ?, ?, ?)", (what, at, cursor))
        if bug == "state-first":
            db.execute("COMMIT")
            db.execute("BEGIN IMMEDIATE")
        db.executemany(f"REPLACE INTO order_list_query ({','.join(rows[0])}) VALUES ({marks})",
                       [tuple(row.values()) for row in batch])
        db.execute("COMMIT")


def main(argv):
    folder = argv[argv.index("-C") + 1]
    db = sqlite3.connect(os.path.join(folder, "bi.db"), timeout=30, isolation_level=None)
    if argv[0] == "run":
        run(db, fetch(folder), os.environ.get("MODEL_BUG"))
        print(json.dumps({"integration": argv[1], "status": "ok"}))
    else:
        cursor = db.execute("SELECT cursor FROM sluice_checkpoint").fetchone()[0]
        print(json.dumps({"integration": argv[1], "cursor": cursor}))


if __name__ == "__main__":
    main(sys.argv[1:])
