// Two servers on one Postgres: what is charged through one moves a page that the other has served.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { Console } from "../support/console";
import { test as base, expect, signIn } from "../support/test";

const postgres = process.env.CONSOLE_TEST_POSTGRES;
const run = (sql: string) => {
  if (postgres === undefined) throw new Error("CONSOLE_TEST_POSTGRES names no Postgres");
  return promisify(execFile)("psql", [postgres, "-c", sql]);
};

/** `console` serves the page, `other` takes the charge. */
const test = base.extend<object, { database: string; other: Console }>({
  database: [
    async ({}, use) => {
      const name = `browser_${randomBytes(6).toString("hex")}`;
      await run(`CREATE DATABASE ${name}`);
      const url = new URL(postgres ?? "");
      url.pathname = `/${name}`;
      await use(url.href);
      await run(`DROP DATABASE ${name} WITH (FORCE)`);
    },
    { scope: "worker" },
  ],
  console: [
    async ({ database }, use) => {
      const console = await Console.start({ DATABASE_URL: database });
      await use(console);
      await console.remove();
    },
    { scope: "worker" },
  ],
  other: [
    async ({ database, console: first }, use) => {
      expect(first.url).toBeTruthy();
      const other = await Console.start({ DATABASE_URL: database });
      await use(other);
      await other.remove();
    },
    { scope: "worker" },
  ],
});

test("a charge through one server moves the Overview that the other has served, within a second", async ({ page, console, other }) => {
  const user = await console.user(10);
  const key = await other.serviceKey();
  await signIn(page, user);
  await expect(page.locator(".pill.live")).toBeVisible();
  const { balance } = await other.charge(key, user, "one", 100);
  await expect(page.getByTestId("balance")).toContainText(balance.toFixed(2), { timeout: 1_000 });
});
