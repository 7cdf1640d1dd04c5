"""Map matching by valhalla, which wants a Python of its own: answers on standard output as the Rust program does."""

import json
import math
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import valhalla

SECONDS = 600
RIGHT_M = 25.0


def drives(folder):
    """Fixes and truth, drive by drive."""
    rows = list(struct.iter_unpack("<4d", (folder / "drives").read_bytes()))
    return [rows[begin : begin + SECONDS] for begin in range(0, len(rows), SECONDS)]


def actor(folder, extract):
    """A router on tiles of the extract."""
    tiles = folder / "valhalla_tiles"
    config = folder / "valhalla.json"
    tiles.mkdir(exist_ok=True)
    options = valhalla.get_config(tile_extract="", tile_dir=str(tiles))
    options["mjolnir"]["concurrency"] = 1
    config.write_text(json.dumps(options))
    if not any(tiles.iterdir()):
        builder = Path(valhalla.__file__).parent / "bin" / "valhalla_build_tiles"
        subprocess.run([builder, "-c", config, extract], check=True, stdout=sys.stderr, stderr=subprocess.DEVNULL)
    return valhalla.Actor(str(config))


def request(drive):
    """What valhalla is asked, as text: writing it is not timed."""
    shape = [{"lat": lat, "lon": lon, "time": second} for second, (lat, lon, _, _) in enumerate(drive)]
    wanted = {"attributes": ["matched.point", "matched.type"], "action": "include"}
    return json.dumps({"shape": shape, "costing": "auto", "shape_match": "map_snap", "gps_accuracy": 5.0, "filters": wanted})


def distance_m(lat, lon, true_lat, true_lon):
    """Metres on a sphere, near enough for hundreds of metres."""
    east = (lon - true_lon) * math.cos(math.radians(true_lat))
    return 111_195.0 * math.hypot(east, lat - true_lat)


def right(drive, answer):
    """How many fixes came out near the truth."""
    points = json.loads(answer)["matched_points"]
    near = (
        point.get("type") != "unmatched" and distance_m(point["lat"], point["lon"], *row[2:]) <= RIGHT_M
        for row, point in zip(drive, points)
    )
    return sum(near)


def main():
    folder, extract = Path(sys.argv[1]), sys.argv[2]
    # What the library prints goes to the standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    router = actor(folder, extract)
    all_drives = drives(folder)
    requests = [request(drive) for drive in all_drives]
    near = sum(right(drive, router.trace_attributes(text)) for drive, text in zip(all_drives, requests))
    share = near / sum(map(len, all_drives))
    for _ in sys.stdin:
        begin = time.perf_counter()
        for text in requests:
            router.trace_attributes(text)
        print(time.perf_counter() - begin, share, file=answers, flush=True)


if __name__ == "__main__":
    main()
