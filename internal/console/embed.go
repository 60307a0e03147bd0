// Package console holds the page for those who operate a server: plain HTML, CSS and
// ES modules that a browser takes as they are. It owns the bytes and nothing else:
// who serves them, where and under which Content-Security-Policy is not decided here.
//
// All that the page knows it reads from metrics and from the control API beside it,
// which anybody may use as well. Tokens can be credentials: they stand neither in the
// page's address nor in its history, and nothing of it is stored.
package console

import "embed"

// Files are the files of the page; index.html is its entry. They are read-only and
// safe for concurrent use.
//
//go:embed index.html style.css icon.svg *.js
var Files embed.FS
