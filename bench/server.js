/**
 * A process that runs one subject: `node server.js <subject>`. The first message contains its settings, and all others are
 * commands.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Session } from 'node:inspector/promises'
import { AsyncLocalStorage } from 'node:async_hooks'

/** @typedef {{ wallMs: number, providerMs: number, cpuMs: number }} Callback */

const [, , subject] = process.argv
process.on('disconnect', () => process.exit())
const [{ redisUrl, provider, times }] = await once(process, 'message')

const inspector = new Session()
/** @type {Callback[]} */
let callbacks = []
/** @type {AsyncLocalStorage<{ providerMs: number }>} */
const underWay = new AsyncLocalStorage()

const server = createServer()
await once(server.listen(0, '127.0.0.1'), 'listening')
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
const url = `http://127.0.0.1:${port}`
const { build } = await import(`./subjects/${subject}.js`)
const app = await build({ url, redisUrl, provider, fetch: times ? timedFetch : undefined })
server.on('request', times ? timedApp : app)

/** @type {import('node:http').RequestListener} */
function timedApp(req, res) {
  if (!req.url?.startsWith('/callback')) return app(req, res)
  const call = { providerMs: 0 }
  const cpu = process.cpuUsage()
  const begin = performance.now()
  res.once('finish', () => {
    const { user, system } = process.cpuUsage(cpu)
    callbacks.push({ ...call, wallMs: performance.now() - begin, cpuMs: (user + system) / 1000 })
  })
  underWay.run(call, () => app(req, res))
}

/** @type {typeof globalThis.fetch} */
async function timedFetch(...args) {
  const begin = performance.now()
  try {
    return await globalThis.fetch(...args)
  } finally {
    const call = underWay.getStore()
    if (call) call.providerMs += performance.now() - begin
  }
}

/** @type {Record<string, () => unknown>} */
const commands = {
  cpu: () => process.cpuUsage(),
  callbacks: () => {
    const taken = callbacks
    callbacks = []
    return taken
  },
  startProfile: async () => {
    inspector.connect()
    await inspector.post('Profiler.enable')
    await inspector.post('Profiler.setSamplingInterval', { interval: 500 })
    await inspector.post('Profiler.start')
  },
  stopProfile: async () => (await inspector.post('Profiler.stop')).profile,
}
process.on('message', async ({ id, command }) => {
  process.send?.({ id, answer: await commands[command]?.() })
})
process.send?.({ url })
