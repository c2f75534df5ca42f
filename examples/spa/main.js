/** Starts the pages, the API and a provider. Ctrl-C stops all three. */
import { EnvironmentError } from '../demo/environment.js'
import { start } from './start.js'

try {
  const { pagesUrl, apiUrl, issuer, clientId, audience, provider, toRegister, stop } = await start(process.env)
  console.log(`Open ${pagesUrl}`)
  console.log(`The API is ${apiUrl}.`)
  if (provider) {
    console.log('Log in as Alice (roles admin and user) or Bob (role user): no password.')
  } else {
    console.log(
      `To register at ${issuer}: the public client ${clientId}, whose access tokens have the audience ${audience}.`,
    )
    for (const uri of toRegister.redirectUris) console.log(`  Redirect URI: ${uri}`)
    for (const uri of toRegister.postLogoutRedirectUris) console.log(`  Post-logout redirect URI: ${uri}`)
    console.log(`  Web origin (CORS): ${pagesUrl}`)
  }

  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stop())
} catch (error) {
  // The messages of createBearer() about a wrong issuer also tell the user what to fix.
  const reported = error instanceof EnvironmentError || (error instanceof Error && error.name === 'OidcError')
  console.error(reported ? `The example cannot start.\n${error.message}` : error)
  process.exit(1)
}
