import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** @typedef {import('./test-matrix-combinations.js').Combination} Combination */

const run = promisify(execFile)
const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']

/** A copy of the tracked files in a temporary folder, with dependencies of its own and other Nodes. */
export class Checkout {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder
    this.root = join(folder, 'checkout')
    /** @type {Map<string, string>} */
    this.resolved = new Map()
  }

  /** @param {string} root The project. */
  static async make(root) {
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), 'matrix-')))
    const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 1 << 26 })
    for (const name of stdout.split('\0').filter(Boolean)) {
      // What is deleted but not committed yet is tracked still.
      if (!existsSync(join(root, name))) continue
      await mkdir(dirname(join(checkout.root, name)), { recursive: true })
      await cp(join(root, name), join(checkout.root, name))
    }
    await checkout.#npm(['ci', ...quiet])
    await run(process.execPath, ['scripts/build.js'], { cwd: checkout.root })
    return checkout
  }

  /**
   * Finds the newest version of each that a combination names a part of, once, and fetches the Nodes.
   *
   * @param {readonly Combination[]} combinations
   * @returns {Promise<Combination[]>} With whole versions.
   */
  async resolve(combinations) {
    const nodes = join(this.folder, 'nodes')
    await mkdir(nodes)
    await writeFile(join(nodes, 'package.json'), '{}')
    const versions = [...new Set(combinations.map(({ node }) => node))]
    const aliases = versions.map((version) => `node-${version}@npm:${nodePackage()}@${version}`)
    await this.#npm(['install', ...quiet, ...aliases], nodes)
    const resolved = []
    for (const combination of combinations) {
      const whole = { ...combination, node: await versionIn(nodes, `node-${combination.node}`) }
      this.resolved.set(whole.node, join(nodes, 'node_modules', `node-${combination.node}`, 'bin'))
      for (const name of /** @type {const} */ (['express', 'express-session', 'redis', 'connect-redis'])) {
        whole[name] = await this.#newest(name, combination[name])
      }
      resolved.push(whole)
    }
    return resolved
  }

  /**
   * Puts the packages of a combination into the checkout, with their types.
   *
   * @param {Combination} combination
   */
  async install(combination) {
    const { express, 'express-session': session, redis, 'connect-redis': store } = combination
    const packages = {
      express,
      'express-session': session,
      redis,
      'connect-redis': store,
      '@types/express': /** @type {string} */ (express.split('.')[0]),
      '@types/express-session': session.split('.').slice(0, 2).join('.'),
    }
    const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
    await this.#npm(['install', '--no-save', ...quiet, ...names])
    for (const [name, version] of Object.entries(packages)) {
      const found = await versionIn(this.root, name)
      if (!`${found}.`.startsWith(`${version}.`)) throw new Error(`${name} is ${found}, not ${version}`)
    }
  }

  /**
   * The folder of a Node.
   *
   * @param {string} version
   */
  nodeFolder(version) {
    return /** @type {string} */ (this.resolved.get(version))
  }

  remove() {
    return rm(this.folder, { recursive: true, force: true })
  }

  /**
   * @param {string} name
   * @param {string} range
   */
  async #newest(name, range) {
    const key = `${name}@${range}`
    const known = this.resolved.get(key)
    if (known) return known
    const stdout = await this.#npm(['view', key, 'version', '--json', '--prefer-offline', '--loglevel=error'])
    // One version, or a list of them in no order that counts.
    const versions = /** @type {string[]} */ ([JSON.parse(stdout)].flat())
    const version = versions.toSorted(byNumbers).at(-1) ?? range
    this.resolved.set(key, version)
    return version
  }

  /** @param {string[]} words */
  async #npm(words, cwd = this.root) {
    const { stdout } = await run('npm', words, { cwd, maxBuffer: 1 << 26 })
    return stdout
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
function byNumbers(a, b) {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** The package that holds nothing but the binary of a Node for this machine. */
function nodePackage() {
  const { platform, arch } = process
  const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'
  return `${name}-${platform === 'win32' ? 'win' : platform}-${arch}`
}

/**
 * @param {string} folder
 * @param {string} name
 */
async function versionIn(folder, name) {
  const manifest = await readFile(join(folder, 'node_modules', name, 'package.json'), 'utf8')
  return /** @type {{ version: string }} */ (JSON.parse(manifest)).version.replace(/^v/, '')
}
