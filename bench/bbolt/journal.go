// Package bbolt keeps events in bbolt, the B+ tree that other servers of this kind
// keep theirs in, in the shape that package journal gives them: an event stands
// under the hash of its token and its number, and an append returns when the disk
// has it. Its benchmark measures both in one run:
//
//	go test ./bench/bbolt -run xxx -bench .
//
// Every append is synced, and callers that come at the same time share a
// transaction. Nothing is bounded, forgotten or deduplicated, which journal has to
// pay for and this has not.
package bbolt

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	bolt "go.etcd.io/bbolt"

	"notifier"
)

var bucket = []byte("events")

// tokenLen is how much of a token's hash stands in a key.
const tokenLen = 16

// A Journal is a file of events. Append may be called concurrently.
type Journal struct{ db *bolt.DB }

// Open opens the journal in a file, or creates one. A transaction begins when as
// many callers wait as there are, and after a millisecond at most; with callers 0
// as bbolt has it by itself, when 1000 wait, and after 10 ms at most.
func Open(file string, callers int) (*Journal, error) {
	db, err := bolt.Open(file, 0o600, &bolt.Options{
		FreelistType:   bolt.FreelistMapType, // the quicker one,
		NoFreelistSync: true,                 // and not written each time
	})
	if err != nil {
		return nil, err
	}
	if callers > 0 {
		db.MaxBatchSize, db.MaxBatchDelay = callers, time.Millisecond
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	if err != nil {
		db.Close()
		return nil, err
	}
	return &Journal{db}, nil
}

// Append adds an event for each token of the publication and returns its number,
// when it is on disk.
func (j *Journal) Append(p *notifier.Publication) (seq uint64, err error) {
	err = j.db.Batch(func(tx *bolt.Tx) error {
		seq, err = put(tx, p)
		return err
	})
	return seq, err
}

func put(tx *bolt.Tx, p *notifier.Publication) (seq uint64, err error) {
	events := tx.Bucket(bucket)
	if seq, err = events.NextSequence(); err != nil {
		return 0, err
	}
	value := encode(p, time.Now())
	for _, token := range p.Tokens {
		if err := events.Put(key(token, seq), value); err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.db.Close() }

func key(token string, seq uint64) []byte {
	hash := sha256.Sum256([]byte(token))
	return binary.BigEndian.AppendUint64(hash[:tokenLen:tokenLen], seq)
}

// encode is an event as a value: time 8 · ttl 8 · length of the name uvarint ·
// name · data.
func encode(p *notifier.Publication, at time.Time) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(p.TTL))
	b = binary.AppendUvarint(b, uint64(len(p.Name)))
	return append(append(b, p.Name...), p.Data...)
}
