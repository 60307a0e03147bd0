// Package tools holds the tests of what a release is made of: the programs and
// packages that scripts/release builds, and the files of deploy/.
//
// It is a module of its own, so that what builds packages and reads manifests is no
// dependency of the server.
package tools
