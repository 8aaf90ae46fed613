// Two who say who somebody is, for tests: a real OpenID Connect issuer (oidc-provider), and a small OAuth server that answers as
// GitHub does. Prints one line of JSON when both listen: {"issuer": …, "github": …}.
//
// node identity-providers.mjs
//
// Whoever signs in there says who they are by a user name: ada is ada@example.com. A name that ends in "-unverified" has an
// address that nobody has verified.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const CLIENT = { client_id: "console", client_secret: "a secret: of the tests" };

/** What both know about a user name. */
const person = (name) => ({
  email: `${name}@example.com`,
  email_verified: !name.endsWith("-unverified"),
  name: `${name.charAt(0).toUpperCase()}${name.slice(1)} of Elsewhere`,
  preferred_username: name,
});

/** Listens on a port of its own; `serve` gets it once it is known. */
async function listen(serve) {
  const server = createServer((request, response) => handle(request, response));
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const handle = serve(`http://127.0.0.1:${server.address().port}`);
  return `http://127.0.0.1:${server.address().port}`;
}

async function read(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return Object.fromEntries(new URLSearchParams(body));
}

function page(response, title, form) {
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(`<!doctype html><html lang="en"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${form}</html>`);
}

function json(response, value, status = 200) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

/** Says what went wrong where the test's reader sees it. */
const safely = (work) => (request, response) => {
  Promise.resolve(work(request, response)).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(500).end();
  });
};

function issuer(url) {
  const provider = new Provider(url, {
    clients: [{ ...CLIENT, redirect_uris: ["http://localhost/"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "preferred_username"] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...person(id) }) }),
    // Whoever signs in agrees.
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
    pkce: { required: () => true },
    ttl: { AccessToken: 60, AuthorizationCode: 60, Grant: 600, IdToken: 60, Interaction: 600, Session: 600 },
  });
  // Each console of a test has a port of its own, which nobody knows yet.
  provider.Client.prototype.redirectUriAllowed = (uri) => /^http:\/\/localhost:\d+\/sign-in\/\w+\/callback$/.test(uri);
  const callback = provider.callback();
  return safely(async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return callback(request, response);
    if (request.method === "GET") {
      const form = '<form method="post"><label>Name <input name="name" autofocus></label> <button>Sign in</button></form>';
      return page(response, "Issuer", form);
    }
    const { name } = await read(request);
    await provider.interactionFinished(request, response, { login: { accountId: name } });
  });
}

function github(url) {
  const codes = new Map();
  const tokens = new Map();
  const back = (response, { redirect_uri, state }, more) => {
    response.writeHead(302, { location: `${redirect_uri}?${new URLSearchParams({ ...more, state })}` }).end();
  };
  const number = (name) => Number.parseInt(createHash("sha256").update(name).digest("hex").slice(0, 8), 16);
  const bearer = (request) => tokens.get((request.headers.authorization ?? "").replace(/^Bearer /, ""));
  return safely(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, url);
    const asked = Object.fromEntries(searchParams);
    if (pathname === "/login/oauth/authorize" && request.method === "GET") {
      const form =
        '<form method="post"><label>Name <input name="name" autofocus></label> <button name="act" value="yes">Authorize</button> <button name="act" value="no">Cancel</button></form>';
      return page(response, "GitHub", form);
    }
    if (pathname === "/login/oauth/authorize") {
      const { name, act } = await read(request);
      if (act === "no") return back(response, asked, { error: "access_denied", error_description: "The user has denied access." });
      const code = randomBytes(10).toString("hex");
      codes.set(code, { ...asked, name });
      return back(response, asked, { code });
    }
    if (pathname === "/login/oauth/access_token") {
      const sent = await read(request);
      const code = codes.get(sent.code);
      codes.delete(sent.code);
      const challenge = createHash("sha256").update(sent.code_verifier ?? "").digest("base64url");
      const isRight =
        code?.code_challenge === challenge &&
        code.code_challenge_method === "S256" &&
        code.redirect_uri === sent.redirect_uri &&
        sent.client_id === CLIENT.client_id &&
        sent.client_secret === CLIENT.client_secret;
      // With a 200, as GitHub does.
      if (!isRight) return json(response, { error: "bad_verification_code", error_description: "The code is incorrect or expired." });
      const token = `gho_${randomBytes(10).toString("hex")}`;
      tokens.set(token, code.name);
      return json(response, { access_token: token, token_type: "bearer", scope: code.scope });
    }
    const name = bearer(request);
    if (name === undefined || !request.headers["user-agent"]) return json(response, { message: "Requires authentication" }, 401);
    const { email, email_verified, name: called } = person(name);
    if (pathname === "/user") return json(response, { login: name, id: number(name), name: called, email: null });
    if (pathname === "/user/emails") return json(response, [{ email, primary: true, verified: email_verified, visibility: null }]);
    return json(response, { message: "Not Found" }, 404);
  });
}

const urls = { issuer: await listen(issuer), github: await listen(github) };
process.stdout.write(`${JSON.stringify(urls)}\n`);
// The test that started it is gone.
process.stdin.resume().on("end", () => process.exit());
