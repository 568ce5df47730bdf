// Passkeys: the browser's part. Without JavaScript, or without passkeys, the buttons stay hidden.
const said = document.querySelector("[data-passkey-said]");
const paths = {
  "sign-in": ["/login/passkey/options", "/login/passkey"],
  "step-up": ["/login/passkey/options", "/login/passkey"],
  "register": ["/passkeys/options", "/passkeys"],
};

async function post(path, csrf, body) {
  const headers = { "x-csrf": csrf, "accept": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body, credentials: "same-origin" });
  const content = await answer.json();
  if (!answer.ok) {
    if (answer.status === 401 && content.next) location.assign(content.next);
    throw new Error(content.error);
  }
  return content;
}

async function use(button) {
  const kind = button.dataset.passkey;
  const [options, take] = paths[kind];
  const next = button.dataset.next ? `?next=${encodeURIComponent(button.dataset.next)}` : "";
  try {
    const asked = await post(options + next, button.dataset.csrf);
    const publicKey = kind === "register"
      ? PublicKeyCredential.parseCreationOptionsFromJSON(asked)
      : PublicKeyCredential.parseRequestOptionsFromJSON(asked);
    const made = kind === "register"
      ? await navigator.credentials.create({ publicKey })
      : await navigator.credentials.get({ publicKey });
    const { next: to } = await post(take, button.dataset.csrf, JSON.stringify(made.toJSON()));
    location.assign(to);
  } catch (error) {
    if (said) said.textContent = error.message;
  }
}

if (window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", () => use(button));
  }
}
