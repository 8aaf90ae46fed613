// Forms with data-passkey ask the browser for a passkey, and send what it made or signed (WebAuthn). Where a browser knows no
// passkeys, and without scripts, they stay hidden. The server says what is to be signed, and looks at all of it.
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer ?? []))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const named = (ids) => ids.map((id) => ({ type: "public-key", id: bytes(id) }));

const make = async ({ challenge, rp_id, timeout_ms, user, known }) => {
  const { rawId, response } = await navigator.credentials.create({
    publicKey: {
      rp: { id: rp_id, name: "Plexe Console" },
      user: { id: bytes(user.id), name: user.name, displayName: user.display_name },
      challenge: bytes(challenge),
      timeout: timeout_ms,
      // P-256, Ed25519 and RSA, each with SHA-256 or its own.
      pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      excludeCredentials: named(known),
      attestation: "none",
    },
  });
  return {
    credential: rawId,
    client_data: response.clientDataJSON,
    authenticator_data: response.getAuthenticatorData(),
    public_key: response.getPublicKey(),
  };
};

const sign = async ({ challenge, rp_id, timeout_ms, known }) => {
  const { rawId, response } = await navigator.credentials.get({
    publicKey: {
      rpId: rp_id,
      challenge: bytes(challenge),
      timeout: timeout_ms,
      allowCredentials: named(known),
      userVerification: "required",
    },
  });
  return {
    credential: rawId,
    client_data: response.clientDataJSON,
    authenticator_data: response.authenticatorData,
    signature: response.signature,
    user_handle: response.userHandle,
  };
};

const why = ({ name }) => {
  if (name === "NotAllowedError") return "Nothing was signed: it was cancelled, or took too long.";
  if (name === "InvalidStateError") return "This device has a passkey for this account already.";
  return "Your browser could not do it. Please try again, or go another way.";
};

/** Has the browser make or sign what this form is for, and sends it. */
export const ask = async (form) => {
  const said = form.querySelector("[data-said]");
  const button = form.querySelector("button");
  const say = (sentence) => {
    said.textContent = sentence;
    said.hidden = !sentence;
  };
  const purpose = form.dataset.passkey;
  say("");
  button.disabled = true;
  try {
    const answer = await fetch("/passkeys/question", { method: "POST", body: new URLSearchParams({ purpose }) });
    if (!answer.ok) throw new Error();
    const { question, first, refused } = await answer.json();
    if (first) location.assign(first);
    else if (refused) say(refused);
    else {
      const fields = await (purpose === "register" ? make : sign)(question);
      for (const [name, value] of Object.entries(fields)) form.elements.namedItem(name).value = text(value);
      form.submit();
      return;
    }
  } catch (error) {
    say(why(error));
  }
  button.disabled = false;
};

addEventListener("submit", (event) => {
  if (!event.target.matches("[data-passkey]")) return;
  event.preventDefault();
  ask(event.target);
});
// Back on a page that was left by its form, the button can be pressed again.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("[data-passkey] button")) button.disabled = false;
});
const knows = "PublicKeyCredential" in window;
for (const form of document.querySelectorAll("[data-passkey]")) form.hidden = !knows;
for (const note of document.querySelectorAll("[data-no-passkeys]")) note.hidden = knows;
