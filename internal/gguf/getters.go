package gguf

import (
	"fmt"
	"math"
)

// Get returns the value of a key. The typed getters below are what most callers
// want; their errors wrap ErrMissing if there is no such key and ErrType if its
// value is of another type or does not fit.
func (f *File) Get(key string) (Value, bool) {
	i, ok := find(f.KV, f.keys, key, keyOf)
	if !ok {
		return Value{}, false
	}
	return f.KV[i].Value, true
}

// Has reports whether the key exists.
func (f *File) Has(key string) bool {
	_, ok := f.Get(key)
	return ok
}

// String returns a string value.
func (f *File) String(key string) (string, error) {
	v, err := f.typed(key, "a string", func(v Value) bool { return v.typ == TypeString })
	return string(v.raw), err
}

// Bool returns a bool value. Any byte but 0 is true.
func (f *File) Bool(key string) (bool, error) {
	v, err := f.typed(key, "a bool", func(v Value) bool { return v.typ == TypeBool })
	return err == nil && v.raw[0] != 0, err
}

// Uint returns an integer of any width that is not negative.
func (f *File) Uint(key string) (uint64, error) {
	v, err := f.typed(key, "an integer", func(v Value) bool { return v.typ.isInteger() })
	if err != nil {
		return 0, err
	}
	bits, negative := v.integer(v.typ, v.raw)
	if negative {
		return 0, f.keyError(key, fmt.Errorf("is %d, want 0 or more: %w", int64(bits), ErrType))
	}
	return bits, nil
}

// Int returns an integer of any width that fits 64 bits with a sign.
func (f *File) Int(key string) (int64, error) {
	v, err := f.typed(key, "an integer", func(v Value) bool { return v.typ.isInteger() })
	if err != nil {
		return 0, err
	}
	n, err := v.signed(v.raw, math.MinInt64, math.MaxInt64)
	if err != nil {
		return 0, f.keyError(key, err)
	}
	return n, nil
}

// Float32 returns an f32, or an f64 rounded to the nearest f32; an f64 that
// would become infinite or 0 by that is an error. NaN and infinities of the file
// are returned as they are. Integers are not converted.
func (f *File) Float32(key string) (float32, error) {
	v, err := f.typed(key, "a float", func(v Value) bool { return v.typ == TypeFloat32 || v.typ == TypeFloat64 })
	if err != nil {
		return 0, err
	}
	x, err := v.float32(v.raw)
	if err != nil {
		return 0, f.keyError(key, err)
	}
	return x, nil
}

// Bytes returns the elements of an array of u8 or i8. They alias the file where
// it is mapped and must not be written to.
func (f *File) Bytes(key string) ([]byte, error) {
	v, err := f.typed(key, "an array of u8 or i8", func(v Value) bool {
		return v.typ == TypeArray && (v.elem == TypeUint8 || v.elem == TypeInt8)
	})
	return v.raw, err
}

// Float32s returns a copy of an array of f32, or of f64 converted as in Float32.
func (f *File) Float32s(key string) ([]float32, error) {
	v, err := f.typed(key, "an array of floats", func(v Value) bool {
		return v.typ == TypeArray && (v.elem == TypeFloat32 || v.elem == TypeFloat64)
	})
	if err != nil {
		return nil, err
	}
	return decodeArray(f, key, v, v.float32)
}

// Int32s returns a copy of an array of integers of any width; each element must
// fit 32 bits with a sign.
func (f *File) Int32s(key string) ([]int32, error) {
	v, err := f.typed(key, "an array of integers", func(v Value) bool {
		return v.typ == TypeArray && v.elem.isInteger()
	})
	if err != nil {
		return nil, err
	}
	return decodeArray(f, key, v, func(raw []byte) (int32, error) {
		n, err := v.signed(raw, math.MinInt32, math.MaxInt32)
		return int32(n), err
	})
}

// Bools returns a copy of an array of bools.
func (f *File) Bools(key string) ([]bool, error) {
	v, err := f.typed(key, "an array of bools", func(v Value) bool {
		return v.typ == TypeArray && v.elem == TypeBool
	})
	if err != nil {
		return nil, err
	}
	return decodeArray(f, key, v, func(raw []byte) (bool, error) { return raw[0] != 0, nil })
}

// decodeArray decodes an array of fixed-size elements.
func decodeArray[T any](f *File, key string, v Value, decode func(raw []byte) (T, error)) ([]T, error) {
	size := valueTypeInfo[v.elem].size
	out := make([]T, v.n)
	for i := range out {
		var err error
		if out[i], err = decode(v.raw[i*size : (i+1)*size]); err != nil {
			return nil, f.keyError(key, fmt.Errorf("element %d: %w", i, err))
		}
	}
	return out, nil
}

// typed returns the value of a key if it is of the wanted kind.
func (f *File) typed(key, want string, is func(Value) bool) (Value, error) {
	v, ok := f.Get(key)
	switch {
	case !ok:
		return Value{}, f.keyError(key, ErrMissing)
	case !is(v):
		return Value{}, f.keyError(key, fmt.Errorf("is %s, want %s: %w", v.describe(), want, ErrType))
	case !v.valid(): // entries that someone put into KV by hand
		return Value{}, f.keyError(key, fmt.Errorf("has no contents: %w", ErrType))
	}
	return v, nil
}

func (f *File) keyError(key string, err error) error {
	return f.inFile(fmt.Errorf("key %.80q: %w", key, err))
}

// signed decodes an integer and checks its range.
func (v Value) signed(raw []byte, lo, hi int64) (int64, error) {
	bits, negative := v.integer(v.Elem(), raw)
	if !negative && bits > uint64(hi) {
		return 0, fmt.Errorf("is %d, limit %d: %w", bits, hi, ErrType)
	}
	n := int64(bits)
	if n < lo {
		return 0, fmt.Errorf("is %d, limit %d: %w", n, lo, ErrType)
	}
	return n, nil
}

// float32 decodes a float, rounding f64.
func (v Value) float32(raw []byte) (float32, error) {
	x := v.float(v.Elem(), raw)
	y := float32(x)
	if math.IsInf(float64(y), 0) && !math.IsInf(x, 0) || y == 0 && x != 0 {
		return 0, fmt.Errorf("is %g, beyond the range of f32: %w", x, ErrType)
	}
	return y, nil
}

// describe names the type of a value, as in "i32" or "array of f32".
func (v Value) describe() string {
	if v.typ == TypeArray {
		return "an array of " + v.elem.String()
	}
	return v.typ.String()
}
