// A notifier on socket.io as one would write it in an hour: a client logs in and joins
// the room of its token, a publication goes to rooms. Usage: node server.js HOST:PORT
'use strict'
const http = require('http')
const { Server } = require('socket.io')

const server = http.createServer((req, res) => {
	const pieces = []
	req.on('data', (piece) => pieces.push(piece))
	req.on('end', () => {
		const { tokens, entityType, data } = JSON.parse(Buffer.concat(pieces))
		io.to(tokens).emit('notification', { entityType, data })
		res.end('OK')
	})
})
const io = new Server(server, { transports: ['websocket'], serveClient: false })
io.on('connection', (socket) => {
	socket.on('user_login', ({ tokenId }, acknowledge) => {
		socket.join(tokenId)
		acknowledge('OK')
	})
})

const [host, port] = process.argv[2].split(':')
server.listen({ host, port: Number(port), backlog: 4096 })
