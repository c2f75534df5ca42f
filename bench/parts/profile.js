/** Where the time of a guarded request goes: the self time of functions, by package and by file of this package. */
import { figure, heading, table } from '../figures.js'
import { load, warmUp } from '../load.js'
import { startSubject, getTarget } from '../login.js'
import { startProcess, startRedis } from '../processes.js'
import { ours, subjects } from '../subjects.js'

const most = 25

/** Names that say what native functions do. @type {ReadonlyMap<string, string>} */
const ownNames = new Map([
  ['writev', 'native: writev (the command to Redis)'],
  ['writeUtf8String', 'native: writeUtf8String (the answer)'],
])

/** @param {import('../main.js').Settings} settings */
export async function profile({ seconds }) {
  heading('Where the time of a guarded request goes')
  const redis = await startRedis()
  const provider = await startProcess('provider.js')
  const subject = subjects.find(({ name }) => name === ours)
  const running = await startSubject(subject, { redis, provider })
  const target = await getTarget(running)
  await load(target, warmUp)
  await running.process.call('startProfile')
  const { count } = await load(target, { seconds: Math.max(5, 3 * seconds) })
  const { nodes, samples, timeDeltas } = await running.process.call('stopProfile')

  const frames = new Map(nodes.map((/** @type {any} */ node) => [node.id, node.callFrame]))
  const times = { place: new Map(), file: new Map(), function: new Map() }
  let total = 0
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id)
    if (frame.functionName === '(idle)') continue
    const time = timeDeltas[index]
    total += time
    const place = getPlace(frame)
    add(times.place, place.group, time)
    if (place.file) add(times.file, place.file, time)
    add(
      times.function,
      `${frame.functionName || '(anonymous)'} ${place.file ?? place.group}:${frame.lineNumber + 1}`,
      time,
    )
  }
  const rows = (/** @type {Map<string, number>} */ map) =>
    [...map]
      .toSorted((a, b) => b[1] - a[1])
      .slice(0, most)
      .map(([name, time]) => [name, figure(time / count, 1), `${figure((100 * time) / total, 1)} %`])
  const share = ['us/request', 'share']
  console.log(`${figure(count)} requests under the profiler, which slows them down: only the shares are meaningful.\n`)
  console.log(table([['where', ...share], ...rows(times.place)]))
  console.log(`\n${table([['file of this package', ...share], ...rows(times.file)])}`)
  console.log(`\n${table([['function', ...share], ...rows(times.function)])}`)
}

/** @param {Map<string, number>} map @param {string} key @param {number} time */
function add(map, key, time) {
  map.set(key, (map.get(key) ?? 0) + time)
}

/** @param {{ functionName: string, url: string }} frame @returns {{ group: string, file?: string }} */
function getPlace({ functionName, url }) {
  if (functionName === '(garbage collector)') return { group: 'garbage collection' }
  if (url === '') return { group: ownNames.get(functionName) ?? `native: ${functionName}` }
  if (url.startsWith('node:')) return { group: `Node: ${getArea(url.slice(5))}` }
  const path = url.split('node_modules/').at(-1) ?? url
  const name = path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/')
  if (name !== ours) return { group: url.includes('node_modules/') ? name : 'the application' }
  return { group: `${ours} (this package)`, file: path.slice(`${ours}/dist/`.length) }
}

/** @param {string} path of a module of Node */
function getArea(path) {
  if (path.startsWith('_http')) return 'http'
  const [first = '', second = first] = path.split('/')
  return first === 'internal' ? second : first
}
