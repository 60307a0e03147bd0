//go:build linux

package main

import "testing"

func collect(pieces [][]byte) (out []marker, bad uint32) {
	var s scanner
	for _, p := range pieces {
		s.feed(p, func(m marker) { out = append(out, m) })
	}
	return out, s.bad
}

func TestPayloadRoundTrip(t *testing.T) {
	for _, size := range []int{0, markerLen, 128, 5000} {
		p := appendPayload(nil, marker{0xbeef, 0xfffffffe, 1893456000123456789}, size)
		want := size
		if want < markerLen {
			want = markerLen
		}
		if len(p) != want {
			t.Fatalf("size %d: got %d bytes", size, len(p))
		}
		got, bad := collect([][]byte{p})
		if bad != 0 || len(got) != 1 || got[0] != (marker{0xbeef, 0xfffffffe, 1893456000123456789}) {
			t.Fatalf("size %d: %v bad %d", size, got, bad)
		}
	}
}

func TestMarkerSplitAtEveryByte(t *testing.T) {
	stream := []byte("id: 1\ndata: {\"m\":\"")
	stream = appendPayload(stream, marker{1, 7, 99}, 64)
	stream = append(stream, "\"}\n\nLLG LGLGq"...)
	stream = stream[:len(stream)-3] // "...LLG LG": near misses
	stream = appendPayload(stream, marker{1, 8, 100}, 40)
	for i := 0; i <= len(stream); i++ {
		for j := i; j <= len(stream); j++ {
			got, bad := collect([][]byte{stream[:i], stream[i:j], stream[j:]})
			if bad != 0 || len(got) != 2 || got[0].seq != 7 || got[1].seq != 8 {
				t.Fatalf("split %d %d: %v bad %d", i, j, got, bad)
			}
		}
	}
	one := make([][]byte, len(stream))
	for i := range stream {
		one[i] = stream[i : i+1]
	}
	if got, bad := collect(one); bad != 0 || len(got) != 2 {
		t.Fatalf("byte by byte: %v bad %d", got, bad)
	}
}

func TestFalsePrefix(t *testing.T) {
	// a false prefix whose 29 bytes hold the beginning of a true marker
	stream := []byte("LGq not one ")
	stream = appendPayload(stream, marker{3, 5, 6}, 50)
	for i := 0; i <= len(stream); i++ {
		got, bad := collect([][]byte{stream[:i], stream[i:]})
		if bad != 1 || len(got) != 1 || got[0].seq != 5 {
			t.Fatalf("split %d: %v bad %d", i, got, bad)
		}
	}
}
