// The part of the docs page's script that sends a request from the page, signed in as in the dashboard: with the cookie
// of the browser, which no script can read, and the token that belongs to it. Without a sign-in, a key can be pasted;
// it is kept in the page only.

/** The source text of functions that docs-page-script.ts calls. */
export const docsPageTry = String.raw`
const shownCharacters = 100000;
let pastedKey = '';

function csrfToken() {
  try {
    return localStorage.getItem('codebuddy.csrf-token') || '';
  } catch {
    return '';
  }
}

function labelled(text, control, id) {
  control.id = id;
  return make('div', { class: 'field' }, make('label', { for: id }, text), control);
}

function tryIt(method, path, operation, body) {
  const name = operation.operationId || method + path;
  const inputs = [];
  const box = make('div', { class: 'try' });
  for (const parameter of (operation.parameters || []).map((one) => resolve(one))) {
    if (parameter.in !== 'path' && parameter.in !== 'query') continue;
    const input = make('input', { type: 'text', autocomplete: 'off', spellcheck: 'false' });
    inputs.push({ parameter, input });
    box.append(labelled(parameter.name + (parameter.required ? ' (required)' : ''), input, 'try-' + name + '-' + parameter.name));
  }
  const text = body && make('textarea', { rows: '4', spellcheck: 'false' });
  if (text) {
    text.value = JSON.stringify(example(body), null, 2);
    box.append(labelled('Body', text, 'try-' + name + '-body'));
  }
  if (!isOpen(operation) && csrfToken() === '') {
    const key = make('input', { type: 'password', autocomplete: 'off' });
    key.value = pastedKey;
    key.addEventListener('input', () => { pastedKey = key.value.trim(); });
    box.append(labelled('API key (you are not signed in)', key, 'try-' + name + '-key'));
    if (api.paths['/api/sign-in']) box.append(make('p', { class: 'quiet' }, 'Or ', make('a', { href: './' }, 'sign in'), ' and load this page again.'));
  }
  const button = make('button', { type: 'button', class: 'send' }, 'Send');
  const status = make('p', { role: 'status' });
  const answer = make('pre', { hidden: '', tabindex: '0' }, make('code', {}));
  button.addEventListener('click', async () => {
    const missing = inputs.find(({ parameter, input }) => parameter.required && input.value === '');
    if (missing) {
      status.textContent = missing.parameter.name + ' is required.';
      missing.input.focus();
      return;
    }
    button.disabled = true;
    answer.hidden = true;
    status.textContent = 'Sending\u2026';
    try {
      const { status: code, statusText, content } = await sendRequest(method, path, operation, inputs, text);
      status.textContent = code + ' ' + statusText;
      answer.firstChild.textContent = content;
      answer.hidden = content === '';
    } catch (error) {
      status.textContent = 'No answer: ' + error.message;
    }
    button.disabled = false;
  });
  box.append(button, status, answer);
  return box;
}

async function sendRequest(method, path, operation, inputs, text) {
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of inputs) {
    if (parameter.in === 'path') target = target.replace('{' + parameter.name + '}', encodeURIComponent(input.value));
    else if (input.value !== '') query.append(parameter.name, input.value);
  }
  const headers = { Accept: 'application/json, text/plain;q=0.9, */*;q=0.8' };
  if (!isOpen(operation)) {
    if (csrfToken() !== '') headers['X-CSRF-Token'] = csrfToken();
    else if (pastedKey !== '') headers.Authorization = 'Bearer ' + pastedKey;
  }
  if (text) headers['Content-Type'] = 'application/json';
  const search = query.size > 0 ? '?' + query : '';
  const response = await fetch(location.origin + target + search, { method, headers, body: text ? text.value : undefined });
  let content = await response.text();
  try {
    content = JSON.stringify(JSON.parse(content), null, 2);
  } catch {}
  if (content.length > shownCharacters) content = content.slice(0, shownCharacters) + '\n\u2026 (' + content.length + ' characters)';
  return { status: response.status, statusText: response.statusText, content };
}
`;
