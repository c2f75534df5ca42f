/** Runs child processes that cannot outlive their parent. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Holds a pipe from the parent. The system closes it however the parent ends, even by `kill -9`. Then, and after a failure,
 * this script removes the processes and the folder of the command.
 */
const GUARD = `
  folder=$1; shift
  exec 3<&0
  "$@" </dev/null 3<&- &
  command=$!
  (cat <&3; kill -TERM $command; sleep 3; rm -rf "$folder"; kill -KILL 0) >/dev/null 2>&1 &
  wait $command; status=$?
  [ $status = 0 ] || rm -rf "$folder"
  trap '' TERM; kill -TERM 0
  exit $status`

/**
 * Starts a command in its own session, so that a Ctrl-C for the parent does not interrupt it.
 *
 * @param {string[]} command
 * @param {{ folder: string, env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} options its working folder,
 *   removed unless the command succeeds
 */
export function guarded(command, { folder, env = process.env, onOutput = () => {} }) {
  const child = spawn('/bin/sh', ['-c', GUARD, 'guard', folder, ...command], { cwd: folder, env, detached: true })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
      output = (output + text).slice(-20_000)
      onOutput(text)
    })
  }
  /** The outcome, with the output lines that explain it. @type {Promise<{ ok: boolean, account: string }>} */
  const ended = once(child, 'close').then(([code]) => {
    const lines = output.trim().split('\n')
    const errors = lines.filter((line) => line.includes('ERROR'))
    const account = (errors.length ? errors.slice(0, 15) : lines.slice(-15)).join('\n')
    return { ok: code === 0, account: `exit code ${code}:\n${account}` }
  })
  return {
    ended,
    stop: async () => {
      child.stdin.destroy()
      await ended
    },
  }
}

/**
 * Runs a command until it ends.
 *
 * @param {string} what for the error
 * @param {string[]} command
 * @param {Parameters<typeof guarded>[1]} options
 */
export async function run(what, command, options) {
  const { ok, account } = await guarded(command, options).ended
  if (!ok) throw new Error(`${what} failed with ${account}`)
}
