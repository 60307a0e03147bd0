package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// A wal is the write-ahead log: it has the rounds that Pebble has in memory only, so
// that they are there again after a crash. Pebble's own would do it too, but hands
// every round to a goroutine and back, which costs more than writing it.
//
// It is files, of which only the last is written to. Each begins with walMagic, a
// random salt and the checksum of none but the salt; after them come the rounds:
//
//	length of the changes   4 bytes
//	checksum                4 bytes: CRC-32C of the salt and of all that follows
//	number of the round     8 bytes
//	changes                 a Pebble batch
//
// and zeros to the end. Numbers are little endian. Rounds are numbered without a
// hole, and the state in Pebble says which it has: where one is missing that a later
// one proves to have been there, the log is damaged, and not merely cut off.
//
// Only one goroutine may use a wal; held may be read by others.
type wal struct {
	index *index
	fence *fence
	db    *pebble.DB
	disk  appender

	file *fencedFile // nil before the first round
	name string
	salt [walSaltLen]byte
	size int64        // written
	room int64        // of the file
	held atomic.Int64 // bytes of all files
	buf  []byte

	flushes sync.WaitGroup
}

const (
	walPrefix    = "rounds-"
	walMagic     = "notifier rounds\n"
	walSaltLen   = 8
	walHeaderLen = len(walMagic) + walSaltLen + 4
	walRoundLen  = 4 + 4 + 8
	// walBytes is about how much is in a file. When it is full, Pebble's memtable
	// nearly is, and is written to a table.
	walBytes = 12 << 20
	// walKept is up to what size the memory for a round is kept for the next.
	walKept = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// append writes a round and returns when the disk has it. alone is for the appender.
// Failures close the fence.
func (w *wal) append(round uint64, changes []byte, alone bool) error {
	if need := int64(walRoundLen + len(changes)); w.file == nil || w.size+need > w.room {
		if err := w.rotate(round, need); err != nil {
			return err
		}
	}
	b := appendRound(w.buf[:0], w.salt, round, changes)
	if cap(b) <= walKept {
		w.buf = b
	}
	w.size += int64(len(b))
	w.file.append(b, &w.disk, alone) // the fence has its error
	return w.fence.Err()
}

func walHeader(salt [walSaltLen]byte) []byte {
	b := append([]byte(walMagic), salt[:]...)
	return binary.LittleEndian.AppendUint32(b, checksum(salt, nil))
}

func appendRound(b []byte, salt [walSaltLen]byte, round uint64, changes []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(changes)))
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, round)
	b = append(b, changes...)
	binary.LittleEndian.PutUint32(b[start+4:], checksum(salt, b[start+8:]))
	return b
}

func checksum(salt [walSaltLen]byte, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(salt[:], castagnoli), castagnoli, b)
}

// rotate begins a file with room for a round, and has the one before removed once
// Pebble has all of it in tables.
func (w *wal) rotate(round uint64, need int64) error {
	if w.file != nil {
		if err := w.retire(); err != nil {
			return err
		}
	}
	w.name = w.fence.PathJoin(w.index.dir, fmt.Sprintf("%s%020d", walPrefix, round))
	file, err := w.fence.Create(w.name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	w.file = file.(*fencedFile)
	binary.LittleEndian.PutUint64(w.salt[:], rand.Uint64())
	w.file.Write(walHeader(w.salt))
	w.size = int64(walHeaderLen)
	w.room = max(walBytes, w.size+need)
	w.held.Add(w.room)
	w.file.reserve(w.room)
	w.file.Sync()
	return errors.Join(w.fence.syncDir(w.index.dir), w.fence.Err())
}

func (w *wal) retire() error {
	w.file.Close()
	flushed, err := w.db.AsyncFlush()
	if err != nil {
		return err
	}
	name, room := w.name, w.room
	w.flushes.Go(func() {
		select {
		case <-flushed:
			w.fence.Remove(name)
			w.held.Add(-room)
		case <-w.fence.down:
		case <-w.fence.held:
		}
	})
	return nil
}

// close is called when the fence was abandoned.
func (w *wal) close() {
	w.flushes.Wait()
	if w.file != nil {
		w.file.Close()
	}
	w.disk.close()
}

// walFiles returns the names of the files in a directory, oldest first.
func walFiles(dir string, disk vfs.FS) (names []string, err error) {
	all, err := disk.List(dir)
	for _, name := range all {
		if strings.HasPrefix(name, walPrefix) {
			names = append(names, disk.PathJoin(dir, name))
		}
	}
	slices.Sort(names)
	return names, err
}

// replayRounds calls apply for every round after the one given, in order, and
// returns the last.
func replayRounds(files []string, disk vfs.FS, after uint64, apply func(changes []byte) error) (last uint64, err error) {
	last = after
	for _, name := range files {
		b, err := readFile(disk, name)
		if err != nil {
			return last, err
		}
		if last, err = replayFile(b, last, apply); err != nil {
			return last, fmt.Errorf("%s: %w", disk.PathBase(name), err)
		}
	}
	return last, nil
}

func replayFile(b []byte, last uint64, apply func(changes []byte) error) (uint64, error) {
	var salt [walSaltLen]byte
	if len(b) < walHeaderLen {
		return last, nil // the power went before the first round
	}
	copy(salt[:], b[len(walMagic):])
	header := b[:walHeaderLen]
	b = b[walHeaderLen:]
	if !bytes.Equal(header, walHeader(salt)) {
		if len(bytes.Trim(b, "\x00")) > 0 { // it was on disk before any round was
			return last, fmt.Errorf("the beginning is damaged: %w", errCorrupt)
		}
		return last, nil
	}
	for {
		round, changes, ok := readRound(b, salt)
		if !ok {
			break
		}
		b = b[walRoundLen+len(changes):]
		switch {
		case round <= last: // Pebble has it
		case round > last+1:
			return last, fmt.Errorf("rounds %d to %d are missing: %w", last+1, round-1, errCorrupt)
		default:
			if err := apply(changes); err != nil {
				return last, err
			}
			last = round
		}
	}
	if laterRound(b, salt) {
		return last, fmt.Errorf("round %d is damaged: %w", last+1, errCorrupt)
	}
	return last, nil
}

// readRound reads the round that b begins with, if one does.
func readRound(b []byte, salt [walSaltLen]byte) (round uint64, changes []byte, ok bool) {
	if len(b) < walRoundLen {
		return 0, nil, false
	}
	size := int64(binary.LittleEndian.Uint32(b))
	if size == 0 || size > int64(len(b)-walRoundLen) {
		return 0, nil, false
	}
	whole := b[8 : walRoundLen+size]
	if checksum(salt, whole) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, nil, false
	}
	return binary.LittleEndian.Uint64(whole), whole[8:], true
}

// laterRound reports whether there is a round anywhere in what does not begin with
// one. A round is only written when the one before is on disk, so that a later one
// proves that this is not the end.
func laterRound(b []byte, salt [walSaltLen]byte) bool {
	for ; len(b) >= walRoundLen; b = b[1:] {
		// The upper half of a round's number is zero: that spares most checksums.
		if b[0]|b[1]|b[2]|b[3] == 0 || binary.LittleEndian.Uint32(b[12:]) != 0 {
			continue
		}
		if _, _, ok := readRound(b, salt); ok {
			return true
		}
	}
	return false
}

func readFile(disk vfs.FS, name string) (b []byte, err error) {
	f, err := disk.Open(name)
	if err != nil {
		return nil, err
	}
	b, err = io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}
