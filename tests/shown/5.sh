#!/bin/sh
# What the console must show, with full counts on the packaged program: one line for each figure,
# `number: figure … pass|FAIL`, collected in target/shown/5.txt. Takes about an hour and a half, and wants
# the machine for itself; `5.sh PART…` runs some parts alone.
list=5
. "$(dirname "$0")/list.sh"

# Real pages in Chromium: set-up, settings, wall, playback, languages, axe.
pages() {
	packaged
	e2e 1 packaged 1:first_day::an_owner_sets_up_a_recorder_on_a_desktop \
		1:first_day::an_owner_sets_up_a_recorder_on_a_phone \
		1:pages::the_live_wall_of_the_demo_in_chromium 1:pages::the_console_of_the_demo_in_chromium \
		1:pages::the_console_speaks_three_languages_in_chromium \
		8:pages::the_first_look_at_the_demo 8:pages::the_first_page_of_the_demo_in_chromium
}

# Four cameras on one clock, for five minutes.
playback() {
	packaged
	e2e 1 packaged 3:pages::playback_keeps_cameras_in_step_in_chromium
}

# 16 windows for half an hour, and what the recorder adds to a picture's way.
live() {
	packaged
	e2e 1 packaged 2:live_view::what_the_recorder_adds_to_a_live_picture 2:live_view::sixteen_windows_in_chromium
}

# Every route and role, and whoever means harm.
rights() {
	packaged
	named=yes
	e2e 1 packaged 4:rights::every_route_asks_every_role_for_the_right_it_needs \
		4:rights::who_is_kept_to_one_camera_neither_sees_lists_plays_restreams_nor_exports_another \
		4:rights::who_plays_by_rtsp_is_sent_away_with_the_right 6:rights::who_guesses_waits_and_who_knows_does_not \
		6:rights::a_session_is_never_one_that_somebody_else_chose 6:rights::only_our_own_pages_may_change_something \
		6:rights::nobody_gives_more_than_they_have 6:players::strangers_are_refused \
		6:tls::who_says_nothing_is_hung_up_on 6:tls::one_address_holds_so_many_connections \
		6:attacks::no_path_leads_out 6:attacks::what_is_too_large_is_refused_and_costs_nothing \
		6:attacks::a_body_without_an_end_holds_no_connection \
		6:attacks::markup_as_names_is_text_on_every_page_in_chromium
	named=
}

# 90 days of 16 cameras.
timeline() {
	cargo bench --locked --bench index -- --only timeline | tee "$log"
	sed -n 's/^| \(.*\) | \(.*\) | \(.*\) | .* | .* | \(≤ .*\): \(holds\|MISSED\) |$/7: \1: \3 \2, \4 … \5/p' "$log" |
		sed -e 's/holds$/pass/' -e 's/MISSED$/FAIL/' >>"$results"
	[ -s "$results" ] || echo "7: the benchmark did not end … FAIL" >>"$results"
}

# LINES WHAT COMMAND…: a script that prints as many results, at a demo.
at_demo() {
	lines=$1 what=$2
	shift 2
	packaged
	npm --prefix tests/lighthouse ci --no-audit --no-fund || exit 1
	folder=$(mktemp -d)
	target/shown/vigie demo --dir "$folder" >"$folder.out" &
	demo=$!
	until grep -q '^ready ' "$folder.out"; do sleep 1; done
	read -r _ url _ user _ password <"$folder.out"
	VIGIE_URL=$url VIGIE_USER=$user VIGIE_PASSWORD=$password "$@" | tee -a "$results"
	kill "$demo" && wait "$demo"
	rm -rf "$folder" "$folder.out"
	[ "$(wc -l <"$results")" = "$lines" ] || echo "$what did not end … FAIL" >>"$results"
}

lighthouse() {
	at_demo 4 "5: Lighthouse" node tests/lighthouse/pages.mjs / /playback
}

# Where it is installed.
firefox() {
	[ -x "${VIGIE_FIREFOX:-/usr/bin/firefox-esr}" ] || {
		echo "1: Firefox is not installed, so the pages were not looked at in it (apt-get install firefox-esr)"
		return
	}
	at_demo 3 "1: Firefox" node tests/lighthouse/firefox.mjs
	export VIGIE_BROWSER=firefox
	e2e 1 packaged 1:first_day::an_owner_sets_up_a_recorder_on_a_desktop \
		1:first_day::an_owner_sets_up_a_recorder_on_a_phone 8:pages::the_first_look_at_the_demo
	unset VIGIE_BROWSER
}

all="rights pages lighthouse firefox timeline playback live"
# shellcheck disable=SC2086 # a word each
parts "$all" ${*:-$all}
