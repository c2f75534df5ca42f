import { createOidc } from 'express-session-oidc'
import { describe, expect, it } from 'vitest'
import { resolveLoginParameters } from '../../lib/config/login-parameters.ts'
import { findFaults } from '../support/find-faults.ts'

const origin = 'https://app.example.com'
const oidc = createOidc({
  issuer: 'https://id.example.com',
  clientId: 'web',
  clientSecret: 'a client secret',
  baseUrl: origin,
  secret: 'a secret of more than thirty-two characters',
})

function faults(parameters: object): string[] {
  return findFaults(() => oidc.login(parameters))
}

describe('the parameters of login()', () => {
  it('sends the parameters of a login under their names in OIDC Core 3.1.2.1', () => {
    const request = resolveLoginParameters(
      {
        prompt: 'login consent',
        loginHint: 'alice@example.com',
        acrValues: ['gold', 'silver'],
        uiLocales: 'de en',
        maxAuthAgeSeconds: 0,
        extra: { kc_idp_hint: 'github' },
      },
      origin,
    )
    expect(request.parameters).toEqual({
      prompt: 'login consent',
      login_hint: 'alice@example.com',
      acr_values: 'gold silver',
      ui_locales: 'de en',
      max_age: '0',
      kc_idp_hint: 'github',
    })
  })

  it('sets no parameter of a login by default', () => {
    expect(resolveLoginParameters({}, origin)).toEqual({
      scope: undefined,
      parameters: {},
      returnTo: undefined,
    })
  })

  it('accepts the scope of a login as a string or an array, and adds openid', () => {
    const getScope = (scope: string | string[]): unknown => resolveLoginParameters({ scope }, origin).scope
    expect(getScope('calendar.read')).toEqual(['openid', 'calendar.read'])
    expect(getScope(['calendar.read', 'openid', 'calendar.read'])).toEqual(['calendar.read', 'openid'])
  })

  it.each([
    [{ scope: '' }, /^`scope` must be words/],
    [{ scope: [] }, /^`scope` must be words/],
    [{ scope: ['a b'] }, /^`scope` must be words/],
    [{ scope: null }, /^`scope` must be words/],
    [{ prompt: '' }, /^`prompt` must be a non-empty string; pass 'none', 'login', 'consent' or 'select_account'/],
    [{ prompt: 42 }, /^`prompt` must be a non-empty string/],
    [{ prompt: 'none login' }, /^`prompt` combines 'none' with other values/],
    [{ loginHint: '' }, /^`loginHint` must be a non-empty string/],
    [{ acrValues: 42 }, /^`acrValues` must be words separated by spaces/],
    [{ acrValues: [] }, /^`acrValues` must be words separated by spaces/],
    [{ uiLocales: {} }, /^`uiLocales` must be words separated by spaces/],
    [{ maxAuthAgeSeconds: -1 }, /^`maxAuthAgeSeconds` must be a whole number of seconds, 0 or more/],
    [{ maxAuthAgeSeconds: 1.5 }, /^`maxAuthAgeSeconds` must be a whole number/],
    [{ maxAuthAgeSeconds: '60' }, /^`maxAuthAgeSeconds` must be a whole number/],
    [{ extra: 'kc_idp_hint=github' }, /^`extra` must be an object of strings/],
    [{ extra: null }, /^`extra` must be an object of strings/],
    [{ extra: [] }, /^`extra` must be an object of strings/],
    [{ extra: { kc_idp_hint: 1 } }, /^`extra\.kc_idp_hint` must be a string/],
    [{ returnTo: 'https://evil.example' }, /^`returnTo` must be a path on this origin/],
    [{ returnTo: '//evil.example' }, /^`returnTo` must be a path on this origin/],
    [{ returnTo: '' }, /^`returnTo` must be a path on this origin/],
    [{ return_to: '/' }, /^`return_to` is not an option; did you mean `returnTo`\?$/],
    [{ login_hint: 'a' }, /^`login_hint` is not an option; did you mean `loginHint`\?$/],
    [{ state: 'mine' }, /^`state` is not an option/],
    [{ redirect_uri: 'https://evil.example' }, /^`redirect_uri` is not an option/],
  ])('rejects the parameters %j when the route is defined', (parameters, message) => {
    const found = faults(parameters)
    expect(found).toHaveLength(1)
    expect(found[0]).toMatch(message)
  })

  it.each([
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'code_challenge',
    'code_challenge_method',
    'nonce',
    'redirect_uri',
    'request',
    'request_uri',
    'response_mode',
    'response_type',
    'scope',
    'state',
    'prompt',
    'max_age',
    'login_hint',
    'acr_values',
    'ui_locales',
    'id_token_hint',
    'dpop_jkt',
  ])('rejects %s in extra, because login() sets it or has a parameter for it', (name) => {
    expect(faults({ extra: { [name]: 'x' } })).toEqual([
      `\`extra.${name}\` is a reserved parameter; remove it, or use its own option if it has one`,
    ])
  })

  it('lists all faults of the parameters in one error', () => {
    expect(faults({ scope: '', prompt: 'none login', extra: { state: 'x', nonce: 'y' }, returnTo: 'x' })).toHaveLength(
      5,
    )
  })

  it('rejects parameters that are not an object', () => {
    expect(faults([])).toEqual(['the parameters of login() must be an object'])
  })
})

describe('the parameters of logout()', () => {
  it('checks the parameters of a logout when the route is defined', () => {
    const logout = (parameters: object): string[] => findFaults(() => oidc.logout(parameters))
    expect(logout({ returnTo: '/goodbye' })).toEqual([])
    expect(logout({})).toEqual([])
    expect(logout({ returnTo: 'https://evil.example' })).toEqual([
      "`returnTo` must be a path on this origin, such as '/goodbye'",
    ])
    expect(logout({ returnto: '/' })).toEqual(['`returnto` is not an option; did you mean `returnTo`?'])
  })
})
