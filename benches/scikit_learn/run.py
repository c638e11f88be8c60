#!/usr/bin/env python3
"""Times floe and scikit-learn on the same files, each as a process of its own.

    python3 benches/scikit_learn/run.py [--rows-mixed 5000000] [--rows-classes 1000000] [--rows-job 3000000]
                                         [--only mixed|classes|job] [--repeat 3]

needs Python with scikit-learn, pandas and pyarrow. It builds the bench in release, makes the files in a
temporary folder, runs each side in turn, and prints the best wall time and the largest memory.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def program():
    """The bench as a program, built by cargo."""
    if "FLOE_BENCH" in os.environ:
        return os.environ["FLOE_BENCH"]
    built = subprocess.run(
        ["cargo", "bench", "--locked", "--bench", "scikit_learn", "--no-run", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
    )
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "scikit_learn":
            return message["executable"]
    sys.exit("cargo built no bench `scikit_learn`")


def measured(command):
    """Wall seconds, the largest resident memory in MiB, and what was printed."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command} failed")
    return time.monotonic() - began, usage.ru_maxrss / 1024, out.strip()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--rows-mixed", type=int, default=5_000_000)
    arguments.add_argument("--rows-classes", type=int, default=1_000_000)
    arguments.add_argument("--rows-job", type=int, default=3_000_000)
    arguments.add_argument("--only", choices=["mixed", "classes", "job"])
    arguments.add_argument("--repeat", type=int, default=3)
    arguments = arguments.parse_args()
    floe = program()
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "mixed": arguments.rows_mixed,
            "classes": arguments.rows_classes,
            "job": arguments.rows_job,
        }
        for case, rows in cases.items():
            if arguments.only not in (None, case):
                continue
            path = str(pathlib.Path(folder) / f"{case}.parquet")
            subprocess.run([floe, "make", case, path, str(rows)], check=True)
            sides = {
                "floe": [floe, "run", case, path],
                "scikit-learn": [sys.executable, str(HERE / "peer.py"), case, path],
            }
            best = {}
            for _ in range(arguments.repeat):
                for side, command in sides.items():
                    seconds, mebibytes, out = measured(command)
                    least, most, _ = best.get(side, (seconds, mebibytes, out))
                    best[side] = (min(least, seconds), max(most, mebibytes), out)
            print(f"{case}, {rows:,} rows", flush=True)
            for side, (seconds, mebibytes, out) in best.items():
                print(f"  {side:12}  {seconds:7.2f} s  {mebibytes:7.0f} MiB  {out}")
            ours, theirs = best["floe"], best["scikit-learn"]
            print(f"  {theirs[0] / ours[0]:.1f} times faster in {ours[1] / theirs[1]:.2f} of the memory", flush=True)


main()
