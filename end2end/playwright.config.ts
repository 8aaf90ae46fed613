import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// `cargo xtask test` names the browser that it found; Debian's is the usual one, Playwright's own the last resort.
const usual = "/usr/bin/chromium";
const executablePath = process.env.CHROMIUM ?? (existsSync(usual) ? usual : undefined);

export default defineConfig({
  testDir: "tests",
  outputDir: "../test-results",
  // Each worker has a server and a data folder of its own.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: "list",
  use: {
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--no-first-run",
      ],
    },
  },
});
