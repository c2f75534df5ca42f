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
 * A copy of the tracked files in a temporary folder, with the dependencies of the project. The packages of a combination
 * replace some of them. The dependencies are hard links, so nothing here may write to these files.
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
      // A file that was deleted without a commit is still tracked.
      if (!existsSync(join(root, name))) continue
      await mkdir(dirname(join(checkout.root, name)), { recursive: true })
      await cp(join(root, name), join(checkout.root, name))
    }
    const dependencies = join(checkout.root, 'node_modules')
    // Hidden entries are left out: a run would write to the caches of tools there, and npm lists the installed packages
    // there.
    linkTree(join(root, 'node_modules'), dependencies, (name) => name.startsWith('.') && name !== '.bin')
    // Each version of redis has its own @redis packages.
    rmSync(join(dependencies, '@redis'), { recursive: true, force: true })
    return checkout
  }

  /**
   * Installs once each version that a combination names: Node, and packages with their dependencies nested in them.
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
    // The combination provides the peers, not npm.
    const layout = ['--install-strategy=nested', '--legacy-peer-deps']
    await run('npm', ['install', ...quiet, ...layout, ...new Set([...nodes, ...packages])], {
      cwd: this.packages,
      maxBuffer: 1 << 26,
    })
  }

  /**
   * Replaces the installed packages and their types with those of a combination.
   *
   * @param {Combination} combination
   * @returns {Promise<Combination>} The complete versions that the tests use.
   */
  async install(combination) {
    const packages = packagesIn(combination)
    // All other packages share these.
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
   * The folder of the Node binary of a combination.
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
   * The versions of Node, of the imported packages and of their types in a combination.
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
    // Checks that `import` in a test loads the packages from exactly these folders.
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
 * The packages of a combination and their types, each with a version, or with a part of one that means its newest release.
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
 * The name under which a version of a package is installed beside other versions.
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

/** The package that contains only the Node binary for this machine. */
function nodePackage() {
  const { platform, arch } = process
  const name = platform === 'darwin' && arch === 'arm64' ? 'node-bin' : 'node'
  return `${name}-${platform === 'win32' ? 'win' : platform}-${arch}`
}

/**
 * Copies a folder with hard links to its files, or with copies if the file system does not support hard links.
 *
 * @param {string} from
 * @param {string} to
 * @param {(name: string, path: string) => boolean} isLeftOut Gets the name and the path of each entry.
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
