//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// websocketHeaders ask for a websocket; the answer to the key is not checked.
const websocketHeaders = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// Websocket opcodes.
const (
	wsText  = 1
	wsClose = 8
	wsPing  = 9
	wsPong  = 10
)

// frame speaks engine.io 4 and socket.io 5: the server opens (0), the client
// connects (40) and logs in with a packet that asks to be acknowledged (43).
func (p *pool) frame(opcode byte, first bool, b []byte, last bool) {
	s := p.cur
	switch {
	case opcode == wsClose || s.state == gone:
		return
	case opcode == wsPing:
		if last {
			p.wsSend(wsPong, nil)
		}
		return
	case s.state == open && !(first && len(b) > 0 && b[0] == '2'):
		s.find.feed(b, p.found)
		return
	}
	if first {
		s.packet = s.packet[:0]
	}
	s.packet = append(s.packet, b...)
	if !last {
		return
	}
	switch {
	case bytes.HasPrefix(s.packet, []byte("43")):
		s.packet = nil
		p.ready(s)
	case bytes.HasPrefix(s.packet, []byte("40")):
		p.wsSend(wsText, []byte(strings.ReplaceAll(p.cfg.login, "{token}", p.cfg.token(int(s.index)))))
	case bytes.HasPrefix(s.packet, []byte("0")):
		p.wsSend(wsText, []byte("40"))
	case bytes.HasPrefix(s.packet, []byte("2")): // engine.io's ping
		p.wsSend(wsText, []byte("3"))
	}
}

// wsSend sends a short frame with a mask of zeros: nobody is between us and the
// server whom a mask would protect.
func (p *pool) wsSend(opcode byte, payload []byte) {
	if len(payload) > 125 {
		panic("socket.io login is too long") // of our own flags
	}
	b := append([]byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
	if n, err := unix.Write(int(p.cur.fd), b); err != nil || n != len(b) {
		p.errs[fmt.Sprintf("websocket: %v", err)]++
	}
}
