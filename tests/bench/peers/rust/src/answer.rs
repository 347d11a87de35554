//! The answer to a review: one unit, known beforehand, so that its patch is encoded once and for all.

use base64::prelude::{Engine, BASE64_STANDARD};
use bytes::Bytes;

use crate::review::Review;

const REGION: &str = "alibabacloud.com/serverless-region-id";
const HEAD: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"#;

pub struct Answers {
    /// All that follows the uid of a pod that is placed.
    placed: Vec<u8>,
}

impl Answers {
    pub fn new() -> Self {
        let patch = BASE64_STANDARD.encode(include_str!("patch.json").trim_end());
        let placed = format!(r#","allowed":true,"patchType":"JSONPatch","patch":"{patch}"}}}}"#);
        Self { placed: placed.into_bytes() }
    }

    /// Pods that want no GPU, or name their region, are let through as they are.
    pub fn answer(&self, body: &[u8]) -> serde_json::Result<Bytes> {
        let review: Review = serde_json::from_slice(body)?;
        let pod = &review.request.object;
        let placed = pod.gpus() > 0 && pod.label(REGION).is_none();
        let tail: &[u8] = if placed { &self.placed } else { br#","allowed":true}}"# };
        let mut answer = Vec::with_capacity(HEAD.len() + review.request.uid.len() + 2 + tail.len());
        answer.extend_from_slice(HEAD.as_bytes());
        serde_json::to_writer(&mut answer, &review.request.uid)?;
        answer.extend_from_slice(tail);
        Ok(answer.into())
    }
}
