"""Train the small model made to retrieve.

    python train.py --out run            # writes run/params.npz and run/log.jsonl
    python export.py run/params.npz recall.gguf

Needs numpy and jax. The stages lengthen the context step by step; each is left
when the recall on new documents reaches its gate or its steps are spent.
"""

import argparse, json, os, threading, queue, time
from functools import partial

import numpy as np
import jax
import jax.numpy as jnp

import recall
from shape import L, D, H, HKV, HD, FF, THETA, EPS

V = recall.VOCAB
# n, sequences a step, most steps, gate, peak rate, event rates, density of events
STAGES = [
    (256, 8, 160, 2.0, 1e-3, 5, 1),
    (1024, 2, 60, 2.0, 6e-4, 5, 1),
    (4096, 1, 20, 2.0, 2e-4, 5, 1),
]
HELD = 0.03  # the rate of the circuit that is there from the start, of the others' rate
WEIGHT = np.ones(8, np.float32)
WEIGHT[[recall.C_KEY, recall.C_VALUE, recall.C_ASKED]] = 0.1  # cannot be predicted: noise in the gradient
WEIGHT[recall.C_ANSWER] = 4


def init(seed, induction):
    r = np.random.default_rng(seed)
    n = lambda *s, scale=1.0: (r.normal(size=s) * scale / np.sqrt(s[-1])).astype(np.float32)
    out = 1 / np.sqrt(2 * L)
    p = {"embed": n(V, D), "norm": np.ones(D, np.float32), "layers": []}
    for _ in range(L):
        p["layers"].append({
            "n1": np.ones(D, np.float32), "n2": np.ones(D, np.float32),
            "q": n(H * HD, D), "k": n(HKV * HD, D), "v": n(HKV * HD, D), "o": n(D, H * HD, scale=out),
            "gate": n(FF, D), "up": n(FF, D), "down": n(D, FF, scale=out),
        })
    if induction:
        start_circuit(p, r)
    return p


def code(r, n, d):
    """n directions in d dimensions that keep away from each other."""
    x = r.normal(size=(n, d))
    for step in range(400):
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        c = x @ x.T - 2 * np.eye(n)
        w = np.exp(12 * (c - c.max(1, keepdims=True)))
        x -= 0.1 * (w @ x) / w.sum(1, keepdims=True)
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


SPAN, SLOW, GAIN, NULL, VALUE_END = 1024, 24, 90.0, 0.68, 48


def start_circuit(p, r):
    """Starts the circuit that retrieves (induction heads, Olsson et al., 2022): one
    head of layer 0 copies the token before; each head of layer 1 looks, in a range
    of distances of its own, for the value that stands behind the key that is asked
    for, and rests on <s> where there is none. Keys, values and other tokens have
    codes in dimensions of their own. Rotations that turn by less than a radian or so
    within a head's range (pairs from SLOW on) carry the keys'."""
    half, pairs = D // 2, HD // 2 - SLOW - 1
    n = 2 * pairs  # dimensions of the code; the last pair is for resting
    e = np.zeros((V, D), np.float32)
    e[recall.KEYS:recall.VALUES, 1:1 + n] = code(r, recall.N_KEYS, n)
    e[recall.VALUES:, 1 + n:VALUE_END] = code(r, recall.N_VALUES, VALUE_END - 1 - n)
    e[:recall.KEYS, VALUE_END:HD] = code(r, recall.KEYS, HD - VALUE_END)
    e[:, 0] = 1  # what all tokens have in common: for scores that depend on distance alone
    e[recall.BOS, half] = 1
    p["embed"] = e
    for l in p["layers"]:  # quiet, so that the circuit is heard
        l["o"] *= 0.05
        l["down"] *= 0.05
    freq = THETA ** (-np.arange(HD // 2) / (HD // 2))
    l0, l1 = p["layers"][0], p["layers"][1]
    l0["q"][:HD], l0["k"][:HD] = 0, 0
    for i in range(12):  # the quick pairs tell neighbours apart
        l0["q"][2 * i, 0], l0["q"][2 * i + 1, 0], l0["k"][2 * i, 0] = np.cos(freq[i]), -np.sin(freq[i]), 1.2
        l0["k"][2 * i, half] = 1.2 * (np.sqrt(1.5) - 1)  # <s> is normed with one part more
    eye = np.eye(HD, D, dtype=np.float32)
    eye[0] = 0
    scale = np.sqrt(D / 2)  # of a normed token: its code and the common part
    l0["v"][:HD], l0["o"][:, :HD] = eye, np.roll(eye, half, axis=1).T / scale
    after = np.sqrt(D / 3)  # in layer 1 there is the copy besides
    g = np.sqrt(GAIN * np.sqrt(HD)) / after
    for h in range(H):
        q = np.zeros((HD, D), np.float32)
        q[2 * SLOW:HD - 2] = g * np.eye(n, D, 1)
        q[HD - 2, 0] = g
        a = -(h + 0.5) * SPAN * freq[:-1]
        c, s = np.cos(a)[:, None], np.sin(a)[:, None]
        x, y = q[0:-2:2].copy(), q[1:-2:2].copy()
        q[0:-2:2], q[1:-2:2] = x * c - y * s, x * s + y * c
        l1["q"][h * HD:(h + 1) * HD] = q
        l1["o"][:, h * HD:(h + 1) * HD] = 0.8 * eye.T
    for k in range(HKV):
        rows = slice(k * HD, (k + 1) * HD)
        l1["k"][rows] = 0
        l1["k"][k * HD + 2 * SLOW:(k + 1) * HD - 2] = g * np.eye(n, D, 1 + half)
        l1["k"][(k + 1) * HD - 2, half] = g * NULL * np.sqrt(4 / 3)
        l1["k"][(k + 1) * HD - 2] -= g * e[recall.ASK] * (np.arange(D) > 0)  # a question is no value
        l1["v"][rows] = eye
        l1["v"][k * HD:k * HD + 1 + n] = 0  # values only: resting on <s> says nothing
        l1["v"][k * HD + VALUE_END:(k + 1) * HD] = 0


def shares(p):
    """The share of the learning rate that each parameter gets."""
    r = jax.tree.map(lambda x: np.ones_like(x), p)
    r["embed"] *= HELD
    l0, l1 = r["layers"][0], r["layers"][1]
    l0["q"][:2 * HD], l0["o"][:, :2 * HD] = HELD, HELD
    l0["k"][:HD], l0["v"][:HD], l0["n1"][:] = HELD, HELD, HELD
    for k in ("q", "k", "v", "o", "n1"):
        l1[k][:] = HELD
    return r


def fit_last(p, seed, docs=128, n=256, steps=800, peak=4e-3, log=None):
    """Trains the last feed-forward layer alone, on states computed once: the cheap
    part of the language, at a few seconds of work."""
    ids, cls = recall.documents(seed, range(docs), n, 5, True, 2)
    last = p["layers"][-1]
    quiet = dict(last, down=np.zeros_like(last["down"]))
    x = states(dict(p, layers=p["layers"][:-1] + [quiet]), ids[:, :-1].astype(np.int32)).reshape(-1, D)
    y, w = ids[:, 1:].reshape(-1), WEIGHT[cls[:, 1:].reshape(-1)]
    names = ("n2", "gate", "up", "down")
    f = {k: jnp.asarray(last[k]) for k in names}
    m, v = (jax.tree.map(jnp.zeros_like, f) for _ in range(2))

    def loss(f, x, y, w):
        h = norm(x, f["n2"])
        out = x + (jax.nn.silu(h @ f["gate"].T) * (h @ f["up"].T)) @ f["down"].T
        lp = jax.nn.log_softmax(norm(out, p["norm"]) @ p["embed"].T)
        return -(w * jnp.take_along_axis(lp, y[:, None], 1)[:, 0]).sum() / w.sum()

    @jax.jit
    def step(f, m, v, x, y, w, lr, t):
        l, g = jax.value_and_grad(loss)(f, x, y, w)
        m = jax.tree.map(lambda a, b: B1 * a + (1 - B1) * b, m, g)
        v = jax.tree.map(lambda a, b: B2 * a + (1 - B2) * b * b, v, g)
        f = jax.tree.map(lambda q, a, b: q - lr * (a / (1 - B1**t)) / (jnp.sqrt(b / (1 - B2**t)) + 1e-9), f, m, v)
        return f, m, v, l

    r = np.random.default_rng(seed)
    for t in range(1, steps + 1):
        i = r.integers(0, len(y), 1024)
        lr = peak * min(1, t / 30) * (0.02 + 0.49 * (1 + np.cos(np.pi * t / steps)))
        f, m, v, l = step(f, m, v, x[i], y[i], w[i], lr, float(t))
        if log and t % 50 == 0:
            log.write(json.dumps({"part": "last", "step": t, "loss": round(float(l), 4)}) + "\n")
            log.flush()
    p["layers"][-1] = dict(last, **{k: np.asarray(x) for k, x in f.items()})
    return p


def norm(x, w):
    return x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS) * w


def rope(x, pos):  # [b][t][h][HD], adjacent pairs
    freq = THETA ** (-jnp.arange(HD // 2) / (HD // 2))
    a = pos[:, None] * freq
    c, s = jnp.cos(a)[None, :, None], jnp.sin(a)[None, :, None]
    x = x.reshape(*x.shape[:-1], HD // 2, 2)
    return jnp.stack([x[..., 0] * c - x[..., 1] * s, x[..., 0] * s + x[..., 1] * c], -1).reshape(*x.shape[:-2], HD)


def attend(q, k, v):  # q [b][t][H][HD]; k, v [b][t][HKV][HD]
    b, t = q.shape[:2]
    q = q.reshape(b, t, HKV, H // HKV, HD) / np.sqrt(HD)
    outs, step = [], min(t, 512)
    for lo in range(0, t, step):  # causal: a block of rows sees only the keys before its end
        hi = min(lo + step, t)
        s = jnp.einsum("bqhgd,bkhd->bhgqk", q[:, lo:hi], k[:, :hi])
        mask = (jnp.arange(lo, hi)[:, None] >= jnp.arange(hi)[None])
        p = jax.nn.softmax(jnp.where(mask, s, -1e30), -1)
        outs.append(jnp.einsum("bhgqk,bkhd->bqhgd", p, v[:, :hi]))
    return jnp.concatenate(outs, 1).reshape(b, t, H * HD)


@jax.checkpoint
def layer(x, l, pos):
    b, t = x.shape[:2]
    h = norm(x, l["n1"])
    q = rope((h @ l["q"].T).reshape(b, t, H, HD), pos)
    k = rope((h @ l["k"].T).reshape(b, t, HKV, HD), pos)
    v = (h @ l["v"].T).reshape(b, t, HKV, HD)
    x = x + attend(q, k, v) @ l["o"].T
    h = norm(x, l["n2"])
    return x + (jax.nn.silu(h @ l["gate"].T) * (h @ l["up"].T)) @ l["down"].T


@jax.jit
def states(p, ids):
    x, pos = jnp.asarray(p["embed"])[ids], jnp.arange(ids.shape[1], dtype=jnp.float32)
    for l in p["layers"]:
        x = layer(x, l, pos)
    return x


def forward(p, ids):
    return norm(states(p, ids), p["norm"]) @ p["embed"].T


def loss_fn(p, ids, cls):
    lp = jax.nn.log_softmax(forward(p, ids[:, :-1]), -1)
    nll = -jnp.take_along_axis(lp, ids[:, 1:, None], -1)[..., 0]
    w = jnp.asarray(WEIGHT)[cls[:, 1:]]
    ans = cls[:, 1:] == recall.C_ANSWER
    right = (lp.argmax(-1) == ids[:, 1:]) & ans
    aux = (jnp.where(ans, nll, 0).sum(), right.sum(), ans.sum(), jnp.where(cls[:, 1:] == recall.C_NOISE, nll, 0).sum(),
           (cls[:, 1:] == recall.C_NOISE).sum(), jnp.where(cls[:, 1:] == recall.C_HABIT, nll, 0).sum(), (cls[:, 1:] == recall.C_HABIT).sum())
    return (w * nll).sum() / w.sum(), aux


B1, B2, CLIP = 0.9, 0.98, 1.0


@partial(jax.jit, donate_argnums=(0, 1, 2))
def update(p, m, v, share, ids, cls, lr, step):
    (loss, aux), g = jax.value_and_grad(loss_fn, has_aux=True)(p, ids, cls)
    gn = jnp.sqrt(sum((x * x).sum() for x in jax.tree.leaves(g)))
    g = jax.tree.map(lambda x: x * jnp.minimum(1, CLIP / (gn + 1e-9)), g)
    m = jax.tree.map(lambda a, b: B1 * a + (1 - B1) * b, m, g)
    v = jax.tree.map(lambda a, b: B2 * a + (1 - B2) * b * b, v, g)
    c1, c2 = 1 - B1**step, 1 - B2**step
    p = jax.tree.map(lambda w, a, b, r: w - lr * r * (a / c1) / (jnp.sqrt(b / c2) + 1e-9), p, m, v, share)
    return p, m, v, loss, aux


def feeder(n, batch, rates, dense, start, seed, stop):
    """Batches made ahead by a thread, many documents at a time."""
    q = queue.Queue(maxsize=24)

    def run():
        doc, block = start, max(batch, min(64, 65536 // n))
        while not stop.is_set():
            ids, cls = recall.documents(seed, range(doc, doc + block), n, rates, dense < 4, dense)
            doc += block
            for i in range(0, block - batch + 1, batch):
                while not stop.is_set():
                    try:
                        q.put((ids[i:i + batch].astype(np.int32), cls[i:i + batch].astype(np.int32)), timeout=1)
                        break
                    except queue.Full:
                        pass

    threading.Thread(target=run, daemon=True).start()
    return q


def save(path, p):
    flat = {"embed": p["embed"], "norm": p["norm"]}
    for i, l in enumerate(p["layers"]):
        flat |= {f"{i}.{k}": x for k, x in l.items()}
    np.savez(path + ".tmp.npz", **{k: np.asarray(x) for k, x in flat.items()})
    os.replace(path + ".tmp.npz", path)


def load(path):
    z = np.load(path)
    names = ["n1", "n2", "q", "k", "v", "o", "gate", "up", "down"]
    return {"embed": z["embed"], "norm": z["norm"], "layers": [{k: z[f"{i}.{k}"] for k in names} for i in range(L)]}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--out", default="run")
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--init", choices=["random", "induction"], default="induction")
    a.add_argument("--resume", help="parameters to go on from")
    a.add_argument("--stage", type=int, default=0, help="first stage")
    a.add_argument("--last", action="store_true", help="train the last feed-forward layer only")
    a.add_argument("--minutes", type=float, default=1e9, help="stop after this time")
    o = a.parse_args()
    recall.self_test()
    os.makedirs(o.out, exist_ok=True)
    p = load(o.resume) if o.resume else init(o.seed, o.init == "induction")
    share = shares(p) if o.init == "induction" else jax.tree.map(np.ones_like, p)
    p = jax.tree.map(jnp.asarray, p)
    m, v = (jax.tree.map(jnp.zeros_like, p) for _ in range(2))
    log = open(os.path.join(o.out, "log.jsonl"), "a")
    if o.init == "induction" and not o.resume:
        p = jax.tree.map(jnp.asarray, fit_last(jax.tree.map(np.asarray, p), o.seed, log=log))
        save(os.path.join(o.out, "params.npz"), p)
    if o.last:
        return
    began, step, tokens, doc = time.time(), 0, 0, 1_000_000 * o.stage
    log.write(json.dumps({"seed": o.seed, "init": o.init, "resume": o.resume, "stage": o.stage, "jax": jax.__version__, "numpy": np.__version__}) + "\n")
    for si, (n, batch, cap, gate, peak, rates, dense) in enumerate(STAGES):
        if si < o.stage:
            continue
        stop, acc, recent, inner = threading.Event(), np.zeros(7), [], 0
        q, last = feeder(n, batch, rates, dense, doc, o.seed, stop), si == len(STAGES) - 1
        doc += 1_000_000
        while inner < cap and time.time() - began < 60 * o.minutes:
            ids, cls = q.get()
            step, inner, tokens = step + 1, inner + 1, tokens + ids.size
            lr = peak * min(1, step / 100) * min(1, 0.3 + inner / 50)
            if last:  # cosine to a tenth
                lr *= 0.1 + 0.45 * (1 + np.cos(np.pi * inner / cap))
            p, m, v, loss, aux = update(p, m, v, share, ids, cls, lr, float(step))
            acc += np.array([float(x) for x in aux])
            if inner % 25 == 0:
                r = acc[1] / max(1, acc[2])
                recent.append(r)
                line = {"stage": si, "n": n, "step": step, "tokens": tokens, "s": round(time.time() - began), "loss": round(float(loss), 4),
                        "answer_nll": round(acc[0] / max(1, acc[2]), 4), "recall": round(r, 4), "noise_nll": round(acc[3] / max(1, acc[4]), 4), "habit_nll": round(acc[5] / max(1, acc[6]), 4)}
                log.write(json.dumps(line) + "\n")
                log.flush()
                acc[:] = 0
                if inner % 100 == 0:
                    save(os.path.join(o.out, "params.npz"), p)
                if min(recent[-2:]) >= gate and inner >= 100:
                    break
        stop.set()
        save(os.path.join(o.out, "params.npz"), p)
        save(os.path.join(o.out, f"stage{si}.npz"), p)


if __name__ == "__main__":
    main()
