import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** @typedef {import('./test-matrix-combinations.js').Combination} Combination */

const run = promisify(execFile)

/**
 * A copy of the tracked files in a temporary folder, with the project's dependencies, of which the packages of a
 * combination are swapped. The dependencies are hard links: nothing here may write into one of these files.
 */
export class Checkout {
  /** @param {string} folder */
  constructor(folder) {
    this.folder = folder
    this.root = join(folder, 'checkout')
    this.packages = join(folder, 'packages')
  }

  /** @param {string} root The project, with its dependencies installed. */
  static async make(root) {
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), 'matrix-')))
    const { stdout } = await run('git', ['ls-files', '-z'], { cwd: root, maxBuffer: 1 << 26 })
    for (const name of stdout.split('\0').filter(Boolean)) {
      // What is deleted but not committed yet is still tracked.
      if (!existsSync(join(root, name))) continue
      await mkdir(dirname(join(checkout.root, name)), { recursive: true })
      await cp(join(root, name), join(checkout.root, name))
    }
    const dependencies = join(checkout.root, 'node_modules')
    // A hidden file or folder is a tool's cache, which a run would write into, or npm's list of what is installed.
    linkTree(join(root, 'node_modules'), dependencies, (name) => name.startsWith('.') && name !== '.bin')
    // Each redis brings its own.
    rmSync(join(dependencies, '@redis'), { recursive: true, force: true })
    return checkout
  }

  /**
   * Installs each version that a combination names, once: Nodes, and packages with their dependencies nested in them.
   *
   * @param {readonly Combination[]} combinations
   */
  async fetch(combinations) {
    mkdirSync(this.packages)
    writeFileSync(join(this.packages, 'package.json'), '{}')
    const nodes = combinations.map(({ node }) => specifier(nodePackage(), node))
    const packages = combinations.flatMap((one) =>
      Object.entries(packagesIn(one)).map(([name, version]) => specifier(name, version)),
    )
    const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    // Peers are those of the combination, not what npm would choose.
    const layout = ['--install-strategy=nested', '--legacy-peer-deps']
    await run('npm', ['install', ...quiet, ...layout, ...new Set([...nodes, ...packages])], {
      cwd: this.packages,
      maxBuffer: 1 << 26,
    })
  }

  /**
   * Replaces the installed packages and their types by those of a combination.
   *
   * @param {Combination} combination
   * @returns {Promise<Combination>} The whole versions, as the tests will see them.
   */
  async install(combination) {
    const packages = packagesIn(combination)
    // There is one of each of these, which all others share.
    const shared = new Set([...Object.keys(packages), '@types/node'])
    for (const [name, version] of Object.entries(packages)) {
      const target = join(this.root, 'node_modules', name)
      rmSync(target, { recursive: true, force: true })
      linkTree(join(this.packages, 'node_modules', alias(name, version)), target, (_, path) =>
        shared.has(path.replaceAll('\\', '/').split('/node_modules/').at(-1) ?? ''),
      )
    }
    const found = await this.#installed(combination, Object.keys(packages))
    for (const [name, version] of Object.entries({ ...packages, node: combination.node })) {
      if (!`${found[name]}.`.startsWith(`${version}.`)) throw new Error(`${name} is ${found[name]}, not ${version}`)
    }
    return /** @type {Combination} */ (
      Object.fromEntries(Object.keys(combination).map((name) => [name, found[name] ?? '']))
    )
  }

  /**
   * The folder of the Node of a combination.
   *
   * @param {Combination} combination
   */
  nodeFolder({ node }) {
    return join(this.packages, 'node_modules', alias(nodePackage(), node), 'bin')
  }

  remove() {
    return rm(this.folder, { recursive: true, force: true })
  }

  /**
   * The versions of the Node of a combination, of the packages that it imports, and of their types.
   *
   * @param {Combination} combination
   * @param {string[]} names
   * @returns {Promise<Record<string, string>>}
   */
  async #installed(combination, names) {
    /** @type {Record<string, string>} */
    const found = {}
    for (const name of names) {
      const manifest = await readFile(join(this.root, 'node_modules', name, 'package.json'), 'utf8')
      found[name] = /** @type {{ version: string }} */ (JSON.parse(manifest)).version
    }
    // What a test's own `import` loads is in exactly these folders, and loads.
    const script = `
      import { pathToFileURL } from 'node:url'
      for (const name of process.argv.slice(1)) {
        const { href } = pathToFileURL('node_modules/' + name + '/')
        if (!import.meta.resolve(name).startsWith(href)) throw new Error(name + ': ' + import.meta.resolve(name))
        await import(name)
      }
      console.log(process.versions.node)
    `
    const { stdout } = await run(
      join(this.nodeFolder(combination), 'node'),
      ['--input-type=module', '--eval', script, ...names.filter((name) => !name.startsWith('@types/'))],
      { cwd: this.root },
    )
    return { ...found, node: stdout.trim() }
  }
}

/**
 * The packages of a combination and their types: a version, or the part of one that stands for its newest release.
 *
 * @param {Combination} combination
 * @returns {Record<string, string>}
 */
function packagesIn({ express, 'express-session': session, redis, 'connect-redis': store }) {
  return {
    express,
    'express-session': session,
    redis,
    'connect-redis': store,
    '@types/express': /** @type {string} */ (express.split('.')[0]),
    '@types/express-session': session.split('.').slice(0, 2).join('.'),
  }
}

/**
 * The name under which a version of a package is installed beside others of the same package.
 *
 * @param {string} name
 * @param {string} version
 */
function alias(name, version) {
  return `${name.replace('@', '').replace('/', '-')}-${version}`
}

/**
 * @param {string} name
 * @param {string} version
 */
function specifier(name, version) {
  return `${alias(name, version)}@npm:${name}@${version}`
}

/** The package that holds nothing but the binary of a Node for this machine. */
function nodePackage() {
  const { platform, arch } = process
  const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'
  return `${name}-${platform === 'win32' ? 'win' : platform}-${arch}`
}

/**
 * Makes a folder like another, with hard links to its files, or copies where the file system has no such links.
 *
 * @param {string} from
 * @param {string} to
 * @param {(name: string, path: string) => boolean} isLeftOut Is asked by the name and the path of each entry.
 */
function linkTree(from, to, isLeftOut) {
  mkdirSync(to, { recursive: true })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (isLeftOut(entry.name, source)) continue
    if (entry.isDirectory()) linkTree(source, target, isLeftOut)
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target)
    else linkFile(source, target)
  }
}

/**
 * @param {string} source
 * @param {string} target
 */
function linkFile(source, target) {
  try {
    linkSync(source, target)
  } catch {
    copyFileSync(source, target)
  }
}
