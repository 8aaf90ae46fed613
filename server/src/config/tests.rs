//! What is read of a file and of the environment, and how wrong values are refused.

use super::*;

fn load(document: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let document = document::parse(Path::new("console.toml"), document)?;
    Config::resolve(document, &|key| {
        env.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned())
    })
}

fn refusal(document: &str, env: &[(&str, &str)]) -> String {
    load(document, env).unwrap_err().to_string()
}

#[test]
fn nothing_set_is_sane() {
    assert_eq!(load("", &[]).unwrap(), Config::default());
    assert_eq!(Config::default().base_url.as_str(), "http://localhost:3000");
    assert_eq!(Config::default().socket(), Path::new("data/console.sock"));
}

#[test]
fn the_documented_example_is_the_default() {
    assert_eq!(load(include_str!("../../console.example.toml"), &[]).unwrap(), Config::default());
    let every_key: String = include_str!("../../console.example.toml")
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    // One of them can't stand beside the certificate.
    let every_key = every_key.replace("\"http://localhost:3000\"", "\"https://localhost:3000\"");
    let config = load(&every_key, &[]).unwrap();
    assert!(config.metrics_addr.is_some(), "the example mentions every key");
    assert!(config.smtp_url.is_some() && config.tls.is_some());
    let names: Vec<_> = config.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["Google", "GitHub", "Acme"]);
    assert!(config.secret_key.is_some());
    let config = Config { secret_key: None, metrics_addr: None, smtp_url: None, ..config };
    let config = Config { tls: None, providers: Vec::new(), ..config };
    let config = Config { base_url: BaseUrl::localhost(DEFAULT_PORT), ..config };
    assert_eq!(config, Config::default());
}

#[test]
fn the_environment_wins_over_the_file() {
    let file = "addr = \"127.0.0.1:1\"\nsign_up_credits = \"5\"\n";
    let config = load(file, &[("CONSOLE_ADDR", "0.0.0.0:2"), ("CONSOLE_LOG_FORMAT", "json")]).unwrap();
    assert_eq!(config.addr.to_string(), "0.0.0.0:2");
    assert_eq!(config.base_url.as_str(), "http://localhost:2");
    assert_eq!(config.sign_up_credits, Credits::whole(5));
    assert_eq!(config.log_format, LogFormat::Json);
    let file = "usage_dimensions = [\"model\", \"team\"]";
    assert_eq!(load(file, &[]).unwrap().usage_dimensions.names(), ["model", "team"]);
    let config = load(file, &[("CONSOLE_USAGE_DIMENSIONS", "project,model")]).unwrap();
    assert_eq!(config.usage_dimensions.names(), ["project", "model"]);
    let config = load("rate_limit = 7\nrate_limit_pro = 9", &[("CONSOLE_RATE_LIMIT", "0")]).unwrap();
    assert_eq!(config.rate_limits, RateLimits { accounts: 0, pro: 9, ..RateLimits::default() });
}

#[test]
fn the_socket_lies_beside_the_database_unless_a_folder_is_named() {
    let database = ("DATABASE_URL", "sqlite:///srv/books/x.db");
    assert_eq!(load("", &[database]).unwrap().data_dir, Path::new("/srv/books"));
    let config = load("", &[("CONSOLE_DATA_DIR", "/srv/d")]).unwrap();
    assert_eq!(config.database_url, DatabaseUrl::Sqlite("/srv/d/console.db".into()));
    let config = load("", &[database, ("CONSOLE_DATA_DIR", "/srv/d")]).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/d"));
    assert_eq!(load("", &[("DATABASE_URL", "sqlite:x.db")]).unwrap().data_dir, Path::new("."));
}

#[test]
fn wrong_values_are_named_with_what_would_be_right() {
    for (name, value, part) in [
        ("CONSOLE_ADDR", "localhost", "127.0.0.1:3000"),
        ("CONSOLE_ADDR", "127.0.0.1:99999", "127.0.0.1:3000"),
        ("CONSOLE_BASE_URL", "http://console.example.org", "https://console.example.org"),
        ("CONSOLE_METRICS_ADDR", "9000", "127.0.0.1:9464"),
        ("CONSOLE_METRICS_ADDR", "localhost:9464", "127.0.0.1:9464"),
        ("CONSOLE_LOG_FORMAT", "xml", "text or json"),
        ("CONSOLE_TRUSTED_PROXIES", "proxy.example.com", "127.0.0.0/8, 10.0.0.5"),
        ("CONSOLE_SIGN_UP_CREDITS", "-1", "decimal amount"),
        ("CONSOLE_RATE_LIMIT", "many", "600, or 0 for no limit"),
        ("CONSOLE_RATE_LIMIT_SERVICES", "-1", "600, or 0 for no limit"),
        ("CONSOLE_USAGE_DIMENSIONS", "model, the team", "letters, digits, _ - or ."),
        ("CONSOLE_USAGE_DIMENSIONS", "a, b, c, d, e", "at most 4"),
        ("DATABASE_URL", "mysql://x", "sqlite://data/console.db"),
        ("SMTP_URL", "imap://mail.example.com", "smtps://USER:PASSWORD@HOST:465"),
        ("CONSOLE_MAIL_FROM", "nobody", "Plexe Console <no-reply@example.com>"),
    ] {
        let error = refusal("", &[(name, value)]);
        assert!(error.starts_with(&format!("{name} is {value:?}; it must be ")), "{error}");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_server_with_a_certificate_is_reached_by_https() {
    let files = "tls_certificate = \"a.pem\"\ntls_key = \"b.pem\"";
    let config = load(files, &[]).unwrap();
    assert_eq!(config.base_url.as_str(), "https://localhost:3000");
    let tls = config.tls.unwrap();
    assert_eq!((tls.certificate.setting, tls.certificate.path.to_str()), ("tls_certificate", Some("a.pem")));
    let tls = load(files, &[("CONSOLE_TLS_KEY", "c.pem")]).unwrap().tls.unwrap();
    assert_eq!((tls.key.setting, tls.key.path.to_str()), ("CONSOLE_TLS_KEY", Some("c.pem")));
    let error = refusal(files, &[("CONSOLE_BASE_URL", "http://localhost:3000")]);
    assert_eq!(
        error,
        "CONSOLE_BASE_URL is \"http://localhost:3000\"; it must be https://localhost:3000, since tls_certificate is set"
    );
    let error = refusal("", &[("CONSOLE_TLS_CERTIFICATE", "a.pem")]);
    assert!(error.starts_with("tls_key is \"\"; it must be a PEM file with the private key"), "{error}");
    assert!(error.ends_with("since CONSOLE_TLS_CERTIFICATE is set"), "{error}");
    assert!(refusal("tls_key = \"b.pem\"", &[]).starts_with("tls_certificate is \"\"; it must be"));
}

#[test]
fn mails_are_from_the_base_url_s_host_and_a_password_is_never_named() {
    let config = load("", &[("CONSOLE_BASE_URL", "https://console.example.org")]).unwrap();
    assert_eq!(config.mail_from.email.to_string(), "no-reply@console.example.org");
    assert!(config.smtp_url.is_none() && !config.is_development());
    let config = load("smtp_url = \"smtps://u:hunter2@mail.example.com\"", &[]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    let error = refusal("", &[("SMTP_URL", "smtps://u:hunter2@mail.example.com?tls=none")]);
    assert!(error.starts_with("SMTP_URL is \"smtps://…@mail.example.com?tls=none\"; it must be "), "{error}");
}

#[test]
fn wrong_lines_of_the_file_are_named() {
    let error = refusal("adr = \"127.0.0.1:1\"", &[]);
    assert!(error.starts_with("console.toml line 1, adr: unknown field"), "{error}");
    let error = refusal("\nsign_up_credits = 2.5", &[]);
    assert!(error.starts_with("console.toml line 2, sign_up_credits: invalid type: floating"), "{error}");
    assert!(refusal("sign_up_credits = \"2.5.1\"", &[]).contains("\"2.5.1\"; it must be a decimal amount"));
    assert!(refusal("queue_capacity = 0", &[]).contains("from 1000 to 1000000"));
    let error = refusal("usage_dimensions = [\"team\", \"team\"]", &[]);
    assert!(error.starts_with("usage_dimensions is \"team, team\"; it must be at most 4 diff"), "{error}");
    let error = refusal("usage_dimensions = [\"team\", 3]", &[]);
    assert!(error.starts_with("console.toml line 1, usage_dimensions: invalid type: integer"), "{error}");
    assert!(refusal("sign_up_credits_days = 0", &[]).contains("from 1 to 3650"));
    assert!(refusal("confirm_after_minutes = 0", &[]).contains("from 1 to 1440"));
    assert!(refusal("session_idle_days = 0", &[]).starts_with("session_idle_days is \"0\"; it must be"));
    assert!(refusal("session_days = 366", &[]).contains("from 1 to 365"));
    assert!(refusal("access_log_days = 3651", &[]).contains("from 1 to 3650"));
    assert!(refusal("deletion_grace_days = 0", &[]).contains("from 1 to 365"));
    let error = refusal("google_client_id = \"x\"", &[]);
    assert!(
        error.starts_with("google_client_secret is \"\"; it must be the secret that belongs to"),
        "{error}"
    );
    let error = refusal("oidc_providers = [{ id = \"a\" }]", &[]);
    assert!(error.starts_with("console.toml line 1, oidc_providers: missing field `name`"), "{error}");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let error = Config::load(&|key| (key == "CONSOLE_CONFIG").then(|| "/nowhere/console.toml".to_owned()));
    assert!(error.unwrap_err().to_string().starts_with("cannot read /nowhere/console.toml"));
}
