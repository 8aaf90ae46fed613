// What somebody tries who means harm, in a real browser: pages of other origins that post, fetch and frame, and text that would
// like to be a script. What needs no browser is in server/tests/it/attacks.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "@playwright/test";
import { Console, type User } from "../support/console";
import { Problems, expect, hydrated, open, signIn, test } from "../support/test";

/** A site of somebody else's on this machine: it answers every path with the page that it was given last. */
class Elsewhere {
  html = "";

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(host: string): Promise<Elsewhere> {
    const server = createServer((_, answer) => {
      answer.setHeader("content-type", "text/html; charset=utf-8");
      answer.end(elsewhere.html);
    });
    await new Promise<void>((ready) => server.listen(0, host, ready));
    const elsewhere = new Elsewhere(server, `http://${host}:${(server.address() as AddressInfo).port}`);
    return elsewhere;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((stopped) => this.server.close(stopped));
  }
}

/** What its form does at once, as the top of the page: cookies that may go along do. */
const formPage = (action: string, fields: Record<string, string>) =>
  `<form method="post" action="${action}">${Object.entries(fields)
    .map(([name, value]) => `<input name="${name}" value="${value}">`)
    .join("")}</form><script>document.forms[0].submit()</script>`;

type Change = { path: string; fields: Record<string, string> };

/** Everything that a signed-in person changes by a form or by a page's script. */
function changes(keyId: string, eventId: string): Change[] {
  const profile = { name: "Eve", user_name: "eve", time_zone: "UTC" };
  const key = { key_id: "key_000000000000", name: "eve's key", permission: "read_write", expiration_days: "" };
  return [
    { path: "/settings/account", fields: profile },
    { path: "/settings/api-keys", fields: key },
    { path: "/settings/api-keys", fields: { rotates: keyId, key_id: "key_000000000001", overlap_s: "0" } },
    { path: "/settings/api-keys/revoke", fields: { key_id: keyId } },
    { path: `/settings/api-keys/${keyId}`, fields: { name: "eve's" } },
    { path: "/settings/security", fields: { current: "x", password: "kettle-drum-orbit" } },
    { path: "/settings/security/unlink", fields: { issuer: "x", subject: "y" } },
    { path: `/receipts/${eventId}`, fields: { text: "eve was here" } },
    { path: "/api/app/api/account/change_account", fields: profile },
    { path: "/api/app/api/api_keys/create_api_key", fields: key },
    { path: "/api/app/api/api_keys/revoke_api_key", fields: { key_id: keyId } },
    { path: "/sign-in", fields: { email: "eve@example.com", password: "kettle-drum-orbit" } },
    { path: "/confirm", fields: { password: "x" } },
    { path: "/sign-out", fields: {} },
  ];
}

type Ready = { user: User; keyId: string; eventId: string };

/** Somebody signed in, with a key and a charge. */
async function ready(page: Page, console: Console): Promise<Ready> {
  const user = await console.user(1_000);
  const charged = await console.charge(await console.serviceKey(), user, "job-1", 1);
  const made = await console.command<{ key_id: string }>("api-key", "create", "--email", user.email, "--name", "mine", "--permission", "read_write");
  await signIn(page, user);
  return { user, keyId: made.key_id, eventId: charged.event_id };
}

/** Nothing of this has changed, and whoever was signed in is so still. */
async function unchanged(page: Page, { user, keyId, eventId }: Ready): Promise<void> {
  await open(page, "/settings/account");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Ada Lovelace");
  await expect(page.getByText(user.email).first()).toBeAttached();
  await open(page, "/settings/api-keys?show=all");
  await expect(page.locator(".keys tbody tr")).toHaveCount(1);
  await expect(page.locator(".keys tbody tr").first()).toContainText("mine");
  await expect(page.locator(".keys tbody tr").first()).not.toContainText(/Revoked|Rotated/);
  await page.goto(`/settings/api-keys/${keyId}`);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("mine");
  await open(page, `/receipts/${eventId}`);
  await expect(page.getByText("eve was here")).toHaveCount(0);
}

/** A tab of the same browser, whose complaints are its own. */
async function tab(context: BrowserContext, elsewhere: Elsewhere, html: string): Promise<Page> {
  elsewhere.html = html;
  const page = await context.newPage();
  await page.goto(elsewhere.origin);
  return page;
}

// `localhost` is the same site by another port, so the cookie goes along; 127.0.0.1 is another site.
for (const host of ["localhost", "127.0.0.1"]) {
  test.describe(`from ${host}`, () => {
    let elsewhere: Elsewhere;
    test.beforeAll(async () => {
      elsewhere = await Elsewhere.start(host);
    });
    test.afterAll(async () => elsewhere.stop());

    test("forms of another origin change nothing and sign nobody in or out", async ({ page, context, console }) => {
      const mine = await ready(page, console);
      for (const { path, fields } of changes(mine.keyId, mine.eventId)) {
        elsewhere.html = formPage(`${console.url}${path}`, fields);
        const foreign = await context.newPage();
        const answered = foreign.waitForResponse((response) => response.url() === `${console.url}${path}`);
        await foreign.goto(elsewhere.origin);
        expect((await answered).status(), path).toBe(403);
        await foreign.close();
      }
      await unchanged(page, mine);
    });

    test("scripts of another origin change nothing and read nothing", async ({ page, context, console }) => {
      const mine = await ready(page, console);
      const foreign = await tab(context, elsewhere, "<p>hello</p>");
      for (const { path, fields } of changes(mine.keyId, mine.eventId)) {
        const body = new URLSearchParams(fields).toString();
        await foreign.evaluate(
          async ([url, body]) => {
            const headers = { "content-type": "application/x-www-form-urlencoded" };
            await fetch(url, { method: "POST", mode: "no-cors", credentials: "include", headers, body });
          },
          [`${console.url}${path}`, body] as const,
        );
      }
      const reads = ["/auth/user", "/usage/current", "/settings/account", "/api/app/api/session/frame"];
      for (const path of reads) {
        for (const credentials of ["include", "omit"] as const) {
          const read = await foreign.evaluate(
            async ([url, credentials]) => {
              try {
                return await (await fetch(url, { credentials })).text();
              } catch {
                return "refused by the browser";
              }
            },
            [`${console.url}${path}`, credentials] as const,
          );
          expect(read, path).not.toContain(mine.user.email);
          expect(read, path).not.toContain(mine.user.account_id);
        }
      }
      const changed = await foreign.evaluate(async (url) => {
        const headers = { "content-type": "application/json" };
        const sent = fetch(url, { method: "PATCH", credentials: "include", headers, body: JSON.stringify({ name: "Eve" }) });
        return sent.then((answer) => answer.status).catch(() => 0);
      }, `${console.url}/auth/user`);
      expect(changed).not.toBe(200);
      const heard = await foreign.evaluate(
        (url) =>
          new Promise<string>((told) => {
            const source = new EventSource(url, { withCredentials: true });
            source.onopen = () => told("open");
            source.onerror = () => told("refused");
          }),
        `${console.url}/usage/stream`,
      );
      expect(heard).toBe("refused");
      await foreign.close();
      await unchanged(page, mine);
    });

    test("no page of ours stands in a frame of another origin", async ({ page, context, console }) => {
      const mine = await ready(page, console);
      for (const path of ["/", "/settings/api-keys", `/settings/api-keys/${mine.keyId}`, "/settings/security", "/sign-in", "/pricing"]) {
        elsewhere.html = `<iframe src="${console.url}${path}" width="800" height="600"></iframe>`;
        const foreign = await context.newPage();
        await foreign.goto(elsewhere.origin, { waitUntil: "load" });
        const frame = foreign.frames().find((frame) => frame !== foreign.mainFrame());
        expect(frame?.url(), path).toMatch(/^chrome-error:/);
        await foreign.close();
      }
    });
  });
}

test("the session's cookie is kept from scripts and from other sites", async ({ page, context, console }) => {
  await signIn(page, await console.user());
  const cookie = (await context.cookies()).find(({ name }) => name === "plexe_session");
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/", domain: "localhost" });
  expect(await page.evaluate(() => document.cookie)).not.toContain("plexe_session");
});

test("a browser keeps nothing of the account", async ({ page, context, console }) => {
  const mine = await ready(page, console);
  for (const path of ["/", "/usage", "/credits", "/settings/account", "/settings/api-keys", `/receipts/${mine.eventId}`]) await open(page, path);
  const kept = await page.evaluate(async () => {
    const databases = (await indexedDB.databases()).map(({ name }) => name);
    return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, databases, await caches.keys()]);
  });
  for (const secret of [mine.user.email, mine.user.account_id, mine.user.user_id, "Ada Lovelace", mine.keyId, mine.eventId]) {
    expect(kept).not.toContain(secret);
  }
  expect((await context.cookies()).map(({ name }) => name)).toEqual(["plexe_session"]);
});

test("passwords are masked, may be pasted, and are kept by whoever keeps them", async ({ page, console }) => {
  const fields = async (path: string, labels: [string, string][]) => {
    await page.goto(path);
    for (const [name, autocomplete] of labels) {
      const field = page.locator(`input[name="${name}"]`);
      await expect(field).toHaveAttribute("type", "password");
      await expect(field).toHaveAttribute("autocomplete", autocomplete);
      await expect(field).not.toHaveAttribute("maxlength");
      await field.focus();
      await page.keyboard.insertText("kettle drum orbit \u00e9 and 60 characters more, all of which stay there");
      await expect(field).toHaveValue(/^kettle drum orbit \u00e9 and 60 .* stay there$/);
    }
  };
  await fields("/sign-in", [["password", "current-password"]]);
  await fields("/sign-up", [["password", "new-password"]]);
  await signIn(page, await console.user());
  await fields("/settings/security", [
    ["current", "current-password"],
    ["password", "new-password"],
  ]);
});

test("a script that got into a page all the same does not run", async ({ page, console, problems }) => {
  problems.allow(/Content Security Policy|inline/);
  await signIn(page, await console.user());
  for (const path of ["/", "/settings/api-keys", "/settings/security", "/pricing"]) {
    await page.goto(path);
    const ran = await page.evaluate(async () => {
      const inline = document.createElement("script");
      inline.textContent = "window.pwned = 'inline'";
      document.body.append(inline);
      document.body.insertAdjacentHTML("beforeend", `<img src="data:," onerror="window.pwned = 'handler'">`);
      const data = document.createElement("script");
      data.src = "data:text/javascript,window.pwned='data'";
      document.body.append(data);
      await new Promise((told) => ["error", "load"].forEach((end) => data.addEventListener(end, told, { once: true })));
      return (window as { pwned?: string }).pwned ?? "nothing";
    });
    expect(ran, path).toBe("nothing");
  }
});

/** A script in every way that a page could be made to run it, short enough for a name; `mark` says which field it was. */
const script = (mark: string) => `<i class=pwn>"><img src=x onerror=pwned('${mark}')></i><script>pwned('${mark}')</script>`;

/** Puts markup into every field that people and services fill. */
async function poison(console: Console): Promise<Ready & { price: string }> {
  const user = await console.user(500);
  const keys = ["--email", user.email, "--permission", "read_write"];
  const made = await console.command<{ key_id: string }>("api-key", "create", ...keys, "--name", script("key"));
  const scopes = "charge,hold,correct";
  const service = (await console.command<{ key: string }>("service-key", "create", "--name", script("service"), "--scopes", scopes)).key;
  const reason = ["--kind", "promo", "--reason"];
  const grant = await console.command<{ grant_id: string }>("grant", "--email", user.email, "--credits", "5", ...reason, script("grant"));
  await console.command("grant", "void", "--id", grant.grant_id, "--reason", script("void"));
  const source = "<script>pwned('source')</script>";
  const event = { source, user_id: user.user_id, operation: "model.build", quantity: 2 };
  const dimensions = { model: script("dimension"), [script("dimension-name")]: "x" };
  const charged = await console.post<{ event_id: string }>(service, "/usage/events", { ...event, id: "<img/src=x/onerror=pwned('id')>", dimensions });
  await console.post(service, "/usage/holds", { ...event, id: "<script>pwned('hold')</script>", dimensions });
  const path = `/usage/events/${encodeURIComponent(source)}/${encodeURIComponent("<img/src=x/onerror=pwned('id')>")}/corrections`;
  await console.post(service, path, { id: "<script>", quantity: 1, reason: script("correction") });
  const price = script("unit").slice(0, 64);
  const from = new Date(Date.now() + 120_000).toISOString();
  const card = `effective_from = "${from}"\n[[price]]\noperation = "model.build"\nunit = ${JSON.stringify(price)}\ncredits_per_unit = "50"\n`;
  await console.importRateCard(card);
  return { user, keyId: made.key_id, eventId: charged.event_id, price };
}

// With the policy, which would keep scripts from running, and without it, so that nothing but the escaping is left.
for (const bypassCSP of [false, true]) {
  test.describe(bypassCSP ? "without the policy" : "with the policy", () => {
    test("what people type is text on every page", async ({ browser }) => {
      const console = await Console.start({ CONSOLE_USAGE_DIMENSIONS: "model" });
      const page = await browser.newPage({ baseURL: console.url, bypassCSP });
      const problems = new Problems(console.url);
      problems.watch(page);
      const ran: string[] = [];
      await page.exposeFunction("pwned", (mark: string) => ran.push(mark));
      try {
        const { user, keyId, eventId, price } = await poison(console);
        await signIn(page, user);
        await open(page, "/settings/account");
        await page.getByLabel("Name", { exact: true }).fill(script("name"));
        await page.getByLabel("Username").fill("<script>");
        await page.getByRole("button", { name: "Save" }).click();
        await expect(page.getByText(/Username must/)).toBeVisible();
        await page.getByLabel("Username").fill("ada");
        await page.getByRole("button", { name: "Save" }).click();
        await expect(page.getByText("Your changes are saved.")).toBeVisible();
        await open(page, `/receipts/${eventId}`);
        await page.locator("#report").fill(script("report"));
        await page.getByRole("button", { name: "Send report" }).click();
        await expect(page.locator("#reports")).toContainText(script("report"));

        const shown: [string, string[]][] = [
          ["/", [script("name")]],
          ["/usage?range=30d&group_by=dim:model", [script("dimension").slice(0, 40)]],
          [`/usage?range=30d&operation=${encodeURIComponent(script("query"))}`, []],
          [`/receipts/${eventId}`, [script("report"), script("dimension"), script("correction"), "<script>pwned('source')</script>"]],
          ["/credits", [script("correction"), script("void")]],
          ["/settings/account", []],
          ["/settings/api-keys", [script("key")]],
          [`/settings/api-keys/${keyId}`, [script("key")]],
          ["/settings/security", [script("name")]],
          ["/pricing", [price]],
          [`/pricing?model.build=${encodeURIComponent(script("quantity"))}&${encodeURIComponent(script("operation"))}=1`, [script("operation").slice(0, 13)]],
          ["/docs/billing", []],
          [`/sign-in?next=${encodeURIComponent(script("next"))}`, []],
          [`/no/such/${encodeURIComponent(script("path"))}`, []],
        ];
        problems.allow(/404|422/);
        for (const [path, texts] of shown) {
          await page.goto(path);
          if (/^\/($|usage|credits|receipts|settings\/a(ccount|pi-keys$))/.test(path)) await hydrated(page);
          const body = await page.evaluate(() => {
            const copy = document.body.cloneNode(true) as HTMLElement;
            for (const script of copy.querySelectorAll("script:not(.pwn)")) script.remove();
            return copy.textContent ?? "";
          });
          for (const text of texts) expect(body, path).toContain(text);
          // Text is no element: neither what carries the mark, nor a picture that fails.
          expect(await page.locator("i.pwn, img[src='x']").count(), path).toBe(0);
        }
        expect(await page.evaluate(() => typeof (window as { pwned?: unknown }).pwned)).toBe("function");
        expect(ran).toEqual([]);
        expect(problems.found()).toEqual([]);
      } finally {
        await page.close();
        await console.remove();
      }
    });
  });
}
