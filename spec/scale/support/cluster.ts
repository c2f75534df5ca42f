/** A Redis Cluster of three masters. */
import { setTimeout as pause } from 'node:timers/promises'
import type { RedisProcess } from '../../support/redis-process.ts'
import { startServer } from './servers.ts'

const slots = 16_384

export interface Cluster {
  readonly masters: readonly RedisProcess[]
  readonly nodes: readonly { readonly url: string }[]
  stop(): Promise<void>
}

export async function startCluster(): Promise<Cluster> {
  const lines = ['cluster-enabled yes', 'cluster-node-timeout 2000', 'appendonly no']
  const masters = await Promise.all([0, 1, 2].map(() => startServer(lines)))
  const [first] = masters as [RedisProcess]
  for (const [index, master] of masters.entries()) {
    const range = [index, index + 1].map((part) => Math.floor((part * slots) / masters.length))
    await master.command('CLUSTER', 'ADDSLOTSRANGE', String(range[0]), String((range[1] as number) - 1))
    if (master !== first) await first.command('CLUSTER', 'MEET', '127.0.0.1', String(master.port))
  }
  for (const master of masters) {
    while (!/cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(await master.command('CLUSTER', 'INFO'))))
      await pause(50)
  }
  return {
    masters,
    nodes: masters.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` })),
    stop: async () => void (await Promise.all(masters.map((master) => master.stop()))),
  }
}
