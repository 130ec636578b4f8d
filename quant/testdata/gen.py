#!/usr/bin/env python3
"""Writes the golden files of package quant from the reference Python package.

    python3 -m venv venv && venv/bin/pip install gguf==0.19.0 numpy
    venv/bin/python gen.py            # writes *.golden beside this script

decode_TYPE.golden: records of (block bytes, crc32 of the decoded block as
little-endian float32). encode_TYPE.golden: records of (32 float32 values,
the quantized block). Blocks are random; their scales run through normal,
zero, negative, subnormal and largest finite values. Infinite and NaN scales
are left out: the sign and payload of a NaN product depend on the machine.
"""

import pathlib
import zlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize, quantize

HERE = pathlib.Path(__file__).parent

# Byte offsets of the float16 scales inside a block, and blocks to write.
TYPES = {
    T.F32: ([], 256), T.F16: ([], 1024), T.BF16: ([], 1024),
    T.Q4_0: ([0], 64), T.Q4_1: ([0, 2], 64), T.Q5_0: ([0], 64), T.Q5_1: ([0, 2], 64), T.Q8_0: ([0], 64),
    T.Q2_K: ([80, 82], 48), T.Q3_K: ([108], 48), T.Q4_K: ([0, 2], 48), T.Q5_K: ([0, 2], 48), T.Q6_K: ([208], 48),
    T.IQ4_NL: ([0], 64), T.IQ4_XS: ([0], 48), T.MXFP4: ([], 64), T.TQ1_0: ([52], 48), T.TQ2_0: ([64], 48),
}

# Zero, -zero, smallest and largest subnormal, smallest normal, one, largest finite, and negatives.
EDGE_F16 = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x83FF, 0x0400, 0x8400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF]
EDGE_E8M0 = [0, 1, 2, 3, 127, 128, 253, 254, 255]


def finite_f16(rng, n):
    """Random finite float16 bit patterns, half of them in the range of real scales."""
    wide = rng.integers(0, 0x7C00, n) | (rng.integers(0, 2, n) << 15)
    real = (rng.standard_normal(n) * 0.02).astype(np.float16).view(np.uint16)
    return np.where(rng.integers(0, 2, n) == 0, wide, real).astype(np.uint16)


def blocks(rng, qtype, offsets, n):
    _, size = GGML_QUANT_SIZES[qtype]
    out = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for k, off in enumerate(offsets):
        d = finite_f16(rng, n)
        for i, bits in enumerate(EDGE_F16):
            d[(i + 5 * k) % n] = bits
        out[:, off:off + 2] = d.view(np.uint8).reshape(n, 2)
    if qtype == T.MXFP4:
        out[:len(EDGE_E8M0), 0] = EDGE_E8M0
    if qtype == T.F16:
        out[:] = np.concatenate([EDGE_F16, finite_f16(rng, n - len(EDGE_F16))]).astype(np.uint16).view(np.uint8).reshape(n, 2)
    if qtype in (T.F32, T.BF16):
        # Sets exponent bit 0 to zero: never Inf or NaN.
        out[:, -2] &= 0x7F
    return out


def main():
    for qtype, (offsets, n) in TYPES.items():
        rng = np.random.default_rng(int(qtype) + 1)
        raw = blocks(rng, qtype, offsets, n)
        with np.errstate(over="ignore"):
            values = dequantize(raw, qtype).astype("<f4").reshape(n, -1)
        assert not np.isnan(values).any(), qtype
        with open(HERE / f"decode_{qtype.name}.golden", "wb") as f:
            for b, v in zip(raw, values):
                f.write(b.tobytes() + zlib.crc32(v.tobytes()).to_bytes(4, "little"))

    for qtype in (T.Q8_0, T.Q4_0):
        rng = np.random.default_rng(1000 + int(qtype))
        x = rng.standard_normal((96, 32)).astype(np.float32)
        x *= np.exp2(rng.integers(-20, 12, (96, 1))).astype(np.float32)
        x[0] = 0                                        # zero block
        x[1] = 0.75                                     # constant: ties for the largest value
        x[2] = np.where(np.arange(32) % 2 == 0, 1, -1)  # ties of opposite sign
        x[3] = np.arange(32) - 16                       # exact halves after scaling
        x[4] = (np.arange(32) - 15.5) * 8
        x[4][31] = 127
        x[5] = np.where(np.arange(32) == 7, -3.0, 1e-9)
        x[6] *= np.float32(1e-6) / abs(x[6]).max()      # scale underflows in float16
        x[7] = -np.float32(0)
        x[8] = (np.arange(32) - 16) / 2
        q = quantize(x, qtype)
        with open(HERE / f"encode_{qtype.name}.golden", "wb") as f:
            for v, b in zip(x, q):
                f.write(v.astype("<f4").tobytes() + b.tobytes())


if __name__ == "__main__":
    main()
