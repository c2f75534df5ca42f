/** Child processes that can't outlive their parent. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'

/**
 * Holds a pipe from the parent, which the system closes however the parent ends, by `kill -9` too. Then, and after a
 * failure, nothing of the command stays: neither its processes nor its folder.
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
 * Starts a command in a session of its own, so that a Ctrl-C meant for the parent does not tear it down halfway.
 *
 * @param {string[]} command
 * @param {{ folder: string, env?: NodeJS.ProcessEnv, onOutput?: (text: string) => void }} options its working folder,
 *   removed unless the command ends well
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
  /** How it ended, with the lines that tell why. @type {Promise<{ ok: boolean, account: string }>} */
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
 * Runs a command to its end.
 *
 * @param {string} what for the error
 * @param {string[]} command
 * @param {Parameters<typeof guarded>[1]} options
 */
export async function run(what, command, options) {
  const { ok, account } = await guarded(command, options).ended
  if (!ok) throw new Error(`${what} failed with ${account}`)
}
