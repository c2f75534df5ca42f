/** Installs a Keycloak in the user's cache folder: unpacked, and built once for `start --optimized`. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { run } from './keycloak-process.js'

const VERSION = '26.7.3'

/**
 * The database is in memory, so that there are no files to clean up and servers can run side by side. The build fixes the
 * database, so its name is part of the name of the folder.
 */
const DATABASE = 'dev-mem'

/** @typedef {(line: string) => void} Progress */

/**
 * Returns the folder of a built server. Builds one if the cache has none.
 *
 * @param {Progress} onProgress
 * @returns {Promise<string>}
 */
export async function installKeycloak(onProgress) {
  const given = givenHome()
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'express-session-oidc')
  const target = join(cache, `keycloak-${given ? fingerprint(given) : VERSION}-${DATABASE}`)
  if (existsSync(target)) return target

  const env = serverEnv()
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'unfinished-'))
  try {
    const home = given ? copy(given, folder, onProgress) : await fetchDistribution(folder, onProgress)
    onProgress('building the server, once (about 20 seconds)')
    await run('The build of Keycloak', [join(home, 'bin', 'kc.sh'), 'build', `--db=${DATABASE}`], { folder, env })
    // Renaming is atomic, so a folder with this name is always complete. If another process was faster, its folder
    // stays.
    if (!existsSync(target)) renameSync(home, target)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return target
}

/** @param {string} folder @param {Progress} onProgress @returns {Promise<string>} */
async function fetchDistribution(folder, onProgress) {
  if (spawnSync('mvn', ['-v']).status !== 0) {
    throw new Error(
      'Maven (mvn) fetches Keycloak and was not found: install it (Debian: maven), or set KEYCLOAK_HOME to an ' +
        'unpacked Keycloak, or KEYCLOAK_URL to a running one',
    )
  }
  onProgress(`fetching Keycloak ${VERSION} from Maven Central, once (177 MB)`)
  let last = Date.now()
  const artifact = `org.keycloak:keycloak-quarkus-dist:${VERSION}:zip`
  // Not in batch mode (-B), which reports no download progress. The folder is new, because the goal notes in its
  // working folder what it has unpacked, and does not unpack that again.
  await run('Maven', ['mvn', 'dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`], {
    folder,
    onOutput: (text) => {
      const megabytes = /Progress \(\d+\): ([\d.]+\/\d+) MB/.exec(text)?.[1]
      if (!megabytes || Date.now() - last < 2000) return
      last = Date.now()
      onProgress(`fetching Keycloak: ${megabytes} MB`)
    },
  })
  return join(folder, `keycloak-${VERSION}`)
}

/** @returns {string | undefined} */
function givenHome() {
  const home = process.env['KEYCLOAK_HOME']
  if (!home) return undefined
  if (existsSync(join(home, 'bin', 'kc.sh'))) return realpathSync(home)
  throw new Error(`KEYCLOAK_HOME=${home} is not the folder of an unpacked Keycloak: it has no bin/kc.sh`)
}

/** @param {string} given @param {string} folder @param {Progress} onProgress @returns {string} */
function copy(given, folder, onProgress) {
  onProgress(`copying ${given}, since a build changes it`)
  const home = join(folder, 'home')
  cpSync(given, home, { recursive: true, filter: (path) => path !== join(given, 'data') })
  return home
}

/** Differs for another version or other providers. @param {string} home @returns {string} */
function fingerprint(home) {
  const times = ['lib', 'providers'].map((name) => statSync(join(home, name)).mtimeMs)
  return createHash('sha256')
    .update(`${home} ${times.join(' ')}`)
    .digest('hex')
    .slice(0, 12)
}

/** Variables of the caller's shell that are removed, because they would reconfigure the server. */
const SCRUBBED = /^(KC_|KEYCLOAK_|QUARKUS_|JAVA_OPTS|JAVA_ADD_OPENS$|JAVA_LOCALE$|JAVA$|DEBUG)/

/** The environment for kc.sh, with a suitable Java. @returns {NodeJS.ProcessEnv} */
export function serverEnv() {
  /** @type {NodeJS.ProcessEnv} */
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SCRUBBED.test(name)))
  env['JAVA_OPTS_KC_HEAP'] = '-Xms64m -Xmx512m'
  env['JAVA_OPTS_APPEND'] = '-XX:-UseG1GC -XX:+UseSerialGC'
  if (env['JAVA_HOME'] && javaVersion(join(env['JAVA_HOME'], 'bin', 'java')) >= 17) return env
  delete env['JAVA_HOME']
  if (javaVersion('java') >= 17) return env
  throw new Error(
    'Keycloak needs a JDK 17 or newer, and there is none in JAVA_HOME or on the PATH: install one ' +
      '(Debian: default-jdk-headless), set JAVA_HOME, or set KEYCLOAK_URL to a running Keycloak',
  )
}

/** @param {string} java @returns {number} */
function javaVersion(java) {
  const { stderr } = spawnSync(java, ['-version'], { encoding: 'utf8' })
  return Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0)
}
