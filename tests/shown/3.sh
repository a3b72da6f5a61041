#!/bin/sh
# What disks must show, with full counts on the release binary: one line for each figure,
# `number: figure … pass|FAIL`, collected in target/shown/3.txt. Takes about two hours. Faults
# are injected on loop devices and a FUSE file system, which needs root; without it the tests say
# that they were left out.
set -u
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
results=$PWD/target/shown/3.txt
mkdir -p target/shown
: >"$results"

cargo build --locked --release --bin vigie || exit 1
cp "$target/release/vigie" target/shown/vigie
export VIGIE_SHOWN=1 VIGIE_SHOWN_LIST=3

VIGIE_BINARY=$PWD/target/shown/vigie \
	cargo test --locked --release --test e2e -- --test-threads 8 disks:: faulty_disk:: disk_service:: rebuild::
# Every moment of a scenario, the index's ends, and the model of retention.
for test in 3:every_prefix_that_a_power_cut_allows 5:what_was_acknowledged_survives_kill_9 \
	5:a_power_cut_between_two_flushes_leaves_one_of_them 5:damage_is_noticed_or_does_no_harm \
	7:want_of_room_takes_what_the_model_takes; do
	out=$(cargo test --locked --release --package vigie-storage --lib -- --nocapture "${test#*:}") && verdict=pass || verdict=FAIL
	figure=$(echo "$out" | sed -n "s/^${test%%:*}: //p" | tail -n 1)
	echo "${test%%:*}: ${figure:-${test#*:}} … $verdict" | tee -a "$results"
done
# The index at 33 million segments, the start with it, retention: whatever has a bar.
cargo bench --locked --bench index | tee target/shown/3-index.txt
sed -n 's/^| \(.*\) | \(.*\) | \(.*\) | .* | .* | \(≤ .*\): \(holds\|MISSED\) |$/\1: \3 \2, \4 … \5/p' target/shown/3-index.txt |
	sed -e 's/holds$/pass/' -e 's/MISSED$/FAIL/' -e '/each/s/^/7: /' -e '/each/!s/^/5: /' >>"$results"

echo
sort -n -s -t: -k1,1 "$results"
! grep -q 'FAIL$' "$results"
