"""The token stream recall-v1: key-value recall in noise.

Documents are a pure function of (seed, doc, length, options): every draw is
U(seed, doc, pos, use), integers only, so that the Go twin in internal/recall
makes the same ids. Ids: 1 <s>, 3 "?", noise 16-143, keys 144-335, values 336-511.
"""

import numpy as np

VERSION = 1
VOCAB = 512
BOS, ASK = 1, 3
NOISE, KEYS, VALUES = 16, 144, 336
N_NOISE, N_KEYS, N_VALUES = 128, 192, 176
TABLE_SEED = 0x5EED
WEIGHTS = (36044, 16384, 9830, 3278)  # of 65536: how often each successor follows
HABIT = 57344  # of 65536: how often a habit symbol keeps its document's successor
# Classes of tokens.
C_BOS, C_NOISE, C_HABIT, C_KEY, C_VALUE, C_ASK, C_ASKED, C_ANSWER = range(8)

_M = np.uint64
_S, _D, _P, _C = _M(0x632BE59BD9B4E019), _M(0xD1B54A32D192ED03), _M(0x9E3779B97F4A7C15), _M(0x8CB92BA72F3D8DD7)


def U(seed, doc, pos, use):
    """64 bits for a place of use. Arguments may be arrays."""
    with np.errstate(over="ignore"):
        x = np.asarray(seed, _M) + np.asarray(doc, _M) * _D + np.asarray(pos, _M) * _P + np.asarray(use, _M) * _C + _S
        x = (x ^ (x >> _M(30))) * _M(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> _M(27))) * _M(0x94D049BB133111EB)
        return x ^ (x >> _M(31))


def below(u, n):
    """An integer in [0, n) from 64 bits."""
    return (((np.asarray(u, _M) >> _M(32)) * np.asarray(n, _M)) >> _M(32)).astype(np.int64)


def table():
    """Four successors of every noise symbol."""
    pos = np.arange(4 * N_NOISE)
    a, b = (below(U(TABLE_SEED, 0, pos, use), N_NOISE) for use in (0, 1))
    return ((a * b) >> 7).reshape(N_NOISE, 4)


TABLE = table()
CUM = np.cumsum(WEIGHTS)


def shuffled(seed, docs, size, use):
    """Fisher-Yates over range(size), one row a document."""
    order = np.tile(np.arange(size), (len(docs), 1))
    rows = np.arange(len(docs))
    for i in range(size - 1, 0, -1):
        j = below(U(seed, docs, i, use), i + 1)
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i].copy()
    return order


def noise_next(seed, docs, own, x, t):
    """The noise symbol after x at position t, and whether it was the habit."""
    habit = (x % 4 == 3) & (below(U(seed, docs, t, 6), 65536) < HABIT)
    pick = np.searchsorted(CUM, below(U(seed, docs, t, 7), 65536), side="right")
    return np.where(habit, own, TABLE[x, pick]), habit


def documents(seed, docs, n, rates=5, quiet=True, dense=0):
    """Documents as (ids, classes), both [len(docs)][n].

    rates: the event rate is one in 8<<below(rates) tokens (5 = the stream as
    specified; training starts with fewer, denser ones). quiet=False: no
    documents that ask only at their end. dense=k: k times the rate, and up to a
    pair in 16/k tokens (training only).
    """
    docs = np.asarray(docs, _M)
    m_docs = len(docs)
    rate = (8 << below(U(seed, docs, 0, 9), rates)) // max(1, dense)
    pairs = np.maximum(1, np.minimum(1 << below(U(seed, docs, 0, 10), 8), min(n * max(1, dense) // 16, 128)))
    hush = (below(U(seed, docs, 0, 11), 4) == 0) & quiet
    x = below(U(seed, docs, 0, 12), N_NOISE)
    asks = np.where(hush, 1 + below(U(seed, docs, 1, 12), 8), 0)
    keys = shuffled(seed, docs, N_KEYS, 2)
    values = below(U(seed, docs[:, None], np.arange(128)[None], 3), N_VALUES)
    own = below(U(seed, docs[:, None], np.arange(N_NOISE)[None], 8), N_NOISE)
    ids = np.zeros((m_docs, n + 3), np.int64)
    cls = np.zeros((m_docs, n + 3), np.int64)
    ids[:, 0] = BOS
    t = np.ones(m_docs, np.int64)
    m = np.zeros(m_docs, np.int64)

    def put(rows, tokens, classes):
        for k, (a, c) in enumerate(zip(tokens, classes)):
            ids[rows, t[rows] + k], cls[rows, t[rows] + k] = a, c
        t[rows] += len(tokens)

    def noise(rows):
        y, habit = noise_next(seed, docs[rows], own[rows, x[rows]], x[rows], t[rows])
        put(rows, [NOISE + y], [np.where(habit, C_HABIT, C_NOISE)])
        x[rows] = y

    def ask(rows, which):
        put(rows, [ASK, KEYS + keys[rows, which], VALUES + values[rows, which]], [C_ASK, C_ASKED, C_ANSWER])

    def step(live):
        d, tt, mm = docs[live], t[live], m[live]
        event = below(U(seed, d, tt, 0), rate[live]) == 0
        new = (mm == 0) | hush[live] | (below(U(seed, d, tt, 1), 2) == 0)
        pair = event & (mm < pairs[live]) & new
        query = event & ~pair & ~hush[live]
        r = live[query]
        if len(r):
            mq = m[r]
            bits = np.ceil(np.log2(mq + 1)).astype(np.int64)
            s = 1 << below(U(seed, docs[r], t[r], 4), bits + 1)
            ask(r, mq - 1 - below(U(seed, docs[r], t[r], 5), np.minimum(s, mq)))
        r = live[pair]
        if len(r):
            put(r, [KEYS + keys[r, m[r]], VALUES + values[r, m[r]]], [C_KEY, C_VALUE])
            m[r] += 1
        noise(live[~pair & ~query])

    while True:
        live = np.nonzero(n - t - 3 * asks >= 3)[0]
        if not len(live):
            break
        step(live)
    for d in np.nonzero(hush & (m > 0))[0]:
        order = np.arange(m[d])
        for i in range(m[d] - 1, 0, -1):
            j = below(U(seed, docs[d], i, 5), i + 1)
            order[i], order[j] = order[j], order[i]
        for i in range(asks[d]):
            ask(np.array([d]), order[i % m[d]])
    while (t < n).any():
        noise(np.nonzero(t < n)[0])
    return ids[:, :n], cls[:, :n]


def prompts(seed, docs, n, pairs=32, depth=50):
    """Evaluation prompts: (ids [len(docs)][n], answers). Noise with `pairs` pairs,
    the asked one `depth` percent of the way, the others at drawn places, and
    "? key" as the last two tokens."""
    docs = np.asarray(docs, _M)
    out, answers = np.zeros((len(docs), n), np.int64), np.zeros(len(docs), np.int64)
    for i, d in enumerate(docs):
        out[i], answers[i] = prompt(seed, d, n, pairs, depth)
    return out, answers


def prompt(seed, d, n, pairs, depth):
    keys = shuffled(seed, np.array([d]), N_KEYS, 2)[0]
    values = below(U(seed, d, np.arange(pairs), 3), N_VALUES)
    own = below(U(seed, d, np.arange(N_NOISE), 8), N_NOISE)
    slots = (n - 3) // 2  # places for a pair; the noise between them is even
    places, taken, at = np.zeros(pairs, np.int64), set(), slots * depth // 100
    places[0] = min(at, slots - 1)
    taken.add(int(places[0]))
    draw = 0
    for k in range(1, pairs):
        while True:
            p = int(below(U(seed, d, draw, 13), slots))
            draw += 1
            if p not in taken:
                break
        taken.add(p)
        places[k] = p
    at = {int(p): k for k, p in enumerate(places)}
    ids, x = [BOS], int(below(U(seed, d, 0, 12), N_NOISE))
    for s in range(slots):
        if s in at:
            k = at[s]
            ids += [KEYS + keys[k], VALUES + values[k]]
            continue
        for _ in range(2):
            y, _ = noise_next(seed, d, own[x], np.int64(x), len(ids))
            x = int(y)
            ids.append(NOISE + x)
    while len(ids) < n - 2:
        y, _ = noise_next(seed, d, own[x], np.int64(x), len(ids))
        x = int(y)
        ids.append(NOISE + x)
    ids += [ASK, KEYS + keys[0]]
    return np.array(ids), VALUES + values[0]


def self_test():
    assert U(0, 0, 0, 0) == 0x6DB6CA64564DAEAA and U(1, 2, 3, 4) == 0x508F1636E6C1F101
    assert below(U(1, 2, 3, 4), 128) == 40 and U(2**64 - 1, 2**64 - 1, 2**64 - 1, 255) == 0xEE750DAC80A5DA4E


if __name__ == "__main__":
    import hashlib, json

    self_test()
    out = {"version": VERSION, "table": hashlib.sha256(TABLE.astype("<u2").tobytes()).hexdigest(), "documents": [], "prompts": []}
    for n in (128, 1024, 4096):
        ids, cls = documents(1, range(16), n)
        out["documents"].append({
            "seed": 1, "docs": 16, "n": n, "first": ids[0, :24].tolist(),
            "ids": hashlib.sha256(ids.astype("<u2").tobytes()).hexdigest(),
            "classes": hashlib.sha256(cls.astype("<u2").tobytes()).hexdigest(),
        })
    for n, pairs, depth in ((64, 2, 0), (512, 8, 50), (2048, 32, 100)):
        ids, ans = prompts(1 << 63, range(8), n, pairs, depth)
        out["prompts"].append({
            "seed": 1 << 63, "docs": 8, "n": n, "pairs": pairs, "depth": depth, "answers": ans.tolist(),
            "ids": hashlib.sha256(ids.astype("<u2").tobytes()).hexdigest(),
        })
    print(json.dumps(out, indent=1))
