// What the libraries take for granted and Node 18, which Debian 12 has, does not: imported before them.

import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;

URL.parse ??= (url, base) => {
    try {
        return new URL(url, base);
    } catch {
        return null;
    }
};

// They call what Node wants to be rid of; nobody here can change that.
process.noDeprecation = true;
