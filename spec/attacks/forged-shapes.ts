/** Tokens with invalid encoding or structure (RFC 7515 2, RFC 4648 5, RFC 6750 2.1). */
import { base64url, signature, type Forgery, type Mint } from './forged-tokens.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const noJwt = /^the token is not a canonically encoded JWT/
const badSignature = /signature verification failed/

/** Encodes the same bytes, with non-zero unused bits at the end. */
function withBits(part: string, bits: number): string {
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.slice(-1)) + bits]
}

/** JSON with trailing spaces, so that its base64url has the given length modulo 4. */
function leaving(rest: 2 | 3, value: object): string {
  for (let spaces = 0; spaces < 3; spaces++) {
    const part = base64url(JSON.stringify(value) + ' '.repeat(spaces))
    if (part.length % 4 === rest) return part
  }
  throw new Error('no such rest')
}

/** Unused bits that are not zero. The signature covers them, so each variant would be another token with the same content. */
export function uselessBits(mint: Mint): Forgery[] {
  const { main, ec } = mint.keys
  const signed = (header: string, claims: string): string => {
    const input = `${header}.${claims}`
    return `${input}.${signature(input, 'RS256', main.privateKey)}`
  }
  const forgeries: Forgery[] = []
  for (const [rest, bits] of [
    [2, [1, 8, 15]],
    [3, [1, 2, 3]],
  ] as const) {
    const header = leaving(rest, mint.header)
    const claims = leaving(rest, mint.claims)
    for (const more of bits) {
      const name = `${more} in the unused bits, length ${rest} mod 4`
      forgeries.push(
        {
          name: `${name}, header`,
          token: signed(withBits(header, more), claims),
          why: noJwt,
          control: signed(header, claims),
        },
        {
          name: `${name}, payload`,
          token: signed(header, withBits(claims, more)),
          why: noJwt,
          control: signed(header, claims),
        },
      )
    }
  }
  for (let more = 1; more < 16; more++) {
    forgeries.push({
      name: `${more} in the unused bits of the signature`,
      token: withBits(mint.good, more),
      why: noJwt,
    })
  }
  const onCurve = mint.signedBy(ec)
  forgeries.push({
    name: 'the unused bits of an ECDSA signature',
    token: withBits(onCurve, 1),
    why: noJwt,
    control: onCurve,
  })
  return forgeries
}

export function alphabets(mint: Mint): Forgery[] {
  // At any offset, these runs encode to both characters in which the alphabets differ.
  const marks = { note: '???>>>' }
  const control = mint.sign({ header: { ...mint.header, ...marks }, claims: { ...mint.claims, ...marks } })
  const parts = control.split('.') as [string, string, string]
  const changed = (at: number, change: (part: string) => string): string =>
    parts.map((part, index) => (index === at ? change(part) : part)).join('.')
  const names = ['header', 'payload']
  const forgeries: Forgery[] = names.flatMap((name, at) => [
    {
      name: `+ instead of - in the ${name}`,
      token: changed(at, (part) => part.replace('-', '+')),
      why: noJwt,
      control,
    },
    {
      name: `/ instead of _ in the ${name}`,
      token: changed(at, (part) => part.replace('_', '/')),
      why: noJwt,
      control,
    },
    {
      name: `~ instead of _ in the ${name}`,
      token: changed(at, (part) => part.replace('_', '~')),
      why: noJwt,
      control,
    },
  ])
  const all = (part: string): string => part.replaceAll('-', '+').replaceAll('_', '/')
  return [
    ...forgeries,
    { name: 'base64 in all parts', token: `${parts.map(all).join('.')}=`, why: noJwt, control },
    { name: 'one = at the end', token: `${control}=`, why: noJwt, control },
    { name: 'the padding of the signature', token: `${control}==`, why: noJwt, control },
    { name: 'excessive padding', token: `${control}====`, why: noJwt, control },
    { name: 'an extra character at the end', token: `${control}A`, why: badSignature, control },
    { name: 'three extra characters at the end', token: `${control}AAA`, why: noJwt, control },
    { name: 'four extra characters at the end', token: `${mint.good.slice(0, -1)}AAAAA`, why: /signature|base64url/ },
    {
      name: 'an extra character in the payload',
      token: changed(1, (part) => `${part}A`),
      why: /base64url|signature/,
      control,
    },
  ]
}

export function splitParts(mint: Mint): Forgery[] {
  const [header, payload, signed] = mint.good.split('.') as [string, string, string]
  const other = mint.withClaims({ sub: 'mallory', scope: 'orders:write' }).split('.') as [string, string, string]
  const none: Record<string, string> = {
    'no header': `.${payload}.${signed}`,
    'no payload': `${header}..${signed}`,
    'no signature': `${header}.${payload}.`,
    'no signature and no dot': `${header}.${payload}`,
    'only a header': header,
    'a header and dots': `${header}..`,
    'only dots': '..',
    'one dot': '.',
    'an extra dot before it': `.${mint.good}`,
    'an extra dot after it': `${mint.good}.`,
    'two dots after the header': `${header}..${payload}.${signed}`,
    'four parts': `${mint.good}.${signed}`,
    'the five parts of a JWE': `${header}.AAAA.AAAAAAAAAAAAAAAA.${payload}.AAAAAAAAAAAAAAAAAAAAAA`,
    'the five parts of a JWE with a direct key': `${base64url({ alg: 'dir', enc: 'A256GCM' })}..AAAAAAAAAAAAAAAA.${payload}.AAAA`,
    'fifty parts': Array(50).fill('e30').join('.'),
    'two tokens': `${mint.good}.${mint.good}`,
    'a UUID': '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    'a digit': '0',
    'the word null': 'null',
    'the word undefined': 'undefined',
  }
  const notSigned: Record<string, string> = {
    'the signature of another token': `${header}.${payload}.${other[2]}`,
    'the payload of another token': `${header}.${other[1]}.${signed}`,
    'another header': `${base64url({ ...mint.header, x: 1 })}.${payload}.${signed}`,
    'another payload with the same claims': `${header}.${base64url(`${JSON.stringify(mint.claims)}    `)}.${signed}`,
    'a signature of zeros': `${header}.${payload}.${base64url(Buffer.alloc(256))}`,
    'a signature of ones': `${header}.${payload}.${base64url(Buffer.alloc(256, 255))}`,
    'a signature of one byte': `${header}.${payload}.AA`,
    'a truncated signature': `${header}.${payload}.${signed.slice(0, 340)}`,
    'a signature with an extra byte': `${header}.${payload}.${base64url(Buffer.concat([Buffer.from(signed, 'base64url'), Buffer.alloc(1)]))}`,
    'a signature after a zero byte': `${header}.${payload}.${base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(signed, 'base64url')]))}`,
    'the payload as the signature': `${header}.${payload}.${payload.slice(0, 340)}`,
    'an exp in the past and an invalid signature': `${mint.withClaims({ exp: 1 }).split('.', 2).join('.')}.${signed}`,
    'another audience and an invalid signature': `${mint.withClaims({ aud: 'x' }).split('.', 2).join('.')}.${signed}`,
  }
  return [
    ...Object.entries(none).map(([name, token]) => ({ name, token, why: noJwt })),
    ...Object.entries(notSigned).map(([name, token]) => ({ name, token, why: badSignature })),
    { name: 'header and payload swapped', token: `${payload}.${header}.${signed}`, why: /"alg" .* missing or invalid/ },
    {
      name: 'all characters in lowercase',
      token: mint.good.toLowerCase(),
      why: /Header is invalid|not a canonically encoded JWT/,
    },
  ]
}

/** Credentials that do not match the syntax of RFC 6750 2.1, which are answered 400. */
export function noTokens(mint: Mint): Forgery[] {
  const { good } = mint
  const [header, payload, signed] = good.split('.') as [string, string, string]
  const middle = (text: string): string => `${good.slice(0, 20)}${text}${good.slice(20)}`
  const malformed: Record<string, string> = {
    'an empty token': '',
    'a space inside': middle(' '),
    'a tab inside': middle('\t'),
    'a tab before it': `\t${good}`,
    'padding in the header': `${header}=.${payload}.${signed}`,
    'padding in the payload': `${header}.${payload}==.${signed}`,
    'percent-encoded dots': good.replaceAll('.', '%2E'),
    'a token in quotes': `"${good}"`,
    'a token in angle brackets': `<${good}>`,
    'a comma after it': `${good},`,
    'a semicolon after it': `${good};`,
    'two tokens with a comma': `${good}, ${good}`,
    'two tokens with a space': `${good} ${good}`,
    'the scheme twice': `Bearer ${good}`,
    'a token as a parameter': `token="${good}"`,
    'a token as JSON (RFC 7515 7.2.2)': JSON.stringify({ protected: header, payload, signature: signed }),
    'a Latin-1 character': middle('\u00e9'),
    'a soft hyphen': middle('\u00ad'),
    'a no-break space before it': `\u00a0${good}`,
    markup: '<script>alert(1)</script>',
    'an asterisk': '*',
    'only padding': '==',
    'more than the maximum length': `${good}${'A'.repeat(16_385 - good.length)}`,
  }
  return Object.entries(malformed).map(([name, token]) => ({
    name,
    token,
    why: /^The Authorization header must have/,
    reported: 'malformed',
  }))
}
