"""MLflow's own client, driven by one JSON command a line on stdin; answers one JSON line each."""

import json
import logging
import os
import sys
import warnings

warnings.filterwarnings("ignore")
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import mlflow
from mlflow import MlflowClient
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

logging.getLogger("mlflow").setLevel(logging.ERROR)
client = MlflowClient()


class Limit(mlflow.pyfunc.PythonModel):
    def __init__(self, limit):
        self.limit = limit

    def predict(self, context, model_input, params=None):
        return [bool(score >= self.limit) for score in model_input["score"]]


def model(name, limit, columns):
    inputs = Schema([ColSpec(kind, column) for column, kind in columns.items()])
    info = mlflow.pyfunc.log_model(
        name="model",
        python_model=Limit(limit),
        signature=ModelSignature(inputs=inputs, outputs=Schema([ColSpec("boolean")])),
        registered_model_name=name,
        pip_requirements=["mlflow-skinny"],
    )
    return {"version": str(info.registered_model_version), "model": info.model_id}


def run_model(name, files):
    """As MLflow 2 did it: artefacts of a run, registered by their address."""
    with mlflow.start_run() as run:
        for path, text in files.items():
            mlflow.log_text(text, f"model/{path}")
        source = mlflow.get_artifact_uri("model")
    try:
        client.create_registered_model(name)
    except mlflow.exceptions.MlflowException:
        pass
    made = client.create_model_version(name, source, run.info.run_id)
    return {"version": str(made.version), "run": run.info.run_id}


def prompt(name, template, **more):
    made = mlflow.genai.register_prompt(name=name, template=template, **more)
    return {"version": str(made.version)}


def alias(name, alias, version):
    client.set_registered_model_alias(name, alias, version)


def prompt_alias(name, alias, version):
    mlflow.genai.set_prompt_alias(name, alias, int(version))


def delete_version(name, version):
    client.delete_model_version(name, version)


def delete_logged_model(model):
    client.delete_logged_model(model)


def delete_run(run):
    client.delete_run(run)


commands = [model, run_model, prompt, alias, prompt_alias, delete_version, delete_logged_model, delete_run]
commands = {command.__name__: command for command in commands}

for line in sys.stdin:
    command, arguments = json.loads(line)
    try:
        answer = {"answer": commands[command](**arguments)}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), file=answers, flush=True)
