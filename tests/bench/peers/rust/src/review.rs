//! What a webhook that places pods reads of an AdmissionReview, and what it answers.
//!
//! Strings are borrowed from the body wherever they have no escapes, and fields that are not named here are skipped
//! without being kept.

use std::borrow::Cow;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::Deserialize;

/// A JSON object of strings, in its order.
#[derive(Default)]
pub struct Pairs<'a>(pub Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A string that stays in the body if it can; serde borrows a `Cow` only where it is told to.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairing;

        impl<'de> Visitor<'de> for Pairing {
            type Value = Pairs<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                formatter.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some((key, value)) = map.next_entry::<Text, Text>()? {
                    pairs.push((key.0, value.0));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Pairing)
    }
}

#[derive(Deserialize)]
pub struct Review<'a> {
    #[serde(borrow)]
    pub request: Request<'a>,
}

#[derive(Deserialize)]
pub struct Request<'a> {
    #[serde(borrow)]
    pub uid: Cow<'a, str>,
    #[serde(borrow)]
    pub object: Pod<'a>,
}

#[derive(Deserialize)]
pub struct Pod<'a> {
    #[serde(borrow)]
    pub metadata: Metadata<'a>,
    #[serde(borrow)]
    pub spec: Spec<'a>,
}

#[derive(Deserialize)]
pub struct Metadata<'a> {
    #[serde(borrow, default)]
    pub labels: Pairs<'a>,
}

#[derive(Deserialize)]
pub struct Spec<'a> {
    #[serde(borrow)]
    pub containers: Vec<Container<'a>>,
}

#[derive(Deserialize)]
pub struct Container<'a> {
    #[serde(borrow, default)]
    pub resources: Resources<'a>,
}

#[derive(Deserialize, Default)]
pub struct Resources<'a> {
    #[serde(borrow, default)]
    pub limits: Pairs<'a>,
}

impl Pod<'_> {
    /// That it asks for in its limits; a quantity that is no plain number counts as none.
    pub fn gpus(&self) -> u64 {
        let limits = self.spec.containers.iter().flat_map(|one| &one.resources.limits.0);
        limits.filter(|(name, _)| name == "nvidia.com/gpu").filter_map(|(_, number)| number.parse::<u64>().ok()).sum()
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        let labels = &self.metadata.labels.0;
        labels.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_ref())
    }
}
