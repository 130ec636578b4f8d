package bench

import (
	"strconv"
	"strings"

	"kvasir"
	"kvasir/quant"
)

// Work says what one token costs by the tensor table of a file.
type Work struct {
	// WeightBytes are the packed weights that decoding a token reads: all matrices
	// once, of experts the share in use. One row of an embedding that is not tied
	// does not count.
	WeightBytes int64
	// LayerMACs and OutputMACs are multiply-adds of a token with weights, in the
	// layers and in the output projection.
	LayerMACs, OutputMACs int64
}

// WorkOf counts the tensors of a file.
func WorkOf(info *kvasir.FileInfo) Work {
	tied := true
	for _, t := range info.Tensors {
		tied = tied && t.Name != "output.weight"
	}
	used, experts := expertShare(info)
	var w Work
	for _, t := range info.Tensors {
		if len(t.Dims) < 2 || !strings.HasSuffix(t.Name, ".weight") {
			continue
		}
		n := int64(1)
		for _, d := range t.Dims {
			n *= int64(d)
		}
		bytes := packedBytes(t, n)
		switch {
		case t.Name == "output.weight", t.Name == "token_embd.weight" && tied:
			w.WeightBytes += bytes
			w.OutputMACs += n
		case !strings.HasPrefix(t.Name, "blk."): // looked up, not multiplied
		case len(t.Dims) == 3 && experts > 0:
			w.WeightBytes += bytes * used / experts
			w.LayerMACs += n * used / experts
		default:
			w.WeightBytes += bytes
			w.LayerMACs += n
		}
	}
	return w
}

// packedBytes returns the size of a tensor of n values after packing; that in the
// file where the format is not one that we pack.
func packedBytes(t kvasir.TensorDetail, n int64) int64 {
	for id, f := range quant.Formats {
		if f.Name == t.Type && t.Dims[0] > 0 {
			return int64(quant.PackedBytes(quant.Matrix{Type: id, Rows: int(n / int64(t.Dims[0])), Cols: int(t.Dims[0])}))
		}
	}
	return t.Bytes
}

// expertShare returns how many experts of how many a token uses; zeros for dense
// models.
func expertShare(info *kvasir.FileInfo) (used, all int64) {
	for _, e := range info.Metadata {
		switch strings.TrimPrefix(e.Key, info.Architecture+".") {
		case "expert_used_count":
			used, _ = strconv.ParseInt(e.Value, 10, 64)
		case "expert_count":
			all, _ = strconv.ParseInt(e.Value, 10, 64)
		}
	}
	if used < 1 || all < used {
		return 0, 0
	}
	return used, all
}
