import { test } from "../support/mail";
import { expect } from "../support/test";

const PASSWORD = "kettle-drum-orbit";

test("a stranger's mail arrives at a real mail server, and its link gives the credits", async ({ page, console, mailbox }) => {
  const email = "stranger@example.com";
  await page.goto("/sign-up");
  await page.getByLabel("Name", { exact: true }).fill("Ada Lovelace");
  await page.getByLabel("Username").fill("stranger");
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign up" }).click();
  await expect(page.getByRole("heading", { name: "Check your mail" })).toBeVisible();

  const mail = await mailbox.next(email);
  expect(mail.to).toEqual([email]);
  expect(mail.headers.filter((line) => /^to:/i.test(line))).toEqual(['To: "Ada Lovelace" <stranger@example.com>']);
  const link = mail.text.split(/\s/).find((word) => word.startsWith(`${console.url}/verify-email`));
  expect(link, mail.text).toBeTruthy();
  // What was sent is shown to nobody else.
  expect(await console.command("outbox", "--email", email)).toMatchObject({ mails: [], smtp: true });

  await page.goto(link ?? "");
  await page.getByRole("button", { name: "Verify this e-mail" }).click();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await expect(page.getByTestId("balance")).toHaveText("100.00");
});
