package node

import (
	"io/fs"
	"net/http"
)

// pages answers with a page, which is index.html, and with its files. They are listed,
// since a wildcard at the root would shadow every other path.
func (s *surface) pages(files fs.FS) {
	server := http.StripPrefix(s.base, http.FileServerFS(files))
	serve := func(w http.ResponseWriter, r *http.Request) error {
		setPageHeaders(w.Header())
		server.ServeHTTP(w, r)
		return nil
	}
	s.get("/", serve)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && name != "index.html" {
			s.get("/"+name, serve)
		}
		return err
	})
	if err != nil {
		panic(err) // cannot happen: the files are in the binary
	}
}

// toPage leads from the base path to the page: its links are relative.
func (n *Node) toPage(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, n.cfg.BasePath+"/", http.StatusFound)
	return nil
}

// setPageHeaders bounds what a page of ours can do, whatever gets into it: it runs
// no script but its own, talks to nobody but its server, tells nobody where it is,
// and no other page gets hold of it.
func setPageHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
}
