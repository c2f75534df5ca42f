/** Tokens whose header misstates the algorithm, the key or the kind of token. */
import { createHmac, createPublicKey, sign } from 'node:crypto'
import { base64url, type Forgery, type Mint } from './forged-tokens.ts'

const notAllowed = /"alg" \(Algorithm\) Header Parameter value not allowed/
const noKey = /no applicable key found/
const badSignature = /signature verification failed/
const noJwt = /^the token is not a canonically encoded JWT/

function getPayload(token: string): string {
  return token.split('.')[1] as string
}

export function unsigned(mint: Mint): Forgery[] {
  const spellings = ['none', 'None', 'NONE', 'nOnE', 'NonE', 'none ', ' none', 'none\0', '\tnone', 'n\u043ene']
  const signed = mint.good.split('.')[2] as string
  return spellings.flatMap((alg) => {
    const name = `alg ${JSON.stringify(alg)}`
    const input = `${base64url({ ...mint.header, alg })}.${getPayload(mint.good)}`
    return [
      { name: `${name} and no signature`, token: `${input}.`, why: noJwt },
      { name: `${name} and the signature of the valid token`, token: `${input}.${signed}`, why: notAllowed },
      { name: `${name} and a valid signature`, token: mint.withHeader({ alg }), why: notAllowed },
    ]
  })
}

/** CVE-2015-9235 and similar: public values, or none, as the HMAC secret. */
export function symmetric(mint: Mint): Forgery[] {
  const { jwk } = mint.keys.main
  const key = createPublicKey({ key: jwk as never, format: 'jwk' })
  const spki = key.export({ type: 'spki', format: 'pem' }) as string
  const secrets: Record<string, string | Buffer> = {
    'the public key as PEM': spki,
    'the public key as PEM without its last line break': spki.trimEnd(),
    'the public key as PEM with CRLF': spki.replaceAll('\n', '\r\n'),
    'the public key as PEM after a space': ` ${spki}`,
    'the public key as PEM of PKCS #1': key.export({ type: 'pkcs1', format: 'pem' }),
    'the public key as DER': key.export({ type: 'spki', format: 'der' }),
    'the public key as JWK': JSON.stringify(jwk),
    'the key set': JSON.stringify({ keys: [jwk] }),
    'the encoded modulus': jwk.n as string,
    'the modulus': Buffer.from(jwk.n as string, 'base64url'),
    'the kid of the key': 'main',
    'the published symmetric key': 'not a secret at all',
    'the client secret': 'web-secret',
    nothing: '',
  }
  const forged = (alg: string, secret: string | Buffer, kid: string): string => {
    const input = `${base64url({ ...mint.header, alg, kid })}.${getPayload(mint.good)}`
    return `${input}.${createHmac(`sha${alg.slice(2)}`, secret)
      .update(input)
      .digest('base64url')}`
  }
  const hs256 = Object.entries(secrets).map(([name, secret]) => {
    const kid = name === 'the published symmetric key' ? 'odd-symmetric' : 'main'
    return { name: `HS256 with ${name}`, token: forged('HS256', secret, kid), why: notAllowed }
  })
  const longer = ['HS384', 'HS512'].map((alg) => ({
    name: `${alg} with the public key as PEM`,
    token: forged(alg, spki, 'main'),
    why: notAllowed,
  }))
  return [...hs256, ...longer]
}

export function swapped(mint: Mint): Forgery[] {
  const { main, open, ec, pss } = mint.keys
  const accepted = ['RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
  const byOpen = mint.withHeader({ kid: 'open' }, open)
  const derInput = `${base64url({ ...mint.header, alg: 'ES256', kid: 'ec' })}.${getPayload(mint.good)}`
  const der = sign('sha256', Buffer.from(derInput), { key: ec.privateKey, dsaEncoding: 'der' })
  const onCurve = (name: string, bytes: Buffer): Forgery => ({
    name: `ES256 with a signature ${name}`,
    token: `${derInput}.${bytes.toString('base64url')}`,
    why: badSignature,
    control: mint.signedBy(ec),
  })
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  return [
    ...accepted.map((alg) => ({ name: `RS256 declared as ${alg}`, token: mint.withHeader({ alg }), why: noKey })),
    // A key without `alg` is tried, and the signature does not match.
    ...['RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => ({
      name: `RS256 declared as ${alg}, by a key without alg`,
      token: mint.withHeader({ alg, kid: 'open' }, open),
      why: badSignature,
      control: byOpen,
    })),
    ...['RS384', 'RS512', 'PS256'].map((algorithm) => ({
      name: `${algorithm} declared as RS256`,
      token: mint.withHeader({}, main, algorithm),
      why: badSignature,
    })),
    {
      name: 'RS256 by a key for PS256',
      token: mint.withHeader({ kid: 'pss' }, pss, 'RS256'),
      why: noKey,
      control: mint.signedBy(pss),
    },
    { name: 'ES256 with the kid of the RSA key', token: mint.withHeader({ alg: 'ES256' }, ec), why: noKey },
    { name: 'ES256 declared as RS256', token: mint.withHeader({}, ec), why: badSignature },
    { name: 'RS256 with the kid of the EC key', token: mint.withHeader({ kid: 'ec' }), why: noKey },
    onCurve('as DER', der),
    // CVE-2022-21449.
    onCurve('of zeros', Buffer.alloc(64)),
    onCurve('whose r and s are the order of the curve', Buffer.concat([order, order])),
    onCurve('of half the length', Buffer.alloc(32, 1)),
    {
      name: 'RS256 at a guard for ES256 only',
      token: mint.good,
      why: notAllowed,
      control: mint.signedBy(ec),
      guard: { algorithms: ['ES256'] },
    },
    {
      name: 'ES256 at a guard for RS256 only',
      token: mint.signedBy(ec),
      why: notAllowed,
      guard: { algorithms: ['RS256'] },
    },
  ]
}

export function otherAlgorithms(mint: Mint): Forgery[] {
  const unknown = [
    'rs256',
    'Rs256',
    'RS256 ',
    ' RS256',
    'RS256\0',
    'RS256,ES256',
    'RS',
    '256',
    'RS1',
    'sha256WithRSAEncryption',
  ]
  const encryption = ['RSA1_5', 'RSA-OAEP', 'RSA-OAEP-256', 'dir', 'A128KW', 'PBES2-HS256+A128KW', 'ECDH-ES', 'A256GCM']
  const others = ['ES256K', 'ML-DSA-65', 'HS1', '__proto__', 'constructor', 'toString', 'hasOwnProperty']
  const noText = /"alg" \(Algorithm\) Header Parameter missing or invalid/
  const values: readonly unknown[] = [undefined, null, 256, true, '', ['RS256'], { alg: 'RS256' }, {}, []]
  return [
    ...[...unknown, ...encryption, ...others].map((alg) => ({
      name: `alg ${JSON.stringify(alg)}`,
      token: mint.withHeader({ alg }),
      why: notAllowed,
    })),
    ...values.map((alg) => ({
      name: `alg ${alg === undefined ? 'missing' : JSON.stringify(alg)}, of the wrong type`,
      token: mint.withHeader({ alg }),
      why: noText,
    })),
    {
      name: 'alg twice, none last',
      token: mint.sign({ header: '{"alg":"RS256","kid":"main","alg":"none"}' }),
      why: notAllowed,
    },
    {
      name: 'alg twice, HS256 last under an escaped name',
      token: mint.sign({ header: '{"alg":"RS256","kid":"main","\\u0061lg":"HS256"}' }),
      why: notAllowed,
    },
  ]
}

export function keyNames(mint: Mint): Forgery[] {
  const { foreign } = mint.keys
  const texts = [
    '',
    ' ',
    'MAIN',
    'main ',
    'main\0',
    'mai',
    '../../../../dev/null',
    "' OR 1=1 --",
    'main" OR "1"="1',
    '$(id)',
    '{"$ne":null}',
    'https://evil.example/keys',
    'file:///dev/null',
    '__proto__',
    'constructor',
    '0',
    'x'.repeat(4000),
    'a\r\nSet-Cookie: x=y',
  ]
  const values: readonly unknown[] = [null, 0, 5, true, ['main'], { kid: 'main' }, [], {}]
  return [
    ...texts.map((kid) => ({
      name: `kid ${JSON.stringify(kid.slice(0, 30))}`,
      token: mint.withHeader({ kid }),
      why: noKey,
    })),
    ...values.map((kid) => ({
      name: `kid ${JSON.stringify(kid)}, of the wrong type`,
      token: mint.withHeader({ kid }),
      why: noKey,
    })),
    {
      name: 'kid twice, another kid last',
      token: mint.sign({ header: '{"alg":"RS256","kid":"main","kid":"other"}' }),
      why: noKey,
    },
    { name: 'the kid of a key, signed by another', token: mint.withHeader({}, foreign), why: badSignature },
    {
      name: 'no kid, signed by an unknown key',
      token: mint.withHeader({ kid: undefined }, foreign),
      why: badSignature,
    },
  ]
}

/** Keys in the header (RFC 7515 4.1.2 to 4.1.6); a server at `url` records each request. */
export function keysBrought(mint: Mint, url: string): Forgery[] {
  const { foreign } = mint.keys
  const members: Record<string, object> = {
    jwk: { jwk: foreign.jwk },
    'jwk with a private half': { jwk: foreign.privateKey.export({ format: 'jwk' }) },
    jku: { jku: `${url}/keys` },
    "jku that contains the provider's": { jku: `${url}/?${mint.provider.issuer}/jwks` },
    x5u: { x5u: `${url}/certificate` },
    x5c: { x5c: [createPublicKey(foreign.privateKey).export({ type: 'spki', format: 'der' }).toString('base64')] },
    x5t: { x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' },
    keys: { keys: [foreign.jwk], jwks: { keys: [foreign.jwk] } },
  }
  return Object.entries(members).flatMap(([name, member]) => [
    { name: `${name}, kid of the provider's key`, token: mint.withHeader(member, foreign), why: badSignature },
    { name: `${name}, no kid`, token: mint.withHeader({ kid: undefined, ...member }, foreign), why: badSignature },
    { name: `${name}, another kid`, token: mint.withHeader({ kid: 'mine', ...member }, foreign), why: noKey },
  ])
}

export function critical(mint: Mint): Forgery[] {
  const wrongType = /"crit" \(Critical\) Header Parameter MUST be an array of non-empty strings/
  const unknown = [
    'exp',
    'alg',
    'crit',
    'kid',
    'x-unknown',
    'http://example.com/unknown',
    '__proto__',
    'toString',
    'jwk',
  ]
  const values: readonly unknown[] = [[], '', 'b64', null, true, 5, {}, [5], [''], [null], ['b64', 5], [['b64']]]
  return [
    ...unknown.map((name) => ({
      name: `crit names ${name}`,
      token: mint.withHeader({ exp: 4e9, 'x-unknown': 1, 'http://example.com/unknown': true, crit: [name] }),
      why: /^JOSENotSupported .*is not recognized/,
    })),
    {
      name: 'crit names b64 and an unknown member',
      token: mint.withHeader({ b64: true, x: 1, crit: ['b64', 'x'] }),
      why: /^JOSENotSupported .*is not recognized/,
    },
    ...values.map((crit) => ({
      name: `crit ${JSON.stringify(crit)}`,
      token: mint.withHeader({ b64: true, crit }),
      why: wrongType,
    })),
    {
      name: 'crit names b64, which is missing',
      token: mint.withHeader({ crit: ['b64'] }),
      why: /"b64" is missing/,
    },
    ...[null, 0, 'true', 'false', [], {}].map((b64) => ({
      name: `b64 ${JSON.stringify(b64)}`,
      token: mint.withHeader({ b64, crit: ['b64'] }),
      why: /"b64" .* must be a boolean/,
    })),
  ]
}

export function wholeHeaders(mint: Mint): Forgery[] {
  const headers: Record<string, string | Buffer> = {
    null: 'null',
    'a number': '5',
    'a string': '"RS256"',
    'in an array': JSON.stringify([mint.header]),
    'in a string': JSON.stringify(JSON.stringify(mint.header)),
    truncated: JSON.stringify(mint.header).slice(0, -1),
    'with a trailing comma': '{"alg":"RS256","kid":"main",}',
    'in single quotes': "{'alg':'RS256','kid':'main'}",
    'of invalid UTF-8': Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]),
    'in UTF-16': Buffer.from(JSON.stringify(mint.header), 'utf16le'),
  }
  return [
    ...Object.entries(headers).map(([name, header]) => ({
      name: `header: ${name}`,
      token: mint.sign({ header }),
      why: /JWS Protected Header is invalid/,
    })),
    {
      name: 'header: empty',
      token: mint.sign({ header: '{}' }),
      why: /"alg" \(Algorithm\) Header Parameter missing or invalid/,
    },
    {
      name: 'header: alg inside __proto__',
      token: mint.sign({ header: '{"__proto__":{"alg":"RS256","kid":"main"}}' }),
      why: /"alg" \(Algorithm\) Header Parameter missing or invalid/,
    },
  ]
}
