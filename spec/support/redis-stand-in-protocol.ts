/** RESP as a server reads and writes it. A string holds bytes, one in each character (`latin1`). */

/** RESP2 or RESP3. */
export type Protocol = 2 | 3

export type Reply =
  | null
  | number
  | string
  | readonly Reply[]
  | ReadonlyMap<string, Reply>
  | RedisError
  | { readonly status: string }
  | { readonly double: number }
  | { readonly scored: readonly (readonly [member: string, score: number])[] }

/** An error reply. */
export class RedisError extends Error {}

/** The error for a feature of Redis that the stand-in does not have. */
export function untaught(what: string, file: string): RedisError {
  return new RedisError(`ERR the stand-in for Redis does not know ${what}; add it to spec/support/${file}`)
}

/** Reads requests, which are arrays of bulk strings, from a stream that arrives in pieces. */
export class RequestReader {
  #rest: Buffer = Buffer.alloc(0)

  /** Returns the requests that this piece completes. */
  read(chunk: Buffer): string[][] {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk
    const requests: string[][] = []
    for (let found = readRequest(this.#rest); found; found = readRequest(this.#rest)) {
      requests.push(found.words)
      this.#rest = this.#rest.subarray(found.end)
    }
    return requests
  }
}

function readRequest(bytes: Buffer): { words: string[]; end: number } | undefined {
  const count = readLength(bytes, 0, '*')
  if (!count) return undefined
  const words: string[] = []
  let at = count.end
  while (words.length < count.length) {
    const size = readLength(bytes, at, '$')
    if (!size || bytes.length < size.end + size.length + 2) return undefined
    at = size.end + size.length + 2
    words.push(bytes.toString('latin1', size.end, at - 2))
  }
  return { words, end: at }
}

/** Reads a line such as `*3` or `$12`. */
function readLength(bytes: Buffer, at: number, sign: '*' | '$'): { length: number; end: number } | undefined {
  const end = bytes.indexOf('\r\n', at)
  if (end < 0) return undefined
  const line = bytes.toString('latin1', at, end)
  if (!line.startsWith(sign)) throw new Error(`the request is not an array of bulk strings: ${JSON.stringify(line)}`)
  return { length: Number(line.slice(1)), end: end + 2 }
}

export function encodeReply(reply: Reply, protocol: Protocol): string {
  const encode = (part: Reply): string => encodeReply(part, protocol)
  if (reply === null) return protocol === 2 ? '$-1\r\n' : '_\r\n'
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'string') return `$${reply.length}\r\n${reply}\r\n`
  if (isArray(reply)) return `*${reply.length}\r\n${reply.map(encode).join('')}`
  if (reply instanceof RedisError) return `-${reply.message.replace(/[\r\n]+/g, ' ')}\r\n`
  if (reply instanceof Map) {
    const sign = protocol === 2 ? `*${reply.size * 2}` : `%${reply.size}`
    return `${sign}\r\n${[...(reply as ReadonlyMap<string, Reply>)].flat().map(encode).join('')}`
  }
  if ('status' in reply) return `+${reply.status}\r\n`
  if ('double' in reply) return protocol === 2 ? encode(formatScore(reply.double)) : `,${formatScore(reply.double)}\r\n`
  const { scored } = reply as Extract<Reply, { scored: unknown }>
  const pairs = scored.map(([member, double]): Reply[] => [member, { double }])
  return encode(protocol === 2 ? pairs.flat() : pairs)
}

export function isArray(reply: Reply): reply is readonly Reply[] {
  return Array.isArray(reply)
}

/** Formats a score as Redis does. */
export function formatScore(score: number): string {
  return Number.isFinite(score) ? String(score) : score > 0 ? 'inf' : '-inf'
}
