// Package browser holds the demo page: plain HTML, CSS and ES modules that a
// browser takes as they are. It owns the bytes and nothing else: who serves
// them, at which path and under which Content-Security-Policy, is not decided
// here.
//
// The page uses relative addresses only, so it works at / and below any base
// path that ends in a slash, next to events and api. It needs of a policy:
// script-src, style-src and connect-src 'self', img-src 'self'.
package browser

import "embed"

// Files are exactly the files of the page; index.html is its entry. They are
// read-only and safe for concurrent use.
//
//go:embed index.html style.css icon.svg *.js
var Files embed.FS
