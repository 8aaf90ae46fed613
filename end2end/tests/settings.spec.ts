import type { Browser, Locator, Page } from "@playwright/test";
import type { Console, User } from "../support/console";
import { accessibilityFindings, expect, hydrated, open, signIn, test } from "../support/test";

const ACCOUNT = "/settings/account";
const KEYS = "/settings/api-keys";
const SCRIPT = "<script>document.title='run'</script>";

const secret = (page: Page): Locator => page.locator("#created .copy-line code");
const keys = (page: Page): Locator => page.locator(".keys tbody tr");

/** A mark that a reload would wipe out. */
async function mark(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));
}

async function expectNotReloaded(page: Page): Promise<void> {
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
}

/** What a program with this key is answered. */
async function current(console: Console, key: string): Promise<Response> {
  return await fetch(`${console.url}/usage/current`, { headers: { "x-api-key": key } });
}

async function withoutScripts(browser: Browser, console: Console, user: User): Promise<Page> {
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("/");
  return page;
}

async function type(page: Page, name: string, username: string, zone?: string): Promise<void> {
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Username").fill(username);
  if (zone !== undefined) await page.getByLabel("Time zone").selectOption(zone);
  await page.getByRole("button", { name: "Save changes" }).click();
}

test("a new name is in the frame at once, a new zone in the charts", async ({ page, console }) => {
  const user = await console.user(100);
  await console.charge(await console.serviceKey(), user, "one", 5);
  await signIn(page, user);
  await mark(page);
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`${ACCOUNT}$`));
  await expect(page).toHaveTitle("Account · Plexe Console");
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeFocused();
  await expect(page.getByText(user.user_id)).toBeVisible();

  await type(page, "  Grace Hopper ", "Rear.Admiral", "Asia/Kathmandu");
  await expect(page.getByRole("status").filter({ hasText: "Your changes are saved." })).toBeVisible();
  await expect(page.getByRole("button", { name: "Account menu" })).toHaveText("GH");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Grace Hopper");
  await expect(page.getByLabel("Username")).toHaveValue("rear.admiral");
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Overview" }).click();
  await expect(page.locator(".chart .caption")).toContainText("Asia/Kathmandu");
  await expectNotReloaded(page);

  await open(page, ACCOUNT);
  await expect(page.getByLabel("Time zone")).toHaveValue("Asia/Kathmandu");
  await expect(page.getByLabel("Username")).toHaveValue("rear.admiral");
});

test("what is wrong stands beside its field, which gets the focus and keeps what was typed", async ({ page, console, problems }) => {
  problems.allow(/422|409/);
  const other = await console.user();
  const taken = other.email.split("@")[0] ?? "";
  await signIn(page, await console.user());
  await open(page, ACCOUNT);
  await page.getByLabel("Name", { exact: true }).evaluate((input: HTMLInputElement) => input.removeAttribute("required"));
  await type(page, "   ", taken);
  await expect(page.locator("#name-error")).toHaveText("Name must be one line of 1 to 100 characters.");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await expect(page.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("Username")).toHaveValue(taken);

  await type(page, "Ada", taken);
  await expect(page.locator("#user_name-error")).toHaveText("Username is taken.");
  await expect(page.locator("#name-error")).toBeHidden();
  await type(page, "n".repeat(1_000), "fine");
  await expect(page.locator("#name-error")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("n".repeat(1_000));
});

test("the account is changed without scripts as well", async ({ browser, console }) => {
  const user = await console.user();
  const page = await withoutScripts(browser, console, user);
  await page.goto(ACCOUNT);
  await type(page, "Grace Hopper", "not a username");
  await expect(page.locator("#user_name-error")).toContainText("Username must have");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Grace Hopper");
  await expect(page.getByLabel("Username")).toHaveValue("not a username");
  await type(page, "Grace Hopper", "grace.h", "America/St_Johns");
  await expect(page.getByText("Your changes are saved.")).toBeVisible();
  await expect(page.getByRole("button", { name: "Account menu" })).toHaveText("GH");
  await expect(page.getByLabel("Time zone")).toHaveValue("America/St_Johns");
  await page.context().close();
});

test("a page that answers a form is taken over by scripts with what was typed", async ({ page, console, problems }) => {
  problems.allow(/422/);
  await signIn(page, await console.user());
  await page.goto(ACCOUNT);
  await hydrated(page);
  // As if it had been sent before the scripts arrived.
  await page.getByLabel("Username").fill("not a username");
  await page.locator('form[action="/settings/account"]').evaluate((form: HTMLFormElement) => form.submit());
  await expect(page.locator("#user_name-error")).toContainText("Username must have");
  await hydrated(page);
  await expect(page.getByLabel("Username")).toHaveValue("not a username");
  await type(page, "Ada", "fine.again");
  await expect(page.getByText("Your changes are saved.")).toBeVisible();
  await expect(page.locator("#user_name-error")).toBeHidden();
});

test("markup typed into every field is shown as text", async ({ page, console, problems }) => {
  problems.allow(/422/);
  await signIn(page, await console.user());
  await open(page, ACCOUNT);
  await type(page, SCRIPT, SCRIPT);
  await expect(page.locator("#user_name-error")).toBeVisible();
  await type(page, SCRIPT, "plain");
  await expect(page.getByText("Your changes are saved.")).toBeVisible();
  await open(page, KEYS);
  await page.getByRole("button", { name: "Account menu" }).click();
  await expect(page.locator("#account")).toContainText(SCRIPT);
  await page.keyboard.press("Escape");
  await page.getByLabel("Name", { exact: true }).fill(SCRIPT);
  await page.getByLabel("Expires after").fill(SCRIPT);
  await page.getByRole("button", { name: "Make key" }).click();
  await expect(page.locator("#expiration_days-error")).toBeVisible();
  await page.getByLabel("Expires after").fill("");
  await page.getByRole("button", { name: "Make key" }).click();
  await expect(page.locator("#created-title")).toContainText(SCRIPT);
  await expect(keys(page).first()).toContainText(SCRIPT);
  await keys(page).first().getByRole("link", { name: "Revoke" }).click();
  await expect(page.getByRole("dialog")).toContainText(SCRIPT);
  await expect(page).toHaveTitle("API keys · Plexe Console");
});

test("a key: made, its secret shown once, used, and revoked after a question", async ({ page, console }) => {
  const user = await console.user(7);
  await signIn(page, user);
  await page.getByRole("link", { name: "Make a key" }).click();
  await expect(page).toHaveURL(new RegExp(`${KEYS}$`));
  await expect(page.getByText("No key is active.")).toBeVisible();
  await mark(page);
  await page.getByLabel("Name", { exact: true }).fill("laptop");
  await page.getByLabel("Expires after").fill("30");
  await page.getByRole("button", { name: "Make key" }).click();
  await expect(page.locator("#created")).toBeFocused();
  await expect(page.getByText("“laptop” is made. Keep its secret now.")).toBeVisible();
  const key = (await secret(page).textContent()) ?? "";
  expect(key).toMatch(/^plx_sk_[A-Za-z0-9]{40}$/);
  await expect(page.locator("#created pre")).toContainText(`curl ${console.url}/usage/current`);
  await expect(page.locator("#created pre")).toContainText(`x-api-key: ${key}`);
  const answer = await current(console, key);
  expect(answer.status).toBe(200);
  expect(((await answer.json()) as { credits: number }).credits).toBe(107);

  await expect(keys(page)).toHaveCount(1);
  await expect(keys(page).first()).toContainText("Read only");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("");
  await page.getByRole("link", { name: "Done" }).click();
  await expect(page.locator("#created")).toHaveCount(0);
  await open(page, KEYS);
  await expect(keys(page)).toHaveCount(1);
  expect(await page.content()).not.toContain(key);

  await mark(page);
  await keys(page).first().getByRole("link", { name: "Revoke" }).click();
  const question = page.getByRole("dialog", { name: "Revoke “laptop”?" });
  await expect(question).toContainText("are refused from their next request on");
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(page).not.toHaveURL(/revoke=/);
  await expect(keys(page).first().getByRole("link", { name: "Revoke" })).toBeFocused();
  await keys(page).first().getByRole("link", { name: "Revoke" }).click();
  await question.getByRole("button", { name: "Keep it" }).click();
  await expect(question).toBeHidden();
  await keys(page).first().getByRole("link", { name: "Revoke" }).click();
  await question.getByRole("button", { name: "Revoke key" }).click();
  await expect(page.getByRole("status").filter({ hasText: "The key is revoked." })).toBeVisible();
  await expect(page.getByText("No key is active.")).toBeVisible();
  expect((await current(console, key)).status).toBe(401);
  await page.getByRole("link", { name: "Revoked", exact: true }).click();
  await expect(keys(page)).toHaveCount(1);
  await expectNotReloaded(page);
});

test("a key without scripts: made, used, and revoked after a question", async ({ browser, console }) => {
  const user = await console.user(7);
  const page = await withoutScripts(browser, console, user);
  await page.goto(KEYS);
  await page.getByLabel("Name", { exact: true }).fill("job");
  await page.getByText("Read and write", { exact: true }).click();
  await page.getByRole("button", { name: "Make key" }).click();
  const key = (await secret(page).textContent()) ?? "";
  expect((await current(console, key)).status).toBe(200);
  expect(page.url()).not.toContain(key);
  await page.goto(KEYS);
  expect(await page.content()).not.toContain(key);
  await expect(keys(page).first()).toContainText("Read and write");
  await keys(page).first().getByRole("link", { name: "Revoke" }).click();
  await page.getByRole("button", { name: "Revoke key" }).click();
  await expect(page.getByText("The key is revoked.")).toBeVisible();
  expect((await current(console, key)).status).toBe(401);
  await page.context().close();
});

test("pressing twice makes one key", async ({ page, console }) => {
  await signIn(page, await console.user());
  await open(page, KEYS);
  await page.getByLabel("Name", { exact: true }).fill("once");
  const make = page.getByRole("button", { name: "Make key" });
  let let_go = () => {};
  const held = new Promise<void>((resolved) => (let_go = resolved));
  let sent = 0;
  await page.route("**/create_api_key", async (route) => {
    sent += 1;
    await held;
    await route.continue();
  });
  await make.click();
  await expect(make).toHaveAttribute("aria-disabled", "true");
  await make.click({ force: true });
  await page.getByLabel("Name", { exact: true }).press("Enter");
  let_go();
  await expect(page.locator("#created")).toBeVisible();
  await expect(make).toHaveAttribute("aria-disabled", "false");
  await expect(keys(page)).toHaveCount(1);
  expect(sent).toBe(1);
});

test("an eleventh key within the hour is refused, and it is said when again", async ({ page, console, problems }) => {
  problems.allow(/429/);
  await signIn(page, await console.user());
  await open(page, KEYS);
  for (let n = 1; n <= 10; n += 1) {
    await page.getByLabel("Name", { exact: true }).fill(`key ${n}`);
    await page.getByRole("button", { name: "Make key" }).click();
    await expect(keys(page)).toHaveCount(n);
  }
  await page.getByLabel("Name", { exact: true }).fill("one too many");
  await page.getByRole("button", { name: "Make key" }).click();
  await expect(page.getByRole("alert").filter({ hasText: /Try again in \d+ minutes\./ })).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("one too many");
});

test("a session that ended in another tab leads to sign-in and back", async ({ page, console, problems }) => {
  problems.allow(/401/);
  const user = await console.user();
  await signIn(page, user);
  await open(page, ACCOUNT);
  const other = await page.context().newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Account menu" }).click();
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL("**/sign-in");
  await expect(page).toHaveURL(/\/sign-in\?next=(%2F|\/)settings(%2F|\/)account/);
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(new RegExp(`${ACCOUNT}$`));
});

test("the keyboard reaches everything in order, and a new page starts at its heading", async ({ page, console }) => {
  await signIn(page, await console.user());
  await open(page, "/");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  await open(page, "/");
  const main = page.getByRole("navigation", { name: "Main", exact: true });
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(main.getByRole("link", { name: "Overview" })).toBeFocused();
  await main.getByRole("link", { name: "Settings" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeFocused();
  await expect(main.getByRole("link", { name: "Settings" })).toHaveAttribute("aria-current", "page");
  await page.keyboard.press("Tab");
  await expect(page.getByLabel("Name", { exact: true })).toBeFocused();
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API keys" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "API keys" })).toBeFocused();
  await expect(main.getByRole("link", { name: "Settings" })).toHaveAttribute("aria-current", "true");
  await page.goBack();
  await expect(page).toHaveTitle("Account · Plexe Console");
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("settings have nothing that axe finds and do not scroll sideways", async ({ page, console, problems }) => {
        problems.allow(/422/);
        await signIn(page, await console.user());
        await looksRight(page, `first-steps-${theme}-${width}`);
        await open(page, ACCOUNT);
        await looksRight(page, `account-${theme}-${width}`);
        await page.getByLabel("Username").fill("not a username");
        await page.getByRole("button", { name: "Save changes" }).click();
        await expect(page.locator("#user_name-error")).toBeVisible();
        await looksRight(page, `account-refused-${theme}-${width}`);
        await open(page, KEYS);
        await looksRight(page, `keys-none-${theme}-${width}`);
        for (const name of ["laptop", "nightly job that reports to the controlling department"]) {
          await page.getByLabel("Name", { exact: true }).fill(name);
          await page.getByLabel("Expires after").fill(name === "laptop" ? "" : "90");
          await page.getByRole("button", { name: "Make key" }).click();
          await expect(keys(page).first()).toContainText(name);
        }
        await looksRight(page, `keys-${theme}-${width}`);
        await keys(page).first().getByRole("link", { name: "Revoke" }).click();
        await expect(page.getByRole("dialog")).toBeVisible();
        await looksRight(page, `keys-revoke-${theme}-${width}`);
        await page.keyboard.press("Escape");
        await page.getByRole("button", { name: "Account menu" }).click();
        await looksRight(page, `menu-${theme}-${width}`);
      });
    });
  }
}

/** Keeps a picture, and asks axe and the page's own width. */
async function looksRight(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pictures/${name}.png`, fullPage: true });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
  expect(await accessibilityFindings(page)).toEqual([]);
}
