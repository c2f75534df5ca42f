/** Tokens with a valid signature and invalid claims. */
import { deflateRawSync } from 'node:zlib'
import { base64url, type Forgery, type Mint } from './forged-tokens.ts'

type Value = readonly [name: string, json: string | undefined]

const text = (value: unknown): string => JSON.stringify(value)

/** Values whose type is wrong for every claim that the guard reads. */
const wrongTypes: readonly Value[] = [
  ['null', 'null'],
  ['true', 'true'],
  ['an empty string', '""'],
  ['an empty array', '[]'],
  ['an empty object', '{}'],
]

function each(
  mint: Mint,
  claim: string,
  why: RegExp,
  values: readonly Value[],
  reported?: Forgery['reported'],
): Forgery[] {
  return values.map(([name, json]) => ({
    name: `${claim}: ${name}`,
    token: mint.withClaim(claim, json),
    why,
    reported,
  }))
}

export function forgedIssuers(mint: Mint): Forgery[] {
  const { issuer } = mint.provider
  const url = new URL(issuer)
  const lookAlikes = {
    'with a trailing slash': `${issuer}/`,
    'in uppercase': issuer.toUpperCase(),
    'with another scheme': issuer.replace('http:', 'https:'),
    'without its scheme': url.host,
    'with a suffix': `${issuer}.evil.example`,
    'with a path': `${issuer}/realms/other`,
    'with a query': `${issuer}?`,
    'with a fragment': `${issuer}#`,
    'with a user name': issuer.replace('//', '//x@'),
    'with a trailing space': `${issuer} `,
    'with a trailing line break': `${issuer}\n`,
    'with a trailing NUL': `${issuer}\0`,
    truncated: issuer.slice(0, -1),
    'with another name of its host': issuer.replace('127.0.0.1', 'localhost'),
    'with another port': issuer.replace(url.port, '443'),
    'in the query of another issuer': `https://evil.example/?${issuer}`,
    'another issuer': 'https://evil.example',
  }
  const values: Value[] = Object.entries(lookAlikes).map(([name, value]) => [name, text(value)])
  const types: Value[] = [
    ...wrongTypes,
    ['missing', undefined],
    ['a number', '5'],
    ['in an array', text([issuer])],
    ['in an object', text({ iss: issuer })],
  ]
  return [
    ...each(mint, 'iss', /^iss is not the expected issuer$/, [...values, ...types]),
    {
      name: 'iss: twice, another issuer last',
      token: mint.withClaim('iss', text(issuer), '"https://evil.example"'),
      why: /^iss is not the expected issuer$/,
    },
    {
      name: 'iss: twice, another issuer last under an escaped name',
      token: mint.sign({ claims: `${text(mint.claims).slice(0, -1)},"\\u0069ss":"https://evil.example"}` }),
      why: /^iss is not the expected issuer$/,
    },
  ]
}

export function forgedAudiences(mint: Mint): Forgery[] {
  const none: Value[] = [
    ['missing', undefined],
    ['null', 'null'],
    ['true', 'true'],
    ['a number', '5'],
    ['an object', '{"0":"orders","length":1}'],
    ['an empty array', '[]'],
    ['in an array with a number', '["orders",5]'],
    ['in an array with null', '[null,"orders"]'],
    ['in a nested array', '[["orders"]]'],
  ]
  const others: Value[] = [
    ['empty', '""'],
    ['another audience', '"accounts"'],
    ['an array of others', '["accounts","account"]'],
    ['with a suffix', '"orders-admin"'],
    ['with a prefix', '"all-orders"'],
    ['truncated', '"order"'],
    ['in uppercase', '"ORDERS"'],
    ['with a trailing space', '"orders "'],
    ['with a leading space', '" orders"'],
    ['with a trailing NUL', '"orders\\u0000"'],
    ['with a trailing slash', '"orders/"'],
    ['in a string with spaces', '"accounts orders"'],
    ['in a string with commas', '"accounts,orders"'],
    ['as JSON in a string', '"[\\"orders\\"]"'],
    ['an asterisk', '"*"'],
    ['the client', '"web"'],
    ['the issuer', text(mint.provider.issuer)],
    ['a property of every object', '"__proto__"'],
    ['with a look-alike letter', '"\\u043erders"'],
  ]
  const twice = {
    name: 'aud: twice, another audience last',
    why: /^aud is \["accounts"\]; expected "orders"\. /,
    reported: 'audience',
  }
  return [
    ...each(mint, 'aud', /^aud is missing; expected "orders". Set `audience` to/, none, 'audience'),
    ...each(mint, 'aud', /^aud is \[.*\]; expected "orders". Set `audience`/, others, 'audience'),
    { ...twice, token: mint.withClaim('aud', '"orders"', '"accounts"') } as Forgery,
  ]
}

export function forgedTimes(mint: Mint): Forgery[] {
  const now = Math.floor(Date.now() / 1000)
  const later = mint.claims['exp'] as number
  const none: Value[] = [
    ...wrongTypes,
    ['a number in a string', `"${later}"`],
    ['in an array', `[${later}]`],
    ['in an object', `{"exp":${later}}`],
    ['a date', text(new Date(later * 1000).toISOString())],
    ['the string NaN', '"NaN"'],
    ['the string Infinity', '"Infinity"'],
    ['an exponential number in a string', '"1e9"'],
  ]
  const past: Value[] = [
    ['a minute ago', String(now - 60)],
    ['just past the tolerance', String(now - 31)],
    ['in 1970', '1'],
    ['0', '0'],
    ['negative', String(-later)],
    ['negative infinity', '-1e999'],
    ['a fraction in 1970', '0.5'],
  ]
  return [
    ...each(mint, 'exp', /missing required "exp" claim/, [['missing', undefined]]),
    ...each(mint, 'exp', /"exp" claim must be a number/, none),
    ...each(mint, 'exp', /^exp is not a time$/, [['infinity', '1e999']]),
    ...each(mint, 'exp', /"exp" claim timestamp check failed/, past, 'expired'),
    {
      name: 'exp: twice, in the past last',
      token: mint.withClaim('exp', String(later), '1'),
      why: /"exp" claim timestamp check failed/,
      reported: 'expired',
    },
    ...each(mint, 'nbf', /"nbf" claim must be a number/, none),
    ...each(mint, 'nbf', /"nbf" claim timestamp check failed/, [
      ['in an hour', String(now + 3600)],
      ['in milliseconds', String(now * 1000)],
      ['huge', '1e300'],
      ['infinity', '1e999'],
    ]),
    {
      name: 'nbf: twice, in an hour last',
      token: mint.withClaim('nbf', String(now - 5), String(now + 3600)),
      why: /"nbf" claim timestamp check failed/,
    },
    ...each(mint, 'iat', /"iat" claim must be a number/, none),
    ...each(mint, 'iat', /^iat is in the future$/, [
      ['in an hour', String(now + 3600)],
      ['in milliseconds', String(now * 1000)],
      ['huge', '1e300'],
      ['infinity', '1e999'],
    ]),
  ]
}

export function forgedSubjects(mint: Mint): Forgery[] {
  return each(mint, 'sub', /^sub is not a valid subject$/, [
    ...wrongTypes,
    ['a number', '5'],
    ['in an array', '["alice"]'],
    ['in an object', '{"sub":"alice"}'],
    ['of 256 characters', text('x'.repeat(256))],
    ['of 5,000 characters', text('x'.repeat(5000))],
  ])
}

/** RFC 7800 3: all kinds of confirmation, and invalid ones, at a guard that supports none of them. */
export function boundTokens(mint: Mint): Forgery[] {
  const { main } = mint.keys
  const unknown = each(mint, 'cnf', /^cnf has neither jkt nor x5t#S256; other bindings are not supported$/, [
    ...wrongTypes,
    ['a key', text({ jwk: main.jwk })],
    ['an encrypted key', '{"jwe":"eyJhbGciOiJSU0EtT0FFUCJ9"}'],
    ['a key ID', '{"kid":"main"}'],
    ['a key set URL', '{"jku":"https://keys.example/"}'],
    ['an unknown member', '{"tbh":"x"}'],
    ['false', 'false'],
    ['a number', '0'],
    ['a string', '"jkt"'],
    ['in an array', '[{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}]'],
  ])
  const byKey = each(mint, 'cnf', /^the token is bound to a key \(cnf\); set `dpop` to accept such tokens$/, [
    ['a DPoP key (RFC 9449 6.1)', '{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}'],
    ['a DPoP key of the wrong type', '{"jkt":5}'],
    ['a DPoP key of null', '{"jkt":null}'],
    ['an empty DPoP key', '{"jkt":""}'],
  ])
  const byCertificate = each(
    mint,
    'cnf',
    /^the token is bound to a certificate \(cnf\); set `mtls` to accept such tokens$/,
    [
      ['a certificate (RFC 8705 3.1)', '{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}'],
      ['a certificate of null', '{"x5t#S256":null}'],
      ['a certificate and a DPoP key', '{"x5t#S256":"x","jkt":"x"}'],
    ],
  )
  return [...unknown, ...byKey, ...byCertificate].map((forgery) => ({ ...forgery, isVerified: true as const }))
}

/** Payloads that are not a claims set. */
export function forgedPayloads(mint: Mint): Forgery[] {
  const json = text(mint.claims)
  const payloads: Record<string, string | Buffer> = {
    null: 'null',
    'a number': '5',
    true: 'true',
    'a string': '"text"',
    'the claims in a string': text(json),
    'the claims in an array': `[${json}]`,
    'an empty array': '[]',
    'truncated JSON': json.slice(0, -1),
    'JSON with a trailing comma': `${json.slice(0, -1)},}`,
    'JSON with a comment': `/**/${json}`,
    'JSON with trailing data': `${json}{}`,
    'claims in single quotes': json.replaceAll('"', "'"),
    'form-urlencoded claims': 'iss=x&sub=alice&aud=orders',
    'invalid UTF-8': Buffer.concat([Buffer.from(json.slice(0, -2)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]),
    'claims in UTF-16': Buffer.from(json, 'utf16le'),
    'compressed claims': deflateRawSync(json),
    'the valid token': mint.good,
    'deeply nested arrays': '['.repeat(3000),
    NUL: '\0',
  }
  const own: Forgery[] = Object.entries(payloads).map(([name, claims]) => ({
    name: `payload: ${name}`,
    token: mint.sign({ claims }),
    why: /JWT Claims Set must be a top-level JSON object/,
  }))
  return [
    ...own,
    { name: 'payload: no claims', token: mint.sign({ claims: '{}' }), why: /missing required "exp" claim/ },
    {
      name: 'payload: compressed claims with zip',
      token: mint.sign({ header: { ...mint.header, zip: 'DEF' }, claims: deflateRawSync(json) }),
      why: /JWT Claims Set must be a top-level JSON object/,
    },
    {
      name: 'payload: the valid token, nested as in RFC 7519 5.2',
      token: mint.sign({ header: { ...mint.header, cty: 'JWT' }, claims: mint.good }),
      why: /JWT Claims Set must be a top-level JSON object/,
    },
    {
      name: 'payload: not encoded (RFC 7797)',
      token: mint.withHeader({ b64: false, crit: ['b64'] }),
      why: /MUST NOT use unencoded payload/,
    },
    {
      name: 'payload: encoded twice',
      token: mint.sign({ claims: base64url(json) }),
      why: /JWT Claims Set must be a top-level JSON object/,
    },
  ]
}
