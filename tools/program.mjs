// A helper that another program starts, speaks to in lines of JSON, and can be sure to be rid of.

import { createInterface } from "node:readline";

/**
 * Says `first` on one line, and then answers each line that comes in with one line. A line is an object whose `command` names
 * the method of `commands` to call with it; the answer is what that gives, or `{"error": …}`.
 *
 * The end of what comes in is the end of the program, as are SIGTERM and SIGINT: whoever started it may die as it likes.
 */
export function serve(first, commands, close = () => {}) {
    let ending = false;
    const end = async () => {
        if (ending) return;
        ending = true;
        // However it goes, this does not outlive its master.
        setTimeout(() => process.exit(0), 3_000).unref();
        await close();
        process.exit(0);
    };
    process.on("SIGTERM", end);
    process.on("SIGINT", end);
    process.stdout.on("error", end);
    const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
    let last = Promise.resolve();
    const lines = createInterface({ input: process.stdin });
    lines.on("line", (line) => {
        last = last.then(() => answer(commands, line)).then(say);
    });
    lines.on("close", end);
    say({ ready: true, ...first });
}

async function answer(commands, line) {
    try {
        const { command, ...rest } = JSON.parse(line);
        if (!Object.hasOwn(commands, command)) throw new Error(`there is no command ${command}`);
        return (await commands[command](rest)) ?? {};
    } catch (fault) {
        return { error: fault.message };
    }
}

/** Ends the program with a sentence for whoever started it. */
export function fail(fault) {
    process.stderr.write(`${fault.message}\n`);
    process.exit(1);
}
