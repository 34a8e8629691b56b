// The SAML provider's memory: who is signed in where, and which sign-outs are under way.

import { randomBytes } from "node:crypto";

import SessionParticipants from "samlp/lib/sessionParticipants/index.js";

const REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/** A browser that has signed in here, and the service providers it went to since. */
export class Session {
    constructor(id, account) {
        this.id = id;
        this.account = account;
        this.index = `_${randomBytes(12).toString("hex")}`;
        this.list = [];
        this.participants = new SessionParticipants(this.list);
    }

    /** Remembers a service provider, so that it hears when this session ends. */
    joins({ audience, slo, certificate }, nameId, nameIdFormat) {
        if (!slo || this.list.some((it) => it.serviceProviderId === audience)) return;
        this.list.push({
            serviceProviderId: audience,
            sessionIndex: this.index,
            nameId,
            nameIdFormat,
            serviceProviderLogoutURL: slo,
            cert: certificate,
            binding: REDIRECT,
        });
    }
}

/** Sign-outs that wait for an answer, in the shape that samlp asks for. */
export class TransactionStore {
    #waiting = new Map();

    save(_request, state, done) {
        const id = randomBytes(12).toString("base64url");
        this.#waiting.set(id, state);
        done(null, id);
    }

    load(_request, id, options, done = options) {
        const state = this.#waiting.get(id);
        if (options.destroy) this.#waiting.delete(id);
        done(null, state);
    }

    update(_request, id, state, done) {
        this.#waiting.set(id, state);
        done(null, id);
    }
}
