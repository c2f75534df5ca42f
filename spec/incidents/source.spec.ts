/** What the package does without, read from its sources and its manifest: some incidents are ruled out by what is not there. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { acceptedAlgorithms } from '../../lib/config/algorithms.ts'
import * as exported from '../../lib/index.ts'
import manifest from '../../package.json' with { type: 'json' }

const lib = join(import.meta.dirname, '../../lib')

/** Sources of the package, without those for specs. */
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/^testing\b/.test(name))
  .map((name) => {
    const text = readFileSync(join(lib, name), 'utf8')
    return { name, source: ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true) }
  })

/** Places in the sources that a test finds, as `file: text`. */
function found(matches: (node: ts.Node) => boolean): string[] {
  return sources.flatMap(({ name, source }) => {
    const places: string[] = []
    const visit = (node: ts.Node): void => {
      if (matches(node)) places.push(`${name}: ${node.getText().slice(0, 80)}`)
      ts.forEachChild(node, visit)
    }
    visit(source)
    return places
  })
}

function names(node: ts.Node, pattern: RegExp): boolean {
  return ts.isIdentifier(node) && pattern.test(node.text)
}

describe('the sources', () => {
  it('compare nothing by the language of the machine', { meta: { id: 'source-1' } }, () => {
    expect(found((node) => names(node, /^toLocale|^localeCompare$|^Intl$/))).toEqual([])
  })

  it(
    'keep no regular expression that remembers where it was, and make none of what comes in',
    { meta: { id: 'source-2' } },
    () => {
      const stateful = found((node) => {
        if (node.kind !== ts.SyntaxKind.RegularExpressionLiteral || !/\/[a-z]*[gy][a-z]*$/.test(node.getText()))
          return false
        // As the pattern of a replacement it is used once and starts anew.
        const { parent } = node
        return !(ts.isCallExpression(parent) && /\.(?:replace|replaceAll|matchAll)$/.test(parent.expression.getText()))
      })
      expect(stateful).toEqual([])
      expect(found((node) => ts.isNewExpression(node) && node.expression.getText() === 'RegExp')).toEqual([])
    },
  )

  it('look at no program that a browser says it is, and at no address', { meta: { id: 'source-3' } }, () => {
    const headers = /^(?:user-agent|x-forwarded-.*|x-real-ip|forwarded|host|x-original-.*)$/i
    const elsewhere = (places: string[]): string[] =>
      places.filter((place) => !place.startsWith('http/request/device.ts'))
    // One file keeps them, to be shown to the user.
    expect(elsewhere(found((node) => ts.isStringLiteral(node) && headers.test(node.text)))).toEqual([])
    // One file reads what a client presents.
    const credentials = found((node) => ts.isStringLiteral(node) && /^authorization$/i.test(node.text))
    expect(credentials.filter((place) => !place.startsWith('http/guards/bearer-credentials.ts'))).toEqual([])
    const addresses = found(
      (node) =>
        names(node, /^(?:ip|ips|hostname)$/) && /\breq(?:uest)?\.(?:ip|ips|hostname)$/.test(node.parent.getText()),
    )
    expect(elsewhere(addresses)).toEqual([])
  })

  it('run no text, draw no secret from Math.random, and log nothing by themselves', () => {
    expect(found((node) => ts.isCallExpression(node) && node.expression.getText() === 'eval')).toEqual([])
    expect(found((node) => ts.isNewExpression(node) && node.expression.getText() === 'Function')).toEqual([])
    expect(found((node) => names(node, /^console$/))).toEqual([])
    // The one that there is spreads the retries of a discovery that failed.
    const random = found((node) => ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random')
    expect(random).toEqual(['provider/provider.ts: Math.random'])
  })

  it('decrypt no token, and take none that is signed with a secret or not at all', { meta: { id: 'source-4' } }, () => {
    expect(found((node) => names(node, /^(?:\w+Decrypt|UnsecuredJWT|createRemoteJWKSet)$/))).toEqual([])
    // A DPoP proof alone brings its key (RFC 9449 4.2), whose thumbprint the access token names.
    const embedded = found((node) => names(node, /^EmbeddedJWK$/))
    expect(new Set(embedded.map((place) => place.split(':')[0]))).toEqual(new Set(['tokens/dpop-proof.ts']))
    // What says which of the trusted issuers to verify with, and nothing else, is read before that; and of an ID token
    // that was verified once, and was sealed since, the claims are read again.
    const unverified = found((node) => names(node, /^decodeJwt$/) && ts.isCallExpression(node.parent))
    expect(unverified.map((place) => place.split(':')[0])).toEqual(['tokens/id-token.ts', 'tokens/presented-token.ts'])
    for (const algorithm of acceptedAlgorithms) expect(algorithm).toMatch(/^(?:RS|PS|ES)(?:256|384|512)$|^Ed/)
  })

  it('keep no login and no token in a variable of a module', { meta: { id: 'source-5' } }, () => {
    // What modules keep are caches by object (WeakMap) and constants: nothing that one request writes and another reads.
    const kept = sources.flatMap(({ name, source }) =>
      source.statements
        .filter(ts.isVariableStatement)
        .flatMap(({ declarationList }) =>
          [...declarationList.declarations].map((declaration) => ({ declarationList, declaration })),
        )
        .filter(({ declarationList, declaration }) => {
          const isLet = (declarationList.flags & ts.NodeFlags.Const) === 0
          const { initializer } = declaration
          const isCollection =
            initializer !== undefined &&
            ts.isNewExpression(initializer) &&
            /^(?:Map|Set|Lru)$/.test(initializer.expression.getText())
          const hasContents =
            initializer !== undefined && ts.isNewExpression(initializer) && (initializer.arguments?.length ?? 0) > 0
          return isLet || (isCollection && !hasContents)
        })
        .map(({ declaration }) => `${name}: ${declaration.name.getText()}`),
    )
    // Which warnings were given, by code and instance.
    expect(kept).toEqual(['core/warnings.ts: said'])
  })
})

describe('the package', () => {
  it('exports no way to read a token without its checks', { meta: { id: 'source-6' } }, () => {
    expect(Object.keys(exported).toSorted()).toEqual([
      'BearerError',
      'LoginNeeded',
      'LoginRefused',
      'OidcError',
      'createBearer',
      'createOidc',
      'entra',
      'keycloak',
      'requireAnyAuth',
    ])
  })

  it('asks for releases of what it builds on that are mended', { meta: { id: 'source-7' } }, () => {
    // express-session 1.18.2 has on-headers with arrays of headers mended; express 4.21 and 5.1 escape redirects.
    expect(manifest.peerDependencies['express-session']).toBe('^1.18.2')
    expect(manifest.peerDependencies.express).toBe('^4.21.0 || ^5.1.0')
    expect(manifest.dependencies.jose).toMatch(/^\^6\./)
    expect(manifest.dependencies['openid-client']).toMatch(/^\^6\.8\./)
  })

  it('sets cookies without a library that could be fed names', { meta: { id: 'source-8' } }, () => {
    const used = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
    for (const name of ['cookie', 'cookie-parser', 'jsonwebtoken', 'jws', 'passport', 'qs', 'lodash']) {
      expect(used.has(name)).toBe(false)
    }
  })
})
