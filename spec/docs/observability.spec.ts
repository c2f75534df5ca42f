/**
 * docs/observability.md: compares its events, fields, metrics and codes with the types, and its code and output with the
 * example. With UPDATE_DOCS=1, it writes the code and the output instead.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createUserAgent, startTestProvider } from 'express-session-oidc/testing'
import ts from 'typescript'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createApp } from '../../examples/observability/app.js'
import { createLog } from '../../examples/observability/log.js'
import { close, listen, until } from '../support/app.ts'
import { pass } from '../support/tokens-app.ts'

const root = join(import.meta.dirname, '../..')
const file = join(root, 'docs/observability.md')
const guide = (): string => readFileSync(file, 'utf8')
const howTo = 'run UPDATE_DOCS=1 npx vitest run spec/docs'

const paths = ['events', 'errors', 'error-table'].map((name) => join(root, `lib/core/${name}.ts`))
const program = ts.createProgram(paths, { noLib: true, types: [], strict: true, allowImportingTsExtensions: true })
const checker = program.getTypeChecker()

/** A type that one of these files exports. */
function getType(name: string): ts.Type {
  const symbols = paths.flatMap((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path) as ts.SourceFile)
    return checker.getExportsOfModule(module as ts.Symbol)
  })
  return checker.getDeclaredTypeOfSymbol(symbols.find((symbol) => symbol.name === name) as ts.Symbol)
}

const members = (type: ts.Type): string[] => checker.getPropertiesOfType(type).map(({ name }) => name)
const texts = (type: ts.Type): string[] =>
  (type.isUnion() ? type.types : [type]).flatMap((one) => (one.isStringLiteral() ? [one.value] : []))

const base = members(getType('OidcEventBase'))
const eventTypes = checker.getPropertiesOfType(getType('OidcEvents'))
const events = new Map(eventTypes.map((event) => [event.name, members(checker.getTypeOfSymbol(event))]))
const codes = texts(getType('OidcErrorCode'))

/** The values of an event's `reason`. */
function getReasons(event: ts.Symbol): string[] {
  const reason = checker.getTypeOfSymbol(event).getProperty('reason')
  return reason ? texts(checker.getTypeOfSymbol(reason)) : []
}

/** The rows of the table whose header begins with this. */
function rows(head: string): string[][] {
  const lines = guide().split('\n')
  const from = lines.findIndex((line) => line.startsWith(`| ${head} `)) + 2
  const to = lines.findIndex((line, index) => index > from && !line.startsWith('|'))
  return lines.slice(from, to).map((line) => line.split('|').slice(1, -1))
}

const quoted = (text: string | undefined): string[] =>
  [...(text ?? '').matchAll(/`(\w+)`/g)].map(([, one]) => one as string)

describe('docs/observability.md', () => {
  it('lists every event with every field, and no others', () => {
    const reported = new Map(
      rows('event').map(([name, fields]) => [quoted(name)[0], [...base, ...quoted(fields)].toSorted()]),
    )
    expect(events.size).toBeGreaterThan(8)
    expect(reported).toEqual(new Map([...events].map(([name, fields]) => [name, fields.toSorted()])))
  })

  it('describes every field and every reason', () => {
    const reported = rows('field').flatMap(([name]) => quoted(name))
    expect(reported.toSorted()).toEqual([...new Set([...events.values()].flat())].toSorted())
    const reasons = rows('field').find(([name]) => quoted(name)[0] === 'reason')?.[1]
    expect(new Set(quoted(reasons))).toEqual(new Set(eventTypes.flatMap(getReasons)))
  })

  it('names only codes that exist', () => {
    const reported = rows('code').flatMap(([names]) => quoted(names))
    expect(reported.length).toBeGreaterThan(15)
    for (const code of reported) expect([...codes, ...events.keys()], code).toContain(code)
  })

  it('has alerts only on metrics, labels and codes that exist', () => {
    const alerts = /```promql\n([\s\S]*?)```/.exec(guide())?.[1] ?? ''
    const used = [...alerts.matchAll(/\boidc_(\w+?)_(?:total|duration_bucket)(?:\{(.*?)\})?/g)]
    expect(used.length).toBeGreaterThan(10)
    for (const [, name = '', selector = ''] of used) {
      const labels = name === 'provider_request' ? ['status'] : events.get(name)
      expect(labels, name).toBeDefined()
      for (const [, label = '', values = ''] of selector.matchAll(/(\w+)(?:!=|=~|=)"(.*?)"/g)) {
        expect(labels, `${name} has ${label}`).toContain(label)
        if (label === 'code') for (const code of values.split('|')) expect(codes).toContain(code)
      }
    }
  })

  it('has the current code of the example', () => {
    const text = guide()
    const blocks = /(<!-- (examples\/[\w/.]+) -->\n\n```js\n)[\s\S]*?```/g
    const made = text.replace(blocks, (_all, head: string, path: string) => {
      return `${head}${readFileSync(join(root, path), 'utf8')}\`\`\``
    })
    expect([...text.matchAll(blocks)]).toHaveLength(3)
    if (process.env['UPDATE_DOCS']) writeFileSync(file, made)
    else expect(text, howTo).toBe(made)
  })

  it('sets up the parts with the same lines as the example', () => {
    const [, path = '', snippet = ''] = /<!-- lines of (\S+) -->\n\n```js\n([\s\S]*?)```/.exec(guide()) ?? []
    const lines = readFileSync(join(root, path), 'utf8').split('\n')
    expect(snippet).toContain('createOidc')
    for (const line of snippet.trimEnd().split('\n')) expect(lines).toContain(`  ${line}`)
  })
})

describe('the output in docs/observability.md', () => {
  let stops: (() => unknown)[] = []
  afterEach(async () => {
    vi.useRealTimers()
    for (const stop of stops) await stop()
    stops = []
  })

  it('shows what the example actually prints', async () => {
    const { log, metrics } = await printed()
    const made = guide()
      .replace(/(<!-- lines of the log: .*-->\n)[\s\S]*?(<!-- end)/, (_all, head: string, end: string) => {
        return `${head}\n\`\`\`json\n${log}\`\`\`\n\n${end}`
      })
      .replace(/(<!-- metrics: .*-->\n)[\s\S]*?(<!-- end)/, (_all, head: string, end: string) => {
        return `${head}\n\`\`\`\n${metrics}\`\`\`\n\n${end}`
      })
    if (process.env['UPDATE_DOCS']) writeFileSync(file, made)
    else expect(guide(), howTo).toBe(made)
    expect(made).toContain('"event":"refresh"')
    expect(made).not.toMatch(/eyJ[\w-]{10,}|127\.0\.0\.1|localhost/)
  })

  /** Performs a few steps of a user and a client, and returns the log and the metrics of these. */
  async function printed(): Promise<{ log: string; metrics: string }> {
    const provider = await startTestProvider({ audience: 'orders', now: () => Date.now(), signIn: 'bob' })
    const servers = [createServer(), createServer()] as const
    stops = [...servers.map((server) => () => close(server)), () => provider.stop()]
    const [baseUrl, inside] = [(await listen(servers[0])).replace('127.0.0.1', 'localhost'), await listen(servers[1])]
    let written = ''
    const log = createLog({ level: 'debug', to: { write: (text) => void (written += text) } })
    const { app, operations, close: closeApp } = createApp({ baseUrl, provider: provider.settings(), log })
    stops.unshift(closeApp)
    servers[0].on('request', app)
    servers[1].on('request', operations)

    const agent = createUserAgent({ baseUrl })
    await agent.get('/orders')
    await until(() => written.includes('"path":"/callback"'), 'the log has the callback request')
    await agent.get('/admin')
    pass(280)
    await agent.get('/orders')
    await fetch(`${baseUrl}/api/orders`, { headers: { authorization: 'Bearer forged' } })
    provider.deny()
    await createUserAgent({ baseUrl }).get('/orders')
    const shown = written.split('\n').filter((line) => /"event":|"path":"\/callback","status":303/.test(line))
    const metrics = await (await fetch(`${inside}/metrics`)).text()
    return {
      log: `${masked(shown, provider.issuer).join('\n')}\n`,
      metrics: metrics
        .split('\n')
        .filter((line) => /^oidc_\w+(?<!_bucket)\{/.test(line))
        .map((line) => line.replace(/,otel_scope_name="[^"]*"/, '').replace(/(_sum\{.*\}) .*/, '$1 0.012'))
        .map((line) => `${line}\n`)
        .join(''),
    }
  }
})

/** Replaces the parts of the lines that differ between runs. */
function masked(lines: readonly string[], issuer: string): string[] {
  const ids = new Map<string, string>()
  return lines.map((line, index) =>
    line
      .replaceAll(issuer, 'https://id.example.com')
      .replace(/"time":\d+/, `"time":${1_760_000_000_000 + index * 100}`)
      .replace(/"at":[\d.]+/, `"at":${1_760_000_000 + index / 10}`)
      .replace(/"ms":\d+/, '"ms":12')
      .replace(/"durationMs":[\d.]+/, '"durationMs":12')
      .replace(/"loginId":"[^"]+"/, '"loginId":"pX3nW7kQ0sZ2vB5cY8dE1g"')
      .replace(/"requestId":"([^"]+)"/, (_all, id: string) => {
        const known = ids.get(id) ?? `5b1c0d5e-0000-4000-8000-${String(ids.size + 1).padStart(12, '0')}`
        ids.set(id, known)
        return `"requestId":"${known}"`
      }),
  )
}
