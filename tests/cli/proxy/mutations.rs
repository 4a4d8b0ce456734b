//! Bytes that are flipped at random, many times in every route: the answers stay true, or there are none.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::home::TestHome;
use crate::support::proxy::{altering, replacing};
use crate::world::{Device, LISTED, World};

const SEED: u64 = 20_241;
/// Alterations of each route.
const TIMES: usize = 40;
const MANIFEST: &str = "/v1/jakarta-2024/manifest";
const ROUTES: [&str; 7] =
    ["/v1/policy", MANIFEST, "/epochs/2/proof", "/filter/", "/evaluate", "/buckets/", "/log/tile/"];

/// What is done to a body. What is no JSON has most of its structure near its beginning, and filling or more of the same after it:
/// there it is altered more often.
fn alter(body: &mut Vec<u8>, rng: &mut StdRng) {
    let within = if body.first() == Some(&b'{') { body.len() } else { [body.len(), 128, 4][rng.gen_range(0..3)] };
    let at = rng.gen_range(0..within.min(body.len()));
    match rng.gen_range(0..10) {
        // A bit, mostly.
        0..=5 => body[at] ^= 1 << rng.gen_range(0..8),
        6 => body[at] = body[at].wrapping_add(rng.gen_range(1..=255)),
        7 => body.truncate(at),
        8 => body.insert(at, rng.r#gen()),
        _ => {
            body.remove(at);
        }
    }
}

#[test]
fn no_alteration_gives_a_wrong_answer() {
    let home = TestHome::published(LISTED);
    home.publish();
    let world = World::of(home);
    let mut reasons: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (number, route) in ROUTES.into_iter().enumerate() {
        for time in 0..TIMES {
            let seed = SEED + (number * TIMES + time) as u64;
            let proxy = world.proxy();
            let device = Device::new();
            if route == "/log/tile/" {
                // Tiles are asked for when an earlier list is remembered.
                proxy.behave(replacing(MANIFEST, |_, upstream| upstream.get("/v1/jakarta-2024/epochs/1/manifest")));
                assert!(world.ask(&proxy.url(), &device, &[]).all());
            }
            proxy.behave(altering(route, move |body| alter(body, &mut StdRng::seed_from_u64(seed))));
            // Fails if an answer is wrong.
            let said = world.ask(&proxy.url(), &device, &["--confirm-all"]);
            let passed = proxy.take_requests().iter().filter(|request| request.path.contains(route)).count();
            assert!(passed > 0, "{route} was not asked for");
            let reason = said.reasons[0].clone().unwrap_or_else(|| "answered".to_owned());
            assert!(said.all() || said.answers[0] == "no_answer", "{route}, seed {seed}: {said:?}");
            *reasons.entry((route, reason)).or_default() += 1;
        }
    }
    for ((route, reason), times) in &reasons {
        println!("{times:4}  {route}  {reason}");
    }
    // All but a policy's comments and a line end is bound by a hash or a proof.
    let answered: Vec<_> = reasons.keys().filter(|(_, reason)| reason == "answered").map(|(route, _)| *route).collect();
    assert!(answered.iter().all(|route| *route == "/v1/policy"), "altered and believed: {answered:?}");
    // Bodies differ from run to run, and some checks are met by one alteration in a hundred; of the others there are more.
    assert!(reasons.len() > 15, "too few different checks were met: {reasons:?}");
}
