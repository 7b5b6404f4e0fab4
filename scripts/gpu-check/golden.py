"""The golden models (tests/golden/values) through engine_cli's job "logits": adapters and bases against transformers and PEFT."""

import json
import re
import struct

import numpy


def read_safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    types = {"F32": "<f4", "I32": "<i4"}
    tensors = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = (8 + size + offset for offset in entry["data_offsets"])
            tensors[name] = numpy.frombuffer(data[begin:end], types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def first_match(patterns, module, otherwise):
    """PEFT's rule: the first key that is the end of the module's name."""
    return next((value for key, value in patterns.items() if re.match(rf"(.*\.)?({key})$", module)), otherwise)


def adapter_request(folder):
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = read_safetensors(folder / "adapter_model.safetensors")
    modules = []
    for name, a in tensors.items():
        found = re.fullmatch(r"base_model\.model\.(.+)\.lora_A\.weight", name)
        if not found:
            continue
        other = name.replace("lora_A", "lora_B")
        module = found.group(1)
        rank = a.shape[0]
        alpha = first_match(config.get("alpha_pattern") or {}, module, config["lora_alpha"])
        scaling = alpha / (rank**0.5 if config.get("use_rslora") else rank)
        modules.append({"name": module, "a": name, "b": other, "rank": rank, "in": a.shape[1], "out": tensors[other].shape[0],
                        "scaling": scaling})
    return {"name": folder.name, "weightsFile": str(folder / "adapter_model.safetensors"), "modules": modules}


def relative_error(actual, expected, mask):
    """Over the positions that mean something."""
    kept = mask.astype(bool)
    difference = numpy.linalg.norm((actual - expected)[kept].astype(numpy.float64))
    error = difference / numpy.linalg.norm(expected[kept].astype(numpy.float64))
    return float(error) if numpy.isfinite(error) else 1e30


def logits_of(model, adapters, subjects, batch, scratch, ask):
    """[subject] of sequences x positions x vocabulary; what lies behind a sequence's end is 0."""
    ids, mask = batch["ids"], batch["mask"]
    sequences = [row[: int(kept.sum())].tolist() for row, kept in zip(ids, mask)]
    out_file = scratch / "logits.safetensors"
    out_file.unlink(missing_ok=True)
    ask("logits", {"model": str(model), "adapters": adapters, "subjects": subjects, "sequences": sequences * len(subjects),
                   "subjectOf": [subject for subject in range(len(subjects)) for _ in sequences], "outFile": str(out_file)})
    tensors = read_safetensors(out_file)
    results = []
    for subject in range(len(subjects)):
        rows = [tensors[f"logits.{subject * len(sequences) + i}"] for i in range(len(sequences))]
        result = numpy.zeros((*ids.shape, rows[0].shape[1]), numpy.float32)
        for i, row in enumerate(rows):
            result[i, : len(row)] = row
        results.append(result)
    return results


def compare_all(values, scratch, ask):
    """[{ kind, name, error }], error as ||difference|| / ||expected|| of logits."""
    rows = []
    for folder in sorted((values / "models").iterdir()):
        batch = read_safetensors(folder / "expected.safetensors")
        base = [{"name": "base", "terms": []}]
        logits = logits_of(folder, [], base, batch, scratch, ask)[0]
        rows.append({"kind": "base", "name": folder.name, "error": relative_error(logits, batch["logits"], batch["mask"])})
    batch = read_safetensors(values / "lora" / "expected.safetensors")
    adapters = [adapter_request(folder) for folder in sorted((values / "adapters").iterdir())]
    subjects = [{"name": adapter["name"], "terms": [{"adapter": i, "coefficients": 1}]} for i, adapter in enumerate(adapters)]
    all_logits = logits_of(values / "models" / "llama3", adapters, subjects, batch, scratch, ask)
    for adapter, logits in zip(adapters, all_logits):
        name = adapter["name"]
        rows.append({"kind": "adapter", "name": name, "error": relative_error(logits, batch[f"logits.{name}"], batch["mask"])})
    return rows
