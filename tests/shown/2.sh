#!/bin/sh
# What recording must show, with full counts on the release binary: one line for each figure,
# `number: figure … pass|FAIL`, collected in target/shown/2.txt. Takes about two hours.
# Tests of power cuts, of the unit and of a fresh Debian need root; without it they say that they
# were left out.
set -u
cd "$(dirname "$0")/../.."
target=${CARGO_TARGET_DIR:-target}
results=$PWD/target/shown/2.txt
mkdir -p target/shown
: >"$results"

cargo build --locked --release --bin vigie || exit 1
# Building with fault-hooks replaces target/release/vigie: what is shown is the packaged one.
cp "$target/release/vigie" target/shown/vigie
export VIGIE_SHOWN=1

cargo bench --locked --bench record -- --cameras 64,200 --vigie "$PWD/target/shown/vigie" \
	--verdict "$results" | tee target/shown/record.md

VIGIE_BINARY=$PWD/target/shown/vigie \
	cargo test --locked --release --test e2e -- --test-threads 1 --skip disks::
cargo test --locked --release --features fault-hooks --test e2e -- --test-threads 1 panics::
# The same cuts with the sync taken out by its hook.
if [ "$(id -u)" = 0 ]; then
	VIGIE_TEST_NO_SYNC=1 VIGIE_TEST_CUTS=5 cargo test --locked --release --package vigie-storage \
		--features fault-hooks --lib without_the_sync && verdict=pass || verdict=FAIL
	echo "3: with the sync taken out each of 5 power cuts loses more than 2 s … $verdict" | tee -a "$results"
fi
tests/shown/systemd.sh target/shown/vigie | tee -a "$results"
tests/shown/newcomer.sh | tee -a "$results"

echo
sort -n -s -t: -k1,1 "$results"
! grep -q 'FAIL$' "$results"
