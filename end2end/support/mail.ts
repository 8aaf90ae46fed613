// A real mail server for browser tests; smtp-server.mjs says what it does.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { Console } from "./console";
import { test as base } from "./test";

const program = resolve(import.meta.dirname, "smtp-server.mjs");

export type Mail = { from: string; to: string[]; subject: string; message_id: string; headers: string[]; text: string; html: string };

export class MailServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly port: number,
  ) {}

  static async start(): Promise<MailServer> {
    const child = spawn(process.execPath, [program, "{}"], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    const { port } = JSON.parse((await lines.next()).value) as { port: number };
    return new MailServer(child, lines, port);
  }

  /** For SMTP_URL. */
  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** The next mail to this address that arrives, or has arrived and was not looked at. Those to others are passed over: tests share
   * a server, and leave some behind. */
  async next(to: string): Promise<Mail> {
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) throw new Error("the mail server ended");
      const mail = JSON.parse(value) as Mail;
      if (mail.to.includes(to)) return mail;
    }
  }

  async stop(): Promise<void> {
    const ended = once(this.child, "exit");
    this.child.stdin?.end();
    await ended;
  }
}

/** `test` with a console that sends what it writes, and where it arrives. */
export const test = base.extend<{ mailbox: MailServer }, { console: Console; server: MailServer }>({
  server: [
    async ({}, use) => {
      const server = await MailServer.start();
      await use(server);
      await server.stop();
    },
    { scope: "worker" },
  ],
  console: [
    async ({ server }, use) => {
      const console = await Console.start({ SMTP_URL: server.url });
      await use(console);
      await console.remove();
    },
    { scope: "worker" },
  ],
  mailbox: async ({ server }, use) => use(server),
});
