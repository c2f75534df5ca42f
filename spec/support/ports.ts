/** Ports of 127.0.0.1 for servers whose address is known before they listen, or that return to it after they were away. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/*
 * Below all ports that the system gives to servers which ask for any and to outgoing connections (from 32768 on Linux):
 * none of those takes the port of a server that is away. Each worker of vitest has a range of its own, so that no two
 * workers choose the same port. A node of a Redis Cluster also listens 10,000 ports above.
 */
const lowest = 12_000
const perWorker = 600
const ranges = 16
const first = lowest + perWorker * (Number(process.env['VITEST_POOL_ID'] ?? 0) % ranges)

const reserved = new Set<number>()

/** A port on which nobody listens and that nobody else in this run is given. */
export async function reservePort(): Promise<number> {
  for (;;) {
    // A worker that lives that long no longer needs its first ones.
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
