"""Runs the steps of gpu-check.sh, each within what is left of the time, and writes their results as one JSON file."""

import argparse
import json
import os
import pathlib
import sys
import time
import traceback

import steps

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPORT_SECONDS = 10  # kept back for writing the report


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out")
    parser.add_argument("--device", default="cuda:0", help="cpu tries the script itself")
    parser.add_argument("--steps", default=",".join(steps.STEPS), help="names, comma between them")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--build-folder", default="/tmp/amalgam-gpu-check")
    parser.add_argument("--config", default="8b", choices=["125m", "1b", "8b"])
    arguments = parser.parse_args()
    unknown = set(arguments.steps.split(",")) - set(steps.STEPS)
    if unknown:
        parser.error(f"no such step: {', '.join(sorted(unknown))}")
    return arguments


def report_place(arguments):
    if arguments.out:
        return pathlib.Path(arguments.out)
    folder = pathlib.Path(os.environ["OUT"]) if os.environ.get("OUT") else ROOT / "docs" / "benchmarks"
    return folder / "gpu.json" if folder.is_dir() else folder


def run_step(name, check, seconds):
    """{ ok, seconds, ...what the step found }; an exception is what it found."""
    started = time.monotonic()
    try:
        if seconds <= 0:
            raise TimeoutError("no time was left")
        found = steps.STEPS[name](check, seconds)
    except Exception as problem:  # recorded: the next steps must still run
        traceback.print_exc()
        found = {"ok": False, "problem": f"{type(problem).__name__}: {problem}"}
    return {**found, "seconds": round(time.monotonic() - started, 1)}


def main():
    arguments = read_arguments()
    place = report_place(arguments)
    end = time.monotonic() + 60 * arguments.minutes - REPORT_SECONDS
    check = steps.Check(ROOT, pathlib.Path(arguments.build_folder), arguments.device, arguments.config)
    report = {"date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "device": arguments.device, "steps": {}}
    wanted = arguments.steps.split(",")
    for name in (name for name in steps.STEPS if name in wanted):
        print(f"== {name}", flush=True)
        result = run_step(name, check, end - time.monotonic())
        report["steps"][name] = result
        print(json.dumps(result)[:2000], flush=True)
        report["ok"] = all(step["ok"] for step in report["steps"].values())
        place.write_text(json.dumps(report, indent=1) + "\n")  # after every step: what is known survives a kill
    print(f"{place}: {'all passed' if report['ok'] else 'not all passed'}")
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
