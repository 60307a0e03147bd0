// Package e2e tests the server with the programs that people use it with:
// Chromium, the r3labs client, curl, and nginx in between. It has no code of its
// own; what a single package promises is tested there, here is tested that the
// promises hold when everything is real.
//
// A test whose program is not installed is skipped, unless TEST_EVERYTHING is 1:
// then it fails, so that a run that is meant to cover everything cannot pass
// without. scripts/test installs the programs and sets it.
//
// Nothing waits for a length of time: tests wait for what shall become true, and
// give up long after it should have.
package e2e
