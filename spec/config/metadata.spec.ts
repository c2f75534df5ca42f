import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createOidc, type OidcOptions } from 'express-session-oidc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveOptions } from '../../lib/config/resolve.ts'
import { findFaults } from '../support/find-faults.ts'

const valid = {
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: 'https://app.example.com',
  secret: 'a secret of more than thirty-two characters',
}
const metadata = {
  issuer: 'https://id.example.com',
  authorization_endpoint: 'https://id.example.com/authorize',
  token_endpoint: 'https://id.example.com/token',
  jwks_uri: 'https://id.example.com/jwks',
}

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'metadata-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function faults(issuer: unknown): string[] {
  return findFaults(() => createOidc({ ...valid, issuer } as OidcOptions))
}

function file(name: string, text: string): URL {
  const path = join(folder, name)
  writeFileSync(path, text)
  return pathToFileURL(path)
}

describe("the provider's metadata in the option issuer", () => {
  it('accepts metadata as an object, and copies it', () => {
    const given = { ...metadata, end_session_endpoint: 'https://id.example.com/logout' }
    const resolved = resolveOptions({ ...valid, issuer: given })
    given.token_endpoint = 'https://evil.example/token'
    expect(resolved.issuer).toBe(metadata.issuer)
    expect(resolved.metadata).toEqual({ ...metadata, end_session_endpoint: 'https://id.example.com/logout' })
  })

  it('accepts metadata as the URL of a file', () => {
    const resolved = resolveOptions({ ...valid, issuer: file('good.json', JSON.stringify(metadata)) })
    expect(resolved.issuer).toBe(metadata.issuer)
    expect(resolved.metadata).toEqual(metadata)
  })

  it('reports a provider with configured metadata as discovered from the start', () => {
    const oidc = createOidc({ ...valid, issuer: metadata })
    expect(oidc.health()).toEqual({
      ok: true,
      provider: { discovered: true, discoveredAt: undefined, fault: undefined },
    })
  })

  it('rejects a metadata file that is missing or is not JSON', () => {
    expect(faults(pathToFileURL(join(folder, 'missing.json')))).toEqual([
      expect.stringMatching(/^`issuer`: the metadata file .*missing\.json is unreadable or not JSON \(Error\); check/),
    ])
    const [fault] = faults(file('broken.json', '{"client_secret": "in the text'))
    expect(fault).toMatch(
      /^`issuer`: the metadata file .*broken\.json is unreadable or not JSON \(SyntaxError\); check/,
    )
    expect(fault).not.toContain('in the text')
  })

  it.each(['null', '[]', '"https://id.example.com"', '42'])('rejects a metadata file that contains %s', (text) => {
    expect(faults(file('odd.json', text))).toEqual([
      "`issuer` must be the provider's issuer identifier, its metadata, or the file: URL of its metadata",
    ])
  })

  it.each(['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri'])(
    'rejects metadata without a valid %s',
    (member) => {
      expect(faults({ ...metadata, [member]: undefined })).toEqual([
        `the metadata's \`${member}\` must be an absolute URL`,
      ])
      expect(faults({ ...metadata, [member]: 42 })).toEqual([`the metadata's \`${member}\` must be an absolute URL`])
    },
  )

  it('lists every invalid member of the metadata in one error', () => {
    expect(faults({ issuer: 'https://id.example.com' })).toHaveLength(3)
    expect(faults({})).toHaveLength(4)
  })

  it('rejects metadata whose issuer has a query', () => {
    expect(faults({ ...metadata, issuer: 'https://id.example.com/?tenant=1' })).toEqual([
      "the metadata's `issuer` must not have a query or a fragment",
    ])
  })

  it.each(['authorization_endpoint', 'token_endpoint', 'jwks_uri', 'userinfo_endpoint', 'end_session_endpoint'])(
    'rejects metadata whose %s is plain http or a javascript: URL',
    (member) => {
      for (const url of ['http://id.example.com/endpoint', 'javascript:alert(1)']) {
        const found = faults({ ...metadata, [member]: url })
        expect(found, url).toHaveLength(1)
        expect(found[0]).toContain(`the metadata's \`${member}\``)
      }
    },
  )

  it('accepts metadata with members that cannot be copied, such as the functions of openid-client', () => {
    expect(faults({ ...metadata, supportsPKCE: () => true })).toEqual([])
  })

  it('accepts metadata with plain http on loopback, and elsewhere with allowInsecureIssuer', () => {
    const plain = {
      issuer: 'http://id.example.com',
      authorization_endpoint: 'http://id.example.com/authorize',
      token_endpoint: 'http://id.example.com/token',
      jwks_uri: 'http://id.example.com/jwks',
    }
    expect(faults(plain)).toHaveLength(4)
    expect(findFaults(() => createOidc({ ...valid, issuer: plain, allowInsecureIssuer: true }))).toEqual([])
    const local = JSON.parse(JSON.stringify(plain).replaceAll('id.example.com', 'localhost:8080')) as object
    expect(faults(local)).toEqual([])
  })
})
