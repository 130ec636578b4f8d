package sampler

// FixedBreakers returns breakers whose token sequences are given, for tests.
func FixedBreakers(known map[string][][]int32) *Breakers { return &Breakers{known: known} }
