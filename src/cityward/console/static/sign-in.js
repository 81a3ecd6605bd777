/* Passkeys: asks the server what to ask, asks the authenticator, and sends its answer back. Without this script a
   password and a code sign in as well. */

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const send = async (path, body, token) => {
  const headers = { "content-type": "application/json", ...(token ? { "x-form-token": token } : {}) };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "same-origin" });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.problem || document.body.dataset.failed);
  return told;
};

const ask = async (options) => {
  const found = await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: [] },
  });
  const { authenticatorData, clientDataJSON, signature, userHandle } = found.response;
  return {
    id: found.id, rawId: text(found.rawId), type: found.type, clientExtensionResults: {},
    response: {
      authenticatorData: text(authenticatorData), clientDataJSON: text(clientDataJSON), signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    },
  };
};

const make = async (options) => {
  const excludeCredentials = (options.excludeCredentials || []).map((one) => ({ ...one, id: bytes(one.id) }));
  const user = { ...options.user, id: bytes(options.user.id) };
  const made = await navigator.credentials.create({
    publicKey: { ...options, challenge: bytes(options.challenge), user, excludeCredentials },
  });
  return {
    id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {},
    response: {
      attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON),
    },
  };
};

for (const place of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  const { passkey, next, token } = place.dataset;
  const button = place.querySelector("button");
  const status = place.querySelector("[role=status]");
  place.hidden = false;
  button.addEventListener("click", async () => {
    const code = place.dataset.code || "";
    const label = place.querySelector("input")?.value || "";
    button.disabled = true;
    status.textContent = "";
    try {
      const options = await send(`${passkey}/options`, { code }, token);
      const answer = JSON.stringify(await (options.user ? make(options) : ask(options)));
      const query = next ? `?next=${encodeURIComponent(next)}` : "";
      const told = await send(passkey + query, { answer, code, label }, token);
      location.assign(told.next);
    } catch (error) {
      const left = error.name === "NotAllowedError" || error.name === "AbortError";
      status.textContent = left ? document.body.dataset.unused : error.message;
      button.disabled = false;
    }
  });
}

// The code of an invitation stands behind the # of its link, which browsers never send.
const invitation = document.querySelector("#invitation[data-from-link]");
if (invitation && location.hash.length > 1) {
  invitation.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
