package gguf

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// ValueType is the type of a metadata value, numbered as in the file.
type ValueType uint8

// The value types.
const (
	TypeUint8 ValueType = iota
	TypeInt8
	TypeUint16
	TypeInt16
	TypeUint32
	TypeInt32
	TypeFloat32
	TypeBool
	TypeString
	TypeArray
	TypeUint64
	TypeInt64
	TypeFloat64

	valueTypes = iota // how many there are
)

var valueTypeInfo = [valueTypes]struct {
	name string
	size int // bytes of one value; 0 where it varies
}{
	TypeUint8: {"u8", 1}, TypeInt8: {"i8", 1}, TypeUint16: {"u16", 2}, TypeInt16: {"i16", 2},
	TypeUint32: {"u32", 4}, TypeInt32: {"i32", 4}, TypeFloat32: {"f32", 4}, TypeBool: {"bool", 1},
	TypeString: {"string", 0}, TypeArray: {"array", 0}, TypeUint64: {"u64", 8}, TypeInt64: {"i64", 8},
	TypeFloat64: {"f64", 8},
}

// String returns the short name of the type: "u32", "string".
func (t ValueType) String() string {
	if int(t) < valueTypes {
		return valueTypeInfo[t].name
	}
	return fmt.Sprintf("value type %d", uint8(t))
}

// KV is one metadata entry.
type KV struct {
	Key   string
	Value Value
}

func keyOf(kv *KV) string { return kv.Key }

// Value is a metadata value: a scalar, a string or an array of either. It keeps
// the bytes of the file and decodes on demand, so copying one is cheap, and a
// Value from a mapped file is valid until that file is closed. The zero Value is
// not valid: make one with [Scalar] or [Array].
type Value struct {
	typ, elem ValueType
	big       bool   // raw is big-endian
	n         uint32 // elements of an array
	// raw holds a scalar's bytes, a string's characters, or an array's elements
	// one after the other (strings with their u64 lengths).
	raw []byte
}

// Type returns the type of the value.
func (v Value) Type() ValueType { return v.typ }

// Elem returns the type of the elements of an array, and the type of the value
// itself if it is none.
func (v Value) Elem() ValueType {
	if v.typ == TypeArray {
		return v.elem
	}
	return v.typ
}

// Len returns the number of elements of an array, 1 for anything else.
func (v Value) Len() int {
	if v.typ == TypeArray {
		return int(v.n)
	}
	return 1
}

// scalar lists the Go types that metadata can hold.
type scalar interface {
	uint8 | int8 | uint16 | int16 | uint32 | int32 | float32 | bool | string | uint64 | int64 | float64
}

// Scalar returns v as a metadata value.
func Scalar[T scalar](v T) Value {
	if s, ok := any(v).(string); ok {
		return Value{typ: TypeString, raw: []byte(s)}
	}
	return Value{typ: typeOf[T](), raw: appendNumber(nil, v)}
}

// Array returns a copy of v as a metadata array. At most 2^24 elements can be
// written to a file.
func Array[T scalar](v []T) Value {
	a := Value{typ: TypeArray, elem: typeOf[T](), n: uint32(min(uint64(len(v)), math.MaxUint32))}
	for _, x := range v {
		if s, ok := any(x).(string); ok {
			a.raw = binary.LittleEndian.AppendUint64(a.raw, uint64(len(s)))
			a.raw = append(a.raw, s...)
			continue
		}
		a.raw = appendNumber(a.raw, x)
	}
	return a
}

func typeOf[T scalar]() ValueType {
	var zero T
	switch any(zero).(type) {
	case uint8:
		return TypeUint8
	case int8:
		return TypeInt8
	case uint16:
		return TypeUint16
	case int16:
		return TypeInt16
	case uint32:
		return TypeUint32
	case int32:
		return TypeInt32
	case float32:
		return TypeFloat32
	case bool:
		return TypeBool
	case string:
		return TypeString
	case uint64:
		return TypeUint64
	case int64:
		return TypeInt64
	}
	return TypeFloat64
}

// appendNumber appends a fixed-size value, little-endian.
func appendNumber[T scalar](dst []byte, v T) []byte {
	out, err := binary.Append(dst, binary.LittleEndian, v)
	if err != nil {
		panic(fmt.Sprintf("gguf: %T has no fixed size: %v", v, err)) // the constraint rules it out
	}
	return out
}

// String renders the value for people: a scalar in full, of a long string or
// array the beginning and the length.
func (v Value) String() string {
	const maxRunes, maxElems = 120, 6
	if !v.valid() {
		return "no value"
	}
	if v.typ != TypeArray {
		if v.typ == TypeString && len(v.raw) > maxRunes {
			return fmt.Sprintf("%.*q… (%d bytes)", maxRunes, v.raw, len(v.raw))
		}
		return v.render(v.raw)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[%d]%s{", v.n, v.elem)
	rest := v.raw
	for i := 0; i < int(v.n); i++ {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == maxElems {
			b.WriteString("…")
			break
		}
		var elem []byte
		if elem, rest = v.cut(rest); elem == nil {
			b.WriteString("?")
			break
		}
		b.WriteString(v.render(elem[:min(len(elem), maxRunes)]))
	}
	b.WriteString("}")
	return b.String()
}

// valid reports whether raw has the length that the type needs. The elements of
// an array of strings are checked by those who walk it.
func (v Value) valid() bool {
	if int(v.typ) >= valueTypes || v.typ == TypeArray && (int(v.elem) >= valueTypes || v.elem == TypeArray) {
		return false
	}
	size := valueTypeInfo[v.Elem()].size
	return size == 0 || len(v.raw) == size*v.Len()
}

// cut splits the first element off an array's remaining bytes; elem is nil where
// they end too early.
func (v Value) cut(raw []byte) (elem, rest []byte) {
	size := uint64(valueTypeInfo[v.elem].size)
	if v.elem == TypeString {
		if len(raw) < 8 {
			return nil, nil
		}
		size, raw = v.order().Uint64(raw), raw[8:]
	}
	if size > uint64(len(raw)) {
		return nil, nil
	}
	return raw[:size:size], raw[size:]
}

func (v Value) render(elem []byte) string {
	switch t := v.Elem(); t {
	case TypeString:
		return fmt.Sprintf("%q", elem)
	case TypeBool:
		return fmt.Sprint(elem[0] != 0)
	case TypeFloat32, TypeFloat64:
		return fmt.Sprint(v.float(t, elem))
	default:
		bits, negative := v.integer(t, elem)
		if negative {
			return fmt.Sprint(int64(bits))
		}
		return fmt.Sprint(bits)
	}
}

func (v Value) order() binary.ByteOrder {
	if v.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// integer decodes an integer of type t, sign-extended to 64 bits.
func (v Value) integer(t ValueType, raw []byte) (bits uint64, negative bool) {
	order := v.order()
	switch t {
	case TypeUint8:
		return uint64(raw[0]), false
	case TypeInt8:
		bits = uint64(int8(raw[0]))
	case TypeUint16:
		return uint64(order.Uint16(raw)), false
	case TypeInt16:
		bits = uint64(int16(order.Uint16(raw)))
	case TypeUint32:
		return uint64(order.Uint32(raw)), false
	case TypeInt32:
		bits = uint64(int32(order.Uint32(raw)))
	case TypeUint64:
		return order.Uint64(raw), false
	case TypeInt64:
		bits = order.Uint64(raw)
	}
	return bits, int64(bits) < 0
}

// float decodes a float of type t.
func (v Value) float(t ValueType, raw []byte) float64 {
	if t == TypeFloat64 {
		return math.Float64frombits(v.order().Uint64(raw))
	}
	return float64(math.Float32frombits(v.order().Uint32(raw)))
}

func (t ValueType) isInteger() bool {
	switch t {
	case TypeFloat32, TypeFloat64, TypeBool, TypeString, TypeArray:
		return false
	}
	return int(t) < valueTypes
}
