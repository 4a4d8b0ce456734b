//! Blind evaluation over HTTP: what is answered, what is refused, and the limits.

use std::num::NonZeroUsize;

use axum::body::Body;
use axum::http::Request;
use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::oprf::{BlindedElement, EvaluatedElement, Proof, blind, verify_batch};
use ceknik_core::record::open;
use ceknik_core::{StretchCost, Stretcher};
use ceknikd::{ProxyHeader, TrustedProxies};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::publication::{EpochPlan, nik};
use crate::support::{Answer, Home, JAKARTA, Service, body, elements, good_body};

fn pairs(answer: &Value) -> Vec<(BlindedElement, EvaluatedElement)> {
    let bytes = |text: &Value| from_base64url::<32>(text.as_str().unwrap()).unwrap();
    let pair = |pair: &Value| {
        let blinded = BlindedElement::from_bytes(&bytes(&pair["blinded"])).unwrap();
        (blinded, EvaluatedElement::from_bytes(&bytes(&pair["evaluated"])).unwrap())
    };
    answer["batch"].as_array().unwrap().iter().map(pair).collect()
}

fn proof(answer: &Value) -> Proof {
    Proof::from_bytes(&from_base64url(answer["proof"].as_str().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn evaluations_verify_and_keep_their_order() {
    let home = Home::published();
    let service = home.open();
    let key = home.publisher.key(JAKARTA).public_key();
    for count in [1, 4, 16] {
        let asked = elements(count, count as u64);
        let answer = service.evaluate(JAKARTA, body(&key.to_bytes(), &asked)).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-expose-headers"), "ratelimit, ratelimit-policy, retry-after");
        let answer = answer.json();
        assert_eq!(answer["first"], 0);
        assert_eq!(answer.as_object().unwrap().len(), 3);
        let pairs = pairs(&answer);
        assert_eq!(pairs.iter().map(|(blinded, _)| *blinded).collect::<Vec<_>>(), asked);
        verify_batch(key, pairs, &proof(&answer)).unwrap();
    }
}

/// Whoever asks at the same moment may get one proof for all; what each needs of it is there, and nothing else is mixed.
#[tokio::test]
async fn callers_of_one_moment_find_their_own() {
    let home = Home::published();
    let mut config = home.config();
    (config.threads, config.shared_proof) = (NonZeroUsize::new(1), 16);
    let service = home.open_with(config);
    let key = home.publisher.key(JAKARTA).public_key();
    let ask = async |place: usize| {
        let (count, alone) = ([1, 1, 4, 1, 16][place % 5], place % 7 == 3);
        let asked = elements(count, place as u64);
        let mut wanted: Value = serde_json::from_str(&body(&key.to_bytes(), &asked)).unwrap();
        wanted["alone"] = json!(alone);
        let answer = service.evaluate(JAKARTA, wanted.to_string()).await;
        assert_eq!(answer.status, 200);
        let answer = answer.json();
        let (pairs, first) = (pairs(&answer), answer["first"].as_u64().unwrap() as usize);
        let own: Vec<BlindedElement> = pairs[first..first + count].iter().map(|(blinded, _)| *blinded).collect();
        assert_eq!(own, asked);
        assert!(pairs.len() <= 16 && (!alone || pairs.len() == count));
        verify_batch(key, pairs, &proof(&answer)).unwrap();
    };
    futures_util::future::join_all((0..60).map(ask)).await;
}

/// The whole way of one person, from the number to the record.
#[tokio::test]
async fn a_listed_person_finds_the_record() {
    let home = Home::published();
    let service = home.open();
    let manifest = home.publisher.manifest(JAKARTA);
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let mut stretcher = Stretcher::new(StretchCost::WEAK, manifest.stretch.salt).unwrap();
    for (place, listed) in [(0, true), (119, true), (120, false)] {
        let input = stretcher.stretch(&nik(place)).unwrap().oprf_input();
        let secret = ceknik_core::oprf::Blind::random(&mut rng);
        let element = blind(&input, &secret).unwrap();
        let answer = service.evaluate(JAKARTA, good_body(&home.publisher, 1)).await;
        assert_eq!(answer.status, 200);
        let answer = service.evaluate(JAKARTA, body(&manifest.oprf.public_key.to_bytes(), &[element])).await.json();
        let batch = verify_batch(&manifest.oprf.public_key, pairs(&answer), &proof(&answer)).unwrap();
        let output = batch.finalize(0, &input, &secret).unwrap();
        let index = output.locator().bucket(manifest.buckets.geometry.bits());
        let response = service.get(&format!("/v1/jakarta-2024/epochs/1/buckets/{index}")).await.body;
        let bucket = manifest.buckets.geometry.open_response(index, &manifest.buckets.root, &response).unwrap();
        let sealed = bucket.find(&output.locator());
        assert_eq!(sealed.is_some(), listed);
        if let Some(sealed) = sealed {
            assert_eq!(open(&output.seal_key(), JAKARTA, sealed).unwrap().supports[0].candidate, "dk");
        }
    }
}

#[tokio::test]
async fn element_not_base64url() {
    let home = Home::published();
    let service = home.open();
    let good: Value = serde_json::from_str(&good_body(&home.publisher, 4)).unwrap();
    let element = good["blinded"][0].as_str().unwrap();
    let wrong =
        ["", "x", &element[1..], &format!("{element}="), &format!(" {element}"), &"+".repeat(43), &"/".repeat(43), "é"];
    for wrong in wrong {
        for place in [0, 3] {
            let mut asked = good.clone();
            asked["blinded"][place] = json!(wrong);
            let answer = service.evaluate(JAKARTA, asked.to_string()).await;
            assert_eq!(
                answer.problem(400, "invalid-element"),
                format!("Element {place} of `blinded`, counted from 0, is not 32 bytes in base64url without padding.")
            );
            assert_eq!(answer.json()["place"], place);
        }
    }
    // Bits that no byte has must be zero.
    let mut asked = good.clone();
    let last = element.chars().last().unwrap();
    let altered = char::from_u32(last as u32 + 1).unwrap();
    asked["blinded"][1] = json!(format!("{}{altered}", &element[..42]));
    service.evaluate(JAKARTA, asked.to_string()).await.problem(400, "invalid-element");
}

#[tokio::test]
async fn element_not_canonical() {
    let home = Home::published();
    let service = home.open();
    // The field's prime and one above it, a negative, and a number that is no square's.
    let p = hex32("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");
    let bad = [
        p,
        hex32("0100000000000000000000000000000000000000000000000000000000000000"),
        hex32("f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        [0xff; 32],
    ];
    for bytes in bad {
        let mut asked: Value = serde_json::from_str(&good_body(&home.publisher, 4)).unwrap();
        asked["blinded"][2] = json!(base64url(&bytes));
        let answer = service.evaluate(JAKARTA, asked.to_string()).await;
        assert_eq!(
            answer.problem(400, "invalid-element"),
            "Element 2 of `blinded`, counted from 0, is not the canonical encoding of a ristretto255 element."
        );
        assert!(!String::from_utf8(answer.body).unwrap().contains(&base64url(&bytes)));
    }
}

fn hex32(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

#[tokio::test]
async fn element_is_the_identity() {
    let home = Home::published();
    let service = home.open();
    let mut asked: Value = serde_json::from_str(&good_body(&home.publisher, 16)).unwrap();
    asked["blinded"][15] = json!(base64url(&[0; 32]));
    let answer = service.evaluate(JAKARTA, asked.to_string()).await;
    assert_eq!(
        answer.problem(400, "invalid-element"),
        "Element 15 of `blinded`, counted from 0, is the identity element, which is refused."
    );
}

#[tokio::test]
async fn wrong_numbers_of_elements() {
    let home = Home::published();
    let service = home.open();
    for count in [0, 2, 3, 5, 17] {
        let answer = service.evaluate(JAKARTA, good_body(&home.publisher, count)).await;
        assert_eq!(
            answer.problem(400, "element-count"),
            format!("A request has exactly 1, 4 or 16 elements, this one {count}. Fill up with random elements.")
        );
    }
}

#[tokio::test]
async fn bodies_that_are_not_the_one_form() {
    let home = Home::published();
    let service = home.open();
    let answer = service.evaluate(JAKARTA, "{\"key\": x").await;
    assert_eq!(answer.problem(400, "malformed-body"), "Line 1, column 9: not JSON.");
    let good = good_body(&home.publisher, 1);
    let extra = good.replacen('{', "{\"nik\":\"3174043102800001\",", 1);
    let detail = service.evaluate(JAKARTA, extra).await.problem(400, "malformed-body");
    assert!(detail.contains("expected an object with exactly the members"), "{detail}");
    assert!(!detail.contains("nik") && !detail.contains("3174"), "{detail}");
    let twice = good.replacen('{', "{\"alone\":true,", 1);
    service.evaluate(JAKARTA, twice).await.problem(400, "malformed-body");

    for declared in ["", "text/plain", "application/x-www-form-urlencoded"] {
        let request = Request::post("/v1/jakarta-2024/evaluate").header("content-type", declared);
        service.call(request.body(Body::from(good.clone())).unwrap()).await.problem(415, "unsupported-media-type");
    }
    let long = good.replacen('{', &format!("{{{}", " ".repeat(4096)), 1);
    let answer = service.evaluate(JAKARTA, long).await;
    assert_eq!(answer.problem(413, "body-too-large"), "A request body has at most 4096 bytes.");
}

#[tokio::test]
async fn keys_that_are_none_and_keys_that_are_not_served() {
    let home = Home::published();
    let service = home.open();
    let ask = async |key: &str| {
        let mut asked: Value = serde_json::from_str(&good_body(&home.publisher, 1)).unwrap();
        asked["key"] = json!(key);
        service.evaluate(JAKARTA, asked.to_string()).await
    };
    assert_eq!(ask("x").await.problem(400, "invalid-key"), "`key` is not 32 bytes in base64url without padding.");
    let identity = ask(&base64url(&[0; 32])).await.problem(400, "invalid-key");
    assert_eq!(identity, "`key` is the identity element, which is refused.");
    ask(&base64url(&[0xff; 32])).await.problem(400, "invalid-key");
    let stranger = base64url(&elements(1, 77)[0].to_bytes());
    let detail = ask(&stranger).await.problem(410, "key-not-served");
    assert_eq!(
        detail,
        "This key is not, or no longer, served. Fetch the current manifest and use the key that it names."
    );
}

#[tokio::test]
async fn the_current_key_is_served_past_the_end_of_its_epoch() {
    let mut home = Home::empty();
    let published_at = EpochPlan::now().published_at - 7 * 86_400;
    home.publisher.publish(JAKARTA, &EpochPlan { published_at, valid_seconds: 3600, ..EpochPlan::now() });
    let service = home.open();
    assert_eq!(service.evaluate(JAKARTA, good_body(&home.publisher, 1)).await.status, 200);
    assert_eq!(service.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_old_key_is_served_until_its_last_manifest_expires() {
    let mut home = Home::empty();
    let now = EpochPlan::now().published_at + 3600;
    let plan =
        |published_at, until| EpochPlan { published_at, valid_seconds: until - published_at, ..EpochPlan::now() };
    let plans = [
        // The first key: its second epoch is the one that lasts longer. Long over.
        EpochPlan { announce: false, ..plan(now - 6 * 86_400, now - 4 * 86_400) },
        EpochPlan { announce: true, ..plan(now - 5 * 86_400, now - 2 * 86_400) },
        // The second key: over in some seconds.
        EpochPlan { new_generation: true, announce: true, ..plan(now - 86_400, now + 4) },
        // The third key: the current one.
        EpochPlan { new_generation: true, ..plan(now - 60, now + 86_400) },
    ];
    let mut keys = Vec::new();
    for plan in &plans {
        home.publisher.publish(JAKARTA, plan);
        keys.push(home.publisher.key(JAKARTA).public_key().to_bytes());
    }
    assert!(keys[0] == keys[1] && keys[1] != keys[2] && keys[2] != keys[3]);
    let service = home.open();
    let ask = async |key: &[u8; 32]| service.evaluate(JAKARTA, body(key, &elements(1, 1))).await;
    ask(&keys[0]).await.problem(410, "key-not-served");
    assert_eq!(ask(&keys[2]).await.status, 200);
    assert_eq!(ask(&keys[3]).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    ask(&keys[2]).await.problem(410, "key-not-served");
    assert_eq!(ask(&keys[3]).await.status, 200);
}

fn retry_after(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap()
}

#[tokio::test]
async fn a_network_that_asks_too_much_waits_and_others_do_not() {
    let home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.per_hour) = (40, 3600);
    let service = home.open_with(config);
    let ask =
        async |count, peer: &str| service.evaluate_from(JAKARTA, good_body(&home.publisher, count), peer, &[]).await;
    let first = ask(16, "192.0.2.1").await;
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit-policy"), "\"network\";q=40;w=40, \"share\";q=15000;w=86400");
    assert_eq!(first.header("ratelimit"), "\"network\";r=24;t=16, \"share\";r=14055;t=5444");
    assert_eq!(ask(16, "192.0.2.1").await.status, 200);
    let refused = ask(16, "192.0.2.1").await;
    let detail = refused.problem(429, "rate-limited");
    assert!(detail.contains("Other people may share it with you"));
    assert!((7..=8).contains(&retry_after(&refused)));
    assert!(refused.header("ratelimit").starts_with("\"network\";r=8;t="), "{}", refused.header("ratelimit"));
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    // What is left is enough for one.
    assert_eq!(ask(4, "192.0.2.1").await.status, 200);
    assert_eq!(ask(16, "192.0.2.2").await.status, 200);
}

#[tokio::test]
async fn an_ipv6_network_is_a_56() {
    let home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.per_hour) = (16, 1);
    let service = home.open_with(config);
    let ask = async |peer: &str| service.evaluate_from(JAKARTA, good_body(&home.publisher, 16), peer, &[]).await.status;
    assert_eq!(ask("2001:db8:0:1200::1").await, 200);
    assert_eq!(ask("2001:db8:0:12ff:1:2:3:4").await, 429);
    assert_eq!(ask("2001:db8:0:1300::1").await, 200);
    assert_eq!(ask("::ffff:192.0.2.1").await, 200);
    assert_eq!(ask("192.0.2.1").await, 429);
}

#[tokio::test]
async fn a_network_is_as_wide_as_it_is_set() {
    let home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.per_hour) = (16, 1);
    (config.network.ipv4_prefix, config.network.ipv6_prefix) = (24, 48);
    let service = home.open_with(config);
    let ask = async |peer: &str| service.evaluate_from(JAKARTA, good_body(&home.publisher, 16), peer, &[]).await.status;
    assert_eq!(ask("192.0.2.1").await, 200);
    assert_eq!(ask("192.0.2.255").await, 429);
    assert_eq!(ask("::ffff:192.0.2.7").await, 429);
    assert_eq!(ask("192.0.3.1").await, 200);
    assert_eq!(ask("2001:db8:1::1").await, 200);
    assert_eq!(ask("2001:db8:1:ff00::1").await, 429);
    assert_eq!(ask("2001:db8:2::1").await, 200);
}

#[tokio::test]
async fn only_trusted_proxies_say_who_asks() {
    let home = Home::published();
    let mut config = home.config();
    (config.network.burst, config.network.per_hour) = (16, 1);
    let networks = vec!["10.0.0.0/8".parse().unwrap()];
    config.proxies = TrustedProxies { networks, header: ProxyHeader::XForwardedFor };
    let service = home.open_with(config);
    let ask = async |peer: &str, header: &str| {
        let headers = [("x-forwarded-for", header), ("forwarded", "for=203.0.113.99")];
        service.evaluate_from(JAKARTA, good_body(&home.publisher, 16), peer, &headers).await.status
    };
    assert_eq!(ask("10.1.2.3", "203.0.113.1").await, 200);
    assert_eq!(ask("10.1.2.4", "203.0.113.1").await, 429);
    assert_eq!(ask("10.1.2.3", "203.0.113.1, 203.0.113.2").await, 200);
    // What a client wrote itself stands to the left, and does not count.
    assert_eq!(ask("10.1.2.3", "198.51.100.1, 203.0.113.2").await, 429);
    // A stranger may write what he likes.
    assert_eq!(ask("192.0.2.1", "203.0.113.50").await, 200);
    assert_eq!(ask("192.0.2.1", "203.0.113.51").await, 429);
}

#[tokio::test]
async fn no_network_takes_more_than_its_share_of_the_budget() {
    let mut home = Home::empty();
    home.publisher.publish(JAKARTA, &EpochPlan { evaluations_per_day: 6400, ..EpochPlan::now() });
    let service = home.open();
    let ask = async |peer: &str| service.evaluate_from(JAKARTA, good_body(&home.publisher, 16), peer, &[]).await;
    // One percent is 64 a day, 32 of them at once.
    assert_eq!(ask("192.0.2.1").await.status, 200);
    assert_eq!(ask("192.0.2.1").await.status, 200);
    let refused = ask("192.0.2.1").await;
    refused.problem(429, "share-spent");
    // 16 elements come in at 32 a day.
    assert!((43_000..=43_200).contains(&retry_after(&refused)), "{}", retry_after(&refused));
    assert_eq!(ask("192.0.2.2").await.status, 200);
}

#[tokio::test]
async fn the_budget_of_a_dataset_is_for_all_and_other_datasets_have_their_own() {
    let mut home = Home::empty();
    home.publisher.publish(JAKARTA, &EpochPlan { evaluations_per_day: 64, ..EpochPlan::now() });
    home.publisher.publish("other", &EpochPlan::now());
    let service = home.open();
    let ask = async |peer: &str| service.evaluate_from(JAKARTA, good_body(&home.publisher, 16), peer, &[]).await;
    assert_eq!(ask("192.0.2.1").await.status, 200);
    assert_eq!(ask("192.0.2.2").await.status, 200);
    let refused = ask("192.0.2.3").await;
    let detail = refused.problem(503, "budget-spent");
    assert!(detail.contains("published number of evaluations"));
    assert!((43_000..=43_200).contains(&retry_after(&refused)), "{}", retry_after(&refused));
    // A network is not charged for what it did not get.
    let again = ask("192.0.2.3").await;
    again.problem(503, "budget-spent");
    let key = home.publisher.key("other").public_key().to_bytes();
    let answer = service.evaluate_from("other", body(&key, &elements(16, 1)), "192.0.2.3", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("ratelimit").starts_with("\"network\";r=7680;"), "{}", answer.header("ratelimit"));
    let metrics = service.state.metrics_text().unwrap();
    assert!(metrics.contains("ceknikd_budget_elements{dataset=\"jakarta-2024\"} 0"), "{metrics}");
    assert!(metrics.contains("ceknikd_elements_evaluated_total{dataset=\"jakarta-2024\"} 32"), "{metrics}");
    assert!(metrics.contains("ceknikd_refused_total{reason=\"budget-spent\"} 2"), "{metrics}");
}

/// Three hundred families behind one carrier address, each of whom fills up to 16 elements, and a household of five who
/// check twice.
#[tokio::test]
async fn households_and_carriers_pass_untroubled_by_default() {
    let home = Home::published();
    let service = home.open();
    let family = good_body(&home.publisher, 16);
    for (network, checks) in [("100.64.0.1", 300), ("192.0.2.1", 2)] {
        for _ in 0..checks {
            assert_eq!(service.evaluate_from(JAKARTA, family.clone(), network, &[]).await.status, 200);
        }
    }
}

/// The least budget that a definition gets which names none.
const SMALL_BUDGET: u64 = 100_000;

/// What one network gets of it by default, and with a share of 4 percent, as publishers and operators are told.
#[tokio::test]
async fn of_a_small_list_some_hundred_people_pass_by_default() {
    let mut home = Home::empty();
    home.publisher.publish(JAKARTA, &EpochPlan { evaluations_per_day: SMALL_BUDGET, ..EpochPlan::now() });
    let passes = async |service: &Service, elements, network: &str| {
        let body = good_body(&home.publisher, elements);
        for passed in 0.. {
            let answer = service.evaluate_from(JAKARTA, body.clone(), network, &[]).await;
            if answer.status != 200 {
                answer.problem(429, "share-spent");
                return passed;
            }
        }
        unreachable!("a share ends")
    };
    let service = home.open();
    let (alone, of_four, of_five) = (
        passes(&service, 1, "100.64.0.1").await,
        passes(&service, 4, "100.64.0.2").await,
        passes(&service, 16, "100.64.0.3").await,
    );
    // While 500 take their turn the next one may come in: one in 173 seconds.
    assert!((500..=501).contains(&alone), "{alone}");
    assert_eq!((of_four, of_five, of_five / 2), (125, 31, 15));
    drop(service);
    let mut config = home.config();
    (config.network.share_percent, config.state) = (4.0, home.path().join("state-4"));
    assert_eq!(passes(&home.open_with(config), 16, "100.64.0.4").await, 125);

    let operations = include_str!("../../docs/operations.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let told = "Of 100,000 a day, the least that a definition gets which names none, that is 500 people at once who check \
                alone, or 125 families of up to four, or 31 of five to 16, or 15 such families who check twice; \
                `--network-share 4` makes it 125 families of five to 16.";
    assert!(operations.contains(told), "{operations}");
    let example = include_str!("../../docs/examples/jakarta-2024.toml").replace("\n# ", " ");
    let told = "Default: a third of the population, at least 100,000, of which the service gives one address 1 %: at once \
                500 people who check alone, or 31 families of five.";
    assert!(example.contains(told), "{example}");
}

/// More at once than threads and queue take: the rest is turned away early, and not charged.
#[tokio::test]
async fn a_full_queue_turns_away_without_charging() {
    let home = Home::published();
    let mut config = home.config();
    (config.threads, config.queue) = (Some(std::num::NonZeroUsize::MIN), 1);
    let service = home.open_with(config);
    let body = good_body(&home.publisher, 16);
    let (mut done, mut refused) = (0, 0);
    for answer in futures_util::future::join_all((0..40).map(|_| service.evaluate(JAKARTA, body.clone()))).await {
        if answer.status == 200 {
            done += 1;
            continue;
        }
        answer.problem(503, "overloaded");
        assert!((1..=5).contains(&retry_after(&answer)));
        refused += 1;
    }
    assert!(done >= 2 && refused >= 1, "{done} {refused}");
    let metrics = service.state.metrics_text().unwrap();
    assert!(metrics.contains(&format!("ceknikd_elements_evaluated_total{{dataset=\"jakarta-2024\"}} {}\n", 16 * done)));
    let left = metrics.lines().find_map(|line| line.strip_prefix("ceknikd_budget_elements{dataset=\"jakarta-2024\"} "));
    // Some come in while this runs: 17 a second.
    let spent = 1_500_000 - left.unwrap().parse::<u64>().unwrap();
    assert!(spent <= 16 * done && 16 * done <= spent + 200, "{spent}");
}
