// Debian's Chromium, driven by lines of JSON: `node drive.mjs --chromium PATH --pictures FOLDER`.

import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { chromium } from "playwright-core";

import { fail, serve } from "../program.mjs";

/** Nothing that a page does here takes this long, also on a machine that is busy with much else. */
const PATIENCE = 60_000;

const OPTIONS = { chromium: { type: "string" }, pictures: { type: "string" } };

/** What is asked of every page: WCAG 2.2 up to AA, and what axe's authors advise beyond. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function start({ chromium: executablePath, pictures }) {
    if (!executablePath) throw new Error("--chromium names the browser");
    const browser = await chromium.launch({ executablePath });
    let visitor = await newVisitor(browser);
    const commands = {
        /** Somebody else, who has no cookies yet. `script: false`: whose browser runs no script. `strict`: whose browser obeys policies. */
        async visitor({ script = true, strict = false, width = 1280, height = 800, dark = false } = {}) {
            await visitor.context.close();
            const viewport = { width, height };
            const colorScheme = dark ? "dark" : "light";
            visitor = await newVisitor(browser, { javaScriptEnabled: script, bypassCSP: !strict, viewport, colorScheme });
        },
        /** A device that keeps passkeys, and shows them without being asked twice. */
        async passkeys() {
            const devtools = await visitor.context.newCDPSession(visitor.page);
            await devtools.send("WebAuthn.enable");
            const kind = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true };
            const options = { ...kind, isUserVerified: true, automaticPresenceSimulation: true };
            await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
        },
        /** Another window of the same browser, until it is closed. */
        async aside() {
            visitor.behind = visitor.page;
            visitor.page = await visitor.context.newPage();
        },
        async back() {
            await visitor.page.close();
            visitor.page = visitor.behind;
        },
        async open({ url }) {
            visitor.trail.length = 0;
            // A page may lead on at once; what matters is where it ends.
            await visitor.page.goto(url).catch((fault) => {
                if (!/interrupted by another navigation|ERR_ABORTED/.test(fault.message)) throw fault;
            });
        },
        fill: ({ name, value }) => visitor.page.locator(`[name="${name}"]`).fill(value),
        /** Chooses a file to be sent along; its bytes in base64. */
        put: ({ name, file, bytes }) => visitor.page.locator(`input[name="${name}"]`)
            .setInputFiles({ name: file, mimeType: "application/octet-stream", buffer: Buffer.from(bytes, "base64") }),
        /** Chooses what says so from a list. */
        choose: ({ name, text }) => visitor.page.locator(`select[name="${name}"]`).selectOption({ label: text }),
        /** Ticks a box, or picks one of several. */
        tick: ({ text }) => visitor.page.getByLabel(text, { exact: true }).check(),
        /** Presses the button or the link that says so: anywhere, or within a part of the page. */
        click({ text, within = "body" }) {
            const part = visitor.page.locator(within);
            return part.getByRole("button", { name: text }).or(part.getByRole("link", { name: text })).click();
        },
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
        /** Looks the page over: what is wrong with it for whoever does not see it, whether it is too wide, what broke its policy. */
        async examine() {
            const { page, complaints } = visitor;
            await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
            const { violations } = await page.evaluate((rules) => globalThis.axe.run({ runOnly: rules }), RULES);
            const wrong = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`);
            const surplus = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            if (surplus > 0) wrong.push(`too wide by ${surplus} pixels`);
            return { wrong: [...wrong, ...complaints.splice(0)] };
        },
        see: () => see(visitor),
        async picture({ name }) {
            if (!pictures) return;
            await mkdir(pictures, { recursive: true });
            await visitor.page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
        },
    };
    const telling = Object.entries(commands).map(([name, command]) => [name, told(command, () => visitor.page)]);
    serve({ version: browser.version() }, Object.fromEntries(telling), () => browser.close());
}

async function newVisitor(browser, options = {}) {
    // JSON of ours forbids all script, also that of `run`, which stands for a page of the customer's on the same origin.
    const context = await browser.newContext({ bypassCSP: true, ...options });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const trail = [];
    const complaints = [];
    page.on("pageerror", (fault) => complaints.push(`script: ${fault.message}`));
    page.on("console", (line) => {
        if (line.type() === "error" && !/Failed to load resource/.test(line.text())) complaints.push(line.text());
    });
    page.on("request", (request) => {
        if (request.isNavigationRequest()) trail.push({ method: request.method(), url: request.url(), status: null });
    });
    page.on("response", (response) => {
        const step = trail.findLast(({ url, status }) => url === response.url() && status === null);
        if (step) step.status = response.status();
    });
    return { context, page, trail, complaints };
}

/** A command whose failure says what stood in the window: mostly that is the reason. */
function told(command, page) {
    return (given) => Promise.resolve(command(given)).catch(async (fault) => {
        const text = await page().locator("body").innerText({ timeout: 1_000 }).catch(() => "nothing");
        throw new Error(`${fault.message}\nin the window: ${page().url()}\n${text.slice(0, 2_000)}`);
    });
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
