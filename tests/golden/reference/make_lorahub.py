"""Records what LoraHub makes of small adapters, computed in float64 as its release does: on state dictionaries.

Usage: python3 make_lorahub.py > lorahub.json        (needs NumPy only; made with NumPy 2.4)

Rules:
  Huang et al. 2023 (arXiv 2307.13269), the authors' algorithm: every adapter is a dictionary of tensors; for each key of the dictionary the
  result is the sum over the adapters of its weight times its tensor. So A and B are combined separately, and the update of a module is
  (sum_i w_i B_i)(sum_j w_j A_j).
  Two things the original takes for granted are made so first: the root of each scaling is folded into both factors, whose product then
  has the scaling (a negative one gives its sign to A), and adapters are filled up with zeros to the largest rank and to the union of the
  modules.
"""

import json
import sys

import numpy as np

SHAPES = {"layers.0.q": (12, 10), "layers.0.up": (17, 6), "layers.1.down": (5, 14)}


def adapter(rng, rank, scaling, without=()):
    modules = {
        name: (rng.standard_normal((rank, inn)).astype(np.float32), rng.standard_normal((out, rank)).astype(np.float32))
        for name, (out, inn) in SHAPES.items()
        if name not in without
    }
    return {"scaling": scaling, "modules": modules}


def state_dictionary(source, ranks):
    """Scaling folded in, ranks filled up with zeros, missing modules as zeros."""
    root = np.sqrt(abs(source["scaling"]))
    state = {}
    for name, (out, inn) in SHAPES.items():
        a, b = np.zeros((ranks[name], inn)), np.zeros((out, ranks[name]))
        if name in source["modules"]:
            own_a, own_b = source["modules"][name]
            a[: own_a.shape[0]] = np.sign(source["scaling"]) * root * own_a
            b[:, : own_b.shape[1]] = root * own_b
        state[f"{name}.lora_A.weight"], state[f"{name}.lora_B.weight"] = a, b
    return state


def lorahub(adapters, weights):
    ranks = {
        name: max((source["modules"][name][0].shape[0] for source in adapters if name in source["modules"]), default=1)
        for name in SHAPES
    }
    states = [state_dictionary(source, ranks) for source in adapters]
    final = {key: sum(weight * state[key] for weight, state in zip(weights, states)) for key in states[0]}
    updates = {name: final[f"{name}.lora_B.weight"] @ final[f"{name}.lora_A.weight"] for name in SHAPES}
    return {name: (ranks[name], values) for name, values in updates.items() if any(name in source["modules"] for source in adapters)}


def record(name, coefficients, adapters):
    return {
        "name": name,
        "coefficients": coefficients,
        "adapters": [
            {
                "scaling": source["scaling"],
                "modules": {
                    module: {"a": a.astype(np.float64).tolist(), "b": b.astype(np.float64).tolist()}
                    for module, (a, b) in source["modules"].items()
                },
            }
            for source in adapters
        ],
        "expected": {
            module: {"rank": rank, "update": np.round(values, 9).tolist()}
            for module, (rank, values) in lorahub(adapters, coefficients).items()
        },
    }


def main():
    rng = np.random.default_rng(20260201)
    equal = [adapter(rng, 3, 2.0) for _ in range(3)]
    mixed = [
        adapter(rng, 3, 2.0),
        adapter(rng, 5, 0.25, without=("layers.0.up",)),
        adapter(rng, 2, -1.5, without=("layers.1.down",)),
    ]
    cases = [
        record("equal ranks and modules, as published", [0.5, -0.3, 1.1], equal),
        record("one adapter at 1 is itself", [1], mixed[:1]),
        record("its own product comes with the square of its coefficient", [-0.5], mixed[:1]),
        record("unlike ranks, missing modules, unlike scalings, one negative", [0.7, -0.4, 1.3], mixed),
        record("a common sign changes nothing", [-0.7, 0.4, -1.3], mixed),
        record("a coefficient of 0", [0, 1.5, 0.25], mixed),
    ]
    json.dump({"numpy": np.__version__, "shapes": SHAPES, "cases": cases}, sys.stdout, separators=(",", ":"))
    print()


main()
