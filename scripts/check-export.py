"""Does an adapter that was exported for another tool still load in real PEFT, with the update it had?

Run by hand, from the repository's root, with a Python that has torch, transformers and peft:

    python scripts/check-export.py --write docs/verification/export-load.json

Every adapter of the demo pool is exported by the command line, once for each profile and once padded further. PEFT loads the adapter and the export
onto the demo base model, and the update of every module (get_delta_weight of PEFT's own layers, scaling included) is compared. Prints JSON and
ends with 1 when a case is outside its tolerance, PEFT has a remark, or the config is not one that a tool with a single scale reads.
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
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = ROOT / "resources" / "demo"
VLLM_RANKS = [1, 8, 16, 32, 64, 128, 256, 320, 512]
# Profile, rank to pad to.
EXPORTS = [("peft", 0), ("vllm", 0), ("vllm", 64), ("llamacpp", 0)]
# Factors are rounded once to the adapter's own dtype after the scaling is folded into them.
TOLERANCES = {torch.float32: 1e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}


def amalgam(*arguments):
    command = ["node", str(ROOT / "scripts" / "amalgam.mjs"), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise SystemExit(f"amalgam {arguments[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


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


def unfit(folder, profile, tensors):
    """Why a tool that knows one rank and one scale would not read the folder rightly; empty when it would."""
    config = json.loads((folder / "adapter_config.json").read_text())
    ranks = {tensor.shape[0] for name, tensor in tensors.items() if name.endswith(".lora_A.weight")}
    reasons = []
    if ranks != {config["r"]} or config["lora_alpha"] != config["r"]:
        reasons.append(f"ranks {ranks}, r {config['r']}, alpha {config['lora_alpha']}")
    if config["rank_pattern"] or config["alpha_pattern"] or config["use_rslora"] or config["use_dora"] or config["modules_to_save"]:
        reasons.append("the config has switches")
    if any(not name.endswith((".lora_A.weight", ".lora_B.weight")) for name in tensors):
        reasons.append("there are other tensors")
    if profile == "vllm" and config["r"] not in VLLM_RANKS:
        reasons.append(f"vLLM has no rank {config['r']}")
    return reasons


def check(model, source, profile, pad_to, folder, library):
    out = folder / f"{source.name}-{profile}-{pad_to}"
    extra = ["--pad-to", str(pad_to)] if pad_to else []
    result = amalgam("export", source.name, "--out", str(out), "--profile", profile, *extra, "--library", str(library))
    before, after = load(model, source, "before"), load(model, out, "after")
    old, new = deltas(model, "before"), deltas(model, "after")
    model.delete_adapter("before")
    model.delete_adapter("after")
    tensors, original = load_file(out / "adapter_model.safetensors"), load_file(source / "adapter_model.safetensors")
    (dtype,) = {tensor.dtype for tensor in tensors.values()}
    same_dtype = {tensor.dtype for tensor in original.values()} == {dtype}
    worst = max(((new[name] - delta).norm() / delta.norm()).item() for name, delta in old.items()) if old.keys() == new.keys() else float("inf")
    reasons = [] if profile == "peft" else unfit(out, profile, tensors)
    tolerance = 0 if profile == "peft" else TOLERANCES[dtype]
    return {
        "adapter": source.name,
        "profile": profile,
        "padTo": pad_to,
        "rank": result["rank"],
        "dtype": str(dtype).removeprefix("torch."),
        "modules": len(new),
        "remarksOfPeft": after,
        "unfit": reasons,
        "maxRelativeDifference": worst,
        "tolerance": tolerance,
        "passed": worst <= tolerance and after == before == [] and reasons == [] and same_dtype,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=pathlib.Path, help="also write the JSON to this file")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    sources = sorted(path for path in (DEMO / "adapters").iterdir() if path.is_dir())
    with tempfile.TemporaryDirectory() as scratch:
        folder, library = pathlib.Path(scratch), pathlib.Path(scratch) / "library"
        amalgam("import", *map(str, sources), "--library", str(library))
        base = transformers.AutoModelForCausalLM.from_pretrained(str(DEMO / "base-model"), dtype=torch.float32)
        model = PeftModel.from_pretrained(base, str(sources[0]), adapter_name="first")
        cases = [check(model, source, profile, pad_to, folder, library) for source in sources for profile, pad_to in EXPORTS]
    report = {
        "made by": "scripts/check-export.py",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peft": peft.__version__,
            "amalgam": json.loads((ROOT / "package.json").read_text())["version"],
        },
        "baseModel": "resources/demo/base-model",
        "passed": sum(case["passed"] for case in cases),
        "failed": sum(not case["passed"] for case in cases),
        "cases": cases,
    }
    # One line for each case.
    lines = ",\n".join("    " + json.dumps(case) for case in report.pop("cases"))
    text = json.dumps(report, indent=2).removesuffix("\n}") + ',\n  "cases": [\n' + lines + "\n  ]\n}"
    print(text)
    if arguments.write:
        arguments.write.write_text(text + "\n")
    return 0 if report["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
