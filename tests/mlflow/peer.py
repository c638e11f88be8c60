"""Logs 100,000 metrics with MLflow's own client, 1000 a call: peer.py URL. Prints the seconds."""

import sys
import time

from mlflow import MlflowClient
from mlflow.entities import Metric

client = MlflowClient(tracking_uri=sys.argv[1])
began = time.monotonic()
run = client.create_run("0", run_name="100,000 by Python").info.run_id
for block in range(100):
    now = int(time.time() * 1000)
    metrics = [Metric("m", float(at), now, block * 1000 + at) for at in range(1000)]
    client.log_batch(run, metrics=metrics)
client.set_terminated(run)
print(time.monotonic() - began)
