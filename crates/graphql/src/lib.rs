//! stub
use purser_core::{access::Caller, app::App, error::Result};
use std::sync::Arc;
/// stub
pub struct Answerer;
/// stub
pub struct Request { /// q
 pub query: String, /// v
 pub variables: Option<serde_json::Map<String, serde_json::Value>>, /// o
 pub operation_name: Option<String> }
impl Answerer { /// new
 pub fn new(_: Arc<App>) -> Self { Self } /// answer
 pub async fn answer(&self, _: Caller, _: Request) -> Result<serde_json::Value> { Ok(serde_json::Value::Null) } }
