"""Write trained parameters as GGUF: python export.py params.npz recall.gguf [f16|f32]

Needs numpy and gguf. The pairs of a rotation are trained next to each other, so
nothing is permuted; the output matrix is the embedding.
"""

import sys

import gguf
import numpy as np

import recall
import shape


def tokens():
    names, types = [], []
    for i in range(recall.VOCAB):
        if i < recall.NOISE:
            name = ["<unk>", "<s>", "</s>", "?", "<0x0A>"][i] if i < 5 else f"<r{i}>"
        elif i < recall.KEYS:
            name = chr(0x100 + i - recall.NOISE)
        elif i < recall.VALUES:
            name = chr(0xAC00 + i - recall.KEYS)
        else:
            name = chr(0x4E00 + i - recall.VALUES)
        kind = gguf.TokenType.NORMAL
        if i == 0:
            kind = gguf.TokenType.UNKNOWN
        elif i in (1, 2) or 5 <= i < recall.NOISE:
            kind = gguf.TokenType.CONTROL
        elif i == 4:
            kind = gguf.TokenType.BYTE
        names.append(name.encode())
        types.append(kind)
    return names, types


def main():
    src, dst = sys.argv[1:3]
    kind = sys.argv[3] if len(sys.argv) > 3 else "f16"
    z, s = np.load(src), shape
    w = gguf.GGUFWriter(dst, "llama")
    w.add_name("kvasir recall")
    w.add_file_type(1 if kind == "f16" else 0)
    w.add_context_length(s.CTX)
    w.add_embedding_length(s.D)
    w.add_block_count(s.L)
    w.add_feed_forward_length(s.FF)
    w.add_head_count(s.H)
    w.add_head_count_kv(s.HKV)
    w.add_key_length(s.HD)
    w.add_value_length(s.HD)
    w.add_layer_norm_rms_eps(s.EPS)
    w.add_rope_dimension_count(s.HD)
    w.add_rope_freq_base(s.THETA)
    w.add_vocab_size(recall.VOCAB)
    names, types = tokens()
    w.add_tokenizer_model("llama")
    w.add_token_list(names)
    w.add_token_scores([0.0] * recall.VOCAB)
    w.add_token_types(types)
    w.add_bos_token_id(recall.BOS)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_add_bos_token(True)
    w.add_add_space_prefix(False)
    w.add_uint32("kvasir.recall.version", recall.VERSION)
    w.add_uint32("kvasir.recall.trained_ctx", s.CTX)
    put = lambda name, x, t=np.float32: w.add_tensor(name, np.ascontiguousarray(x.astype(t)))
    mat = np.float16 if kind == "f16" else np.float32
    put("token_embd.weight", z["embed"], mat)
    put("output_norm.weight", z["norm"])
    for i in range(s.L):
        put(f"blk.{i}.attn_norm.weight", z[f"{i}.n1"])
        put(f"blk.{i}.ffn_norm.weight", z[f"{i}.n2"])
        for ours, theirs in (("q", "attn_q"), ("k", "attn_k"), ("v", "attn_v"), ("o", "attn_output"),
                             ("gate", "ffn_gate"), ("up", "ffn_up"), ("down", "ffn_down")):
            put(f"blk.{i}.{theirs}.weight", z[f"{i}.{ours}"], mat)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main()
