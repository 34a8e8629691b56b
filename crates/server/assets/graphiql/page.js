// GraphiQL on the visitor's own session: the cookie of an ordinary sign-in, no token in reach of this page.
const door = document.getElementById('door');
const send = (path, body) =>
  fetch(path, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

function open() {
  door.hidden = true;
  const fetcher = async ({ query, variables, operationName }) => {
    const answer = await send('/api/client/graphql', { query, variables, operationName });
    if (answer.status === 401) location.reload();
    return answer.json();
  };
  ReactDOM.createRoot(document.getElementById('graphiql')).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultQuery: '{\n  me {\n    email\n    roles\n    permissions\n  }\n  users {\n    id\n    email\n  }\n}\n',
    }),
  );
}

door.addEventListener('submit', async (event) => {
  event.preventDefault();
  const typed = Object.fromEntries(new FormData(door));
  const answer = await send('/api/client/auth/sign-in', typed);
  if (answer.ok) return open();
  document.getElementById('refusal').textContent = (await answer.json()).error.message;
});

fetch('/api/client/auth/me', { credentials: 'same-origin' }).then((answer) => {
  if (answer.ok) open();
  else door.hidden = false;
});
