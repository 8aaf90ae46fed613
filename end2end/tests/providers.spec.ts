import type { Page } from "@playwright/test";
import type { Console } from "../support/console";
import { test } from "../support/providers";
import { accessibilityFindings, expect, hydrated, open, signIn } from "../support/test";

const SECURITY = "/settings/security";
const PASSWORD = "kettle-drum-orbit";

/** At the issuer or at GitHub: says who one is. */
async function sayWho(page: Page, name: string): Promise<void> {
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: /Sign in|Authorize/ }).click();
}

/** From a page with its button, to the provider and back. */
async function goThrough(page: Page, button: string, name: string): Promise<void> {
  await page.getByRole("link", { name: button }).click();
  await sayWho(page, name);
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  // Who they are elsewhere is forgotten as well, so that they say it anew.
  await page.context().clearCookies({ domain: "127.0.0.1" });
}

async function expectToBe(page: Page, email: string, credits = "100.00"): Promise<void> {
  await page.waitForURL((url) => url.pathname === "/");
  await hydrated(page);
  await expect(page.getByTestId("balance")).toHaveText(credits);
  await page.getByRole("button", { name: "Account menu" }).click();
  await expect(page.locator("#account")).toContainText(email);
  await page.keyboard.press("Escape");
}

const row = (page: Page, text: string) => page.locator(".ways-in li", { hasText: text });

test("a stranger signs up through the issuer, signs out and in, links GitHub, and unlinks it", async ({ page, problems }) => {
  problems.allow(/40[39] \(/);
  await page.goto("/sign-up");
  await goThrough(page, "Continue with Acme", "ada");
  await expectToBe(page, "ada@example.com");

  await signOut(page);
  await goThrough(page, "Continue with Acme", "ada");
  await expectToBe(page, "ada@example.com");

  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Security" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Security" })).toBeVisible();
  await expect(row(page, "ada@example.com")).toContainText("Your only way in");
  await goThrough(page, "Link GitHub", "lovelace");
  await expect(page.getByRole("status").filter({ hasText: "It is linked" })).toBeVisible();
  await expect(row(page, "GitHub")).toContainText("lovelace");

  await signOut(page);
  await goThrough(page, "Continue with GitHub", "lovelace");
  await expectToBe(page, "ada@example.com");

  await open(page, SECURITY);
  await page.getByRole("button", { name: "Unlink GitHub, lovelace" }).click();
  await expect(page.getByText("It is unlinked")).toBeVisible();
  await expect(row(page, "GitHub")).toHaveCount(0);
  await expect(row(page, "Acme")).toContainText("Your only way in");
});

test("a stranger signs up through GitHub, and the address leads back to where they wanted to go", async ({ page }) => {
  await page.goto("/usage?range=30d");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await goThrough(page, "Continue with GitHub", "grace");
  await page.waitForURL((url) => url.pathname === "/usage" && url.search === "?range=30d");
  await hydrated(page);
  await expect(page.getByTestId("balance")).toHaveText("100.00");
  await signOut(page);
  await goThrough(page, "Continue with GitHub", "grace");
  await expectToBe(page, "grace@example.com");
});

test("the browser's time zone comes along", async ({ page }) => {
  await page.goto("/sign-up");
  await goThrough(page, "Continue with Acme", "zoe");
  await expectToBe(page, "zoe@example.com");
  await open(page, "/settings/account");
  await expect(page.getByLabel("Time zone")).toHaveValue("Europe/Berlin");
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Zoe of Elsewhere");
  await expect(page.getByLabel("Username")).toHaveValue("zoe");
});

test("what comes to nothing says why and what to do", async ({ page, problems }) => {
  problems.allow(/40[39] \(|410 \(/);
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Continue with GitHub" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("alert")).toContainText("You did not let GitHub tell us who you are");
  await expect(page).toHaveTitle(/^Error: You are not signed in/);
  await page.getByRole("link", { name: "To the sign-in page" }).click();
  await goThrough(page, "Continue with Acme", "bob-unverified");
  await expect(page.getByRole("alert")).toContainText("an e-mail address which it has verified");
  await page.reload();
  await expect(page.getByRole("alert")).toContainText("was finished before");
});

test("an account that is there already is linked by its owner, once signed in", async ({ page, console, problems }) => {
  problems.allow(/409 \(/);
  const user = await console.user();
  await page.goto("/sign-in");
  await goThrough(page, "Continue with Acme", user.email.split("@")[0] ?? "");
  await expect(page.getByRole("alert")).toContainText("has an account here already");
  await expect(page.getByLabel("E-mail")).toHaveValue(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByText("Now link the account that you came with")).toBeVisible();
  // The issuer remembers who is there.
  await page.getByRole("link", { name: "Link Acme" }).click();
  await expect(page.getByText("It is linked")).toBeVisible();
  await signOut(page);
  await goThrough(page, "Continue with Acme", user.email.split("@")[0] ?? "");
  await expectToBe(page, user.email);
});

test("without scripts it goes the same way", async ({ browser, console }) => {
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto("/sign-in");
  await goThrough(page, "Continue with Acme", "quiet");
  await page.waitForURL("/");
  await expect(page.getByTestId("balance")).toHaveText("100.00");
  await page.goto(SECURITY);
  await goThrough(page, "Link GitHub", "silent");
  await expect(page.getByText("It is linked")).toBeVisible();
  await page.getByRole("button", { name: "Unlink GitHub, silent" }).click();
  await expect(page.getByText("It is unlinked")).toBeVisible();
  await context.close();
});

test("a password is changed by whoever knows it, and the others are signed out", async ({ page, browser, console, problems }) => {
  problems.allow(/422/);
  const user = await console.user();
  const other = await (await browser.newContext({ baseURL: console.url })).newPage();
  await signIn(other, user);
  await signIn(page, user);
  await open(page, SECURITY);
  await page.getByLabel("Current password").fill("wrong");
  await page.getByLabel("New password").fill("seven lazy kettles");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByLabel("Current password")).toHaveAccessibleDescription("This is not your password.");
  await page.getByLabel("Current password").fill(user.password);
  await page.getByLabel("New password").fill("seven lazy kettles");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed, and you are signed out everywhere else.")).toBeVisible();
  await expect(other).toHaveURL(/\/sign-in/, { timeout: 30_000 });
  await other.context().close();
  await signOut(page);
  await signIn(page, { email: user.email, password: "seven lazy kettles" });
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("every page has nothing that axe finds, and fits", async ({ page, console, problems }) => {
        problems.allow(/40[39] \(|422/);
        const looksRight = async (name: string) => {
          await page.screenshot({ path: `test-results/pictures/${name}-${theme}-${width}.png`, fullPage: true });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
          expect(await accessibilityFindings(page), name).toEqual([]);
        };
        const name = `seen-${theme}-${width}`;
        await page.goto("/sign-up");
        await looksRight("providers-sign-up");
        await page.goto("/sign-in");
        await looksRight("providers-sign-in");
        await page.getByRole("link", { name: "Continue with GitHub" }).click();
        await page.getByRole("button", { name: "Cancel" }).click();
        await looksRight("providers-denied");
        await page.goto("/sign-in");
        await goThrough(page, "Continue with Acme", name);
        await expectToBe(page, `${name}@example.com`);
        await open(page, SECURITY);
        await looksRight("security-one-way");
        await goThrough(page, "Link GitHub", `${name}-${"long-name-".repeat(8)}`);
        await expect(page.getByText("It is linked")).toBeVisible();
        await looksRight("security-linked");
        await signOut(page);
        await withPassword(page, console);
        await looksRight("security-password");
      });
    });
  }
}

/** Somebody with a password, who has mistyped it. */
async function withPassword(page: Page, console: Console): Promise<void> {
  await signIn(page, await console.user());
  await open(page, SECURITY);
  await page.getByLabel("Current password").fill("wrong");
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("This is not your password.")).toBeVisible();
}
