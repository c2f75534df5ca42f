import { startTestEntra, testTenants } from 'express-session-oidc/testing'

const admin = {
  name: 'alice',
  tenant: testTenants.contoso,
  oid: 'aaaaaaaa-0000-4000-8000-000000000001',
  displayName: 'Alice Adams',
  upn: 'alice@contoso.example',
  roles: ['Admin'],
}
const joiner = {
  name: 'jane',
  tenant: testTenants.contoso,
  oid: 'aaaaaaaa-0000-4000-8000-000000000003',
  displayName: 'Jane Jones',
  upn: 'jane@contoso.example',
  // More groups than fit into a token.
  groups: Array.from({ length: 250 }, (_, index) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`),
}
const guest = {
  name: 'greta',
  tenant: testTenants.fabrikam,
  oid: 'bbbbbbbb-0000-4000-8000-000000000002',
  displayName: 'Greta Green',
  upn: 'greta@fabrikam.example',
  guestIn: { [testTenants.contoso]: 'aaaaaaaa-0000-4000-8000-000000000002' },
}

/**
 * Simulates Entra on this machine: users log in with a click, without passwords. Browsers are sent to loopback, because
 * Entra's own host names would lead them to the real Entra.
 *
 * @param {'real' | 'loopback'} [pages]
 */
export async function simulateEntra(pages = 'loopback') {
  const id = await startTestEntra({ users: [admin, joiner, guest], pages })
  return {
    id,
    settings: {
      ...id.settings(),
      tenant: testTenants.contoso,
      audience: ['d0000000-0000-4000-8000-000000000001', 'api://orders'],
    },
  }
}
