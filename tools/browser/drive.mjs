// Debian's Chromium, driven by lines of JSON: `node drive.mjs --chromium PATH --pictures FOLDER`.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { fail, serve } from "../program.mjs";

/** Nothing that a page does here takes this long, also on a machine that is busy with much else. */
const PATIENCE = 60_000;

const OPTIONS = { chromium: { type: "string" }, pictures: { type: "string" } };

async function start({ chromium: executablePath, pictures }) {
    if (!executablePath) throw new Error("--chromium names the browser");
    const browser = await chromium.launch({ executablePath });
    let visitor = await newVisitor(browser);
    const commands = {
        /** Somebody else, who has no cookies yet. `script: false`: whose browser runs no script. */
        async visitor({ script = true } = {}) {
            await visitor.context.close();
            visitor = await newVisitor(browser, { javaScriptEnabled: script });
        },
        async open({ url }) {
            visitor.trail.length = 0;
            // A page may lead on at once; what matters is where it ends.
            await visitor.page.goto(url).catch((fault) => {
                if (!/interrupted by another navigation|ERR_ABORTED/.test(fault.message)) throw fault;
            });
        },
        fill: ({ name, value }) => visitor.page.locator(`[name="${name}"]`).fill(value),
        click: ({ text }) => visitor.page.getByRole("button", { name: text }).or(visitor.page.getByRole("link", { name: text })).click(),
        /** Waits until the address begins so. */
        async arrive({ url }) {
            await visitor.page.waitForURL((at) => at.href.startsWith(url), { waitUntil: "load" });
        },
        /** Waits until the page says so. */
        read: ({ text }) => visitor.page.getByText(text).first().waitFor(),
        /** Runs a function's source in the page, and gives what comes of it. */
        async run({ script, argument }) {
            return { result: await visitor.page.evaluate(`(${script})(${JSON.stringify(argument ?? null)})`) };
        },
        see: () => see(visitor),
        async picture({ name }) {
            if (!pictures) return;
            await mkdir(pictures, { recursive: true });
            await visitor.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
        },
    };
    serve({ version: browser.version() }, commands, () => browser.close());
}

async function newVisitor(browser, options = {}) {
    // JSON of ours forbids all script, also that of `run`, which stands for a page of the customer's on the same origin.
    const context = await browser.newContext({ bypassCSP: true, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const trail = [];
    page.on("request", (request) => {
        if (request.isNavigationRequest()) trail.push({ method: request.method(), url: request.url(), status: null });
    });
    page.on("response", (response) => {
        const step = trail.findLast(({ url, status }) => url === response.url() && status === null);
        if (step) step.status = response.status();
    });
    return { context, page, trail };
}

/** What the person sees, what the browser keeps, and which way they came since `open`. */
async function see({ context, page, trail }) {
    return {
        url: page.url(),
        title: await page.title(),
        text: await page.locator("body").innerText(),
        cookies: await context.cookies(),
        trail,
    };
}

try {
    await start(parseArgs({ options: OPTIONS }).values);
} catch (fault) {
    fail(fault);
}
