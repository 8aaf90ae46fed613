// A real mail server for tests: prints one line of JSON when it listens, {"port": …}, and one for each mail that it took.
//
// node smtp-server.mjs '{"port": 0, "tls": "none" | "starttls" | "tls", "key": FILE, "cert": FILE, "user": …, "password": …}'
//
// What it does depends on the recipient: never…@ is refused for good (550), later…@ once for now (451).

import { readFileSync } from "node:fs";
import { simpleParser } from "mailparser";
import { SMTPServer } from "smtp-server";

const { port = 0, tls = "none", key, cert, user, password } = JSON.parse(process.argv[2] ?? "{}");
const postponed = new Set();

const refusal = (responseCode, message) => Object.assign(new Error(message), { responseCode });
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const server = new SMTPServer({
  secure: tls === "tls",
  ...(key && cert ? { key: readFileSync(key), cert: readFileSync(cert) } : {}),
  disabledCommands: [...(tls === "none" ? ["STARTTLS"] : []), ...(user ? [] : ["AUTH"])],
  allowInsecureAuth: tls === "none",
  authOptional: !user,
  onAuth({ username, password: given }, _session, answer) {
    if (username === user && given === password) answer(null, { user });
    else answer(refusal(535, "wrong user or password"));
  },
  onRcptTo({ address }, _session, answer) {
    if (address.startsWith("never")) return answer(refusal(550, "no such mailbox"));
    if (address.startsWith("later") && !postponed.has(address)) {
      postponed.add(address);
      return answer(refusal(451, "come again"));
    }
    answer();
  },
  async onData(stream, session, answer) {
    const mail = await simpleParser(stream, { skipImageLinks: true });
    say({
      from: session.envelope.mailFrom.address,
      to: session.envelope.rcptTo.map(({ address }) => address),
      secure: session.secure,
      user: session.user ?? null,
      subject: mail.subject,
      message_id: mail.messageId,
      headers: mail.headerLines.map(({ line }) => line),
      text: mail.text,
      html: mail.html,
    });
    answer();
  },
});

server.on("error", (error) => process.stderr.write(`${error.message}\n`));
server.listen(port, "127.0.0.1", () => say({ port: server.server.address().port }));
// The test that started it is gone.
process.stdin.resume().on("end", () => process.exit());
