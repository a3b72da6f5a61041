#!/bin/sh
# Line 10: the unit, installed as `make install` does it, on a fresh Debian 12 that is booted in
# systemd-nspawn. Prints one line for each figure on standard output, all else on standard
# error; ends with 1 where a figure fails. As root; takes about eight minutes.
#
#     tests/shown/systemd.sh [BINARY]
#
# The image is made once, target/shown/debian12.tar; remove it to have it made anew.
set -u
cd "$(dirname "$0")/../.."
binary=${1:-${CARGO_TARGET_DIR:-target}/release/vigie}
image=target/shown/debian12.tar
user=ann:correct-horse
password=battery-staple

for tool in mmdebstrap systemd-nspawn nsenter pgrep curl jq ffprobe; do
	command -v "$tool" >/dev/null || missing="${missing:-} $tool"
done
[ "$(id -u)" = 0 ] || missing="${missing:-} root"
if [ -n "${missing:-}" ]; then
	echo "10: left out, needs:$missing"
	exit 0
fi
test -x "$binary" || { echo "no $binary: run make build first" >&2; exit 1; }

mkdir -p target/shown
if ! test -e "$image"; then
	# What docs/install.md names for a machine that only runs it, without sound cards; -x has the
	# clock of the test picture.
	mmdebstrap --quiet --format=tar --variant=minbase --include=systemd,dbus,ca-certificates \
		--include=libgstrtspserver-1.0-0,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good \
		--include=gstreamer1.0-plugins-bad,gstreamer1.0-plugins-ugly,gstreamer1.0-libav,gstreamer1.0-x \
		bookworm "$image.part" >&2 || exit 1
	mv "$image.part" "$image"
fi
work=$(mktemp -d "$PWD/target/shown/systemd.XXXXXX")
root=$work/root
footage=$work/disk/footage
mkdir -p "$root" "$footage"
tar -xf "$image" -C "$root" --numeric-owner

# --- The machine --------------------------------------------------------------------------------

nspawn=
init=
power_off() {
	if [ -n "$nspawn" ]; then
		# SIGTERM asks the machine to shut down in order; a second one ends it at once.
		kill "$nspawn" 2>/dev/null
		await 40 gone "$nspawn" || kill "$nspawn" 2>/dev/null
		wait "$nspawn" 2>/dev/null
		nspawn=
	fi
}
clean_up() {
	power_off
	rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

gone() { ! kill -0 "$1" 2>/dev/null; }
# await SECONDS COMMAND…: until the command holds.
await() {
	until_then=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$until_then" ] || return 1
		sleep 0.3
	done
}

# inside COMMAND…: in the machine, as its root. The clock is the host's.
inside() {
	nsenter -t "$init" -m -u -i -n -p -- /usr/bin/env -i \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}
# on_its_network COMMAND…: a program of the host; the machine has a loopback of its own only.
on_its_network() { nsenter -t "$init" -n -- "$@"; }
property() { inside systemctl show --property "$1" --value vigie; }
is() { [ "$(property "$1")" = "$2" ]; }
as_vigie() {
	inside runuser -u vigie -- env CREDENTIALS_DIRECTORY=/etc/vigie/credentials vigie "$@" \
		--config /etc/vigie/vigie.toml
}
api() { on_its_network curl -sf --max-time 10 -u "$user" "http://127.0.0.1:8080/api/v1/$1"; }
journal() { inside journalctl --quiet --no-pager --output cat --unit vigie "$@"; }

boot() {
	# Neither systemd-machined nor a systemd of the host is needed.
	systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --private-network \
		--hostname recorder --bind "$work/disk:/srv/vigie/d1" --console=passive --boot \
		</dev/null >"$work/console" 2>&1 &
	nspawn=$!
	await 30 has_init && await 60 is_up
}
has_init() {
	init=$(pgrep -P "$nspawn" -x systemd) && inside test -S /run/systemd/private 2>/dev/null
}
is_up() { inside systemctl is-active --quiet multi-user.target; }

# --- Figures ------------------------------------------------------------------------------------

failed=0
seen=
started=1970-01-01T00:00:00Z
# figure TEXT COMMAND…: holds when the command does. What it saw, $seen, is added to the text.
figure() {
	text=$1
	shift
	seen=
	if "$@"; then
		verdict=pass
	else
		verdict=FAIL
		failed=1
		{
			echo "--- $text"
			inside systemctl status --no-pager --lines 0 vigie
			# With what tracing says beside the message: error, camera and the rest.
			inside journalctl --quiet --no-pager --unit vigie --lines 25 --output json | jq -c '
				with_entries(select(.key | test("^(MESSAGE|ERROR|CAMERA|STREAM|VOLUME|STATE|CAUSE|DETAIL)$")))'
			recordings lobby "$started" | jq -c '.gaps'
			echo "---"
		} >&2
	fi
	echo "10: $text${seen:+ ($seen)} … $verdict"
}

now() { date -u +%FT%T.%6NZ; }
# recordings CAMERA FROM
recordings() { api "recordings?camera=$1&stream=main&from=$2"; }
# covered CAMERA FROM SECONDS: so many seconds of footage since then, according to the index.
covered() {
	covered_s=$(recordings "$1" "$2" | jq --arg from "$2" '
		def s: sub("\\.(?<f>[0-9]+)Z$"; "Z") as $whole
			| ($whole | fromdate) + ((capture("\\.(?<f>[0-9]+)Z$").f // "0") | "0." + . | tonumber);
		[.segments[] | (.end | s) - ([(.start | s), ($from | s)] | max)] | add // 0 | floor') || return 1
	[ "${covered_s:-0}" -ge "$3" ]
}
# gap CAMERA FROM CAUSE: closed, with this cause; its length is left in $gap_s.
gap() {
	gap_s=$(recordings "$1" "$2" | jq -r --arg cause "$3" '
		def s: (sub("\\.[0-9]+Z$"; "Z") | fromdate);
		[.gaps[] | select(.cause == $cause and .end) | (.end | s) - (.start | s)] | max // empty') || return 1
	[ -n "$gap_s" ]
}
no_gap() { [ "$(recordings "$1" "$2" | jq '.gaps | length')" = 0 ]; }
bytes_of() { find "$footage/$1" -name '*.mp4' -printf '%s\n' 2>/dev/null | awk '{ sum += $1 } END { print sum + 0 }'; }
grown() { [ "$(bytes_of "$1")" -ge "$2" ]; }
# recording_goes_on: both test pictures grow on the disk by about ten seconds.
recording_goes_on() {
	for camera in lobby yard; do
		await 60 grown "$camera" "$(($(bytes_of "$camera") + 300000))" || return 1
	done
}
# whole: ffprobe of the host reads every file without complaint.
whole() {
	files=$(find "$footage" -name '*.mp4' | wc -l)
	complaints=$(find "$footage" -name '*.mp4' -exec ffprobe -v error -count_packets \
		-show_entries stream=nb_read_packets -of csv=p=0 {} \; 2>&1 | grep -vc '^[0-9]*$')
	seen="$files files"
	[ "$files" -gt 0 ] && [ "$complaints" = 0 ]
}
state_of() { api cameras | jq -r --arg id "$1" '.[] | select(.id == $id) | .streams.main.state'; }
live() { [ "$(state_of "$1")" = live ]; }

# --- Install ------------------------------------------------------------------------------------

make --no-print-directory install BINARY="$binary" DESTDIR="$root" PREFIX=/usr >&2 || exit 1
settings=$root/etc/vigie/vigie.toml
cat >"$settings" <<'CONFIG'
[server]
name = "Shown"

[[disk]]
id = "d1"
path = "/srv/vigie/d1/footage"
keep_free = "100 MiB"

[[camera]]
id = "lobby"
[camera.main]
url = "test://?width=640&height=360&fps=10&bitrate=400000"
[camera.record]
segment = "5s"

[[camera]]
id = "yard"
[camera.main]
url = "test://?width=640&height=360&fps=10&bitrate=400000&audio=true"
[camera.record]
segment = "5s"

# This recorder's own re-stream of lobby, which asks for a password.
[[camera]]
id = "echo"
username = "viewer"
password = "${ECHO_PASSWORD}"
[camera.main]
url = "rtsp://127.0.0.1:8554/lobby/main"
[camera.record]
segment = "5s"
CONFIG
mkdir -p "$root/etc/vigie/credentials" "$root/etc/systemd/system/vigie.service.d"
echo "$password" >"$root/etc/vigie/credentials/ECHO_PASSWORD"
cat >"$root/etc/systemd/system/vigie.service.d/credentials.conf" <<'DROP_IN'
[Service]
LoadCredential=ECHO_PASSWORD:/etc/vigie/credentials/ECHO_PASSWORD
DROP_IN

boot || { echo "10: the machine boots … FAIL"; cat "$work/console" >&2; exit 1; }
inside chown -R root:vigie /etc/vigie/credentials
inside chmod 0640 /etc/vigie/credentials/ECHO_PASSWORD
inside chown vigie:vigie /srv/vigie/d1/footage
echo "${user#*:}" | as_vigie user add --name "${user%:*}" --group administrator --password-stdin >&2
echo "$password" | as_vigie user add --name viewer --group ordinary --password-stdin >&2

# --- Ready --------------------------------------------------------------------------------------

ready() {
	inside systemctl enable --quiet --now vigie || return 1
	# `start` returned: no waiting from here.
	on_its_network curl -sf -o "$work/ready" http://127.0.0.1:8080/readyz || return 1
	seen="Type=$(property Type), $(inside systemctl is-active vigie), \"$(property StatusText)\""
	inside systemctl is-active --quiet vigie && is Type notify && is WatchdogUSec 20s &&
		is User vigie && property StatusText | grep -q '^HTTP on'
}
figure "started by systemd: ready is told, and then pages answer at once" ready

started=$(now)
records() { recording_goes_on && await 20 covered lobby "$started" 5 && await 20 covered yard "$started" 5; }
figure "records two test pictures below /srv/vigie as user vigie" records
[ "$failed" = 0 ] || exit 1

hidden() {
	await 30 live echo || return 1
	await 30 covered echo "$started" 5 || return 1
	# The same address without a password, and what other accounts see of the service.
	on_its_network ffprobe -v error -rtsp_transport tcp rtsp://127.0.0.1:8554/lobby/main 2>&1 |
		grep -q 401 || return 1
	! inside systemctl show vigie | grep -q "$password" && ! journal | grep -q "$password"
}
figure "a camera's password comes by LoadCredential; systemctl and the log do not show it" hidden

exposed() {
	level=$(inside systemd-analyze security --no-pager vigie | sed -n 's/.*exposure level for vigie.service: \([0-9.]*\).*/\1/p')
	seen=$level
	grep -qF "rates the unit **$level (" docs/operate.md
}
figure "systemd-analyze security says what docs/operate.md says" exposed

# --- A process that hangs -----------------------------------------------------------------------

restarted() { is NRestarts "$1" && is ActiveState active; }
hung() {
	pid=$(property MainPID)
	stopped=$(now)
	before=$(date +%s)
	inside kill -STOP "$pid"
	await 90 restarted 1 || return 1
	seen="active again after $(($(date +%s) - before)) s"
	journal --grep 'Watchdog timeout' >/dev/null || return 1
	[ "$(property MainPID)" != "$pid" ] || return 1
	recording_goes_on || return 1
	for camera in lobby yard; do
		await 20 gap "$camera" "$stopped" crash || return 1
		seen="$seen, $camera gap of $gap_s s, cause crash"
		covered "$camera" "$stopped" 5 || return 1
	done
}
figure "SIGSTOP: the watchdog kills and starts anew, footage goes on" hung
figure "every file is whole in ffprobe after the watchdog's kill" whole

# --- Stop ---------------------------------------------------------------------------------------

stopped_in_order() {
	stopped=$(now)
	before=$(date +%s%3N)
	inside systemctl stop vigie || return 1
	seen="in $(($(date +%s%3N) - before)) ms, exit $(property ExecMainStatus)"
	is Result success && is ExecMainCode 1 && is ExecMainStatus 0 && is ActiveState inactive
}
figure "systemctl stop ends it in order" stopped_in_order
figure "every file is whole in ffprobe after the stop" whole
shutdown_gap() {
	inside systemctl start vigie && recording_goes_on || return 1
	for camera in lobby yard; do
		await 20 gap "$camera" "$stopped" shutdown || return 1
		seen="${seen:+$seen, }$camera $gap_s s"
	done
}
figure "started again: the time between is a gap with cause shutdown" shutdown_gap

power_cycle() {
	off=$(now)
	power_off
	# A gap is more than a second, and the machine boots in less.
	sleep 3
	boot && await 30 is ActiveState active && recording_goes_on && await 20 gap lobby "$off" shutdown
}
figure "the machine shuts down and boots: enabled, records again, gap with cause shutdown" power_cycle

# --- A fault of the configuration, a port in use ------------------------------------------------

misconfigured() {
	cp -p "$settings" "$work/vigie.toml"
	inside systemctl stop vigie
	echo 'colour = "blue"' >>"$settings"
	inside systemctl start vigie 2>/dev/null && return 1
	# A unit that is going to be started again would be `activating (auto-restart)`.
	seen="$(property ActiveState), exit $(property ExecMainStatus), $(property NRestarts) restarts"
	is ActiveState failed && is ExecMainStatus 2 && is NRestarts 0 && journal --lines 20 | grep -q colour
}
figure "a fault of the configuration is named and not tried again" misconfigured
cat "$work/vigie.toml" >"$settings"

port_in_use() {
	# $$ is systemd's way to write $.
	inside systemd-run --quiet --unit taker perl -MIO::Socket::INET -e \
		'$$s = IO::Socket::INET->new(LocalAddr => "0.0.0.0:8080", Listen => 1, ReuseAddr => 1) or die; sleep 600'
	await 10 port_taken || return 1
	inside systemctl start vigie 2>/dev/null && return 1
	# While one more try is starting its status is 0.
	await 20 is NRestarts 2 && await 20 is ExecMainStatus 1
	tried=$?
	restarts=$(property NRestarts)
	inside systemctl stop taker
	seen="exit 1, $restarts restarts, active with the port"
	[ "$tried" = 0 ] && await 30 is ActiveState active
}
# curl ends with 7 where nobody listens.
port_taken() {
	on_its_network curl -s --max-time 1 http://127.0.0.1:8080/
	[ "$?" != 7 ]
}
figure "a port in use is tried again until it is free" port_in_use

# --- The state folder ---------------------------------------------------------------------------

segments() { recordings "$1" "$started" | jq '.segments | length'; }
accepted() { api cameras >/dev/null; }

fill() { inside sh -c 'yes >>/var/lib/vigie/ballast' 2>/dev/null; }
full() {
	inside systemctl stop vigie
	# The state moves to a file system of 8 MiB, mounted where the state folder is.
	inside sh -c 'mkdir /run/state && cp -a /var/lib/vigie/. /run/state/ &&
		mount -t tmpfs -o size=8m,mode=0700,uid=vigie,gid=vigie state /var/lib/vigie &&
		cp -a /run/state/. /var/lib/vigie/' || return 1
	inside systemctl start vigie && recording_goes_on || return 1
	pid=$(property MainPID)
	restarts=$(property NRestarts)
	fill
	filled=$(now)
	seen="$(inside df --output=avail -k /var/lib/vigie | tail -n 1 | tr -d ' ') KiB free"
	recording_goes_on && recording_goes_on || return 1
	is MainPID "$pid" && is NRestarts "$restarts" && is ActiveState active || return 1
	accepted && no_gap lobby "$filled" && no_gap yard "$filled"
}
figure "state folder filled to the brim while recording: no gap, the same process" full

full_start() {
	inside systemctl restart vigie && recording_goes_on && is ActiveState active && accepted
}
figure "started with a full state folder: active, records, accounts are there" full_start

room_again() {
	fill
	before=$(find "$footage/lobby" -name '*.mp4' | wc -l)
	inside rm /var/lib/vigie/ballast
	inside systemctl restart vigie && recording_goes_on || return 1
	await 30 all_rows "$before" && await 20 covered lobby "$filled" 30
}
all_rows() { [ "$(segments lobby)" -ge "$1" ]; }
figure "room again: the index has every segment of the time without" room_again

# garbage FOLDER…: the size of every file stays, none of its content.
garbage() {
	inside sh -c 'find "$@" -type f -size +0 -exec sh -c "head -c \$(stat -c %s \"\$1\") /dev/urandom >\"\$1.new\" &&
		cat \"\$1.new\" >\"\$1\" && rm \"\$1.new\"" sh {} \;' sh "$@"
}
corrupt_index() {
	before=$(segments lobby)
	inside systemctl stop vigie
	garbage /var/lib/vigie/index
	inside systemctl start vigie && recording_goes_on && is ActiveState active && accepted || return 1
	await 60 all_rows "$before" || return 1
	seen="$before segments before, $(segments lobby) after"
	inside systemctl stop vigie
	as_vigie index check >&2 && inside systemctl start vigie
}
figure "garbage in the index: records, accounts are there, rebuilt from the disk" corrupt_index

corrupt_state() {
	inside systemctl stop vigie
	garbage /var/lib/vigie
	inside systemctl start vigie && recording_goes_on && is ActiveState active || return 1
	# Accounts cannot be guessed from footage: they are added anew.
	echo "${user#*:}" | as_vigie user add --name "${user%:*}" --group administrator --password-stdin >&2
	accepted && await 60 all_rows "$(find "$footage/lobby" -name '*.mp4' | wc -l)"
	seen="$(segments lobby) segments in the index"
	[ "$(segments lobby)" -ge "$before" ]
}
figure "garbage in every file of the state folder: records all the same" corrupt_state

inside systemctl stop vigie
figure "every file is whole in ffprobe at the end" whole
exit "$failed"
