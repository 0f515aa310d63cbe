"""A model behind HTTP, in plain Python:  python3 model.py PORT MODEL_FILE

GET  /decide?debt=0.4   approve or not
POST /admin/reload      read the file again
GET  /health            the SHA-256 of the file that is loaded
"""
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PORT, FILE = int(sys.argv[1]), sys.argv[2]


def load():
    raw = open(FILE, "rb").read()
    return {**json.loads(raw), "sha256": hashlib.sha256(raw).hexdigest()}


model = load()


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            return self.answer({"model": {"name": model["name"], "sha256": model["sha256"]}})
        debt = float(parse_qs(url.query)["debt"][0])
        score = model["base"] + model["debt"] * debt
        self.answer({"approved": score <= model["limit"], "model": model["name"]})

    def do_POST(self):
        global model
        self.rfile.read(int(self.headers.get("content-length") or 0))
        model = load()
        self.answer({"loaded": model["name"]})

    def answer(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # somebody hung up


Server(("127.0.0.1", PORT), App).serve_forever()
