"""Records what LoRA-LEGO makes of small adapters, computed in float64 from the rules alone.

Usage: python3 make_lego.py > lego.json        (needs NumPy only; made with NumPy 2.4)

Rules (research page "lego-lori", 1.4 to 1.7), for each module:
  units        row j of A glued to column j of B, both times sqrt|coefficient * scaling|, B with the sign of that number
  clusters     the partition of the pool into k clusters with the least sum of vote * |u - centre|^2; features "balanced" compare units
               with both halves at length 1; votes are 1, or 1 / (units of the source)
  unit made    the mean with these votes, times mean of the members' largest magnitudes / largest magnitude of the mean (paramReweight)
  result       sqrt(referenceRank / k) times the sum of the units made (outputReweight), k being at most the number of units
  canonical    units are the singular triplets of each source's update, sqrt(sigma) on both sides, the entry of a with the largest
               magnitude being positive

k-means does not say which local minimum it ends in. Here nothing is drawn by lot: pools are so small that the best of ALL partitions is
found, by dynamic programming over subsets, from pairwise distances alone (the inertia of a cluster is the sum over pairs of
vote_u vote_v |u - v|^2 over the sum of its votes). The distance to the second best partition is asserted and recorded, so that the answer
is unambiguous; a search with restarts must end there.
"""

import json
import sys

import numpy as np

SHAPES = {
    "model.layers.0.self_attn.q_proj": (9, 12),
    "model.layers.0.mlp.up_proj": (14, 12),
    "model.layers.1.self_attn.q_proj": (9, 12),
}
LEAST_GAP = 1e-3

rng = np.random.default_rng(20240916)
SKILLS = {name: (rng.standard_normal((3, inn)) / 3, rng.standard_normal((out, 3)) / 3) for name, (out, inn) in SHAPES.items()}


def related(rank, noise, alpha, **more):
    """An adapter whose units are noisy copies of the shared ones, in an order of its own."""
    modules = {}
    for name, (a, b) in SKILLS.items():
        order = rng.permutation(3)[np.arange(rank) % 3]
        modules[name] = (a[order] + noise * rng.standard_normal((rank, a.shape[1])), b[:, order] + noise * rng.standard_normal((b.shape[0], rank)))
    return adapter(modules, rank, alpha, **more)


def unrelated(rank, alpha, on_b=1.0, **more):
    modules = {
        name: (rng.standard_normal((rank, inn)) / np.sqrt(inn), on_b * rng.standard_normal((out, rank)) / np.sqrt(out))
        for name, (out, inn) in SHAPES.items()
    }
    return adapter(modules, rank, alpha, **more)


def adapter(modules, rank, alpha, rslora=False, without=()):
    kept = {name: (a.astype(np.float32), b.astype(np.float32)) for name, (a, b) in modules.items() if name not in without}
    return {"r": rank, "alpha": alpha, "rslora": rslora, "modules": kept}


ADAPTERS = {
    "a": related(3, 0.05, 6),
    "b": related(3, 0.08, 3),
    "c": related(2, 0.08, 2),
    "d": unrelated(4, 2, rslora=True, without=("model.layers.0.mlp.up_proj",)),
    "e": unrelated(5, 5, on_b=0.3),
    "f": unrelated(1, 2),
}

DEFAULTS = {
    "paramReweight": True,
    "outputReweight": True,
    "restarts": 10,
    "features": "raw",
    "equalVotes": False,
    "units": "stored",
}
# name, adapters with their coefficients, parameters that are not the defaults ("auto" numbers are left out)
CASES = [
    ("equal ranks, every default", {"a": 1, "b": 1}, {}),
    ("unequal ranks, a negative coefficient, a missing module", {"a": 0.7, "c": 1, "d": -0.4}, {"restarts": 100}),
    ("no reweighting", {"a": 1, "b": 0.5, "c": 1}, {"paramReweight": False, "outputReweight": False}),
    ("parameter reweighting alone, k below the rank", {"a": 1, "b": 1}, {"outputReweight": False, "k": 2, "restarts": 100}),
    ("output reweighting alone, another reference rank", {"a": 0.9, "d": 1.2}, {"paramReweight": False, "k": 5, "referenceRank": 8, "restarts": 100}),
    ("raw features", {"d": 1, "e": 1}, {"k": 4, "restarts": 100}),
    ("balanced features", {"d": 1, "e": 1}, {"k": 4, "features": "balanced", "restarts": 100}),
    ("votes by unit", {"e": 1, "f": 1, "c": 1}, {"k": 3, "restarts": 100}),
    ("votes by adapter", {"e": 1, "f": 1, "c": 1}, {"k": 3, "equalVotes": True, "restarts": 100}),
    ("one adapter, pruned", {"e": 1}, {"k": 2, "restarts": 100}),
    ("canonical units", {"a": 1, "d": -0.8}, {"k": 4, "units": "canonical", "restarts": 100}),
    ("canonical units, balanced, votes by adapter", {"a": 1, "c": 0.6}, {"k": 3, "units": "canonical", "features": "balanced", "equalVotes": True, "restarts": 100}),
    ("one cluster", {"a": 1, "b": -1, "c": 1, "f": 0.3}, {"k": 1}),
    ("more clusters than units", {"a": 1, "b": 1, "c": 0.25}, {"k": 20}),
]


def scaling(source):
    return source["alpha"] / (np.sqrt(source["r"]) if source["rslora"] else source["r"])


def units_of(source, name, coefficient, canonical):
    """A list of (a, b) in float64."""
    a, b = (factor.astype(np.float64) for factor in source["modules"][name])
    c = coefficient * scaling(source)
    if canonical:
        left, sigma, right = np.linalg.svd(abs(c) * (b @ a), full_matrices=False)
        pairs = [(np.sqrt(s) * right[i], np.sqrt(s) * left[:, i]) for i, s in enumerate(sigma) if s > 1e-7 * sigma[0]]
        signs = [np.sign(row[np.argmax(np.abs(row))]) for row, _ in pairs]
        return [(sign * row, np.sign(c) * sign * column) for sign, (row, column) in zip(signs, pairs)]
    root = np.sqrt(abs(c))
    return [(root * a[j], np.sign(c) * root * b[:, j]) for j in range(source["r"])]


def unit_length(vector):
    return vector / np.linalg.norm(vector)


def best_partition(points, votes, k):
    """The blocks of the best partition into k clusters, its inertia and that of the second best."""
    count = len(points)
    distance = np.array([[np.sum((u - v) ** 2) for v in points] for u in points])
    inertia = np.zeros(1 << count)
    for mask in range(1, 1 << count):
        members = [i for i in range(count) if mask >> i & 1]
        pairs = sum(votes[i] * votes[j] * distance[i, j] for n, i in enumerate(members) for j in members[:n])
        inertia[mask] = pairs / sum(votes[i] for i in members)
    # best[mask]: the two best partitions of the members of mask, as (inertia, blocks); a block always holds the lowest member left
    best = {0: [(0.0, ())]}
    for _ in range(k):
        following = {}
        for mask, found in best.items():
            rest = (1 << count) - 1 ^ mask
            if rest == 0:
                continue
            lowest = rest & -rest
            others = rest ^ lowest
            subset = others
            while True:
                block = subset | lowest
                entry = following.setdefault(mask | block, [])
                entry.extend((value + inertia[block], blocks + (block,)) for value, blocks in found)
                entry.sort(key=lambda one: one[0])
                del entry[2:]
                if subset == 0:
                    break
                subset = (subset - 1) & others
        best = following
    ranked = best[(1 << count) - 1]
    blocks = [[i for i in range(count) if block >> i & 1] for block in ranked[0][1]]
    return blocks, ranked[0][0], ranked[1][0] if len(ranked) > 1 else None


def merge(coefficients, params, name):
    canonical = params["units"] == "canonical"
    pool, votes = [], []
    for key, coefficient in coefficients.items():
        if name not in ADAPTERS[key]["modules"]:
            continue
        units = units_of(ADAPTERS[key], name, coefficient, canonical)
        pool += units
        votes += [1 / len(units) if params["equalVotes"] else 1.0] * len(units)
    k = min(params["k"], len(pool))
    balanced = params["features"] == "balanced"
    points = [np.concatenate([unit_length(a), unit_length(b)] if balanced else [a, b]) for a, b in pool]
    if k == len(pool):
        blocks, gap = [[i] for i in range(k)], None
    else:
        blocks, least, second = best_partition(points, votes, k)
        gap = None if second is None else second / least - 1
        assert gap is None or gap > LEAST_GAP, (name, params, gap)
    out, inn = SHAPES[name]
    result = np.zeros((out, inn))
    for block in blocks:
        weights = np.array([votes[i] for i in block]) / sum(votes[i] for i in block)
        mean = sum(w * np.concatenate(pool[i]) for w, i in zip(weights, block))
        if params["paramReweight"]:
            lengths = [np.abs(np.concatenate(pool[i])).max() for i in block]
            mean = mean * (weights @ lengths) / max(np.abs(mean).max(), 1e-12)
        result += np.outer(mean[inn:], mean[:inn])
    if params["outputReweight"]:
        result *= np.sqrt(params["referenceRank"] / k)
    return result, sorted(map(sorted, blocks)), gap


def rounded(matrix):
    return [[float(f"{value:.9g}") for value in row] for row in matrix]


def run(title, coefficients, changes):
    mean_rank = float(np.mean([ADAPTERS[key]["r"] for key in coefficients]))
    params = {"k": int(np.floor(mean_rank + 0.5)), "referenceRank": mean_rank, **DEFAULTS, **changes}
    names = [name for name in SHAPES if any(name in ADAPTERS[key]["modules"] for key in coefficients)]
    made = {name: merge(coefficients, params, name) for name in names}
    print(title, {name.split(".")[2] + name.split(".")[-1][0]: (blocks, gap) for name, (_, blocks, gap) in made.items()}, file=sys.stderr)
    gaps = [gap for _, _, gap in made.values() if gap is not None]
    return {
        "name": title,
        "coefficients": coefficients,
        "params": changes,
        "leastGap": float(f"{min(gaps):.3g}") if gaps else None,
        "expected": {name: rounded(delta) for name, (delta, _, _) in made.items()},
    }, {name: blocks for name, (_, blocks, _) in made.items()}


def main():
    cases, partitions = [], {}
    for title, coefficients, changes in CASES:
        case, partitions[title] = run(title, coefficients, changes)
        cases.append(case)
    # The options must matter, or these cases would test nothing.
    assert partitions["raw features"] != partitions["balanced features"]
    assert partitions["votes by unit"] != partitions["votes by adapter"]
    adapters = {
        key: {
            **{field: source[field] for field in ("r", "alpha", "rslora")},
            "modules": {name: {"a": rounded(a.astype(np.float64)), "b": rounded(b.astype(np.float64))} for name, (a, b) in source["modules"].items()},
        }
        for key, source in ADAPTERS.items()
    }
    json.dump({"numpy": np.__version__, "adapters": adapters, "cases": cases}, sys.stdout)


main()
