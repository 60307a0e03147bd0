package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format is the version of the layout that this package reads and writes.
const format = 2

// pebbleFormat is that of the files in which Pebble keeps it. It only ever moves
// together with format.
const pebbleFormat = pebble.FormatValueSeparation

const secretLen = 32

// An identity is what a journal is given at its creation and keeps.
type identity struct {
	format  uint32
	epoch   uint64
	secret  [secretLen]byte
	created int64 // nanoseconds since 1970
}

const identityLen = 4 + 8 + secretLen + 8

func newIdentity() identity {
	id := identity{format: format, epoch: newEpoch(), created: time.Now().UnixNano()}
	rand.Read(id.secret[:]) // never fails
	return id
}

func (id *identity) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, id.format)
	b = binary.BigEndian.AppendUint64(b, id.epoch)
	b = append(b, id.secret[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(id.created))
}

// decodeIdentity reads what encode wrote. Every format begins with its number.
func decodeIdentity(b []byte, dir string) (id identity, err error) {
	if len(b) >= 4 {
		id.format = binary.BigEndian.Uint32(b)
	}
	if id.format > format {
		return id, newerError(dir, fmt.Sprint(id.format))
	}
	if len(b) != identityLen || id.format == 0 {
		return id, fmt.Errorf("%s: the journal's identity: %w", dir, errCorrupt)
	}
	id.epoch = binary.BigEndian.Uint64(b[4:])
	copy(id.secret[:], b[12:])
	id.created = int64(binary.BigEndian.Uint64(b[12+secretLen:]))
	return id, nil
}

func newerError(dir, version string) error {
	return fmt.Errorf("the journal in %s has format %s, written by a newer version of this program; this one reads format %d",
		dir, version, format)
}

// checkPebble refuses a directory whose files are of a newer Pebble, or of
// something else altogether.
func checkPebble(dir string, disk vfs.FS) error {
	desc, err := pebble.Peek(dir, disk)
	if err != nil {
		return fmt.Errorf("the journal in %s: %w", dir, err)
	}
	if v := desc.FormatMajorVersion; desc.Exists && v > pebbleFormat {
		return newerError(dir, fmt.Sprintf("of Pebble %d", v))
	}
	return nil
}

// identify reads the identity of a journal, or begins a new one. One of an older
// format is of this one from then on.
func identify(db *pebble.DB, dir string) (identity, error) {
	id, err := readIdentity(db, dir)
	if errors.Is(err, pebble.ErrNotFound) {
		return create(db, dir)
	}
	if err == nil && id.format < format {
		id.format = format
		err = db.Set(identityKey, id.encode(), pebble.NoSync)
	}
	return id, err
}

func readIdentity(db pebble.Reader, dir string) (identity, error) {
	b, closer, err := db.Get(identityKey)
	if err != nil {
		return identity{}, err
	}
	defer closer.Close()
	return decodeIdentity(b, dir)
}

func create(db *pebble.DB, dir string) (identity, error) {
	if empty, err := isEmpty(db); err != nil || !empty {
		return identity{}, errors.Join(err, fmt.Errorf("%s holds something else than a journal", dir))
	}
	id, s, b := newIdentity(), newState(time.Now()), db.NewBatch()
	defer b.Close()
	err := errors.Join(b.Set(identityKey, id.encode(), nil), s.put(b, s.current()))
	return id, errors.Join(err, b.Commit(pebble.NoSync))
}

func isEmpty(db *pebble.DB) (bool, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return false, err
	}
	empty := !it.First()
	return empty, errors.Join(it.Error(), it.Close())
}
