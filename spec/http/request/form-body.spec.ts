import { createServer, request as send, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import type { Request } from 'express'
import { OidcError } from 'express-session-oidc'
import { afterEach, describe, expect, it } from 'vitest'
import { readForm } from '../../../lib/http/request/form-body.ts'
import { close, listen } from '../../support/app.ts'

const form = 'application/x-www-form-urlencoded'

function request(
  chunks: readonly (string | Buffer)[],
  more: { type?: string | undefined; body?: unknown } = {},
): Request {
  const type = 'type' in more ? more.type : form
  const stream = Readable.from(chunks.map((chunk) => Buffer.from(chunk)))
  return Object.assign(stream, { headers: { 'content-type': type }, body: more.body }) as unknown as Request
}

async function read(...given: Parameters<typeof request>): Promise<[string, string][]> {
  return [...(await readForm(request(...given)))]
}

describe('readForm()', () => {
  it('decodes a form, even if it arrives in chunks that split a character', async () => {
    const bytes = Buffer.from('state=a%20b&code=x+y&name=\u00e9')
    expect(await read([bytes.subarray(0, 9), bytes.subarray(9, -1), bytes.subarray(-1)])).toEqual([
      ['state', 'a b'],
      ['code', 'x y'],
      ['name', '\u00e9'],
    ])
  })

  it('keeps duplicate parameters', async () => {
    expect(await read(['a=1&a=2'])).toEqual([
      ['a', '1'],
      ['a', '2'],
    ])
  })

  it('accepts the content type with parameters and in any case', async () => {
    expect(await read(['a=1'], { type: 'Application/X-WWW-Form-Urlencoded; charset=UTF-8' })).toEqual([['a', '1']])
  })

  it.each([undefined, '', 'application/json', 'multipart/form-data; boundary=x', 'text/plain', `${form}x`])(
    'rejects the content type %s with 415',
    async (type) => {
      await expect(readForm(request(['a=1'], { type }))).rejects.toMatchObject({ code: 'request_invalid', status: 415 })
    },
  )

  it('reads the strings of a body that the application has already parsed', async () => {
    const body = {
      state: 's',
      code: ['c', 'd'],
      nested: { a: '1' },
      number: 1,
      nothing: null,
      mixed: ['x', { y: 1 }, 2],
    }
    expect(await read([], { body })).toEqual([
      ['state', 's'],
      ['code', 'c'],
      ['code', 'd'],
      ['mixed', 'x'],
    ])
  })

  it('reads an unread form, even if another parser has set an empty body', async () => {
    // In Express 4, express.json() sets `req.body = {}` on a form that it skips.
    expect(await read(['state=s&code=c'], { body: {} })).toEqual([
      ['state', 's'],
      ['code', 'c'],
    ])
  })

  it('returns no parameters of a form that was already read and is empty', async () => {
    const req = request([''], { body: {} })
    req.resume()
    await new Promise((resolve) => req.once('end', resolve))
    expect([...(await readForm(req))]).toEqual([])
  })

  it('accepts at most 64 KiB', async () => {
    const most = 64 * 1024
    expect(await read([`a=${'x'.repeat(most - 2)}`])).toHaveLength(1)
    const error: unknown = await readForm(request([`a=${'x'.repeat(most - 2)}`, 'x'])).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(OidcError)
    expect(error).toMatchObject({ code: 'request_invalid', status: 413 })
  })

  it('stops reading at the limit, however long the body is', async () => {
    const offered = 8 * 1024 * 1024
    let read = 0
    const long = Readable.from(
      (function* () {
        for (; read < offered; read += 16_384) yield Buffer.alloc(16_384, 'x')
      })(),
    )
    const req = Object.assign(long, { headers: { 'content-type': form } }) as unknown as Request
    await expect(readForm(req)).rejects.toMatchObject({ status: 413 })
    expect(read).toBeLessThan(1024 * 1024)
  })
})

describe('a form that is too large, over a connection', () => {
  const server = createServer((req, res) => {
    readForm(req as Request).then(
      () => res.end('read'),
      (error: OidcError) => {
        res.statusCode = error.status
        res.end(error.code)
      },
    )
  })
  afterEach(() => close(server))

  it('answers a form that is too large with 413, not with a closed connection', async () => {
    const url = await listen(server)
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = send(url, { method: 'POST', agent: false, headers: { 'content-type': form } }, resolve)
      outgoing.on('error', reject)
      // The body is still incomplete when the limit is reached.
      outgoing.write(Buffer.alloc(70_000, 'x'))
    })
    answer.resume()
    expect(answer.statusCode).toBe(413)
  })
})
