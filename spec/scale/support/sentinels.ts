/** A Redis master with a replica, and three sentinels that promote the replica. */
import { setTimeout as pause } from 'node:timers/promises'
import type { RedisProcess } from '../../support/redis-process.ts'
import { startServer } from './servers.ts'

export const masterName = 'logins'

export interface Sentinels {
  readonly master: RedisProcess
  readonly replica: RedisProcess
  readonly rootNodes: readonly { readonly host: string; readonly port: number }[]
  /** Waits until the sentinels have promoted the replica. */
  failedOver(): Promise<void>
  stop(): Promise<void>
}

export async function startSentinels(): Promise<Sentinels> {
  const master = await startServer(['appendonly no'])
  const replica = await startServer([
    'appendonly no',
    `replicaof 127.0.0.1 ${master.port}`,
    'repl-diskless-sync-delay 0',
  ])
  while (!/master_link_status:up/.test(String(await replica.command('INFO', 'replication')))) await pause(50)
  const lines = [
    `sentinel monitor ${masterName} 127.0.0.1 ${master.port} 2`,
    `sentinel down-after-milliseconds ${masterName} 500`,
    `sentinel failover-timeout ${masterName} 5000`,
  ]
  const sentinels = await Promise.all([0, 1, 2].map(() => startServer(lines, true)))
  const ofAll = async (isSo: (info: string) => boolean, ...words: string[]): Promise<void> => {
    for (const sentinel of sentinels) while (!isSo(String(await sentinel.command(...words)))) await pause(50)
  }
  const known = ['SENTINEL', 'MASTER', masterName]
  await ofAll((info) => /num-slaves,1,/.test(info) && /num-other-sentinels,2,/.test(info), ...known)
  return {
    master,
    replica,
    rootNodes: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    failedOver: () =>
      ofAll((info) => info.endsWith(`,${replica.port}`), 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName),
    stop: async () => void (await Promise.all([...sentinels, replica, master].map((server) => server.stop()))),
  }
}
