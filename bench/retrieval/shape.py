"""The shape of the model, shared by training and export."""

L, D, H, HKV, HD, FF = 4, 128, 4, 2, 64, 128
THETA, EPS = 1e4, 1e-5
CTX = 4096
