"""Does a merged adapter load in real PEFT with the update that was asked for?

Run by hand, from the repository's root, with a Python that has torch, transformers and peft:

    python scripts/check-peft.py --write docs/verification/peft-load.json

For each case the command line merges adapters of the demo pool. PEFT then loads the sources and the result onto the demo base model,
and the update of every module (get_delta_weight of PEFT's own layers, scaling included) is compared with the sum of the sources' updates,
or with PEFT's own combination of them. Prints JSON and ends with 1 when a case is outside its tolerance.
"""

import argparse
import json
import pathlib
import platform
import subprocess
import sys
import tempfile
import warnings

import peft
import torch
import transformers
from peft import PeftModel
from peft.tuners.lora import LoraLayer

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = ROOT / "resources" / "demo"

MIXED = [("sentiment-r16", 0.7), ("topic-r4-attention", -0.4), ("sentiment-r8-rslora", 1.2), ("first-r8-patterns", 0.5), ("alive-r8-mlp", 1.0)]
EQUAL = [("sentiment-r16", 0.7), ("topic-r16", -0.4)]
RULES = {"default": 0.5, "rules": [{"modules": "q_proj|v_proj", "value": 2}, {"layers": [1, 2], "value": -1}]}


def ruled(module):
    layer = int(module.split(".layers.")[1].split(".")[0])
    return -1.0 if 1 <= layer <= 2 else 2.0 if module.endswith(("q_proj", "v_proj")) else 0.5


# Each case: recipe, what it is compared with, and how near it must be (relative Frobenius norm of the worst module).
CASES = [
    {"name": "concat, mixed ranks, targets, rsLoRA and patterns", "method": "concat", "sources": MIXED, "against": "sum", "tolerance": 1e-5},
    {"name": "the same in bfloat16", "method": "concat", "sources": MIXED, "output": {"dtype": "bfloat16"}, "against": "sum", "tolerance": 1e-2},
    {"name": "the same in float16", "method": "concat", "sources": MIXED, "output": {"dtype": "float16"}, "against": "sum", "tolerance": 1e-3},
    {"name": "linear, nothing cut, padded for vLLM", "method": "linear", "sources": MIXED, "output": {"rank": "sum", "padTo": "vllm"}, "against": "sum", "tolerance": 1e-5},
    {"name": "average of all", "method": "average", "sources": [(name, None) for name, _ in MIXED], "output": {"rank": "sum"}, "against": "mean", "tolerance": 1e-5},
    {"name": "coefficients by module and layer", "method": "concat", "sources": [("sentiment-r16", RULES), ("topic-r16", 1.0)], "against": "sum", "tolerance": 1e-5},
    {"name": "linear cut to rank 5, against PEFT svd", "method": "linear", "sources": EQUAL, "output": {"rank": 5}, "against": "svd", "tolerance": 1e-4},
    {"name": "peft_linear, against PEFT linear", "method": "peft_linear", "sources": EQUAL, "against": "linear", "tolerance": 1e-5},
]


def amalgam(*arguments):
    command = ["node", str(ROOT / "scripts" / "amalgam.mjs"), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"amalgam {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def merge(case, folder, library, number):
    adapters = [{"adapter": name} if coefficient is None else {"adapter": name, "coefficient": coefficient} for name, coefficient in case["sources"]]
    recipe = folder / f"recipe-{number}.json"
    recipe.write_text(json.dumps({"method": case["method"], "adapters": adapters, "output": case.get("output", {})}))
    return amalgam("merge", str(recipe), "--out", str(folder / f"merged-{number}"), "--library", str(library))


def load(model, folder, name):
    """Adds an adapter to the model and answers what PEFT would otherwise pass over: tensors it lacks, tensors it does not know, warnings."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        keys = model.load_adapter(str(folder), adapter_name=name)
    missing = [f"missing: {key}" for key in keys.missing_keys if name in key]
    return missing + [f"unexpected: {key}" for key in keys.unexpected_keys] + [str(warning.message) for warning in heard]


def deltas(model, name):
    found = {}
    for module, layer in model.named_modules():
        if isinstance(layer, LoraLayer) and name in layer.lora_A:
            found[module.removeprefix("base_model.model.")] = layer.get_delta_weight(name).double()
    return found


def weighted_sum(model, case):
    total = {}
    for name, coefficient in case["sources"]:
        for module, delta in deltas(model, name).items():
            factor = 1 / len(case["sources"]) if case["against"] == "mean" else ruled(module) if coefficient is RULES else coefficient
            total[module] = total.get(module, 0) + factor * delta
    return total


def expectation(model, case):
    if case["against"] in ("sum", "mean"):
        return weighted_sum(model, case)
    names, weights = [name for name, _ in case["sources"]], [weight for _, weight in case["sources"]]
    options = {"svd_rank": case["output"]["rank"]} if case["against"] == "svd" else {}
    model.add_weighted_adapter(names, weights, "combined", combination_type=case["against"], **options)
    combined = deltas(model, "combined")
    model.delete_adapter("combined")
    return combined


def check(case, model, folder, library, number):
    result = merge(case, folder, library, number)
    remarks = load(model, result["path"], "merged")
    merged, expected = deltas(model, "merged"), expectation(model, case)
    model.delete_adapter("merged")
    differences = {module: ((merged[module] - delta).norm() / delta.norm()).item() for module, delta in expected.items()} if merged.keys() == expected.keys() else {}
    worst = max(differences.values(), default=float("inf"))
    return {
        "name": case["name"],
        "method": case["method"],
        "sources": [name for name, _ in case["sources"]],
        "against": {"sum": "weighted sum of PEFT's updates", "mean": "mean of PEFT's updates"}.get(case["against"], f"PEFT add_weighted_adapter, {case['against']}"),
        "rank": result["rank"],
        "modules": len(differences),
        "remarksOfPeft": remarks,
        "maxRelativeDifference": worst,
        "tolerance": case["tolerance"],
        "passed": worst <= case["tolerance"] and remarks == [],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=pathlib.Path, help="also write the JSON to this file")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as scratch:
        folder, library = pathlib.Path(scratch), pathlib.Path(scratch) / "library"
        names = sorted({name for case in CASES for name, _ in case["sources"]})
        amalgam("import", *[str(DEMO / "adapters" / name) for name in names], "--library", str(library))
        base = transformers.AutoModelForCausalLM.from_pretrained(str(DEMO / "base-model"), dtype=torch.float32)
        model = PeftModel.from_pretrained(base, str(DEMO / "adapters" / names[0]), adapter_name=names[0])
        for name in names[1:]:
            load(model, DEMO / "adapters" / name, name)
        cases = [check(case, model, folder, library, number) for number, case in enumerate(CASES)]
    report = {
        "made by": "scripts/check-peft.py",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "amalgam": json.loads((ROOT / "package.json").read_text())["version"],
        },
        "baseModel": "resources/demo/base-model",
        "maxRelativeDifference": max(case["maxRelativeDifference"] for case in cases if case["tolerance"] <= 1e-5),
        "cases": cases,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.write:
        arguments.write.write_text(text + "\n")
    return 0 if all(case["passed"] for case in cases) else 1


if __name__ == "__main__":
    sys.exit(main())
