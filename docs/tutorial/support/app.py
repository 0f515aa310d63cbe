"""A support bot whose prompt Rollbook chooses, in plain Python:  python3 app.py REPORTER_TOKEN

For each chat it asks the release flag over OFREP which release this customer has, uses the prompt of that name, and
reports whether the customer had to be passed on to a person.
"""
import http.client
import json
import random
import sys
import threading
import time

ROLLBOOK, TOKEN = "127.0.0.1:7464", sys.argv[1]
PLACES = ("prompts/a.json", "prompts/b.json")  # one serves, the other is where the next release goes
outcomes, lock = [], threading.Lock()


def prompts():
    """What lies in both places, by name. Read each time: a restore is one rename."""
    loaded = [json.load(open(place)) for place in PLACES]
    return {prompt["name"]: prompt["text"] for prompt in loaded}


def release_of(rollbook, customer):
    """OFREP: the value is the name of the release, the metadata has the id to report with."""
    body = json.dumps({"context": {"targetingKey": customer}})
    headers = {"content-type": "application/json"}
    rollbook.request("POST", "/ofrep/v1/evaluate/flags/support-prompt", body, headers)
    response = rollbook.getresponse()
    answer = json.load(response)
    if response.status != 200:
        return None, None
    return answer["value"], answer["metadata"]["requestId"]


def ask_model(prompt):
    """Stands for the language model: who is not asked for the order number often needs a person."""
    escalated = 0.15 if "order number" in prompt else 0.4
    return random.random() < escalated - (0.05 if "two sentences" in prompt else 0)


def chats():
    rollbook = http.client.HTTPConnection(ROLLBOOK, timeout=2)
    while True:
        time.sleep(0.05)
        customer = f"customer-{random.randrange(100_000)}"
        try:
            name, request = release_of(rollbook, customer)
        except (OSError, http.client.HTTPException, ValueError):
            rollbook.close()
            name, request = None, None
        known = prompts()
        # No answer, or a name that is not here: what served last. Such a chat is not reported.
        prompt = known.get(name) or chats.last
        if name in known:
            chats.last = known[name]
        escalated = ask_model(prompt)
        if request and name in known:
            with lock:
                outcomes.append({"request": request, "counts": {"chats": 1, "escalated": int(escalated)}})


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


chats.last = next(iter(prompts().values()))
for _ in range(10):
    threading.Thread(target=chats, daemon=True).start()
report()
