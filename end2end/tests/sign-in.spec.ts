import { expect, hydrated, signIn, test } from "../support/test";

test("a stranger is led to the form and, signed in, back to where they wanted to go", async ({ page, console }) => {
  const user = await console.user();
  await page.goto("/?range=30d");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill(user.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page).toHaveURL(/\/\?range=30d$/);
  await hydrated(page);
});

test("a wrong password says so beside the form and keeps the e-mail", async ({ page, console, problems }) => {
  problems.allow(/401/);
  const user = await console.user();
  await page.goto("/sign-in");
  await page.getByLabel("E-mail").fill(user.email);
  await page.getByLabel("Password").fill("not it");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByLabel("E-mail")).toHaveValue(user.email);
  await expect(page.getByLabel("Password")).toHaveValue("");
});

test("signing out ends the session", async ({ page, console }) => {
  await signIn(page, await console.user());
  await page.getByRole("button", { name: "Account menu" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto("/");
  await expect(page).toHaveURL(/\/sign-in/);
});
