/** Runs an example's `main.js` as people start it: in its own process, with only the given environment. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface MainProgram {
  /** The address that it prints. */
  readonly url: string
  /** The output so far. */
  printed(): string
  /** Stops it with SIGTERM. Resolves to its exit code, or to the signal that ended it. */
  stop(): Promise<number | string>
}

/** Seconds that a program may take to start on a busy machine, while others start too. */
const patience = 120

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Starts a program, which needs a build of the package, and waits for `Open <address>`. */
export async function startMain(path: string, env: Record<string, string>): Promise<MainProgram> {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [path], { cwd: root, env: { PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${path} printed no address within ${patience} s:\n${output}`))
    }, patience * 1000)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        const found = /^Open (http:\/\/[\w.:-]+)/m.exec(output)?.[1]
        if (found === undefined) return
        clearTimeout(timer)
        resolve(found)
      })
    }
    void ended.then((code) => {
      clearTimeout(timer)
      reject(new Error(`${path} ended with ${code} (is there a build? npm run build):\n${output}`))
    })
  })
  return {
    url,
    printed: () => output,
    stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      return ended
    },
  }
}
