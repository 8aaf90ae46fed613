// Real identity providers for browser tests; identity-providers.mjs says what they do.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { Console } from "./console";
import { test as base } from "./test";

const program = resolve(import.meta.dirname, "identity-providers.mjs");

export class Providers {
  private constructor(
    private readonly child: ChildProcess,
    readonly issuer: string,
    readonly github: string,
  ) {}

  static async start(): Promise<Providers> {
    const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { issuer, github } = JSON.parse((await lines.next()).value) as { issuer: string; github: string };
    return new Providers(child, issuer, github);
  }

  /** For a console's environment. */
  get settings(): Record<string, string> {
    const secret = "a secret: of the tests";
    return {
      CONSOLE_OIDC_PROVIDERS: `[{ id = "acme", name = "Acme", issuer = "${this.issuer}", client_id = "console", client_secret = "${secret}" }]`,
      GITHUB_CLIENT_ID: "console",
      GITHUB_CLIENT_SECRET: secret,
      GITHUB_AUTHORIZE_URL: `${this.github}/login/oauth/authorize`,
      GITHUB_TOKEN_URL: `${this.github}/login/oauth/access_token`,
      GITHUB_API_URL: this.github,
    };
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
  }
}

/** `test` with a console that knows two providers, whose own pages are visited too. */
export const test = base.extend<object, { console: Console; providers: Providers }>({
  providers: [
    async ({}, use) => {
      const providers = await Providers.start();
      await use(providers);
      await providers.stop();
    },
    { scope: "worker" },
  ],
  console: [
    async ({ providers }, use) => {
      const console = await Console.start(providers.settings);
      await use(console);
      await console.remove();
    },
    { scope: "worker" },
  ],
  problems: async ({ problems, providers }, use) => {
    for (const origin of [providers.issuer, providers.github]) problems.allow(new RegExp(`^request to ${origin}$`));
    await use(problems);
  },
});
