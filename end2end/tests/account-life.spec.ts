import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";
import type { Console } from "../support/console";
import { type MailServer, test } from "../support/mail";
import { accessibilityFindings, expect, open, signIn } from "../support/test";

const SECURITY = "/settings/security";
const DATA = "/settings/account/data";

/** The link in the next letter to an address. */
async function letter(mailbox: MailServer, to: string): Promise<{ subject: string; link: string }> {
  const { subject, text } = await mailbox.next(to);
  return { subject, link: text.split(/\s/).find((word) => word.startsWith("http")) ?? "" };
}

/** Signs in on another device. */
async function elsewhere(page: Page, console: Console, user: { email: string; password: string }): Promise<Page> {
  const browser = page.context().browser();
  if (!browser) throw new Error("a browser without a browser");
  const other = await (await browser.newContext({ baseURL: console.url })).newPage();
  await signIn(other, user);
  return other;
}

test("sessions are listed and ended from afar, and the log has it all", async ({ page, console }) => {
  const user = await console.user();
  const phone = await elsewhere(page, console, user);
  await signIn(page, user);
  await open(page, SECURITY);
  const sessions = page.getByRole("region", { name: "Signed in" });
  await expect(sessions.getByRole("listitem")).toHaveCount(2);
  await expect(sessions.getByRole("listitem").first()).toContainText("This device");
  await expect(sessions.getByRole("listitem").first()).toContainText(/Chrome on Linux/);
  await sessions.getByRole("button", { name: /^Sign out Chrome/ }).click();
  await expect(page.getByText("It is signed out.")).toBeVisible();
  await expect(phone).toHaveURL(/\/sign-in/, { timeout: 30_000 });
  await signIn(phone, user);
  await page.reload();
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await expect(page.getByText("You are signed out everywhere else.")).toBeVisible();
  await expect(phone).toHaveURL(/\/sign-in/, { timeout: 30_000 });
  await phone.context().close();
  await page.getByRole("link", { name: "Show all" }).click();
  const log = page.getByRole("region", { name: "Access log" }).getByRole("listitem");
  await expect(log).toHaveCount(5);
  await expect(log.first()).toContainText("Signed out all other devices");
  await expect(log.first()).toContainText("127.0.0.1");
  await page.getByRole("link", { name: "Back to Security" }).click();
  await expect(page.getByRole("heading", { name: "Signed in" })).toBeVisible();
});

test("an e-mail changes once both addresses have confirmed it", async ({ page, console, mailbox }) => {
  const user = await console.user();
  const next = `new-${user.email}`;
  await signIn(page, user);
  await open(page, SECURITY);
  await page.getByLabel("New e-mail").fill(next);
  await page.getByRole("button", { name: "Change e-mail" }).click();
  await expect(page.getByText("We have written to both addresses")).toBeVisible();
  await expect(page.getByText("Not yet")).toHaveCount(2);
  const old = await letter(mailbox, user.email);
  const fresh = await letter(mailbox, next);
  await page.goto(old.link);
  await page.getByRole("button", { name: "Confirm the change" }).click();
  await expect(page.getByText(`once the link in the letter to ${next} is confirmed too`)).toBeVisible();
  await page.goto(fresh.link);
  await page.getByRole("button", { name: "Confirm the change" }).click();
  await expect(page.getByText(`The e-mail of your account is ${next} from now on.`)).toBeVisible();
  expect((await letter(mailbox, next)).subject).toBe("Your e-mail was changed");
  await page.getByRole("link", { name: "To your settings" }).click();
  await expect(page.getByRole("region", { name: "E-mail" })).toContainText(next);
});

test("all data comes as one archive", async ({ page, console }) => {
  await signIn(page, await console.user());
  await open(page, "/settings/account");
  await page.getByRole("link", { name: "Export or delete" }).click();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download the archive" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("plexe-console.zip");
  const bytes = await readFile(await file.path());
  expect(bytes.subarray(0, 2).toString()).toBe("PK");
  expect(bytes.includes("entries.ndjson")).toBe(true);
});

test("an account is deleted, and kept after all", async ({ page, console, mailbox, problems }) => {
  problems.allow(/422/);
  const user = await console.user();
  await signIn(page, user);
  await page.goto(DATA);
  const typed = page.getByLabel("Type your e-mail to show that you mean it");
  await typed.fill("somebody@example.com");
  await page.getByRole("button", { name: "Delete my account" }).click();
  await expect(typed).toHaveAccessibleDescription(/must be the one of this account/);
  await typed.fill(user.email);
  await page.getByRole("button", { name: "Delete my account" }).click();
  await expect(page.getByRole("heading", { name: "This account is being deleted" })).toBeVisible();
  expect((await letter(mailbox, user.email)).subject).toBe("Your account is being deleted");
  await page.context().clearCookies();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`**${DATA}`);
  await page.getByRole("button", { name: "Keep my account" }).click();
  await expect(page.getByText("Your account stays as it was.")).toBeVisible();
  await open(page, "/");
});

for (const theme of ["light", "dark"] as const) {
  for (const width of [360, 1280] as const) {
    test.describe(`${theme}, ${width} wide`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: "reduce" });

      test("every page has nothing that axe finds, and fits", async ({ page, console, mailbox, problems }) => {
        problems.allow(/422/);
        const looksRight = async (name: string) => {
          await page.screenshot({ path: `test-results/pictures/account-${name}-${theme}-${width}.png`, fullPage: true });
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect(overflow, "sideways scrolling").toBeLessThanOrEqual(0);
          expect(await accessibilityFindings(page), name).toEqual([]);
        };
        const user = await console.user();
        // It stays signed in, and is not there any more when its session ends.
        await (await elsewhere(page, console, user)).context().close();
        await signIn(page, user);
        await open(page, SECURITY);
        await looksRight("security");
        const next = `${"long-".repeat(10)}${user.email}`;
        await page.getByLabel("New e-mail").fill(user.email);
        await page.getByRole("button", { name: "Change e-mail" }).click();
        await looksRight("email-wrong");
        await page.getByLabel("New e-mail").fill(next);
        await page.getByRole("button", { name: "Change e-mail" }).click();
        await expect(page.getByText("Not yet")).toHaveCount(2);
        await looksRight("email-asked");
        await page.goto((await letter(mailbox, user.email)).link);
        await looksRight("email-link");
        await page.getByRole("button", { name: "Refuse it" }).click();
        await looksRight("email-refused");
        await page.goto("/settings/security/log");
        await looksRight("log");
        await page.goto(DATA);
        await looksRight("data");
        await page.getByLabel("Type your e-mail to show that you mean it").fill(user.email);
        await page.getByRole("button", { name: "Delete my account" }).click();
        await looksRight("closing");
      });
    });
  }
}
