// @ts-nocheck: runs in the browser, whose types are not part of this program.
import { UserManager } from 'oidc-client-ts'

// Gives the address to the page around this frame. It takes no settings for that.
await new UserManager({ authority: '', client_id: '', redirect_uri: '' }).signinSilentCallback()
