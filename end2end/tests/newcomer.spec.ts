// A stranger's first minutes, from nothing to the second grant: every command is the one that the page shows, word for word.

import type { Page } from "@playwright/test";
import type { Console } from "../support/console";
import { type MailServer, test } from "../support/mail";
import { expect, hydrated } from "../support/test";

const EMAIL = "newcomer@example.com";
const PASSWORD = "kettle-drum-orbit";

const balance = (page: Page) => page.getByTestId("balance");
const rows = (page: Page) => page.locator(".activity tbody tr");
const chartTitle = (page: Page) => page.locator("#consumption-title");
const drawing = (page: Page) => page.locator(".echart svg");
const standing = (page: Page) => page.locator(".standing");
const main = (page: Page) => page.getByRole("navigation", { name: "Main", exact: true });

/** Through the form, the mail and its link, to the overview. */
async function arrive(page: Page, console: Console, mailbox: MailServer): Promise<void> {
  await page.goto("/sign-up");
  await page.getByLabel("Name", { exact: true }).fill("Ada Lovelace");
  await page.getByLabel("Username").fill("newcomer");
  await page.getByLabel("E-mail").fill(EMAIL);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Check your mail" })).toBeVisible();
  const { to, text } = await mailbox.next(EMAIL);
  expect(to).toEqual([EMAIL]);
  await page.goto(text.split(/\s/).find((word) => word.startsWith(`${console.url}/verify-email`)) ?? text);
  await page.getByRole("button", { name: "Verify this e-mail" }).click();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await hydrated(page);
}

/** As the first step leads there; back on the overview, its secret. */
async function makeKey(page: Page): Promise<string> {
  await page.getByRole("link", { name: "Make a key" }).click();
  await page.getByLabel("Name", { exact: true }).fill("laptop");
  await page.getByRole("button", { name: "Make key" }).click();
  const secret = await page.locator("#created .copy-line code").innerText();
  await main(page).getByRole("link", { name: "Overview" }).click();
  await expect(page.getByText("You have made a key: plx_sk_")).toBeVisible();
  return secret;
}

/** What the button of a block copies. */
async function copied(page: Page, label: string): Promise<string> {
  await page.getByRole("button", { name: `Copy ${label}` }).click();
  await expect(page.getByRole("button", { name: `Copied ${label}` })).toBeVisible();
  return page.evaluate(() => navigator.clipboard.readText());
}

type Answer = { status: number; body: { credits?: number; balance?: number; error?: { code: string } } };

/** Runs a copied `curl`. */
async function sent(console: Console, curl: string): Promise<Answer> {
  const [body, status] = (await console.shell(`${curl} --silent --write-out '\\n%{http_code}'`)).split("\n");
  return { status: Number(status), body: JSON.parse(body ?? "") };
}

test("a newcomer gets from the sign-up to the first event, to the end of the credits and on, on one page", async ({ page, context, console, mailbox }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await arrive(page, console, mailbox);
  await expect(balance(page)).toHaveText("100.00");
  await expect(page.getByRole("heading", { name: "Nothing has been charged yet" })).toBeVisible();
  // A reload would wipe it out.
  await page.evaluate(() => Object.assign(window, { notReloaded: true }));

  const secret = await makeKey(page);
  const current = await sent(console, (await copied(page, "the request")).replace("plx_sk_…", secret));
  expect(current).toMatchObject({ status: 200, body: { credits: 100 } });

  const made = await console.shell(await copied(page, "the command"));
  const service = /plx_svc_\w+/.exec(made)?.[0] ?? made;
  const event = (await copied(page, "the event")).replace("plx_svc_…", service);
  const report = (id: string, quantity: number) =>
    sent(console, event.replace('"first-1"', `"${id}"`).replace('"quantity": 2.5', `"quantity": ${quantity}`));
  await expect(drawing(page)).toBeVisible();
  const before = await drawing(page).innerHTML();
  expect(await sent(console, event)).toMatchObject({ status: 200, body: { credits: 0.25, balance: 99.75 } });
  await expect(balance(page)).toHaveText("99.75");
  await expect(rows(page)).toHaveCount(1);
  await expect(chartTitle(page)).toContainText("0.25 credits");
  await expect.poll(() => drawing(page).innerHTML()).not.toBe(before);

  expect(await report("most", 900)).toMatchObject({ status: 200, body: { balance: 9.75 } });
  await expect(balance(page)).toHaveText("9.75");
  expect(await report("rest", 97.5)).toMatchObject({ status: 200, body: { balance: 0 } });
  await expect(balance(page)).toHaveText("0.00");
  await expect(standing(page)).toHaveClass(/bad/);
  await expect(standing(page)).toContainText("There are no credits left. Paid operations are refused");
  expect(await report("beyond", 10)).toMatchObject({ status: 402, body: { error: { code: "insufficient_credits" } } });

  await console.shell(`plexe-console grant --email ${EMAIL} --credits 100 --kind promo --reason "more"`);
  await expect(balance(page)).toHaveText("100.00");
  await expect(standing(page)).not.toHaveClass(/bad/);
  expect(await report("beyond", 10)).toMatchObject({ status: 200, body: { balance: 99 } });
  await expect(balance(page)).toHaveText("99.00");
  await expect(rows(page)).toHaveCount(4);
  expect(await page.evaluate(() => "notReloaded" in window)).toBe(true);
});
