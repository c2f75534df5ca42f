/**
 * A stand-in for Redis on a machine that has none: a server on 127.0.0.1 with the commands that the package and its
 * tests send. It answers these as Redis 7 does (`redis-stand-in.spec.ts` compares them). Any other command fails
 * with an error that names the file to extend.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { StandInData } from './redis-stand-in-data.ts'
import {
  encodeReply,
  RedisError,
  RequestReader,
  untaught,
  type Protocol,
  type Reply,
} from './redis-stand-in-protocol.ts'
import { StandInScripts } from './redis-stand-in-scripts.ts'

export interface RedisStandIn {
  readonly url: string
  /** Closes the port and all connections. */
  close(): Promise<void>
}

/** Starts an empty stand-in, by default on a free port. */
export async function startRedisStandIn(port = 0): Promise<RedisStandIn> {
  const data = new StandInData()
  const scripts = new StandInScripts(data)
  const sockets = new Set<Socket>()
  let connections = 0
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new Connection(++connections, data, scripts)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      try {
        socket.write(connection.receive(chunk))
      } catch (error) {
        socket.destroy(error as Error)
      }
    })
  })
  await listen(server, port)
  const address = server.address()
  const listening = typeof address === 'object' && address ? address.port : port
  return {
    url: `redis://127.0.0.1:${listening}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve())
  })
}

class Connection {
  readonly #id: number
  readonly #data: StandInData
  readonly #scripts: StandInScripts
  readonly #requests = new RequestReader()
  #protocol: Protocol = 2

  constructor(id: number, data: StandInData, scripts: StandInScripts) {
    this.#id = id
    this.#data = data
    this.#scripts = scripts
  }

  /** Executes the commands that a piece of the stream completes, and returns their replies. */
  receive(chunk: Buffer): Buffer {
    const replies = this.#requests.read(chunk).map((words) => {
      const reply = this.#execute(words)
      // The reply to HELLO is in the protocol that it selects.
      return encodeReply(reply, this.#protocol)
    })
    return Buffer.from(replies.join(''), 'latin1')
  }

  #execute(words: string[]): Reply {
    const [name = '', ...args] = words
    try {
      switch (name.toUpperCase()) {
        case 'HELLO':
          return this.#hello(args)
        case 'CLIENT':
          return this.#client(args)
        case 'EVAL':
          return this.#scripts.evaluate(args)
        default:
          return this.#data.execute(words)
      }
    } catch (error) {
      if (error instanceof RedisError) return error
      return new RedisError(`ERR the stand-in for Redis failed: ${(error as Error).stack}`)
    }
  }

  /** node-redis 6 speaks RESP3 by default, and does not fall back. */
  #hello([version, ...options]: string[]): Reply {
    if (options.length > 0) throw untaught(`HELLO with ${options[0]}`, 'redis-stand-in.ts')
    if (version !== '2' && version !== '3') throw new RedisError('NOPROTO unsupported protocol version')
    this.#protocol = version === '2' ? 2 : 3
    return new Map<string, Reply>([
      ['server', 'redis'],
      ['version', '7.0.0'],
      ['proto', this.#protocol],
      ['id', this.#id],
      ['mode', 'standalone'],
      ['role', 'master'],
      ['modules', []],
    ])
  }

  #client([name = '']: string[]): Reply {
    const isKnown = ['SETINFO', 'SETNAME'].includes(name.toUpperCase())
    if (!isKnown) throw untaught(`CLIENT ${name}`, 'redis-stand-in.ts')
    return { status: 'OK' }
  }
}
