import { expect, it } from 'vitest'
import { selectCodeScope } from '../../../lib/presets/entra/entra-scope.ts'

it.each([
  ['openid profile email offline_access', undefined],
  ['openid User.Read', undefined],
  ['openid User.Read https://graph.microsoft.com/Mail.Read', undefined],
  ['openid api://orders/read api://orders/write', undefined],
  ['openid api://orders/read User.Read', 'openid api://orders/read'],
  ['openid User.Read profile api://orders/read', 'openid User.Read profile'],
  [
    'api://orders/read openid https://stock.example/count api://orders/write',
    'api://orders/read openid api://orders/write',
  ],
  ['openid https://graph.example/read https://graph.microsoft.com/Mail.Read', 'openid https://graph.example/read'],
])('a code for the scope %s is exchanged with the scope %s', (requested, sent) => {
  expect(selectCodeScope(requested.split(' '))?.join(' ')).toBe(sent)
})
