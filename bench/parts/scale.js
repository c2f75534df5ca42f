/** Guarded requests with few and with many sessions in Redis. */
import { randomBytes } from 'node:crypto'
import { freemem } from 'node:os'
import { sign } from 'cookie-signature'
import { figure, heading, median, medianRatio, progress, table } from '../figures.js'
import { load, requestOf, warmUp } from '../load.js'
import { logIn, startSubject } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { takeTurns } from '../rounds.js'
import { ours, subjects } from '../subjects.js'
import { secret } from '../subjects/settings.js'

const few = 1000
/** Sessions that are in use in turn. */
const inUse = 1000
/** Requests of which each is the first of its session. */
const strangers = 60_000

/** @param {import('../main.js').Settings} settings */
export async function scale({ rounds, seconds, sessions }) {
  heading('Sessions in Redis')
  const provider = await startProcess('provider.js')
  const subject = subjects.find(({ name }) => name === ours)
  const small = await fill(subject, provider, few)
  const many = fitting(sessions, small.bytesEach)
  const large = await fill(subject, provider, many)
  const runs = [
    { label: `${figure(few)} sessions`, ...small },
    { label: `${figure(many)} sessions, ${figure(inUse)} of them in use`, ...large },
    { label: `${figure(many)} sessions, each request another's`, ...large, target: large.strangers },
  ].map((run) => ({ ...run, perSecond: [0], cpu: [0] }))
  for (const run of runs) await load(run.target, warmUp)
  await takeTurns(runs, { rounds, seconds })
  const [first] = runs
  console.log(
    table([
      ['', 'MB in Redis', 'requests/s', 'CPU us/request', `cost/that at ${figure(few)}`, 'by CPU'],
      ...runs.map(({ label, megabytes, perSecond, cpu }) => [
        label,
        figure(megabytes),
        figure(median(perSecond)),
        figure(median(cpu)),
        `${figure(medianRatio(first.perSecond, perSecond), 2)} x`,
        `${figure(medianRatio(cpu, first.cpu), 2)} x`,
      ]),
    ]),
  )
  console.log(
    "\nThe first request of a session within a minute renews it, which nobody waits for: in the last line that is each request's second command.",
  )
}

/** As many as fit into the memory of the machine with room to spare. @param {number} wanted @param {number} bytesEach */
function fitting(wanted, bytesEach) {
  const most = Math.floor((freemem() * 0.6) / bytesEach)
  if (most >= wanted) return wanted
  console.log(`notice: memory for ${figure(most)} sessions only\n`)
  return most
}

/**
 * A Redis of its own with copies of one real login, and the subject on it.
 *
 * @param {import('../subjects.js').Subject} subject
 * @param {{ ready: object }} provider
 * @param {number} count
 */
async function fill(subject, provider, count) {
  const redis = await startRedis()
  const running = await startSubject(subject, { redis, provider })
  const { body, cookie } = await logIn(running)
  const original = decodeURIComponent(cookie).match(/s:([^.]+)\./)[1]
  const records = []
  for (const key of await redis.client.keys(`*${original}*`)) {
    records.push({ key, value: await redis.client.get(key), seconds: await redis.client.ttl(key) })
  }
  const { loginId } = Object.values(
    JSON.parse(records.find(({ key }) => key === `oidc:{sess:${original}}`).value).slots,
  )[0]
  const before = await usedMemory(redis.client)
  const ids = Array.from({ length: count }, () => randomBytes(24).toString('base64url'))
  const step = 5000
  for (let from = 0; from < count; from += step) {
    // Copied within Redis: what is sent is the new names alone.
    await redis.client.eval(copyScript, {
      arguments: [original, loginId, JSON.stringify(records), ...ids.slice(from, from + step)],
    })
    progress(`${figure(from + step)} sessions`)
  }
  const bytes = (await usedMemory(redis.client)) - before
  const requests = (/** @type {readonly string[]} */ some) =>
    some.map((id) => requestOf(running.url, `connect.sid=${encodeURIComponent(`s:${sign(id, secret)}`)}`))
  return {
    process: running.process,
    bytesEach: bytes / count,
    megabytes: bytes / 1e6,
    target: { url: running.url, body, requests: requests(ids.slice(0, inUse)) },
    strangers: { url: running.url, body, requests: requests(ids.slice(inUse, inUse + strangers)) },
  }
}

/** Ids have the alphabet of base64url, of which only the hyphen means something in a Lua pattern. */
const copyScript = `
local original, login = ARGV[1]:gsub('%-', '%%-'), ARGV[2]:gsub('%-', '%%-')
for _, record in ipairs(cjson.decode(ARGV[3])) do
  for i = 4, #ARGV do
    local value = record.value:gsub(login, ARGV[i]:sub(1, #ARGV[2]))
    redis.call('SET', record.key:gsub(original, ARGV[i]), value, 'EX', record.seconds)
  end
end
return 1`

/** @param {any} client */
async function usedMemory(client) {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}
