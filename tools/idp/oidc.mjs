// A real OpenID provider: npm's oidc-provider with a login form and people of its own.

import "./older.mjs";

import { generateKeyPairSync, randomBytes } from "node:crypto";

import express from "express";

import { NAMES, PASSWORD, bySubject, change, signIn } from "./accounts.mjs";
import { listen } from "./listening.mjs";
import { loginForm } from "./pages.mjs";
import { main } from "./running.mjs";

// Its warnings are for those who would put it before real people.
for (const word of ["info", "warn"]) console[word] = () => {};
const { default: Provider } = await import("oidc-provider");

/**
 * Starts it. `redirectUris` and `logoutUris` are compared exactly; `client` overrides the client's own metadata, by its names
 * in the standard (OpenID Connect Dynamic Client Registration 1.0, section 2).
 */
export async function start({ port, host, redirectUris = [], logoutUris = [], client: own = {} }) {
    const { server, base, port: bound } = await listen({ port, host });
    const client = {
        client_id: "purser",
        client_secret: randomBytes(24).toString("base64url"),
        token_endpoint_auth_method: "client_secret_basic",
        grant_types: ["authorization_code"],
        response_types: ["code"],
        redirect_uris: redirectUris,
        post_logout_redirect_uris: logoutUris,
        ...own,
    };
    const cookieKeys = [randomBytes(24).toString("base64url")];
    // So that the e-mail stands in the ID token itself, as with most providers there are.
    const habits = { claimsInToken: true };
    // As careful providers do, it publishes the keys that it will sign with next.
    let keys = [newKeys(), newKeys()];
    let provider;
    const renew = () => {
        provider = new Provider(base, configuration({ client, keys: keys.flat(), cookieKeys, habits }));
        provider.on("server_error", (_, fault) => process.stderr.write(`${fault.stack}\n`));
    };
    renew();
    server.on("request", routes(() => provider));
    return {
        shown: { issuer: base, port: bound, clientId: client.client_id, clientSecret: client.client_secret, accounts: NAMES, password: PASSWORD },
        commands: {
            /** Changes the client as it is registered here: `{"redirectUris": […], "logoutUris": […], "client": {…}}`. */
            trust({ redirectUris, logoutUris, client: changed = {} }) {
                Object.assign(client, changed);
                client.redirect_uris = redirectUris ?? client.redirect_uris;
                client.post_logout_redirect_uris = logoutUris ?? client.post_logout_redirect_uris;
                renew();
            },
            /** Signs with the keys that were published as the next ones, no longer publishes the old ones, and makes new next ones. */
            rotate() {
                keys = [keys[1], newKeys()];
                renew();
                return { kids: keys.flat().map(({ kid }) => kid) };
            },
            /** Changes how it answers: `claimsInToken: false` leaves all but the subject to the userinfo endpoint. */
            set(changed) {
                Object.assign(habits, changed);
                renew();
            },
            change,
        },
        stop: () => server.closeAllConnections?.(),
    };
}

/** One key of each kind that an ID token is usually signed with. */
function newKeys() {
    const kid = () => randomBytes(9).toString("base64url");
    const key = (alg, kind, options) => ({
        ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }),
        kid: kid(),
        alg,
        use: "sig",
    });
    return [key("RS256", "rsa", { modulusLength: 2048 }), key("ES256", "ec", { namedCurve: "P-256" })];
}

function configuration({ client, keys, cookieKeys, habits }) {
    return {
        clients: [client],
        jwks: { keys },
        cookies: { keys: cookieKeys },
        pkce: { required: () => true },
        conformIdTokenClaims: !habits.claimsInToken,
        claims: {
            openid: ["sub"],
            email: ["email", "email_verified"],
            profile: ["name", "given_name", "family_name"],
            groups: ["groups"],
        },
        enabledJWA: { clientAuthSigningAlgValues: ["RS256", "ES256"], idTokenSigningAlgValues: ["RS256", "ES256"] },
        features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
        interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
        findAccount: (_, subject) => {
            const account = bySubject(subject);
            return account && { accountId: subject, claims: () => claims(account) };
        },
        loadExistingGrant,
        ttl: { Interaction: 600, Session: 3600, Grant: 3600, AccessToken: 600, IdToken: 600 },
    };
}

function claims({ subject, email, verified, first, last, groups }) {
    return {
        sub: subject,
        email,
        email_verified: verified,
        name: `${first} ${last}`,
        given_name: first,
        family_name: last,
        groups,
    };
}

/** The company has agreed for its people: whoever has signed in is not asked what the client may know. */
async function loadExistingGrant({ oidc }) {
    const { clientId } = oidc.client;
    const { accountId } = oidc.session;
    const known = oidc.session.grantIdFor(clientId);
    const grant = (known && (await oidc.provider.Grant.find(known))) ?? new oidc.provider.Grant({ clientId, accountId });
    grant.addOIDCScope(oidc.params.scope);
    await grant.save();
    return grant;
}

function routes(provider) {
    const app = express();
    app.get("/interaction/:uid", async (request, response) => {
        await provider().interactionDetails(request, response);
        response.send(loginForm({ title: "Acme OpenID" }));
    });
    app.post("/interaction/:uid", express.urlencoded({ extended: false }), async (request, response) => {
        const account = signIn(request.body);
        if (request.body.answer !== "cancel" && !account) {
            response.status(401).send(loginForm({ title: "Acme OpenID", wrong: true }));
            return;
        }
        const outcome = account
            ? { login: { accountId: account.subject } }
            : { error: "access_denied", error_description: "the person pressed Cancel" };
        await provider().interactionFinished(request, response, outcome, { mergeWithLastSubmission: false });
    });
    app.use((request, response) => provider().callback()(request, response));
    return app;
}

await main(import.meta.url, start);
