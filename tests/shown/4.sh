#!/bin/sh
# What events and alarms must show, with full counts: one line for each figure,
# `number: figure … pass|FAIL`, collected in target/shown/4.txt. Each says in brackets which build it
# ran on: the packaged program, or one for tests (cargo feature `fault-hooks`), which alone sends Web
# Push to this machine and panics on demand. Takes about two hours; `4.sh PART…` runs some parts alone.
list=4
. "$(dirname "$0")/list.sh"

# SET OPTIONS…: the table of the benchmark against its bars.
detector() {
	set=$1
	shift
	cargo bench --locked --bench motion -- "$@" | tee "target/shown/4-motion-$set.md"
	awk -F' *[|] *' -v set="$set" '
		function line(text, holds) { print "5: motion, " set " set, " text " … " (holds ? "pass" : "FAIL"); lines++ }
		gsub(/[*][*]/, "", $2) {
			line($2 ": " $4 " events, recall " $8 " %, precision " $9 " %, by the detector alone told " $11 " s after it began at worst",
				$8 >= 95 && $9 >= 95 && $11 <= 0.5)
		}
		$4 == "0" { quiet++; alarms += $7; names = names " " ($2 == "vtest" ? $3 : $2) }
		/decoding and detection/ { line("CPU " $4 " x that of ffmpeg, which only decodes", $4 <= 2) }
		END {
			if (quiet) line(alarms " false alarms where nothing moves:" names, alarms == 0)
			if (lines != 4) line("the benchmark did not end", 0)
		}' "target/shown/4-motion-$set.md" >>"$results"
}

# One by one, for they are timed, or want the whole machine.
timed() {
	packaged
	e2e 1 packaged 1:chain::a_contact_does_all_that_its_rule_says \
		1:chain::a_buzzer_without_its_device_fails_and_says_why \
		1:snapshots::the_picture_is_that_of_the_events_moment \
		4:notify::a_storm_is_a_handful_of_mails \
		4:snapshots::a_storm_of_events_is_bounded_and_each_says_what_became_of_it \
		5:motion::what_moves_is_acted_on_in_time 6:motion_load::motion_gives_way_to_recording
}

# Hundreds of rounds, four tests at a time.
rounds() {
	packaged
	e2e 4 packaged 2:alarms::clips_begin_before_their_events \
		3:alarms::what_was_acknowledged_survives_kill_9 3:notify::what_was_acknowledged_is_told_over_kill_9 \
		3:mqtt::what_the_broker_gave_away_is_in_the_log_after_kill_9 \
		3:snapshots::a_kill_between_event_and_picture_costs_neither 4:notify::an_outage_is_two_mails \
		7:summer_time::schedules_go_by_the_clock_on_the_wall 7:causes::each_mode_marks_what_it_recorded

	first=$(($(wc -l <"$results") + 1))
	cargo test --locked --release --package vigie-actors --lib -- --nocapture \
		a_server_that_is_down_for_an_hour_gets_two_mails >"$log" && verdict=pass || verdict=FAIL
	figure=$(sed -n 's/^.*4: \(a mail server\)/\1/p' "$log" | tail -n 1)
	echo "4: ${figure:-the hour of a simulated clock} … $verdict" | tee -a "$results"
	built "$first" "actors alone"
}

motion() {
	detector tuning
	detector held-out --held-out
}

panics() {
	# The binary that cargo builds with the tests.
	unset VIGIE_BINARY
	e2e 1 "for tests" 1:chain::a_contact_does_all_that_its_rule_says \
		1:web_push::a_browser_opens_what_it_is_sent_and_one_that_is_gone_is_forgotten \
		8:alarm_panics::a_storm_loses_nothing_whatever_panics \
		8:alarm_panics::what_is_written_is_acted_on_by_the_next_registry
}

all="timed rounds motion panics"
# shellcheck disable=SC2086 # a word each
parts "$all" ${*:-$all}
