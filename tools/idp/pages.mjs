// The one page of the providers that people see.

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

const escape = (text) => String(text).replace(/[&<>"']/g, (it) => ESCAPES[it]);

/** A login form that works without script. It posts back to its own address, with what is hidden in it. */
export function loginForm({ title, wrong, hidden = {} }) {
    const fields = Object.entries(hidden)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`);
    return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escape(title)}</title>
<style>body { font: 16px sans-serif; margin: 4rem auto; max-width: 20rem } input, button { font: inherit; margin: 0.3rem 0; width: 100%; box-sizing: border-box }</style>
<h1>${escape(title)}</h1>
${wrong ? "<p>That is not right.</p>" : ""}
<form method="post">
${fields.join("\n")}
<label>Name <input name="login" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button name="answer" value="sign-in">Sign in</button>
<button name="answer" value="cancel">Cancel</button>
</form>
</html>
`;
}
