"""Gradients of the golden llama model on the device and on the processor, through engine_cli's job "gradients": of the coefficients
of two adapters, and of the factors of one that is trained."""

import numpy

import golden

COEFFICIENT = 0.1  # the golden adapters' updates are several times larger than the weights they change


def request(values, out_file):
    adapters = []
    for name, train in (("a", "both"), ("b", "none")):
        adapter = golden.adapter_request(values / "adapters" / name)
        adapters.append({**adapter, "key": name, "train": train, "fresh": None, "maskFile": None, "dropout": 0.1 if train == "both" else 0})
    batch = golden.read_safetensors(values / "lora" / "expected.safetensors")
    sequences = [row[: int(kept.sum())].tolist() for row, kept in zip(batch["ids"], batch["mask"])]
    examples = [{"prompt": ids[: len(ids) // 2], "answer": ids[len(ids) // 2 :], "group": 0} for ids in sequences]
    return {"model": str(values / "models" / "llama3"), "memoryBytes": 0, "passTokens": 4096, "passExamples": len(examples),
            "adapters": adapters, "coefficients": [[COEFFICIENT] * len(adapter["modules"]) for adapter in adapters],
            "activation": "identity", "objective": "cross_entropy", "examples": examples, "outFile": str(out_file)}


def found(values, scratch, ask, device):
    """{ loss, coefficients, factors }, the gradients as one list each."""
    out_file = scratch / f"gradients-{device.replace(':', '')}.safetensors"
    result = ask("gradients", request(values, out_file), device)
    factors = golden.read_safetensors(out_file)
    return {"loss": result["loss"], "coefficients": numpy.concatenate([numpy.asarray(row) for row in result["gradients"]]),
            "factors": numpy.concatenate([factors[name].ravel() for name in sorted(factors)])}


def compare(values, scratch, ask, device):
    """{ loss, coefficients, factors }: how far the device is from the processor, relative (of gradients by norm)."""
    actual, expected = (found(values, scratch, ask, on) for on in (device, "cpu"))
    everything = {kind: numpy.ones(len(numpy.atleast_1d(expected[kind]))) for kind in expected}
    return {kind: golden.relative_error(numpy.atleast_1d(actual[kind]), numpy.atleast_1d(expected[kind]), everything[kind])
            for kind in expected}
