/** Several processes of one application on one Redis, which can be killed. */
import { join } from 'node:path'
import { inject } from 'vitest'
import { startMain, type MainProgram } from '../../support/main-program.ts'

/** Path of a compiled source file, for programs that run without a loader. */
export function compiledPath(source: string): string {
  return join(inject('compiled'), source.replace(/ts$/, 'js'))
}

/** One of the processes. After a kill and a start, a new program runs in its place. */
export interface RaceProcess {
  readonly url: string
  readonly pid: number
  /** Kills it during whatever it is doing, and waits until it has exited. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends it, and returns what it printed besides its address. */
  stop(): Promise<string>
}

export async function startProcess(path: string, env: Record<string, string>): Promise<RaceProcess> {
  let main: MainProgram = await startMain(path, env)
  let said = ''
  const note = (): void => {
    said += main.printed().replaceAll(/^(?:process \d+|Open http:\S+)\n/gm, '')
  }
  const pid = (): number => Number(/^process (\d+)$/m.exec(main.printed())?.[1])
  return {
    get url() {
      return main.url
    },
    get pid() {
      return pid()
    },
    async kill() {
      process.kill(pid(), 'SIGKILL')
      const how = await main.stop()
      if (how !== 'SIGKILL') throw new Error(`the process ended before it was killed: ${how}\n${main.printed()}`)
      note()
    },
    async start() {
      main = await startMain(path, env)
    },
    async stop() {
      const how = await main.stop()
      note()
      return how === 'SIGTERM' ? said : `the process ended before it was killed: ${how}\n${said}`
    },
  }
}
