package journal

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// open opens Pebble, or opens it anew after a failure. The one that failed goes on
// answering reads until the new one can.
func (x *index) open() error {
	f := newFence(x.disk)
	db, err := pebble.Open(x.dir, x.options(f))
	if err != nil {
		f.abandon()
		return errors.Join(f.Err(), err)
	}
	id, s, err := x.load(db, f)
	if err = errors.Join(f.Err(), err); err != nil {
		f.abandon()
		db.Close()
		return err
	}
	f.serve()
	x.adopt(id)
	if err := x.swap(db, f, s); err != nil {
		x.log.Warn("closing what had failed", "dir", x.dir, "error", err)
	}
	x.sweepSoon()
	return nil
}

// load reads what a journal is and how far it goes, or begins a new one, and moves
// what the write-ahead log has into tables: a log begins with nothing before it.
func (x *index) load(db *pebble.DB, f *fence) (id identity, s *state, err error) {
	if id, err = identify(db, x.dir); err != nil {
		return id, nil, err
	}
	if s, err = loadState(db); err != nil {
		return id, nil, err
	}
	files, err := walFiles(x.dir, f)
	if err != nil {
		return id, nil, err
	}
	_, err = replayRounds(files, f, s.round, func(changes []byte) error {
		return applyChanges(db, changes)
	})
	if err != nil {
		return id, nil, err
	}
	if err := flush(db, f); err != nil {
		return id, nil, err
	}
	for _, name := range files {
		if err := f.Remove(name); err != nil {
			return id, nil, err
		}
	}
	s, err = loadState(db)
	return id, s, err
}

func applyChanges(to pebble.Writer, changes []byte) error {
	var b pebble.Batch
	if err := b.SetRepr(changes); err != nil {
		return err
	}
	return to.Apply(&b, pebble.NoSync)
}

// flush has all that is in memtables written to tables. Pebble itself would not end
// waiting when the disk fails.
func flush(db *pebble.DB, f *fence) error {
	flushed, err := db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
	case <-f.down:
	}
	return f.Err()
}

// adopt takes what a journal is from its first opening.
func (x *index) adopt(id identity) {
	if x.hash == nil {
		x.identity, x.hash = id, newHasher(id.secret[:])
	}
}

// openReadOnly changes nothing, not even what a crash has left.
func (x *index) openReadOnly() error {
	f := newFence(x.disk)
	opts := x.options(f)
	opts.ReadOnly = true
	db, err := pebble.Open(x.dir, opts)
	if err != nil {
		f.abandon()
		return err
	}
	id, s, err := x.peek(db, f)
	if err != nil {
		f.abandon()
		return errors.Join(err, db.Close())
	}
	x.adopt(id)
	return x.swap(db, f, s)
}

// peek is load that leaves everything as it is.
func (x *index) peek(db *pebble.DB, f *fence) (id identity, s *state, err error) {
	if id, err = readIdentity(db, x.dir); err != nil {
		return id, nil, err
	}
	if s, err = loadState(db); err != nil {
		return id, nil, err
	}
	files, err := walFiles(x.dir, f)
	if err != nil {
		return id, nil, err
	}
	x.ahead = db.NewIndexedBatch()
	_, err = replayRounds(files, f, s.round, func(changes []byte) error {
		return applyChanges(x.ahead, changes)
	})
	if err == nil {
		s, err = loadState(x.ahead)
	}
	return id, s, err
}

// view is what there is to read. mu is held.
func (x *index) view() pebble.Reader {
	if x.ahead != nil {
		return x.ahead
	}
	return x.db
}

// swap puts an opening of Pebble in the place of another, and closes that. Either
// may be nil.
func (x *index) swap(db *pebble.DB, f *fence, s *state) (err error) {
	x.mu.Lock()
	oldDB, oldFence, oldWAL := x.db, x.fence, x.wal
	x.db = db
	if db != nil {
		x.fence = f
		x.state.Store(s)
		x.wal = &wal{index: x, fence: f, db: db}
	}
	x.mu.Unlock()
	if oldDB == nil {
		return nil
	}
	oldFence.abandon()
	oldWAL.close()
	if x.ahead != nil {
		err = x.ahead.Close()
	}
	return errors.Join(oldFence.Err(), err, oldDB.Close())
}

// reopen opens the index again once the disk takes what it did not.
func (x *index) reopen() error {
	if err := probe(x.dir, x.disk); err != nil {
		return err
	}
	return x.open()
}
