#!/usr/bin/env python3
"""Independent reference of the cache policies that choose slots.

Reads captured keys and queries of a real model, as kvcache/testdata/policies
holds them, and writes for each lane and setting the slots that SnapKV and sinks
keep. Written from the papers (Li et al. 2024, section 4; Xiao et al. 2023,
section 3.2) with NumPy alone and in float64: it shares no code with the engine.

    python3 bench/reference/policies.py            # rewrites kept.json
    python3 bench/reference/policies.py --check    # compares instead

The capture itself: go test ./kvcache -run Captured -update (needs the model).
"""
import argparse
import json
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent / "kvcache" / "testdata" / "policies"

# Settings of which the kept sets are compared.
SNAPKV = [
    {"budget": b, "window": w, "kernel": k, "pool": p, "group": g}
    for b in (48, 96)
    for w, k, p, g in (
        (16, 13, "avg", "mean"),  # the default
        (16, 7, "max", "mean"),   # plateaus: exact ties at the cut
        (16, 13, "max", "mean"),
        (8, 5, "avg", "mean"),
        (8, 7, "max", "max"),
        (4, 1, "avg", "mean"),    # no pooling
    )
]
SINKS = [{"budget": 48, "sinks": 4}, {"budget": 96, "sinks": 1}]


def lanes():
    meta = json.loads((DATA / "capture.json").read_text())
    flat = np.fromfile(DATA / "capture.f16", dtype="<f2").astype(np.float64)
    at = 0
    for ln in meta["lanes"]:
        n, g, d, r = ln["tokens"], ln["group"], ln["dim"], ln["queries"]
        keys = flat[at:at + n * d].reshape(n, d)
        at += n * d
        q = flat[at:at + r * g * d].reshape(r, g, d)  # of the last r tokens
        at += r * g * d
        yield ln, keys, q
    assert at == len(flat)


def snapkv(keys, q, scale, budget, window, kernel, pool, group):
    """Kept slots of one KV head, ascending."""
    n = len(keys)
    if n <= budget:
        return list(range(n))
    votes = []
    for h in range(q.shape[1]):
        s = scale * (q[-window:, h] @ keys.T)
        for row in range(window):
            s[row, n - window + row + 1:] = -np.inf
        p = np.exp(s - s.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        vote = p.sum(axis=0)[:n - window]
        pad = kernel // 2
        if pool == "avg":
            wide = np.pad(vote, pad)
        else:
            wide = np.pad(vote, pad, constant_values=-np.inf)
        view = np.lib.stride_tricks.sliding_window_view(wide, kernel)
        votes.append(view.sum(axis=1) / kernel if pool == "avg" else view.max(axis=1))
    score = np.mean(votes, axis=0) if group == "mean" else np.max(votes, axis=0)
    best = np.argsort(-score, kind="stable")[:budget - window]  # ties: lower slot
    return sorted(int(i) for i in best) + list(range(n - window, n))


def sinks(n, budget, sinks):
    if n <= budget:
        return list(range(n))
    return list(range(sinks)) + list(range(n - budget + sinks, n))


def kept_sets():
    out = []
    for ln, keys, q in lanes():
        for s in SNAPKV:
            out.append({"lane": ln["name"], "policy": "snapkv", "params": s,
                        "keep": snapkv(keys, q, ln["scale"], **s)})
        for s in SINKS:
            out.append({"lane": ln["name"], "policy": "sinks", "params": s,
                        "keep": sinks(len(keys), **s)})
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--check", action="store_true")
    args = ap.parse_args()
    path, sets = DATA / "kept.json", kept_sets()
    text = "[\n" + ",\n".join(json.dumps(s) for s in sets) + "\n]\n"
    if not args.check:
        path.write_text(text)
        print(f"{len(sets)} kept sets written")
        return
    if path.read_text() != text:
        sys.exit("kept.json differs from this reference")
    print(f"{len(sets)} kept sets agree")


if __name__ == "__main__":
    main()
