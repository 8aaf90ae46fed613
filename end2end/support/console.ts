// One server of the release binary: its own port, its own data folder, ended by its process id.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

const binary = process.env.CONSOLE_BINARY ?? resolve(import.meta.dirname, "../../target/release/plexe-console");
const START_MS = 20_000;
const STOP_MS = 5_000;

/** Who signs in. */
export type Login = { email: string; password: string };
export type User = Login & { user_id: string; account_id: string };

export class Console {
  private child?: ChildProcess;
  private log = "";
  private users = 0;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly settings: Record<string, string>,
  ) {}

  /** With these variables in its environment, such as SMTP_URL. */
  static async start(settings: Record<string, string> = {}): Promise<Console> {
    const console = await Console.prepare(settings);
    await console.serve();
    return console;
  }

  /** With a year of sample data that ends now, and the sign-in of its owner. */
  static async demo(): Promise<{ console: Console; owner: Login }> {
    const console = await Console.prepare({});
    const { email, password } = await console.command<Login>("demo");
    await console.serve();
    return { console, owner: { email, password } };
  }

  private static async prepare(settings: Record<string, string>): Promise<Console> {
    return new Console(await freePort(), await mkdtemp(join(tmpdir(), "plexe-console-")), settings);
  }

  /** Where the browser finds it; `localhost`, since the cookie is refused elsewhere without TLS. */
  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** Starts `serve` and waits until it says that it listens. */
  async serve(): Promise<void> {
    const child = spawn(binary, ["serve"], { cwd: this.folder, env: this.environment(), stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    await new Promise<void>((ready, failed) => {
      const give_up = setTimeout(() => failed(new Error(`the server did not start:\n${this.log}`)), START_MS);
      const heard = (chunk: Buffer) => {
        this.log += chunk.toString();
        if (this.log.includes("listening")) {
          clearTimeout(give_up);
          ready();
        }
      };
      child.stdout?.on("data", heard);
      child.stderr?.on("data", heard);
      child.once("error", failed);
      child.once("exit", (code) => failed(new Error(`the server ended with ${code}:\n${this.log}`)));
    });
  }

  /** Ends the server and waits for its end; the data stays. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.child;
    this.child = undefined;
    this.log = "";
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolved) => child.once("exit", resolved));
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(late);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of the binary against the running server and returns the JSON of its last line. */
  async command<T>(...args: string[]): Promise<T> {
    const options = { cwd: this.folder, env: this.environment() };
    const { stdout } = await promisify(execFile)(binary, [...args, "--json"], options);
    return JSON.parse(stdout.trim().split("\n").at(-1) ?? "null") as T;
  }

  /** Runs a line word for word, as its reader would in the server's folder, and returns what it printed. */
  async shell(line: string): Promise<string> {
    const { PATH, ...settings } = this.environment();
    const options = { cwd: this.folder, env: { ...settings, PATH: `${dirname(binary)}:${PATH}` } };
    const { stdout } = await promisify(execFile)("bash", ["-c", line], options);
    return stdout;
  }

  /** A verified user of its own, so that tests do not see each other's credits. */
  async user(credits?: number): Promise<User> {
    this.users += 1;
    const email = `ada${this.users}@example.com`;
    const password = `correct horse ${this.users} battery`;
    const who = ["--email", email, "--name", "Ada Lovelace", "--username", `ada${this.users}`];
    const ids = await this.command<{ user_id: string; account_id: string }>("user", "create", ...who, "--password", password, "--verified");
    if (credits !== undefined) await this.grant(email, credits);
    return { ...ids, email, password };
  }

  async grant(email: string, credits: number): Promise<void> {
    await this.command("grant", "--email", email, "--credits", String(credits), "--kind", "promo", "--reason", "browser test");
  }

  /** The next version of the price list, as a file says it. */
  async importRateCard(toml: string): Promise<void> {
    const file = join(this.folder, "rate-card.toml");
    await writeFile(file, toml);
    await this.command("rate-card", "import", file);
  }

  /** A key that may report usage, and more if it is asked for. */
  async serviceKey(...more: string[]): Promise<string> {
    const made = await this.command<{ key: string }>("service-key", "create", "--name", "browser test", ...more);
    return made.key;
  }

  /** Reports usage as a platform service does, over HTTP. */
  async charge(key: string, user: User, id: string, quantity: number, operation = "model.inference"): Promise<Charged> {
    return this.post<Charged>(key, "/usage/events", this.event(user, id, quantity, operation));
  }

  /** An event as a service reports it. Ids are unique within their source; a source for each user keeps the tests apart. */
  event(user: User, id: string, quantity: number, operation = "model.inference"): object {
    return { id, source: user.user_id, user_id: user.user_id, operation, quantity };
  }

  /** What a platform service sends, over HTTP; the answer, which must be a success. */
  async post<T>(key: string, path: string, sent: object): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify(sent),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${body}`);
    return JSON.parse(body) as T;
  }

  /** Reports many events in one request; the answer to the last of them. */
  async chargeMany(key: string, user: User, prefix: string, count: number, quantity = 1, operation = "model.inference"): Promise<Charged> {
    const item = (n: number) => ({ id: `${prefix}-${n}`, source: user.user_id, user_id: user.user_id, operation, quantity });
    const response = await fetch(`http://127.0.0.1:${this.port}/usage/events`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify(Array.from({ length: count }, (_, n) => item(n))),
    });
    const body = (await response.json()) as { accepted: number; results: Charged[] };
    if (body.accepted !== count) throw new Error(`of ${count} events ${body.accepted} were accepted`);
    return body.results[count - 1] as Charged;
  }

  private environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      CONSOLE_ADDR: `127.0.0.1:${this.port}`,
      CONSOLE_BASE_URL: this.url,
      CONSOLE_DATA_DIR: this.folder,
      DATABASE_URL: `sqlite://${join(this.folder, "console.db")}`,
      NO_COLOR: "1",
      ...this.settings,
    };
  }
}

export type Charged = { event_id: string; credits: number; balance: number; seq: number; replayed: boolean };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolved) => server.listen(0, "127.0.0.1", resolved));
  const address = server.address();
  await new Promise((resolved) => server.close(resolved));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
