// A real SAML identity provider: npm's samlp with a login form, single logout, and people of its own.

import "./older.mjs";

import { randomBytes } from "node:crypto";

import express from "express";
import samlp from "samlp";
import selfsigned from "selfsigned";

import { NAMES, PASSWORD, change, signIn } from "./accounts.mjs";
import { listen } from "./listening.mjs";
import { loginForm } from "./pages.mjs";
import { main } from "./running.mjs";
import { readMetadata } from "./partner.mjs";
import { Session, TransactionStore } from "./sessions.mjs";

const EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/**
 * Starts it. Whom it answers is told by `acs` and `audience`, by the address of the service provider's `metadata`, or later by
 * the command `trust`.
 */
export async function start({ port, host, acs, audience = acs, metadata }) {
    const { server, base, port: bound } = await listen({ port, host });
    const state = {
        base,
        entityId: `${base}/metadata`,
        key: await newKey(),
        partner: metadata ? await readMetadata(metadata) : { acs, audience },
        // Okta signs both, unless told otherwise.
        habits: { signResponse: true, signAssertion: true, lifetimeInSeconds: 300 },
        sessions: new Map(),
        transactions: new TransactionStore(),
    };
    server.on("request", routes(state));
    return {
        shown: {
            entityId: state.entityId,
            port: bound,
            metadata: state.entityId,
            sso: `${base}/sso`,
            start: `${base}/start`,
            logout: `${base}/slo`,
            accounts: NAMES,
            password: PASSWORD,
        },
        commands: {
            /** Answers this service provider from now on: `{"metadata": URL}` or `{"acs", "audience", "slo", "certificate"}`. */
            async trust({ metadata: address, ...parts }) {
                state.partner = address ? { ...(await readMetadata(address)), ...parts } : { audience: parts.acs, ...parts };
                const { certificate, ...shown } = state.partner;
                return { ...shown, knowsCertificate: certificate !== undefined };
            },
            /** Changes what the answers look like: `signResponse`, `signAssertion`, `lifetimeInSeconds`, `encrypt`. */
            set(habits) {
                Object.assign(state.habits, habits);
            },
            /** Signs with a new key from now on; the metadata has its certificate, and no longer that of the old one. */
            async rotate() {
                state.key = await newKey();
            },
            certificate: () => ({ certificate: state.key.cert }),
            change,
        },
        stop: () => server.closeAllConnections?.(),
    };
}

/** A key with a certificate that says so itself, as all of them are in SAML. */
async function newKey() {
    const made = await selfsigned.generate([{ name: "commonName", value: "Acme SAML" }], { keySize: 2048, algorithm: "sha256" });
    return { key: made.private, cert: made.cert };
}

function routes(state) {
    const app = express();
    app.use(express.urlencoded({ extended: false, limit: "256kb" }));
    app.use((request, _, next) => {
        // Their own middleware expects both, whatever the method.
        request.body ??= {};
        next();
    });
    app.get("/metadata", (request, response) => {
        samlp.metadata({
            issuer: state.entityId,
            cert: state.key.cert,
            redirectEndpointPath: "/sso",
            postEndpointPath: "/sso",
            logoutEndpointPaths: { redirect: "/slo", post: "/slo" },
            profileMapper: Profile,
        })(request, response);
    });
    app.all("/sso", checkRequest(state), requireSession(state), (request, response, next) => answer(state, request, response, next));
    // Begun here, not at the service provider's.
    app.all("/start", requireSession(state), (request, response, next) => answer(state, request, response, next));
    app.all("/slo", (request, response, next) => logout(state, request, response, next));
    app.use((fault, _request, response, _next) => {
        response.status(400).type("text/plain").send(`The request is refused: ${fault.message}\n`);
    });
    return app;
}

/** Refuses what does not come from the partner, before anybody is asked for a password. */
function checkRequest(state) {
    return (request, _, next) => {
        const { partner } = state;
        const { RelayState: relayState } = request.query;
        const signed = partner.signsRequests ? { signingCert: partner.certificate } : {};
        const seen = (fault, asked) => next(fault ?? wrongIn(asked, state));
        samlp.parseRequest(request, { ...signed, deflate: request.query.Signature !== undefined, relayState }, seen);
    };
}

function wrongIn(asked, { partner, base }) {
    if (!asked) return new Error("there is no SAMLRequest");
    const { issuer, assertionConsumerServiceURL: acs, destination } = asked;
    if (issuer !== partner.audience) return new Error(`nobody here knows ${issuer}`);
    if (acs && acs !== partner.acs) return new Error(`${acs} is not where ${issuer} is answered`);
    if (destination && destination !== `${base}/sso`) return new Error(`it is meant for ${destination}`);
    return undefined;
}

/** Goes on with a session: the browser's, or one that is opened by what stands in the login form. */
function requireSession(state) {
    return (request, response, next) => {
        request.idp = sessionOf(state, request);
        if (request.idp) return next();
        const { login, answer: _, password: __, ...hidden } = request.body;
        if (request.body.answer === "cancel") return next(new Error("the person pressed Cancel"));
        const account = signIn(request.body);
        if (!account) {
            const wrong = login !== undefined;
            return response.status(wrong ? 401 : 200).send(loginForm({ title: "Acme SAML", wrong, hidden }));
        }
        const id = randomBytes(18).toString("base64url");
        request.idp = new Session(id, account);
        state.sessions.set(id, request.idp);
        response.cookie("idp", id, { httpOnly: true, sameSite: "lax" });
        return next();
    };
}

function sessionOf({ sessions }, request) {
    const [, id] = /(?:^|; )idp=([^;]*)/.exec(request.headers.cookie ?? "") ?? [];
    return sessions.get(id);
}

function answer(state, request, response, next) {
    const { partner, habits, key, entityId } = state;
    const { encrypt, ...form } = habits;
    const { idp: session } = request;
    session.joins(partner, session.account.email, EMAIL_FORMAT);
    samlp.auth({
        ...form,
        ...key,
        ...(encrypt ? encryptionFor(partner) : {}),
        issuer: entityId,
        audience: partner.audience,
        destination: partner.acs,
        recipient: partner.acs,
        sessionIndex: session.index,
        profileMapper: Profile.of,
        getUserFromRequest: () => session.account,
        getPostURL: (_audience, _dom, _request, done) => done(null, partner.acs),
    })(request, response, next);
}

function encryptionFor({ certificate }) {
    if (!certificate) throw new Error("there is no certificate to encrypt for: trust the service provider by its metadata");
    return {
        encryptionCert: certificate,
        encryptionPublicKey: certificate,
        encryptionAlgorithm: "http://www.w3.org/2009/xmlenc11#aes256-gcm",
    };
}

function logout(state, request, response, next) {
    const { partner, key, entityId, sessions, transactions } = state;
    const session = sessionOf(state, request) ?? new Session("", undefined);
    samlp.logout({
        ...key,
        issuer: entityId,
        deflate: true,
        protocolBinding: REDIRECT,
        signatureAlgorithm: "rsa-sha256",
        digestAlgorithm: "sha256",
        sessionParticipants: session.participants,
        store: transactions,
        destination: partner.slo,
        clearIdPSession: (done) => {
            sessions.delete(session.id);
            done();
        },
    })(request, response, next);
}

/** An account, put as Okta puts it. */
class Profile {
    constructor(account) {
        this.account = account;
    }

    static of(account) {
        return new Profile(account);
    }

    getClaims() {
        const { email, first, last, groups } = this.account;
        return { Email: email, FirstName: first, LastName: last, groups: groups.length > 0 ? groups : undefined };
    }

    getNameIdentifier() {
        return { nameIdentifier: this.account.email, nameIdentifierFormat: EMAIL_FORMAT };
    }
}

/** What the metadata says of it. */
Profile.prototype.metadata = ["Email", "FirstName", "LastName", "groups"].map((name) => ({ id: name, displayName: name }));

await main(import.meta.url, start);
