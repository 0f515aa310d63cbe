"""Applicants, and what becomes of their loans:  python3 traffic.py REPORTER_TOKEN

Each applicant goes through the gateway. Whether an approved loan defaults is known a moment later and is reported
with the id that the gateway gave to the request. In real life that takes weeks; then it is a batch job.
"""
import http.client
import json
import random
import sys
import threading
import time

GATEWAY, ROLLBOOK, TOKEN = "127.0.0.1:7470", "127.0.0.1:7464", sys.argv[1]
outcomes, lock = [], threading.Lock()


def defaults(debt):
    """The truth, which no model knows: the more debt, the more defaults."""
    return random.random() < 0.12 + 0.8 * debt**4


def applicants():
    gateway = http.client.HTTPConnection(GATEWAY, timeout=5)
    while True:
        debt = random.random()
        try:
            gateway.request("GET", f"/decide?debt={debt:.4f}")
            response = gateway.getresponse()
            answer = json.load(response)
        except (OSError, http.client.HTTPException, ValueError):
            gateway.close()
            time.sleep(0.2)
            continue
        if answer.get("approved"):
            counts = {"loans": 1, "defaulted": int(defaults(debt))}
            with lock:
                outcomes.append({"request": response.headers["rollbook-request"], "counts": counts})
        time.sleep(0.04)


def report():
    rollbook = http.client.HTTPConnection(ROLLBOOK, timeout=5)
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    while True:
        time.sleep(0.1)
        with lock:
            batch, outcomes[:] = outcomes[:1000], outcomes[1000:]
        if not batch:
            continue
        try:
            rollbook.request("POST", "/v1/outcomes", json.dumps({"outcomes": batch}), headers)
            response = rollbook.getresponse()
            text = response.read().decode()
            if response.status != 200:
                sys.exit(f"Rollbook answered {response.status}: {text}")
        except (OSError, http.client.HTTPException):
            rollbook.close()
            with lock:  # sent again; what was counted already is not counted twice
                outcomes[:0] = batch
            time.sleep(0.5)


for _ in range(16):
    threading.Thread(target=applicants, daemon=True).start()
report()
