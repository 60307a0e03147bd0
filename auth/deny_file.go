package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/go-json-experiment/json"
)

// denyFormat is the version of the file, which holds all denials as JSON. It is small
// enough to be written anew for each change.
const denyFormat = 1

type denyFile struct {
	Format  int      `json:"format"`
	Denials []Denial `json:"denials"`
}

func readDenials(path string) (map[Subject]time.Time, error) {
	denials := map[Subject]time.Time{}
	if path == "" {
		return denials, nil
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return denials, nil
	}
	if err != nil {
		return nil, err
	}
	var f denyFile
	if json.Unmarshal(b, &f) != nil || f.Format < 1 {
		return nil, fmt.Errorf("%s is damaged: remove it, and nothing is denied any more", path)
	}
	if f.Format > denyFormat {
		return nil, fmt.Errorf("%s was written by a newer version of this program", path)
	}
	for _, d := range f.Denials {
		if time.Now().Before(d.Until) {
			denials[d.Subject] = d.Until
		}
	}
	return denials, nil
}

func writeDenials(path string, denials map[Subject]time.Time) error {
	if path == "" {
		return nil
	}
	f := denyFile{Format: denyFormat, Denials: make([]Denial, 0, len(denials))}
	for s, until := range denials {
		f.Denials = append(f.Denials, Denial{s, until})
	}
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return replaceFile(path, b)
}
