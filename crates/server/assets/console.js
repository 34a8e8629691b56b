// What is nicer with script. Nothing needs it: every page works without.

const moments = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Times as the reader's own clock has them; exactly when stands in the title. */
function localTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
        const at = new Date(time.dateTime);
        if (!Number.isNaN(at.getTime())) time.textContent = moments.format(at);
    }
}

/** Buttons that copy what stands beside them. */
function copyButtons() {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("button.copy")) {
        button.hidden = false;
        button.addEventListener("click", async () => {
            await navigator.clipboard.writeText(button.dataset.copy);
            button.textContent = "Copied";
            setTimeout(() => { button.textContent = "Copy"; }, 2000);
        });
    }
}

function printButtons() {
    for (const button of document.querySelectorAll("button.print")) {
        button.hidden = false;
        button.addEventListener("click", () => window.print());
    }
}

/** The details of a step: only those that its kind has. */
function showDetails(step) {
    const kind = step.querySelector("select").value;
    const details = step.querySelector("details");
    details.hidden = kind !== "NUMBER" && kind !== "CHOICE";
    details.open = !details.hidden;
    for (const field of details.querySelectorAll(".field")) {
        const options = field.querySelector("textarea") !== null;
        field.hidden = options !== (kind === "CHOICE");
    }
}

/** Steps that move at once instead of by way of the server. Their fields are named by their places. */
function stepEditor(form) {
    const list = form.querySelector(".step-forms");
    const steps = () => [...list.children];
    let leaving = false;
    const changed = () => { form.querySelector(".unsaved").hidden = false; };

    function renumber() {
        const all = steps();
        all.forEach((step, at) => {
            step.querySelector(".place").textContent = at + 1;
            for (const it of step.querySelectorAll("[name],[id],[for],[aria-describedby]")) {
                for (const attribute of ["name", "id", "for", "aria-describedby"]) {
                    const value = it.getAttribute(attribute);
                    if (value) it.setAttribute(attribute, value.replaceAll(/steps\.\d+\./g, `steps.${at}.`));
                }
            }
            const [up, down, remove] = step.querySelectorAll(".movers button");
            up.value = `up.${at}`;
            down.value = `down.${at}`;
            remove.value = `remove.${at}`;
            up.disabled = at === 0;
            down.disabled = at === all.length - 1;
            up.setAttribute("aria-label", `Move step ${at + 1} up`);
            down.setAttribute("aria-label", `Move step ${at + 1} down`);
            remove.setAttribute("aria-label", `Remove step ${at + 1}`);
        });
        form.elements.count.value = all.length;
        changed();
    }

    form.addEventListener("click", (event) => {
        const button = event.target.closest(".movers button");
        if (!button) return;
        event.preventDefault();
        const step = button.closest(".step-form");
        if (button.value.startsWith("up.")) step.previousElementSibling?.before(step);
        else if (button.value.startsWith("down.")) step.nextElementSibling?.after(step);
        else step.remove();
        renumber();
        if (!button.isConnected) return;
        (button.disabled ? button.parentElement.querySelector("button:not(:disabled)") : button).focus();
    });
    form.addEventListener("input", changed);
    form.addEventListener("submit", () => { leaving = true; });
    addEventListener("beforeunload", (event) => {
        if (!leaving && !form.querySelector(".unsaved").hidden) event.preventDefault();
    });
    form.addEventListener("change", (event) => {
        if (event.target.tagName === "SELECT") showDetails(event.target.closest(".step-form"));
    });
    steps().forEach(showDetails);
}

/** How long a form may be under way before it can be sent again: the network may have lost it. */
const LOST = 10_000;

/** A form that is under way is not sent a second time by a second press; unless what comes of it is a file, and the page stays. */
function oncePressed() {
    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (form.method !== "post" || form.classList.contains("gives-file")) return;
        if (performance.now() - form.dataset.sent < LOST) event.preventDefault();
        else form.dataset.sent = performance.now();
    });
    addEventListener("pageshow", () => {
        for (const form of document.forms) delete form.dataset.sent;
    });
}

/** Passwords that can be read while one types them. */
function revealButtons() {
    for (const button of document.querySelectorAll("button.reveal")) {
        const input = button.previousElementSibling;
        const { textContent: show, ariaLabel: label, dataset: { hide } } = button;
        button.hidden = false;
        button.addEventListener("click", () => {
            const hidden = input.type === "password";
            input.type = hidden ? "text" : "password";
            button.textContent = hidden ? hide : show;
            button.ariaLabel = hidden ? label.replace(show, hide) : label;
            input.focus();
        });
        input.form?.addEventListener("submit", () => { input.type = "password"; });
    }
}

/** What is wrong with a form is where the reader goes on. */
function firstWrong() {
    document.querySelector("[aria-invalid=true]")?.focus();
}

/** What a page asks passkeys with is good for five minutes. */
const STALE = 4.5 * 60 * 1000;

/** Forms that a passkey fills in. What the browser is to ask stands in the page; without passkeys they stay out of sight. */
function passkeyForms() {
    const kind = globalThis.PublicKeyCredential;
    if (!kind?.parseRequestOptionsFromJSON || !kind.parseCreationOptionsFromJSON) return;

    async function fillIn(form) {
        const options = JSON.parse(form.dataset.options);
        const credential = form.dataset.act === "create"
            ? await navigator.credentials.create({ publicKey: kind.parseCreationOptionsFromJSON(options) })
            : await navigator.credentials.get({ publicKey: kind.parseRequestOptionsFromJSON(options) });
        form.elements.passkey.value = JSON.stringify(credential);
    }

    for (const form of document.querySelectorAll("form.passkey")) {
        const failed = form.querySelector(".failed");
        form.hidden = false;
        form.addEventListener("submit", async (event) => {
            if (performance.now() > STALE) return;
            event.preventDefault();
            event.stopPropagation();
            failed.hidden = true;
            try {
                await fillIn(form);
                form.submit();
            } catch {
                failed.hidden = false;
            }
        });
    }
    for (const word of document.querySelectorAll(".without-script")) word.hidden = true;
}

/** On a phone the ways are a bar that may be longer than the screen: the part one is in stands in sight. */
function hereInSight() {
    document.querySelector("nav.main [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

localTimes();
hereInSight();
passkeyForms();
copyButtons();
printButtons();
oncePressed();
revealButtons();
firstWrong();
for (const form of document.querySelectorAll("form.editor")) stepEditor(form);
