"""The package on a recorded session: the folder in FIN_SESSION, which `prepare` writes."""

import csv
import math
import os
import struct
import sys
import threading
import unittest
from pathlib import Path

import fin

SESSION = Path(os.environ["FIN_SESSION"])
SAMPLES = Path(__file__).parents[3] / "data" / "samples"
DATABASE = str(SESSION / "tunnel.fin")


def number(text):
    return float(text) if text else None


def integer(text):
    return int(text) if text else None


def reading(line):
    _, rat, *identity, serving, rsrp_dbm, rsrq_db = line.rstrip("\n").split(",")
    mcc, mnc, tac, cell_id, arfcn, pci = map(integer, identity)
    return fin.CellReading(
        rat=fin.Rat[rat.upper()],
        mcc=mcc,
        mnc=mnc,
        tac=tac,
        cell_id=cell_id,
        arfcn=arfcn,
        pci=pci,
        serving=serving == "1",
        rsrp_dbm=number(rsrp_dbm),
        rsrq_db=number(rsrq_db),
    )


def observations():
    with (SESSION / "observations.csv").open(encoding="utf-8") as lines:
        for line in lines:
            kind, time, *fields = line.rstrip("\n").split(",")
            time_ns = int(time)
            if kind == "gnss":
                lat_deg, lon_deg, *rest = map(number, fields)
                accuracy_m, speed_mps, bearing_deg = rest
                yield fin.GnssFix(
                    time_ns=time_ns,
                    lat_deg=lat_deg,
                    lon_deg=lon_deg,
                    accuracy_m=accuracy_m,
                    speed_mps=speed_mps,
                    bearing_deg=bearing_deg,
                )
            elif kind == "speed":
                yield fin.SpeedSample(time_ns=time_ns, speed_mps=float(fields[0]))
            else:
                cells = [reading(next(lines)) for _ in range(int(fields[0]))]
                yield fin.CellScan(time_ns=time_ns, cells=cells)


def bits(value):
    return "" if value is None else struct.pack(">d", value).hex()


def line(e):
    fields = [
        str(e.time_ns),
        bits(e.lat_deg),
        bits(e.lon_deg),
        bits(e.accuracy_m),
        bits(e.accuracy95_m),
        bits(e.speed_mps),
        bits(e.bearing_deg),
        "" if e.way_id is None else str(e.way_id),
        bits(e.offset_m),
        e.tunnel or "",
        e.mode.name.lower(),
        bits(e.branch_probability),
    ]
    return ",".join(fields)


def answers(engine, observation):
    stepped = fin.step(engine, observation)
    ahead = engine.predict(observation.time_ns + 500_000_000)
    return [line(estimate) for estimate in (stepped, ahead) if estimate is not None]


def fix(time_s, lat_deg=46.0):
    return fin.GnssFix(
        time_ns=time_s * 10**9,
        lat_deg=lat_deg,
        lon_deg=8.0,
        accuracy_m=4.0,
        speed_mps=20.0,
        bearing_deg=None,
    )


class Package(unittest.TestCase):
    def test_a_session_gives_the_same_bits_as_in_rust(self):
        want = (SESSION / "estimates.csv").read_text(encoding="utf-8").splitlines()
        engine = fin.Engine.open(DATABASE)
        got = [text for observation in observations() for text in answers(engine, observation)]
        for mode in ("gnss", "tunnel", "reacquiring"):
            self.assertTrue(any(f",{mode}," in text for text in want), mode)
        for number_, (a, b) in enumerate(zip(want, got, strict=True)):
            self.assertEqual(a, b, f"line {number_ + 1}")

    def test_replay_gives_the_rows_of_the_command_line(self):
        columns = fin.replay(DATABASE, observations())
        with (SESSION / "replay.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        self.assertEqual(list(columns), list(rows[0]))
        self.assertEqual({len(column) for column in columns.values()}, {len(rows)})
        for index, row in enumerate(rows):
            self.assertEqual(columns["t_ms"][index], int(row["t_ms"]))
            self.assertEqual(columns["mode"][index], row["mode"])
            self.assertEqual(columns["tunnel"][index] or "", row["tunnel"])
            self.assertAlmostEqual(columns["lat_deg"][index], float(row["lat_deg"]), delta=1e-7)
            self.assertAlmostEqual(columns["accuracy95_m"][index], float(row["accuracy95_m"]), delta=0.01)

    def test_a_drive_folder_is_read_as_the_command_line_reads_it(self):
        # The session has every second cell as one of 5G, which the folder has not.
        def plain(observation):
            if isinstance(observation, fin.CellScan):
                return observation.time_ns, [(c.arfcn, c.pci, c.rsrp_dbm) for c in observation.cells]
            return observation

        got = fin.read_drive(SAMPLES / "test" / "fork-ramp-01")
        self.assertEqual([plain(o) for o in got], [plain(o) for o in observations()])
        with self.assertRaises(FileNotFoundError):
            fin.read_drive(SAMPLES)

    def test_a_killed_program_goes_on_where_it_was(self):
        everything = list(observations())
        for cut in (0, len(everything) // 3, len(everything) // 2):
            whole, again = fin.Engine.open(DATABASE), fin.Engine.open(DATABASE)
            for observation in everything[:cut]:
                fin.step(whole, observation)
            again.restore(whole.snapshot())
            for observation in everything[cut : cut + 60]:
                self.assertEqual(answers(whole, observation), answers(again, observation))
            self.assertEqual(whole.diagnostics(), again.diagnostics())
            self.assertEqual(whole.tunnel_fits(), again.tunnel_fits())

    def test_the_surveys_of_the_tunnel_fit_what_is_heard_there(self):
        engine = fin.Engine.open(DATABASE)
        self.assertEqual(engine.tunnel_fits(), [])
        for observation in observations():
            fin.step(engine, observation)
        (fit,) = engine.tunnel_fits()
        self.assertGreater(fit.readings, 50)
        self.assertLess(fit.staleness, 0.2)

    def refusal(self, kind, call, *arguments):
        with self.assertRaises(kind) as caught:
            call(*arguments)
        return str(caught.exception)

    def test_files_that_are_no_database_are_told_apart(self):
        def text(kind, name):
            return self.refusal(kind, fin.Engine.open, str(SESSION / name))

        self.assertRegex(text(fin.FinError.DatabaseMissing, "nowhere.fin"), "no database at .*nowhere.fin")
        self.assertRegex(text(fin.FinError.DatabaseVersion, "version.fin"), "got 99")
        self.assertRegex(text(fin.FinError.DatabaseCorrupt, "damaged.fin"), "expected check sum")
        self.assertRegex(text(fin.FinError.DatabaseCorrupt, "cut.fin"), "truncated")

    def test_damage_to_a_part_of_the_database_is_told_once_when_the_car_comes_there(self):
        engine = fin.Engine.open(str(SESSION / "spoilt.fin"))
        fixes = [o for o in observations() if isinstance(o, fin.GnssFix)]
        told = self.refusal(fin.FinError.DatabaseCorrupt, engine.on_gnss, fixes[0])
        self.assertRegex(told, "spoilt.fin is not a usable database: expected digest")
        for later in fixes[1:5]:
            engine.on_gnss(later)
        self.assertIsNone(engine.predict(0).way_id)

    def test_signatures_are_checked_when_a_key_is_given(self):
        key, other = ((SESSION / name).read_text(encoding="ascii").strip() for name in ("key.pub", "other.pub"))
        columns = fin.replay(SESSION / "signed.fin", observations(), public_key=key)
        self.assertEqual(columns, fin.replay(DATABASE, observations()))

        def text(kind, name, public_key):
            return self.refusal(kind, fin.Engine.open_signed, str(SESSION / name), public_key)

        self.assertRegex(text(fin.FinError.DatabaseUnsigned, "tunnel.fin", key), f"tunnel.fin is not signed.*{key}")
        foreign = text(fin.FinError.DatabaseOfOtherKey, "signed.fin", other)
        self.assertRegex(foreign, f"{other}, got one of key {key}")
        self.assertRegex(text(fin.FinError.DatabaseAltered, "altered.fin", key), "is not what was signed")
        self.assertRegex(text(fin.FinError.KeyRefused, "signed.fin", "no key"), "64 hexadecimal digits, got 6")

    def test_observations_that_cannot_be_are_refused_and_change_nothing(self):
        engine = fin.Engine.open(DATABASE)
        nan = self.refusal(fin.FinError.ValueRefused, engine.on_gnss, fix(100, lat_deg=math.nan))
        self.assertRegex(nan, "latitude is NaN, expected -90 to 90")
        self.assertIsNone(engine.predict(0))
        engine.on_gnss(fix(100))
        before = engine.predict(101 * 10**9)
        late = self.refusal(fin.FinError.TimeBackwards, engine.on_gnss, fix(40))
        self.assertRegex(late, "60.0 s older .* at most 5 s")
        self.assertEqual(engine.predict(101 * 10**9), before)
        self.assertEqual(engine.diagnostics().observations_refused, 2)

    def test_snapshots_that_do_not_fit_are_told_apart(self):
        engine = fin.Engine.open(DATABASE)
        good = engine.snapshot()
        version = good[:8] + b"\xc8" + good[9:]
        self.refusal(fin.FinError.SnapshotCorrupt, engine.restore, b"")
        self.refusal(fin.FinError.SnapshotVersion, engine.restore, version)
        self.refusal(fin.FinError.SnapshotCorrupt, engine.restore, good[:-1])
        engine.restore(good)

    def test_after_shutdown_every_call_says_so(self):
        engine = fin.Engine.open(DATABASE)
        engine.shutdown()
        engine.shutdown()
        self.assertRegex(self.refusal(fin.FinError.Closed, engine.on_gnss, fix(1)), "shut down")
        self.refusal(fin.FinError.Closed, engine.predict, 0)

    def test_threads_take_turns(self):
        engine = fin.Engine.open(DATABASE)
        failures = []

        def drive(worker):
            try:
                for index in range(200):
                    engine.on_gnss(fix(1000 + (index + worker) % 4))
                    engine.predict(1_010_000_000_000)
                    if index % 50 == worker:
                        engine.restore(engine.snapshot())
            except Exception as error:  # noqa: BLE001
                failures.append(error)

        workers = [threading.Thread(target=drive, args=(worker,)) for worker in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(failures, [])

    @unittest.skipUnless(sys.platform == "linux", "reads /proc")
    def test_engines_that_nobody_shuts_down_are_freed(self):
        def resident_kb():
            status = Path("/proc/self/status").read_text(encoding="ascii")
            return int(status.split("VmRSS:")[1].split()[0])

        first = next(o for o in observations() if isinstance(o, fin.GnssFix))
        for _ in range(50):
            fin.Engine.open(DATABASE).on_gnss(first)
        before = resident_kb()
        for _ in range(500):
            fin.Engine.open(DATABASE).on_gnss(first)
        # 500 regions of this size are some 100 MB.
        self.assertLess(resident_kb() - before, 10_000)


if __name__ == "__main__":
    unittest.main()
