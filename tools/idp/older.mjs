// What the libraries take for granted and Node 18, which Debian 12 has, does not: imported before them.

import * as crypto from "node:crypto";
import { register } from "node:module";

globalThis.crypto ??= crypto.webcrypto;

// A module of Node's own takes no new names: where `hash` is missing, others are given a copy that has it.
if (!crypto.hash) {
    register(`data:text/javascript,${encodeURIComponent(`
        const copy = "data:text/javascript," + encodeURIComponent(\`
            import { createHash } from "crypto";
            export * from "crypto";
            export { default } from "crypto";
            export function hash(algorithm, text, form = "hex") {
                const digest = createHash(algorithm).update(text);
                return form === "buffer" ? digest.digest() : digest.digest(form);
            }
        \`);
        export const resolve = (name, context, next) =>
            name === "node:crypto" ? { url: copy, shortCircuit: true } : next(name, context);
    `)}`);
}

URL.parse ??= (url, base) => {
    try {
        return new URL(url, base);
    } catch {
        return null;
    }
};

// They call what Node wants to be rid of; nobody here can change that.
process.noDeprecation = true;
