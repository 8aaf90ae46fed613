import type { Browser, Page } from "@playwright/test";
import type { Console } from "../support/console";
import { accessibilityFindings, expect, hydrated, test } from "../support/test";

const PASSWORD = "kettle-drum-orbit";

/** A new user, as they would type themselves. */
function somebody(name: string) {
  return { name: "Ada Lovelace", username: name, email: `${name}@example.com` };
}

/** Path and query of the newest link that was mailed to this address. */
async function mailedLink(console: Console, email: string): Promise<string> {
  const { mails } = await console.command<{ mails: { link: string | null }[] }>("outbox", "--email", email);
  const link = mails[0]?.link;
  if (!link) throw new Error(`no mail with a link for ${email}`);
  const { pathname, search } = new URL(link);
  return pathname + search;
}

async function fillIn(page: Page, who: ReturnType<typeof somebody>, password = PASSWORD): Promise<void> {
  await page.goto("/sign-up");
  await page.getByLabel("Name", { exact: true }).fill(who.name);
  await page.getByLabel("Username").fill(who.username);
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign up" }).click();
}

/** From the form to the overview, the way through the mailbox included. */
async function signUp(page: Page, console: Console, who: ReturnType<typeof somebody>): Promise<void> {
  await fillIn(page, who);
  await expect(page.getByRole("heading", { name: "Check your mail" })).toBeVisible();
  await expect(page.getByText(who.email)).toBeVisible();
  await page.goto(await mailedLink(console, who.email));
  await page.getByRole("button", { name: "Verify this e-mail" }).click();
  await expect(page.getByText("Your e-mail is verified.")).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(who.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await expect(page.getByTestId("balance")).toHaveText("100.00");
}

async function withoutScripts(browser: Browser, console: Console): Promise<Page> {
  const context = await browser.newContext({ baseURL: console.url, javaScriptEnabled: false });
  return context.newPage();
}

test("a stranger signs up, follows the mailed link and has the credits", async ({ page, console }) => {
  const who = somebody("stranger");
  await signUp(page, console, who);
  await hydrated(page);
  await expect(page.getByText("not verified yet")).toHaveCount(0);
});

test("the same without scripts", async ({ browser, console }) => {
  const page = await withoutScripts(browser, console);
  await signUp(page, console, somebody("quiet"));
  await page.context().close();
});

test("the form brings the browser's time zone, and UTC without scripts", async ({ page, browser, console }) => {
  await page.goto("/sign-up");
  await expect(page.locator('input[name="time_zone"]')).toHaveValue("Europe/Berlin");
  const still = await withoutScripts(browser, console);
  await still.goto("/sign-up");
  await expect(still.locator('input[name="time_zone"]')).toHaveValue("UTC");
  await still.context().close();
});

test("what is wrong stands beside its field, and what was typed stays", async ({ page, problems }) => {
  problems.allow(/422/);
  await fillIn(page, { name: "Ada", username: "a b", email: "ada@example.com" }, "password1");
  await expect(page.getByText("The username must have")).toBeVisible();
  await expect(page.getByText("The password is one of those most used")).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Ada");
  await expect(page.getByLabel("Username")).toHaveValue("a b");
  await expect(page.getByLabel("Password")).toHaveValue("");
  await expect(page.getByLabel("Username")).toHaveAccessibleDescription(/must have 1 to 64 letters/);
  await expect(page).toHaveTitle(/^Error: Sign up/);
});

test("somebody unverified is told on every page and asks for the mail again", async ({ page, console, problems }) => {
  problems.allow(/410/);
  const who = somebody("waiting");
  await fillIn(page, who);
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(who.email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await hydrated(page);
  const banner = page.getByRole("region", { name: "Your e-mail is not verified" });
  await expect(banner).toContainText(who.email);
  await banner.getByRole("button", { name: "Send again" }).click();
  await expect(page.getByText("Sent again.")).toBeVisible();
  const link = await mailedLink(console, who.email);
  await page.goto(link);
  await page.getByRole("button", { name: "Verify this e-mail" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await expect(page.getByTestId("balance")).toHaveText("100.00");
  await expect(banner).toHaveCount(0);
  await page.goto(link);
  await expect(page.getByRole("alert")).toContainText("This link was used already");
});

test("a forgotten password is replaced, and the old session is over", async ({ page, browser, console }) => {
  const user = await console.user();
  const other = await (await browser.newContext({ baseURL: console.url })).newPage();
  await other.goto("/sign-in");
  await other.getByLabel("E-mail").fill(user.email);
  await other.getByLabel("Password").fill(user.password);
  await other.getByRole("button", { name: "Sign in" }).click();
  await hydrated(other);
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByRole("button", { name: "Send the link" }).click();
  await expect(page.getByRole("heading", { name: "Check your mail" })).toBeVisible();
  await page.goto(await mailedLink(console, user.email));
  await page.getByLabel("New password").fill("seven lazy kettles");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await page.getByLabel("Password").fill("seven lazy kettles");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  // The open page of the other browser loses its stream within a second, and learns that nobody is signed in.
  await expect(other).toHaveURL(/\/sign-in/, { timeout: 30_000 });
  await other.context().close();
});

test("after signing out the back button shows nothing private", async ({ page, console }) => {
  const user = await console.user(100);
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await hydrated(page);
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goBack();
  await expect(page).toHaveURL(/\/sign-in/);
  await expect(page.getByTestId("balance")).toHaveCount(0);
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("every form has nothing that axe finds, fits, and loads no wasm in 25 KB", async ({ page, console, problems }) => {
        problems.allow(/422|404/);
        const who = somebody(`seen-${theme}-${width}`);
        const looksRight = async (name: string) => {
          await page.screenshot({ path: `test-results/pictures/${name}-${theme}-${width}.png`, fullPage: true });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
          expect(await accessibilityFindings(page), name).toEqual([]);
        };
        const { sizes, paths } = await load(page, "/sign-up");
        expect(paths.filter((path) => path.endsWith(".wasm"))).toEqual([]);
        expect(sizes).toBeLessThan(25 * 1024);
        await looksRight("sign-up");
        await fillIn(page, { name: " ", username: "-", email: `${"long".repeat(20)}@example.com` }, "password");
        await looksRight("sign-up-refused");
        await fillIn(page, who);
        await looksRight("check-mail");
        await page.goto(await mailedLink(console, who.email));
        await looksRight("verify-email");
        await page.goto("/verify-email?token=mangled");
        await looksRight("verify-email-dead");
        await page.goto("/forgot-password");
        await looksRight("forgot-password");
        await page.getByLabel("E-mail").fill(who.email);
        await page.getByRole("button", { name: "Send the link" }).click();
        await looksRight("reset-sent");
        await page.goto(await mailedLink(console, who.email));
        await looksRight("reset-password");
        await page.goto("/sign-in");
        await looksRight("sign-in");
        await page.getByLabel("E-mail").fill(who.email);
        await page.getByLabel("Password").fill(PASSWORD);
        await page.getByRole("button", { name: "Sign in" }).click();
        await hydrated(page);
        await looksRight("overview-unverified");
      });
    });
  }
}

/** Bytes and paths of a first visit. */
async function load(page: Page, path: string): Promise<{ sizes: number; paths: string[] }> {
  const seen: Promise<{ size: number; path: string }>[] = [];
  page.on("requestfinished", (request) => {
    seen.push(
      request.sizes().then(({ responseHeadersSize, responseBodySize }) => ({
        size: responseHeadersSize + responseBodySize,
        path: new URL(request.url()).pathname,
      })),
    );
  });
  await page.goto(path, { waitUntil: "networkidle" });
  const answers = await Promise.all(seen);
  return { sizes: answers.reduce((sum, { size }) => sum + size, 0), paths: answers.map(({ path }) => path) };
}
