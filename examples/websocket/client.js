/**
 * A client that is not a browser. It sends the access token in the Authorization header.
 *
 *     TOKEN=... node examples/websocket/client.js ws://localhost:3000/chat
 */
import { createInterface } from 'node:readline'
import { WebSocket } from 'ws'

const url = process.argv[2] ?? 'ws://localhost:3000/chat'
const socket = new WebSocket(url, { headers: { authorization: `Bearer ${process.env['TOKEN'] ?? ''}` } })

socket.on('message', (/** @type {Buffer} */ data) => {
  const { from, text } = JSON.parse(data.toString())
  console.log(from === undefined ? text : `${from}: ${text}`)
})
socket.on('unexpected-response', (_request, response) => {
  console.error(`${response.statusCode} ${response.headers['www-authenticate'] ?? ''}`)
  process.exit(1)
})
socket.on('error', (error) => {
  console.error(error.message)
  process.exit(1)
})
socket.on('open', () => {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => socket.send(line)).on('close', () => socket.close())
})
socket.on('close', () => process.exit())
