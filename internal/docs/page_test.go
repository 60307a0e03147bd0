// Package docs_test holds the pages to what they say: links lead somewhere, what is
// marked to be run runs against a real server, and shows what the page shows.
//
// A fenced block is run if the word "run" follows its language, as in ```sh run. If
// the next block is marked ```text output, it is what the command prints.
package docs_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// root is where the pages are, seen from here.
const root = "../.."

// A page is a file of Markdown, with what the tests look at.
type page struct {
	path    string // from the root
	links   []string
	anchors map[string]bool
	blocks  []block
}

// A block is a fenced one.
type block struct {
	info string // after the fence: the language, and what is to be done with it
	text string
}

// pages are all of the project's.
func pages(t *testing.T) (all []page) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "dist") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			all = append(all, read(t, path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func read(t *testing.T, path string) page {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	path, err = filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	p := page{path: filepath.ToSlash(path), anchors: map[string]bool{}}
	tree := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))
	err = ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			p.take(n, source)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *page) take(n ast.Node, source []byte) {
	switch n := n.(type) {
	case *ast.Link:
		p.links = append(p.links, string(n.Destination))
	case *ast.Image:
		p.links = append(p.links, string(n.Destination))
	case *ast.Heading:
		p.anchors[anchor(words(n, source))] = true
	case *ast.FencedCodeBlock:
		b := block{text: string(n.Lines().Value(source))}
		if n.Info != nil {
			b.info = string(n.Info.Value(source))
		}
		p.blocks = append(p.blocks, b)
	}
}

// words is what a reader sees of a heading.
func words(n ast.Node, source []byte) string {
	var b bytes.Buffer
	ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// anchor is what GitHub makes of a heading: small letters, digits, _ and -, with -
// for a space.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '_', r == '-':
			return unicode.ToLower(r)
		case r == ' ':
			return '-'
		}
		return -1
	}, heading)
}
