//! The examples in Rust of `/openapi.json` and `/docs`, as they stand there: written by the test of `http/description`.

use super::run::{Asked, Printed};

pub async fn call(operation: &str, asked: &Asked<'_>) -> reqwest::Result<Printed> {
    let Asked { base, key, .. } = *asked;
    Ok(match operation {
        "get_user" => Printed::Json(get_user(base, key).await?),
        "change_user" => Printed::Json(change_user(base, key).await?),
        "get_profile" => Printed::Json(get_profile(base, key).await?),
        "get_current_usage" => Printed::Json(get_current_usage(base, key).await?),
        "create_key" => Printed::Json(create_key(base, key).await?),
        "list_keys" => Printed::Json(list_keys(base, key).await?),
        "get_key" => Printed::Json(get_key(base, key, asked.key_id).await?),
        "change_key" => Printed::Json(change_key(base, key, asked.key_id).await?),
        "revoke_key" => Printed::Json(revoke_key(base, key, asked.key_id).await?),
        "rotate_key" => Printed::Json(rotate_key(base, key, asked.key_id).await?),
        "get_history" => Printed::Json(get_history(base, key).await?),
        "list_events" => Printed::Json(list_events(base, key).await?),
        "get_receipt" => Printed::Json(get_receipt(base, key, asked.event_id).await?),
        "get_receipt_by_name" => Printed::Json(get_receipt_by_name(base, key).await?),
        "stream_usage" => Printed::Stream(stream_usage(base, key).await?),
        "export_usage" => Printed::Text(export_usage(base, key).await?),
        "list_grants" => Printed::Json(list_grants(base, key).await?),
        "list_entries" => Printed::Json(list_entries(base, key).await?),
        "stream_entries" => Printed::Text(stream_entries(base, key).await?),
        "verify_books" => Printed::Json(verify_books(base, key).await?),
        "forecast_credits" => Printed::Json(forecast_credits(base, key).await?),
        "get_rate_card" => Printed::Json(get_rate_card(base).await?),
        "estimate" => Printed::Json(estimate(base).await?),
        "report_usage" => Printed::Json(report_usage(base, key, asked.user_id).await?),
        "check_usage" => Printed::Json(check_usage(base, key, asked.user_id).await?),
        "list_holds" => Printed::Json(list_holds(base, key).await?),
        "hold" => Printed::Json(hold(base, key, asked.user_id).await?),
        "settle_hold" => Printed::Json(settle_hold(base, key, asked.hold_id).await?),
        "release_hold" => Printed::Json(release_hold(base, key, asked.hold_id).await?),
        "correct_event" => Printed::Json(correct_event(base, key).await?),
        "get_description" => Printed::Json(get_description(base).await?),
        "get_health" => Printed::Json(get_health(base).await?),
        "get_readiness" => Printed::Json(get_readiness(base).await?),
        other => panic!("no example for {other}"),
    })
}

async fn get_user(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/auth/user"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn change_user(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .patch(format!("{base}/auth/user"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "name": "Ada Lovelace"
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_profile(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/profile"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_current_usage(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/current"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn create_key(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/auth/api-keys"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "expiration_days": 90,
            "name": "ci",
            "permission_level": "read_write"
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn list_keys(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/auth/api-keys"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_key(base: &str, key: &str, key_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/auth/api-keys/{key_id}"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn change_key(base: &str, key: &str, key_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .patch(format!("{base}/auth/api-keys/{key_id}"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "name": "ci, nightly"
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn revoke_key(base: &str, key: &str, key_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .delete(format!("{base}/auth/api-keys/{key_id}"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn rotate_key(base: &str, key: &str, key_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/auth/api-keys/{key_id}/rotate"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "overlap_s": 3600
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_history(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/history?granularity=day&group_by=operation&tz=Europe/Berlin"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn list_events(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/events"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_receipt(base: &str, key: &str, event_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/events/{event_id}"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_receipt_by_name(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/events/builder/job-1"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn stream_usage(base: &str, key: &str) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::new()
        .get(format!("{base}/usage/stream"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()
}

async fn export_usage(base: &str, key: &str) -> reqwest::Result<String> {
    reqwest::Client::new()
        .get(format!("{base}/usage/export.csv"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await
}

async fn list_grants(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/credits/grants"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn list_entries(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/credits/entries"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn stream_entries(base: &str, key: &str) -> reqwest::Result<String> {
    reqwest::Client::new()
        .get(format!("{base}/credits/entries.ndjson"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .text()
        .await
}

async fn verify_books(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/credits/verify"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn forecast_credits(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/credits/forecast"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_rate_card(base: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/rate-card"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn estimate(base: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/rate-card/estimate"))
        .json(&serde_json::json!({
            "items": [{
                "operation": "model.build",
                "quantity": 3
            }]
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn report_usage(base: &str, key: &str, user_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/events"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "id": "job-1",
            "operation": "model.build",
            "quantity": 1,
            "source": "builder",
            "user_id": user_id
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn check_usage(base: &str, key: &str, user_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/check"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "operation": "model.build",
            "quantity": 1,
            "user_id": user_id
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn list_holds(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/usage/holds"))
        .bearer_auth(key)
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn hold(base: &str, key: &str, user_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/holds"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "id": "job-9",
            "operation": "model.build",
            "quantity": 2,
            "source": "builder",
            "user_id": user_id
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn settle_hold(base: &str, key: &str, hold_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/holds/{hold_id}/settle"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "quantity": 1.5
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn release_hold(base: &str, key: &str, hold_id: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/holds/{hold_id}/release"))
        .bearer_auth(key)
        .json(&serde_json::json!({}))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn correct_event(base: &str, key: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .post(format!("{base}/usage/events/builder/job-1/corrections"))
        .bearer_auth(key)
        .json(&serde_json::json!({
            "id": "fix-1",
            "quantity": 0,
            "reason": "The job had failed."
        }))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_description(base: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/openapi.json"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_health(base: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/healthz"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}

async fn get_readiness(base: &str) -> reqwest::Result<serde_json::Value> {
    reqwest::Client::new()
        .get(format!("{base}/readyz"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await
}
