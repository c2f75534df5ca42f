// @ts-nocheck: runs in the browser, whose types are not part of this program.
import { UserManager } from 'oidc-client-ts'

// Passes the URL to the page around this frame. This needs no settings.
await new UserManager({ authority: '', client_id: '', redirect_uri: '' }).signinSilentCallback()
