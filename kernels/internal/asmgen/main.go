// Command asmgen writes the generated assembly files of package kernels: the assembly
// of the packed-weight products and the Go stubs that choose among its variants.
// Run it through go generate in the kernels directory; it writes to the current
// directory. Register use is fixed by hand: the generator only repeats text.
package main

import (
	"fmt"
	"os"
)

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, text, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "asmgen:", err)
			os.Exit(1)
		}
	}
}

// files returns every generated file by name.
func files() map[string][]byte {
	return map[string][]byte{
		"gemvq_avx512_amd64.s":      gemvqExpanded(avx512),
		"gemvpacked_avx512_amd64.s": gemvqPacked(avx512),
		"gemvpacked_avx2_amd64.s":   gemvqPacked(avx2),
		"gemvq_avx2_amd64.s":        gemvqExpanded(avx2),
		"gemvq_stubs_amd64.go":      gemvqStubs(),
		"gemmq_avx512_amd64.s":      gemmq512File(),
		"gemmpacked_avx512_amd64.s": gemmPackedFile(),
		"gemmpacked_stubs_amd64.go": gemmPackedStubs(),
		"pack16_avx512_amd64.s":     pack16File(),
		"pack16_stubs_amd64.go":     pack16Stubs(),
		"gemmq_avx2_amd64.s":        gemmq256File(),
		"gemmq_stubs_amd64.go":      gemmqStubs(),
		"unpackq_amd64.s":           unpackqFile(),
		"unpackq_stubs_amd64.go":    unpackqStubs(),
		"expand_amd64.s":            expandFile(),
		"expand_stubs_amd64.go":     expandStubs(),
		"quantx_amd64.s":            quantxFile(),
		"quantx_stubs_amd64.go":     quantxStubs(),
		"matmulf_amd64.s":           matmulfFile(),
		"matmulf_stubs_amd64.go":    matmulfStubs(),
		"matmulbf_avx512_amd64.s":   matmulbfFile(),
		"matmulbf_stubs_amd64.go":   matmulbfStubs(),
		"gemvq_arm64.s":             neonGemvFile(),
		"peak_arm64.s":              neonPeakFile(),
		"neon_stubs_arm64.go":       neonStubs(),
		"peak_amd64.s":              peakFile(),
		"peak_stubs_amd64.go":       peakStubs(),
		"attni16_avx512_amd64.s":    attnI16File(avx512),
		"attni16_avx2_amd64.s":      attnI16File(avx2),
		"attni16_stubs_amd64.go":    attnI16Stubs(),
	}
}
