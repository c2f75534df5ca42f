/** Tokens that are written as none is to be (RFC 7515 2, RFC 4648 5, RFC 6750 2.1). */
import { base64url, signature, type Forgery, type Mint } from './forged-tokens.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const noJwt = /^it is no JWT in base64url/
const badSignature = /signature verification failed/

/** The same bytes, with `bits` more that mean nothing. */
function withBits(part: string, bits: number): string {
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.slice(-1)) + bits]
}

/** JSON, with so many spaces behind it that its base64url leaves a rest. */
function leaving(rest: 2 | 3, value: object): string {
  for (let spaces = 0; spaces < 3; spaces++) {
    const part = base64url(JSON.stringify(value) + ' '.repeat(spaces))
    if (part.length % 4 === rest) return part
  }
  throw new Error('no such rest')
}

/** Bits that mean nothing: each way to write them would be another token, and is signed as it stands. */
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
      const name = `${more} in the bits left over of ${rest}`
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
      name: `${more} in the bits left over of the signature`,
      token: withBits(mint.good, more),
      why: noJwt,
    })
  }
  const onCurve = mint.signedBy(ec)
  forgeries.push({
    name: 'bits left over of the signature on a curve',
    token: withBits(onCurve, 1),
    why: noJwt,
    control: onCurve,
  })
  return forgeries
}

export function alphabets(mint: Mint): Forgery[] {
  // Runs of these give both of the characters that differ, however they fall.
  const marks = { note: '???>>>' }
  const control = mint.sign({ header: { ...mint.header, ...marks }, claims: { ...mint.claims, ...marks } })
  const parts = control.split('.') as [string, string, string]
  const changed = (at: number, change: (part: string) => string): string =>
    parts.map((part, index) => (index === at ? change(part) : part)).join('.')
  const names = ['header', 'payload']
  const forgeries: Forgery[] = names.flatMap((name, at) => [
    { name: `+ for - in the ${name}`, token: changed(at, (part) => part.replace('-', '+')), why: noJwt, control },
    { name: `/ for _ in the ${name}`, token: changed(at, (part) => part.replace('_', '/')), why: noJwt, control },
    { name: `~ for _ in the ${name}`, token: changed(at, (part) => part.replace('_', '~')), why: noJwt, control },
  ])
  const all = (part: string): string => part.replaceAll('-', '+').replaceAll('_', '/')
  return [
    ...forgeries,
    { name: 'base64 in all parts', token: `${parts.map(all).join('.')}=`, why: noJwt, control },
    { name: 'one = at the end', token: `${control}=`, why: noJwt, control },
    { name: 'the padding of the signature', token: `${control}==`, why: noJwt, control },
    { name: 'too much padding', token: `${control}====`, why: noJwt, control },
    { name: 'one character more at the end', token: `${control}A`, why: badSignature, control },
    { name: 'three characters more at the end', token: `${control}AAA`, why: noJwt, control },
    { name: 'four characters more at the end', token: `${mint.good.slice(0, -1)}AAAAA`, why: /signature|base64url/ },
    {
      name: 'one character more in the payload',
      token: changed(1, (part) => `${part}A`),
      why: /base64url|signature/,
      control,
    },
  ]
}

export function partsOf(mint: Mint): Forgery[] {
  const [header, payload, signed] = mint.good.split('.') as [string, string, string]
  const other = mint.withClaims({ sub: 'mallory', scope: 'orders:write' }).split('.') as [string, string, string]
  const none: Record<string, string> = {
    'no header': `.${payload}.${signed}`,
    'no payload': `${header}..${signed}`,
    'no signature': `${header}.${payload}.`,
    'no signature and no dot': `${header}.${payload}`,
    'a header alone': header,
    'a header and dots': `${header}..`,
    'dots alone': '..',
    'one dot': '.',
    'a dot too many before it': `.${mint.good}`,
    'a dot too many behind it': `${mint.good}.`,
    'two dots after the header': `${header}..${payload}.${signed}`,
    'four parts': `${mint.good}.${signed}`,
    'five parts, as of a JWE': `${header}.AAAA.AAAAAAAAAAAAAAAA.${payload}.AAAAAAAAAAAAAAAAAAAAAA`,
    'five parts, as of a JWE with a direct key': `${base64url({ alg: 'dir', enc: 'A256GCM' })}..AAAAAAAAAAAAAAAA.${payload}.AAAA`,
    'fifty parts': Array(50).fill('e30').join('.'),
    'two tokens': `${mint.good}.${mint.good}`,
    'a UUID': '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    'a digit': '0',
    'the word null': 'null',
    'the word undefined': 'undefined',
  }
  const notSigned: Record<string, string> = {
    'the signature of another': `${header}.${payload}.${other[2]}`,
    'the payload of another': `${header}.${other[1]}.${signed}`,
    'the header of another': `${base64url({ ...mint.header, x: 1 })}.${payload}.${signed}`,
    'another payload without a change of its meaning': `${header}.${base64url(`${JSON.stringify(mint.claims)}    `)}.${signed}`,
    'a signature of nothing but zeros': `${header}.${payload}.${base64url(Buffer.alloc(256))}`,
    'a signature of ones': `${header}.${payload}.${base64url(Buffer.alloc(256, 255))}`,
    'a signature of one byte': `${header}.${payload}.AA`,
    'a signature cut short': `${header}.${payload}.${signed.slice(0, 340)}`,
    'a signature with a byte more': `${header}.${payload}.${base64url(Buffer.concat([Buffer.from(signed, 'base64url'), Buffer.alloc(1)]))}`,
    'a signature with a zero before it': `${header}.${payload}.${base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(signed, 'base64url')]))}`,
    'the payload for the signature': `${header}.${payload}.${payload.slice(0, 340)}`,
    'an end that is over, and no good signature': `${mint.withClaims({ exp: 1 }).split('.', 2).join('.')}.${signed}`,
    'another audience, and no good signature': `${mint.withClaims({ aud: 'x' }).split('.', 2).join('.')}.${signed}`,
  }
  return [
    ...Object.entries(none).map(([name, token]) => ({ name, token, why: noJwt })),
    ...Object.entries(notSigned).map(([name, token]) => ({ name, token, why: badSignature })),
    { name: 'header and payload swapped', token: `${payload}.${header}.${signed}`, why: /"alg" .* missing or invalid/ },
    { name: 'all in lower case', token: mint.good.toLowerCase(), why: /Header is invalid|no JWT/ },
  ]
}

/** What is no token of RFC 6750 2.1 at all: 400. */
export function noTokens(mint: Mint): Forgery[] {
  const { good } = mint
  const [header, payload, signed] = good.split('.') as [string, string, string]
  const middle = (text: string): string => `${good.slice(0, 20)}${text}${good.slice(20)}`
  const malformed: Record<string, string> = {
    nothing: '',
    'a space in it': middle(' '),
    'a tab in it': middle('\t'),
    'a tab before it': `\t${good}`,
    'padding in the header': `${header}=.${payload}.${signed}`,
    'padding in the payload': `${header}.${payload}==.${signed}`,
    'dots in percent': good.replaceAll('.', '%2E'),
    'in quotes': `"${good}"`,
    'in angle brackets': `<${good}>`,
    'a comma behind it': `${good},`,
    'a semicolon behind it': `${good};`,
    'two, with a comma': `${good}, ${good}`,
    'two, with a space': `${good} ${good}`,
    'the scheme twice': `Bearer ${good}`,
    'as a parameter': `token="${good}"`,
    'as JSON (RFC 7515 7.2.2)': JSON.stringify({ protected: header, payload, signature: signed }),
    'a character of Latin-1': middle('\u00e9'),
    'a soft hyphen': middle('\u00ad'),
    'a no-break space before it': `\u00a0${good}`,
    markup: '<script>alert(1)</script>',
    'a star': '*',
    'padding alone': '==',
    'more than is looked at': `${good}${'A'.repeat(16_385 - good.length)}`,
  }
  return Object.entries(malformed).map(([name, token]) => ({
    name,
    token,
    why: /^The Authorization header is not of/,
    told: 'malformed',
  }))
}
