/**
 * Starts a real Keycloak on loopback, for the tests and the example. As a command:
 *
 *   node scripts/keycloak.js [--port N] realm.json...
 *
 * it prints the URL and runs until Ctrl-C. It uses the first of these that applies:
 *
 *   KEYCLOAK_URL    a running Keycloak; realms that it lacks are imported with KEYCLOAK_ADMIN and
 *                   KEYCLOAK_ADMIN_PASSWORD
 *   KEYCLOAK_HOME   an unpacked Keycloak; a copy of it is built and stored in the cache
 *   otherwise       the distribution from Maven Central, stored in the cache ($XDG_CACHE_HOME or ~/.cache)
 *
 * It runs on Linux and macOS with a JDK 17 or newer. The first start needs Maven too.
 */
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, realpathSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { importRealms, readRealms, untilReady } from './keycloak-admin.js'
import { installKeycloak, serverEnv } from './keycloak-install.js'
import { guarded } from './keycloak-process.js'

/**
 * @typedef {object} Keycloak
 * @property {string} url base URL; the issuer of a realm is `${url}/realms/${realm}`
 * @property {() => Promise<void>} stop stops the server if this process started it; can be called again
 * @property {Promise<string>} ended resolves with the last output of a server that this process started, once it has ended
 */

/**
 * Starts Keycloak, or uses the one at KEYCLOAK_URL, and imports realm files. A started server ends with `stop()`, and with
 * this process, however that ends. Its administrator is KEYCLOAK_ADMIN with KEYCLOAK_ADMIN_PASSWORD; default: admin with
 * the password admin.
 *
 * @param {{ realms?: string[], port?: number, data?: string, onProgress?: (line: string) => void }} [options] `realms`:
 *   paths of realm files. `port`: a port of 127.0.0.1; default 0, a free port. `data`: a folder in which a started server
 *   stores its data for a later server; default: in memory. `onProgress`: gets progress messages, because the first start
 *   takes a minute
 * @returns {Promise<Keycloak>}
 * @throws {Error} if a JDK, Maven, the port or a usable realm file is missing; the message says what to do
 */
export async function startKeycloak({ realms: files = [], port = 0, data, onProgress = () => {} } = {}) {
  const realms = readRealms(files)
  const { KEYCLOAK_URL: given, KEYCLOAK_ADMIN: username, KEYCLOAK_ADMIN_PASSWORD: password } = process.env
  if (given) {
    const url = given.replace(/\/+$/, '')
    onProgress(`using the Keycloak at ${url}`)
    await untilReady(url, { seconds: 120 })
    await importRealms(url, realms, { username, password, onProgress })
    return { url, stop: async () => {}, ended: new Promise(() => {}) }
  }
  const credentials = { username: username || 'admin', password: password || 'admin' }
  const keycloak = await startServer(await freePort(port), credentials, data, onProgress)
  try {
    await importRealms(keycloak.url, realms, { ...credentials, onProgress })
  } catch (error) {
    await keycloak.stop()
    throw error
  }
  return keycloak
}

/**
 * @param {number} port
 * @param {{ username: string, password: string }} admin
 * @param {string | undefined} data
 * @param {(line: string) => void} onProgress
 * @returns {Promise<Keycloak>}
 */
async function startServer(port, admin, data, onProgress) {
  const env = {
    ...serverEnv(),
    KC_BOOTSTRAP_ADMIN_USERNAME: admin.username,
    KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    // The same kind of database (H2) as in the build. VALUE is the name of a column in Keycloak's tables.
    ...(data !== undefined && { KC_DB_URL: `jdbc:h2:file:${join(data, 'keycloak')};NON_KEYWORDS=VALUE` }),
  }
  const home = await installKeycloak(onProgress)

  // Links into the installation, so that the server writes to the `data` of this folder.
  const folder = mkdtempSync(join(tmpdir(), 'keycloak-'))
  for (const name of ['bin', 'conf', 'lib', 'providers', 'themes']) symlinkSync(join(home, name), join(folder, name))
  mkdirSync(join(folder, 'data'))

  onProgress('starting Keycloak (about 15 seconds)')
  const url = `http://127.0.0.1:${port}`
  const listen = ['--http-enabled=true', '--http-host=127.0.0.1', `--http-port=${port}`, `--hostname=${url}`]
  const folders = [`-Dkc.home.dir=${folder}`, `-Djboss.server.config.dir=${join(folder, 'conf')}`]
  const command = [join(home, 'bin', 'kc.sh'), 'start', '--optimized', '--cache=local', ...listen, ...folders]
  const { ended, stop } = guarded(command, { folder, env })
  const failed = ended.then(({ account }) => `Keycloak ended with ${account}`)
  const enough = new AbortController()
  try {
    const ready = untilReady(url, { seconds: 180, signal: enough.signal })
    const failure = await Promise.race([ready, failed])
    if (failure) throw new Error(failure)
  } catch (error) {
    await stop()
    throw error
  } finally {
    enough.abort()
  }
  return { url, stop, ended: failed }
}

/** @param {number} port @returns {Promise<number>} */
async function freePort(port) {
  const server = createServer()
  try {
    await once(server.listen({ port, host: '127.0.0.1', exclusive: true }), 'listening')
  } catch (cause) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (cause)
    const taken = `port ${port} of 127.0.0.1 is taken: choose another, or 0 for a free one`
    throw new Error(code === 'EADDRINUSE' ? taken : message, { cause })
  }
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : port
}

async function main() {
  const { values, positionals: realms } = parseArgs({ options: { port: { type: 'string' } }, allowPositionals: true })
  const port = Number(values.port ?? 0)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port}: not a port`)
  const { url, ended, stop } = await startKeycloak({ realms, port, onProgress: (line) => console.error(line) })
  console.log(url)
  let reported = false
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      reported = true
      void stop().then(() => process.exit())
    })
  }
  void ended.then((reason) => {
    if (reported) return
    console.error(reason)
    process.exitCode = 1
  })
}

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  main().catch((error) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })
}
