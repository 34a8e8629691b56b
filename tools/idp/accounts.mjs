// The people whom both providers know.

/** All sign in with this. It protects nothing: the providers listen on this machine only, and the people are made up. */
export const PASSWORD = "open sesame";

/** By the name they sign in with. */
const ACCOUNTS = {
    ann: { subject: "u-1001", email: "ann@acme.test", verified: true, first: "Ann", last: "Lee", groups: ["everyone", "authors"] },
    // Nobody has seen to it that this address is his.
    ben: { subject: "u-1002", email: "ben@acme.test", verified: false, first: "Ben", last: "Moss", groups: ["everyone"] },
    // Of a domain that is not the customer's.
    cleo: { subject: "u-1003", email: "cleo@elsewhere.test", verified: true, first: "Cleo", last: "Ray", groups: ["everyone"] },
    dora: { subject: "u-1004", email: "dora@acme.test", verified: true, first: "Dora", last: "Éclair", groups: ["everyone", "admins"] },
    // No group, and names that have to be escaped.
    evan: { subject: "u-1005", email: "evan@acme.test", verified: true, first: "Evan <b>", last: "O'Neil & Sons", groups: [] },
};

/** Their names, as the first line of a program shows them. */
export const NAMES = Object.keys(ACCOUNTS);

/** The account for what stood in the login form, or nothing. */
export function signIn({ login, password } = {}) {
    return password === PASSWORD && Object.hasOwn(ACCOUNTS, login) ? ACCOUNTS[login] : undefined;
}

export function bySubject(subject) {
    return Object.values(ACCOUNTS).find((account) => account.subject === subject);
}

/** Replaces parts of an account, as its owner's company would: a new address, other groups. */
export function change({ login, ...parts }) {
    if (!Object.hasOwn(ACCOUNTS, login)) throw new Error(`nobody is called ${login}`);
    Object.assign(ACCOUNTS[login], parts);
}
