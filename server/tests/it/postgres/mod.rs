//! Several server processes on one Postgres. These tests need one (`CONSOLE_TEST_POSTGRES`) and fail without.

mod cluster;
mod copy;
mod hearing;
mod jobs;
mod killing;
mod limits;
mod load;
mod losing;
mod plans;
mod racing;
mod sums;

use serde_json::Value;

use crate::harness::client::Caller;
use crate::harness::place::is_on_postgres;
use crate::harness::process::{Serving, Site};

/// Two servers on one database, with what they have in common.
struct Pair {
    site: Site,
    nodes: [Serving; 2],
    /// Of a service.
    key: String,
}

impl Pair {
    async fn start() -> Self {
        let site = empty_site().await;
        let key = site.service_key().await;
        let nodes = [site.serve().await, site.serve().await];
        Self { site, nodes, key }
    }

    /// A service at one of them.
    fn service(&self, node: usize) -> Caller {
        self.caller(node, &self.key)
    }

    fn caller(&self, node: usize, secret: &str) -> Caller {
        Caller::new(&self.nodes[node].url, Some(secret))
    }

    /// A verified user, whose only entry so far are 100 credits for signing up, and the secret of an API key.
    async fn member(&self, name: &str) -> (Value, String) {
        let user = self.site.user(name).await;
        let email = format!("{name}@example.com");
        let words = ["api-key", "create", "--email", &email, "--name", "k", "--permission", "read_write"];
        let made = self.site.json(&words).await;
        (user["user_id"].clone(), made["key"].as_str().expect("a secret").to_owned())
    }

    /// The books are whole, and both servers end in order.
    async fn end(self) {
        assert_eq!(self.site.json(&["verify"]).await["ok"], true);
        for node in self.nodes {
            assert_eq!(node.terminate().await, Some(0));
        }
    }
}

async fn empty_site() -> Site {
    assert!(is_on_postgres(), "CONSOLE_TEST_POSTGRES must name a Postgres for these tests");
    Site::new().await
}
