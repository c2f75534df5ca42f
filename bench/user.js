/** The only user of the bench. Her tokens are as large as those of a Keycloak realm with a few roles. */

const roles = [
  'user',
  'admin',
  'default-roles-acme',
  'offline_access',
  'uma_authorization',
  'orders:read',
  'orders:write',
]

export const user = {
  sub: '7d1f6f0a-3b8e-4c52-9a57-0d6a9e2b41c3',
  claims: {
    name: 'Alice Adams',
    given_name: 'Alice',
    family_name: 'Adams',
    preferred_username: 'alice',
    email: 'alice@example.com',
    email_verified: true,
  },
  accessTokenClaims: {
    preferred_username: 'alice',
    email: 'alice@example.com',
    'allowed-origins': ['https://app.example.com'],
    realm_access: { roles },
    resource_access: { web: { roles }, account: { roles: ['manage-account', 'manage-account-links', 'view-profile'] } },
  },
}
