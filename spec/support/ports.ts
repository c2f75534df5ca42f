/** Ports of 127.0.0.1 for servers whose address is known before they listen, or that restart at the same address. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/*
 * Below all ports that the system assigns to servers that request any port and to outgoing connections (from 32768 on
 * Linux), so that none of those takes the port of a stopped server. Each worker of vitest has its own range, so that no two
 * workers choose the same port. A node of a Redis Cluster also listens 10,000 ports above.
 */
const lowest = 12_000
const perWorker = 600
const ranges = 16
const first = lowest + perWorker * (Number(process.env['VITEST_POOL_ID'] ?? 0) % ranges)

const reserved = new Set<number>()

/** A port on which nothing listens, and which no other caller in this run gets. */
export async function reservePort(): Promise<number> {
  for (;;) {
    // A worker that lives that long no longer needs its first ports.
    if (reserved.size > perWorker / 2) reserved.clear()
    const port = first + randomInt(perWorker)
    if (reserved.has(port)) continue
    reserved.add(port)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
