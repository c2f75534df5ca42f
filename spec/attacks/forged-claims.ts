/** Tokens whose signature is good and whose claims are not. */
import { deflateRawSync } from 'node:zlib'
import { base64url, type Forgery, type Mint } from './forged-tokens.ts'

type Value = readonly [name: string, json: string | undefined]

const text = (value: unknown): string => JSON.stringify(value)

/** Values that are of no right type for any claim that is read. */
const wrongTypes: readonly Value[] = [
  ['null', 'null'],
  ['true', 'true'],
  ['an empty text', '""'],
  ['an empty list', '[]'],
  ['an empty object', '{}'],
]

function each(mint: Mint, claim: string, why: RegExp, values: readonly Value[], told?: Forgery['told']): Forgery[] {
  return values.map(([name, json]) => ({
    name: `${claim}: ${name}`,
    token: mint.withClaim(claim, json),
    why,
    told,
  }))
}

export function forgedIssuers(mint: Mint): Forgery[] {
  const { issuer } = mint.provider
  const url = new URL(issuer)
  const lookAlikes = {
    'with a slash': `${issuer}/`,
    'in upper case': issuer.toUpperCase(),
    'with another scheme': issuer.replace('http:', 'https:'),
    'without its scheme': url.host,
    'with a suffix': `${issuer}.evil.example`,
    'with a path': `${issuer}/realms/other`,
    'with a query': `${issuer}?`,
    'with a fragment': `${issuer}#`,
    'with a user name': issuer.replace('//', '//x@'),
    'with a space behind it': `${issuer} `,
    'with a line break behind it': `${issuer}\n`,
    'with NUL behind it': `${issuer}\0`,
    'cut short': issuer.slice(0, -1),
    'under another name of its host': issuer.replace('127.0.0.1', 'localhost'),
    'with another port': issuer.replace(url.port, '443'),
    'in the query of another': `https://evil.example/?${issuer}`,
    'of another': 'https://evil.example',
  }
  const values: Value[] = Object.entries(lookAlikes).map(([name, value]) => [name, text(value)])
  const types: Value[] = [
    ...wrongTypes,
    ['missing', undefined],
    ['a number', '5'],
    ['in a list', text([issuer])],
    ['in an object', text({ iss: issuer })],
  ]
  return [
    ...each(mint, 'iss', /^iss is another issuer$/, [...values, ...types]),
    {
      name: 'iss: twice, another one last',
      token: mint.withClaim('iss', text(issuer), '"https://evil.example"'),
      why: /^iss is another issuer$/,
    },
    {
      name: 'iss: twice, another one last under an escaped name',
      token: mint.sign({ claims: `${text(mint.claims).slice(0, -1)},"\\u0069ss":"https://evil.example"}` }),
      why: /^iss is another issuer$/,
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
    ['an empty list', '[]'],
    ['in a list with a number', '["orders",5]'],
    ['in a list with null', '[null,"orders"]'],
    ['in a list in a list', '[["orders"]]'],
  ]
  const others: Value[] = [
    ['empty', '""'],
    ['another', '"accounts"'],
    ['a list of others', '["accounts","account"]'],
    ['what begins with it', '"orders-admin"'],
    ['what ends with it', '"all-orders"'],
    ['what it begins with', '"order"'],
    ['in upper case', '"ORDERS"'],
    ['with a space behind it', '"orders "'],
    ['with a space before it', '" orders"'],
    ['with NUL behind it', '"orders\\u0000"'],
    ['with a slash', '"orders/"'],
    ['in a text with others', '"accounts orders"'],
    ['in a text with commas', '"accounts,orders"'],
    ['as JSON in a text', '"[\\"orders\\"]"'],
    ['any', '"*"'],
    ['the client', '"web"'],
    ['the issuer', text(mint.provider.issuer)],
    ['a member of all objects', '"__proto__"'],
    ['in letters that look the same', '"\\u043erders"'],
  ]
  const twice = {
    name: 'aud: twice, another one last',
    why: /^its aud is \["accounts"\], not "orders": /,
    told: 'audience',
  }
  return [
    ...each(mint, 'aud', /^it has no aud, not "orders": have the provider put this API into/, none, 'audience'),
    ...each(mint, 'aud', /^its aud is \[.*\], not "orders": have the provider put/, others, 'audience'),
    { ...twice, token: mint.withClaim('aud', '"orders"', '"accounts"') } as Forgery,
  ]
}

export function forgedTimes(mint: Mint): Forgery[] {
  const now = Math.floor(Date.now() / 1000)
  const later = mint.claims['exp'] as number
  const none: Value[] = [
    ...wrongTypes,
    ['a number as text', `"${later}"`],
    ['in a list', `[${later}]`],
    ['in an object', `{"exp":${later}}`],
    ['a date', text(new Date(later * 1000).toISOString())],
    ['the text NaN', '"NaN"'],
    ['the text Infinity', '"Infinity"'],
    ['a number in words', '"1e9"'],
  ]
  const past: Value[] = [
    ['a minute ago', String(now - 60)],
    ['just past the tolerance', String(now - 31)],
    ['in 1970', '1'],
    ['0', '0'],
    ['negative', String(-later)],
    ['negative without end', '-1e999'],
    ['a fraction in 1970', '0.5'],
  ]
  return [
    ...each(mint, 'exp', /missing required "exp" claim/, [['missing', undefined]]),
    ...each(mint, 'exp', /"exp" claim must be a number/, none),
    ...each(mint, 'exp', /^exp is no time$/, [['without end', '1e999']]),
    ...each(mint, 'exp', /"exp" claim timestamp check failed/, past, 'expired'),
    {
      name: 'exp: twice, over in the last',
      token: mint.withClaim('exp', String(later), '1'),
      why: /"exp" claim timestamp check failed/,
      told: 'expired',
    },
    ...each(mint, 'nbf', /"nbf" claim must be a number/, none),
    ...each(mint, 'nbf', /"nbf" claim timestamp check failed/, [
      ['in an hour', String(now + 3600)],
      ['in milliseconds', String(now * 1000)],
      ['huge', '1e300'],
      ['without end', '1e999'],
    ]),
    {
      name: 'nbf: twice, in an hour in the last',
      token: mint.withClaim('nbf', String(now - 5), String(now + 3600)),
      why: /"nbf" claim timestamp check failed/,
    },
    ...each(mint, 'iat', /"iat" claim must be a number/, none),
    ...each(mint, 'iat', /^iat is in the future$/, [
      ['in an hour', String(now + 3600)],
      ['in milliseconds', String(now * 1000)],
      ['huge', '1e300'],
      ['without end', '1e999'],
    ]),
  ]
}

export function forgedSubjects(mint: Mint): Forgery[] {
  return each(mint, 'sub', /^sub is not a subject$/, [
    ...wrongTypes,
    ['a number', '5'],
    ['in a list', '["alice"]'],
    ['in an object', '{"sub":"alice"}'],
    ['of 256 characters', text('x'.repeat(256))],
    ['of 5,000 characters', text('x'.repeat(5000))],
  ])
}

/** RFC 7800 3: all ways to bind a token to a key, and what is none, where the guard takes no proof of any. */
export function boundTokens(mint: Mint): Forgery[] {
  const { main } = mint.keys
  const unknown = each(mint, 'cnf', /^it is bound to a key \(cnf\) in a way that is not known$/, [
    ...wrongTypes,
    ['a key', text({ jwk: main.jwk })],
    ['an encrypted key', '{"jwe":"eyJhbGciOiJSU0EtT0FFUCJ9"}'],
    ['the name of a key', '{"kid":"main"}'],
    ['a key set', '{"jku":"https://keys.example/"}'],
    ['a way that nobody knows', '{"tbh":"x"}'],
    ['false', 'false'],
    ['a number', '0'],
    ['a text', '"jkt"'],
    ['in a list', '[{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}]'],
  ])
  const byKey = each(mint, 'cnf', /^it is bound to a key \(cnf\), and the option dpop is not set$/, [
    ['a DPoP key (RFC 9449 6.1)', '{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}'],
    ['a DPoP key of a wrong type', '{"jkt":5}'],
    ['a DPoP key that is null', '{"jkt":null}'],
    ['a DPoP key that is empty', '{"jkt":""}'],
  ])
  const byCertificate = each(mint, 'cnf', /^it is bound to a certificate \(cnf\), and the option mtls is not set$/, [
    ['a certificate (RFC 8705 3.1)', '{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}'],
    ['a certificate that is null', '{"x5t#S256":null}'],
    ['a certificate and a DPoP key', '{"x5t#S256":"x","jkt":"x"}'],
  ])
  return [...unknown, ...byKey, ...byCertificate].map((forgery) => ({ ...forgery, isVerified: true as const }))
}

/** Payloads that are no claims at all. */
export function forgedPayloads(mint: Mint): Forgery[] {
  const json = text(mint.claims)
  const payloads: Record<string, string | Buffer> = {
    null: 'null',
    'a number': '5',
    true: 'true',
    'a text': '"text"',
    'the claims in a text': text(json),
    'the claims in a list': `[${json}]`,
    'an empty list': '[]',
    'JSON that breaks off': json.slice(0, -1),
    'JSON with a comma too many': `${json.slice(0, -1)},}`,
    'JSON with a comment': `/**/${json}`,
    'JSON with more behind it': `${json}{}`,
    'claims in single quotes': json.replaceAll('"', "'"),
    'claims as a form': 'iss=x&sub=alice&aud=orders',
    'bytes that are no UTF-8': Buffer.concat([
      Buffer.from(json.slice(0, -2)),
      Buffer.from([0xc3, 0x28]),
      Buffer.from('"}'),
    ]),
    'claims in UTF-16': Buffer.from(json, 'utf16le'),
    'compressed claims': deflateRawSync(json),
    'the good token itself': mint.good,
    'lists in lists': '['.repeat(3000),
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
      name: 'payload: compressed claims that say so',
      token: mint.sign({ header: { ...mint.header, zip: 'DEF' }, claims: deflateRawSync(json) }),
      why: /JWT Claims Set must be a top-level JSON object/,
    },
    {
      name: 'payload: the good token itself, nested as RFC 7519 5.2 has it',
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
