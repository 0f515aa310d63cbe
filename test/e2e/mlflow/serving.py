"""A process that serves the model behind an alias, which it loads when it starts and when it is told to."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pandas
from mlflow import MlflowClient

name, alias = sys.argv[1].split("@")
loaded = {}


def load():
    version = MlflowClient().get_model_version_by_alias(name, alias).version
    loaded.update(version=str(version), model=mlflow.pyfunc.load_model(f"models:/{name}/{version}"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, {"model": {"version": loaded["version"]}})

    def do_POST(self):
        if self.path == "/reload":
            load()
            return self.answer(200, {})
        length = int(self.headers["content-length"])
        approved = loaded["model"].predict(pandas.DataFrame([json.loads(self.rfile.read(length))]))
        self.answer(200, {"approved": bool(approved[0])})

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.send_header("x-model-version", loaded["version"])
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


load()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"serving http://127.0.0.1:{server.server_address[1]}", flush=True)
server.serve_forever()
