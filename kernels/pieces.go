package kernels

// Assembly is not preemptible, so the wrappers cut long rows into pieces of at
// most about 50 µs of work on a slow machine. The accumulators travel through the
// output between pieces, which does not change a bit.
const (
	gemvPiece   = 1024    // k blocks of one row group and one column
	gemmPiece   = 256     // k blocks of a register tile
	unpackPiece = 1024    // k blocks
	expandPiece = 8 * 128 // k blocks; whole super-blocks
	quantPiece  = 512     // k blocks
	gemvFPiece  = 2048    // k of up to 4 row groups
	gemmFPiece  = 4096    // k of a register tile
	gemmBFPiece = 4096    // pairs of a register tile
	pack16Piece = 256     // blocks of 16 rows

	gemmPackedPiece = 8192 // k blocks times columns of one row group
)
