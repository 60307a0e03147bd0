package journal

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// The layout of a journal on disk, format 2. Keys sort as bytes, numbers are big
// endian, and every kind of key has one length.
//
//	key                             value
//	M                               format, epoch, secret, time of creation
//	m                               last event, its time; bytes in the last bucket;
//	                                generation of keys, and when it was opened;
//	                                last round
//	s bucket                        its first event, when it was opened and closed,
//	                                its bytes
//	d bucket e token seq            an event, or its head if the event is wide
//	d bucket e token ff…            floor of the token
//	d bucket b seq                  the body of a wide event
//	k generation key                when, which event, and what was published
//
//	bucket, generation   4 bytes    seq, floor, times   8 bytes
//	token, key          16 bytes    keyed hashes: no credential stands on disk
//
// m is written with every batch. A bucket is a span of time; all that belongs to
// it stands together and is dropped together, without being read. An event for a
// few tokens stands under each of them; a wide one once, with a head under each
// token. Events for all stand under a token of their own, sixteen zeros.
const (
	kindIdentity = 'M'
	kindState    = 'm'
	kindBucket   = 's'
	kindData     = 'd'
	kindKeys     = 'k'

	dataEvent = 'e'
	dataBody  = 'b'
)

// wideTokens is how many tokens an event may have and still stand under each.
const wideTokens = 4

// floorSeq is in the place of the sequence number in the key of a floor.
const floorSeq = math.MaxUint64

const (
	dataPrefix  = 1 + 4 + 1
	eventPrefix = dataPrefix + len(hash{})
	eventKeyLen = eventPrefix + 8
	bodyKeyLen  = dataPrefix + 8
	claimKeyLen = 1 + 4 + len(hash{})
)

var (
	identityKey = []byte{kindIdentity}
	stateKey    = []byte{kindState}
)

// comparer sorts keys as bytes. The prefix of an event's key, which the bloom
// filters know, ends after the token.
var comparer = func() *pebble.Comparer {
	c := *pebble.DefaultComparer
	c.Name = "notifier.journal"
	c.Split = func(key []byte) int {
		if len(key) > eventPrefix && key[0] == kindData {
			return eventPrefix
		}
		return len(key)
	}
	return &c
}()

func bucketKey(bucket uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindBucket}, bucket)
}

// dataStart is where the data of a bucket begins, keysStart the keys of a
// generation.
func dataStart(bucket uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindData}, bucket)
}

func keysStart(generation uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{kindKeys}, generation)
}

func eventKey(dst []byte, bucket uint32, token hash, seq uint64) []byte {
	dst = append(dst, kindData)
	dst = binary.BigEndian.AppendUint32(dst, bucket)
	dst = append(dst, dataEvent)
	dst = append(dst, token[:]...)
	return binary.BigEndian.AppendUint64(dst, seq)
}

// seqOf is the sequence number at the end of an event's or a body's key.
func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

func bodyKey(dst []byte, bucket uint32, seq uint64) []byte {
	dst = append(dst, kindData)
	dst = binary.BigEndian.AppendUint32(dst, bucket)
	dst = append(dst, dataBody)
	return binary.BigEndian.AppendUint64(dst, seq)
}

func claimKey(dst []byte, generation uint32, key hash) []byte {
	dst = append(dst, kindKeys)
	dst = binary.BigEndian.AppendUint32(dst, generation)
	return append(dst, key[:]...)
}

// isEventKey reports whether the key is that of an event under a token, or of a
// floor.
func isEventKey(key []byte) bool {
	return len(key) == eventKeyLen && key[0] == kindData && key[dataPrefix-1] == dataEvent
}

// tokenOf is the token in an event's key.
func tokenOf(key []byte) hash { return hash(bytes.Clone(key[dataPrefix:eventPrefix])) }

// bucketOf is the bucket in a key of data.
func bucketOf(key []byte) uint32 { return binary.BigEndian.Uint32(key[1:]) }
