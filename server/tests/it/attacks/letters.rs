//! Header injection: whatever people call themselves, a letter goes to its one recipient, with the headers that we write.

use serde_json::json;
use server::mail::{Letter, Sender};

use crate::harness::World;
use crate::harness::forms::{PASSWORD, assert_refused, submit};
use crate::harness::smtp::MailServer;

/// What tries to begin a header, a body, or an address.
const WORDS: [&str; 7] = [
    "Ada\r\nBcc: eve@example.com\r\nX-Evil: 1\r\n\r\nbody",
    "Ada\nBcc: eve@example.com",
    "Ada\rBcc: eve@example.com",
    "Ada\u{85}Bcc: eve@example.com\u{2028}X-Evil: 1",
    "Ada\" <eve@example.com>, \"Bob",
    "=?utf-8?q?Ada=0D=0ABcc:_eve@example.com?=",
    "Ada\u{b}Bcc: eve@example.com",
];

/// Every letter, with these words wherever one has words that are not ours.
fn letters(words: &str) -> Vec<Letter> {
    let (name, provider) = (words.to_owned(), words.to_owned());
    let link = "https://console.example.org/verify?token=0123456789abcdef".to_owned();
    vec![
        Letter::VerifyEmail { name: name.clone(), link: link.clone() },
        Letter::AlreadyRegistered {
            name: name.clone(),
            sign_in_link: link.clone(),
            reset_link: link.clone(),
        },
        Letter::ResetPassword { name: name.clone(), link },
        Letter::PasswordChanged { name: name.clone() },
        Letter::WayAdded { name: name.clone(), provider: provider.clone() },
        Letter::WayRemoved { name, provider },
    ]
}

#[tokio::test]
async fn no_letter_takes_a_header_a_recipient_or_a_line_from_what_people_typed() {
    let mut server = MailServer::start().await;
    let url = server.url();
    let world = World::with(|config| config.smtp_url = Some(url.parse().expect("an SMTP URL"))).await;
    let sender = Sender::new(&world.console.config).expect("no TLS").expect("a server");
    let usual =
        ["auto-submitted", "content-type", "date", "from", "message-id", "mime-version", "subject", "to"];
    for words in WORDS {
        for letter in letters(words) {
            let kind = letter.kind();
            world.console.send_mail("ada@example.com", &letter).await.expect("a place in the outbox");
            let round = sender.send_due(&world.console, || true).await.expect("a store that works");
            assert_eq!(round.delivered, 1, "{kind}: {words:?}");
            let mail = server.mail().await;
            assert_eq!(mail["to"], json!(["ada@example.com"]), "{kind}: {words:?}");
            let headers =
                mail["headers"].as_array().expect("headers").iter().filter_map(|line| line.as_str());
            let mut names: Vec<String> =
                headers.filter_map(|line| line.split(':').next()).map(str::to_lowercase).collect();
            names.sort();
            names.retain(|name| name != "content-transfer-encoding");
            assert_eq!(names, usual, "{kind}: {words:?}");
            let text = mail["text"].as_str().expect("a text");
            assert!(
                text.lines().all(|line| !line.starts_with("Bcc:") && !line.starts_with("X-Evil")),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn anon_signs_up_under_a_name_or_an_e_mail_of_several_lines_and_is_told() {
    let world = World::start().await;
    let anon = world.anon();
    let form = async |name: &str, email: &str| {
        let fields = [
            ("name", name),
            ("user_name", "ada"),
            ("email", email),
            ("password", PASSWORD),
            ("form", "form-1"),
        ];
        submit(&anon, "/sign-up", &fields, &[]).await
    };
    for words in WORDS.iter().filter(|words| words.chars().any(char::is_control)) {
        assert_refused(&form(words, "ada@example.com").await, 422, "The name must be one line");
        let email = words.replacen("Ada", "ada@example.com", 1);
        assert_refused(&form("Ada", &email).await, 422, "The e-mail must be an e-mail address");
    }
    for email in [
        "ada@example.com, eve@example.com",
        "ada@example.com>\r\nRCPT TO:<eve@example.com",
        "<ada@example.com>",
    ] {
        assert_refused(&form("Ada", email).await, 422, "The e-mail must be an e-mail address");
    }
    let mut raw = crate::harness::raw::Raw::open(&world.database()).await;
    assert_eq!(raw.texts("SELECT recipient FROM mails").await, Vec::<String>::new());
}
