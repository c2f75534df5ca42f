/** Requests written byte by byte, for what no HTTP client sends, and answers as they are on the wire. */
import { once } from 'node:events'
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** The status line and the header lines, byte for byte as latin1. */
  readonly head: string
  /** Names as they were written, in order; a header that came twice is there twice. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
  /** The values of one header, in order. */
  all(name: string): string[]
  /** The value of a header that came once; undefined where it did not come. */
  get(name: string): string | undefined
}

export type HeaderLines = readonly (readonly [name: string, value: string])[]

/** What a browser sends when a page is opened. */
export const navigation: HeaderLines = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Site', 'none'],
]

/** What a browser sends with a form of the application's own page. */
export const form: HeaderLines = [
  ['Accept', 'text/html,application/xhtml+xml'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Content-Type', 'application/x-www-form-urlencoded'],
  ['Content-Length', '0'],
]

/** What a script sends. */
export const script: HeaderLines = [
  ['Accept', '*/*'],
  ['Sec-Fetch-Mode', 'cors'],
  ['Sec-Fetch-Dest', 'empty'],
  ['Sec-Fetch-Site', 'same-origin'],
]

export interface RawRequest {
  readonly method?: string
  /** The request target as it stands on the request line. */
  readonly target: string
  /** Default: the header Host alone. */
  readonly headers?: HeaderLines
  /** Default: that of the server. `null`: none. */
  readonly host?: string | null
  readonly version?: '1.0' | '1.1'
  readonly body?: string
  /** How the texts become octets. Default: UTF-8. */
  readonly encoding?: 'utf8' | 'latin1'
}

/** The text as a query's value. Half a character has no UTF-8: it is encoded all the same. */
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

/** Sends one request and reads to the end of the connection. */
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
  // The server may refuse the request before all of it was read.
  socket.on('error', () => {})
  socket.setTimeout(15_000, () => socket.destroy())
  socket.write(octets)
  await once(socket, 'close')
  return readAnswer(Buffer.concat(chunks).toString('latin1'))
}

/** RFC 9110 5.1 and 5.5: a token, a colon, and a value without control characters. */
const headerLine = /^([!#$%&'*+.^_`|~\w-]+): ([\t\x20-\x7e\x80-\xff]*)$/

/** Reads an answer strictly: whatever is not one header line for one header, or follows the body, is an error. */
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
