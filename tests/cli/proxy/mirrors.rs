//! A list that names mirrors: who is asked for what, and what is answered when they fail.

use crate::support::home::{DATASET, TestHome, definition, list};
use crate::support::proxy::{Delivery, Proxy};
use crate::world::{Device, LISTED, World};

/// A service behind a proxy, and two mirrors, which are proxies too.
struct Scene {
    world: World,
    service: Proxy,
    mirrors: [Proxy; 2],
}

impl Scene {
    fn new() -> Self {
        // Addresses are known before the list, and what is behind them after it.
        let mirrors = [(); 2].map(|()| Proxy::before(([127, 0, 0, 1], 9).into()));
        mirrors.iter().for_each(|mirror| mirror.behave(|_, _| Delivery::Hangup));
        let home = TestHome::new();
        let urls = mirrors.each_ref().map(Proxy::url);
        home.create_dataset(&definition(DATASET, &format!("cover_percent = 0\nmirrors = {urls:?}")));
        home.import(list(LISTED));
        home.publish();
        let world = World::of(home);
        for mirror in &mirrors {
            mirror.put_before(world.service.address());
            mirror.behave_honestly();
        }
        let service = world.proxy();
        Self { world, service, mirrors }
    }

    /// Of the requests since the last call, how many were for filter or buckets: of the service, of each mirror; and all of the
    /// mirrors.
    fn taken(&self) -> ([usize; 3], usize) {
        let of = |proxy: &Proxy| {
            let requests = proxy.take_requests();
            let parts = |path: &str| path.contains("/filter/") || path.contains("/buckets/");
            (requests.iter().filter(|request| parts(&request.path)).count(), requests.len())
        };
        let [service, first, second] = [&self.service, &self.mirrors[0], &self.mirrors[1]].map(of);
        ([service.0, first.0, second.0], first.1 + second.1)
    }
}

#[test]
fn who_evaluates_does_not_see_the_buckets() {
    let scene = Scene::new();
    let device = Device::new();
    let url = scene.service.url();
    scene.taken();
    assert!(scene.world.ask(&url, &device, &[]).all());
    let ([service, first, second], all) = scene.taken();
    // One mirror gave all of it, and was asked for nothing else.
    assert_eq!(service, 0);
    assert!((first == 0) != (second == 0) && first + second == all, "{first} {second} {all}");
    let mine = usize::from(first == 0);
    // It is told where they were asked for.
    let shown = scene.world.check(&url, &device, &["--show-requests"]).done().stdout;
    assert!(shown.contains(&format!("GET {}/v1/{DATASET}/epochs/1/buckets/", scene.mirrors[mine].url())), "{shown}");
    assert!(shown.contains(&format!("POST /v1/{DATASET}/evaluate")), "{shown}");
    scene.taken();

    // It lies: the other is asked, and the answers stay true.
    scene.mirrors[mine].behave(|request, upstream| {
        let mut response = upstream.send(request);
        if let Some(last) = response.body.last_mut() {
            *last ^= 1;
        }
        response
    });
    assert!(scene.world.ask(&url, &device, &[]).all());
    let (parts, _) = scene.taken();
    assert!(parts[0] == 0 && parts[1] > 0 && parts[2] > 0, "{parts:?}");

    // Neither gives a bucket: a hit stays "maybe", and what the filter misses is not listed.
    scene.mirrors.iter().for_each(|mirror| mirror.behave(|_, _| Delivery::Hangup));
    let said = scene.world.ask(&url, &device, &[]);
    assert_eq!((said.answers.each_ref().map(String::as_str), said.code), (["maybe", "maybe", "not_listed"], 3));
    assert_eq!(said.reasons[0].as_deref(), Some("no_mirror"));
    assert_eq!(scene.taken().0[0], 0, "the service was not asked for buckets");
    let told = scene.world.told(&url, &device, &[]);
    assert!(
        told.contains("None of the list's mirrors gave the bucket. Try again later, or take it from the service"),
        "{told}"
    );
    let said = scene.world.ask(&url, &device, &["--confirm-all"]);
    assert_eq!((said.answers[2].as_str(), said.reasons[2].as_deref()), ("no_answer", Some("no_mirror")));

    // Only who says so has them from the service.
    scene.taken();
    assert!(scene.world.ask(&url, &device, &["--without-mirrors"]).all());
    assert!(scene.taken().0[0] > 0);
}

/// Mirrors come and go with the next epoch; a device that is new takes the filter from the service, where everybody has it.
#[test]
fn mirrors_are_changed_by_an_update() {
    let scene = Scene::new();
    let home = &scene.world.home;
    scene.mirrors.iter().for_each(|mirror| mirror.behave(|_, _| Delivery::Hangup));
    let said = scene.world.ask(&scene.service.url(), &Device::new(), &["--local-only"]);
    assert_eq!(said.answers.each_ref().map(String::as_str), ["maybe", "maybe", "not_listed"]);
    let file = home.write("update.toml", definition(DATASET, "mirrors = []"));
    let updated = home.command("dataset update").arg(file).done();
    assert!(updated.stdout.contains("mirrors"), "{}", updated.stdout);
    home.publish();
    let device = Device::new();
    let begun = std::time::Instant::now();
    // Until the service has picked it up.
    while !scene.world.ask(&scene.service.url(), &device, &[]).all() {
        assert!(begun.elapsed().as_secs() < 60, "the new epoch does not come");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
