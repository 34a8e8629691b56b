// Both providers in one program, for the demo.

import { fail, serve } from "../program.mjs";
import * as oidc from "./oidc.mjs";
import { options } from "./running.mjs";
import * as saml from "./saml.mjs";

/** A command goes to the provider that `provider` names: `{"provider": "saml", "command": "trust", …}`. */
const passing = (providers) => (name) => (line) => providers[line.provider].commands[name](line);

try {
    const { host } = options();
    const providers = { oidc: await oidc.start({ host }), saml: await saml.start({ host }) };
    const pass = passing(providers);
    serve(
        { oidc: providers.oidc.shown, saml: providers.saml.shown },
        { trust: pass("trust") },
        () => Object.values(providers).forEach(({ stop }) => stop()),
    );
} catch (fault) {
    fail(fault);
}
