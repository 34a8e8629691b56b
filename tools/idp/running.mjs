// A provider as a program: `node oidc.mjs --port 4000 --redirect-uri URL`.

import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { fail, serve } from "../program.mjs";

const TEXT = { type: "string" };

const OPTIONS = {
    /** 0: any free one. */
    port: TEXT,
    /** What the provider is called in its addresses: 127.0.0.1 or localhost, which browsers take for two sites. */
    host: TEXT,
    /** oidc: where to answer; may be given again. */
    "redirect-uri": { type: "string", multiple: true },
    /** oidc: where to go after signing out; may be given again. */
    "logout-uri": { type: "string", multiple: true },
    /** oidc: more of the client, as JSON. */
    client: TEXT,
    /** saml: where the service provider tells what it is. */
    "sp-metadata": TEXT,
    /** saml: where to answer. */
    acs: TEXT,
    /** saml: whom the answers are for; without it the address of `acs`. */
    audience: TEXT,
};

/** Runs a provider if its file is the program that was started. */
export async function main(url, start) {
    if (!isProgram(url)) return;
    try {
        const { shown, commands, stop } = await start(options());
        serve(shown, commands, stop);
    } catch (fault) {
        fail(fault);
    }
}

export function isProgram(url) {
    return fileURLToPath(url) === realpathSync(process.argv[1]);
}

/** What stands on the command line. */
export function options() {
    const { values } = parseArgs({ options: OPTIONS });
    const { "redirect-uri": redirectUris, "logout-uri": logoutUris, "sp-metadata": metadata, client, ...rest } = values;
    return { ...rest, redirectUris, logoutUris, metadata, client: client && JSON.parse(client) };
}
