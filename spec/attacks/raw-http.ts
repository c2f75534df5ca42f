/** Requests that no HTTP client would send, written byte by byte, and raw responses. */
import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** The status line and the header lines as latin1. */
  readonly head: string
  /** In the order and spelling of the response, with duplicates. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** All values of a header, in order. */
  all(name: string): string[]
  /** The value of a header, or undefined. Throws if the header is repeated. */
  get(name: string): string | undefined
}

export type HeaderLines = readonly (readonly [name: string, value: string])[]

/** The headers of a navigation. */
export const navigation: HeaderLines = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Site', 'none'],
]

/** The headers of a form from the application's own page. */
export const form: HeaderLines = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Content-Length', '0'],
]

/** The headers of a same-origin fetch. */
export const script: HeaderLines = [
  ['Accept', '*/*'],
  ['Sec-Fetch-Mode', 'cors'],
  ['Sec-Fetch-Dest', 'empty'],
  ['Sec-Fetch-Site', 'same-origin'],
]

export interface RawRequest {
  readonly method?: string
  /** The request target, unchanged. */
  readonly target: string
  /** In addition to Host and Connection. */
  readonly headers?: HeaderLines
  /** The Host header. Default: that of the server. `null` omits it. */
  readonly host?: string | null
  readonly version?: '1.0' | '1.1'
  readonly body?: string
  /** Default: UTF-8. */
  readonly encoding?: 'utf8' | 'latin1'
}

/** Percent-encodes a text for a query. Lone surrogates, which have no UTF-8, are encoded as well. */
export function queryValue(text: string): string {
  return Array.from(text)
    .map((character) => {
      if (!/\p{Surrogate}/u.test(character)) return encodeURIComponent(character)
      const code = character.charCodeAt(0)
      return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
        .map((octet) => `%${octet.toString(16)}`)
        .join('')
    })
    .join('')
}

/** Sends one request and reads until the connection closes. */
export async function rawRequest(server: string, request: RawRequest): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(server)
  const { method = 'GET', target, headers = [], version = '1.1', body = '', encoding = 'utf8' } = request
  const hostLine: HeaderLines = request.host === null ? [] : [['Host', request.host ?? host]]
  const lines = [...hostLine, ['Connection', 'close'] as const, ...headers].map(([name, value]) => `${name}: ${value}`)
  const text = `${method} ${target} HTTP/${version}\r\n${lines.join('\r\n')}\r\n\r\n${body}`
  return exchange({ hostname, port: Number(port) }, Buffer.from(text, encoding))
}

async function exchange(to: { hostname: string; port: number }, octets: Buffer): Promise<RawAnswer> {
  const socket = connect(to.port, to.hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  // The server may reject the request before it has read all of it.
  socket.on('error', () => {})
  socket.setTimeout(15_000, () => socket.destroy())
  socket.write(octets)
  await once(socket, 'close')
  return readAnswer(Buffer.concat(chunks).toString('latin1'))
}

/** RFC 9110 5.1 and 5.5: a token, a colon, and a value without control characters. */
const headerLine = /^([!#$%&'*+.^_`|~\w-]+): ([\t\x20-\x7e\x80-\xff]*)$/

/** Parses a response strictly: an invalid header line, or data after the body, is an error. */
function readAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) throw new Error(`no answer: ${JSON.stringify(text.slice(0, 500))}`)
  const head = text.slice(0, end)
  const [statusLine = '', ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(statusLine)?.[1])
  if (!(status >= 100)) throw new Error(`no status line: ${JSON.stringify(statusLine)}`)
  const headers = lines.map((line) => {
    const [, name, value] = headerLine.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`no header line: ${JSON.stringify(line)}`)
    return [name, value] as const
  })
  const all = (name: string): string[] =>
    headers.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
  const get = (name: string): string | undefined => {
    const values = all(name)
    if (values.length > 1) throw new Error(`the header ${name} came ${values.length} times`)
    return values[0]
  }
  const rest = text.slice(end + 4)
  const body = get('transfer-encoding') === 'chunked' ? joined(rest) : rest
  const length = get('content-length')
  if (length !== undefined && body !== '' && body.length !== Number(length)) {
    throw new Error(`${body.length} bytes where ${length} were announced: ${JSON.stringify(body.slice(0, 500))}`)
  }
  return { status, head, headers, body: Buffer.from(body, 'latin1').toString('utf8'), all, get }
}

function joined(chunked: string): string {
  let body = ''
  for (let at = 0; ;) {
    const end = chunked.indexOf('\r\n', at)
    const size = Number.parseInt(chunked.slice(at, end), 16)
    if (!(size >= 0)) throw new Error('the chunks end early')
    if (size === 0) return body
    body += chunked.slice(end + 2, end + 2 + size)
    at = end + 2 + size + 2
  }
}
