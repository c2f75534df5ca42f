/** What the sources and the manifest of the package do not contain. For that reason, some incidents cannot occur. */
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { acceptedAlgorithms } from '../../lib/config/algorithms.ts'
import * as exported from '../../lib/index.ts'
import manifest from '../../package.json' with { type: 'json' }

const lib = join(import.meta.dirname, '../../lib')

/** Sources of the package, except those for specs. */
const sources = readdirSync(lib, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !/^testing\b/.test(name))
  .map((name) => {
    const text = readFileSync(join(lib, name), 'utf8')
    return { name, source: ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true) }
  })

/** Places in the sources that match, as `file: text`. */
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
  it('the sources use no locale-dependent comparison', { meta: { id: 'source-1' } }, () => {
    expect(found((node) => names(node, /^toLocale|^localeCompare$|^Intl$/))).toEqual([])
  })

  it(
    'the sources keep no stateful regular expression, and build none at run time',
    { meta: { id: 'source-2' } },
    () => {
      const stateful = found((node) => {
        if (node.kind !== ts.SyntaxKind.RegularExpressionLiteral || !/\/[a-z]*[gy][a-z]*$/.test(node.getText()))
          return false
        // A literal that is passed directly to one of these methods is used once, so it keeps no state.
        const { parent } = node
        return !(ts.isCallExpression(parent) && /\.(?:replace|replaceAll|matchAll)$/.test(parent.expression.getText()))
      })
      expect(stateful).toEqual([])
      expect(found((node) => ts.isNewExpression(node) && node.expression.getText() === 'RegExp')).toEqual([])
    },
  )

  it(
    'the sources read no User-Agent and no client address, except to record a device',
    { meta: { id: 'source-3' } },
    () => {
      const headers = /^(?:user-agent|x-forwarded-.*|x-real-ip|forwarded|host|x-original-.*)$/i
      const elsewhere = (places: string[]): string[] =>
        places.filter((place) => !place.startsWith('http/request/device.ts'))
      // One file stores them, to show them to the user.
      expect(elsewhere(found((node) => ts.isStringLiteral(node) && headers.test(node.text)))).toEqual([])
      // One file reads the credentials of a client. Another one lists them, so that the log can mask them.
      const credentials = found((node) => ts.isStringLiteral(node) && /^authorization$/i.test(node.text))
      const readers = /^(?:http\/guards\/bearer-credentials|core\/request-secrets)\.ts/
      expect(credentials.filter((place) => !readers.test(place))).toEqual([])
      const addresses = found(
        (node) =>
          names(node, /^(?:ip|ips|hostname)$/) && /\breq(?:uest)?\.(?:ip|ips|hostname)$/.test(node.parent.getText()),
      )
      expect(elsewhere(addresses)).toEqual([])
    },
  )

  it('the sources evaluate no text, draw no secret from Math.random and write only the log to the console', () => {
    expect(found((node) => ts.isCallExpression(node) && node.expression.getText() === 'eval')).toEqual([])
    expect(found((node) => ts.isNewExpression(node) && node.expression.getText() === 'Function')).toEqual([])
    expect(found((node) => names(node, /^console$/))).toEqual(['core/failure-log.ts: console'])
    // The only use adds jitter to the retries of a failed discovery.
    const random = found((node) => ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random')
    expect(random).toEqual(['provider/provider.ts: Math.random'])
  })

  it(
    'the sources decrypt no token, and accept none that is unsigned or signed with a secret',
    { meta: { id: 'source-4' } },
    () => {
      expect(found((node) => names(node, /^(?:\w+Decrypt|UnsecuredJWT|createRemoteJWKSet)$/))).toEqual([])
      // Only a DPoP proof carries its own key (RFC 9449 4.2); the access token names its thumbprint.
      const embedded = found((node) => names(node, /^EmbeddedJWK$/))
      expect(new Set(embedded.map((place) => place.split(':')[0]))).toEqual(new Set(['tokens/dpop-proof.ts']))
      // Claims are decoded without verification in two places. One only selects the trusted issuer to verify with. The other
      // reads an ID token again that was verified once and has been sealed since.
      const unverified = found((node) => names(node, /^decodeJwt$/) && ts.isCallExpression(node.parent))
      expect(unverified.map((place) => place.split(':')[0])).toEqual([
        'tokens/id-token.ts',
        'tokens/presented-token.ts',
      ])
      for (const algorithm of acceptedAlgorithms) expect(algorithm).toMatch(/^(?:RS|PS|ES)(?:256|384|512)$|^Ed/)
    },
  )

  it('the sources keep no login and no token in a module variable', { meta: { id: 'source-5' } }, () => {
    // Modules keep only caches by object (WeakMap) and constants, nothing that one request writes and another reads.
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
            /^(?:Map|Set|GenerationalCache)$/.test(initializer.expression.getText())
          const hasContents =
            initializer !== undefined && ts.isNewExpression(initializer) && (initializer.arguments?.length ?? 0) > 0
          return isLet || (isCollection && !hasContents)
        })
        .map(({ declaration }) => `${name}: ${declaration.name.getText()}`),
    )
    // The routes of all instances.
    expect(kept).toEqual(['http/routes/return-path.ts: known'])
  })
})

describe('the package', () => {
  it('the package exports no way to read a token without its checks', { meta: { id: 'source-6' } }, () => {
    expect(Object.keys(exported).toSorted()).toEqual([
      'BearerError',
      'LoginNeeded',
      'LoginRefused',
      'OidcError',
      'createBearer',
      'createOidc',
      'customProvider',
      'entra',
      'keycloak',
      'requireAnyAuth',
    ])
  })

  it('the package requires fixed releases of its dependencies', { meta: { id: 'source-7' } }, () => {
    // express-session 1.18.2 has the fix of on-headers for arrays of headers; express 4.21 and 5.1 escape redirects.
    expect(manifest.peerDependencies['express-session']).toBe('^1.18.2')
    expect(manifest.peerDependencies.express).toBe('^4.21.0 || ^5.1.0')
    expect(manifest.dependencies.jose).toMatch(/^\^6\./)
    expect(manifest.dependencies['openid-client']).toMatch(/^\^6\.8\./)
  })

  it('the package sets cookies without a third-party library', { meta: { id: 'source-8' } }, () => {
    const used = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
    for (const name of ['cookie', 'cookie-parser', 'jsonwebtoken', 'jws', 'passport', 'qs', 'lodash']) {
      expect(used.has(name)).toBe(false)
    }
  })
})
