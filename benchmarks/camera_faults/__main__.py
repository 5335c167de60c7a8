"""`python -m benchmarks.camera_faults PART`: the parts of the camera-fault benchmark one by one.

  faults   every fault x severity x encoder x scene         (all: about 20 minutes on two cores; --few: 4)
  clean    healthy cameras over days                         (60 seeds x 5 days: about 45 minutes)
  frozen   frozen against live                               (about 5 minutes)
  peers    camera-health and ffmpeg's filters, same pictures (about 3 minutes)
  live     faults of the connection, through a real RTSP server
  report   the tables of what is in --out, as Markdown

All parts keep what is done in --out and go on from there. --tuning runs a part on the tuning set: its figures are for
those who set thresholds, and no report shows them as scores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.camera_faults import clean, faults, frozen, live, peers, report
from benchmarks.camera_faults.footage import SPLIT, Set


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.camera_faults", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=("faults", "clean", "frozen", "peers", "live", "report"))
    parser.add_argument("--out", type=Path, default=Path("camera-faults"), metavar="DIR", help="where results are kept")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--few", action="store_true", help="two scenes and two encoders instead of all")
    parser.add_argument("--only", default="", metavar="FAULT,...", help="faults: these and no others")
    parser.add_argument("--streets", default="", metavar="SEED,...", help="faults: these streets of the set, no others")
    parser.add_argument("--seeds", type=int, default=60, help="clean: cameras")
    parser.add_argument("--days", type=int, default=5, help="clean: days of each")
    parser.add_argument("--first-seed", type=int, default=None, help="clean: the first camera's seed")
    parser.add_argument("--from-hour", type=float, default=0.0, help="clean: hour of the first look")
    parser.add_argument("--from-dusk", action="store_true", help="clean: the first look is in each camera's twilight")
    parser.add_argument("--tuning", action="store_true", help="the tuning set; never a score")
    options = parser.parse_args(arguments)
    which: Set = "tuning" if options.tuning else "scoring"
    out: Path = options.out
    print(f"split: {SPLIT}" + ("; this is the TUNING set, no score" if options.tuning else ""), flush=True)
    match options.part:
        case "faults":
            only = [name for name in options.only.split(",") if name]
            streets = [int(seed) for seed in options.streets.split(",") if seed]
            results = faults.run(
                out, few=options.few, processes=options.processes, which=which, only=only, streets=streets
            )
            print(report.of_faults(results))
        case "clean":
            healthy = clean.run(
                out,
                seeds=options.seeds,
                days=options.days,
                processes=options.processes,
                which=which,
                first_seed=options.first_seed,
                begin_h=clean.AT_DUSK if options.from_dusk else options.from_hour,
            )
            print(report.of_clean(healthy, clean.extrapolate(out)))
        case "frozen":
            print(report.of_frozen(frozen.run(out, options.processes, which)))
        case "peers":
            print(peers.of_peers(peers.run(out, few=options.few)))
        case "live":
            print(live.of_live(live.run(out)))
        case _:
            print(report.everything(out))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
