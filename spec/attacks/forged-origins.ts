/** Tokens of somebody else, for somebody else, or for something else than to be presented to an API. */
import type { TestProvider } from 'express-session-oidc/testing'
import { withId } from '../support/ids.ts'
import { type Forgery, type Mint } from './forged-tokens.ts'

const noKey = /no applicable key found/
const badSignature = /signature verification failed/

/** What another provider signs, and keys that must not be used. `rival` has issuer and keys of its own. */
export async function otherPeoples(mint: Mint, rival: TestProvider): Promise<Forgery[]> {
  const { provider, claims, keys } = mint
  // First, since what was signed before it is refused from then on.
  const withdrawn = await withdrawnKeys(mint)
  const { issuer } = provider
  const theirs = { ...claims, iss: rival.issuer }
  const kid = provider.keys.keys[0]?.kid
  const control = await provider.sign({ ...claims })
  const two = { issuer: [{ issuer }, { issuer: rival.issuer, audience: 'theirs' }] }
  const forgeries: Forgery[] = [
    { name: "another provider's token", token: await rival.sign(theirs), why: noKey, control },
    {
      name: "another provider's token in our issuer's name",
      token: await rival.sign({ ...claims }),
      why: noKey,
      control,
    },
    {
      name: "another provider's token under our issuer's key",
      token: await rival.sign({ ...claims }, { kid }),
      why: badSignature,
      control,
    },
    {
      name: "another provider's token, its issuer a second one here, in the first one's name",
      token: await rival.sign({ ...claims }),
      why: noKey,
      guard: two,
    },
    {
      name: "the first issuer's token in the second one's name",
      token: await provider.sign({ ...theirs, aud: 'theirs' }),
      why: noKey,
      control: await rival.sign({ ...theirs, aud: 'theirs' }),
      guard: two,
    },
    {
      name: "the second issuer's token for the first one's audience",
      token: await rival.sign(theirs),
      why: /^its aud is \["orders"\], not "theirs"/,
      told: 'audience',
      control: await rival.sign({ ...theirs, aud: 'theirs' }),
      guard: two,
    },
  ]
  const unnamed = { undefined: undefined, null: null, list: [issuer], number: 5, another: 'https://evil.example' }
  for (const [name, iss] of Object.entries(unnamed)) {
    forgeries.push({
      name: `where there are two issuers: iss ${name}`,
      token: mint.withClaims({ iss }),
      why: /^iss is none of the issuers of this guard$/,
      guard: two,
    })
  }
  const usedWrong: Record<string, [key: Mint['keys']['main'], why: RegExp]> = {
    'marked for encryption': [keys.enc, noKey],
    'marked for encryption, RSA': [keys.encRsa, noKey],
    'that may only sign': [keys.signOnly, noKey],
    'that may only encrypt': [keys.encryptOnly, noKey],
    'of 1024 bits': [keys.short, /modulusLength to be 2048 bits or larger/],
    'that is published nowhere': [keys.former, noKey],
  }
  for (const [name, [key, why]] of Object.entries(usedWrong)) {
    forgeries.push({ name: `a key ${name}`, token: mint.signedBy(key), why })
  }
  return [...forgeries, ...withdrawn]
}

/** A key that rotation took out of the set. It changes the provider's own keys. */
async function withdrawnKeys({ provider, claims }: Mint): Promise<Forgery[]> {
  const former = await provider.sign({ ...claims })
  const formerNameless = await provider.sign({ ...claims }, { kid: undefined })
  await provider.rotateKeys()
  return [
    { name: 'a key that rotation took away', token: former, why: noKey, control: await provider.sign({ ...claims }) },
    {
      name: 'a key that rotation took away, without its name',
      token: formerNameless,
      why: badSignature,
      control: await provider.sign({ ...claims }, { kid: undefined }),
    },
  ]
}

/** RFC 8725 3.11, 3.12: types of the header that other kinds of JWT have. */
export function otherTypes(mint: Mint): Forgery[] {
  const types = [
    'logout+jwt',
    'application/logout+jwt',
    'LOGOUT+JWT',
    'Application/Logout+JWT',
    'dpop+jwt',
    'DPoP+jwt',
    'application/dpop+jwt',
    'secevent+jwt',
    'id_token',
    'ID',
    'rt+jwt',
    'refresh+jwt',
    'token-introspection+jwt',
    'APPLICATION/token-introspection+JWT',
    'oauth-authz-req+jwt',
    'client-authentication+jwt',
    'entity-statement+jwt',
    'dc+sd-jwt',
    'kb+jwt',
    'JWE',
    'JOSE',
    'jose+json',
    'at+jwt ',
    ' at+jwt',
    'at+jwt;charset=utf-8',
    'at jwt',
    'text/at+jwt',
    'application/application/jwt',
    'application/',
    'Bearer',
    'JWT, at+jwt',
    'jwt\0',
    '',
  ]
  const values: readonly unknown[] = [null, 5, true, ['JWT'], { typ: 'JWT' }]
  return [
    ...types.map((typ) => ({
      name: `typ ${JSON.stringify(typ)}`,
      token: mint.withHeader({ typ }),
      why: /^its typ is "/,
    })),
    ...values.map((typ) => ({
      name: `typ ${JSON.stringify(typ)}, of no right type`,
      token: mint.withHeader({ typ }),
      why: /^its typ is "no text"$/,
    })),
    {
      name: 'typ twice, that of logout tokens last',
      token: mint.sign({ header: '{"alg":"RS256","kid":"main","typ":"at+jwt","typ":"logout+jwt"}' }),
      why: /^its typ is "logout\+jwt"$/,
    },
  ]
}

/** Claims that mark other kinds of token, on a token that is good but for them. */
export function otherClaims(mint: Mint): Forgery[] {
  const own = [
    'ID',
    'id',
    'Refresh',
    'REFRESH',
    'Offline',
    'Logout',
    'Serialized-ID',
    'Initial',
    'Registration',
    '',
    'refresh_token',
  ]
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const hash = 'LDktKdoQak3Pk0cnXxCltA'
  const marks: Record<string, [claims: object, why: RegExp]> = {
    'a logout token': [{ events }, /^events is a claim of logout tokens$/],
    'events that are empty': [{ events: {} }, /^events is/],
    'events that are null': [{ events: null }, /^events is/],
    'a DPoP proof': [{ htm: 'GET', htu: 'https://api.example.com/' }, /^htm and htu are claims of DPoP proofs$/],
    'htm alone': [{ htm: 'GET' }, /^htm and htu/],
    'htu alone': [{ htu: 'https://api.example.com/' }, /^htm and htu/],
    'htm that is null': [{ htm: null }, /^htm and htu/],
    'an ID token, by at_hash': [{ at_hash: hash }, /^at_hash is a claim of ID tokens$/],
    'an ID token, by c_hash': [{ c_hash: hash }, /^c_hash is a claim of ID tokens$/],
    'an ID token, by s_hash': [{ s_hash: hash }, /^s_hash is a claim of ID tokens$/],
    'at_hash that is null': [{ at_hash: null }, /^at_hash is/],
    'an ID token, by nonce': [{ nonce: 'n', scope: undefined }, /^nonce without a scope is that of an ID token$/],
    'nonce that is empty': [{ nonce: '', scope: undefined }, /^nonce without a scope/],
  }
  const types: readonly unknown[] = [null, 5, true, [], ['Bearer'], { typ: 'Bearer' }]
  return [
    ...own.map((typ) => ({
      name: `claim typ ${JSON.stringify(typ)}`,
      token: mint.withClaims({ typ }),
      why: /^its claim typ is "/,
    })),
    ...types.map((typ) => ({
      name: `claim typ ${JSON.stringify(typ)}, of no right type`,
      token: mint.withClaims({ typ }),
      why: /^its claim typ is "no text"$/,
    })),
    {
      name: 'claim typ ID on at+jwt',
      token: mint.sign({ header: { ...mint.header, typ: 'at+jwt' }, claims: { ...mint.claims, typ: 'ID' } }),
      why: /^its claim typ is "id"$/,
    },
    ...Object.entries(marks).map(([name, [claims, why]]) => ({ name, token: mint.withClaims(claims), why })),
    ...['events', 'htm'].map((claim) => ({
      name: `${claim} on at+jwt`,
      token: mint.sign({ header: { ...mint.header, typ: 'at+jwt' }, claims: { ...mint.claims, [claim]: {} } }),
      why: claim === 'events' ? /^events is/ : /^htm and htu/,
    })),
  ]
}

/** What the provider really issues, where the guard's audience is the client itself: nothing but the purpose differs. */
export async function reallyIssued({ provider, claims }: Mint): Promise<Forgery[]> {
  const guard = { audience: ['web', 'orders'] }
  const issued = await provider.issueTokens('alice')
  const control = issued['access_token'] as string
  const again = async (change: Parameters<TestProvider['misbehave']>[0]): Promise<string> => {
    const undo = provider.misbehave(change)
    const { id_token } = await provider.issueTokens('alice')
    undo()
    return id_token as string
  }
  const undo = provider.misbehave({ userInfo: { signed: true } })
  const userInfo = await fetch(`${provider.issuer}/userinfo`, { headers: { authorization: `Bearer ${control}` } })
  undo()
  const { iat, exp, jti, iss } = claims
  const assertion = await provider.sign({ iss: 'web', sub: 'web', aud: 'orders', iat, exp, jti })
  return [
    {
      name: withId('forged-origins-1', 'an ID token'),
      token: issued['id_token'] as string,
      why: /^at_hash is a claim of ID tokens$/,
      control,
      guard,
    },
    {
      name: 'an ID token of an authorization response',
      token: await again({ idToken: { claims: { nonce: 'n', at_hash: undefined } } }),
      why: /^nonce without a scope/,
      control,
      guard,
    },
    {
      name: "an ID token of Keycloak's",
      token: await again({ idToken: { claims: { typ: 'ID', at_hash: undefined } } }),
      why: /^its claim typ is "id"$/,
      control,
      guard,
    },
    { name: 'a userinfo response', token: await userInfo.text(), why: /missing required "exp" claim/, control, guard },
    { name: 'an assertion of a client', token: assertion, why: /^iss is another issuer$/, control, guard },
    {
      name: withId('forged-origins-2', 'a logout token'),
      token: await provider.sign(
        {
          iss,
          sub: 'alice',
          aud: 'web',
          iat,
          exp,
          jti,
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        },
        { typ: 'logout+jwt' },
      ),
      why: /^its typ is "logout\+jwt"$/,
      control,
      guard,
    },
    {
      name: withId('forged-origins-3', 'a refresh token'),
      token: issued['refresh_token'] as string,
      why: /^The Authorization header is/,
      told: 'malformed',
      control,
      guard,
    },
    { name: 'an opaque access token', token: 'dGhlIHRva2VuIGlzIG9wYXF1ZQ', why: /^it is no JWT/, control, guard },
  ]
}
