//! How the roads of a town run: its tunnels, their approaches and the streets around.

use fin_core::frame::EastNorth;

use super::path::{Path, Pen};
use super::random::Stream;
use super::roads::{Class, Roads};
use super::scenario::Scenario;

/// Length of the open road before and after each tunnel, metres.
const APPROACH_M: f64 = 1_800.0;
/// Where streets cross the approach, metres before the portal.
const CROSSINGS_M: [f64; 2] = [900.0, 350.0];
/// Distance between the rows of a town with several tunnels, metres.
const ROW_M: f64 = 3_000.0;
/// How far into a forked tunnel the ramp leaves, metres.
const FORK_M: f64 = 600.0;

/// The roads of a town with these scenarios; `length_m` replaces the usual length of every tunnel.
pub(super) fn roads(scenarios: &[Scenario], length_m: Option<f64>, seed: u64) -> Roads {
    let has = |scenario| scenarios.contains(&scenario) || scenarios.contains(&Scenario::City);
    // A long tunnel is a little shorter where it has company, so that a town stays within what one map frame holds.
    let long_m = if scenarios == [Scenario::Long] {
        6_000.0
    } else {
        4_500.0
    };
    let mut town = Town {
        roads: Roads::default(),
        west: Vec::new(),
        east: Vec::new(),
        random: Stream::new(seed, "roads", 0),
    };
    let mut rows = vec![Scenario::Bores, Scenario::Tube, Scenario::Long, Scenario::Fork];
    rows.retain(|&scenario| has(scenario));
    let middle = 0.5 * (rows.len() as f64 - 1.0);
    for (row, scenario) in rows.into_iter().enumerate() {
        let start = EastNorth {
            east_m: -APPROACH_M,
            north_m: (middle - row as f64) * ROW_M,
        };
        match scenario {
            Scenario::Bores => town.bores(start, length_m.unwrap_or(1_600.0)),
            Scenario::Long => town.two_way("long", "Birch", start, length_m.unwrap_or(long_m)),
            Scenario::Fork => town.fork(start, length_m.unwrap_or(2_000.0)),
            Scenario::Tube | Scenario::City => {
                town.two_way("tube", "Alder", start, length_m.unwrap_or(2_000.0))
            }
        }
    }
    town.avenue("West Avenue", &town.west.clone());
    town.avenue("East Avenue", &town.east.clone());
    town.roads
}

struct Town {
    roads: Roads,
    /// Where roads end in the west, from north to south.
    west: Vec<EastNorth>,
    east: Vec<EastNorth>,
    random: Stream,
}

impl Town {
    /// A tunnel with traffic both ways, in two ways as maps often have it.
    fn two_way(&mut self, key: &str, name: &str, start: EastNorth, length_m: f64) {
        let (bend, sway) = (self.random.uniform(-12.0, 12.0), self.random.uniform(-10.0, 10.0));
        let road = Class::road(&format!("{name} Road"), "primary", 70.0);
        let under = Class {
            limit_kmh: 80.0,
            ..road.clone().tunnel(&format!("{name} Tunnel"))
        };
        let mut pen = approach(Pen::new(start, 90.0), sway);
        let before = pen.lift();
        pen = pen
            .go(0.25 * length_m, 0.0)
            .go(0.5 * length_m, bend)
            .go(0.25 * length_m, -bend);
        let tunnel = pen.lift();
        let after = approach(pen, -sway).lift();

        self.dressed(&road, &before, &CROSSINGS_M.map(|m| before.length_m() - m));
        for piece in tunnel.split(&[0.6 * length_m]) {
            self.roads.way(&under, &piece);
        }
        self.dressed(&road, &after, &[CROSSINGS_M[1], CROSSINGS_M[0]]);
        self.street_over(&tunnel, name);

        let installation = self.roads.tubes.len();
        let tube = self
            .roads
            .tube(&under.name, vec![tunnel.clone()], None, installation);
        let legs = [
            (&road, before.clone()),
            (&under, tunnel.clone()),
            (&road, after.clone()),
        ];
        let back = [
            (&road, after.reversed()),
            (&under, tunnel.reversed()),
            (&road, before.reversed()),
        ];
        self.roads.route(&format!("{key}-east"), (tube, 0), &legs);
        self.roads.route(&format!("{key}-west"), (tube, 0), &back);
        self.west.push(start);
        self.east.push(after.end());
    }

    /// A one-way tunnel with a ramp that leaves inside, and a hill road back.
    fn fork(&mut self, start: EastNorth, length_m: f64) {
        let road = Class::road("Cedar Road", "trunk", 80.0).one_way();
        let under = road.clone().tunnel("Cedar Tunnel");
        let slip = Class {
            highway: "trunk_link",
            limit_kmh: 60.0,
            ..under.clone()
        };
        let slip_road = Class {
            highway: "trunk_link",
            tunnel: false,
            name: "Cedar Ramp".into(),
            ..slip.clone()
        };
        let sway = self.random.uniform(-8.0, 8.0);
        let mut pen = approach(Pen::new(start, 90.0), sway);
        let before = pen.lift();
        let fork_m = FORK_M.min(0.4 * length_m);
        pen = pen.go(fork_m, 0.0);
        let trunk = pen.lift();
        let mut ramp_pen = pen.branch(4.0).go(250.0, 0.0).go(450.0, 22.0).go(150.0, 0.0);
        let ramp = ramp_pen.lift();
        let ramp_after = ramp_pen.go(600.0, 10.0).go(1_200.0, -20.0).lift();
        pen = pen
            .go(0.4 * (length_m - fork_m), 0.0)
            .go(0.6 * (length_m - fork_m), -10.0);
        let main = pen.lift();
        let after = approach(pen, -sway).lift();

        self.dressed(&road, &before, &CROSSINGS_M.map(|m| before.length_m() - m));
        self.roads.way(&under, &trunk);
        self.roads.way(&under, &main);
        self.roads.way(&slip, &ramp);
        self.dressed(&road, &after, &[CROSSINGS_M[1], CROSSINGS_M[0]]);
        self.dressed(&slip_road, &ramp_after, &[CROSSINGS_M[1], CROSSINGS_M[0]]);
        self.hill_road(after.end(), start);

        let lines = vec![trunk.then(&main), trunk.then(&ramp)];
        let installation = self.roads.tubes.len();
        let tube = self.roads.tube(&under.name, lines, Some(fork_m), installation);
        let legs = [
            (&road, before.clone()),
            (&under, trunk.clone()),
            (&under, main),
            (&road, after.clone()),
        ];
        self.roads.route("fork-main", (tube, 0), &legs);
        let legs = [
            (&road, before),
            (&under, trunk),
            (&slip, ramp),
            (&slip_road, ramp_after.clone()),
        ];
        self.roads.route("fork-ramp", (tube, 1), &legs);
        self.west.push(start);
        self.east.extend([after.end(), ramp_after.end()]);
    }

    /// One tube each way and a second one eastwards, which leaves the first 800 m before the portal.
    fn bores(&mut self, start: EastNorth, length_m: f64) {
        let road = Class::road("Elm Expressway", "trunk", 90.0).one_way();
        let local = Class::road("Elm Local", "trunk", 80.0).one_way();
        let (under, local_under) = (
            road.clone().tunnel("Elm Tunnel"),
            local.clone().tunnel("Elm Tunnel Local"),
        );
        let bend = self.random.uniform(-8.0, 8.0);
        let mut pen = approach(Pen::new(start, 90.0), 0.5 * bend);
        let axis_before = pen.lift();
        pen = pen.go(0.5 * length_m, bend).go(0.5 * length_m, -bend);
        let axis = pen.lift();
        let axis_after = approach(pen, -0.5 * bend).lift();

        let (east, side) = (11.0, 36.0);
        let axes = [&axis_before, &axis, &axis_after];
        let [before, tunnel, after] = Path::beside_each(axes, east);
        let split_m = before.length_m() - 800.0;
        let befores = before.split(&[split_m]);
        let afters = after.split(&[450.0]);
        for piece in &befores {
            self.roads.way(&road, piece);
        }
        self.roads.way(&under, &tunnel);
        for piece in &afters {
            self.roads.way(&road, piece);
        }

        let lead_in = &axis_before.split(&[axis_before.length_m() - 650.0])[1];
        let lead_out = &axis_after.split(&[300.0])[0];
        let [local_in, local_tunnel, local_out] = Path::beside_each([lead_in, &axis, lead_out], side);
        let local_before = Path::new([&[befores[0].end()], local_in.points()].concat());
        let local_after = Path::new([local_out.points(), &[afters[0].end()]].concat());
        self.roads.way(&local, &local_before);
        self.roads.way(&local_under, &local_tunnel);
        self.roads.way(&local, &local_after);

        let mut west = Path::beside_each(axes, -east).map(|path| path.reversed());
        west.reverse();
        for (class, path) in [&road, &under, &road].into_iter().zip(&west) {
            self.roads.way(class, path);
        }
        self.street_over(&axis, "Elm");

        let installation = self.roads.tubes.len();
        let main = self
            .roads
            .tube(&under.name, vec![tunnel.clone()], None, installation);
        let second = self
            .roads
            .tube(&local_under.name, vec![local_tunnel.clone()], None, installation);
        let back = self
            .roads
            .tube(&under.name, vec![west[1].clone()], None, installation);
        let legs = [(&road, before), (&under, tunnel), (&road, after.clone())];
        self.roads.route("bores-east", (main, 0), &legs);
        let [lead, tail] = [befores[0].clone(), afters[1].clone()];
        let legs = [
            (&road, lead),
            (&local, local_before),
            (&local_under, local_tunnel),
            (&local, local_after),
            (&road, tail),
        ];
        self.roads.route("bores-local", (second, 0), &legs);
        let legs = [
            (&road, west[0].clone()),
            (&under, west[1].clone()),
            (&road, west[2].clone()),
        ];
        self.roads.route("bores-west", (back, 0), &legs);
        self.west.extend([west[2].end(), befores[0].points()[0]]);
        self.east.extend([west[0].points()[0], after.end()]);
    }

    /// An open road with streets across it at `cuts_m` and a frontage street between these.
    fn dressed(&mut self, class: &Class, path: &Path, cuts_m: &[f64; 2]) {
        let pieces = path.split(cuts_m);
        for piece in &pieces {
            self.roads.way(class, piece);
        }
        let street = Class::road(&format!("{} Side Street", class.name), "residential", 50.0);
        let mut kerb = Vec::new();
        for piece in &pieces[..2] {
            let corner = piece.end();
            let across = path.at(cuts_m[kerb.len()]);
            let [left, near, far] = [-150.0, 35.0, 180.0].map(|aside_m| across.aside(aside_m));
            for (a, b) in [(left, corner), (corner, near), (near, far)] {
                self.roads.way(&street, &Path::new(vec![a, b]));
            }
            kerb.push(near);
        }
        let frontage = pieces[1].beside(35.0);
        let inner = &frontage.points()[1..frontage.points().len() - 1];
        self.roads
            .way(&street, &Path::new([&[kerb[0]], inner, &[kerb[1]]].concat()));
    }

    /// A street on the hill, across the tunnel without touching it.
    fn street_over(&mut self, tunnel: &Path, name: &str) {
        let over = tunnel.at(0.4 * tunnel.length_m());
        let street = Class::road(&format!("{name} Hill Street"), "residential", 30.0);
        self.roads
            .way(&street, &Path::new(vec![over.aside(-400.0), over.aside(400.0)]));
    }

    /// A winding road back over the hill.
    fn hill_road(&mut self, from: EastNorth, to: EastNorth) {
        let class = Class::road("Cedar Hill Road", "tertiary", 50.0);
        let d = to.minus(from);
        let bow = |share: f64, north_m: f64| EastNorth {
            east_m: from.east_m + share * d.east_m,
            north_m: from.north_m + share * d.north_m + north_m,
        };
        let points = vec![
            from,
            bow(0.15, 420.0),
            bow(0.35, 560.0),
            bow(0.6, 450.0),
            bow(0.85, 520.0),
            to,
        ];
        self.roads.way(&class, &Path::new(points));
    }

    /// A street through `places`, from north to south, and 300 m on at both ends.
    fn avenue(&mut self, name: &str, places: &[EastNorth]) {
        let class = Class::road(name, "secondary", 50.0);
        let beyond = |place: EastNorth, north_m| EastNorth {
            north_m: place.north_m + north_m,
            ..place
        };
        let stops = [
            &[beyond(places[0], 300.0)],
            places,
            &[beyond(places[places.len() - 1], -300.0)],
        ]
        .concat();
        for pair in stops.windows(2) {
            self.roads.way(&class, &Path::new(pair.to_vec()));
        }
    }
}

/// The open road of [`APPROACH_M`] with a bend and a counter-bend.
fn approach(pen: Pen, sway_deg: f64) -> Pen {
    pen.go(500.0, 0.0)
        .go(400.0, sway_deg)
        .go(500.0, -sway_deg)
        .go(APPROACH_M - 1_400.0, 0.0)
}
