"""Records what TIES makes of small adapters, computed in float64 from the rules alone.

Usage: python3 make_ties.py > ties.json        (needs NumPy only; made with NumPy 2.4)

Rules:
  paper  Yadav et al. 2023 and the authors' merging functions: every adapter is one vector over all its modules; of n values the
         k-th largest magnitude, k = int(density * n), is its threshold, and values at or above it stay; the sign of an entry is that
         of the sum of what stayed; a sum of exactly zero takes the sign of the sum of all signs; the result is the sum of the
         coefficient times the value over the values of the elected sign, divided by how many they are. Where all signs balance an
         entry with a zero sum is zero.
  count  PEFT 0.21.0, ties_svd before its SVD: per module; exactly k values stay; a sum of zero counts as plus.

Factors are stored exactly (float32), so that zero sums and equal magnitudes are what they are in the product too: in the cases named
"grid" all factors are small multiples of 1/4 and every product is exact.
"""

import json
import sys

import numpy as np

SHAPES = {"layers.0.q": (12, 10), "layers.0.up": (17, 6), "layers.1.down": (5, 14)}


def random_factors(rng, out, inn, rank):
    a = rng.standard_normal((rank, inn)).astype(np.float32)
    b = rng.standard_normal((out, rank)).astype(np.float32)
    return a, b


def grid_factors(rng, out, inn, rank):
    a = rng.integers(-3, 4, (rank, inn)).astype(np.float32) / 4
    b = rng.integers(-3, 4, (out, rank)).astype(np.float32) / 4
    return a, b


def adapter(rng, make, rank, scaling, without=()):
    modules = {name: make(rng, *shape, rank) for name, shape in SHAPES.items() if name not in without}
    return {"scaling": scaling, "modules": modules}


def negated(source):
    return {"scaling": source["scaling"], "modules": {name: (a, -b) for name, (a, b) in source["modules"].items()}}


def update(source, name):
    if name not in source["modules"]:
        return np.zeros(SHAPES[name])
    a, b = source["modules"][name]
    return source["scaling"] * (b.astype(np.float64) @ a.astype(np.float64))


def trimmed(values, density, keep_ties):
    """The flat vector with all but its largest magnitudes set to zero."""
    k = int(density * values.size)
    if k == 0:
        return np.zeros_like(values)
    order = np.argsort(-np.abs(values), kind="stable")
    if keep_ties:
        return np.where(np.abs(values) >= np.abs(values[order[k - 1]]), values, 0)
    result = np.zeros_like(values)
    result[order[:k]] = values[order[:k]]
    return result


def paper(adapters, coefficients, density):
    names = list(SHAPES)
    vectors = []
    for source in adapters:
        # Only modules that the adapter has count towards its n.
        own = [name for name in names if name in source["modules"]]
        flat = trimmed(np.concatenate([update(source, name).ravel() for name in own]), density, True)
        parts, place = {}, 0
        for name in own:
            size = int(np.prod(SHAPES[name]))
            parts[name] = flat[place : place + size]
            place += size
        vectors.append(np.concatenate([parts.get(name, np.zeros(int(np.prod(SHAPES[name])))) for name in names]))
    stacked = np.stack(vectors)
    signs = np.sign(stacked.sum(axis=0))
    ballot = np.sign(signs.sum())
    drawn = int(np.sum((signs == 0) & (stacked != 0).any(axis=0)))
    signs[signs == 0] = ballot
    merged = disjoint(stacked, coefficients, signs)
    result, place = {}, 0
    for name in names:
        size = int(np.prod(SHAPES[name]))
        result[name] = merged[place : place + size].reshape(SHAPES[name])
        place += size
    return result, {"ballot": int(ballot), "drawn": drawn}


def count(adapters, coefficients, density):
    result, drawn = {}, 0
    for name in SHAPES:
        rows = [trimmed(update(source, name).ravel(), density, False) for source in adapters]
        stacked = np.stack(rows)
        sums = stacked.sum(axis=0)
        drawn += int(np.sum((sums == 0) & (stacked != 0).any(axis=0)))
        signs = np.where(sums >= 0, 1.0, -1.0)
        result[name] = disjoint(stacked, coefficients, signs).reshape(SHAPES[name])
    return result, {"ballot": None, "drawn": drawn}


def disjoint(stacked, coefficients, signs):
    agree = (np.sign(stacked) == signs) & (stacked != 0)
    weighted = np.array(coefficients)[:, None] * stacked * agree
    return weighted.sum(axis=0) / np.maximum(agree.sum(axis=0), 1)


def record(name, variant, density, coefficients, adapters):
    result, facts = {"paper": paper, "count": count}[variant](adapters, coefficients, density)
    return {
        "name": name,
        "variant": variant,
        "density": density,
        "coefficients": coefficients,
        **facts,
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
        "expected": {module: np.round(values, 9).tolist() for module, values in result.items()},
    }


def main():
    rng = np.random.default_rng(20260101)
    mixed = [
        adapter(rng, random_factors, 3, 2.0),
        adapter(rng, random_factors, 5, 0.25, without=("layers.0.up",)),
        adapter(rng, random_factors, 2, 1.5, without=("layers.1.down",)),
    ]
    grid = [
        adapter(rng, grid_factors, 2, 2.0),
        adapter(rng, grid_factors, 3, 1.0, without=("layers.0.q",)),
        adapter(rng, grid_factors, 1, 4.0),
    ]
    cases = [
        record("heterogeneous ranks, missing modules", "paper", 0.3, [1, 1, 1], mixed),
        record("unequal coefficients, one negative", "paper", 0.2, [0.7, -0.4, 1.3], mixed),
        record("everything kept", "paper", 1, [0.5, 0.5, 0.5], mixed),
        record("one value of each adapter kept", "paper", 0.004, [1, 1, 1], mixed),
        record("grid: equal magnitudes at the threshold", "paper", 0.35, [1, 1, 1], grid),
        record("grid: opposites beside a third", "paper", 0.6, [1, 1, 1], [grid[0], negated(grid[0]), grid[2]]),
        record("grid: opposites beside an opposite third", "paper", 0.6, [1, 1, 1], [grid[0], negated(grid[0]), negated(grid[2])]),
        record("grid: opposites alone", "paper", 0.6, [1, 1], [grid[0], negated(grid[0])]),
        record("grid: duplicates beside a third", "paper", 0.5, [0.5, 0.5, 1], [grid[0], grid[0], grid[1]]),
        record("one adapter", "paper", 0.2, [1], mixed[:1]),
        record("heterogeneous ranks, missing modules", "count", 0.3, [1, 1, 1], mixed),
        record("unequal coefficients, one negative", "count", 0.45, [0.7, -0.4, 1.3], mixed),
        record("opposites alone", "count", 0.5, [1, 1], [mixed[0], negated(mixed[0])]),
    ]
    json.dump({"numpy": np.__version__, "shapes": SHAPES, "cases": cases}, sys.stdout, separators=(",", ":"))
    print()


main()
