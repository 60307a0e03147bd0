package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// replaceFile puts data in place of what a file holds. When it returns nil the disk
// has it; a crash leaves the old content or the new one, never a part. Only the user
// that the process runs as may read it.
func replaceFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	next, err := os.CreateTemp(dir, filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(next.Name())
		}
	}()
	_, err = next.Write(data)
	if err == nil {
		err = next.Sync()
	}
	if err = errors.Join(err, next.Close()); err != nil {
		return err
	}
	if err := os.Rename(next.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename last. Windows cannot be asked to, and needs not.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

const keyLen = 32

// KeyFile is the random key that a file holds; the first time it makes one.
func KeyFile(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := NewKey()
		return key, replaceFile(path, []byte(hex.EncodeToString(key)))
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(string(text))
	if err != nil || len(key) != keyLen {
		return nil, fmt.Errorf("%s is not a key: remove it, and a new one is made", path)
	}
	return key, nil
}

// NewKey is a random key that nothing keeps.
func NewKey() []byte {
	key := make([]byte, keyLen)
	rand.Read(key) // never fails
	return key
}
